"""Campaign files: tables as people really save them, read as a stream; `rows` reads a file, `phone` a cell of it."""

from switchboard.dialects.sheets.layout import (
    BODY,
    CAMPAIGN,
    DIALER_EMAIL,
    DIALER_SMS,
    FIRST,
    LAST,
    Flaw,
    Flawed,
    Layout,
    Row,
    Unusable,
)
from switchboard.dialects.sheets.numbers import phone
from switchboard.dialects.sheets.table import rows

__all__ = [
    "BODY",
    "CAMPAIGN",
    "DIALER_EMAIL",
    "DIALER_SMS",
    "FIRST",
    "LAST",
    "Flaw",
    "Flawed",
    "Layout",
    "Row",
    "Unusable",
    "phone",
    "rows",
]
