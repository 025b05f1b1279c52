"""The contract of a log source: one module in this folder, listed once in ``SOURCES`` of ``__init__``.

A source module has four public names::

    NAME = "lightning csv"            # shown in provenance; the key of its own names, if any, in metric_aliases.py
    SCHEME = ""                       # "tb" makes the reference "tb:logs/run1" go to this source only
    def recognises(path: Path) -> bool: ...
    def load(path: Path, *, columns: Columns) -> list[RawLog]: ...

and, if it also knows runs that are not a path (a server, an API, a store found by run ID), two more::

    def claims(reference: str) -> bool: ...    # native IDs and URLs: "ftjob-...", "runs:/<id>"
    def fetch(reference: str, *, runs_dir: Path, columns: Columns) -> list[RawLog]: ...

Rules that hold for all of them
-------------------------------
- ``recognises`` is a cheap sniff (name, folder content, first kilobytes: see `head`), says False for what it
  cannot read and raises nothing. The first source in ``SOURCES`` that recognises a path loads it.
- ``load`` returns one `RawLog` for each run in that file or folder: mostly one. Where there can be several
  (a database, a store, an export with several runs), each sets ``RawLog.id``; elsewhere it may stay None
  and the run is called after the file or folder.
- Metric columns keep the tool's own names: metric_aliases.py alone maps them. ``columns`` is what the user wrote, a
  mapping from standard name to the log's own (``{"step": "iter", "train_loss": "my_loss"}``); a source only
  uses its ``step``, ``epoch`` and ``timestamp`` entries, the metrics among them are renamed by to_run.py.
- A value logged as NaN is handed over as infinity; NaN means "not logged". Metric columns are float64.
- ``config`` is handed over as the tool keeps it; to_run.py redacts it before anything is stored. Messages
  and notes must not quote configuration values.
- ``fetch`` gets the reference without its scheme (or the whole of it where ``claims`` took it), and is never
  called for an existing path. The network, and credentials from the environment, are for ``fetch`` alone.
- Whatever a user can cause is an `analysis.core.errors.AnalysisError` of one line: ``file:line: what, what is
  allowed, what to do``. Optional packages are imported inside the function that needs them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from analysis.sources.raw_log import RawLog

Columns: TypeAlias = Mapping[str, str]
"""Standard name to the log's own name, as a user wrote it; empty if nobody did."""


@runtime_checkable
class Source(Protocol):
    """What every module in this folder that is listed in ``SOURCES`` looks like."""

    NAME: str
    SCHEME: str

    def recognises(self, path: Path) -> bool:
        """True if, at a cheap look, this source can load a path; raise nothing."""
        ...

    def load(self, path: Path, *, columns: Columns) -> list[RawLog]:
        """Read the run or runs in a file or folder."""
        ...


@runtime_checkable
class RemoteSource(Source, Protocol):
    """A source that also knows runs that are not a path."""

    def claims(self, reference: str) -> bool:
        """True if a reference without a scheme is a native ID or URL of this tool."""
        ...

    def fetch(self, reference: str, *, runs_dir: Path, columns: Columns) -> list[RawLog]:
        """Read the run or runs a reference (without its scheme) leads to."""
        ...


def head(path: Path, size: int = 4096) -> bytes:
    """Return the first bytes of a file, empty if it is no file or cannot be read."""
    if path.is_file():  # no pipe, which would be waited for
        with contextlib.suppress(OSError), path.open("rb") as stream:
            return stream.read(size)
    return b""


_ROTATED = re.compile(r"(?<=\.log|\.txt|\.out|\.csv)\.(?:\d{1,3}|\d{4}-\d\d-\d\d(?:[_-]\d\d)*)$|(?<=\.jsonl)\.\d{1,3}$")


def bare_name(path: Path) -> str:
    """Return a file's name in lower case without what packing and rotation add.

    >>> bare_name(Path("Train.log.2")), bare_name(Path("a.csv.gz")), bare_name(Path("v1.2"))
    ('train.log', 'a.csv', 'v1.2')
    """
    return _ROTATED.sub("", path.name.lower().removesuffix(".gz"))
