"""MLflow's SQLite database, read directly and read-only."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.sources._sqlite import has_tables, opened
from analysis.sources.limits import check_cells
from analysis.sources.mlflow.run import Points, StoredRun

_TABLES = frozenset({"alembic_version", "experiments", "runs", "metrics", "params", "tags"})
_HELD = 8
"""Upper bound of the numbers in memory per point."""
_POINT = np.dtype([("milliseconds", "i8"), ("step", "i8"), ("value", "f8")])


@dataclass(frozen=True)
class SqliteStore:
    """A database file of MLflow's SQLAlchemy store."""

    path: Path

    @property
    def place(self) -> str:
        """The file."""
        return str(self.path)

    def runs(self, experiment: str | None = None) -> list[tuple[str, str]] | None:
        """Return (ID, name) of the runs of an experiment (name or ID), or of all; None without that experiment."""
        with _opened(self.path) as database:
            return _runs(database, experiment)

    def read(self, run_id: str) -> StoredRun | None:
        """Return a run, or None if the database does not have it.

        Raises
        ------
        LogError
            If the file is damaged or larger than allowed.
        """
        with _opened(self.path) as database:
            return _read(database, self.path, run_id)

    def read_all(self) -> tuple[list[StoredRun], int]:
        """Return all active runs, and the number of deleted runs that are still in the database."""
        with _opened(self.path) as database:
            found = (_read(database, self.path, run_id) for run_id, _ in _runs(database, None) or [])
            runs = [run for run in found if run is not None]
            (deleted,) = database.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'deleted'").fetchone()
            return runs, int(deleted)


def is_database(path: Path) -> bool:
    """True if a file is a SQLite database with MLflow's tables."""
    return has_tables(path, _TABLES)


def _opened(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    return opened(path, _TABLES, "MLflow")


def _runs(database: sqlite3.Connection, experiment: str | None) -> list[tuple[str, str]] | None:
    found = database.execute(
        "SELECT experiment_id FROM experiments WHERE ?1 IS NULL OR name = ?1 OR experiment_id = ?1", (experiment,)
    ).fetchall()
    if experiment is not None and not found:
        return None
    rows = database.execute(
        "SELECT run_uuid, name FROM runs WHERE lifecycle_stage IS NOT 'deleted' "
        f"AND experiment_id IN ({','.join('?' * len(found))}) ORDER BY start_time, rowid",
        [row[0] for row in found],
    )
    return [(str(run_id), str(name or "")) for run_id, name in rows]


def _read(database: sqlite3.Connection, path: Path, run_id: str) -> StoredRun | None:
    about = "SELECT name, lifecycle_stage, status FROM runs WHERE run_uuid = ?"
    row = database.execute(about, (run_id,)).fetchone()
    if row is None:
        return None
    tags = _pairs(database, "tags", run_id)
    return StoredRun(
        id=run_id,
        name=str(row[0] or tags.get("mlflow.runName", "")),
        deleted=row[1] == "deleted",
        status=str(row[2] or ""),
        points=_points(database, path, run_id),
        params=_pairs(database, "params", run_id),
        tags=tags,
        files=(str(path),),
        uri=f"{path}#{run_id}",
    )


def _points(database: sqlite3.Connection, path: Path, run_id: str) -> Points:
    """Return a run's metrics in the order of MLflow's index on (run_uuid, key, step), which saves a sort."""
    counts = "SELECT key, count(*) FROM metrics WHERE run_uuid = ? GROUP BY key ORDER BY key"
    metrics = database.execute(counts, (run_id,)).fetchall()
    number = np.array([count for _, count in metrics], dtype=np.int64)
    check_cells(path, int(number.sum()), _HELD)
    rows = database.execute(  # 9e999 overflows to infinity, which stands for NaN in a RawLog
        "SELECT timestamp, step, CASE is_nan WHEN 0 THEN value ELSE 9e999 END FROM metrics "
        "WHERE run_uuid = ? ORDER BY key, step",
        (run_id,),
    )
    points = np.fromiter(rows, dtype=_POINT, count=int(number.sum()))
    return Points(
        names=tuple(str(key) for key, _ in metrics),
        tag=np.repeat(np.arange(len(metrics)), number),
        step=points["step"],
        milliseconds=points["milliseconds"],
        value=points["value"],
    )


def _pairs(database: sqlite3.Connection, table: str, run_id: str) -> dict[str, str]:
    rows = database.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ? ORDER BY key", (run_id,))
    return {str(key): str(value) for key, value in rows}
