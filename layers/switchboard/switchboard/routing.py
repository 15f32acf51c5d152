"""Which providers may take a message, and in which order: pure rules over the routes of the deployment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from switchboard.dialects.registry import DIALECTS
from switchboard.model.message import Channel, Content
from switchboard.model.problem import Problem, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One rule: messages of `channel` to addresses with `prefix`, from a sender that `sender` fully matches (a regular
    expression, None for any), go to the first of `providers` that can carry them, the rest in reserve."""

    channel: Channel
    providers: tuple[str, ...]
    prefix: str = ""
    sender: str | None = None

    @classmethod
    def parse(cls, rule: Mapping[str, Any]) -> "Route":
        """A rule of the `Routes` parameter: `channel`, `providers`, optional `prefix` and `from`. Raises ValueError."""
        unknown = [name for name in rule["providers"] if name not in DIALECTS] or (
            rule.keys() - {"channel", "providers", "prefix", "from"}
        )
        if unknown or not rule["providers"]:
            raise ValueError(f"route {rule}: unknown or missing names {sorted(unknown)}")
        return cls(
            channel=Channel(rule["channel"]),
            providers=tuple(rule["providers"]),
            prefix=rule.get("prefix", ""),
            sender=rule.get("from"),
        )

    def covers(self, content: Content, to: str) -> bool:
        """Whether this rule speaks of such a message."""
        return (
            content.channel is self.channel
            and to.startswith(self.prefix)
            and (self.sender is None or re.fullmatch(self.sender, content.sender or "") is not None)
        )


def route(routes: Sequence[Route], content: Content, to: str, provider: str | None) -> tuple[str, ...]:
    """The providers for one message, first choice first: `provider` alone if the caller named one, else those of the
    first rule that covers it, less whoever cannot carry the content; or the only one that can. Raises `Refused`."""
    if provider is not None:
        return _named(content, provider)
    rule = next((rule for rule in routes if rule.covers(content, to)), None)
    if rule is None:
        raise Refused(Problem("to", f"no route takes {content.channel.value} to this address"))
    able = tuple(name for name in rule.providers if not _refusals(content, name))
    # What one provider alone can carry goes to that one, whether or not the rule thought of it.
    others = () if able else tuple(name for name in DIALECTS if not _refusals(content, name))
    if not able and len(others) != 1:
        raise Refused(*(problem for name in rule.providers for problem in _refusals(content, name)))
    return able or others


def _named(content: Content, provider: str) -> tuple[str, ...]:
    if provider not in DIALECTS:
        raise Refused(Problem("provider", f"is none of {', '.join(DIALECTS)}"))
    if problems := _refusals(content, provider):
        raise Refused(*problems)
    return (provider,)


def _refusals(content: Content, provider: str) -> tuple[Problem, ...]:
    """What `provider` cannot carry: what its dialect says, and options meant for another provider."""
    foreign = tuple(
        Problem(name, f"is an option of {name}; {provider} cannot carry it")
        for name in content.options
        if name != provider
    )
    dialect = DIALECTS[provider]
    if content.channel not in dialect.channels:
        return (Problem("provider", f"{provider} does not carry {content.channel.value}"),)
    return dialect.refuses(content) + foreign
