"""Find the header of a delimited table below titles, in two lines, or at the left if the columns are the steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.cells import number
from analysis.sources.metric_aliases import plain

_FARTHEST = 20
"""Rows searched for a header."""

_STEP = re.compile(r"(?:(?P<axis>epoch|step|iter|iteration|ep)[ _-]?)?(?P<number>\d+)", re.IGNORECASE)

Row = tuple[str, ...]


def titles_above(rows: Sequence[Row]) -> int:
    """Return the number of title rows above the header: rows with at most one cell that is not empty.

    >>> titles_above([("Results", "", ""), ("", "", ""), ("epoch", "loss", "acc"), ("1", "2.0", "0.1")])
    2
    """
    if not rows or sum(map(bool, rows[0])) > 1 or max(map(len, rows[:_FARTHEST])) < 2:
        return 0
    full = (place for place, row in enumerate(rows[:_FARTHEST]) if sum(map(bool, row)) > 1)
    head = next(full, 0)
    below = rows[head + 1 : head + 3]
    return head if not any(map(_is_number, rows[head])) and any(_is_number(one) for row in below for one in row) else 0


def of_two_lines(rows: Sequence[Row]) -> tuple[Row, int] | None:
    """Return the names of a two-line header, groups over names, and the number of its lines; None if it is none.

    A header written by pandas has a third line with the name of the index alone.

    >>> of_two_lines([("", "train", ""), ("epoch", "loss", "acc"), ("1", "2.0", "0.1")])
    (('epoch', 'train/loss', 'train/acc'), 2)
    """
    index = len(rows) > 3 and bool(rows[2][:1]) and bool(rows[2][0]) and not any(rows[2][1:])
    first = rows[3:4] if index else rows[2:3]
    if not first or len({len(row) for row in (*rows[:2], *first)}) > 1:
        return None
    groups, names = rows[0], ((rows[2][0], *rows[1][1:]) if index else rows[1])
    numeric = [bool(name) for name, cell in zip(names, first[0], strict=True) if _is_number(cell)]
    spans = [group for group in groups if group]
    if len(numeric) < 2 or not all(numeric) or any(map(_is_number, (*groups, *names))):
        return None
    if not spans or (len(spans) == len(groups) and len(set(spans)) == len(spans)):
        return None
    joined, group = [], ""
    for above, name in zip(groups, names, strict=True):
        group = above or group
        joined.append(f"{group}/{name}" if group and name else name or group)
    return tuple(joined), 3 if index else 2


def steps_across(header: Row) -> tuple[str, list[float]] | None:
    """Return the name of the axis, and the steps, if the columns of a table are steps; else None.

    >>> steps_across(("metric", "epoch_1", "epoch_2", "epoch_3")), steps_across(("step", "10", "20", "30"))
    (('epoch', [1.0, 2.0, 3.0]), ('step', [10.0, 20.0, 30.0]))
    """
    found = [_STEP.fullmatch(name.strip()) for name in header[1:]]
    axes = {(one["axis"] or plain(header[0])).lower() for one in found if one}
    steps = [float(one["number"]) for one in found if one]
    if len(steps) < 3 or None in found or len(axes) > 1 or any(a >= b for a, b in pairwise(steps)):
        return None
    return ("epoch" if "epoch" in axes.pop() else "step"), steps


def table_of_columns(across: tuple[str, list[float]], rows: Sequence[Row]) -> pd.DataFrame | None:
    """Return the transpose of a table with metrics as rows; None without a known metric or if a cell is no number."""
    axis, steps = across
    names = [row[0].strip() for row in rows if row]
    cells = [[number(cell) for cell in row[1:]] for row in rows if row]
    known = any(metric(name).direction != "none" for name in names) and not any(map(_is_number, names))
    if not known or len(set(names)) < len(names) or any(len(row) != len(steps) or None in row for row in cells):
        return None
    return pd.DataFrame({axis: steps, **dict(zip(names, cells, strict=True))}, dtype="float64")


def _is_number(cell: str) -> bool:
    return bool(cell) and number(cell) is not None
