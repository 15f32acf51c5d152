"""What an answer or an exception means: a message is sent again only on proof that nothing was taken."""

from collections.abc import Iterator

import httpx
import pytest

from switchboard import providers
from switchboard.dialects.wire import Response
from switchboard.model.outcome import Verdict

PROOF = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "LocalProtocolError"}


def concrete(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Every exception of httpx's tree that something raises."""
    below = kind.__subclasses__()
    if not below:
        yield kind
    for child in below:
        yield from concrete(child)


def made(kind: type[Exception]) -> Exception:
    request = httpx.Request("GET", "http://localhost")
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("", request=request, response=httpx.Response(500))
    try:
        return kind("")
    except TypeError:
        return kind()


@pytest.mark.parametrize("kind", [*concrete(httpx.HTTPError), *concrete(httpx.StreamError), httpx.InvalidURL])
def test_every_exception_of_httpx_is_proof_or_a_doubt(kind: type[httpx.HTTPError]) -> None:
    proof = kind.__name__ in PROOF | {"InvalidURL"}
    outcome = providers.by_exception(made(kind))  # type: ignore[arg-type]
    assert outcome.verdict is (Verdict.RETRYABLE if proof else Verdict.UNCONFIRMED)


def test_the_proofs_are_all_there() -> None:
    assert {kind.__name__ for kind in concrete(httpx.HTTPError)} > PROOF


@pytest.mark.parametrize("status", range(200, 600))
def test_every_http_status_without_a_readable_body(status: int) -> None:
    if status in {401, 403, 429}:
        expected = Verdict.RETRYABLE
    elif status in {408, 425} or not 400 <= status < 500:
        expected = Verdict.UNCONFIRMED
    else:
        expected = Verdict.REJECTED
    assert providers.by_status(Response(status=status), "why").verdict is expected


@pytest.mark.parametrize(("value", "seconds"), [("17", 17.0), ("0", 0.0), ("-1", None), ("soon", None), ("١", None)])
def test_retry_after_is_honoured_where_something_is_retried(value: str, seconds: float | None) -> None:
    headers = (("retry-after", value),)
    assert providers.by_status(Response(status=429, headers=headers), "").retry_after == seconds
    assert providers.by_status(Response(status=503, headers=headers), "").retry_after is None
