"""A gate for CI: compare one run with another and decide whether it passes, without a notebook or figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from analysis.core.deciding import judged_metrics
from analysis.core.errors import UsageError
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count, interval, listed
from analysis.core.run import Run
from analysis.core.run_facts import same_log, same_training
from analysis.core.run_names import display_name, metric_words
from analysis.evidence.criteria import CriterionResult, Facts, State, check_criterion, read_criterion, untestable
from analysis.evidence.seed_groups import group_of, seed_groups
from analysis.evidence.seed_outcomes import dead_runs
from analysis.evidence.verdict_words import length, shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.goal import tested_json
from analysis.pipeline import analyze
from analysis.publish.run_history import against_history, is_history, only_one
from analysis.report.results_json import plain_json

Outcome = Literal["passed", "failed", "cannot tell"]

FORMAT = 1
INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class Condition:
    """A condition that makes the check fail, whether it is met, and why."""

    name: str
    state: State
    why: str


@dataclass(frozen=True)
class Checked:
    """Result of a check; ``fails``: exit non-zero; ``history``: description of the accepted runs, if compared with."""

    analysis: Analysis
    conditions: tuple[Condition, ...]
    outcome: Outcome
    fails: bool
    criteria: tuple[CriterionResult, ...] = ()
    history: str = ""


def check(
    candidate: str,
    baseline: str,
    *,
    fail_on: Collection[str] | None = None,
    fail_if: Sequence[str] = (),
    trust_unstated: bool = False,
    others: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
) -> Checked:
    """Check a candidate against a baseline.

    Parameters
    ----------
    candidate, baseline : str
        References of one run each; the baseline may be ``history:N`` (`analysis.publish.run_history`).
    fail_on : collection of str, optional
        Keys of `CONDITIONS`, and "insufficient". By default all of them; a problem that the log is too short to show
        is then "not met", but "cannot tell" if it is named.
    fail_if : sequence of str
        Numeric conditions such as "full_valid_loss > 3.28"; the check fails if one is shown to be met.
    trust_unstated : bool
        Compare metrics of held-out data although the validation sets are not stated.
    others : sequence of str
        Further runs, such as other seeds of the two.
    parameters : Mapping[str, Any], optional
        Further parameters of `analysis.pipeline.analyze`.

    Raises
    ------
    AnalysisError
        If a reference matches no run or several, or ``fail_on`` names an unknown condition.
    """
    by_default, fail_on = fail_on is None, (*CONDITIONS, INSUFFICIENT) if fail_on is None else fail_on
    unknown = next((name for name in fail_on if name not in (*CONDITIONS, INSUFFICIENT)), None)
    if unknown is not None or not fail_on:
        known = ", ".join((*CONDITIONS, INSUFFICIENT))
        raise UsageError(f"--fail-on: {unknown or 'nothing'!r} is not a condition; choose among {known}")
    asked = {**(parameters or {}), "reports_dir": os.devnull}  # earlier reports do not influence a check
    if is_history(baseline):
        a, history = against_history(candidate, baseline, others, asked)
    else:
        a, history = (
            analyze(run_ids=[*others, baseline, candidate], candidate=candidate, baseline=baseline, **asked),
            "",
        )
        only_one(a.runs, baseline)
        only_one(a.runs, candidate)
    criteria = _criteria(a, fail_if, trust_unstated)
    primary = a.verdict.primary
    if (
        by_default
        and primary is not None
        and any(t.asked.against and t.asked.metric == primary.metric for t in criteria)
    ):
        fail_on = [name for name in fail_on if name != "regressed"]  # the criterion allows it to be worse by a margin
    conditions = (
        *(
            _regressed(a, trust_unstated) if name == "regressed" else _lenient(look(a), by_default)
            for name, look in CONDITIONS.items()
            if name in fail_on
        ),
        *(Condition(t.asked.text, t.state, t.words()) for t in criteria),
    )
    return replace(_checked(a, conditions, INSUFFICIENT in fail_on), criteria=criteria, history=history)


def _criteria(a: Analysis, fail_if: Sequence[str], trust_unstated: bool) -> tuple[CriterionResult, ...]:
    """Test the numeric conditions; those against the baseline only if the two can be compared."""
    pair = (a.reference_id, a.candidate.id)
    between = tuple(
        c for c in a.comparisons if (c.baseline, c.candidate) == pair and c.definition != "loss.step_matched"
    )
    trusted = trust_unstated and a.gate is not None and a.gate.state("validation_set") == "cannot tell"
    gate = None if trusted else a.gate
    facts = Facts(a.runs, a.evidence, a.candidate, a.baseline, gate, a.curve, a.settings, a.seed_spread, between)
    why = no_comparison(a, trust_unstated)
    asked = (read_criterion(text, facts, "--fail-if") for text in fail_if)
    return tuple(untestable(one, why) if why and one.against else check_criterion(one, facts) for one in asked)


def to_json(checked: Checked) -> dict[str, Any]:
    """Return the check as plain JSON values, unrounded."""
    a = checked.analysis
    return {
        "format": FORMAT,
        "outcome": checked.outcome,
        "fails": checked.fails,
        "candidate": a.candidate.id,
        "baseline": a.reference_id,
        "history": checked.history or None,
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
    """Return the problems that detectors found in the candidate."""
    return [f for f in a.findings if f.id == f"{f.rule}:{a.candidate.id}" and f.rule.startswith("det.") and f.remedy]


def _checked(a: Analysis, asked: tuple[Condition, ...], insufficient_fails: bool) -> Checked:
    """Return the outcome; an undecided condition is never a pass, and fails if ``insufficient_fails``."""
    blind = [condition.name for condition in asked if condition.state == "cannot tell"]
    undecided = f"cannot be told: {', '.join(blind)}" if blind else ""
    if insufficient_fails and a.verdict.result == "insufficient data":
        undecided = a.verdict.sentence
    insufficient = Condition(
        INSUFFICIENT, "met" if undecided else "not met", undecided or "the data decide what was asked"
    )
    conditions = (*asked, *([insufficient] if insufficient_fails else []))
    if any(condition.state == "met" for condition in asked):
        return Checked(a, conditions, "failed", True)
    if insufficient.state == "met":
        return Checked(a, conditions, "cannot tell", insufficient_fails)
    return Checked(a, conditions, "passed", False)


def _regressed(a: Analysis, trust_unstated: bool = False) -> Condition:
    """Check performance only: a model that is worse beyond its own error fails, even if seeds could explain it."""
    verdict, primary = a.verdict, a.verdict.primary
    why = no_comparison(a, trust_unstated)
    if why or verdict.result in ("insufficient data", "not comparable"):
        return Condition("regressed", "cannot tell", why or verdict.sentence)
    if died_more := _died_more(a):
        return Condition("regressed", "met", died_more)
    if primary is None:  # one of both diverged
        return Condition("regressed", "met" if verdict.result == "regressed" else "not met", verdict.sentence)
    if primary.comparable is False:
        return Condition("regressed", "cannot tell", f"the two cannot be compared: {primary.reason}")
    if verdict.opposed is not None:  # worse in one of two metrics without a stated primary
        return Condition("regressed", "met", f"{verdict.sentence} {verdict.condition}")
    change = primary.result.value
    worse = change != 0 and (change > 0) == (primary.direction == "lower")
    if worse and not primary.decides:
        return Condition("regressed", "cannot tell", f"{verdict.sentence} {verdict.numbers}")
    if worse and primary.known and primary.p is not None and primary.p <= a.settings.alpha:
        scale, unit = shown_scale(primary)
        difference = interval(primary.result, scale=scale, unit=unit, sign=True)
        why = f"{metric_words(primary.metric)} is worse: {difference}"
        matched = next((c for c in a.comparisons if c.definition == "loss.step_matched"), None)
        ran = length(a.candidate, a.baseline, matched, a.settings) if a.baseline is not None else ""
        return Condition("regressed", "met", ". ".join(filter(None, (why, ran.removesuffix(".")))))
    return Condition(
        "regressed", "met" if primary.verdict(a.settings.alpha) == "worse" else "not met", verdict.sentence
    )


def _died_more(a: Analysis) -> str:
    """Return which runs died if that is a larger share of the candidate's seeds than of the baseline's; else empty."""
    groups = seed_groups(a.runs)
    if a.baseline is None or (ours := group_of(groups, a.candidate.id)) is (theirs := group_of(groups, a.baseline.id)):
        return ""
    dead = [dead_runs(group, a.runs) for group in (ours, theirs)]
    if len(dead[0]) / len(ours.runs) <= len(dead[1]) / len(theirs.runs):
        return ""
    lost = listed([display_name(run_id) for run_id in dead[0]])
    return f"of {count(len(ours.runs), 'run')} of the candidate's configuration {lost} ended as NaN or infinite"


def no_comparison(a: Analysis, trust_unstated: bool) -> str:
    """Return why the two runs must not be compared at all; empty if they may be."""
    if a.baseline is None:
        return ""
    one, two = a.baseline, a.candidate
    past = group_of(seed_groups(a.runs), one.id).runs
    for run in (run for run in a.runs if run.id in past and run is not two):
        if same_log(two, run):
            alike = ", byte for byte" if run.provenance.sha256 == two.provenance.sha256 else " in every value"
            names = f"{display_name(two.id)} and {display_name(run.id)}"
            return f"the logs of {names} are identical{alike}: nothing was trained"
        if same_training(two, run):
            names = f"{display_name(two.id)} and {display_name(run.id)}"
            return f"{names} agree in every value of every metric that both logged: nothing was trained"
        if len(two.frame) > 2 and two.frame.equals(run.frame.head(len(two.frame))):
            return f"every row of the candidate's log stands in that of {display_name(run.id)}: nothing was trained"
    held_out = [m for m in judged_metrics(one.metrics) if metric_of(m).validates]
    if held_out and not any(metric_of(m).validates for m in judged_metrics(two.metrics)):
        return "the candidate logged no validation, the baseline did"
    if a.verdict.primary is not None and (missing := _missing_at_the_end(two, a.verdict.primary.metric)):
        return missing
    return "" if trust_unstated else unstated(a)


def _missing_at_the_end(run: Run, metric: str) -> str:
    """Return from which step on a metric is missing although the run went on; empty if it is not.

    Many tools write NaN as an empty cell, as if nothing had been logged.
    """
    steps = run.steps_of(metric)
    if steps.size < 3:
        return ""
    in_every_row = np.count_nonzero(run.steps <= steps[-1]) == steps.size
    if run.steps[-1] - steps[-1] <= (0 if in_every_row else 2 * np.diff(steps).max()):
        return ""
    what = metric_words(metric)
    return f"the candidate has no {what} after step {steps[-1]:,} of {run.steps[-1]:,}: it was NaN, or logged no longer"


def unstated(a: Analysis) -> str:
    """Return which statement is missing for a comparison of the two; empty if none is."""
    primary = a.verdict.primary
    if primary is None or a.gate is None or primary.comparable is not None or not metric_of(primary.metric).validates:
        return ""
    return f"{a.gate.reason('validation_set')}: state data.validation_set, or pass --trust-unstated"


def _diverged(a: Analysis) -> Condition:
    return _detected(a, "diverged", ("det.nonfinite", "det.divergence"))


def _overfitting(a: Analysis) -> Condition:
    return _detected(a, "overfitting", ("det.overfitting",))


def _lenient(condition: Condition, by_default: bool) -> Condition:
    """Return a condition that the log is too short for as "not met", unless the user named it."""
    if by_default and condition.state == "cannot tell":
        return replace(condition, state="not met", why=f"could not be looked for: {condition.why}")
    return condition


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
"""Conditions that fail a candidate, by their names in ``--fail-on``."""
