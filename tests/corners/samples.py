"""What the tables of corners are made of: a call with its functions, and samples as files beside what they say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from switchboard.dialects.wire import Request, Response

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
REQUEST, ANSWER = ".request", ".answer"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A file below its call's folder, and the typed value that it says, or the exception that reading it raises.

    With `exact`, writing `says` gives these very bytes: method, path, query, media type and body of a request, status
    and body of an answer.
    """

    file: str
    says: Any
    exact: bool = True

    @property
    def is_request(self) -> bool:
        """Whether it is a request; else it is an answer."""
        return self.file.endswith(REQUEST)

    @property
    def is_read(self) -> bool:
        """Whether it reads as a value; else reading raises."""
        return not isinstance(self.says, Exception)

    @property
    def is_written(self) -> bool:
        """Whether it is what we write."""
        return self.exact and self.is_read


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: its four functions, what they may raise, any valid values for round trips, and its samples."""

    vendor: str
    name: str
    encode: Callable[[Any], Request]
    decode: Callable[[Request], Any]
    encode_answer: Callable[[Any], Response]
    decode_answer: Callable[[Response], Any]
    requests: SearchStrategy[Any]
    answers: SearchStrategy[Any]
    typed: tuple[type[Exception], ...]
    samples: tuple[Sample, ...]

    @property
    def corners(self) -> dict[str, int]:
        """How many samples it has in each of the four: a refusal that is read counts, for the reader says it."""
        requests = [sample for sample in self.samples if sample.is_request]
        answers = [sample for sample in self.samples if not sample.is_request]
        return {
            "request written": sum(sample.is_written for sample in requests),
            "request read": len(requests),
            "answer written": sum(sample.is_written for sample in answers),
            "answer read": len(answers),
        }

    @property
    def folder(self) -> Path:
        """Where its samples and its transcribed tables are."""
        return SAMPLES / self.vendor / self.name

    def request(self, sample: Sample) -> Request:
        """A sample's bytes."""
        return load_request(self.folder / sample.file)

    def answer(self, sample: Sample) -> Response:
        """A sample's bytes."""
        return load_answer(self.folder / sample.file)


def load_request(path: Path) -> Request:
    """A request from its file: `GET /path?query`, header lines, an empty line, and the body to the end."""
    first, headers, body = _message(path)
    method, _, target = first.partition(b" ")
    location, _, query = target.partition(b"?")
    if not method.isalpha() or not location.startswith(b"/"):
        raise ValueError(f"{path}: the first line of a request is `GET /path?query`")
    return Request(method=method.decode(), path=location.decode(), query=query, headers=headers, body=body)


def load_answer(path: Path) -> Response:
    """An answer from its file: the bare status, header lines, an empty line, and the body to the end."""
    first, headers, body = _message(path)
    if not first.isdigit():
        raise ValueError(f"{path}: the first line of an answer is its status")
    return Response(status=int(first), headers=headers, body=body)


def _message(path: Path) -> tuple[bytes, tuple[tuple[str, str], ...], bytes]:
    first, _, rest = path.read_bytes().partition(b"\n")
    headers = []
    while rest:
        line, _, rest = rest.partition(b"\n")
        if not line.strip():
            break
        name, colon, value = line.decode().partition(":")
        if not colon or name != name.strip().lower():
            raise ValueError(f"{path}: a header line is `name: value`, its name in lower case")
        headers.append((name, value.strip()))
    return first.strip(), tuple(headers), rest


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a document's parameter table: `carried` as an attribute of the typed value, or refused for a reason."""

    name: str
    required: str
    default: str
    carried: bool
    where: str


def parameters(path: Path) -> Iterator[Row]:
    """A document's parameter table in its order, from its file: five columns between tabs."""
    for line in path.read_text("utf-8").splitlines():
        columns = line.split("\t")
        if len(columns) != 5 or columns[3] not in {"carried", "refused"}:
            raise ValueError(f"{path}: {line!r} is not name, R|O|-, default, carried|refused and where or why")
        name, required, default, kind, where = (column.strip() for column in columns)
        yield Row(name=name, required=required, default=default, carried=kind == "carried", where=where)
