"""Read a folder in which each epoch or step left a JSON file of its own (``metrics_epoch_3.json``): a row a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.core.metrics import metric
from analysis.sources.base import Columns
from analysis.sources.jsonl import logs_of
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import table_of
from analysis.sources.yaml_files import load_json

NAME = "numbered json"
SCHEME = ""

_NUMBERED = re.compile(
    r"(?P<stem>.*?)[_-]?(?P<axis>epoch|step|iter(?:ation)?)[_-]?(?P<number>\d+)\.json", re.IGNORECASE
)
_MOST = 10_000


def recognises(path: Path) -> bool:
    """True for a folder with such files of one name, of which the first holds a metric."""
    files = _files(path) if path.is_dir() else []
    if len(files) < 2:
        return False
    row = _row(files[0][1])
    return any(isinstance(value, int | float) and metric(name).direction != "none" for name, value in row.items())


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read the numbers of each file, at the epoch or step that it states, else that of its name."""
    rows: list[dict[str, Any]] = []
    files = _files(path)
    for axis, file, number in files:
        row = _row(file)
        rows.append(row if axis in row else {axis: number, **row})
    logs = logs_of(table_of(path, rows), columns=columns)
    note = f"{len(files)} files, {files[0][1].name} to {files[-1][1].name}, are the rows of one run"
    names = tuple(str(file) for _, file, _ in files)
    return [
        replace(log, source=NAME, files=names, id=log.id or path.resolve().name, notes=(*log.notes, note))
        for log in logs
    ]


def _files(folder: Path) -> list[tuple[str, Path, int]]:
    """List the files by their number, with what it counts; empty if the folder has several such sets."""
    try:
        named = [(found, path) for path in folder.glob("*.json") if (found := _NUMBERED.fullmatch(path.name))][:_MOST]
    except OSError:
        return []
    if len({(found["stem"], found["axis"]) for found, _ in named}) != 1:
        return []
    axis = "epoch" if named[0][0]["axis"].lower() == "epoch" else "step"
    return sorted(((axis, path, int(found["number"])) for found, path in named), key=lambda one: one[2])


def _row(path: Path) -> dict[str, Any]:
    try:
        content = load_json(path)
    except LogError:
        return {}
    return {str(key): value for key, value in content.items()} if isinstance(content, Mapping) else {}
