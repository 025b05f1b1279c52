"""Advice on what to log and to state next time, if missing data keep the report from a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import listed
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import Run
from analysis.core.run_names import metric_words
from analysis.evidence.comparability import ATTRIBUTION, remedy, to_measure_alike, to_validate
from analysis.findings.plan import Recommendation

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis


def missing_record(a: Analysis) -> Recommendation | None:
    """Advise what to add to the logs and sidecars of candidate and baseline; None if nothing is missing."""
    runs = [run for run in (a.baseline, a.candidate) if run is not None]
    found = [_second_run(a), _validation(a, runs), _error(a, runs), _sidecar(a), _steps(a, runs), _seeds(a)]
    points = tuple(point for point in found if point)
    if not points:
        return None
    return Recommendation(
        "evidence.record", "evidence", "design", rich("**Log and state what is missing here**"), points
    )


def measure_alike(a: Analysis) -> Recommendation | None:
    """Advise how to measure two runs that cannot be compared; None if they can."""
    primary = a.verdict.primary
    if a.gate is None or primary is None or a.verdict.result != "not comparable":
        return None
    ending = "" if metric_of(primary.metric).split == "train" else ": no further training would tell"
    step = text(f"{to_measure_alike(primary.metric, a.gate)}{ending}.")
    return Recommendation("evidence.measure", "evidence", "design", rich("**Measure both alike**"), (step,))


def _steps(a: Analysis, runs: list[Run]) -> Rich:
    coarse = [run for run in runs if a.evidence[run.id].per_epoch]
    seeds = a.verdict.primary is not None and a.verdict.primary.seeds is not None  # these count runs, not steps
    if not coarse or seeds:
        return ()
    what = "training loss" if a.curve == "train_loss" else metric_words(a.curve)
    return text(
        f"Log the {what} of every step or of every few: one value an epoch is too smooth to tell change from chance."
    )


def _validation(a: Analysis, runs: list[Run]) -> Rich:
    if a.verdict.result == "not comparable" and not metric_of(a.deciding_metric).validates:
        return ()  # `measure_alike` asks for it
    without = [
        a.configuration_name(run.id) for run in runs if not any(metric_of(name).validates for name in run.metrics)
    ]
    if not without:
        return ()
    todo = to_validate(a.curve)
    return text(
        f"{todo[0].upper()}{todo[1:]}: "
        f"nothing is known of how {listed(without)} {'does' if len(without) == 1 else 'do'} "
        f"{'when evaluated' if a.curve == 'reward' else 'on unseen data'}."
    )


def _error(a: Analysis, runs: list[Run]) -> Rich:
    """Advise what to log or state so that the deciding metric has an interval in single runs; empty if it has one."""
    primary = a.verdict.primary
    metric = metric_of(primary.metric if primary is not None else next((c.metric for c in a.configurations), a.curve))
    levels = [a.evidence[run.id].window.get(metric.name) for run in runs]
    known = primary.known or primary.seeds is not None if primary is not None else all(e and e.known for e in levels)
    if known or not metric.validates:
        return ()
    sizes = ["data.n_valid"] if None in [run.n_valid for run in runs] else []
    todo = []
    if metric.name == "full_valid_loss":
        unknown = sizes + (["config.batch_size"] if None in [run.factor("batch_size") for run in runs] else [])
        todo += [f"state {listed(unknown)}"] if unknown else []
        todo.append("log the validation loss of at least five minibatches, or of each example")
    else:
        todo.append("state data.n_valid" if metric.share and sizes else "keep the score of each example")
    words = ", and ".join(todo)
    return text(
        f"{words[0].upper()}{words[1:]}: without it, {metric_words(metric.name)} has no interval in single runs."
    )


def _sidecar(a: Analysis) -> Rich:
    unknown = [name for name in ATTRIBUTION if name != "validation_set" or _validated(a)]
    missing = remedy(a.gate.failed(*unknown)) if a.gate is not None else ""
    return (
        rich(
            "State in each sidecar `<run>.yaml` what the logs cannot say: {missing}",
            missing=missing[:1].lower() + missing[1:],
        )
        if missing
        else ()
    )


def _validated(a: Analysis) -> bool:
    return any(metric_of(name).validates for run in a.runs for name in run.metrics)


def _seeds(a: Analysis) -> Rich:
    if a.baseline is None or a.verdict.result != "insufficient data":
        return ()
    return text(
        "Or give three seeds or more of each configuration (group in the sidecar): then runs are counted instead of "
        "steps, and short or smooth logs suffice."
    )


def _second_run(a: Analysis) -> Rich:
    if a.baseline is not None:
        return ()
    return text("Train a second run to compare with: the same configuration with another seed shows the noise.")
