"""Cancel-or-send in the table: a number is canceled only while nobody has claimed it."""

from dataclasses import dataclass

from switchboard.model.chunk import parse_message_id
from switchboard.model.status import Status
from switchboard.tracking import chunks, life


@dataclass(frozen=True, slots=True)
class CancelResult:
    """Whether the message will not be sent, and where it stands now; `kept_by` is the provider that will send it."""

    canceled: bool
    status: Status
    kept_by: str | None = None


@dataclass(frozen=True, slots=True)
class CancelResults:
    """How many messages of a batch will not be sent, and how many were too far gone (or ended already)."""

    canceled: int
    kept: int


def cancel_message(client: str, id_: str) -> CancelResult | None:
    """Cancel one message, if nobody has claimed it. None when the client has no such message."""
    id_ = life.own_id(client, id_)
    parsed = parse_message_id(id_)
    if parsed is None:
        return None
    n = parsed[1]
    while found := life.read(client, id_):
        view = found[1]
        if n in view.header.skip:
            return CancelResult(True, view.status(n))
        if not view.cancelable(n):
            kept = found[0].content.provider_at is not None and view.status(n) is Status.SUBMITTED
            return CancelResult(False, view.status(n), view.last_provider(n) if kept else None)
        try:
            chunks.skip(view.header, [n])
        except chunks.Overtaken:
            continue  # a worker was quicker, perhaps only with other numbers: look again
        return CancelResult(True, Status.CANCELED)
    return None


def cancel_batch(client: str, id_: str) -> CancelResults | None:
    """Cancel what nobody has claimed of a batch. None when the client has no such batch."""
    if (sealed := life.own_batch(client, id_)) is None:
        return None
    canceled = 0
    for chunk in sealed.chunks:
        while view := chunks.read_chunk(chunk):
            open_numbers = [n for n in view.messages if view.cancelable(n)]
            try:
                after = chunks.skip(view.header, open_numbers) if open_numbers else view.header
            except chunks.Overtaken:
                continue
            canceled += len(after.skip)
            break
    return CancelResults(canceled, sum(sealed.sizes) - canceled)
