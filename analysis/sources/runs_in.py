"""Find the runs in one table: rows of several runs, folds or seeds, or a list of runs with one row each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.core.run import FACTOR_KEYS, NOT_METRICS
from analysis.sources.axes import find_axis, numeric_columns
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES, main_metric
from analysis.sources.base import Columns
from analysis.sources.metric_aliases import plain
from analysis.sources.stated import section_of

RUN_NAMES = ("run_name", "run", "run_id", "trial_name", "trial_id", "run_hash", "experiment_key")
"""Columns that say which run a row belongs to, in the form of `names.plain`."""

_NAMES = (
    *("name", "id", "model", "model_name", "experiment", "experiment_name", "exp", "exp_name", "variant", "method"),
    *("config_name", "setting", "system", "architecture", "arch", "label", "job", "task_name"),
)
_REPEATS = (
    *("fold", "cv_fold", "kfold", "seed", "random_seed", "trial", "replicate", "rep", "repeat", "repetition"),
    *("config", "config_id", "experiment_id", "run_number", "worker", "rank", "member"),
)
_FOLDS = ("fold", "cv_fold", "kfold", "replicate", "rep", "repeat", "repetition")
_SETTINGS = set(FACTOR_KEYS) - set(STEP_NAMES)
_NOT_MEASURED = {*map(plain, FACTOR_KEYS), *_REPEATS, *RUN_NAMES}
_TRIALS = ("number", "trial", "trial_number")
_OBJECTIVE = re.compile(r"value|values_\d+|objective|target")
_OF_A_TRIAL = re.compile(r"state|duration|datetime_\w+|system_attrs_.*|(?:mean|std)_(?:fit|score)_time|params")
"""What Optuna and scikit-learn keep beside the settings of a trial."""
_OF_A_FOLD = re.compile(r"(?:split\d+|rank|std)_(?:test|train)_(\w+)")
_LONGEST = 80  # characters of a name


@dataclass(frozen=True)
class Part:
    """The rows of one run, with what its columns say about it; ``id`` is None where the table holds one run."""

    frame: pd.DataFrame
    id: str | None = None
    name: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    notes: tuple[str, ...] = ()


def runs_in(frame: pd.DataFrame, columns: Columns, stem: str) -> list[Part]:
    """Split a table into its runs.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows in the order of writing; text columns as text.
    columns : Columns
        The user's names: what stands there names no run.
    stem : str
        Name of the file, by which folds of one training are grouped.
    """
    free = [name for name in frame.columns if name not in columns.values()]
    listed = _listed_by(frame, free)
    if listed:
        return _list_of_runs(frame, listed, columns)
    keys = _keys(frame, free, columns)
    if keys:
        return _groups(frame, keys, stem)
    alone = next((name for name in _named(free, RUN_NAMES) if frame[name].nunique(dropna=False) == 1), None)
    if alone is None or len(frame.columns) < 2:
        return [Part(frame)]
    return [Part(frame.drop(columns=alone), name=str(_plain(frame[alone].iloc[0])))]


def _named(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    return sorted((name for name in names if plain(name) in wanted), key=lambda name: wanted.index(plain(name)))


def is_text(column: pd.Series[Any]) -> bool:
    """True for a column of neither numbers nor times."""
    return not pd.api.types.is_numeric_dtype(column) and not is_time(column)


def is_time(column: pd.Series[Any]) -> bool:
    """True for a column of times that are read as such."""
    return bool(pd.api.types.is_datetime64_any_dtype(column))


def _listed_by(frame: pd.DataFrame, free: Sequence[str]) -> list[str]:
    """Return the columns that name a run a row, best first; empty if rows are steps."""
    if len(frame) < 2 or len(frame) > 10_000:
        return []
    runs = [name for name in _named(free, RUN_NAMES) if frame[name].notna().all()]
    if any(frame[name].is_unique for name in runs):
        return [name for name in runs if frame[name].is_unique]
    trials = [name for name in free if plain(name) in _TRIALS and frame[name].is_unique]
    if trials and any(section_of(name) for name in free):
        return trials[:1]
    if any(frame[axis].nunique() > 1 for axis in _counters(frame)):  # rows are steps or epochs of a training
        return []
    searched = [name for name in free if section_of(name)]
    if searched and not frame.duplicated(subset=searched).any() and _folds(frame):
        return searched
    texts = [name for name in _named(free, _NAMES) if is_text(frame[name]) and frame[name].notna().all()]
    texts = [name for name in texts if frame[name].str.len().max() <= _LONGEST]
    unique = [name for name in texts if frame[name].is_unique]
    if any(is_text(frame[name]) and frame[name].str.len().max() > _LONGEST for name in free):
        return []  # examples or messages, not runs
    repeats = [name for name in _named(free, _REPEATS) if frame[name].notna().all() and frame[name].nunique() > 1]
    if unique:
        return unique
    together = [*runs, *texts, *repeats]
    if not together or frame.duplicated(subset=together).any():
        return []
    return together


def _folds(frame: pd.DataFrame) -> list[str]:
    """Return what scikit-learn's search has beside the mean over folds: scores of single ones, spreads and ranks."""
    found = {name: _OF_A_FOLD.fullmatch(str(name)) for name in frame.columns}
    return [n for n, one in found.items() if one and f"mean_test_{one[1]}" in frame]


def _counters(frame: pd.DataFrame) -> list[str]:
    """Return the columns by whose names they count steps and epochs, in this order, as far as there are any."""
    names = numeric_columns(frame)
    return [axis for wanted in (STEP_NAMES, EPOCH_NAMES) if (axis := find_axis(names, wanted)) is not None]


def _list_of_runs(frame: pd.DataFrame, by: Sequence[str], columns: Columns) -> list[Part]:
    """Make a run of each row: its metrics as final values, everything else as its configuration."""
    axes = _counters(frame)
    folds = _folds(frame)
    frame = frame.drop(columns=folds)
    measured = [
        name
        for name in numeric_columns(frame)
        if _is_measured(name, columns) or (name in axes and frame[name].min() > 0)
    ]
    index = [name for name in frame.columns if name.startswith("column 1") and frame[name].is_monotonic_increasing]
    settings = [name for name in frame.columns if name not in measured and name not in index]
    settings = [name for name in settings if not _OF_A_TRIAL.fullmatch(plain(name))]
    settings = [name for name in settings if name not in by or plain(name) in _REPEATS or section_of(name)]
    final = {name: name.split("_", 1)[1] for name in measured if name.lower().startswith(("final_", "last_"))}
    final = {own: name for own, name in final.items() if name not in frame and name not in NOT_METRICS}
    values, logged = frame[measured].rename(columns=final), frame[measured].notna().to_numpy()
    notes = [f"a list of runs, one row each ({', '.join(by[:3])}): final values only, no curve"]
    if folds:
        notes.append(f"{', '.join(folds)}: of single folds, spreads and ranks, left out beside the mean over the folds")
    if (empty := int((~logged.any(axis=1)).sum())) and empty < len(frame):
        notes.append(f"{empty} rows of the list have no metric and are left out")
    parts = []
    for place, (run_id, row) in enumerate(zip(_ids(frame, by), frame.to_dict("records"), strict=True)):
        if len(notes) > 1 and not logged[place].any():
            continue
        config = {name: _plain(row[name]) for name in settings if not _is_blank(row[name])}
        own = values.iloc[[place], np.flatnonzero(logged[place])].reset_index(drop=True)
        parts.append(Part(own, run_id, run_id, config, notes=tuple(notes)))
    return parts


def _is_measured(name: str, columns: Columns) -> bool:
    if name in columns.values():
        return True
    if section_of(name):
        return False
    known = metric(name).direction != "none" or _OBJECTIVE.fullmatch(plain(name)) is not None
    return plain(name) not in _NOT_MEASURED and known


def _keys(frame: pd.DataFrame, free: Sequence[str], columns: Columns) -> list[str]:
    """Return the columns whose values tell rows of one step apart as of several runs."""
    runs = [name for name in _named(free, RUN_NAMES) if is_text(frame[name]) or frame[name].nunique() < len(frame)]
    runs = [name for name in runs if frame[name].nunique() > 1]
    if runs:
        return runs[:1]
    axis = columns.get("step") or next(iter(_counters(frame)), None)
    names = [*_named(free, _REPEATS), *(name for name in _named(free, _NAMES) if is_text(frame[name]))]
    names = [name for name in names if 1 < frame[name].nunique() <= len(frame) / 2 and name != axis]
    if axis is None:
        return [name for name in names if plain(name) in _REPEATS]
    # Folds and seeds one below the other are runs even where the steps count on.
    keys = [name for name in names if plain(name) in (*_FOLDS, "seed", "random_seed") and _in_blocks(frame[name])]
    left = _repeats(frame, axis, keys)
    for name in (name for name in names if name not in keys):
        fewer = _repeats(frame, axis, [*keys, name])
        if fewer < left:
            keys, left = [*keys, name], fewer
    return _with_settings(frame, axis, keys, free)


def _in_blocks(column: pd.Series[Any]) -> bool:
    """True if all rows of each value stand together."""
    return int((column != column.shift()).sum()) == column.nunique(dropna=False)


def _with_settings(frame: pd.DataFrame, axis: str, keys: list[str], free: Sequence[str]) -> list[str]:
    """Add a setting that alone tells the remaining rows of one step apart, each of its runs from the first step on."""
    if not _repeats(frame, axis, keys):
        return keys
    for name in (name for name in free if name in _SETTINGS and 1 < frame[name].nunique() <= len(frame) / 2):
        groups = frame.groupby([*keys, name])[axis]
        if not _repeats(frame, axis, [*keys, name]) and groups.min().nunique() == 1 and groups.count().min() > 1:
            return keys if _is_schedule(frame, name) else [*keys, name]
    return keys


def _is_schedule(frame: pd.DataFrame, name: str) -> bool:
    """True if the values of a metric go on from block to block of a setting: one training whose setting changes."""
    main = main_metric(frame.drop(columns=name))
    if main is None or not _in_blocks(frame[name].dropna()):
        return False
    blocks = [rows[np.isfinite(rows)].to_numpy() for _, rows in frame.groupby(name, sort=False)[main]]
    blocks = [values for values in blocks if len(values)]
    apart = [abs(one) for values in blocks for one in np.diff(values)]
    gained = abs(blocks[-1][-1] - blocks[0][0]) if blocks else 0.0
    return bool(apart and gained > 2 * np.median(apart)) and all(
        abs(later[0] - earlier[-1]) < abs(later[0] - blocks[0][0]) for earlier, later in pairwise(blocks)
    )


def _repeats(frame: pd.DataFrame, axis: str, keys: Sequence[str]) -> int:
    steps = frame[axis].to_numpy()
    if steps.dtype.kind in "fi" and (steps[1:] > steps[:-1]).all():
        return 0  # most logs are spared the search
    return int(frame.duplicated(subset=[axis, *keys]).sum())


def _groups(frame: pd.DataFrame, keys: Sequence[str], stem: str) -> list[Part]:
    folds = [name for name in keys if plain(name) in _FOLDS]
    note = f"{', '.join(keys)} says to which run a row belongs"
    parts = []
    for values, rows in frame.groupby(list(keys), sort=False, dropna=False):
        row = dict(zip(keys, values, strict=True))
        known = {name: _plain(value) for name, value in row.items() if not _is_blank(value)}
        run_id = "_".join(_said(name, value) for name, value in known.items()) or "unnamed"
        config = {name: value for name, value in known.items() if plain(name) not in RUN_NAMES}
        same = [str(known[name]) for name in keys if name not in folds and name in known]
        group = "_".join([stem, *same]) if folds else None
        named = run_id if any(plain(name) in RUN_NAMES for name in keys) else None
        own = rows.drop(columns=list(keys)).reset_index(drop=True)
        parts.append(Part(own, run_id, named, config, group, (note,)))
    return parts


def _is_blank(value: Any) -> bool:
    return bool(pd.isna(value))


def _ids(frame: pd.DataFrame, by: Sequence[str]) -> list[str]:
    names = by[:1] if frame[by[0]].is_unique else by
    given = [[(name, _plain(row[name])) for name in names if not _is_blank(row[name])] for _, row in frame.iterrows()]
    return ["_".join(_said(name, value) for name, value in row) or "unnamed" for row in given]


def _said(name: str, value: Any) -> str:
    name = name[len(section_of(name)) :]
    numbered = isinstance(value, int | float) or str(value).strip().isdecimal()
    return f"{plain(name)}_{value}" if numbered and plain(name) not in RUN_NAMES else str(value).strip()


def _plain(value: Any) -> Any:
    """Return a cell as a setting: a whole number as such."""
    if isinstance(value, float | np.floating):
        return int(value) if float(value).is_integer() else float(value)
    return value.item() if isinstance(value, np.generic) else value
