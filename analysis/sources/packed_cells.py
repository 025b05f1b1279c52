"""Unpack table cells with several values: ``0.5 / 0.6`` of two data sets, ``{'eval_loss': 0.5}``."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.plain_data import is_number, loads
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_pairs import sets_of, values_of

_NOT_A_NUMBER = re.compile(r"(?<=[:\s])(?:nan|inf|-inf)(?=\s*[,}])")
_LONGEST = 10_000  # most characters of a cell
_MOST = 200  # most names in the cells of a column


def unpacked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with one column for each name or data set that has values in text cells."""
    columns: dict[str, pd.Series[Any]] = {}
    for name in map(str, frame.columns):
        own = {} if pd.api.types.is_numeric_dtype(frame[name]) else _of_sets(name, frame[name]) or _by_name(frame[name])
        if not own:
            columns[name] = frame[name]
        for inner, values in own.items():
            taken = inner in columns or inner in frame.columns
            column = pd.Series(values, index=frame.index, dtype="float64")
            columns[f"{name}/{inner}" if taken else inner] = column
    return pd.DataFrame(columns, index=frame.index) if columns.keys() != set(map(str, frame.columns)) else frame


def _of_sets(name: str, cells: pd.Series[Any]) -> dict[str, list[float]]:
    """Return the values of cells ``0.5 / 0.6`` in a column ``loss (train / val)`` by name; empty for other columns."""
    names = sets_of(name)
    read = [values_of(cell) if isinstance(cell, str) else [] for cell in cells] if names else []
    if (
        not any(read)
        or any(len(values) != len(names) for values in read if values)
        or sum(map(bool, read)) < cells.count()
    ):
        return {}
    return {own: [values[at] if values else np.nan for values in read] for at, own in enumerate(names)}


def _by_name(cells: pd.Series[Any]) -> dict[str, list[float]]:
    """Return the numbers by key of a column of Python or JSON mappings; empty if any filled cell is something else."""
    given = cells.dropna()
    if not len(given) or not str(given.iloc[0]).lstrip().startswith("{"):
        return {}
    read = [_mapping(cell) if isinstance(cell, str) else {} for cell in cells]
    if any(one is None or not all(value is None or is_number(value) for value in one.values()) for one in read):
        return {}
    names = dict.fromkeys(str(key) for one in read if one for key, value in one.items() if is_number(value))
    if len(names) > _MOST:
        return {}
    return {name: [_number((one or {}).get(name)) for one in read] for name in names if plain(name)}


def _mapping(cell: str) -> Mapping[str, Any] | None:
    if not cell.strip():
        return {}
    for read in (loads, lambda text: ast.literal_eval(_NOT_A_NUMBER.sub("1e999", text))):
        try:
            found = read(cell[:_LONGEST])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return found if isinstance(found, dict) else None
    return None


def _number(value: Any) -> float:
    if not is_number(value):
        return np.nan
    return float(value) if np.isfinite(value) else np.inf
