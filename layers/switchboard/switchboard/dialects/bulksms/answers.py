"""The answer of `bulksms` and `schedulemsg`: codes, destinations and ids, as the vendor says and a client reads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from switchboard.dialects.bulksms.codes import CODES, SCHEDULED, meaning
from switchboard.dialects.wire import Response, Unreadable, text
from switchboard.model.problem import Problem


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an answer. `code` is "" where a piece of a list cannot be read; `destination` is as it was sent."""

    code: str
    destination: str | None = None
    message_id: str | None = None


Answer = tuple[Entry, ...]

NOT_APPLICABLE = "NA"
_LONGEST = 64  # characters of a destination that is echoed: no number is longer, and an answer must not be
_SPOILS_A_LIST = re.compile(r"[|,:\r\n]")
_ENTRY = re.compile(rf"(\d{{1,5}}|{SCHEDULED})(?:\|([^|]*))?(?:\|([^|]*))?", re.ASCII)


def encode_answer(answer: Answer) -> Response:
    """The vendor's answer: plain text, entries in request order on one line, 200 for errors too."""
    return text(",".join(_entry_text(entry) for entry in answer))


def _entry_text(entry: Entry) -> str:
    destination = entry.destination
    if destination is not None and (len(destination) > _LONGEST or _SPOILS_A_LIST.search(destination)):
        destination = NOT_APPLICABLE
    return "|".join(part for part in (entry.code, destination, entry.message_id) if part is not None)


def decode_answer(response: Response) -> Answer:
    """What the vendor said, in any of its forms, whatever the HTTP status. Raises `Unreadable`.

    A later piece that cannot be read is an entry without a code: what stands before it is still worth knowing.
    """
    try:
        body = response.body.decode().strip()
    except UnicodeDecodeError:
        raise Unreadable("an answer that is not text") from None
    entries = tuple(_read_entry(piece.strip()) for piece in re.split(r"[,\r\n]+", body))
    if not entries[0].code:
        raise Unreadable("an answer without a result code")
    if response.status != 200 and not any(entry.code in CODES or entry.destination for entry in entries):
        raise Unreadable("a result code that may be an HTTP status")
    return entries


def _read_entry(piece: str) -> Entry:
    match = _ENTRY.fullmatch(piece)
    if match is None:
        return Entry("")
    code, destination, message_id = match[1], match[2], match[3]
    if code == SCHEDULED:
        return Entry(code, None, destination or None)
    if destination and message_id is None and ":" in destination:
        destination, _, message_id = destination.partition(":")
    return Entry(code, destination or None, message_id or None)


class TurnedDown(Exception):
    """A request that reads well and is not one the vendor takes; `answer` is what the vendor says.

    `problems` say what is wrong, by the names of parameters.
    """

    def __init__(self, code: str, destinations: Sequence[str] = (), *problems: Problem) -> None:
        super().__init__(meaning(code).words)
        self.answer: Answer = whole_request(code, destinations)
        self.problems = problems


def whole_request(code: str, destinations: Sequence[str] = ()) -> Answer:
    """An error about the whole request: with the first destination, where there is one (section 3.2)."""
    return (Entry(code, destinations[0] if destinations else None),)
