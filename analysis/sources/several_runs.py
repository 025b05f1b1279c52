"""Split the printed rows of consecutive trainings into runs, and name these by the lines in between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.axis_names import main_metric
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_phases import phase_word
from analysis.sources.printed_settings import ARMS, SOON, arms_above, settings_above
from analysis.sources.raw_log import RawLog
from analysis.sources.restarts import restart_kind
from analysis.sources.text_tables import EPOCHS, STEPS

_ABOVE = 6
"""Lines above a training that may name it."""
_HEADING = re.compile(r"\s*(#{1,6}\s+|[=*\-_~>]{2,}\s*)(?P<words>[^#=*~]*[^\W\d][^#=*~]*?)\s*[#=*\-_~<]*\s*")
_MARKDOWN = re.compile(r"\s*#{1,6}\s+(.*\w.*)")
_COUNTS = re.compile(r"\b(?:epoch|step|iter\w*|episode|round)s?\b", re.IGNORECASE)
_IN_FRONT = re.compile(
    r"\s*(?P<words>[A-Za-z][\w .+-]*?)\s*[-:|]+\s*(?:epoch|step|iter\w*)\b.*", re.IGNORECASE
)  # resnet-50 - Epoch 0/49
_SAID = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z_ ]*?)['\"]?\s*(?:[:=#]|\s|\[)\s*(?P<value>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])"
)
_SHORT = re.compile(r"[\w.+-]{1,30}")
"""A value that may name a run."""
_FOLDS = ("fold", "cv_fold", "kfold", "split", "repeat", "repetition", "replicate")
_CHANCE = (*_FOLDS, "seed")
"""Settings that may differ between runs of one configuration."""


@dataclass(frozen=True)
class Said:
    """Statements of the lines above a training: its name among the others, settings, and the group of its folds."""

    id: str
    label: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    group: str | None = None


def parted(frame: pd.DataFrame, lines: Sequence[str]) -> list[pd.DataFrame]:
    """Return rows, in the order of writing, split where a training restarts at its first step and its first values.

    A restart of the steps below a Markdown heading also splits. Other steps back (a rollback, a counter that restarts
    while the values continue) do not.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows indexed by line number.
    lines : sequence of str
        All lines of the text.
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
    """True if a line is a Markdown heading that names neither a step nor a phase."""
    found = _MARKDOWN.fullmatch(line)
    return found is not None and not phase_word(found[1]) and not _COUNTS.search(found[1])


def _again(frame: pd.DataFrame, axis: str) -> list[pd.DataFrame]:
    """Return rows split where the values of the training restart together with its steps."""
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
            between = range(rows[fall] + 1, later[0])  # an evaluation may precede the first training row
            bounds.append(next((row for row in between if steps[row] <= steps[later[0]]), int(later[0])))
            begun = fall + 1
    return [frame.iloc[start:end] for start, end in zip(bounds, [*bounds[1:], len(frame)], strict=True)]


def named_apart(
    logs: Sequence[Sequence[RawLog]], parts: Sequence[pd.DataFrame], lines: Sequence[str], stem: str
) -> list[RawLog]:
    """Return the logs of all parts, with the settings printed above each and, if there are several parts, names.

    Parameters
    ----------
    logs : sequence of sequences of RawLog
        Logs of each part: several if its table holds several runs.
    parts : sequence of pandas.DataFrame
        Their rows, indexed by line number.
    lines : sequence of str
        All lines of the text.
    stem : str
        Stem of the file name, for the names of runs and groups.
    """
    ends = [0, *(int(part.index[-1]) + 1 for part in parts)]
    above = [lines[end : int(part.index[0])] for end, part in zip(ends, parts, strict=False)]
    below = [lines[int(part.index[0]) : int(part.index[-1]) + 1][:SOON] for part in parts]
    if len(parts) == 1:
        config = settings_above(above[0], below[0])
        return [replace(log, config={**config, **log.config}) for log in logs[0]]
    said = _said_inside(parts, stem) or said_above(above, below, stem)
    note = f"{len(parts)} trainings one after another, each a run"
    named = []
    for one, own in zip(said, logs, strict=True):
        for log in own:
            run_id = one.id if len(own) == 1 else f"{one.id}_{log.id}"
            config, group = {**log.config, **one.config}, log.group or one.group
            named.append(replace(log, id=run_id, label=one.label, config=config, group=group, notes=(*log.notes, note)))
    return named


def _said_inside(parts: Sequence[pd.DataFrame], stem: str) -> list[Said] | None:
    """Return names of trainings by a number on each of their lines (fold, seed, run); None if there is none."""
    for name in parts[0].columns:
        key = plain(str(name)).rsplit("_", 1)[-1]
        values = [set(part[name].dropna()) if name in part else set() for part in parts]
        alone = [value.copy().pop() for value in values if len(value) == 1]
        if key in (*_FOLDS, "seed", "run", "trial") and len(set(alone)) == len(parts):
            group = stem if key in _CHANCE else None
            return [Said(f"{key}_{value:g}", config={key: _number(f"{value:g}")}, group=group) for value in alone]
    return None


def said_above(above: Sequence[Sequence[str]], below: Sequence[Sequence[str]], stem: str) -> list[Said]:
    """Return names of several trainings by the lines above each: ``Fold 2``, ``lr=0.01``, a heading, else a number.

    Parameters
    ----------
    above : sequence of sequences of str
        Lines above each training, from the end of the previous one.
    below : sequence of sequences of str
        Lines of each training, or the first of them.
    stem : str
        Stem of the file name.
    """
    short = [[line for line in lines if line.strip() and len(line) < 200] for lines in above]
    settings = _shared([settings_above(*both) for both in zip(above, below, strict=True)])
    arms = _shared([arms_above(*both) for both in zip(short, below, strict=True)])
    for found in (arms, _shared([_stated(own[-_ABOVE:]) for own in short])):
        settings = [{**_differing(found, one), **own} for one, own in zip(found, settings, strict=True)]
    differ = [name for name in settings[0] if len({str(own[name]) for own in settings}) > 1]
    for name in differ:
        values = [str(own[name]) for own in settings]
        if len(set(values)) == len(values) and all(map(_SHORT.fullmatch, values)):
            group = stem if plain(name) in _CHANCE and differ == [name] else None
            return [Said(f"{plain(name)}_{own[name]}", config=own, group=group) for own in settings]
    arm = next((name for name in differ if name in ARMS and {*differ} <= {name, "seed"}), None)
    if arm is not None and all(_SHORT.fullmatch(str(own[arm])) for own in settings):
        groups = [str(own[arm]) for own in settings]
        return [
            Said(f"{group}_{groups[: place + 1].count(group)}", config=own, group=group)
            for place, (group, own) in enumerate(zip(groups, settings, strict=True))
        ]
    labels = [_label(own[-_ABOVE:]) for own in short]
    if not _unique(labels):
        labels = [_label(own) for own in short]
    numbered = enumerate(zip(labels, settings, strict=True), start=1)
    return [Said(f"{stem}_{place}", label if _unique(labels) else None, own) for place, (label, own) in numbered]


def _shared(stated: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the settings stated for all trainings: one stated for some may be a result of the previous training."""
    names = [name for name in stated[0] if all(name in own for own in stated)]
    return [{name: own[name] for name in names} for own in stated]


def _differing(found: Sequence[Mapping[str, Any]], one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if any(other[name] != value for other in found)}


def _label(lines: Sequence[str]) -> str | None:
    return next((label for line in reversed(lines) if (label := _heading(line))), None)


def _unique(labels: Sequence[str | None]) -> bool:
    return None not in labels and len(set(labels)) == len(labels)


def _stated(lines: Sequence[str]) -> dict[str, float | int]:
    """Return the numbers stated by name in lines, without counts, times and results; the last of each name."""
    found: dict[str, float | int] = {}
    for line in lines:
        for said in _SAID.finditer(line):
            name = " ".join(said["name"].split()[-2:])
            key = plain(name).rsplit("_", 1)[-1]
            name = key if key in (*_FOLDS, "seed", "lr", "run", "trial") else name
            if key not in STEPS | EPOCHS and metric(name).direction == "none" and key not in ("time", "accuracy"):
                found[plain(name)] = _number(said["value"])
    return found


def _heading(line: str) -> str | None:
    found = _HEADING.fullmatch(line) or _IN_FRONT.fullmatch(line)
    return found["words"].strip(" :") if found else None


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and "." not in text else value
