"""Summary of a report for an index, a message or a comment."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.core.blocks import Tone
from analysis.core.number_format import interval_parts, p_value
from analysis.core.run import FloatArray
from analysis.core.run_names import metric_name
from analysis.evidence.comparisons import Comparison
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis

CURVE_POINTS = 64
"""Most points of a thinned curve."""

_TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "different": "warning", "no difference": "neutral"}


@dataclass(frozen=True)
class Difference:
    """Comparison of candidate and baseline in one metric, in the words and figures for display.

    ``reading`` is "better", "worse", "different", "no difference" or "not comparable"; ``note`` says why the two may
    not be comparable.
    """

    metric: str
    label: str
    estimate: float
    shown: str
    interval: str
    p: str
    reading: str
    tone: Tone
    note: str = ""


def differences(a: Analysis) -> tuple[Difference, ...]:
    """Return the known differences of the candidate to its baseline, performance first, then noise."""
    if a.baseline is None:
        return ()
    pair = [c for c in a.comparisons if (c.baseline, c.candidate) == (a.baseline.id, a.candidate.id)]
    metrics = dict.fromkeys([*(c.metric for c in _headline(a)), *(c.metric for c in pair)])
    chosen = [a.comparison(a.baseline.id, a.candidate.id, metric) for metric in metrics]
    return tuple(_difference(c, a.settings.alpha) for c in chosen if c is not None and c.known)


def summary(a: Analysis) -> dict[str, Any]:
    """Return the summary in the form of the results JSON."""
    return {
        "tone": a.verdict.tone,
        "sentence": a.verdict.sentence,
        "candidate": a.title_of(a.candidate.id),
        "baseline": a.title_of(a.baseline.id) if a.baseline else None,
        "differences": [dataclasses.asdict(_difference(c, a.settings.alpha)) for c in _headline(a)],
        "level": _level(a),
        "curve": {
            "metric": a.curve,
            "label": metric_name(a.curve),
            "values": [float(value) for value in thinned(a.candidate.series(a.curve))],
        },
    }


def thinned(values: FloatArray, points: int = CURVE_POINTS) -> FloatArray:
    """Return the lowest and the highest value of each bucket, in their order, and both ends.

    Examples
    --------
    >>> spike = np.zeros(10_000)
    >>> spike[4321] = 9.0
    >>> short = thinned(spike)
    >>> short.size <= 64, float(short.max())
    (True, 9.0)
    """
    if values.size <= points:
        return values
    cuts = np.linspace(1, values.size - 1, (points - 2) // 2 + 1).astype(int)
    inner = [low + f(values[low:high]) for low, high in pairwise(cuts) for f in (np.argmin, np.argmax)]
    chosen: FloatArray = values[np.unique([0, *inner, values.size - 1])]
    return chosen


def _headline(a: Analysis) -> list[Comparison]:
    return [c for c in (a.verdict.primary, a.verdict.stability) if c is not None and c.known]


def _difference(c: Comparison, alpha: float) -> Difference:
    scale, unit = shown_scale(c)
    unit = "×" if c.ratio else unit
    shown, bounds = interval_parts(c.result, scale=scale, unit=unit, sign=not c.ratio)
    reading = c.verdict(alpha)
    tone = _TONES[reading]
    if c.comparable is False:
        reading, tone = "not comparable", "unknown"
    estimate, label = float(c.result.value), metric_name(c.metric)
    return Difference(
        c.metric, label, estimate, shown, bounds, p_value(c.p_adjusted), reading, tone, "" if c.comparable else c.reason
    )


def _level(a: Analysis) -> dict[str, Any] | None:
    """Return the candidate's level in the deciding metric, for the trend over reports; None if unknown."""
    metric = a.verdict.primary.metric if a.verdict.primary is not None else a.curve
    level = a.evidence[a.candidate.id].window.get(metric)
    if level is None or not np.isfinite(level.value):
        return None
    bounds = (level.low, level.high) if level.known else (None, None)
    return {"metric": metric, "label": metric_name(metric), "value": level.value, "low": bounds[0], "high": bounds[1]}
