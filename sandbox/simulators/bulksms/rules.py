"""What the bulk platform's simulator holds against a message: who is reachable, which texts may go, what it costs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from switchboard.dialects.bulksms.submit import Submit, Type
from switchboard.model import segments
from switchboard.model.message import Encoding

INVALID_DESTINATION, NO_CREDIT, INVALID_CALL = "1706", "1725", "1702"
_CREDENTIALS, _SOURCE, _SPAM, _TEMPLATE = "1703", "1707", "1028", "1033"
_DO_NOT_DISTURB, _OPTED_OUT, _DUPLICATE = "1732", "1042", "1041"

SETTINGS: Mapping[str, Any] = {
    "username": None,
    "password": None,
    "senders": None,
    "credit": None,
    "dnd": [],
    "opted_out": [],
    "invalid": [],
    "spam": [],
    "templates": None,
    "duplicates": None,
    "codes": {},
    "words": {},
    "method": "POST",
}

_NUMBER = re.compile(r"[0-9]{7,15}")
_VARIABLE = re.compile(re.escape("{#var#}"))
_VALUE = r"[\s\S]{0,30}"  # what a placeholder of a registered template may stand for
_8_BIT = {Type.LATIN1, Type.LATIN1_FLASH}


def of_account(call: Submit, settings: Mapping[str, Any]) -> str | None:
    """The code of a call that the account may not make."""
    wanted = (settings["username"], settings["password"])
    pairs = zip(wanted, (call.username, call.password), strict=True)
    if any(setting is not None and str(setting) != said for setting, said in pairs):
        return _CREDENTIALS
    senders = settings["senders"]
    return _SOURCE if senders is not None and call.source not in map(str, senders) else None


def of_text(call: Submit, settings: Mapping[str, Any]) -> str | None:
    """The code of a text that may not go out."""
    if any(str(word).casefold() in call.text.casefold() for word in settings["spam"]):
        return _SPAM
    templates = settings["templates"]
    return _TEMPLATE if templates is not None and not _fits(call, templates) else None


def _fits(call: Submit, templates: Mapping[str, str] | Sequence[str]) -> bool:
    """Whether the text is one of the templates, or the one that the call names where they have ids."""
    wanted: Sequence[str] = templates if not isinstance(templates, Mapping) else list(templates.values())
    if isinstance(templates, Mapping) and call.template_id is not None:
        wanted = [templates[call.template_id]] if call.template_id in templates else []
    return any(
        re.fullmatch(_VALUE.join(re.escape(piece) for piece in _VARIABLE.split(template)), call.text)
        for template in wanted
    )


def of_destination(destination: str, settings: Mapping[str, Any]) -> str | None:
    """The code of a destination that nothing is sent to."""
    number = digits(destination)
    if not _NUMBER.fullmatch(number) or _listed(number, settings["invalid"]):
        return INVALID_DESTINATION
    if _listed(number, settings["dnd"]):
        return _DO_NOT_DISTURB
    if _listed(number, settings["opted_out"]):
        return _OPTED_OUT
    return by_number(settings["codes"]).get(number)


class Recent:
    """The messages that another is held against: its like, within some seconds, is a duplicate."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str, str], float] = {}

    def refused(self, call: Submit, destination: str, within: float | None, now: float) -> str | None:
        """The code of a duplicate; with None nothing is one."""
        before = self._at.get(_like(call, destination))
        return _DUPLICATE if within is not None and before is not None and now - before < within else None

    def note(self, call: Submit, destination: str, now: float) -> None:
        """Remembers a message that was taken."""
        self._at[_like(call, destination)] = now


def _like(call: Submit, destination: str) -> tuple[str, str, str]:
    return digits(destination), call.source, call.text


def digits(number: object) -> str:
    """A number as the vendor knows it: without its plus."""
    return str(number).lstrip("+")


def by_number(setting: Mapping[str, Any]) -> dict[str, str]:
    """A setting by number, each as the vendor knows it."""
    return {digits(number): str(value) for number, value in setting.items()}


def _listed(number: str, numbers: Sequence[object]) -> bool:
    return number in {digits(listed) for listed in numbers}


def parts(call: Submit) -> int:
    """What it costs: a text that its type cannot carry is coded anew, never refused (section 3.1)."""
    if call.type in _8_BIT and segments.is_latin1(call.text):
        return segments.count(call.text, Encoding.LATIN1).parts
    return segments.count(call.text, Encoding.UCS2 if call.type.in_hex else Encoding.AUTO).parts
