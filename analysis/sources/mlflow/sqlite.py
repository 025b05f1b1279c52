"""MLflow's SQLite database, read directly and read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from analysis.core.errors import LogError
from analysis.sources.base import head
from analysis.sources.limits import check_cells, check_size
from analysis.sources.mlflow.run import Points, StoredRun
from analysis.sources.streams import unreadable

_MAGIC = b"SQLite format 3\0"
_TABLES = frozenset({"alembic_version", "experiments", "runs", "metrics", "params", "tags"})
_LONGEST = 16_000_000  # bytes of one value
_POINT = np.dtype([("milliseconds", "i8"), ("step", "i8"), ("value", "f8")])


@dataclass(frozen=True)
class SqliteStore:
    """A database file that MLflow's SQLAlchemy store writes."""

    path: Path

    @property
    def place(self) -> str:
        """The file."""
        return str(self.path)

    def runs(self, experiment: str | None = None) -> list[tuple[str, str]] | None:
        """Return (ID, name) of the runs of an experiment (name or ID) or of all; None if it is not here."""
        with _opened(self.path) as database:
            return _runs(database, experiment)

    def read(self, run_id: str) -> StoredRun | None:
        """Read a run, None if the database does not hold it.

        Raises
        ------
        LogError
            If the file is damaged or larger than allowed.
        """
        with _opened(self.path) as database:
            return _read(database, self.path, run_id)

    def read_all(self) -> tuple[list[StoredRun], int]:
        """Read all active runs; return them and how many are deleted but still there."""
        with _opened(self.path) as database:
            found = (_read(database, self.path, run_id) for run_id, _ in _runs(database, None) or [])
            runs = [run for run in found if run is not None]
            (deleted,) = database.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'deleted'").fetchone()
            return runs, int(deleted)


def is_database(path: Path) -> bool:
    """Tell whether a file is a SQLite database with MLflow's tables."""
    if head(path, len(_MAGIC)) != _MAGIC:
        return False
    try:
        with _opened(path):
            return True
    except LogError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database read-only; whatever SQLite finds wrong becomes a `LogError`."""
    try:
        check_size(path)
        with closing(_connected(path)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("BEGIN")  # one snapshot, though a run may be logging
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables >= _TABLES:
                lacking = ", ".join(sorted(_TABLES - tables))
                raise LogError(f"{path}: not a database of MLflow, no table {lacking}; give the file MLflow writes")
            yield database
    except OSError as problem:
        raise unreadable(path, problem) from None
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as problem:
        said = " ".join(str(problem).split())
        raise LogError(f"{path}: the database cannot be read ({said}); restore it from a copy") from None


def _connected(path: Path) -> sqlite3.Connection:
    """Connect with mode=ro; on a disk that cannot be written to, as to a file that nobody changes."""
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    database = sqlite3.connect(uri, uri=True)
    try:
        database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        database.close()
        pending = path.with_name(f"{path.name}-wal")
        if pending.is_file() and pending.stat().st_size:
            raise LogError(
                f"{path}: {pending.name} beside it holds changes; copy both to a folder you can write to"
            ) from None
        database = sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return database


def _runs(database: sqlite3.Connection, experiment: str | None) -> list[tuple[str, str]] | None:
    found = database.execute(
        "SELECT experiment_id FROM experiments WHERE ?1 IS NULL OR name = ?1 OR experiment_id = ?1",
        (experiment,),
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
    """Read a run's metrics in the order of an index."""
    counts = "SELECT key, count(*) FROM metrics WHERE run_uuid = ? GROUP BY key ORDER BY key"
    metrics = database.execute(counts, (run_id,)).fetchall()
    number = np.array([count for _, count in metrics], dtype=np.int64)
    check_cells(path, int(number.sum()), len(_POINT.names or ()) + 1)
    rows = database.execute(  # 9e999 is infinity: a logged NaN, see RawLog
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
