"""S3 as plain calls: forms for uploads, objects read piece by piece, copies, files written part by part."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from switchboard.clients import client as aws

OPEN_SECONDS = 3600  # how long a form may be used
_PIECE = 256 * 1024  # octets read at once
_GONE = {403, 404}  # without the right to list a bucket, S3 says 403 of what is not there
_CHANGED = 412


class Changed(Exception):
    """The object is not there, or not the version that was asked for."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where and with which fields a file may be sent, the file last; `expires_at` is epoch seconds."""

    url: str
    fields: Mapping[str, str]
    expires_at: float


def form(bucket: str, key: str, fields: Mapping[str, str], least: int, most: int) -> Form:
    """Let whoever has the form send one file of `least` to `most` octets."""
    conditions = [{name: value} for name, value in fields.items()] + [["content-length-range", least, most]]
    made = aws("s3").generate_presigned_post(
        bucket, key, Fields=dict(fields), Conditions=conditions, ExpiresIn=OPEN_SECONDS
    )
    return Form(made["url"], made["fields"], time.time() + OPEN_SECONDS)


def head(bucket: str, key: str) -> Mapping[str, Any] | None:
    """What is known of an object; None when it is not there."""
    try:
        answer: Mapping[str, Any] = aws("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if _status(error) in _GONE:
            return None
        raise
    return answer


def pieces(bucket: str, key: str, etag: str) -> Generator[bytes, None, None]:
    """One version of an object, piece by piece. Raises what AWS raises, also when it is another version by now."""
    body = aws("s3").get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"]
    try:
        yield from body.iter_chunks(_PIECE)
    finally:
        body.close()


def put(bucket: str, key: str, data: bytes, **about: Any) -> None:
    """Keep an object."""
    aws("s3").put_object(Bucket=bucket, Key=key, Body=data, **about)


def copy(bucket: str, source: str, etag: str, key: str) -> str:
    """Copy one version of an object within a bucket; the copy's version. Raises `Changed`."""
    where = {"Bucket": bucket, "Key": source}
    try:
        answer = aws("s3").copy_object(Bucket=bucket, Key=key, CopySource=where, CopySourceIfMatch=etag)
    except ClientError as error:
        if _status(error) in {*_GONE, _CHANGED}:
            raise Changed from None
        raise
    return str(answer["CopyObjectResult"]["ETag"])


def delete(bucket: str, key: str) -> None:
    """Delete an object, if it is there."""
    aws("s3").delete_object(Bucket=bucket, Key=key)


def link(bucket: str, key: str, name: str, content_type: str) -> str:
    """Where an object can be fetched for a while, under a name of our own."""
    wanted = {
        **{"Bucket": bucket, "Key": key, "ResponseContentType": content_type},
        "ResponseContentDisposition": f'attachment; filename="{name}"',
    }
    return str(aws("s3").generate_presigned_url("get_object", Params=wanted, ExpiresIn=OPEN_SECONDS))


def begin_parts(bucket: str, key: str, content_type: str) -> str:
    """Begin an object that is written in parts; the upload's id."""
    return str(aws("s3").create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)["UploadId"])


def put_part(bucket: str, key: str, upload: str, number: int, data: bytes) -> str:
    """One part, numbered from 1, of 5 MiB at least unless it is the last; its version."""
    part = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number, "Body": data}
    return str(aws("s3").upload_part(**part)["ETag"])


def end_parts(bucket: str, key: str, upload: str, parts: Sequence[str]) -> None:
    """Make the object of its parts' versions. One that stands already, of the same upload, is no mistake."""
    numbered = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, start=1)]
    where = {"Bucket": bucket, "Key": key}
    try:
        aws("s3").complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": numbered})
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload" or head(bucket, key) is None:
            raise


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
