"""Part what was printed by several trainings, one after another, and name them by what was printed between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.axis_names import main_metric
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_phases import phase_word
from analysis.sources.raw_log import RawLog
from analysis.sources.restarts import restart_kind
from analysis.sources.text_tables import EPOCHS, STEPS

_ABOVE = 6
"""Lines above a training that may say what it is."""
_HEADING = re.compile(r"\s*(#{1,6}\s+|[=*\-_~>]{2,}\s*)(?P<words>[^#=*~]*[^\W\d][^#=*~]*?)\s*[#=*\-_~<]*\s*")
_MARKDOWN = re.compile(r"\s*#{1,6}\s+(.*\w.*)")
_COUNTS = re.compile(r"\b(?:epoch|step|iter\w*|episode|round)s?\b", re.IGNORECASE)
_IN_FRONT = re.compile(
    r"\s*(?P<words>[A-Za-z][\w .+-]*?)\s*[-:|]+\s*(?:epoch|step|iter\w*)\b.*", re.IGNORECASE
)  # resnet-50 - Epoch 0/49
_SAID = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z_ ]*?)['\"]?\s*(?:[:=#]|\s|\[)\s*(?P<value>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])"
)
_FOLDS = ("fold", "cv_fold", "kfold", "split", "repeat", "repetition", "replicate")


_ARGUMENTS = re.compile(r"\bNamespace\((.*)\)")
_ARGUMENT = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|[^,()\[\]]+)")


@dataclass(frozen=True)
class Said:
    """What the lines above a training say: its name among the others, settings, and the group of its folds."""

    id: str
    label: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    group: str | None = None


def printed_arguments(text: str) -> dict[str, str]:
    """Return the arguments of a printed ``Namespace(...)``, the first in the text."""
    found = _ARGUMENTS.search(text) if "Namespace(" in text else None
    return {key: value.strip("'\" ") for key, value in _ARGUMENT.findall(found[1])} if found else {}


def parted(frame: pd.DataFrame, lines: Sequence[str]) -> list[pd.DataFrame]:
    """Part rows in the order of writing wherever a training starts again at its first step, with its values too.

    So does one that starts again below a heading of Markdown. What goes back otherwise (a rollback, a counter that
    starts again while the values go on) stays in one part.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows by the number of their line.
    lines : sequence of str
        The text.
    """
    axis = next((name for name in ("step", "epoch") if name in frame), None)
    if axis is None:
        return [frame]
    steps, rows = frame[axis].to_numpy(dtype=np.float64), frame.index.to_numpy()
    bounds = [0]
    for row in (np.flatnonzero(np.diff(steps) < 0) + 1).tolist():
        if steps[row] <= steps[bounds[-1]] and any(map(_parts, lines[rows[row - 1] + 1 : rows[row]])):
            bounds.append(row)
    pieces = [frame.iloc[start:end] for start, end in zip(bounds, [*bounds[1:], len(frame)], strict=True)]
    return [part for piece in pieces for part in _again(piece, axis)]


def _parts(line: str) -> bool:
    """True for a heading of Markdown that names no step and no part of the data."""
    found = _MARKDOWN.fullmatch(line)
    return found is not None and not phase_word(found[1]) and not _COUNTS.search(found[1])


def _again(frame: pd.DataFrame, axis: str) -> list[pd.DataFrame]:
    """Part rows wherever the values of a training start again with its steps."""
    main = main_metric(frame)
    if main is None:
        return [frame]
    steps, values = frame[axis].to_numpy(dtype=np.float64), frame[main].to_numpy(dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(values) & np.isfinite(steps))
    falls = np.flatnonzero(np.diff(steps[rows]) < 0)
    if not falls.size:
        return [frame]
    bounds, begun = [0], 0
    for fall, end in zip(falls.tolist(), [*falls[1:].tolist(), len(rows) - 1], strict=True):
        earlier, later = rows[begun : fall + 1], rows[fall + 1 : end + 1]
        if steps[later[0]] > max(steps[rows[0]], 1) or len(later) < 2 or len(earlier) < 2:
            continue
        if restart_kind(steps[earlier], values[earlier], steps[later], values[later]) == "again":
            between = range(rows[fall] + 1, later[0])  # an evaluation may stand before the first training row
            bounds.append(next((row for row in between if steps[row] <= steps[later[0]]), int(later[0])))
            begun = fall + 1
    return [frame.iloc[start:end] for start, end in zip(bounds, [*bounds[1:], len(frame)], strict=True)]


def named_apart(
    logs: Sequence[Sequence[RawLog]], parts: Sequence[pd.DataFrame], lines: Sequence[str], stem: str
) -> list[RawLog]:
    """Name the logs of each part of a text apart; a single one is called after its file.

    Parameters
    ----------
    logs : sequence of sequences of RawLog
        Those of each part: several where its table holds several.
    parts : sequence of pandas.DataFrame
        Their rows, by the number of the line.
    lines : sequence of str
        The text.
    stem : str
        Name of the file.
    """
    if len(parts) == 1:
        return list(logs[0])
    said = _said_inside(parts, stem) or said_above(
        lines, [int(part.index[0]) for part in parts], [int(part.index[-1]) for part in parts], stem
    )
    note = f"{len(parts)} trainings one after another, each a run"
    named = []
    for one, own in zip(said, logs, strict=True):
        for log in own:
            run_id = one.id if len(own) == 1 else f"{one.id}_{log.id}"
            config, group = {**log.config, **one.config}, log.group or one.group
            named.append(replace(log, id=run_id, label=one.label, config=config, group=group, notes=(*log.notes, note)))
    return named


def _said_inside(parts: Sequence[pd.DataFrame], stem: str) -> list[Said] | None:
    """Name trainings by a number on each of their lines: the fold, the seed, the run."""
    for name in parts[0].columns:
        key = plain(str(name)).rsplit("_", 1)[-1]
        values = [set(part[name].dropna()) if name in part else set() for part in parts]
        alone = [value.copy().pop() for value in values if len(value) == 1]
        if key in (*_FOLDS, "seed", "run", "trial") and len(set(alone)) == len(parts):
            group = stem if key in _FOLDS else None
            return [Said(f"{key}_{value:g}", config={key: _number(f"{value:g}")}, group=group) for value in alone]
    return None


def said_above(lines: Sequence[str], starts: Sequence[int], ends: Sequence[int], stem: str) -> list[Said]:
    """Name several trainings of one text by the lines above each: ``Fold 2``, ``lr=0.01``, a heading, else by number.

    Parameters
    ----------
    lines : sequence of str
    starts, ends : sequence of int
        The first and last line of each training.
    stem : str
        Name of the file.
    """
    above = []
    for place, start in enumerate(starts):
        first = ends[place - 1] + 1 if place else 0
        own = [line for line in lines[first:start] if line.strip() and len(line) < 200]
        above.append(own[-_ABOVE:])
    stated = [_stated(own) for own in above]
    shared = [name for name in stated[0] if all(name in own for own in stated)]
    differ = [name for name in shared if len({own[name] for own in stated}) > 1]
    configs = [{plain(name): _number(own[name]) for name in differ} for own in stated]
    for name in differ:
        if len({own[name] for own in stated}) == len(stated):
            key = plain(name)
            folds = stem if key in _FOLDS else None
            pairs = zip(stated, configs, strict=True)
            return [Said(f"{key}_{own[name]}", config=config, group=folds) for own, config in pairs]
    labels = [next((label for line in reversed(own) if (label := _heading(line))), None) for own in above]
    unique = None not in labels and len(set(labels)) == len(labels)
    numbered = enumerate(zip(labels, configs, strict=True), start=1)
    return [Said(f"{stem}_{place}", label if unique else None, config) for place, (label, config) in numbered]


def _stated(lines: Sequence[str]) -> dict[str, str]:
    """Return the numbers that lines state by name, without counts, times and results; of one name the last."""
    found: dict[str, str] = {}
    for line in lines:
        for said in _SAID.finditer(line):
            name = " ".join(said["name"].split()[-2:])
            key = plain(name).rsplit("_", 1)[-1]
            name = key if key in (*_FOLDS, "seed", "lr", "run", "trial") else name
            if key not in STEPS | EPOCHS and metric(name).direction == "none" and key not in ("time", "accuracy"):
                found[name] = said["value"]
    return found


def _heading(line: str) -> str | None:
    found = _HEADING.fullmatch(line) or _IN_FRONT.fullmatch(line)
    return found["words"].strip(" :") if found else None


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and "." not in text else value
