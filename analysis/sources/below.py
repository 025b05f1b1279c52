"""Find every run below a folder: what tools leave in folders of their own, and files in all others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.core.errors import UsageError
from analysis.core.metrics import metric
from analysis.sources import tensorboard
from analysis.sources.axis_names import metric_columns
from analysis.sources.base import Source
from analysis.sources.metric_aliases import standard_names
from analysis.sources.printed import DOCUMENTS
from analysis.sources.raw_log import RawLog

SourceOf: TypeAlias = Callable[[Path], Source | None]

_DEPTH = 6
ENTRIES = 20_000
"""Files that are looked at, below a folder or for a pattern."""
MOST = 2000
"""Logs that are read at once."""
_NO_RUNS = frozenset({"__pycache__", "node_modules", "site-packages", "artifacts", "checkpoints", "wheels"})
_REPORT = "training_analysis_results.json"
_OF_ONE_RUN = ("vis_data", "logs", "log", "csv")
"""Folders in which tools put further forms of the log of the run that the folder above is."""


def logs_below(folder: Path, source_of: SourceOf) -> list[Path]:
    """List the logs below a folder, each as the path that is read as one: the folder of a run, or a file.

    Raises
    ------
    UsageError
        If there are more than can be read at once.
    """
    found: list[Path] = []
    looked = 0
    for place, entries in _folders(folder, source_of, set()):
        looked += len(entries)
        logs = (path for path in entries if path.is_file() and source_of(path)) if entries else [place]
        if looked <= ENTRIES:
            found += islice(logs, MOST + 1)
        if len(found) > MOST or looked > ENTRIES:
            raise UsageError(f"{folder}: more than {MOST:,} logs or {ENTRIES:,} files below it; give a folder in it")
    return found


def _folders(
    folder: Path, source_of: Callable[[Path], Source | None], seen: set[str], depth: int = 0
) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder once with what is in it; with nothing if it is a run, below which no other is looked for."""
    if (real := os.path.realpath(folder)) in seen:
        return  # links may lead round in a circle
    seen.add(real)
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    names = {path.name for path in entries}
    if _REPORT in names:
        return
    source = source_of(folder)
    if source is not None and (source is not tensorboard or tensorboard.is_run(folder)):
        yield folder, []
        return
    if any(name.endswith(".wandb") for name in names):
        entries = [path for path in entries if path.name.endswith(".wandb")]
    if entries:
        yield folder, entries
    for path in entries if depth < _DEPTH else ():
        if path.is_dir() and not path.name.startswith(".") and path.name not in _NO_RUNS:
            yield from _folders(path, source_of, seen, depth + 1)


def without_documents(logs: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Leave out notebooks and Markdown files beside other logs, whose runs they mostly tell of; and say so."""
    documents = [path for path in logs if path.suffix.lower() in DOCUMENTS]
    if not documents or len(documents) == len(logs):
        return list(logs), ()
    named = f"{', '.join(path.name for path in documents[:3])}{' …' if len(documents) > 3 else ''}"
    note = f"trainings that {named} shows are not read beside the logs: give its path for them"
    return [path for path in logs if path not in documents], (note,)


def forms_of_one(logs: Sequence[tuple[Path, RawLog]]) -> Mapping[int, int]:
    """Return which logs hold the values of another in the same folder, as place to place: two forms of one run.

    The one with more metrics is the one that counts, of two with as many the first.
    """
    curves = [_curves(log) for _, log in logs]
    order = sorted(range(len(logs)), key=lambda place: (-len(curves[place]), place))
    homes: dict[Path, list[int]] = {}
    same: dict[int, int] = {}
    for place in order:
        beside = homes.setdefault(_home(logs[place][0]), [])
        forms = (other for other in beside if _form(logs[other]) != _form(logs[place]))
        twin = next((other for other in forms if _alike(curves[other], curves[place])), None)
        if twin is None:
            beside.append(place)
        else:
            same[place] = twin
    return same


def _form(log: tuple[Path, RawLog]) -> tuple[str, str]:
    """Return how a log is kept: two files of one form are two runs, whatever they hold."""
    return log[1].source, log[0].suffix


Curve: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _curves(log: RawLog) -> dict[str, Curve]:
    """Return steps and values of what can be judged in a log, by standard name."""
    names = metric_columns(log.frame)
    standard = standard_names(names, source=log.source, chosen={})
    found = {}
    for name in names:
        if metric(standard.get(name, name)).direction == "none":
            continue
        logged = log.frame[name].notna().to_numpy()
        steps, values = log.frame["step"].to_numpy(dtype=np.float64), log.frame[name].to_numpy(dtype=np.float64)
        found[standard.get(name, name)] = (steps[logged], values[logged])
    return found


_LEAST = 3
_DIGITS = 1e-3
"""Logs are printed with four digits or so."""


def _alike(one: Mapping[str, Curve], two: Mapping[str, Curve]) -> bool:
    """True if two logs have a curve in common, and none of one name that differs."""
    shared = one.keys() & two.keys()
    if not shared or any(len(one[name][1]) != len(two[name][1]) for name in shared):
        return False
    telling = [name for name in shared if len(one[name][1]) >= _LEAST and np.ptp(_finite(one[name][1])) > 0]
    return bool(telling) and all(
        np.allclose(_finite(one[name][1]), _finite(two[name][1]), rtol=_DIGITS, atol=_DIGITS / 10) for name in shared
    )


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _home(path: Path) -> Path:
    """Return the folder of the run that a log may be another form of."""
    if path.is_dir():
        return path
    return path.parent.parent if path.parent.name in _OF_ONE_RUN else path.parent
