"""Join the parts of one run that lie in several files: each goes on just where the one before it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.sources.axis_names import main_metric, step_text
from analysis.sources.raw_log import RawLog
from analysis.sources.restarts import usual_spacing

PARTS = "parts of one run"
_FURTHEST = 2
"""Times the usual distance of steps that may lie between the end of one part and the start of the next."""


def joined(logs: Sequence[RawLog]) -> list[list[int]]:
    """Return which of several logs are parts of one run, in their order, as lists of places.

    One log continues another if it starts just behind its end, they have the same metrics and settings and come from
    one tool, its values go on where the other's ended, and neither has a second such neighbour.
    """
    places = range(len(logs))
    spans = [_span(log) for log in logs]
    # The steps alone rule out nearly every pair, and a folder of a thousand logs has a million of them.
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
    return chains


def join(parts: Sequence[RawLog]) -> RawLog:
    """Make one log of parts of a run."""
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
