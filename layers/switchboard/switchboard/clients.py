"""The AWS clients, made on first use and shared by the rooms that each speak to one service."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config


@cache
def client(service: str) -> Any:
    """A boto3 client of one service. Retries are botocore's: every call we make may be repeated (design, section 1)."""
    # S3 alone would sign what callers are given by a scheme that newer regions do not know.
    signing: dict[str, Any] = {"signature_version": "s3v4"} if service == "s3" else {}
    return boto3.client(
        service, config=Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=50, **signing)
    )
