"""What to do next: the document's rules (heuristic) and the rules that rest on evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.recommend.document import Situation, document_recommendations
from analysis.recommend.evidence import evidence_recommendations
from analysis.recommend.plan import NextRun, Prediction, Recommendation
from analysis.recommend.predict import predictions
from analysis.verdict import died

if TYPE_CHECKING:
    from analysis.model import Analysis

__all__ = ["NextRun", "Prediction", "Recommendation", "recommend"]


def recommend(a: Analysis) -> tuple[tuple[Recommendation, ...], tuple[NextRun, ...]]:
    """Give all advice, evidence first, and the next runs with what each should show."""
    divergence = a.detection(a.candidate.id, "det.divergence")
    failed = died(a.candidate) or (divergence is not None and divergence.status == "raised")
    situation = Situation(a.candidate, a.baseline, a.document, a.settings, failed)
    advice, planned = document_recommendations(a.runs, situation)
    next_runs = tuple(replace(run, predictions=predictions(a, run.config)) for run in planned)
    return (*evidence_recommendations(a), *advice), next_runs
