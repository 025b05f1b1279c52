"""Recommendations and next runs, by rules of thumb (heuristic) and based on evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.core.metrics import metric as metric_of
from analysis.core.run_facts import died
from analysis.evidence.configurations import deciding_metric, preferred_metrics
from analysis.findings.plan import NextRun, Prediction, Recommendation
from analysis.findings.recommend.design import first_runs
from analysis.findings.recommend.evidence import evidence_recommendations
from analysis.findings.recommend.heuristics import Situation, rule_recommendations
from analysis.findings.recommend.predict import predictions

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis

LEAST_EVALUATIONS = 5
"""Least number of evaluations for which the last being the best is informative."""

__all__ = ["NextRun", "Prediction", "Recommendation", "recommend"]


def _last_is_best(a: Analysis) -> bool:
    """True if the last value of the deciding validation metric of the candidate is its best."""
    # A single run has no comparison: use the metric that would decide.
    ranking = deciding_metric([a.candidate], a.evidence, preferred_metrics([a.candidate], a.settings.primary, None))
    metric = metric_of(a.verdict.primary.metric if a.verdict.primary is not None else ranking or a.curve)
    values = a.candidate.series(metric.name)
    if not metric.validates or values.size < LEAST_EVALUATIONS:
        return False
    return bool(values[-1] == (values.min() if metric.direction == "lower" else values.max()))


def recommend(a: Analysis) -> tuple[tuple[Recommendation, ...], tuple[NextRun, ...]]:
    """Return all advice, evidence first, and the next runs with their predictions; no runs if nothing was trained."""
    if a.candidate.only_evaluated:
        return evidence_recommendations(a), ()
    divergence = a.detection(a.candidate.id, "det.divergence")
    failed = died(a.candidate) or (divergence is not None and divergence.status == "raised")
    situation = Situation(
        a.candidate,
        a.baseline,
        a.rules_of_thumb,
        a.settings,
        failed,
        better=a.verdict.result == "improved",
        learning=_last_is_best(a),
    )
    advice, planned = rule_recommendations(a.runs, situation)
    evidence = evidence_recommendations(a)
    next_runs = planned or first_runs(a, evidence)
    return (*evidence, *advice), tuple(replace(run, predictions=predictions(a, run.config)) for run in next_runs)
