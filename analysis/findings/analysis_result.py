"""`Analysis`: all results of one report in one frozen object."""

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
    """A prediction with the observed value and its status."""

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
        """Return the score in the form of the results JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """A difference from an earlier report; ``exceeds_noise`` is None if unknown."""

    what: str
    run: str | None
    before: str
    after: str
    exceeds_noise: bool | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the change in the form of the results JSON."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class Analysis:
    """All results of one report. Built once by `analysis.pipeline.analyze`; rules and sections only read it.

    Its repr is a summary of at most ten lines, to which a notebook adds a table of the configurations; ``frames`` has
    tidy tables of everything.
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
        """Return the summary and a table of the configurations, for a notebook."""
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
        """Title of the report, as set by the user or made from the candidate."""
        return report_title(self.parameters, self.candidate)

    @property
    def reference_id(self) -> str:
        """ID of the baseline; of the candidate itself if there is no baseline."""
        return self.baseline.id if self.baseline is not None else self.candidate.id

    @property
    def deciding_metric(self) -> str:
        """Name of the metric that decides the verdict; of the curve if nothing was compared."""
        return self.verdict.primary.metric if self.verdict.primary is not None else self.curve

    @property
    def margin(self) -> float:
        """Difference of the deciding metric that is too small to matter, in its unit."""
        name, level = self.deciding_metric, self.evidence[self.reference_id].window.get(self.deciding_metric)
        return self.settings.margin_of(name, level.value if level is not None else 1.0)

    def run(self, run_id: str) -> Run:
        """Return a run by its ID; raises StopIteration if there is none."""
        return next(run for run in self.runs if run.id == run_id)

    def name(self, run_id: str) -> str:
        """Return the name of a run for tables and sentences, without the parts that all names share."""
        return self.names.get(run_id) or display_name(run_id)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Names of the runs by ID; for a random ID the label, else the name of the configuration."""
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

    def configuration_name(self, run_id: str) -> str:
        """Return the name of a run's configuration if that has several runs, else of the run."""
        seeds = (c.name for c in self.configurations if run_id in c.runs and len(c.runs) > 1)
        return next(seeds, None) or self.name(run_id)

    def title_of(self, run_id: str) -> str:
        """Return the name of a run with its label."""
        name, label = self.name(run_id), self.run(run_id).label
        more = display_name(run_id) if is_random(run_id) else label
        return f"{name} ({more})" if more and more not in name else name

    def comparison(self, baseline: str, candidate: str, metric: str) -> Comparison | None:
        """Return the comparison of two runs in a metric, preferably between seeds; None if there is none."""
        return self._comparisons.get((baseline, candidate, metric))

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str, str], Comparison]:
        """Comparisons by runs and metric; those between seeds replace those of single runs."""
        whole = [c for c in self.comparisons if c.definition != "loss.step_matched"]
        ordered = sorted(whole, key=lambda c: c.seeds is not None)
        return {(c.baseline, c.candidate, c.metric): c for c in ordered}

    def detection(self, run_id: str, detector: str) -> Detection | None:
        """Return the result of a detector for a run; None if it was not run."""
        return next((d for d in self.detections[run_id] if d.id == detector), None)


def report_title(parameters: Parameters, candidate: Run) -> str:
    """Return the title that the user set, redacted, else one made from the candidate."""
    if parameters.title:
        return redact_text(parameters.title)
    name = display_name(candidate.id)
    if candidate.only_evaluated:
        return f"Evaluation of {name}"
    run = name.lower() if name.startswith("Run ") else f"run {name}"
    return f"{'Fine-tuning' if _is_fine_tuning(candidate) else 'Training'} {run}"


def _is_fine_tuning(run: Run) -> bool:
    """True if a run started from a trained model, as it states, or as its tool or configuration implies."""
    if run.parent is not None or run.provenance.source in ("openai api", "openai csv", "llama-factory"):
        return True
    return any("lora" in key.lower() or key in ("base_model", "model_name_or_path") for key in run.config)
