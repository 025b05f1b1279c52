"""Convert a raw table to runs: read text as numbers, split runs and phases, find axes, merge rows of a step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import metric
from analysis.core.run import FACTOR_KEYS, NOT_METRICS, Dropped
from analysis.sources.axes import set_axes
from analysis.sources.axis_names import AXIS_NAMES
from analysis.sources.base import Columns
from analysis.sources.cells import numbers, of_total
from analysis.sources.long_tables import as_wide
from analysis.sources.metric_aliases import plain
from analysis.sources.other_languages import columns_in_english
from analysis.sources.packed_cells import unpacked
from analysis.sources.phases import by_phase, phase_column, with_flags_as_words
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import constant_settings, merge_rows
from analysis.sources.runs_in import RUN_NAMES, Part, check_rows, is_text, is_time, of_first_process, runs_in
from analysis.sources.stated import section_of, stated_first, without_section

_SCHEDULED = ("lr", "learning_rate")
"""Settings that are metrics too if a schedule changes them."""


def arrange(log: RawLog, columns: Columns) -> list[RawLog]:
    """Return a log for each run in a raw table.

    Parameters
    ----------
    log : RawLog
        Its table has rows in the order of writing and the columns of the log: numbers as float64, text as str.
    columns : Columns
        The user's names for the axes and metrics.

    Raises
    ------
    LogError
        If the table has no rows, or a column that the user named is missing or not numeric.
    """
    if log.frame.empty:
        raise LogError(f"{log.files[0]}: no data rows; a log needs at least one step")
    english, translated = columns_in_english([name for name in map(str, log.frame) if name not in columns.values()])
    wide, pivoted, stated = as_wide(unpacked(with_flags_as_words(log.frame.rename(columns=english))))
    frame, lost, notes, planned = _with_numbers(wide, columns, log.files[0])
    check_rows(frame, log.files[0])
    frame, others = of_first_process(frame, columns)
    log = replace(
        log,
        frame=frame,
        dropped=(*log.dropped, *lost, *others),
        notes=(*log.notes, *translated, *pivoted, *notes),
        expected_steps=log.expected_steps or planned,
        columns_read=log.columns_read or len(log.frame.columns),
    )
    parts = runs_in(frame, columns, Path(log.files[0]).stem)
    # Values dropped while reading are reported once, not for each run.
    logs = [replace(log, dropped=()) if place else log for place in range(len(parts))]
    return [_run(own, part, columns, stated) for own, part in zip(logs, parts, strict=True)]


def _run(log: RawLog, part: Part, columns: Columns, stated: Collection[str]) -> RawLog:
    frame, first = stated_first(part.frame, stated)
    frame, notes = _by_phase(frame, columns)
    frame, lost, told = set_axes(frame, columns=columns, where=log.files[0])
    if part.id is not None and len(frame) == 1 and told and "step" not in columns:
        told = ()  # one row per run needs no steps
    frame, texts, left_out = _without_text(frame)
    sections = [name for name in frame.columns if section_of(name)]
    settings = constant_settings(frame, (*FACTOR_KEYS, *sections))
    frame = frame.drop(columns=[name for name in settings if name not in _SCHEDULED])
    frame, merged = merge_rows(frame)
    return replace(
        log,
        frame=frame,
        rows_read=len(part.frame),
        id=part.id or log.id,
        name=part.name or log.name,
        group=part.group or log.group,
        config=without_section({**first, **texts, **settings, **log.config, **part.config}),
        dropped=(*log.dropped, *lost, *merged),
        notes=(*log.notes, *part.notes, *notes, *told, *left_out),
    )


def _with_numbers(
    frame: pd.DataFrame, columns: Columns, where: str
) -> tuple[pd.DataFrame, tuple[Dropped, ...], tuple[str, ...], int | None]:
    """Return a table with numeric text columns as numbers, dropped values, notes, and the total of a ``5/500``."""
    dropped: list[Dropped] = []
    notes: list[str] = []
    planned = None
    metrics = {name: standard for standard, name in columns.items() if standard != "timestamp"}
    read: dict[str, npt.NDArray[np.float64]] = {}
    counters: list[str] = []
    for name in [name for name in frame.columns if is_text(frame[name])]:
        if plain(name) in RUN_NAMES:
            continue
        cells = frame[name].tolist()
        values, lost, how = _flags(name, cells) or numbers(name, cells)
        dropped += lost
        if values is None:
            if name in metrics:
                shown = next((cell for cell in cells if isinstance(cell, str) and cell.strip()), "nothing")
                raise LogError(
                    f"{where}: columns says '{metrics[name]}: {name}', but that column holds text such as "
                    f"{shown[:40]!r}; name a column of numbers"
                )
            continue
        notes += how
        read[name] = values
        if "/" in name and (counts := [cell for cell in cells if isinstance(cell, str) and of_total(cell) is not None]):
            counters.append(name)
            planned = int(counts[-1].rpartition("/")[2].replace(",", ""))
    if read:  # all at once: adding hundreds of columns one by one is slow
        frame = pd.DataFrame({name: read.get(name, frame[name]) for name in frame.columns}, index=frame.index)
    for name in counters:
        frame = _whole_counter(frame, name)
    return frame, tuple(dropped), tuple(notes), planned


def _flags(
    name: str, cells: list[str | None]
) -> tuple[npt.NDArray[np.float64], tuple[Dropped, ...], tuple[str, ...]] | None:
    """Return true and false as 1 and 0, no dropped values, and a note, for a column of a share metric; else None."""
    if not metric(name).share or plain(name).endswith("best"):
        return None
    said = {cell for cell in cells if isinstance(cell, str)}
    truths = {"true": 1.0, "false": 0.0}
    if not said or not {cell.lower() for cell in said} <= set(truths):
        return None
    read = np.array([truths[cell.lower()] if isinstance(cell, str) else np.nan for cell in cells])
    return read, (), (f"'{name}' is true or false: read as 1 and 0",)


def _whole_counter(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table with a column ``global_step/max_steps`` renamed to ``global_step``, or merged into that column."""
    own = name.partition("/")[0]
    if own in frame and pd.api.types.is_numeric_dtype(frame[own]):
        return frame.assign(**{own: frame[own].combine_first(frame[name])}).drop(columns=name)
    return frame if own in frame else frame.rename(columns={name: own})


def _by_phase(frame: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    texts = [name for name in frame.columns if is_text(frame[name]) and name not in columns.values()]
    found = phase_column(texts, {name: frame[name].dropna().unique().tolist() for name in texts})
    if found is None:
        return frame, ()
    named = {columns[axis] for axis in NOT_METRICS if axis in columns}
    stated = set(constant_settings(frame, FACTOR_KEYS)) - set(_SCHEDULED)
    axes = [name for name in frame.columns if plain(name) in AXIS_NAMES or name in named or name in stated]
    return by_phase(frame, found, axes)


def _without_text(frame: pd.DataFrame) -> tuple[pd.DataFrame, Mapping[str, Any], tuple[str, ...]]:
    """Return a table without text columns, those with a single value as settings, and a note on the others."""
    texts = [name for name in frame.columns if name not in NOT_METRICS and is_text(frame[name])]
    times = [name for name in frame.columns if name not in NOT_METRICS and is_time(frame[name])]
    given = {name: frame[name].dropna().unique() for name in texts}
    settings = {name: values[0] for name, values in given.items() if len(values) == 1}
    varying = [f"{name} ({frame[name].count()} values)" for name in (*texts, *times) if name not in settings]
    more = f" and {len(varying) - 10} more" if len(varying) > 10 else ""
    notes = (f"text columns left out: {', '.join(varying[:10])}{more}",) if varying else ()
    return frame.drop(columns=[*texts, *times]), settings, notes
