"""Find settings that stand in the rows of a log: before the first step, or in columns of a section of their own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.sources.axes import find_axis, numeric_columns
from analysis.sources.axis_names import AXIS_NAMES, STEP_NAMES
from analysis.sources.metric_aliases import plain

_SECTION = re.compile(r"(?:config|params?|parameters|hparams?|hyper_?parameters|args|cfg)[/._](?=\w)", re.IGNORECASE)


def section_of(name: str) -> str:
    """Return the section of settings that a column is in, empty if it is in none.

    >>> section_of("config/lr"), section_of("params_width"), section_of("parameter_norm"), section_of("loss")
    ('config/', 'params_', '', '')
    """
    found = _SECTION.match(name)
    return found[0] if found else ""


def without_section(config: Mapping[str, Any]) -> dict[str, Any]:
    """Call settings by their own names, without the section that a table puts in front, where these are free."""
    short = {key: key[len(section_of(key)) :] for key in config}
    taken = {key for key in config if short[key] == key}
    config = {key: value for key, value in config.items() if key in taken or config.get(short[key]) != value}
    return {key if short[key] in taken else short[key]: value for key, value in config.items()}


def stated_first(frame: pd.DataFrame, stated: Collection[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Take settings out of a run's rows: columns that are ``stated``, and what has a value above the first step only.

    Returns
    -------
    tuple
        The rows that are left; the settings.
    """
    found = {name: _only(frame[name]) for name in stated if name in frame}
    step = find_axis(numeric_columns(frame), STEP_NAMES)
    if step is not None and pd.isna(frame[step].iloc[0]) and frame[step].notna().any():
        begun = int(np.argmax(frame[step].notna().to_numpy()))
        above, below = frame.iloc[:begun].notna().any(), frame.iloc[begun:].notna().any()
        names = [name for name in frame.columns if above[name] and not below[name] and plain(name) not in AXIS_NAMES]
        found |= {name: _only(frame[name]) for name in names}
    if not found:
        return frame, {}
    left = frame.drop(columns=list(found))
    rows = left.drop(columns=[name for name in left.columns if plain(name) in AXIS_NAMES and name != step])
    left = left[rows.notna().any(axis=1)].reset_index(drop=True)
    return left, {name: value for name, value in found.items() if value is not None}


def _only(column: pd.Series[Any]) -> Any:
    """Return the last value of a column as a setting; None if it has none."""
    given = column.dropna()
    if given.empty:
        return None
    value = given.iloc[-1]
    if isinstance(value, float | np.floating):
        return int(value) if float(value).is_integer() else float(value)
    return value.item() if isinstance(value, np.generic) else value
