"""Read any delimited table or Parquet file with a header: the last resort, helped by a column mapping."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import LogError
from analysis.schema import FACTORS
from analysis.sources.axes import EPOCH_NAMES, STEP_NAMES, TIME_NAMES, check_columns, find_axis, set_axes
from analysis.sources.base import Columns, head
from analysis.sources.delimited import Layout, read_delimited, sniff
from analysis.sources.jsonl import RUN_NAMES
from analysis.sources.names import plain, standard_names
from analysis.sources.parquet import MAGIC, read_parquet
from analysis.sources.raw import RawLog
from analysis.sources.row_order import by_phase, phase_column
from analysis.sources.rows import constant_settings, merge_rows
from analysis.sources.streams import open_text

NAME = "table"
SCHEME = ""

_SUFFIXES = (".csv", ".tsv", ".txt", ".log", ".dat")


def recognises(path: Path) -> bool:
    """Tell a Parquet file, or text with a header of two columns at least."""
    if not path.is_file():
        return False
    if head(path, 4) == MAGIC:
        return True
    if not path.name.lower().removesuffix(".gz").endswith(_SUFFIXES):
        return False
    layout = sniff(path)
    if layout is None or len(layout.header) < 2 or all(_is_number(name) for name in layout.header):
        return False
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        return True
    return find_axis(layout.header, (*STEP_NAMES, *EPOCH_NAMES)) is not None


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read a table; one run for each run name in it."""
    log = _from_parquet(path, columns) if head(path, 4) == MAGIC else _from_text(path, columns)
    runs = find_axis(log.frame.columns, RUN_NAMES)
    if runs is None or pd.api.types.is_numeric_dtype(log.frame[runs]):
        runs = _folds(log.frame, columns)
    if runs is None:
        return [_with_axes(log, columns)]
    groups = list(log.frame.groupby(runs, sort=False, dropna=False))
    logs = []
    for name, group in groups:
        run = "unnamed" if pd.isna(name) else f"{runs}_{name:g}" if isinstance(name, float) else str(name)
        rows = group.drop(columns=runs).reset_index(drop=True)
        one = replace(log, frame=rows, name=run, rows_read=len(rows), id=run if len(groups) > 1 else None)
        logs.append(_with_axes(one, columns))
    return logs


def _folds(frame: pd.DataFrame, columns: Columns) -> str | None:
    """Return a column of numbers that names runs one below the other: where it changes, the counter starts again."""
    axis = columns.get("step") or find_axis(frame.columns, (*STEP_NAMES, *EPOCH_NAMES))
    name = find_axis(frame.columns, ("fold", "seed", "run", "trial"))
    if axis is None or name is None or axis == name:
        return None
    counter, number = (frame[c].to_numpy(dtype="float64", na_value=float("nan")) for c in (axis, name))
    falls, changes = (
        set((np.flatnonzero(found) + 1).tolist()) for found in (np.diff(counter) < 0, np.diff(number) != 0)
    )
    return name if falls and falls == changes else None


def _from_text(path: Path, columns: Columns) -> RawLog:
    with open_text(path):  # for its errors: empty, binary, not readable
        layout = sniff(path)
    if layout is None:
        raise LogError(f"{path}: no header line; a table starts with a line that names its columns")
    check_columns(path, layout.header, columns)
    stamp = columns.get("timestamp") or find_axis(layout.header, TIME_NAMES)
    text = [name for name in layout.header if layout.is_text(name)]
    phase = phase_column({name: layout.column(name) for name in text})
    texts = [name for name in text if name in (stamp, phase) or name == find_axis(text, RUN_NAMES)]
    numbers = [name for name in layout.header if name not in text or name in _meant(layout, columns)]
    if not numbers:
        raise LogError(f"{path}: no column of numbers, only {', '.join(layout.header)}; a log needs a metric")
    lenient = set(numbers) - _meant(layout, columns)
    read = read_delimited(path, layout, numbers=numbers, texts=texts, step=_step(layout, columns), lenient=lenient)
    config = {name: layout.column(name)[0] for name in text if name not in texts and _is_setting(layout, name)}
    left_out = [name for name in text if name not in texts and name not in config and name not in numbers]
    notes: tuple[str, ...] = (f"text columns left out: {', '.join(left_out[:10])}",) if left_out else ()
    files, rows = (str(path),), len(read.frame)
    if phase is not None:
        said = [None if pd.isna(value) else str(value) for value in read.frame[phase]]
        parted = by_phase(read.frame.drop(columns=phase), said)
        notes += (f"{phase} says on which data each row was measured: its metrics are train_... and val_...",)
        return RawLog(parted, NAME, files, rows, lines=read.lines, config=config, dropped=read.dropped, notes=notes)
    return RawLog(
        _with_tag(read.frame, path),
        NAME,
        files,
        rows,
        lines=read.lines,
        config=config,
        dropped=read.dropped,
        notes=notes,
    )


def _with_tag(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Name the values of a TensorBoard download by the tag, which stands in the file's name alone."""
    tag = re.search(r"-tag-(.+?)\.csv", path.name)
    known = {plain(str(name)) for name in frame.columns} == {"wall_time", "step", "value"}
    return frame.rename(columns={"Value": tag[1]}) if tag and known else frame


def _meant(layout: Layout, columns: Columns) -> set[str]:
    """Return the columns that must be numbers: the step, the user's own, and metrics of a standard name."""
    step = _step(layout, columns)
    named = {column for standard, column in columns.items() if standard != "timestamp"}
    return ({step} if step else set()) | named | set(standard_names(layout.header, source=NAME, chosen=columns))


def _step(layout: Layout, columns: Columns) -> str | None:
    return columns.get("step") or find_axis(layout.header, STEP_NAMES)


def _is_setting(layout: Layout, name: str) -> bool:
    """Tell a text column that says the same on every sampled row."""
    cells = layout.column(name)
    return len(cells) == len(layout.sample) and len(set(cells)) == 1


def _from_parquet(path: Path, columns: Columns) -> RawLog:
    frame = read_parquet(path, texts=(*RUN_NAMES, *TIME_NAMES, columns.get("timestamp", "")))
    return RawLog(frame, NAME, (str(path),), len(frame))


def _with_axes(log: RawLog, columns: Columns) -> RawLog:
    frame, lost, notes = set_axes(log.frame, columns=columns, where=log.files[0])
    settings = constant_settings(frame, [key for keys in FACTORS.values() for key in keys])
    frame = frame.drop(columns=[name for name in settings if name not in ("lr", "learning_rate")])
    frame, merged = merge_rows(frame)
    return replace(
        log,
        frame=frame,
        config={**log.config, **settings},
        dropped=(*log.dropped, *lost, *merged),
        notes=(*log.notes, *notes),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
