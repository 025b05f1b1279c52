"""TensorBoard event files (``*tfevents*``): every scalar of a run, read without TensorBoard.

A folder with event files is one run, which each of its files continues; subfolders such as ``train/`` and
``validation/`` (Keras, TF Estimator) are parts of the same run, and their names are prefixed to the tags. A folder
of such folders has several runs. The checksum of every record is verified: a damaged payload is left out, a
damaged or missing frame ends its file; both are noted. Data other than scalars are counted and skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources._points import Floats, Ints, Table, choose_columns, points_table
from analysis.sources.base import Columns
from analysis.sources.raw_log import RawLog
from analysis.sources.tensorboard.event_config import event_config
from analysis.sources.tensorboard.event_run import EventLog

NAME = "tensorboard"
SCHEME = "tb"

_VALIDATION = ("validation", "valid", "val", "eval", "evaluation", "dev", "holdout")
_PART = re.compile(rf"train(ing)?|learn|({'|'.join((*_VALIDATION, 'test'))})(_?\d+)?")
_HPARAMS_FOLDER = re.compile(r"\d{9,}\.\d+")  # PyTorch's add_hparams logs into a folder named after the time
_PLACEHOLDER = "hp_metric"  # Lightning logs -1 unless the user sets it
_OTHER_SUFFIXES = (".profile-empty", ".yaml", ".yml", ".json")  # files of the profiler, and sidecars of event files
_DEPTH = 5  # levels below a folder that are searched for runs
_ENTRIES = 20_000  # folder entries looked at


def recognises(path: Path) -> bool:
    """True if a path is an event file, or a folder with event files at most five levels down."""
    if path.is_file():
        return _is_event_file(path)
    return next(_run_folders(path), None) is not None


def is_run(folder: Path) -> bool:
    """True for a folder with event files, in it or in parts of a run such as ``train``."""
    return bool(_parts(folder))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read an event file, a run folder, or all runs below a folder.

    Raises
    ------
    LogError
        If there is no run, or no run has a scalar.
    """
    if path.is_file():
        return _load_runs(path.parent, {"": [path]}, columns)
    logs, problems = [], []
    for folder in _run_folders(path):
        try:
            found = _load_runs(folder, _parts(folder), columns)
        except LogError as problem:
            problems.append(problem)
        else:
            inside = folder.relative_to(path).as_posix()
            logs += found if inside == "." else [_inside(log, folder, inside) for log in found]
    if not logs:
        nothing = LogError(f"{path}: no event file (*tfevents*) within {_DEPTH} levels; give a run's folder")
        raise problems[0] if problems else nothing
    unread = tuple(f"a run beside it cannot be read: {problem}" for problem in problems)
    return [replace(log, notes=(*log.notes, *unread)) for log in logs]


def _inside(log: RawLog, folder: Path, inside: str) -> RawLog:
    name = folder.resolve().name
    return replace(log, id=inside + str(log.id).removeprefix(name), uri=str(folder))


def _load_runs(folder: Path, parts: Mapping[str, list[Path]], columns: Columns) -> list[RawLog]:
    """Read the run of a folder; several runs if its event files contain trainings that each start over."""
    logs: list[RawLog] = []
    whole = parts.get("") == _event_files(folder)  # the folder was given, not one file in it
    while parts:
        log, parts = _load_run(folder, parts, columns, whole=whole and not logs)
        logs.append(log)
    if len(logs) == 1:
        return logs
    note = f"the folder holds {len(logs)} trainings that each begin at their first step: one run each"
    return [
        replace(log, id=f"{log.id}-{number}", uri=log.uri or str(folder), notes=(note, *log.notes))
        for number, log in enumerate(logs, start=1)
    ]


def _load_run(
    folder: Path, parts: Mapping[str, list[Path]], columns: Columns, *, whole: bool
) -> tuple[RawLog, dict[str, list[Path]]]:
    """Read one run; return it with the remaining files of each part, in which another training begins."""
    log, rest = EventLog(), {}
    alone = folder.resolve().name
    for part, files in parts.items():
        name = part or (alone if alone in _VALIDATION else "")
        rest[part] = log.read_part(files, f"{name}/" if name else "")
    if whole:
        _read_children(log, folder)
    if not log.points:
        what = f"{len(log.skipped)} tags, none of them a scalar" if log.skipped else "no scalar"
        problem = "".join(f" ({note})" for note in log.notes[:1])
        raise LogError(f"{log.files[0]}: {what}{problem}; log at least one scalar, for example a loss")
    table, left_out, notes = _table(folder, log)
    config, config_files, problems = event_config(folder, log.about)
    raw = RawLog(
        frame=choose_columns(table.frame, columns),
        source=NAME,
        files=(*log.files, *config_files),
        rows_read=log.points + sum(lost.count for lost in log.dropped if lost.column == "step"),
        config=config,
        id=folder.resolve().name,
        seams=tuple(sorted({*table.seams, *log.restarts})),
        dropped=(*log.dropped, *_skipped(log), *table.dropped, *left_out),
        notes=(*log.notes, *table.notes, *notes, *problems),
    )
    return raw, {part: files for part, files in rest.items() if files}


def _table(folder: Path, log: EventLog) -> tuple[Table, tuple[Dropped, ...], tuple[str, ...]]:
    names, tag = list(log.tags), np.concatenate(log.tag)
    step, seconds = np.concatenate(log.step), np.concatenate(log.seconds)
    step, doubled, notes = one_axis(names, tag=tag, step=step, seconds=seconds)
    value = np.concatenate(log.value)
    table = points_table(folder, names, tag=tag, step=step, seconds=seconds, value=value)
    left_out = dict.fromkeys(doubled, "counted in batches; the same values are there by epoch")
    if _PLACEHOLDER in table.frame and (table.frame[_PLACEHOLDER].dropna() == -1).all():
        left_out[_PLACEHOLDER] = "the placeholder -1 of Lightning"
    dropped = tuple(Dropped(name, int(table.frame[name].count()), why) for name, why in left_out.items())
    frame = table.frame.drop(columns=list(left_out))
    metrics = frame.columns.difference(["step", "timestamp"])
    frame = frame[frame[metrics].notna().any(axis=1)].reset_index(drop=True)
    if frame.empty:
        raise LogError(f"{log.files[0]}: no scalar besides Lightning's placeholder {_PLACEHOLDER} = -1; log a loss")
    return replace(table, frame=frame), dropped, notes


def _skipped(log: EventLog) -> tuple[Dropped, ...]:
    """Return the counts of data other than scalars: images, histograms, texts, graphs."""
    if not log.skipped:
        return ()
    shown = ", ".join(list(log.skipped)[:5]) + (", …" if len(log.skipped) > 5 else "")
    return (Dropped(shown, sum(log.skipped.values()), "not scalars"),)


def _read_children(log: EventLog, folder: Path) -> None:
    """Read the subfolders in which PyTorch's ``add_hparams`` and ``add_scalars`` write."""
    beside: list[str] = []
    children = [p for p in _entries(folder) if p.is_dir() and not _PART.fullmatch(p.name)]
    for child in [*children, *(p for c in children for p in _entries(c) if p.is_dir())]:
        files = _event_files(child)
        if files and _HPARAMS_FOLDER.fullmatch(child.name):
            for file in files:
                log.decode_file(file)
                log.files.append(str(file))
        elif files:
            curve = child.relative_to(folder).as_posix()
            tag = next(iter(EventLog().decode_file(files[0]).tags), "")
            if tag and re.sub("[/ ]", "_", curve).startswith(re.sub("[/ ]", "_", tag) + "_"):
                log.read_part(files, f"{curve}/")
            else:
                beside.append(curve)
    if beside:
        more = f" and {len(beside) - 8} more" if len(beside) > 8 else ""
        log.notes.append(f"event files in folders below are runs of their own, not read: {', '.join(beside[:8])}{more}")


def _is_event_file(path: Path) -> bool:
    return "tfevents" in path.name and not path.name.endswith(_OTHER_SUFFIXES)


def _event_files(folder: Path) -> list[Path]:
    """Return the event files of a folder in the order of writing, by the time and counter in their names."""
    found = [path for path in _entries(folder) if _is_event_file(path) and path.is_file()]
    return sorted(found, key=lambda p: [(not t.isdigit(), int(t) if t.isdigit() else 0, t) for t in p.name.split(".")])


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _parts(folder: Path) -> dict[str, list[Path]]:
    """Return the event files of a run by part; the empty name is the folder itself."""
    inside = [path.name for path in _entries(folder) if _PART.fullmatch(path.name)]
    inside.sort(key=lambda name: (not name.startswith(("train", "learn")), name))
    parts = {"": _event_files(folder), **{name: _event_files(folder / name) for name in inside}}
    return {name: files for name, files in parts.items() if files}


def _run_folders(top: Path) -> Iterator[Path]:
    """Yield run folders: ``top`` itself, or the topmost ones below it, level by level."""
    level, looked = [top], 0
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            entries = _entries(folder)
            looked += len(entries)
            if any(_is_event_file(p) or _PART.fullmatch(p.name) for p in entries) and _parts(folder):
                yield folder
                continue
            below += [p for p in entries if os.path.isdir(p) and not p.name.startswith(".")]
            if looked > _ENTRIES:
                return
        level = below


_BATCH = re.compile(r"(.*/)?batch_(?!\d)\w+")
_EPOCH = re.compile(r"(.*/)?epoch_\w+")
_ITERATIONS = re.compile(r"(.*/)?evaluation_\w+_vs_iterations")


def one_axis(
    names: Sequence[str], *, tag: Ints, step: Ints, seconds: Floats
) -> tuple[Ints, tuple[str, ...], tuple[str, ...]]:
    """Return the points of a Keras run on a single step axis; other runs are returned unchanged.

    If batches are logged, a value of an epoch is placed at the last batch logged before it; otherwise evaluations
    counted in batches are left out, since Keras logs the same values by epoch.

    Parameters
    ----------
    names : Sequence[str]
        Names of the tags.
    tag, step, seconds : numpy.ndarray
        Points, shape (points,): index into ``names``, step as logged, Unix time (s).

    Returns
    -------
    tuple
        The steps, shape (points,); names to leave out; notes.
    """
    kinds = np.array([_kind(name) for name in names])[tag]
    batches, epochs, counted = kinds == "batch", kinds == "epoch", kinds == "iterations"
    if not epochs.any():
        return step, (), ()
    if not batches.any():
        return step, tuple(name for name in names if _kind(name) == "iterations") if counted.any() else (), ()
    order = np.argsort(seconds[batches], kind="stable")
    place = np.searchsorted(seconds[batches][order], seconds[epochs], side="right") - 1
    steps = step.copy()
    steps[epochs] = step[batches][order][np.maximum(place, 0)]
    return steps, (), ("values of an epoch are placed at the last batch logged before them",)


def _kind(name: str) -> str:
    if _BATCH.fullmatch(name):
        return "batch"
    if _EPOCH.fullmatch(name):
        return "epoch"
    return "iterations" if _ITERATIONS.fullmatch(name) else ""
