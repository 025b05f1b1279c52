"""Join the parts of one run that lie in several files: each goes on just where the one before it ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.sources.axis_names import main_metric, metric_columns, step_text
from analysis.sources.metric_aliases import plain, standard_names
from analysis.sources.phases import phase_of
from analysis.sources.raw_log import RawLog
from analysis.sources.restarts import usual_spacing
from analysis.sources.rows import merge_rows
from analysis.sources.sidecar import run_stem

PARTS = "parts of one run"
_FURTHEST = 2
"""Times the usual distance of steps that may lie between the end of one part and the start of the next."""


def joined(logs: Sequence[RawLog]) -> list[list[int]]:
    """Return which of several logs are parts of one run, in their order, as lists of places.

    One log continues another if it starts just behind its end, they have the same metrics and settings and come from
    one tool, its values go on where the other's ended, and neither has a second such neighbour.
    """
    places: Sequence[int] = range(len(logs))
    spans = [_span(log) for log in logs]
    # The steps alone rule out nearly every pair, and a folder of a thousand logs has a million of them.
    sets = _by_set(logs, spans)
    of_sets = {place for chain in sets for place in chain}
    places = [place for place in places if place not in of_sets]
    nexts = {
        a: [b for b in places if _starts_behind(spans[b], spans[a]) and _continues(logs[a], logs[b])] for a in places
    }
    before = [other for others in nexts.values() for other in others]
    sure = {place: others[0] for place, others in nexts.items() if len(others) == 1 and before.count(others[0]) == 1}
    chains = []
    for place in places:
        if place in sure.values():
            continue
        chain = [place]
        while chain[-1] in sure:
            chain.append(sure[chain[-1]])
        chains.append(chain)
    return sorted([*chains, *sets])


def join(parts: Sequence[RawLog]) -> RawLog:
    """Make one log of parts of a run: rows one below the other, or of training and validation by their steps."""
    sets = [_set_of(part)[1] for part in parts]
    if None not in sets and len(set(sets)) == len(sets):
        return _join_sets(parts, [str(one) for one in sets])
    files = tuple(dict.fromkeys(file for part in parts for file in part.files))
    what = f"{len(parts)} files" if len(files) > 1 else f"{len(parts)} outputs"
    places = ["/".join(Path(part.files[0]).parts[-2:]) for part in parts]
    starts = [step_text(part.frame["step"].min()) for part in parts]
    names = ", ".join(f"{place} from step {start}" for place, start in zip(places, starts, strict=True))
    return replace(
        parts[0],
        frame=pd.concat([part.frame for part in parts], ignore_index=True),
        files=files,
        rows_read=sum(part.rows_read for part in parts),
        lines=None,
        sha256=None,
        size_bytes=None,
        ended=parts[-1].ended,
        seams=tuple(sorted({seam for part in parts for seam in part.seams})),
        dropped=tuple(lost for part in parts for lost in part.dropped),
        notes=(
            *dict.fromkeys(note for part in parts for note in part.notes),
            f"{what} are {PARTS}, each starts where the one before it ends: {names}",
        ),
    )


def _by_set(logs: Sequence[RawLog], spans: Sequence[_Span | None]) -> list[list[int]]:
    """Return logs of one training whose files are called alike but for what was measured on: train.csv, val.csv."""
    groups: dict[tuple[object, ...], dict[str, int]] = {}
    twice = set()
    for place, log in enumerate(logs):
        key, phase = _set_of(log)
        if spans[place] is None or phase is None or log.id is not None:
            continue
        own = groups.setdefault((key, log.source), {})
        twice |= {(key, log.source)} if phase in own else set()
        own.setdefault(phase, place)
    chains = []
    for group, own in groups.items():
        chain = sorted(own.values(), key=lambda place: place != own.get("train"))
        ends = [span.last for place in chain if (span := spans[place])]
        if group not in twice and len(chain) > 1 and "train" in own and min(ends) > max(ends) / 2:
            chains.append(chain)
    return chains


def _set_of(log: RawLog) -> tuple[tuple[Path, str], str | None]:
    """Return where a log lies and its file's name without the word for what it was measured on, and that word."""
    path = Path(log.files[0]) if log.files else Path()
    words = re.split(r"[ _.-]", run_stem(path).lower())
    said = [word for word in words if phase_of(word)]
    rest = "_".join(word for word in words if not phase_of(word))
    return (path.parent, f"{rest}{path.suffix}"), phase_of(said[0]) if len(said) == 1 and len(log.files) == 1 else None


def _join_sets(parts: Sequence[RawLog], sets: Sequence[str]) -> RawLog:
    frames = []
    for part, phase in zip(parts, sets, strict=True):
        bare = [n for n in metric_columns(part.frame) if not any(map(phase_of, plain(n).split("_")))]
        kept = "learning_rate" if phase == "train" else None
        known = standard_names(bare, source=part.source, chosen={})
        frames.append(part.frame.rename(columns={n: f"{phase}/{n}" for n in bare if known.get(n, "") != kept}))
    frame = pd.concat(frames, ignore_index=True).sort_values("step", kind="stable", ignore_index=True)
    frame, lost = merge_rows(frame)
    names = ", ".join(Path(part.files[0]).name for part in parts)
    return replace(
        parts[0],
        frame=frame,
        files=tuple(part.files[0] for part in parts),
        rows_read=sum(part.rows_read for part in parts),
        lines=None,
        sha256=None,
        size_bytes=None,
        dropped=(*(one for part in parts for one in part.dropped), *lost),
        notes=(
            *dict.fromkeys(note for part in parts for note in part.notes),
            f"{len(parts)} files are {PARTS}, called after what each was measured on: {names}",
        ),
    )


@dataclass(frozen=True)
class _Span:
    """The first and last step of a log, and how far behind the last one its continuation may start."""

    first: float
    last: float
    reach: float


def _span(log: RawLog) -> _Span | None:
    """Return the span of a log; None for one that is no part of a run: no file, no steps, or a single row."""
    if not log.files or "step" not in log.frame or len(log.frame) < 2:
        return None
    steps = log.frame["step"]
    with np.errstate(invalid="ignore"):
        reach = _FURTHEST * usual_spacing(steps.to_numpy(dtype=np.float64))
    return _Span(float(steps.min()), float(steps.max()), reach)


def _starts_behind(second: _Span | None, first: _Span | None) -> bool:
    return first is not None and second is not None and 0 < second.first - first.last <= first.reach


def _continues(first: RawLog, second: RawLog) -> bool:
    a, b = first.frame, second.frame
    if first.source != second.source or set(a.columns) != set(b.columns) or dict(first.config) != dict(second.config):
        return False
    name = main_metric(a)
    if name is None:
        return False
    before, after = a[name].dropna().to_numpy(dtype=np.float64), b[name].dropna().to_numpy(dtype=np.float64)
    if len(before) < 2 or not len(after):
        return False
    few = max(1, min(10, len(before) // 5))
    began, ended, goes_on = np.median(before[:few]), np.median(before[-few:]), np.median(after[:few])
    return bool(abs(goes_on - ended) <= abs(goes_on - began))
