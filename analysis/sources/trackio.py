"""Read Trackio's database, one for each project: the metrics and the configuration of each run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.sources._sqlite import has_tables, opened
from analysis.sources.arrange import arrange
from analysis.sources.base import Columns
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import RowTable

NAME = "trackio"
SCHEME = ""

_TABLES = frozenset({"metrics", "configs"})
_ABOUT = ("run_name", "step", "timestamp", "metrics")


def recognises(path: Path) -> bool:
    """True for a database with Trackio's tables, or a folder with one and no other."""
    if path.is_dir():
        return len(list(path.glob("*.db"))) == 1 and recognises(next(path.glob("*.db")))
    return path.suffix == ".db" and has_tables(path, (*_TABLES, "system_metrics"))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read all runs of a project."""
    path = next(path.glob("*.db")) if path.is_dir() else path
    with opened(path, _TABLES, "Trackio") as database:
        columns_there = {row[1] for row in database.execute("PRAGMA table_info(metrics)")}
        key = "run_id" if "run_id" in columns_there else "run_name"  # older ones have names alone
        order = f"SELECT {key}, {', '.join(_ABOUT)} FROM metrics ORDER BY rowid"
        tables: dict[str, RowTable] = {}
        names: dict[str, str] = {}
        for run, name, step, time, metrics in database.execute(order):
            row = _mapping(metrics)
            names[run] = str(name)
            tables.setdefault(run, RowTable(path)).add({"step": step, "timestamp": time, **row})
        stated = {run: _mapping(config) for run, config in database.execute(f"SELECT {key}, config FROM configs")}
    if not tables:
        raise LogError(f"{path}: no run has a metric; log at least one, for example a loss")
    logs = []
    for run, table in tables.items():
        config = {name: value for name, value in stated.get(run, {}).items() if not name.startswith("_")}
        raw = RawLog(
            table.frame(texts=True),
            NAME,
            (str(path),),
            table.rows,
            config=config,
            id=names[run],
            name=names[run],
            dropped=table.left_out(),
        )
        logs += arrange(raw, columns)
    twice = {log.id for log in logs if sum(log.id == other.id for other in logs) > 1}
    numbered = enumerate(logs, start=1)
    return [replace(log, id=f"{log.id}-{number}") if log.id in twice else log for number, log in numbered]


def _mapping(value: str | bytes) -> dict[str, Any]:
    found = json.loads(value)
    return dict(found) if isinstance(found, Mapping) else {}
