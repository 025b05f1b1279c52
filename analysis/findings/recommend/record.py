"""What to log and to state next time, where something missing keeps the report from judging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import listed
from analysis.core.rich_text import Rich, rich, text
from analysis.core.run import Run
from analysis.evidence.comparability import ATTRIBUTION, remedy, to_validate
from analysis.findings.plan import Recommendation

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis


def missing_record(a: Analysis) -> Recommendation | None:
    """Say what the logs and sidecars of candidate and baseline lack; None where they lack nothing."""
    runs = [run for run in (a.baseline, a.candidate) if run is not None]
    found = [_steps(a, runs), _validation(a, runs), _error(a, runs), _sidecar(a), _seeds(a)]
    points = tuple(point for point in found if point)
    if not points:
        return None
    return Recommendation(
        "evidence.record", "evidence", "design", rich("**Log and state what is missing here**"), points
    )


def _steps(a: Analysis, runs: list[Run]) -> Rich:
    coarse = [run for run in runs if a.evidence[run.id].per_epoch]
    seeds = a.verdict.primary is not None and a.verdict.primary.seeds is not None  # these count runs, not steps
    if not coarse or seeds:
        return ()
    sizes = listed([f"{a.name(run.id)} has {run.series(a.curve).size}" for run in coarse])
    return text(
        f"Log the training loss of every step or of every few, not once an epoch: {sizes} smooth values, which are "
        "worth only a few independent ones, so that chance and change look alike."
    )


def _validation(a: Analysis, runs: list[Run]) -> Rich:
    without = [a.name(run.id) for run in runs if not any(metric_of(name).validates for name in run.metrics)]
    if not without:
        return ()
    todo = to_validate(a.curve)
    return text(
        f"{todo[0].upper()}{todo[1:]}: "
        f"nothing is known of how {listed(without)} {'does' if len(without) == 1 else 'do'} "
        f"{'when evaluated' if a.curve == 'reward' else 'on unseen data'}."
    )


def _error(a: Analysis, runs: list[Run]) -> Rich:
    """Ask for what gives a full validation its error, where it has none."""
    if a.verdict.primary is not None and a.verdict.primary.metric == "full_valid_loss":
        return ()  # compared between seeds, whose spread is its error
    levels = {run.id: a.evidence[run.id].full_valid_loss for run in runs}
    blind = [run for run in runs if (level := levels[run.id]) is not None and not level.known]
    if not blind:
        return ()
    unknown = [
        *(["config.batch_size"] if any(run.factor("batch_size") is None for run in blind) else []),
        *(["data.n_valid"] if any(run.n_valid is None for run in blind) else []),
    ]
    size = f"state {listed(unknown)}, and " if unknown else ""
    told = f"{size}log the validation loss of minibatches on the way (five at least) or of each example"
    return text(
        f"Give the full validation loss its error: {told}. Without it, a difference in it has no interval between "
        "single runs."
    )


def _sidecar(a: Analysis) -> Rich:
    unknown = [name for name in ATTRIBUTION if name != "validation_set" or _validated(a)]
    told = remedy(a.gate.failed(*unknown)) if a.gate is not None else ""
    return (
        rich("State in each sidecar `<run>.yaml` what the logs cannot say: {told}", told=told[:1].lower() + told[1:])
        if told
        else ()
    )


def _validated(a: Analysis) -> bool:
    return any(metric_of(name).validates for run in a.runs for name in run.metrics)


def _seeds(a: Analysis) -> Rich:
    if a.verdict.result != "insufficient data":
        return ()
    if a.baseline is None:
        return text("Give a second run to compare with: the same configuration with another seed shows the noise.")
    return text(
        "Or give three seeds or more of each configuration (group in the sidecar): then runs are counted instead of "
        "steps, and short or smooth logs suffice."
    )
