"""Join the results printed below each row of a table: a line of names, and a line of their values.

Ultralytics prints its validation so: ``Class  Images  Box(P  R  mAP50  mAP50-95)`` over ``all  98  0.8  0.7  0.8 0.5``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from analysis.sources.cells import number

_BAR = re.compile(r":?\s*\d+%\s*\|.*$")
_GAP = re.compile(r"\s{2,}|\t")
_FULL_NAMES = {"P": "precision", "R": "recall"}
_NEAR = 40
"""Lines below a row that are searched for its results."""


def with_results(table: pd.DataFrame, lines: Sequence[str]) -> pd.DataFrame:
    """Return a table with the results below its rows as columns: those of all classes together, not of single ones.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows indexed by line number.
    lines : sequence of str
        All lines of the text.
    """
    rows = table.index.to_numpy()
    ends = np.append(rows[1:], len(lines))
    found: dict[int, dict[str, float]] = {}
    for row, end in zip(rows[ends - rows > 2].tolist(), ends[ends - rows > 2].tolist(), strict=True):
        below = [line for line in lines[row + 1 : min(end, row + _NEAR)] if line.strip()]
        results = next(filter(None, (_results(head, line) for head, line in pairwise(below))), None)
        if results:
            found[row] = results
    if len(found) < 2:
        return table
    more = pd.DataFrame.from_dict(found, orient="index", dtype="float64")
    return table.join(more[[name for name in more.columns if name not in table.columns]])


def _results(head: str, line: str) -> dict[str, float] | None:
    """Return the values of a line by the names in the line above; None if the two are no such pair."""
    names, cells = _GAP.split(_BAR.sub("", head).strip()), _GAP.split(line.strip())
    if len(names) != len(cells):  # a name fills its column
        names = _BAR.sub("", head).split()
    if len(names) != len(cells) or len(names) < 3 or any(number(name) is not None for name in names):
        return None
    values = [number(cell) for cell in cells]
    if values[0] is not None or not re.fullmatch(r"all|mean|avg|average|total|overall", cells[0], re.IGNORECASE):
        return None
    group, results = "", {}
    for name, value in zip(names[1:], values[1:], strict=True):
        if opened := re.fullmatch(r"(\w)\w*\((.+)", name):  # Box(P  R  mAP50)
            group, name = f"({opened[1]})", opened[2]
        own = name.strip("() ")
        if value is None:
            return None
        results[f"metrics/{_FULL_NAMES.get(own, own)}{group}"] = value
    return results
