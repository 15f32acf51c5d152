"""`python -m tests.corners`: the samples of every call in each of its four corners, and what became of each row."""

import sys
from collections.abc import Sequence

from tests.corners import CALLS, VENDORS
from tests.corners.samples import SAMPLES, Row, parameters

CORNERS = {
    "request written": "request written (client)",
    "request read": "request read (door, simulator)",
    "answer written": "answer written (door, simulator)",
    "answer read": "answer read (client)",
}


def main() -> int:
    """Print both tables; 1 when a corner is empty."""
    lines = [(call.vendor, call.name, *(call.corners[corner] for corner in CORNERS)) for call in CALLS]
    table(("vendor", "call", *CORNERS.values()), lines)
    print()
    table(("vendor", "table", "rows", "carried", "refused"), list(accounts()))
    return int(not lines or any(0 in line for line in lines))


def accounts() -> list[tuple[str, str, int, int, int]]:
    """The rows of every parameter table of the documents, and how many are carried and refused."""
    files = [path for vendor in VENDORS for path in sorted((SAMPLES / vendor).glob("*/parameters.txt"))]
    return [(path.parent.parent.name, path.parent.name, *counted(list(parameters(path)))) for path in files]


def counted(rows: Sequence[Row]) -> tuple[int, int, int]:
    carried = sum(row.carried for row in rows)
    return len(rows), carried, len(rows) - carried


def table(head: Sequence[str], lines: Sequence[Sequence[str | int]]) -> None:
    """Print a table, its numbers to the right, with their totals below."""
    numbers = [index for index, cell in enumerate(lines[0])] if lines else []
    numbers = [index for index in numbers if isinstance(lines[0][index], int)]
    totals = [sum(int(line[index]) for line in lines) if index in numbers else "" for index in range(len(head))]
    shown = [list(map(str, line)) for line in (head, *lines, ["all", *totals[1:]])]
    widths = [max(len(line[index]) for line in shown) for index in range(len(head))]
    rule = "  ".join("-" * width for width in widths)
    for place, line in enumerate(shown):
        if place in {1, len(shown) - 1}:
            print(rule)
        cells = zip(line, widths, range(len(line)), strict=True)
        print("  ".join(c.rjust(w) if i in numbers else c.ljust(w) for c, w, i in cells).rstrip())


if __name__ == "__main__":
    sys.exit(main())
