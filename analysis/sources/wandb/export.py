"""CSV files exported from W&B: a run's history (API), a chart, or the table of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.run import FACTOR_KEYS, Dropped
from analysis.sources.axes import find_axis
from analysis.sources.axis_names import STEP_NAMES
from analysis.sources.base import Columns
from analysis.sources.clock import parse_timestamps, timestamp_losses
from analysis.sources.delimited import read_delimited
from analysis.sources.metric_aliases import plain, standard_names
from analysis.sources.openai.results_file import NAME as OPENAI_CSV
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import as_axis, constant_settings, merge_rows
from analysis.sources.table_layout import Layout, sniff
from analysis.sources.wandb.steps import training_steps

NAME = "wandb"

_HISTORY = frozenset({"_step", "_runtime", "_timestamp"})
_OPENAI_SYNC = frozenset({"elapsed_tokens", "elapsed_examples", "training_loss"})
"""Columns of an OpenAI job that was synced to W&B, named as in its results file."""
_RUNS_TABLE = ("Name", "State", "Created", "Runtime")
_RUNS_TABLE_OWN = frozenset(
    {"Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "ID", "Host", "Commit", "Description"}
    | {"End Time", "Updated", "Group", "Job Type", "GitHub", "GPU Type", "GPU Count"}
)
_CHART = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<bound>__MIN|__MAX)?", re.DOTALL)


def kind(layout: Layout) -> str | None:
    """Return the kind of export of a CSV: "history", "chart", "runs" or None."""
    header = layout.header
    if "_step" in header and _HISTORY & set(header) - {"_step"}:
        return "history"
    if all(name in header for name in _RUNS_TABLE):
        return "runs"
    bounds = {name for name in header[1:] if name.endswith(("__MIN", "__MAX"))}
    if bounds and all(_CHART.fullmatch(name) for name in header[1:]):
        return "chart"
    return None


def load_export(path: Path, columns: Columns) -> list[RawLog]:
    """Read an exported CSV.

    Raises
    ------
    LogError
        If the file is not an export, or no run in it has a value.
    """
    layout = sniff(path, delimiter=",")
    what = None if layout is None else kind(layout)
    if layout is None or what is None:
        raise LogError(f"{path}: neither a .wandb file nor a CSV exported from W&B; give one of them")
    return {"history": _history, "chart": _chart, "runs": _runs}[what](path, layout, columns)


def _history(path: Path, layout: Layout, columns: Columns) -> list[RawLog]:
    """Read one run's history as ``run.history()`` or ``scan_history()`` returns it."""
    texts = [name for name in layout.header if layout.is_text(name)]
    empty = [name for name in layout.header if not layout.column(name)]
    numbers = [name for name in layout.header if name not in texts]
    read = read_delimited(path, layout, numbers=numbers, lenient={*empty, *numbers} - {"_step"})
    frame = as_axis(read.frame, "_step", "step").drop(columns="_runtime", errors="ignore")
    failed = 0
    if "_timestamp" in frame:
        stamps, failed = parse_timestamps(frame.pop("_timestamp"))
        frame.insert(1, "timestamp", stamps)
    settings = constant_settings(frame, FACTOR_KEYS)
    frame = frame.sort_values("step", kind="stable", ignore_index=True).drop(columns=list(settings))
    frame, dropped, notes = training_steps(frame, columns)
    frame, merged = merge_rows(frame)
    left_out = (f"text columns left out: {', '.join(texts)}",) if texts else ()
    return [
        RawLog(
            frame=frame.dropna(axis="columns", how="all"),
            source=OPENAI_CSV if set(layout.header) >= _OPENAI_SYNC else NAME,
            files=(str(path),),
            rows_read=len(read.frame),
            lines=read.lines,
            columns_read=len(layout.header),
            config=settings,
            dropped=(*read.dropped, *timestamp_losses(failed), *dropped, *merged),
            notes=(*notes, *left_out),
        )
    ]


def _chart(path: Path, layout: Layout, columns: Columns) -> list[RawLog]:
    """Read a chart: one column per run and metric, with the minimum and maximum behind each value."""
    read = read_delimited(path, layout, numbers=layout.header, lenient=layout.header[1:])
    frame, axis = read.frame, layout.header[0]
    runs: dict[str, dict[str, str]] = {}
    for name in frame.columns[1:]:
        found = _CHART.fullmatch(name)
        if found and not found["bound"] and not found["metric"].startswith("_"):
            runs.setdefault(found["run"], {})[found["metric"]] = name
    logs = []
    for run, metrics in runs.items():
        own = frame[list(metrics.values())].set_axis(list(metrics), axis="columns")
        logged = own.notna().any(axis=1)
        if not logged.any():
            continue
        steps, notes = _axis(frame.loc[logged, axis], axis)
        table = pd.concat([steps.to_frame(), own[logged]], axis=1).reset_index(drop=True)
        table, merged = merge_rows(table)
        if any(_averaged(frame, column) for column in metrics.values()):
            notes += ("the chart's values stand for several steps each: their least and largest differ",)
        logs.append(
            RawLog(
                frame=table,
                source=NAME,
                files=(str(path),),
                rows_read=int(logged.sum()),
                lines=read.lines,
                name=run,
                id=run,
                dropped=(*read.dropped, *merged),
                notes=(*notes, "a chart export holds a sample of the history where a run is long"),
            )
        )
    if not logs:
        raise LogError(f"{path}: the chart holds no value; export it again with a run shown")
    return logs


def _axis(column: pd.Series[float], name: str) -> tuple[pd.Series[float], tuple[str, ...]]:
    """Return the steps of a chart: its x axis if that counts whole steps, otherwise row numbers; and notes."""
    values = column.to_numpy(dtype=np.float64)
    whole = bool((values == np.floor(values)).all())
    if whole and plain(name) in (*STEP_NAMES, "epoch"):
        return column.rename("step"), ()
    numbers = pd.Series(np.arange(len(column), dtype=np.float64), index=column.index, name="step")
    return numbers, (f"the chart's x axis is '{name}', no step: points are numbered",)


def _averaged(frame: pd.DataFrame, column: str) -> bool:
    low, high = f"{column}__MIN", f"{column}__MAX"
    return low in frame and high in frame and bool((frame[low] < frame[high]).any())


def _runs(path: Path, layout: Layout, columns: Columns) -> list[RawLog]:
    """Read the table of runs: settings and final values, one row per run."""
    read = read_delimited(path, layout, numbers=(), texts=layout.header)
    metrics = _summary_columns(layout, columns)
    step = columns.get("step") or find_axis(metrics, ("train_global_step", "trainer_global_step", *STEP_NAMES))
    logs: list[RawLog] = []
    empty = 0
    for row in read.frame.to_dict("records"):
        values = {name: _value(row[name]) for name in metrics}
        logged = {name: value for name, value in values.items() if value is not None and name != step}
        if not logged:
            empty += 1
            continue
        at = (values.get(step) if step else None) or 0.0
        frame = pd.DataFrame({"step": [at], **{name: [value] for name, value in logged.items()}})
        logs.append(_run_of(path, layout, row, metrics, frame))
    if not logs:
        raise LogError(f"{path}: no run in the table has a metric; add metric columns before exporting it")
    left = (Dropped("row", empty, "runs without a metric"),) if empty else ()
    return [replace(log, id=_unique(log, logs[:i]), lines=read.lines, dropped=left) for i, log in enumerate(logs)]


def _run_of(path: Path, layout: Layout, row: Mapping[Any, Any], metrics: Sequence[str], frame: pd.DataFrame) -> RawLog:
    settings = [name for name in layout.header if name not in _RUNS_TABLE_OWN and name not in metrics]
    config = {name: row[name] for name in settings if isinstance(row[name], str) and row[name]}
    state, tags, name = row["State"], row.get("Tags"), str(row["Name"])
    if isinstance(tags, str) and tags:
        config["tags"] = tags
    notes = ["final values only: the table of runs has no history"]
    if state != "finished":
        notes.append(f"W&B has the run as {state}")
    return RawLog(frame, NAME, (str(path),), 1, config=config, name=name, id=name, notes=tuple(notes))


def _summary_columns(layout: Layout, columns: Columns) -> list[str]:
    """Return the columns of final values: W&B sorts settings by name, then final values by name."""
    names = [name for name in layout.header if name not in _RUNS_TABLE_OWN]
    falls = [i for i in range(1, len(names)) if names[i].lower() < names[i - 1].lower()]
    known = set(standard_names(names, source=NAME, chosen=columns)) - set(FACTOR_KEYS)
    after = set(names[falls[0] :]) if len(falls) == 1 else set()
    numeric = [name for name in names if layout.column(name) and not layout.is_text(name)]
    return [name for name in numeric if name in after or name in known or name in columns.values()]


def _value(cell: Any) -> float | None:
    """Return the number in a cell, infinity if it is not finite, None if the cell is not a number."""
    try:
        value = float(cell) if isinstance(cell, str) else None
    except ValueError:
        return None
    return value if value is None or np.isfinite(value) else np.inf


def _unique(log: RawLog, before: Sequence[RawLog]) -> str:
    same = sum(other.name == log.name for other in before)
    return f"{log.name} ({same + 1})" if same else str(log.name)
