"""`Analysis`: all results of one report in one frozen object, which everything later only reads."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from analysis.core.parameters import Parameters
from analysis.core.redact import redact_text
from analysis.core.run import Run
from analysis.core.run_names import display_name, folder_name, is_random, short_names
from analysis.core.settings import Settings
from analysis.evidence.comparability import Gate
from analysis.evidence.comparisons import Comparison
from analysis.evidence.configurations import Configuration
from analysis.evidence.evaluations import Differing, PairedEvaluation
from analysis.evidence.grades import EvidenceGrade
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_spread import SeedSpread
from analysis.evidence.verdict import Verdict
from analysis.findings.finding import Finding
from analysis.findings.frames import Frames, summary
from analysis.findings.goal import Goal
from analysis.findings.plan import NextRun, Recommendation
from analysis.heuristics.run_numbers import RuleNumbers
from analysis.heuristics.verdict import RuleVerdict
from analysis.statistics.detectors import Detection


@dataclass(frozen=True)
class Score:
    """A prediction held against what happened."""

    run: str
    report: str
    predicted_run: str
    metric: str
    estimate: float
    low: float
    high: float
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    status: Literal["confirmed", "not confirmed", "contradicted", "cannot tell"]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Give the score as the results JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """Something that an earlier report said differently; ``exceeds_noise`` is None where it cannot be told."""

    what: str
    run: str | None
    before: str
    after: str
    exceeds_noise: bool | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the change as the results JSON holds it."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class Analysis:
    """All results of one report. Built once by `analysis.pipeline.analyze`; rules and sections only read it.

    Printed it is a summary of ten lines, shown in a notebook the table of its configurations; ``frames`` holds tidy
    tables of everything in it.
    """

    parameters: Parameters
    settings: Settings
    runs: tuple[Run, ...]
    candidate: Run
    baseline: Run | None
    curve: str
    rules_of_thumb: Mapping[str, RuleNumbers]
    leaders: Mapping[str, str | None]
    rule_verdict: RuleVerdict
    goal: Goal | None
    evidence: Mapping[str, RunEvidence] = field(repr=False)
    detections: Mapping[str, tuple[Detection, ...]]
    comparisons: tuple[Comparison, ...]
    gate: Gate | None
    verdict: Verdict
    evidence_grades: Mapping[str, EvidenceGrade]
    configurations: tuple[Configuration, ...] = ()
    seed_spread: SeedSpread = field(default_factory=SeedSpread)
    evaluations: tuple[PairedEvaluation, ...] = ()
    differing: tuple[Differing, ...] = ()
    findings: tuple[Finding, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    next_runs: tuple[NextRun, ...] = ()
    predictions: tuple[Score, ...] = ()
    changes: tuple[Change, ...] = ()
    previous: str | None = None

    def __repr__(self) -> str:
        """Return the summary."""
        return summary(self)

    def _repr_html_(self) -> str:
        """Show the summary and, beneath, the configurations: what a notebook displays."""
        table = self.frames.configurations.drop(columns="runs", errors="ignore")
        return f"<pre>{html.escape(summary(self))}</pre>" + (str(table.to_html()) if len(table) else "")

    @property
    def frames(self) -> Frames:
        """Tidy tables: runs, metrics, levels, configurations, comparisons, evaluations and findings."""
        return Frames(self)

    @property
    def report_id(self) -> str:
        """Name of the report's folder."""
        return self.parameters.report_id or folder_name(self.candidate.id)

    @property
    def title(self) -> str:
        """Title of the report, as asked for or made from the candidate."""
        return report_title(self.parameters, self.candidate)

    @property
    def reference_id(self) -> str:
        """ID of the baseline; of the candidate itself where there is only one run."""
        return self.baseline.id if self.baseline is not None else self.candidate.id

    @property
    def deciding_metric(self) -> str:
        """Name of the metric that the verdict rests on; of the curve where nothing could be compared."""
        return self.verdict.primary.metric if self.verdict.primary is not None else self.curve

    @property
    def margin(self) -> float:
        """Difference of the deciding metric that is too small to matter, in its unit."""
        name, level = self.deciding_metric, self.evidence[self.reference_id].window.get(self.deciding_metric)
        return self.settings.margin_of(name, level.value if level is not None else 1.0)

    def run(self, run_id: str) -> Run:
        """Find a run by its ID."""
        return next(run for run in self.runs if run.id == run_id)

    def name(self, run_id: str) -> str:
        """Give a run's name for tables and sentences, without what the names of all runs share."""
        return self.names.get(run_id) or display_name(run_id)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Names of the runs by ID; one whose ID is random digits goes by its label, else by what sets it apart."""
        names = dict(short_names(tuple(run.id for run in self.runs)))
        called = {run_id: c.name for c in self.configurations for run_id in c.runs}
        counted = Counter(called.values())
        for run in self.runs:
            if is_random(run.id) and (name := run.label or called.get(run.id)):
                seed = run.factor("seed")
                apart = "" if run.label or counted[name] == 1 else f", {'run' if seed is None else 'seed'} "
                names[run.id] = name + (apart and apart + (names[run.id] if seed is None else str(seed)))
        twice = {name for name, times in Counter(names.values()).items() if times > 1}
        return {r: f"{name} ({display_name(r)})" if name in twice else name for r, name in names.items()}

    def spoken(self, run_id: str) -> str:
        """Give the name of a run's configuration where that has several runs, else the run's own."""
        seeds = (c.name for c in self.configurations if run_id in c.runs and len(c.runs) > 1)
        return next(seeds, None) or self.name(run_id)

    def title_of(self, run_id: str) -> str:
        """Give a run's name with its label."""
        name, label = self.name(run_id), self.run(run_id).label
        more = display_name(run_id) if is_random(run_id) else label
        return f"{name} ({more})" if more and more not in name else name

    def comparison(self, baseline: str, candidate: str, metric: str) -> Comparison | None:
        """Find the comparison of two runs in a metric, between seeds first; None if there is none."""
        return self._comparisons.get((baseline, candidate, metric))

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str, str], Comparison]:
        """The comparisons by runs and metric, those between seeds before those of single runs."""
        whole = [c for c in self.comparisons if c.definition != "loss.step_matched"]
        ordered = sorted(whole, key=lambda c: c.seeds is not None)
        return {(c.baseline, c.candidate, c.metric): c for c in ordered}

    def detection(self, run_id: str, detector: str) -> Detection | None:
        """Find what a detector said of a run; None if it was not asked."""
        return next((d for d in self.detections[run_id] if d.id == detector), None)


def report_title(parameters: Parameters, candidate: Run) -> str:
    """Give the title that was asked for, else one made from the candidate."""
    if parameters.title:
        return redact_text(parameters.title)
    name = display_name(candidate.id)
    if candidate.only_evaluated:
        return f"Evaluation of {name}"
    run = name.lower() if name.startswith("Run ") else f"run {name}"
    return f"{'Fine-tuning' if _is_fine_tuning(candidate) else 'Training'} {run}"


def _is_fine_tuning(run: Run) -> bool:
    """Return True if a run went on from a trained model: it states its parent, or its tool does nothing else."""
    if run.parent is not None or run.provenance.source in ("openai api", "openai csv", "llama-factory"):
        return True
    return any("lora" in key.lower() or key in ("base_model", "model_name_or_path") for key in run.config)
