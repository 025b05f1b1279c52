"""Find the header, delimiter and number format of a delimited table from its first lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.sources.cells import BLANK, has_decimal_commas, has_points_in_thousands
from analysis.sources.streams import text_head
from analysis.sources.table_heads import of_two_lines, titles_above

SAMPLE_ROWS = 500
_SKIPPED = re.compile(r"\s*#|\ufeff?\"?sep=.\"?\s*$")
"""Lines above the header: comments, and the ``sep=`` line that sets the delimiter for spreadsheets."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


@dataclass(frozen=True)
class Layout:
    """Layout of a delimited log, from its first lines.

    ``header`` has the names stripped and made unique, ``written`` as in the file; ``sample`` is the first rows as
    text. ``cut``: the header is longer than the text that was read. ``above``: the titles above the header.
    """

    header: tuple[str, ...]
    written: tuple[str, ...]
    delimiter: str
    sample: tuple[tuple[str, ...], ...]
    first_line: int = 1
    cut: bool = False
    above: str = ""

    def column(self, name: str) -> list[str]:
        """Return the values of a column in the sample, stripped and without blanks."""
        index = self.header.index(name)
        cells = (row[index].strip() for row in self.sample if index < len(row))
        return [cell for cell in cells if cell not in BLANK]

    def is_time(self, name: str) -> bool:
        """True if every value of a column in the sample is a date with a time."""
        cells = self.column(name)
        return bool(cells) and all(_TIME.match(cell) for cell in cells)

    def is_text(self, name: str) -> bool:
        """True if no value of a column in the sample is a plain number (False for an empty column)."""
        cells = self.column(name)
        return bool(cells) and (
            not any(is_numeric(cell) for cell in cells) or has_decimal_commas(cells) or name in self.grouped
        )

    @cached_property
    def has_commas(self) -> bool:
        """True if the table has decimal commas: one is certain, or ``;`` is the delimiter and no point is decimal."""
        commas = [cells for cells in map(self.column, self.header) if any("," in cell for cell in cells)]
        if any(map(has_decimal_commas, commas)):
            return True
        cells = [cell for row in self.sample for cell in row] if commas and self.delimiter == ";" else []
        return bool(cells) and not any(re.fullmatch(r"[+-]?(?:0?|\d+)\.(?!\d{3}$)\d+", cell.strip()) for cell in cells)

    @cached_property
    def grouped(self) -> frozenset[str]:
        """Columns whose points separate thousands: ``1.000`` where other columns have decimal commas."""
        columns = {name: self.column(name) for name in self.header}
        dotted = {name: cells for name, cells in columns.items() if any("." in cell for cell in cells)}
        commas = bool(dotted) and self.has_commas
        return frozenset(n for n, cells in dotted.items() if has_points_in_thousands(cells, beside_commas=commas))


def sniff(path: Path, *, delimiter: str | None = None) -> Layout | None:
    """Return the layout of a file from its start; None if the file has no line for a header.

    Comments (``#``) and titles above the header are skipped, except for a comment that names the numbers below it.
    """
    text = text_head(path)
    lines = text.splitlines()
    skipped = 0
    while skipped < len(lines) and (not lines[skipped].strip() or _SKIPPED.match(lines[skipped])):
        skipped += 1
    if skipped == len(lines):
        return None
    if len(text) >= 32768 and len(lines) > skipped + 1:
        lines = lines[:-1]  # the last one may be cut off
    if delimiter is None:
        shown = lines[skipped] if re.search(r"[,\t;|]", lines[skipped]) else "\n".join(lines[skipped : skipped + 20])
        delimiter = max(",\t;|", key=shown.count)
    if skipped and _heads(lines[skipped - 1], lines[skipped], delimiter):
        skipped -= 1  # the comment just above the rows names their columns
    start = lines[skipped : skipped + SAMPLE_ROWS + 1]
    rows = [tuple(row) for row in csv.reader(start, delimiter=delimiter, skipinitialspace=True)]
    cut = len(text) >= 32768 and len(lines) == skipped + 1
    titles = titles_above(rows)
    above, rows, skipped = "; ".join(filter(None, map("".join, rows[:titles]))), rows[titles:], skipped + titles
    names, taken = of_two_lines(rows) or (rows[0], 1)
    first, rows, skipped = rows[taken - 1], rows[taken:], skipped + taken
    return Layout(_unique(names), first, delimiter, tuple(filter(None, rows)), skipped, cut, above)


def _heads(comment: str, row: str, delimiter: str) -> bool:
    """True if a comment has a name for each of the numbers in the row below it."""
    names, cells = comment.split(delimiter), row.split(delimiter)
    return len(names) == len(cells) > 1 and all(map(is_numeric, cells)) and not any(map(is_numeric, names))


def is_numeric(cell: str) -> bool:
    """True if `float` accepts a text."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names stripped, with repeated and empty ones numbered."""
    seen: dict[str, int] = {}
    unique = []
    for place, name in enumerate(names):
        clean = name.strip().strip('"').lstrip("\ufeff")
        clean = (clean if place else re.sub(r"^#+\s*(?=\w)", "", clean)) or f"column {place + 1}"
        seen[clean] = seen.get(clean, 0) + 1
        unique.append(clean if seen[clean] == 1 else f"{clean} ({seen[clean]})")
    return tuple(unique)
