"""MLflow's file store (``mlruns/``), read directly: folders of experiments and runs, with one file per metric."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.core.errors import LogError
from analysis.sources._points import Floats, Ints
from analysis.sources.limits import check_size
from analysis.sources.mlflow.run import StoredRun, points_of
from analysis.sources.streams import unreadable
from analysis.sources.yaml_files import load_yaml, read_config_text

_META = "meta.yaml"
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_FILES = 20_000  # metric, param and tag files of one run


@dataclass(frozen=True)
class FileStore:
    """A folder of experiments."""

    root: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def runs(self, experiment: str | None = None) -> list[tuple[str, str]] | None:
        """Return (ID, name) of the runs of an experiment (name or ID), or of all; None without that experiment."""
        folders = [f for f in _folders(self.root) if is_experiment(f)]
        if experiment is not None:
            folders = [f for f in folders if f.name == experiment or _meta(f).get("name") == experiment]
            if not folders:
                return None
        return [(run.name, _name(run, _meta(run))) for folder in folders for run in run_folders(folder)]

    def read(self, run_id: str) -> StoredRun | None:
        """Return a run, or None if the store does not have it."""
        if not _RUN_ID.fullmatch(run_id):
            return None
        found = (f / run_id for f in [*_folders(self.root), *_folders(self.root / ".trash")])
        return next((read_run(folder) for folder in found if is_run(folder)), None)


def is_run(folder: Path) -> bool:
    """True if a folder is a run of a file store."""
    return (folder / _META).is_file() and (folder / "metrics").is_dir() and not is_experiment(folder)


def is_experiment(folder: Path) -> bool:
    """True if a folder is an experiment of a file store."""
    path = folder / _META
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(4096)
    except OSError:
        return False
    return b"artifact_location:" in start and b"run_id:" not in start and b"run_uuid:" not in start


def is_store(folder: Path) -> bool:
    """True if a folder has experiments in it."""
    return any(is_experiment(inner) for inner in _folders(folder))


def run_folders(folder: Path) -> list[Path]:
    """Return the run folders of an experiment, or of all experiments in a store, without deleted runs."""
    if is_run(folder):
        return [folder]
    if is_store(folder) and not is_experiment(folder):
        return [run for inner in _folders(folder) if is_experiment(inner) for run in run_folders(inner)]
    runs = [inner for inner in _folders(folder) if is_run(inner)]
    return [run for run in runs if _meta(run).get("lifecycle_stage") != "deleted"]


def deleted_runs(folder: Path) -> int:
    """Return the number of runs below a store or experiment that are deleted but still on disk."""
    experiments = [folder] if is_experiment(folder) else [f for f in _folders(folder) if is_experiment(f)]
    runs = [run for experiment in experiments for run in _folders(experiment) if is_run(run)]
    return sum(_meta(run).get("lifecycle_stage") == "deleted" for run in runs)


def read_run(folder: Path) -> StoredRun:
    """Read one run folder.

    Raises
    ------
    LogError
        If one of its files cannot be read; the message names the line.
    """
    meta = _meta(folder)
    series, files = [], [folder / _META]
    for path in _files(folder / "metrics"):
        name = path.relative_to(folder / "metrics").as_posix()
        series.append((name, *_read_metric(path)))
        files.append(path)
    files += [path for kind in ("params", "tags") for path in _files(folder / kind)]
    tags = _texts(folder / "tags")
    return StoredRun(
        id=str(meta.get("run_id") or meta.get("run_uuid") or folder.name),
        name=_name(folder, meta),
        deleted=meta.get("lifecycle_stage") == "deleted",
        status=str(meta.get("status", "")),
        points=points_of(series),
        params=_texts(folder / "params"),
        tags=tags,
        files=tuple(map(str, files)),
        uri=str(folder),
    )


def _read_metric(path: Path) -> tuple[Ints, Floats, Ints]:
    """Read lines of ``milliseconds value [step [dataset digest]]``; old files have no step."""
    try:
        check_size(path)
        lines = path.read_bytes().splitlines()
    except OSError as problem:
        raise unreadable(path, problem) from None
    rows = [line.split() for line in lines]
    width = max(map(len, rows), default=0)
    if rows and len(rows[-1]) < min(width, 3) and not path.read_bytes().endswith(b"\n"):
        rows.pop()  # the last line is still being written
    try:
        return (
            np.array([int(row[0]) for row in rows], dtype=np.int64),
            np.array([float(row[1]) for row in rows], dtype=np.float64),
            np.array([int(row[2]) if len(row) > 2 else 0 for row in rows], dtype=np.int64),
        )
    except (ValueError, IndexError, OverflowError):
        raise LogError(f"{path}:{_bad_line(rows)}: a line must be 'milliseconds value step'; correct it") from None


def _bad_line(rows: list[list[bytes]]) -> int:
    """Return the number of the first line that is not three numbers."""
    for number, row in enumerate(rows, 1):
        try:
            np.array([int(row[0]), int(row[2]) if len(row) > 2 else 0], dtype=np.int64)
            float(row[1])
        except (ValueError, IndexError, OverflowError):
            return number
    return len(rows)


def _name(folder: Path, meta: Mapping[str, Any]) -> str:
    """Return the name of a run, which old versions of MLflow keep only in a tag."""
    tag = folder / "tags" / "mlflow.runName"
    return str(meta.get("run_name") or (read_config_text(tag).strip() if tag.is_file() else ""))


def _texts(folder: Path) -> dict[str, str]:
    """Read a folder with one file per key; a slash in a key makes a subfolder."""
    return {path.relative_to(folder).as_posix(): read_config_text(path).strip() for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    found = 0
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            found += 1
            if found > _FILES:
                raise LogError(f"{folder}: more than {_FILES:,} files; an MLflow run has one a metric, param or tag")
            if not name.startswith("."):
                yield Path(parent) / name


def _meta(folder: Path) -> dict[str, Any]:
    value = load_yaml(folder / _META).value
    if not isinstance(value, dict):
        raise LogError(f"{folder / _META}: must be a mapping as MLflow writes it; restore the file")
    return value


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(inner for inner in folder.iterdir() if inner.is_dir())
    except OSError:
        return []
