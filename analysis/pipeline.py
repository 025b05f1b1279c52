"""From run IDs to an `Analysis`: everything a report says, computed before anything is drawn or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis import judge as judging
from analysis.arms import seed_comparisons
from analysis.comparability import Gate, gate
from analysis.compare import Comparison, comparisons
from analysis.document import DocumentResult, curve_metric, document_results, leaders
from analysis.errors import UsageError
from analysis.evidence import RunEvidence, run_evidence
from analysis.findings import Finding
from analysis.goal import DocumentVerdict, Goal, document_verdict, read_goal
from analysis.judge import EvidenceGrade, Verdict
from analysis.naming import display_name, titled
from analysis.parameters import Parameters, check_parameters
from analysis.recommend import NextRun, Recommendation
from analysis.schema import Run
from analysis.settings import Settings
from analysis.sources import load_runs


@dataclass(frozen=True)
class Analysis:
    """All results of one report. Built once by `analyze`; sections only read it."""

    parameters: Parameters
    settings: Settings
    runs: tuple[Run, ...]
    candidate: Run
    baseline: Run | None
    curve: str
    document: Mapping[str, DocumentResult]
    leaders: Mapping[str, str | None]
    document_verdict: DocumentVerdict
    goal: Goal | None
    evidence: Mapping[str, RunEvidence]
    comparisons: tuple[Comparison, ...]
    gate: Gate | None
    verdict: Verdict
    evidence_grades: Mapping[str, EvidenceGrade]
    findings: tuple[Finding, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    next_runs: tuple[NextRun, ...] = ()

    @property
    def report_id(self) -> str:
        """Name of the report's folder."""
        return self.parameters.report_id or _folder_name(self.candidate.id)

    @property
    def title(self) -> str:
        """Title of the report, as asked for or made from the candidate."""
        if self.parameters.title:
            return self.parameters.title
        name = display_name(self.candidate.id)
        run = f"Training {name}" if name.startswith("Run ") else f"Training Run {name}"
        return f"Fine-tuning {run}: Comprehensive Analysis Report"

    @property
    def reference_id(self) -> str:
        """ID of the baseline; of the candidate itself where there is only one run."""
        return self.baseline.id if self.baseline is not None else self.candidate.id

    def run(self, run_id: str) -> Run:
        """Find a run by its ID."""
        return next(run for run in self.runs if run.id == run_id)

    def name(self, run_id: str) -> str:
        """Give a run's name for tables and sentences."""
        return display_name(run_id)

    def title_of(self, run_id: str) -> str:
        """Give a run's name with its label."""
        return titled(self.run(run_id))

    def comparison(self, baseline: str, candidate: str, metric: str) -> Comparison | None:
        """Find the comparison of two runs in a metric, between seeds first; None if there is none."""
        found = [
            c
            for c in self.comparisons
            if c.metric == metric and (c.baseline, c.candidate) == (baseline, candidate)
        ]
        return min(found, key=lambda c: c.definition != "seeds.diff", default=None)


def analyze(**parameters: Any) -> Analysis:
    """Compare training runs.

    Parameters
    ----------
    **parameters : Any
        The names of `analysis.parameters.Parameters`, as in the template notebook.

    Returns
    -------
    Analysis
        Every number, finding and recommendation of the report.

    Raises
    ------
    AnalysisError
        With one line, for a parameter, reference or log that cannot be used.

    Examples
    --------
    >>> analyze(run_ids=["run_2"], speed=3)
    Traceback (most recent call last):
    ...
    analysis.errors.UsageError: parameter 'speed' is unknown; known parameters: run_ids, candidate, baseline, \
goal, title, report_id, runs_dir, reports_dir, previous, date, settings, columns, mute
    """
    request = check_parameters(parameters)
    settings = Settings.from_mapping(request.settings)
    runs = load_runs(request.run_ids, runs_dir=find_folder(request.runs_dir), columns=request.columns)
    return analyze_runs(runs, request, settings)


def analyze_runs(runs: Sequence[Run], request: Parameters, settings: Settings) -> Analysis:
    """Analyze runs that are already loaded: a pure function of its arguments."""
    document = document_results(runs, settings)
    candidate = _chosen(runs, request.candidate, "candidate") or runs[-1]
    baseline = _baseline(runs, candidate, request.baseline, document)
    base_id = baseline.id if baseline else None
    evidence = run_evidence(runs)
    compared = (
        *seed_comparisons(runs, evidence, baseline=base_id),
        *comparisons(runs, evidence, settings, base_id),
    )
    pair = gate(baseline, candidate) if baseline else None
    between = [c for c in compared if (c.baseline, c.candidate) == (base_id, candidate.id)]
    analysis = Analysis(
        parameters=request,
        settings=settings,
        runs=tuple(runs),
        candidate=candidate,
        baseline=baseline,
        curve=curve_metric(runs),
        document=document,
        leaders=leaders(document),
        document_verdict=document_verdict(document[candidate.id], document[base_id] if base_id else None, settings),
        goal=read_goal(request.goal or candidate.goal, document, candidate.id, base_id, settings),
        evidence=evidence,
        comparisons=compared,
        gate=pair,
        verdict=judging.judge(candidate, baseline, between, pair, settings),
        evidence_grades=judging.evidence_grades(runs, evidence, compared, {}, settings),
    )
    return concluded(analysis)


def concluded(analysis: Analysis) -> Analysis:
    """Add what follows from the numbers: findings, recommendations, next runs."""
    from analysis.recommend import document_recommendations
    from analysis.recommend.document import Situation

    situation = Situation(analysis.candidate, analysis.baseline, analysis.document, analysis.settings)
    advice, next_runs = document_recommendations(analysis.runs, situation)
    return replace(analysis, recommendations=advice, next_runs=next_runs)


def find_folder(name: str) -> Path:
    """Find a folder by its name here or in a folder above, so that notebooks work from where they lie."""
    path = Path(name).expanduser()
    if path.is_absolute():
        return path
    here = Path.cwd()
    return next((up / path for up in (here, *here.parents) if (up / path).is_dir()), here / path)


def _baseline(
    runs: Sequence[Run], candidate: Run, asked: str | None, document: Mapping[str, DocumentResult]
) -> Run | None:
    """Take the run asked for, else the candidate's parent, else the one with the fewest oscillations."""
    if asked is not None:
        chosen = _chosen(runs, asked, "baseline")
        if chosen is candidate:
            raise UsageError(f"parameter 'baseline' is the candidate itself ('{asked}'); choose another run")
        return chosen
    others = [run for run in runs if run is not candidate]
    parent = next((run for run in others if run.id == candidate.parent), None)
    if parent is not None:
        return parent

    def count(run: Run) -> float:
        oscillations = document[run.id].oscillations
        return float("inf") if oscillations is None else oscillations

    return min(others, key=count, default=None)


def _chosen(runs: Sequence[Run], run_id: str | None, what: str) -> Run | None:
    if run_id is None:
        return None
    found = [run for run in runs if run_id in (run.id, run.reference, run.label)]
    if not found:
        known = ", ".join(run.id for run in runs)
        raise UsageError(f"parameter '{what}' is '{run_id}', which is not among the runs: {known}")
    return found[0]


def _folder_name(run_id: str) -> str:
    safe = "".join(c if c.isalnum() or c in "._-" else "-" for c in run_id).strip(".-")
    return safe[:100] or "report"
