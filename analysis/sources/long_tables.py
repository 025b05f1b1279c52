"""Turn long tables (``step,metric,value``), as trackers export them, into tables with a column for each metric."""

from __future__ import annotations

import pandas as pd

from analysis.sources.axes import find_axis, numeric_columns
from analysis.sources.axis_names import STEP_NAMES
from analysis.sources.metric_aliases import plain
from analysis.sources.runs_in import RUN_NAMES, is_text

LONG_NAMES = (
    *("metric", "metric_name", "name", "tag", "key", "variable", "attribute_path", "attribute", "attribute_name"),
    *("metric_key", "scalar", "series"),
)
_VALUES = ("value", "val", "metric_value", "float_value", "int_value", "y")
_TEXTS = ("string_value", "text_value")
_MOST_METRICS = 500


def as_wide(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Make a column of each metric of a long table.

    What has a value but no step, where others have steps, is a setting (as in the exports of Neptune).

    Returns
    -------
    tuple
        The table, any other as it is; notes; the columns that are settings.
    """
    keys = [name for name in frame.columns if plain(name) in LONG_NAMES and is_text(frame[name])]
    values = sorted(
        (name for name in frame.columns if plain(name) in _VALUES and not is_text(frame[name])),
        key=lambda name: _VALUES.index(plain(name)),
    )
    several = len(values) > 1 and not all(plain(name).endswith("_value") for name in values)
    if len(keys) != 1 or not values or several:
        return frame, (), ()
    key = keys[0]
    step = find_axis(numeric_columns(frame.drop(columns=values)), STEP_NAMES)
    bare = frame[step].isna() if step is not None else pd.Series(False, index=frame.index)
    settings = set(frame.loc[bare, key].dropna()) - set(frame.loc[~bare, key].dropna())
    names = [str(name) for name in frame[key].dropna().unique()]
    metrics = [name for name in names if name not in settings]
    runs = [name for name in frame.columns if plain(name) in RUN_NAMES]
    repeats = frame.duplicated(subset=[key, *runs]).any()
    if not metrics or len(metrics) > _MOST_METRICS or not repeats:
        return frame, (), ()
    cells = frame[values[0]]
    for other in values[1:]:
        cells = cells.combine_first(frame[other])
    columns = {name: cells.where(frame[key] == name) for name in names}
    texts = [name for name in frame.columns if plain(name) in _TEXTS and is_text(frame[name])]
    for name, text in ((name, text) for name in settings for text in texts):  # a setting may be text
        if (words := frame[text].where(frame[key] == name)).notna().any():
            columns[name] = words
    others = frame.columns.difference([key, *values, *texts])
    taken = {name: f"{name} (metric)" if name in others else name for name in names}
    counts = [name for name in frame.columns if plain(name) in ("attribute_type", "idx", "index")]  # say nothing more
    rest = frame.drop(columns=[key, *values, *texts, *counts])
    wide = pd.DataFrame({taken[name]: column for name, column in columns.items()}, index=frame.index)
    note = f"'{key}' names what '{values[0]}' is: {len(metrics)} metrics" + (
        f", {len(settings)} settings without a step" if settings else ""
    )
    return pd.concat([rest, wide], axis=1), (note,), tuple(taken[name] for name in settings)
