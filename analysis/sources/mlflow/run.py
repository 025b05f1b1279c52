"""MLflow runs as every store keeps them, and their conversion to raw logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources._points import Floats, Ints, choose_columns, points_table
from analysis.sources.base import Columns
from analysis.sources.raw_log import RawLog

NAME = "mlflow"

_SYSTEM = "system/"
_LARGEST = 1.7976931348623157e308  # databases keep infinity as the largest number
_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


@dataclass(frozen=True)
class Points:
    """Logged values of all metrics of a run; arrays of shape (points,), ``tag`` is an index into ``names``."""

    names: tuple[str, ...]
    tag: Ints
    step: Ints
    milliseconds: Ints
    value: Floats


@dataclass(frozen=True)
class StoredRun:
    """A run as its store keeps it; ``status`` is the name or the number of MLflow's `RunStatus`."""

    id: str
    name: str
    deleted: bool
    status: str
    points: Points
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    uri: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    notes: tuple[str, ...] = ()


class Store(Protocol):
    """A store of MLflow runs."""

    @property
    def place(self) -> str:
        """Path or address of the store, without credentials."""
        ...

    def runs(self, experiment: str | None = None) -> list[tuple[str, str]] | None:
        """Return (ID, name) of the runs of an experiment (name or ID), or of all; None without that experiment."""
        ...

    def read(self, run_id: str) -> StoredRun | None:
        """Return a run, or None if the store does not have it."""
        ...


def raw_log(run: StoredRun, columns: Columns) -> RawLog:
    """Turn a stored run into a raw log.

    Raises
    ------
    LogError
        If the run is deleted or has no metric.
    """
    where = run.uri or (run.files[0] if run.files else run.id)
    if run.deleted:
        raise LogError(f"{where}: the run is deleted; restore it with: mlflow runs restore --run-id {run.id}")
    points, system = _without_system_metrics(run.points)
    if not len(points.value):
        raise LogError(f"{where}: run {run.id} has no metric; log one with mlflow.log_metric, or leave it out")
    order = np.argsort(points.milliseconds, kind="stable")
    tag, step, notes = points.tag[order], points.step[order], list(run.notes)
    if not step.any() and len(step) > len(np.unique(tag)):
        step = _numbered(tag)
        notes.append("every value was logged at step 0; they are numbered in order of time")
    value = points.value[order]
    value = np.where(np.abs(value) >= _LARGEST, np.copysign(np.inf, value), value)
    table = points_table(
        Path(where), points.names, tag=tag, step=step, seconds=points.milliseconds[order] / 1000.0, value=value
    )
    status = _STATUS.get(run.status, run.status)
    if status not in ("FINISHED", ""):
        notes.append(f"MLflow has the run as {status}")
    return RawLog(
        frame=choose_columns(table.frame, columns),
        source=NAME,
        files=run.files,
        rows_read=len(run.points.value),
        config=_config(run),
        name=run.name or None,
        label=run.name or None,
        parent=run.tags.get("mlflow.parentRunId"),
        id=run.id,
        uri=run.uri,
        sha256=run.sha256,
        size_bytes=run.size_bytes,
        seams=table.seams,
        ended=status not in ("RUNNING", "SCHEDULED") if status else None,
        dropped=(*system, *table.dropped),
        notes=(*notes, *table.notes),
    )


def _without_system_metrics(points: Points) -> tuple[Points, tuple[Dropped, ...]]:
    """Return the points without those of CPU, memory and the like, whose step counts samples, and what was left out."""
    names = tuple(name for name in points.names if not name.startswith(_SYSTEM))
    if len(names) == len(points.names):
        return points, ()
    place = {name: i for i, name in enumerate(names)}
    code = np.array([place.get(name, -1) for name in points.names], dtype=np.int64)[points.tag]
    kept = code >= 0
    left = Points(names, code[kept], points.step[kept], points.milliseconds[kept], points.value[kept])
    reason = "system metrics, counted in samples and not in steps"
    return left, (Dropped(f"{_SYSTEM}*", int((~kept).sum()), reason),)


def _numbered(tag: Ints) -> Ints:
    """Return the place of each point among those of its tag, from 0, shape (points,)."""
    by_tag = np.argsort(tag, kind="stable")
    counts = np.bincount(tag)
    counts = counts[counts > 0]
    step = np.empty(len(tag), dtype=np.int64)
    step[by_tag] = np.arange(len(tag)) - np.repeat(np.cumsum(counts) - counts, counts)
    return step


def _config(run: StoredRun) -> dict[str, Any]:
    """Return the params, the user's own tags, and the script and commit that were run."""
    own = {key: value for key, value in run.tags.items() if not key.startswith("mlflow.")}
    script = PureWindowsPath(run.tags.get("mlflow.source.name", "")).name
    if script == "ipykernel_launcher.py":  # a notebook, which MLflow does not name
        script = ""
    source = {"script": script, "git_commit": run.tags.get("mlflow.source.git.commit", "")}
    source = {key: value for key, value in source.items() if value}
    config: dict[str, Any] = dict(run.params)
    if own:
        config.setdefault("tags", own)
    if source:
        config.setdefault("source", source)
    return config


def points_of(series: Sequence[tuple[str, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]]) -> Points:
    """Return the points of metrics given as (name, milliseconds, values, steps)."""
    arrays = [
        (np.asarray(m, dtype=np.int64), np.asarray(v, dtype=np.float64), np.asarray(s, dtype=np.int64))
        for _, m, v, s in series
    ]
    empty = np.empty(0, dtype=np.int64)
    return Points(
        names=tuple(name for name, *_ in series),
        tag=np.repeat(np.arange(len(arrays)), [len(m) for m, _, _ in arrays]).astype(np.int64),
        step=np.concatenate([empty, *(s for _, _, s in arrays)]),
        milliseconds=np.concatenate([empty, *(m for m, _, _ in arrays)]),
        value=np.concatenate([empty.astype(np.float64), *(v for _, v, _ in arrays)]),
    )
