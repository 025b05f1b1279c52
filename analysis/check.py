"""Hold one run against another and say whether it passes: a gate for CI, without a notebook or a figure."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from analysis.comparability import validates
from analysis.compare import Comparison
from analysis.criteria import Facts, State, Tested, hold_criterion, read_criterion
from analysis.errors import UsageError
from analysis.findings import Finding
from analysis.goal import tested_json
from analysis.metrics import judged
from analysis.metrics import metric as metric_of
from analysis.model import Analysis
from analysis.naming import metric_words
from analysis.pipeline import analyze
from analysis.results import plain_json
from analysis.sources.redact import redact_text
from analysis.tables import interval

Outcome = Literal["passed", "failed", "cannot tell"]

FORMAT = 1
INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class Condition:
    """Something that a run must not be: whether it is, and by what."""

    name: str
    state: State
    why: str


@dataclass(frozen=True)
class Checked:
    """What came of a check. ``fails`` says whether the gate stays shut."""

    analysis: Analysis
    conditions: tuple[Condition, ...]
    outcome: Outcome
    fails: bool
    criteria: tuple[Tested, ...] = ()


def check(
    candidate: str,
    baseline: str,
    *,
    fail_on: Collection[str],
    fail_if: Sequence[str] = (),
    trust_unstated: bool = False,
    others: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
) -> Checked:
    """Judge a candidate against a baseline.

    Parameters
    ----------
    candidate, baseline : str
        References that lead to one run each.
    fail_on : collection of str
        Keys of `CONDITIONS`, and "insufficient".
    fail_if : sequence of str
        Conditions with numbers, such as "full_valid_loss > 3.28": the gate fails where one is shown to hold.
    trust_unstated : bool
        Compare held-out metrics though nobody stated on which set each run was validated.
    others : sequence of str
        Further runs, such as other seeds of the two.
    parameters : Mapping[str, Any], optional
        Further parameters of `analysis.pipeline.analyze`.

    Raises
    ------
    AnalysisError
        If a reference leads to no run or to several, or ``fail_on`` names an unknown condition.
    """
    unknown = next((name for name in fail_on if name not in (*CONDITIONS, INSUFFICIENT)), None)
    if unknown is not None or not fail_on:
        known = ", ".join((*CONDITIONS, INSUFFICIENT))
        raise UsageError(f"--fail-on: {unknown or 'nothing'!r} is not a condition; choose among {known}")
    a = analyze(
        run_ids=[*others, baseline, candidate],
        candidate=candidate,
        baseline=baseline,
        reports_dir=os.devnull,  # earlier reports have no say in a check
        **(parameters or {}),
    )
    for reference in (baseline, candidate):
        found = [run.id for run in a.runs if run.reference == redact_text(reference)]
        if len(found) != 1:
            raise UsageError(f"{redact_text(reference)}: {len(found)} runs, {', '.join(found[:5])}; name one of them")
    facts = Facts(a.runs, a.evidence, a.candidate, a.baseline, a.gate, a.curve, a.settings)
    criteria = tuple(hold_criterion(read_criterion(text, facts, "--fail-if"), facts) for text in fail_if)
    conditions = (
        *(
            _regressed(a, trust_unstated) if name == "regressed" else look(a)
            for name, look in CONDITIONS.items()
            if name in fail_on
        ),
        *(Condition(t.asked.text, t.state, t.words()) for t in criteria),
    )
    return replace(_checked(a, conditions, INSUFFICIENT in fail_on), criteria=criteria)


def to_json(checked: Checked) -> dict[str, Any]:
    """Give the check as plain JSON values, unrounded."""
    a = checked.analysis
    return {
        "format": FORMAT,
        "outcome": checked.outcome,
        "fails": checked.fails,
        "candidate": a.candidate.id,
        "baseline": a.reference_id,
        "conditions": plain_json(checked.conditions),
        "criteria": [{"asked": t.asked.text, **tested_json(t)} for t in checked.criteria],
        "verdict": a.verdict.to_json(),
        "gate": plain_json(a.gate),
        "comparisons": [
            c.to_json() for c in a.comparisons if (c.baseline, c.candidate) == (a.reference_id, a.candidate.id)
        ],
        "problems": [problem.to_json() for problem in problems(a)],
    }


def problems(a: Analysis) -> list[Finding]:
    """List what detectors found wrong with the candidate."""
    return [f for f in a.findings if f.id == f"{f.rule}:{a.candidate.id}" and f.rule.startswith("det.") and f.remedy]


def _checked(a: Analysis, asked: tuple[Condition, ...], insufficient_fails: bool) -> Checked:
    """Conclude: what cannot be told is never a pass, and shuts the gate where that was asked for."""
    blind = [condition.name for condition in asked if condition.state == "cannot tell"]
    undecided = f"cannot be told: {', '.join(blind)}" if blind else ""
    if insufficient_fails and a.verdict.result == "insufficient data":
        undecided = a.verdict.sentence
    insufficient = Condition(
        INSUFFICIENT, "met" if undecided else "not met", undecided or "the data decide every condition"
    )
    conditions = (*asked, *([insufficient] if insufficient_fails else []))
    if any(condition.state == "met" for condition in asked):
        return Checked(a, conditions, "failed", True)
    if insufficient.state == "met":
        return Checked(a, conditions, "cannot tell", insufficient_fails)
    return Checked(a, conditions, "passed", False)


def _regressed(a: Analysis, trust_unstated: bool = False) -> Condition:
    """Look at performance alone; held-out data, tested at the full level, is never outvoted by training data."""
    verdict = a.verdict
    why = _no_comparison(a, trust_unstated)
    if why:
        return Condition("regressed", "cannot tell", why)
    held_out = _held_out(a, trust_unstated)
    if held_out is not None:
        worse = metric_of(held_out.metric).better(held_out.result.value) is False
        if worse and held_out.p is not None and held_out.p <= a.settings.alpha:
            name = metric_words(held_out.metric)
            return Condition("regressed", "met", f"{name} is worse: {interval(held_out.result, sign=True)}")
        if trust_unstated:
            return Condition("regressed", "not met", f"{metric_words(held_out.metric)} is not shown to be worse")
    if verdict.result == "insufficient data":
        return Condition("regressed", "cannot tell", verdict.sentence)
    worse = verdict.primary is not None and verdict.primary.verdict(a.settings.alpha) == "worse"
    met = verdict.result == "regressed" or (verdict.result == "mixed" and worse)
    return Condition("regressed", "met" if met else "not met", verdict.sentence)


def _no_comparison(a: Analysis, trust_unstated: bool) -> str:
    """Say why the two runs must not be compared at all; empty if nothing stands in the way."""
    if a.baseline is None:
        return ""
    one, two = a.baseline, a.candidate
    if one.provenance.sha256 == two.provenance.sha256:
        return "the two logs are identical, byte for byte: no training happened between them"
    sets, sizes = {one.data.validation_set, two.data.validation_set}, (one.data.n_valid, two.data.n_valid)
    if len(sets) == 1 and all(sizes) and sizes[0] != sizes[1]:
        return f"the runs contradict each other on the validation set: {sizes[0]} and {sizes[1]} examples"
    held_out = any(validates(metric) for metric in one.metrics if metric in two.metrics)
    lost = [m for m in one.metrics if validates(m) and judged([m])]
    if lost and not any(validates(m) and judged([m]) for m in two.metrics):
        return "the candidate logged no validation, the baseline did"
    if held_out and not trust_unstated and a.gate is not None and a.gate.state("validation_set") == "cannot tell":
        return f"{a.gate.reason('validation_set')}: state data.validation_set, or pass --trust-unstated"
    return ""


def _held_out(a: Analysis, trust_unstated: bool) -> Comparison | None:
    """Find the held-out comparison that decides: on the full set before minibatches."""
    found = [a.comparison(a.reference_id, a.candidate.id, metric) for metric in judged(a.candidate.metrics)]
    usable = [
        c
        for c in found
        if c is not None
        and validates(c.metric)
        and c.known
        and (c.comparable is True or (trust_unstated and c.comparable is None))
    ]
    return min(usable, key=lambda c: metric_of(c.metric).split == "minibatch validation", default=None)


def _diverged(a: Analysis) -> Condition:
    return _detected(a, "diverged", ("det.nonfinite", "det.divergence"))


def _overfitting(a: Analysis) -> Condition:
    return _detected(a, "overfitting", ("det.overfitting",))


def _detected(a: Analysis, name: str, detectors: Sequence[str]) -> Condition:
    seen = [d for d in (a.detection(a.candidate.id, detector) for detector in detectors) if d is not None]
    order: tuple[tuple[str, State], ...] = (
        ("raised", "met"),
        ("cannot tell", "cannot tell"),
        ("not raised", "not met"),
    )
    for status, state in order:
        said = [detection.statement for detection in seen if detection.status == status]
        if said:
            return Condition(name, state, "; ".join(said))
    return Condition(name, "not met", "muted")


CONDITIONS: Mapping[str, Callable[[Analysis], Condition]] = {
    "regressed": _regressed,
    "diverged": _diverged,
    "overfitting": _overfitting,
}
"""What a candidate must not be, by the names that ``--fail-on`` takes."""
