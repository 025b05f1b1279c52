"""Source of evaluations by example: a file or folder of them is a run without a training log.

A training run names its evaluations under ``evaluations`` in its sidecar (`evaluations_of`). One module per format:
`tables` reads ``id, score[, cluster, weight]`` from CSV, JSON lines, JSON and Parquet.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from analysis.core.errors import LogError
from analysis.core.examples import Examples
from analysis.core.metrics import metric as metric_of
from analysis.core.redact import redact_text
from analysis.sources.base import Columns
from analysis.sources.evaluations import inspect_logs, lm_eval, openai_evals, tables
from analysis.sources.evaluations.evaluation import Evaluation, columns_of, in_one_unit, notes_of
from analysis.sources.raw_log import RawLog
from analysis.sources.sidecar import run_stem

NAME = "evaluation"
SCHEME = "eval"

_DATA = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".gz", ".eval", ".wandb", ".db")
"""Suffixes of data files: a folder is read as evaluations only if every such file in it is one."""


__all__ = ["NAME", "READERS", "SCHEME", "evaluation_files", "evaluations_of", "in_one_unit", "load", "recognises"]


class Reader(Protocol):
    """A module that reads one format of evaluations."""

    def recognises(self, path: Path) -> bool:
        """True if this module reads a file; looks at its first bytes only and raises nothing."""
        ...

    def read(self, path: Path, *, task: str = "") -> list[Evaluation]:
        """Read the evaluations of a file, one per model."""
        ...


READERS: tuple[Reader, ...] = (lm_eval, inspect_logs, openai_evals, tables)
"""The modules for all formats, specific formats before tables of any tool."""


def recognises(path: Path) -> bool:
    """True for a file of scores by example, and for a folder whose data files are all such files."""
    try:
        return bool(_files(path))
    except OSError:
        return False


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read a file or folder of evaluations as one run per model."""
    by_model: dict[str | None, list[Evaluation]] = {}
    for one in _read([path]):
        by_model.setdefault(one.model, []).append(one)
    logs = []
    for model, parts in by_model.items():
        examples, notes = _join(parts)
        frame = pd.DataFrame({"step": [0], **{name: [value] for name, value in columns_of(examples).items()}})
        files = tuple(dict.fromkeys(name for part in parts for name in part.files))
        logs.append(
            RawLog(
                frame,
                NAME,
                files,
                sum(part.rows for part in parts),
                name=model,
                id=redact_text(model).replace("/", "_") if model and len(by_model) > 1 else None,
                examples=tuple(examples),
                notes=tuple(notes),
            )
        )
    return logs


def evaluations_of(paths: Iterable[Path]) -> tuple[list[Examples], list[str]]:
    """Read the evaluations of one run from the paths and patterns in its sidecar; return them with notes.

    Raises
    ------
    LogError
        If there are none, or they are of several models.
    """
    found = _read(paths)
    models = list(dict.fromkeys(one.model for one in found if one.model))
    if len(models) > 1:
        raise LogError(
            f"{found[0].files[0]}: evaluations of {len(models)} models ({redact_text(', '.join(models[:4]))}) where "
            "those of one run are wanted; name the files of one"
        )
    return _join(found)


def evaluation_files(paths: Iterable[Path]) -> list[Path]:
    """Return the evaluation files that paths and patterns lead to."""
    return [file for path in paths for place in _matching(path) for file in _files(place)]


def _read(paths: Iterable[Path]) -> list[Evaluation]:
    found: list[Evaluation] = []
    for path in paths:
        places = _matching(path)
        if not places:
            raise LogError(f"{path}: there are no evaluations; check 'evaluations' in the sidecar")
        for place in places:
            # A file that the sidecar names is read even if no module recognises it.
            files = [place] if place.is_file() else _files(place)
            if not files:
                raise LogError(
                    f"{place}: no scores by example; give a table with the columns id and score, or the folder that an "
                    "evaluation was written to"
                )
            task = run_stem if place.is_dir() or len(places) > 1 else None
            for file in files:
                if any(str(file) in one.files for one in found):
                    continue  # samples that were read with their results
                found += (_read_by(file) or tables).read(file, task=task(file) if task is not None else "")
    return found


def _join(parts: Sequence[Evaluation]) -> tuple[list[Examples], list[str]]:
    """Join the evaluations of one model; the latest counts of a metric that was evaluated more than once."""
    last: dict[str, Examples] = {}
    notes = [note for part in parts for note in part.notes]
    for part in sorted(parts, key=lambda part: part.written):
        for examples in part.examples:
            if examples.metric in last:
                notes.append(f"{metric_of(examples.metric).label}: evaluated more than once, the last counts")
            last[examples.metric] = examples
    found = list(last.values())
    return found, [*notes, *notes_of(found)]


def _matching(path: Path) -> list[Path]:
    return [path] if path.exists() else [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]


def _files(path: Path) -> list[Path]:
    """Return the path if it is an evaluation, or those in a folder; none if the folder has other data files."""
    if path.is_file():
        return [path] if _read_by(path) is not None else []
    if not path.is_dir():
        return []
    data = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _DATA and not file.name.startswith(".")]
    return data if data and all(_read_by(file) is not None for file in data) else []


def _read_by(path: Path) -> Reader | None:
    return next((reader for reader in READERS if reader.recognises(path)), None)
