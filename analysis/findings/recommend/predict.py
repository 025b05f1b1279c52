"""Predictions for a next run, as intervals that a later report can score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analysis.core.config_factors import without_seed
from analysis.core.run import FACTORS
from analysis.evidence.seed_groups import group_levels, group_of, seed_groups
from analysis.evidence.seed_spread import usual_seed_sd
from analysis.findings.plan import Prediction
from analysis.statistics import t_quantile

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis


def predictions(a: Analysis, config: Mapping[str, Any]) -> tuple[Prediction, ...]:
    """Return predictions of the deciding metric and the noise of a run with this configuration.

    If no difference between configurations is shown, the candidate's own level is predicted, except for another number
    of epochs, which always changes it. If one is shown, no level is predicted for other settings. A new run has a new
    seed: the interval is ``mean ± t s sqrt(1 + 1/k)`` over k seeds, with the pooled, stated or usual spread s.
    """
    e = a.evidence[a.candidate.id]
    made = []
    metric = a.deciding_metric
    planned = replace(a.candidate, config=config)
    moved = a.verdict.result in _DECIDED and without_seed(planned) != without_seed(a.candidate)
    same = planned.factor("n_epochs") == a.candidate.factor("n_epochs") and not moved
    if same and (level := _level(a, metric)) is not None:
        made.append(level)
    if e.noise is not None and e.noise.known and e.noise.value > 0:
        factor = _batch_factor(a, config)
        half = t_quantile(0.975, e.noise.df) * math.sqrt(2) * e.noise.se
        value = e.noise.value * factor
        low, high = value * math.exp(-half), value * math.exp(half)
        made.append(Prediction("noise", "noise.s", value, low, high, _BASIS + _per_batch(factor)))
    return tuple(made)


_DECIDED = ("improved", "regressed", "mixed")
"""Verdicts that show that the configurations differ in level."""

_BASIS = "the candidate's own level; no comparison shows that the changed factors move it"


def _level(a: Analysis, metric: str) -> Prediction | None:
    group = group_of(seed_groups(a.runs), a.candidate.id)
    values = group_levels(group, metric, a.evidence)
    own = a.evidence[a.candidate.id].window.get(metric)
    if not values.size or own is None:
        return None
    known = a.seed_spread.of(metric)
    usual = usual_seed_sd(metric, own, own, a.candidate.n_valid)
    sd, df = (known.sd, known.df) if known is not None else (usual, math.inf)
    if sd is None:
        return None
    basis = _BASIS + ("" if known is not None else "; the usual spread of seeds is assumed, not measured")
    half = t_quantile(0.975, df) * sd * math.sqrt(1 + 1 / values.size)
    mean = float(values.mean())
    return Prediction(metric, own.definition, mean, mean - half, mean + half, basis)


def _batch_factor(a: Analysis, config: Mapping[str, Any]) -> float:
    """Return the factor of sampling noise, which is inversely proportional to the square root of the batch size."""
    before = a.candidate.factor("batch_size")
    after = next((config[key] for key in FACTORS["batch_size"] if config.get(key) is not None), before)
    if not isinstance(before, int | float) or not isinstance(after, int | float) or before <= 0 or after <= 0:
        return 1.0
    return math.sqrt(before / after)


def _per_batch(factor: float) -> str:
    return "" if factor == 1.0 else f", times {factor:.3g} for the batch size"
