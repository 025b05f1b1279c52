"""Read JSON lines: one dict a row, with run names and hyperparameters possibly on every row."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import LogError
from analysis.schema import FACTORS, Dropped
from analysis.sources.axes import TIME_NAMES, find_axis, set_axes
from analysis.sources.base import Columns
from analysis.sources.raw import RawLog
from analysis.sources.row_order import by_phase, phase_column
from analysis.sources.rows import RowTable, constant_settings, merge_rows
from analysis.sources.streams import open_lines, text_head

NAME = "jsonl"
SCHEME = ""

RUN_NAMES = ("run_name", "run", "run_id", "run name")
"""Columns that say which run a row belongs to."""

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".log", ".txt")


_STEP_OF = re.compile(r"step|iter", re.I)
_OF = re.compile(r"\s*(\d+)\s*/\s*\d+\s*")


def recognises(path: Path) -> bool:
    """Tell a text file whose first line is a JSON object; one of messages alone is no log of steps."""
    name = path.name.lower().removesuffix(".gz")
    if not path.is_file() or not (name.endswith(_SUFFIXES) or ".jsonl" in name):
        return False
    text = text_head(path)
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    rows = ".jsonl" in name or name.endswith(".ndjson")
    if not lines or not all(line.startswith("{") for line in lines[: 1 if rows else 2]):
        return False
    if name.endswith(".json") and len(lines) == 1:
        return False  # a JSON file of one line is one object, not a row
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        return rows
    return isinstance(first, dict) and (rows or any(isinstance(value, int | float) for value in first.values()))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read a file of JSON lines; one run for each run name in it."""
    tables: dict[str | None, RowTable] = {}
    dropped: tuple[Dropped, ...] = ()
    line = 0
    for line, row, cut in json_lines(path):
        if cut:
            dropped = (Dropped("row", 1, "the last line is cut off"),)
            continue
        run = None
        for name in RUN_NAMES:
            if name in row and isinstance(row[name], str | int):
                run = str(row[name])
                break
        if run not in tables:
            tables[run] = RowTable(path)
        tables[run].add(row, line)
    if not tables:
        raise LogError(f"{path}: the file is empty; a log needs at least one row")
    several = len(tables) > 1
    logs = [log_of(table, columns=columns, run=run, several=several) for run, table in tables.items()]
    return [_with_lines(log, line, dropped) for log in logs]


def _with_lines(log: RawLog, lines: int, dropped: tuple[Dropped, ...]) -> RawLog:
    return replace(log, lines=lines, dropped=(*log.dropped, *dropped))


def log_of(table: RowTable, *, columns: Columns, run: str | None, several: bool) -> RawLog:
    """Make a log of collected rows: axes named, settings that stand on every row taken as configuration."""
    frame = table.frame()
    phase = phase_column({name: table.text(name) for name in table.texts})
    for name in [name for name in table.texts if _STEP_OF.search(name)]:
        counted = [_OF.fullmatch(value or "") for value in table.text(name)]
        if sum(found is not None for found in counted) > len(counted) // 2:  # "5/500"
            frame["current_steps"] = [float(found[1]) if found else np.nan for found in counted]
    if phase is not None:
        frame = by_phase(frame, table.text(phase))
    stamp = columns.get("timestamp") or find_axis(table.texts, TIME_NAMES)
    if stamp in table.texts:
        frame[stamp] = pd.array(table.text(stamp), dtype="str")
    frame, lost, notes = set_axes(frame, columns=columns, where=table.path)
    frame, merged = merge_rows(frame)
    texts = table.constants()
    config: dict[str, Any] = {key: text for key, text in texts.items() if key not in RUN_NAMES and key != stamp}
    settings = constant_settings(frame, [key for keys in FACTORS.values() for key in keys])
    config.update(settings)
    metrics = [name for name in frame.columns if name not in settings or name in ("lr", "learning_rate")]
    varying = sorted(set(table.texts) - set(texts) - {stamp, phase} - set(RUN_NAMES))
    if phase is not None:
        notes += (f"{phase} says on which data each row was measured: its metrics are train_... and val_...",)
    if varying:
        notes += (f"text columns left out: {', '.join(varying[:10])}",)
    return RawLog(
        frame[metrics],
        NAME,
        (str(table.path),),
        table.rows,
        config=config,
        name=run,
        id=run if several else None,
        dropped=(*lost, *merged, *table.left_out()),
        notes=notes,
    )


def json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any], bool]]:
    """Yield (line number, object, whether it is a cut-off last line) of each line that is not blank.

    Raises
    ------
    LogError
        For a line that is no JSON object, with its number.
    """
    with open_lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            content = line.strip().removeprefix(codecs.BOM_UTF8.decode())
            if not content:
                continue
            try:
                row = json.loads(content)
            except (ValueError, RecursionError):
                if not line.endswith("\n"):
                    yield number, {}, True
                    return
                raise LogError(f"{path}:{number}: not a JSON object; correct or remove the line") from None
            if not isinstance(row, dict):
                raise LogError(f"{path}:{number}: a row must be a JSON object, got {type(row).__name__}")
            yield number, row, False
