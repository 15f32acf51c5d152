"""Files that callers upload for their deals, and that are read from there piece by piece."""

import hashlib
import re
import secrets
from base64 import b32encode
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from switchboard import files
from switchboard.dialects.unified_deals import MAX_QUOTED
from switchboard.model.deal import File
from switchboard.model.problem import Problem, Refused
from switchboard.settings import settings

if TYPE_CHECKING:  # of the vendors' doors, which most functions do not load
    from switchboard.dialects.door import Inline

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_CALLS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="upload")  # a request may name 2,000 files
_NAME = "name"  # in the object's metadata, percent-encoded: metadata is ASCII


@dataclass(frozen=True, slots=True)
class Upload:
    """Where and with which form fields a caller may send one file; `expires_at` is epoch seconds."""

    id: str
    url: str
    fields: Mapping[str, str]
    expires_at: float


def begin(client: str, name: str, content_type: str, size: int) -> Upload:
    """Let a client send one file of exactly `size` octets."""
    id_ = b32encode(secrets.token_bytes(15)).decode().lower()
    fields = {"Content-Type": content_type, f"x-amz-meta-{_NAME}": quote(name)}
    form = files.form(settings().uploads_bucket, _key(client, id_), fields, size, size)
    return Upload(id_, form.url, form.fields, form.expires_at)


def store_all(client: str, files: "Sequence[Inline]") -> tuple[str, ...]:
    """Keep files that came with a call, at once; their ids. Raises as `store` does."""
    return tuple(_CALLS.map(lambda file: store(client, file.name, file.content_type, file.data), files))


def store(client: str, name: str, content_type: str, data: bytes) -> str:
    """Keep a file that came with a call; its id, the same for the same file, so that a repeat is the same request.

    Raises `Refused` for a name that S3 would not keep.
    """
    quoted = quote(name, errors="replace")
    if len(quoted) > MAX_QUOTED:
        raise Refused(Problem("attachments", f"has a file name of more than {MAX_QUOTED} characters, percent-encoded"))
    told = b"\0".join((name.encode("utf-8", "replace"), content_type.encode("utf-8", "replace"), data))
    id_ = b32encode(hashlib.sha256(told).digest()[:15]).decode().lower()
    kind = content_type if _TYPE.fullmatch(content_type) else "application/octet-stream"
    about = {"ContentType": kind, "Metadata": {_NAME: quoted}}
    files.put(settings().uploads_bucket, _key(client, id_), data, **about)
    return id_


def resolve(client: str, ids: Sequence[str]) -> tuple[File, ...]:
    """The files of a client's uploads, asked for at once. Raises `Refused` with the place of every one not there."""
    found = list(_CALLS.map(lambda id_: _head(client, id_), ids))
    missing = [place for place, file in enumerate(found) if file is None]
    if missing:
        raise Refused(*(Problem(f"attachments.{place}", "there is no such upload (any more)") for place in missing))
    return tuple(file for file in found if file)


def read(client: str, file: File) -> Iterator[bytes]:
    """A file piece by piece. Raises what AWS raises, also when it is not the content that was resolved."""
    yield from files.pieces(settings().uploads_bucket, _key(client, file.id), file.etag)


def _head(client: str, id_: str) -> File | None:
    head = files.head(settings().uploads_bucket, _key(client, id_))
    if head is None:
        return None
    return File(
        id=id_,
        name=unquote(head["Metadata"].get(_NAME, id_)),
        content_type=head["ContentType"],
        size=int(head["ContentLength"]),
        etag=head["ETag"],
    )


def _key(client: str, id_: str) -> str:
    return f"{client}/{id_}"
