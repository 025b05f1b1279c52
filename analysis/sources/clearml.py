"""Read what ClearML keeps of a task offline: the folder of the session, or the zip that it is packed into."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.core.plain_data import loads
from analysis.core.run import Dropped
from analysis.sources.arrange import arrange
from analysis.sources.base import Columns
from analysis.sources.limits import MB, limit, too_large
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import table_of

NAME = "clearml"
SCHEME = ""

_TASK, _EVENTS = "task.json", "metrics.jsonl"
_SCALAR = "training_stats_scalar"


def recognises(path: Path) -> bool:
    """Return True for a folder or zip with the two files of an offline session."""
    if path.is_dir():
        return (path / _TASK).is_file() and (path / _EVENTS).is_file()
    try:
        return path.suffix == ".zip" and {_TASK, _EVENTS} <= set(zipfile.ZipFile(path).namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read the scalars of a task; what it measured of the machine, and values without a step, are no curves."""
    try:
        task = loads(_text(path, _TASK))
        events = [event for line in _text(path, _EVENTS).splitlines() if line.strip() for event in loads(line)]
    except (ValueError, TypeError, OSError, zipfile.BadZipFile):
        raise LogError(f"{path}: a damaged offline session of ClearML; copy it again") from None
    scalars = [event for event in events if isinstance(event, Mapping) and event.get("type") == _SCALAR]
    rows: list[dict[str, Any]] = []
    machine = single = 0
    for event in scalars:
        name = "/".join(dict.fromkeys(str(event.get(key)) for key in ("metric", "variant")))
        if name.startswith(":monitor:"):
            machine += 1
        elif event.get("iter", -1) < 0:  # ClearML writes the smallest whole number
            single += 1
        else:
            rows.append({"step": event["iter"], "timestamp": event.get("timestamp"), name: event.get("value")})
    if not rows:
        raise LogError(f"{path}: no scalar in the session; report one with report_scalar, for example a loss")
    sections = task.get("hyperparams", {}) if isinstance(task, Mapping) else {}
    config = {
        name: entry.get("value")
        for section in sections.values()
        for name, entry in section.items()
        if isinstance(entry, Mapping)
    }
    dropped = (
        Dropped(":monitor:", machine, "measured at the machine"),
        Dropped("single values", single, "reported without a step"),
    )
    files = (str(path / _EVENTS), str(path / _TASK)) if path.is_dir() else (str(path),)
    title = task.get("name") if isinstance(task, Mapping) else None
    table = table_of(path, sorted(rows, key=lambda row: row["step"]))
    raw = RawLog(
        table.frame(texts=True),
        NAME,
        files,
        len(rows),
        config=config,
        label=title,
        dropped=tuple(lost for lost in dropped if lost.count),
    )
    return arrange(raw, columns)


def _text(path: Path, name: str) -> str:
    if path.is_dir():
        return (path / name).read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as packed:
        size = packed.getinfo(name).file_size
        if size > limit("RUN_REPORTS_MAX_LOG_MB") * MB:
            raise too_large(path, size / MB, "RUN_REPORTS_MAX_LOG_MB")
        return packed.read(name).decode("utf-8")
