"""MLflow runs: from a file store (``mlruns/``), a SQLite database, or a tracking server.

``mlflow:<run id>``, ``mlflow:<experiment>/*`` (name or ID), ``mlflow:<experiment>/<run name>`` and
``runs:/<run id>`` are looked up in the store of ``MLFLOW_TRACKING_URI``, otherwise in the ``mlflow.db`` and
``mlruns`` of the current and the runs folder; the URL of a run's page names its server. A path is a run folder,
an experiment folder, a store or a database file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from analysis.core.errors import LogError, RunNotFound
from analysis.core.redact import redact_text
from analysis.sources.base import Columns
from analysis.sources.mlflow.files import (
    FileStore,
    deleted_runs,
    is_experiment,
    is_run,
    is_store,
    read_run,
    run_folders,
)
from analysis.sources.mlflow.rest import RestStore
from analysis.sources.mlflow.run import NAME, Store, StoredRun, raw_log
from analysis.sources.mlflow.sqlite import SqliteStore, is_database
from analysis.sources.raw_log import RawLog

SCHEME = "mlflow"

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_PAGE = re.compile(r"(?P<server>https?://[^#?]+?)/?#/experiments/\d+/runs/(?P<run>[0-9a-f]{32})(/.*)?")


def recognises(path: Path) -> bool:
    """True if a path is a run, experiment, store or database of MLflow."""
    if path.is_dir():
        return is_run(path) or is_experiment(path) or is_store(path)
    return is_database(path)


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read the run of a run folder, or all runs of an experiment, store or database.

    Deleted runs and runs without a metric are left out with a note, unless there are no others.

    Raises
    ------
    LogError
        If no run can be read.
    """
    if path.is_dir():
        if is_run(path):
            return [raw_log(read_run(path), columns)]
        return _all((read_run(folder) for folder in run_folders(path)), str(path), deleted_runs(path), columns)
    runs, deleted = SqliteStore(path).read_all()
    return _all(runs, str(path), deleted, columns)


def claims(reference: str) -> bool:
    """True for a reference in MLflow's own form: ``runs:/<run id>``, or the URL of a run's page."""
    return reference.startswith("runs:/") or _PAGE.fullmatch(reference) is not None


def fetch(reference: str, *, runs_dir: Path, columns: Columns) -> list[RawLog]:
    """Read the run or runs that a reference leads to.

    Raises
    ------
    RunNotFound
        If no store has it.
    LogError
        If a store cannot be read, or a server cannot be reached.
    """
    page = _PAGE.fullmatch(reference)
    wanted = page["run"] if page else reference.removeprefix("runs:").strip("/")
    stores: list[Store] = [RestStore(page["server"])] if page else _stores(runs_dir)
    if not stores:
        raise RunNotFound(
            f"mlflow:{redact_text(wanted)}: no MLflow store here; set MLFLOW_TRACKING_URI to a server, "
            "sqlite:///file or folder"
        )
    for store in stores:
        found = _in_store(store, wanted, columns)
        if found:
            return found
    places = ", ".join(store.place for store in stores)
    raise RunNotFound(
        f"mlflow:{redact_text(wanted)}: not in {places}; give a run ID, <experiment>/<run name> or <experiment>/*"
    )


def _in_store(store: Store, wanted: str, columns: Columns) -> list[RawLog]:
    if _RUN_ID.fullmatch(wanted):
        run = store.read(wanted)
        return [] if run is None else [raw_log(run, columns)]
    experiment, _, name = wanted.rpartition("/")
    if not experiment:
        return []
    runs = store.runs(experiment)
    if runs is None:
        return []
    if name == "*":
        return _all(_read(store, runs), f"mlflow:{wanted}", 0, columns)
    named = [run for run in runs if name in run]
    if len(named) > 1:
        listed = ", ".join(run_id for run_id, _ in named)
        raise RunNotFound(f"mlflow:{redact_text(wanted)}: {len(named)} runs of that name: {listed}; give the ID of one")
    return [raw_log(run, columns) for run in _read(store, named)]


def _read(store: Store, runs: Iterable[tuple[str, str]]) -> Iterator[StoredRun]:
    return (run for run_id, _ in runs if (run := store.read(run_id)) is not None)


def _all(runs: Iterable[StoredRun], where: str, deleted: int, columns: Columns) -> list[RawLog]:
    logs, left_out = [], []
    for run in runs:
        try:
            logs.append(raw_log(run, columns))
        except LogError as problem:
            left_out.append(str(problem))
    if not logs:
        reason = left_out[0] if left_out else f"{where}: no run in it" + (f", {deleted} deleted" if deleted else "")
        raise LogError(reason if left_out else f"{reason}; log a run first")
    notes = [f"{deleted} deleted runs beside it are left out"] if deleted else []
    notes += [f"left out: {problem}" for problem in left_out[:5]]
    return [replace(log, notes=(*log.notes, *notes)) for log in logs]


def _stores(runs_dir: Path) -> list[Store]:
    """Return the store of ``MLFLOW_TRACKING_URI``, otherwise those in the current and the runs folder."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        at_hand = [folder / name for folder in (Path(), runs_dir) for name in ("mlflow.db", "mlruns", "")]
        return [store for path in dict.fromkeys(at_hand) for store in _local(path)]
    scheme = urlsplit(uri).scheme.lower()
    if scheme in ("http", "https"):
        return [RestStore(uri)]
    if scheme == "sqlite":
        local = Path(re.sub(r"^sqlite(\+\w+)?:///", "", uri).split("?")[0])
    elif scheme == "file":
        local = Path(unquote(urlsplit(uri).path))
    elif len(scheme) > 1:
        raise LogError(
            f"MLFLOW_TRACKING_URI: '{scheme}:' cannot be read here; give http(s)://, sqlite:///file or a folder"
        )
    else:
        local = Path(uri)
    stores = _local(local)
    if not stores:
        raise LogError(f"MLFLOW_TRACKING_URI: {redact_text(str(local))} is no MLflow store; check the path")
    return stores


def _local(path: Path) -> list[Store]:
    if path.is_dir():
        return [FileStore(path)] if is_store(path) else []
    return [SqliteStore(path)] if is_database(path) else []


__all__ = ["NAME", "SCHEME", "claims", "fetch", "load", "recognises"]
