"""The words of campaign files: where in a file is what, what a row of it says, and what is wrong with one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from switchboard.dialects.forms import json_object, scalar
from switchboard.dialects.wire import Unreadable

FIRST, LAST = 1, 9999
"""The highest and the lowest priority."""
SHOWN = 40
"""How many characters of a wrong value are repeated."""

_PRIORITY = re.compile(r"0{0,4}([1-9][0-9]{0,3})")


# --- layouts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Lines without quoting and without a header: always the same `columns`, and what is over belongs to `rest`.

    A line that names the columns themselves is no row.
    """

    columns: tuple[str, ...]
    rest: str
    optional: tuple[str, ...] = ()
    separator: str = ";"

    @property
    def legend(self) -> str:
        """The line that some print above or below the rows, in lower case."""
        return self.separator.join(self.columns)

    def split(self, line: str) -> list[str]:
        """The cells of a line, as written. Raises ValueError where there are too few."""
        ahead = self.columns.index(self.rest)
        behind = len(self.columns) - ahead - 1
        *first, remainder = line.split(self.separator, ahead)
        rest, *last = remainder.rsplit(self.separator, behind)
        if len(first) < ahead or len(last) < behind:
            raise ValueError(f"fewer than {len(self.columns)} fields")
        return [*first, rest, *last]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where in the file is what: header names, or positions from 1 for a file without a header.

    One name is enough to say that there is a header; positions may stand beside it. `variables` maps a placeholder's
    name to its column; a column that nothing names is a variable by its header where that can be a placeholder's name,
    unless two are called so. The columns that are named here have to be there, and what a spreadsheet broke in them is
    a flaw; in the others it is nobody's business. So name every column that the message uses. `pairs` is the position
    of a cell that holds `"name":"value","name":"value"`: variables of this row.
    """

    to: str | int
    reference: str | int | None = None
    priority: str | int | None = None
    variables: Mapping[str, str | int] = field(default_factory=dict)
    pairs: int | None = None
    plain: Plain | None = None

    @property
    def named(self) -> dict[str, str | int]:
        """Every column that is asked for, by the field that asks."""
        fixed = {"to": self.to, "reference": self.reference, "priority": self.priority, "pairs": self.pairs}
        asked = {f"columns.{field}": column for field, column in fixed.items() if column is not None}
        return asked | {f"columns.variables.{name}": column for name, column in self.variables.items()}

    @property
    def headed(self) -> bool:
        """Whether the file has a header."""
        return any(isinstance(column, str) for column in self.named.values())


SMS_BASE = Plain(columns=("campaign", "number", "text", "priority"), rest="text")
"""An SMS dialer's base: the text is all between the second `;` and the last, blanks around it included."""
EMAIL_BASE = Plain(
    columns=("campaign", "email", "body", "", "variables", "priority"), rest="body", optional=("", "variables")
)
"""An e-mail dialer's base: the body is all between the second `;` and the last three fields."""

CAMPAIGN, BODY = "#campaign", "#body"
"""A base's columns as variables: no placeholder is called so, and nothing that a row of it names is in their way."""
DIALER_SMS = Layout(to=2, priority=4, variables={CAMPAIGN: 1, "text": 3}, plain=SMS_BASE)
DIALER_EMAIL = Layout(to=2, priority=6, variables={CAMPAIGN: 1, BODY: 3}, pairs=5, plain=EMAIL_BASE)


# --- what is read -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its number among the rows, flaws counted too, and the physical line where it begins, both from 1.

    `to` and `reference` are the cells without the blanks around them (no reference where it is empty), variables are as
    written. `priority` is 1 (the highest) to 9999: 1 for all where the file has no such column; 9999 where the cell is
    empty, so that a row without a rank does not overtake one that has it.
    """

    number: int
    line: int
    to: str
    reference: str | None
    priority: int
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A row that cannot be read: its number and line as in `Row`, the column by its header or position ("" where it
    is the whole line), the cell clipped to 40 characters, what is wrong with it and what to do about it."""

    number: int
    line: int
    column: str
    value: str
    reason: str
    cure: str


class Flawed(Exception):
    """A cell or a line cannot be read: `reason` goes on from its name ("is empty"), `cure` says what to do.

    `column` and `value` are the cell's, as in `Flaw`, where who raises it knows them.
    """

    def __init__(self, reason: str, cure: str, column: str = "", value: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.cure, self.column, self.value = reason, cure, column, value


class Unusable(Exception):
    """Nothing of the file can be read: `field` is the file or the column that is asked for ("columns.to")."""

    def __init__(self, reason: str, cure: str, field: str = "file") -> None:
        super().__init__(reason)
        self.reason, self.cure, self.field = reason, cure, field


# --- cells ------------------------------------------------------------------------------------------------------------


def priority(said: str) -> int:
    """A priority. Raises ValueError."""
    found = _PRIORITY.fullmatch(said.strip())
    if found is None:
        raise ValueError(f"the priority is a number from {FIRST} to {LAST}")
    return int(found[1])


def pairs(said: str) -> dict[str, str]:
    """The variables that a cell writes as `"name":"value"` with commas. Raises ValueError."""
    try:
        values = {name: scalar(value) for name, value in json_object(f"{{{said}}}".encode()).items()}
    except Unreadable:
        raise ValueError('the variables are not "name":"value" with commas') from None
    known = {scalar(name) or "": value for name, value in values.items() if value is not None}
    if len(known) < len(values):
        raise ValueError("a variable has one text as its value")
    return known
