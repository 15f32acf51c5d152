"""Logs and metrics: one structured logger, one set of counters, and what must never be in a line of them."""

import gc
import logging
from collections.abc import Callable
from functools import cache, wraps
from traceback import extract_tb
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
"""Logs ids, counts and reasons; never a body, a key or an address."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

# At INFO httpx logs whole URLs, and a vendor's URL may hold the password, the number and the text; at DEBUG the
# others log headers and bodies (hpack is there where httpcore could speak HTTP/2).
for _name in ("httpx", "httpcore", "hpack", "botocore", "boto3", "s3transfer", "urllib3", "asyncio"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@cache
def _metrics() -> Metrics:
    """The process's counters; made on first use, because they read the environment."""
    return Metrics()


def collect_from_now_on() -> None:
    """Turn the garbage collector on, which was off while the process started; what stands by now is there to stay."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def failure(message: str, error: Exception, **keys: Any) -> None:
    """Log an error by its kind and place, never by its own words: they may quote a body."""
    logger.error(
        message,
        error=type(error).__name__,
        aws_error=getattr(error, "response", {}).get("Error", {}).get("Code"),
        where=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)[-8:]],
        **keys,
    )


def count(name: str, value: int = 1) -> None:
    """Count something; what was counted goes out as CloudWatch embedded metrics when the invocation ends."""
    _metrics().add_metric(name=name, unit=MetricUnit.Count, value=value)


def invocation(handler: Handler) -> Handler:
    """A handler whose log lines name the invocation and whose counters are written when it ends."""

    @wraps(handler)
    def observed(event: dict[str, Any], context: Any) -> dict[str, Any]:
        logger.append_keys(request_id=context.aws_request_id)
        try:
            return handler(event, context)
        finally:
            if _metrics().metric_set:
                _metrics().flush_metrics()
            collect_from_now_on()

    return observed
