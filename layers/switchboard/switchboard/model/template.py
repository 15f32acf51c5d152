"""Placeholders: `{{name}}` in a content's text, subject and HTML, filled in per recipient."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import escape

from switchboard.model.message import WORDING, Content, Wording

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")


def placeholders(content: Content) -> frozenset[str]:
    """The names that a content's text, subject and HTML ask for."""
    return frozenset(
        name for part in (content.text, content.subject, content.html) for name in _PLACEHOLDER.findall(part or "")
    )


def worded(content: Content, wording: Wording) -> Content:
    """The content in one of its wordings; a wording without a body leaves the content's own."""
    said = replace(content, campaign=wording.campaign, wordings=())
    return replace(said, text=wording.text, html=wording.html) if wording.text or wording.html else said


def own(content: Content, variables: Mapping[str, str]) -> Content:
    """The content in the wording of the recipient whose variables these are."""
    return worded(content, content.wordings[int(variables.get(WORDING, 0))]) if content.wordings else content


def render(content: Content, variables: Mapping[str, str]) -> Content:
    """The content for one recipient: its own `variables` win over the shared ones.

    Values that go into HTML are escaped. Every placeholder has a value: acceptance sees to that (KeyError otherwise).
    """
    content, values = own(content, variables), {**content.variables, **variables}

    def fill(part: str | None, html: bool = False) -> str | None:
        if part is None or content.literal or "{{" not in part:
            return part
        return _PLACEHOLDER.sub(lambda found: escape(values[found[1]]) if html else values[found[1]], part)

    return replace(
        content,
        text=fill(content.text),
        subject=fill(content.subject),
        html=fill(content.html, html=True),
        variables=values,
    )
