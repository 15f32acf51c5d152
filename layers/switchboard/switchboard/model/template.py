"""Placeholders: `{{name}}` in a content's text, subject and HTML, filled in per recipient."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import escape

from switchboard.model.message import Content

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")


def placeholders(content: Content) -> frozenset[str]:
    """The names that a content's text, subject and HTML ask for."""
    return frozenset(
        name for part in (content.text, content.subject, content.html) for name in _PLACEHOLDER.findall(part or "")
    )


def render(content: Content, variables: Mapping[str, str]) -> Content:
    """The content for one recipient: its own `variables` win over the shared ones.

    Values that go into HTML are escaped. Every placeholder has a value: acceptance sees to that (KeyError otherwise).
    """
    values = {**content.variables, **variables}

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
