"""Rule about best values: where the deciding metric of each run was best and where it ended, without any test."""

from __future__ import annotations

import numpy as np

from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count, in_unit, signed
from analysis.core.rich_text import Rich, join, rich, text
from analysis.core.run import Run
from analysis.core.run_facts import place
from analysis.evidence.best_values import BestValue, best_value, ended, shown_metrics
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding

_ALL = 4
"""Number of runs up to which each is described; for more, only candidate and baseline (the table has all)."""


def best_values(a: Analysis) -> list[Finding]:
    """State where the deciding metric of each run was best and where it ended, and what the train loss did since."""
    chosen = a.runs if len(a.runs) <= _ALL else [run for run in a.runs if run.id in (a.candidate.id, a.reference_id)]
    trained = [run for run in chosen if not run.only_evaluated]
    return [_finding(a, run, shown[0]) for run in trained if (shown := _wanted(a, run))]


def _wanted(a: Analysis, run: Run) -> list[str]:
    """Return the metrics of a run to describe, the deciding one first if it was logged."""
    primary = a.verdict.primary
    decides = [primary.metric] if primary is not None and run.series(primary.metric).size else []
    return decides + shown_metrics(run)


def _finding(a: Analysis, run: Run, name: str) -> Finding:
    value = best_value(run, name)
    parts = [_course(run, value), _train_since(run, value), _judged(a, run, value)]
    return Finding(
        f"seen.best:{run.id}",
        "seen.best",
        "seen",
        rich("{run}: {parts}.", run=a.name(run.id), parts=join([p for p in parts if p], "; ")),
        "supported",
        estimate=value.best,
        n=float(value.n),
        definition="rule.best_value",
        runs=(run.id,),
        steps=(value.best_step, value.last_step),
    )


def _course(run: Run, value: BestValue) -> Rich:
    """Return the course of a metric in words: its best and its last value."""
    label = metric_of(value.metric).label
    if value.n == 1:
        return rich(
            "{m} was logged once: {v} at {s}",
            m=label,
            v=in_unit(value.metric, value.last),
            s=place(run, value.metric, value.last_step),
        )
    where = f"at {place(run, value.metric, value.best_step)} (value {value.place:,} of {value.n:,})"
    if not ended(run, value.metric):
        end = "then it ended as NaN or infinite"
    elif value.lost_since_best == 0:
        end = "which is also where it ended" if value.best_step == value.last_step else "as good as where it ended"
    elif not metric_of(value.metric).validates:
        end = f"and ended at {in_unit(value.metric, value.last)} (single values: the best of many is lucky)"
    else:
        end = f"and ended at {in_unit(value.metric, value.last)}, {worse_by(value)} worse"
    best = in_unit(value.metric, value.best)
    return rich("{m} was best {where} with {best}, {end}", m=label, where=where, best=best, end=end)


def worse_by(value: BestValue) -> str:
    """Return how far the last value is from the best: in percentage points for a fraction, else in percent.

    Examples
    --------
    >>> worse_by(BestValue("valid_loss", 3, 1.0, 0.5, 2, 2, 0.55, 3))
    '10%'
    """
    if metric_of(value.metric).unit == "fraction":
        return f"{value.lost_since_best * 100:.2g} pp"
    relative = value.lost_since_best < abs(value.best)
    return (
        f"{value.lost_since_best / abs(value.best) * 100:.2g}%"
        if relative
        else in_unit(value.metric, value.lost_since_best)
    )


def _train_since(run: Run, value: BestValue) -> Rich:
    """Return what the train loss did after the best validation; both together can show overfitting."""
    steps, losses = run.steps_of("train_loss"), run.series("train_loss")
    if value.metric == "train_loss" or value.best_step == value.last_step or not losses.size:
        return ()
    since = losses[np.searchsorted(steps, value.best_step) :]
    if since.size < 2 or since[0] == 0:
        return ()
    change = (since[-1] - since[0]) / abs(since[0]) * 100
    values = count(since.size, "value")
    return text(f"since then train loss changed by {signed(float(change), 1, '%')} (first to last of {values})")


def _judged(a: Analysis, run: Run, value: BestValue) -> Rich:
    """Return the result of the overfitting detector in words; empty if it does not apply."""
    found = a.detection(run.id, "det.overfitting")
    if value.n == 1 or found is None or found.status == "muted" or not value.metric.endswith("valid_loss"):
        return ()
    state = {"raised": "overfitting", "not raised": "no overfitting is shown"}.get(
        found.status, "overfitting is left open"
    )
    return rich("{state}: {why}", state=state, why=found.statement.rstrip("."))
