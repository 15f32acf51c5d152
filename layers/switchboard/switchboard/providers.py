"""Carries a dialect's request to its provider over httpx and says what the answer, or the lack of one, means."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from switchboard import credentials, tracking
from switchboard.dialects.dialect import Account, Dialect, Session
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.receipt import MAX_ID
from switchboard.observe import failure
from switchboard.settings import settings

if TYPE_CHECKING:  # who sends messages does not wait for these to load
    from switchboard.dialects.crm import Sending
    from switchboard.model.deal import File

Said = TypeVar("Said")
"""What an answer says, as the dialect reads it."""

_ANSWER_LIMIT = 1_000_000  # octets of an answer that are read; the longest real one is about 10 kB
_CONNECT_SECONDS = 5.0
_MAX_WORDS = 500  # characters of a vendor's code and words that are kept
CONNECTIONS = 400  # calls at once in a process, well below Lambda's 1,024 threads and descriptors

# Proof that nothing left: the exception comes before a byte of the request is on its way (httpx's exception tree).
NOTHING_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
)

# What a status means where the body says nothing (design's "What an answer means"); other 4xx are a no for good.
_BY_STATUS = {
    **dict.fromkeys((401, 403, 429), Verdict.RETRYABLE),
    **dict.fromkeys((408, 425), Verdict.UNCONFIRMED),
}


def submit(dialect: Dialect, group: Sequence[Outbound]) -> tuple[Outcome, ...]:
    """Submit messages in one call; one outcome each, in order. Never raises, so that no other call's outcome is lost.

    A provider with sessions gets the stored token; when it refuses that (401 or 403: nothing was taken) there is one
    login and one repetition of the call.
    """
    try:
        account = credentials.account(dialect.name)
        dialect = dialect.spoken_with(account)
    except Exception as error:  # the call's edge: whatever is wrong with the account, nothing has left yet
        failure("a provider's account could not be read", error, provider=dialect.name)
        return (_unsent("account", "the provider's account could not be read"),) * len(group)
    try:
        return tuple(map(_bounded, _submit(dialect, group, account)))
    except (BotoCoreError, ClientError) as error:  # AWS is asked for the session before anything leaves
        return (_unsent(type(error).__name__, "AWS did not give the provider's session"),) * len(group)
    except Exception as error:  # the call's edge: it may have left, and the other calls' outcomes must be recorded
        failure("a call to a provider failed", error, provider=dialect.name)
        outcome = Outcome(verdict=Verdict.UNCONFIRMED, code="internal", detail="the answer could not be dealt with")
        return (outcome,) * len(group)


def ask(
    dialect: Dialect,
    write: "Callable[[Account], Sending]",
    read: Callable[[Response], Said],
    contents: "Callable[[File], Iterable[bytes]]",
    upload_seconds: float = 0.0,
) -> Said | Outcome:
    """One call that is no message, and what its answer says; an outcome where it says nothing or there is none.

    `contents` gives the files of a body that is too large to hold; sending them may take `upload_seconds`.
    """
    try:
        account = credentials.account(dialect.name)
    except (KeyError, BotoCoreError, ClientError, ValueError) as error:
        failure("a provider's account could not be read", error, provider=dialect.name)
        return _unsent(type(error).__name__, "the provider's account could not be read")
    try:
        sending = write(account)
    except KeyError as missing:
        return _unsent("unconfigured", f"the provider secret of {dialect.name} lacks {missing}")
    except ValueError as error:  # the same words never come to a call
        failure("a call could not be written", error, provider=dialect.name)
        return Outcome(verdict=Verdict.REJECTED, code=type(error).__name__, detail="the call could not be written")
    body = _pieces(sending, contents, time.monotonic() + upload_seconds) if sending.pieces else None
    answer = _exchange(dialect, sending.request, body, upload_seconds)
    if isinstance(answer, Outcome):
        return answer
    try:
        return read(answer)
    except Unreadable as unreadable:
        return by_status(answer, str(unreadable))


def _pieces(sending: "Sending", contents: "Callable[[File], Iterable[bytes]]", deadline: float) -> Iterator[bytes]:
    """The body piece by piece; what goes wrong on our side while it leaves is a body that was cut short."""
    try:
        for piece in sending.pieces:
            for part in (piece,) if isinstance(piece, bytes) else contents(piece):
                if time.monotonic() > deadline:
                    raise httpx.WriteTimeout("the files take too long")
                yield part
    except (BotoCoreError, ClientError, OSError) as error:
        raise httpx.WriteError("a file could not be read to its end") from error


def _unsent(code: str, detail: str) -> Outcome:
    return Outcome(verdict=Verdict.RETRYABLE, code=code, detail=detail)


def _bounded(outcome: Outcome) -> Outcome:
    """An outcome that the table can hold, whatever the vendor wrote; an id that is no key is no id."""
    vendor_id = outcome.vendor_id if len((outcome.vendor_id or "").encode()) <= MAX_ID else None
    code, detail = (text[:_MAX_WORDS] if text else None for text in (outcome.code, outcome.detail))
    facts = {name: fact[:_MAX_WORDS] for name, fact in outcome.facts.items()}
    return replace(outcome, vendor_id=vendor_id or None, code=code, detail=detail, facts=facts)


def _submit(dialect: Dialect, group: Sequence[Outbound], account: Account) -> tuple[Outcome, ...]:
    if dialect.session is None:
        return _carry(dialect, group, account)
    token = tracking.get_session(dialect.name)
    if token is not None:
        answer = _call(dialect, lambda: dialect.submit(group, {**account, "token": token}))
        if not isinstance(answer, Response) or answer.status not in {401, 403}:
            return _judge(dialect, group, answer)
    fresh = _login(dialect, dialect.session, account)
    if isinstance(fresh, Outcome):
        return (fresh,) * len(group)
    return _carry(dialect, group, {**account, "token": fresh})


def _carry(dialect: Dialect, group: Sequence[Outbound], account: Account) -> tuple[Outcome, ...]:
    return _judge(dialect, group, _call(dialect, lambda: dialect.submit(group, account)))


def _judge(dialect: Dialect, group: Sequence[Outbound], answer: Response | Outcome) -> tuple[Outcome, ...]:
    """A readable body wins over the status; where neither says anything, the status table does."""
    if isinstance(answer, Outcome):
        return (answer,) * len(group)
    try:
        return dialect.outcomes(group, answer)
    except Unreadable as unreadable:
        return (by_status(answer, str(unreadable)),) * len(group)


def _login(dialect: Dialect, session: Session, account: Account) -> str | Outcome:
    """A new session's token, stored for all workers; an outcome where there is none. Nothing was taken either way."""
    answer = _call(dialect, lambda: session.login(account))
    try:
        token = session.token(answer) if isinstance(answer, Response) else None
    except Unreadable:
        token = None
    if token is None:
        return Outcome(verdict=Verdict.RETRYABLE, code="login", detail="the login did not give a session")
    tracking.put_session(dialect.name, token)
    return token


def by_status(response: Response, why: str) -> Outcome:
    """What an answer means whose body is not the vendor's dialect."""
    status = response.status
    verdict = _BY_STATUS.get(status, Verdict.REJECTED if 400 <= status < 500 else Verdict.UNCONFIRMED)
    return Outcome(
        verdict=verdict,
        code=f"HTTP {status}",
        detail=why,
        concern=Concern.ACCOUNT,
        retry_after=response.retry_after if verdict is Verdict.RETRYABLE else None,
    )


def by_exception(error: httpx.HTTPError | httpx.InvalidURL | httpx.StreamError) -> Outcome:
    """What an exception of httpx means: proof that nothing left, or a doubt."""
    verdict = Verdict.RETRYABLE if isinstance(error, NOTHING_LEFT) else Verdict.UNCONFIRMED
    return Outcome(verdict=verdict, code=type(error).__name__, detail=_MEANING[verdict])


_MEANING: Mapping[Verdict, str] = {
    Verdict.RETRYABLE: "no connection to the provider: nothing was sent",
    Verdict.UNCONFIRMED: "the request left and no whole answer came back",
}


def _call(dialect: Dialect, write: Callable[[], Request]) -> Response | Outcome:
    """Write a request and carry it; a credential that the provider secret lacks means that nothing was sent."""
    try:
        request = write()
    except KeyError as missing:
        detail = f"the provider secret of {dialect.name} lacks {missing}"
        return Outcome(verdict=Verdict.RETRYABLE, code="unconfigured", detail=detail)
    return _exchange(dialect, request)


def _exchange(
    dialect: Dialect, request: Request, body: Iterable[bytes] | None = None, upload_seconds: float = 0.0
) -> Response | Outcome:
    """One request and its answer, within the provider's time and the answer's limit; a `body` takes time of its own."""
    deadline = time.monotonic() + settings().provider_timeout + upload_seconds
    try:
        url = httpx.URL(settings().urls[dialect.name] + request.path, query=request.query or None)
        with _http().stream(
            request.method, url, headers=request.headers, content=body or request.body or None
        ) as answer:
            said = b""
            for part in answer.iter_bytes():
                said += part
                # httpx's timeouts are per read: a provider that trickles would hold a worker beyond its lease.
                if len(said) > _ANSWER_LIMIT or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer is too long or too slow")
            headers = tuple((name.lower(), value) for name, value in answer.headers.items())
            return Response(status=answer.status_code, headers=headers, body=said)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        return by_exception(error)


@cache
def _http() -> httpx.Client:
    """One client for the process; redirects are answers like any other.

    Every call has a connection of its own: on a kept one that the provider closes just then, nobody can say whether the
    request was taken, and a doubt costs more than a handshake.
    """
    timeout = httpx.Timeout(settings().provider_timeout, connect=_CONNECT_SECONDS)
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
    return httpx.Client(timeout=timeout, limits=limits, follow_redirects=False, trust_env=False)
