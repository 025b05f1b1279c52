"""Open the SQLite databases of trackers: read-only, one snapshot, bounded, whatever SQLite finds wrong in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

from analysis.core.errors import LogError
from analysis.sources.base import head
from analysis.sources.limits import check_size
from analysis.sources.streams import unreadable

_MAGIC = b"SQLite format 3\0"
_STORED = (
    "SELECT name FROM sqlite_master AS one WHERE type = 'table' AND rootpage > 0 "
    "AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(one.name) WHERE hidden = 2)"
)
"""Tables that hold all they give: not views, virtual tables or virtual columns, which compute it and may never end."""
LONGEST = 16_000_000
"""Bytes of one value."""
MOST_STEPS = 1000
"""Millions of instructions of SQLite's machine, less than a minute; 10^7 points of MLflow take some hundred."""


def has_tables(path: Path, tables: Collection[str]) -> bool:
    """True if a file is a SQLite database with tables of these names."""
    if not path.is_file() or head(path, len(_MAGIC)) != _MAGIC:
        return False
    try:
        with opened(path, tables, "any tool"):
            return True
    except LogError:
        return False


@contextmanager
def opened(path: Path, tables: Collection[str], tool: str) -> Iterator[sqlite3.Connection]:
    """Open a database read-only.

    Raises
    ------
    LogError
        If it is damaged, larger than allowed, or lacks one of the tables that a tool writes.
    """
    try:
        check_size(path)
        with closing(_connected(path)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
            database.set_progress_handler(_patience(), 1_000_000)
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("BEGIN")  # one snapshot, though a run may be logging
            there = {row[0] for row in database.execute(_STORED)}
            if lacking := sorted(set(tables) - there):
                listed = ", ".join(lacking)
                raise LogError(f"{path}: not a database of {tool}, no table {listed}; give the file {tool} writes")
            yield database
    except OSError as problem:
        raise unreadable(path, problem) from None
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as problem:
        said = " ".join(str(problem).split())
        if said == "interrupted":
            said = f"it takes more than {MOST_STEPS} million steps of SQLite's, as where an index is lost"
        raise LogError(f"{path}: the database cannot be read ({said}); restore it from a copy") from None


def _patience() -> Callable[[], bool]:
    """Return what SQLite asks every million instructions: whether to give up."""
    asked = count()
    return lambda: next(asked) > MOST_STEPS


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
