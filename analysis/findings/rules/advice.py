"""Rules about the advice of rules of thumb: would it have helped on these runs?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.core.blocks import Status
from analysis.core.number_format import count, interval, listed
from analysis.core.rich_text import rich
from analysis.core.run import Run
from analysis.core.run_facts import logged_at, unit_of_steps
from analysis.core.run_names import short_value
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.build import estimate_fields


def patience(a: Analysis) -> list[Finding]:
    """Check the advice of early stopping by applying it to the runs themselves."""
    advice = next((r for r in a.recommendations if r.id == "rule.early_stopping"), None)
    metric = next((m for m in ("valid_loss", "full_valid_loss") if a.candidate.series(m).size > 2), None)
    if advice is None or metric is None:
        return []
    steps = a.candidate.steps_of(metric)
    every, unit = int(np.median(np.diff(steps))), unit_of_steps(a.candidate)
    evaluations = max(1, round(a.settings.patience_steps / every))
    stops = {run.id: stopping_step(run, metric, evaluations) for run in a.runs if run.series(metric).size > 2}
    early = {r: s for r, s in stops.items() if s is not None and s < int(a.run(r).steps[-1])}
    hasty = any(step <= 0.25 * a.rules_of_thumb[r].total_steps for r, step in early.items())
    status: Status = "contradicted" if hasty else "not supported" if early else "not tested"
    text = rich(
        "Validation comes every {every}, so that is {n}: it would have stopped {runs}.",
        every=unit if every == 1 else count(every, unit),
        n=count(evaluations, "evaluation"),
        runs=_stopped(a, early) if early else "none of the runs early",
    )
    return [
        Finding(
            "advice.patience",
            "advice.patience",
            "optimizations",
            text,
            status,
            rich("Stop after {n} {unit}s without improvement", n=a.settings.patience_steps, unit=unit),
            n=float(evaluations),
            runs=tuple(stops),
            remedy="Choose patience in evaluations, and compare full validations." if early else "",
        )
    ]


def _stopped(a: Analysis, early: Mapping[str, int]) -> str:
    """Return which runs would have been stopped and when; the range for more than three."""
    if len(early) <= 3:
        return listed(
            [
                f"{a.name(r)} at {logged_at(a.run(r), s)} of {a.rules_of_thumb[r].total_steps:,}"
                for r, s in early.items()
            ]
        )
    shares = sorted(s / a.rules_of_thumb[r].total_steps for r, s in early.items())
    return f"{len(early)} of {len(a.runs)} runs, after {shares[0]:.0%} to {shares[-1]:.0%} of their steps"


def stopping_step(run: Run, metric: str, evaluations: int) -> int | None:
    """Return the step at which early stopping with a patience of ``evaluations`` stops a run; None if it never does.

    That is the first step with so many evaluations in a row without a new minimum.
    """
    values, steps = run.series(metric), run.steps_of(metric)
    best, since = float("inf"), 0
    for step, value in zip(steps.tolist(), values.tolist(), strict=True):
        if value < best:
            best, since = value, 0
        else:
            since += 1
            if since >= evaluations:
                return int(step)
    return None


def sampling_noise(a: Analysis) -> list[Finding]:
    """Check advice to reduce oscillations by the part of the noise that is only sampling."""
    e = a.evidence[a.candidate.id]
    excess = e.excess_noise
    wanted = [r for r in a.recommendations if r.id in ("rule.reduce_learning_rate", "rule.gradient_clipping")]
    if excess is None or not excess.known or not wanted:
        return []
    sampling = excess.low <= 1
    text = rich(
        "Training noise is {x} times that of minibatch validation, where no weight moves: {so}.",
        x=interval(excess),
        so="all of it can be sampling, which neither remedy touches; a larger batch reduces it by the square root"
        if sampling
        else "more than sampling alone",
    )
    batch = a.candidate.factor("batch_size")
    return [
        Finding(
            f"advice.noise:{a.candidate.id}",
            "advice.noise",
            "optimizations",
            text,
            "not supported" if sampling else "supported",
            rich(
                "A lower learning rate or gradient clipping reduces the oscillations of {run}",
                run=a.name(a.candidate.id),
            ),
            runs=(a.candidate.id,),
            remedy=f"Batch size is {short_value(batch)}; four times as much halves the noise."
            if sampling and batch
            else "",
            **estimate_fields(excess, unit="×"),
        )
    ]


def coverage(a: Analysis) -> list[Finding]:
    """Check "N times the full validation coverage" by the evaluations per epoch."""
    if a.baseline is None:
        return []
    mine, base = a.rules_of_thumb[a.candidate.id], a.rules_of_thumb[a.baseline.id]
    if not base.full_validation_count or mine.full_validation_count <= base.full_validation_count:
        return []
    per_epoch = [d.full_validation_count / max(1, len(d.epochs)) for d in (mine, base)]
    same = per_epoch[0] <= per_epoch[1]
    return [
        Finding(
            "coverage.full",
            "coverage.full",
            "coverage",
            rich(
                "{run} ran {a} against {b}; full validations per epoch: {x}.",
                run=a.name(a.candidate.id),
                a=count(len(mine.epochs), "epoch"),
                b=count(len(base.epochs), "epoch"),
                x=f"{per_epoch[0]:.3g} in both"
                if per_epoch[0] == per_epoch[1]
                else f"{per_epoch[0]:.3g} against {per_epoch[1]:.3g}",
            ),
            "contradicted" if same else "supported",
            rich(
                "{run} achieved {x} times the full validation coverage",
                run=a.name(a.candidate.id),
                x=f"{mine.full_validation_count / base.full_validation_count:.3g}",
            ),
            estimate=per_epoch[0] - per_epoch[1],
            unit=" evaluations per epoch",
            definition="valid.evals_per_epoch",
            runs=(a.baseline.id, a.candidate.id),
        )
    ]
