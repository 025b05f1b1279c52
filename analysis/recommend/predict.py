"""What a next run should show, as intervals that a later report can score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.recommend.plan import Prediction
from analysis.schema import FACTORS
from analysis.seed_groups import group_of, seed_groups
from analysis.statistics import Estimate, t_quantile

if TYPE_CHECKING:
    from analysis.model import Analysis


def predictions(a: Analysis, config: Mapping[str, Any]) -> tuple[Prediction, ...]:
    """Predict the primary metric and the noise of a run with this configuration.

    Where no difference between configurations is shown, the candidate's own level is the best guess. A new
    run brings its own error, so the interval is that of a difference of two: ``level ± t sqrt(2) SE``,
    widened by the spread between seeds where several were run.
    """
    e = a.evidence[a.candidate.id]
    made = []
    metric = a.verdict.primary.metric if a.verdict.primary else a.curve
    level = e.full_valid_loss if metric == "full_valid_loss" else e.window.get(metric)
    if level is not None and level.known:
        made.append(_prediction(metric, level, math.hypot(math.sqrt(2) * level.se, _seed_spread(a, metric))))
    if e.noise is not None and e.noise.known and e.noise.value > 0:
        factor = _batch_factor(a, config)
        half = t_quantile(0.975, e.noise.df) * math.sqrt(2) * e.noise.se
        value = e.noise.value * factor
        low, high = value * math.exp(-half), value * math.exp(half)
        made.append(Prediction("noise", "noise.s", value, low, high, _BASIS + _per_batch(factor)))
    return tuple(made)


_BASIS = "the candidate's own level; no comparison shows that the changed factors move it"


def _prediction(metric: str, level: Estimate, se: float) -> Prediction:
    half = t_quantile(0.975, level.df) * se
    return Prediction(metric, level.definition, level.value, level.value - half, level.value + half, _BASIS)


def _seed_spread(a: Analysis, metric: str) -> float:
    """Give the standard deviation between seeds of the candidate's arm; 0 where there is one seed."""
    runs = group_of(seed_groups(a.runs), a.candidate.id).runs
    levels = [
        a.evidence[r].full_valid_loss if metric == "full_valid_loss" else a.evidence[r].window.get(metric) for r in runs
    ]
    values = [level.value for level in levels if level is not None and math.isfinite(level.value)]
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _batch_factor(a: Analysis, config: Mapping[str, Any]) -> float:
    """Sampling noise falls with the square root of the batch."""
    before = a.candidate.factor("batch_size")
    after = next((config[key] for key in FACTORS["batch_size"] if config.get(key) is not None), before)
    if not isinstance(before, int | float) or not isinstance(after, int | float) or before <= 0 or after <= 0:
        return 1.0
    return math.sqrt(before / after)


def _per_batch(factor: float) -> str:
    return "" if factor == 1.0 else f", times {factor:.3g} for the batch size"
