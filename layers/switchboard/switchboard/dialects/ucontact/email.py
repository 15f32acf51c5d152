"""E-mail sent at once: sendEmail (section 2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from switchboard.dialects.forms import json_object, scalar
from switchboard.dialects.ucontact.calls import (
    Authorization,
    Taken,
    TurnedDown,
    WrongParameters,
    compact,
    decode_authorization,
    in_session,
    json_answer,
    local_time,
    missing,
)
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, text
from switchboard.model.message import Invitation

SEND_EMAIL = "/IntegraChannels/resources/Forms/sendEmail"

WRONG, FAILED = TurnedDown("400"), TurnedDown("500")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEmail:
    """One e-mail. The vendor uses `template` and its `variables` only when there is no `body`.

    `attachments` are paths on the vendor's server; `schedule` is a calendar invitation.
    """

    to: str
    campaign: str | None = None
    subject: str | None = None
    body: str | None = None
    attachments: tuple[str, ...] = ()
    schedule: Invitation | None = None
    template: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    authorization: Authorization | None = None


_TEXTS = ("campaign", "to", "subject", "body", "template")
_SCHEDULE = {"title": "title", "organizer": "organizer", "from": "start", "to": "end"}
_ORDER = ("campaign", "to", "subject", "body", "attachments", "schedule", "template", "variables")  # of the page


def encode_send_email(call: SendEmail) -> Request:
    """The call's JSON; what is not said is left out."""
    said: dict[str, object] = {name: getattr(call, name) for name in _TEXTS}
    said |= {"attachments": list(call.attachments), "variables": dict(call.variables)}
    said["schedule"] = call.schedule and {name: getattr(call.schedule, ours) for name, ours in _SCHEDULE.items()}
    body = compact({name: said[name] for name in _ORDER if said[name]}).encode()
    request = Request(method="POST", path=SEND_EMAIL, headers=(("content-type", JSON),), body=body)
    return in_session(request, call.authorization)


def decode_send_email(request: Request) -> SendEmail:
    """Raises `Unreadable`, and `WrongParameters` for a missing recipient, no body and no template, or a wrong type."""
    said = json_object(request.body)
    texts = {name: _text(said.get(name), name) for name in _TEXTS}
    if not (texts["to"] or "").strip():
        raise missing(("to",))
    if not (texts["body"] or texts["template"] or "").strip():
        raise WrongParameters("a body or a template is needed", "body", "template")
    to = texts.pop("to") or ""
    return SendEmail(
        to=to,
        **texts,
        attachments=tuple(_text(item, "attachments") or "" for item in _items(said.get("attachments"))),
        schedule=_invitation(_members(said.get("schedule"), "schedule")),
        variables={
            scalar(name) or "": _text(item, "variables") or ""
            for name, item in _members(said.get("variables"), "variables").items()
        },
        authorization=decode_authorization(request),
    )


def _text(value: object, name: str) -> str | None:
    found = scalar(value)
    if value is not None and found is None:
        raise WrongParameters("a text is wanted", name)
    return found or None


def _items(value: object) -> list[object]:
    if not isinstance(value, list | None):
        raise WrongParameters("a list is wanted", "attachments")
    return value or []


def _members(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict | None):
        raise WrongParameters("an object is wanted", name)
    return value or {}


def _invitation(said: dict[str, object]) -> Invitation | None:
    """The calendar's event; its times are local, where they are said. An object without members is none."""
    if not said:
        return None
    texts = {name: _text(said.get(name), f"schedule.{name}") or "" for name in _SCHEDULE}
    if not any(texts.values()):
        raise WrongParameters("title, organizer, from and to are its members", "schedule")
    for name in ("from", "to"):
        if texts[name] and not _is_local_time(texts[name]):
            raise WrongParameters("not YYYY-MM-DD hh:mm:ss", f"schedule.{name}")
    return Invitation(**{ours: texts[name] for name, ours in _SCHEDULE.items()})


def _is_local_time(said: str) -> bool:
    try:
        return bool(local_time(said))
    except ValueError:
        return False


_WORDS = {WRONG.word: "Wrong parameters", FAILED.word: "Server error"}


def encode_send_email_answer(answer: Taken | TurnedDown) -> Response:
    """200 with the guid; 400, or 500, with the page's words for it."""
    if isinstance(answer, Taken):
        return json_answer({"guid": answer.id})
    return text(_WORDS[answer.word], int(answer.word))


def decode_send_email_answer(response: Response) -> Taken | TurnedDown:
    """A guid is a yes, whatever the status; without one 400 and 500 are a no. Raises `Unreadable` for all else."""
    try:
        guid = scalar(json_object(response.body).get("guid"))
    except Unreadable:
        guid = None
    if guid:
        return Taken(guid)
    if str(response.status) in _WORDS:
        return TurnedDown(str(response.status))
    raise Unreadable("an answer without a guid")
