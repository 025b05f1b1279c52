"""Read LLaMA-Factory's ``trainer_log.jsonl``, also where several processes wrote into one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.plain_data import loads
from analysis.core.run import Dropped
from analysis.sources.adjacent_config import any_settings
from analysis.sources.base import Columns
from analysis.sources.jsonl import json_lines
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import RowTable, as_axis, merge_rows
from analysis.sources.streams import text_head

NAME = "llama-factory"
SCHEME = ""

LOG = "trainer_log.jsonl"
_NOT_LOGGED = ("total_steps", "percentage", "elapsed_time", "remaining_time")


def recognises(path: Path) -> bool:
    """True for a file of JSON lines that count ``current_steps``, or a folder with ``trainer_log.jsonl``."""
    if path.is_dir():
        return (path / LOG).is_file() and not (path / "trainer_state.json").is_file()
    if not path.is_file() or path.suffix not in {".jsonl", ".json", ".log", ".gz"}:
        return False
    first = text_head(path).partition("\n")[0]
    try:
        row = loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and {"current_steps", "total_steps"} <= set(row)


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read one log; settings come from the YAML or JSON in its folder that has most of them."""
    path = path / LOG if path.is_dir() else path
    table, line = RowTable(path), 0
    dropped: tuple[Dropped, ...] = ()
    for line, row, cut in json_lines(path):
        if cut:
            dropped = (Dropped("row", 1, "the last line is cut off"),)
        else:
            table.add({key: value for key, value in row.items() if not key.endswith("_time")}, line)
    frame = table.frame()
    if "current_steps" not in frame:
        raise LogError(f"{path}: no 'current_steps' on any row; give the log that LLaMA-Factory wrote")
    frame = as_axis(frame, "current_steps", "step")
    total = frame["total_steps"].dropna() if "total_steps" in frame else pd.Series(dtype=float)
    progress = [name for name in _NOT_LOGGED if name in frame]
    frame = frame.drop(columns=progress)
    frame, merged, notes = _one_writer(frame)
    config, files, found = any_settings(path.parent, but=path.name)
    return [
        RawLog(
            frame,
            NAME,
            (str(path), *files),
            table.rows,
            lines=line,
            config=config,
            id=path.resolve().parent.name if path.name == LOG else None,
            expected_steps=int(total.iloc[-1]) if len(total) else None,
            dropped=(*dropped, *table.left_out(texts=False), *merged),
            notes=(*notes, *((f"progress, no metrics: {', '.join(progress)}",) if progress else ()), *found),
        )
    ]


def _one_writer(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Dropped, ...], tuple[str, ...]]:
    """Merge rows by step; where several processes took turns, one row a step without marking seams.

    A resumed run goes back a few times, and rarely repeats half of its steps; processes that write at
    once do both.
    """
    steps = frame["step"].to_numpy(dtype=np.float64)
    backward = int((np.diff(steps) < 0).sum())
    repeated = int(frame["step"].duplicated().sum())
    interleaved = backward > max(5, len(steps) / 50) and repeated > 0.3 * len(steps)
    if interleaved:
        frame = frame.sort_values("step", kind="stable")
    merged, dropped = merge_rows(frame.reset_index(drop=True))
    if interleaved:
        note = f"several processes wrote in turns ({backward} backward moves); the last value of a step is kept"
        return merged, dropped, (note,)
    return merged, dropped, ()
