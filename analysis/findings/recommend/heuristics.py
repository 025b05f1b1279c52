"""Advice by rules of thumb: a learning rate between the stable and the unstable one, an epoch fewer, ..."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.core.config_factors import changed_factors
from analysis.core.number_format import count, signed
from analysis.core.rich_text import rich
from analysis.core.run import FACTORS, Run
from analysis.core.run_facts import unit_of_steps
from analysis.core.run_names import display_name, factor_title, next_ids, short_value
from analysis.core.settings import Settings
from analysis.findings.plan import NextRun, Recommendation, changed_config, planned_run
from analysis.heuristics.formulas import change_pct
from analysis.heuristics.run_numbers import RuleNumbers


@dataclass(frozen=True)
class Situation:
    """The two runs that the advice is about, and their rule-of-thumb numbers.

    ``failed``: the candidate diverged or ended as NaN, so that no number of epochs is the remedy. ``better``: the
    evidence shows it to be better than the baseline, so that its learning rate is kept. ``learning``: its last
    validation is its best, so that no epoch was too many.
    """

    candidate: Run
    baseline: Run | None
    results: Mapping[str, RuleNumbers]
    settings: Settings
    failed: bool = False
    better: bool = False
    learning: bool = False

    @property
    def oscillation_change(self) -> float | None:
        """Change of the oscillation count from baseline to candidate, in percent; None if unknown."""
        if self.baseline is None:
            return None
        return change_pct(self.results[self.baseline.id].oscillations, self.results[self.candidate.id].oscillations)

    @property
    def rates(self) -> tuple[float | None, float | None]:
        """Learning rates of baseline and candidate; None if unknown."""
        found = [run.factor("learning_rate") if run else None for run in (self.baseline, self.candidate)]
        first, second = (rate if isinstance(rate, int | float) else None for rate in found)
        return first, second

    @property
    def unstable(self) -> bool:
        """True if a rule of thumb calls the candidate less stable."""
        change = self.oscillation_change
        return change is not None and change > self.settings.more_oscillations_pct


def next_learning_rate(stable: float, unstable: float) -> float:
    """Return the mean of two learning rates, rounded down to one decimal, or to as many as keep it above the lower one.

    Examples
    --------
    >>> next_learning_rate(0.5, 0.75), next_learning_rate(1e-5, 2e-5)
    (0.6, 1.5e-05)
    """
    low, middle = float(min(stable, unstable)), float(stable + unstable) / 2
    for digits in range(1, 16):
        value: float = math.floor(round(middle * 10**digits, 9)) / 10**digits
        if value > low:
            return value
    return float(middle)


def rule_recommendations(
    runs: Sequence[Run], situation: Situation
) -> tuple[tuple[Recommendation, ...], tuple[NextRun, ...]]:
    """Return the advice of the rules of thumb, and the next runs that they propose."""
    rate, epochs = _learning_rate(situation), _epochs(situation)
    actions = [_rate_action(situation, rate), _epoch_action(situation, epochs), *_keep_actions(situation)]
    advice = (*(a for a in actions if a), *_optimizations(situation, rate))
    return advice, _next_runs([run.id for run in runs], situation, rate, epochs)


def _learning_rate(situation: Situation) -> float | None:
    stable, unstable = situation.rates
    if unstable is None or situation.better or not (situation.failed or situation.unstable):
        return None
    if stable is not None and unstable > stable:
        return next_learning_rate(stable, unstable)
    return unstable / 2 if situation.failed else None


def _epochs(situation: Situation) -> float | None:
    planned = situation.candidate.factor("n_epochs")
    epochs = situation.results[situation.candidate.id].epochs
    if (
        not isinstance(planned, int | float)
        or planned <= 1
        or len(epochs) < 2
        or situation.failed
        or situation.learning
    ):
        return None
    return planned - 1 if epochs[-1].end_loss > epochs[-1].start_loss else None


def _rate_action(situation: Situation, rate: float | None) -> Recommendation | None:
    if rate is None:
        return None
    stable, unstable = situation.rates
    between = stable is not None and unstable is not None and stable < rate < unstable
    how = (
        f"between {short_value(stable)} and {short_value(unstable)}" if between else f"half of {short_value(unstable)}"
    )
    oscillations = f"{signed(situation.oscillation_change, 0, '%')} oscillations at the higher rate"
    why = "the run diverged" if situation.failed else oscillations
    return Recommendation(
        "rule.reduce_learning_rate",
        "heuristic",
        "action",
        rich("**REDUCE Learning Rate**"),
        (rich("Target: **{rate}** ({how})", rate=short_value(rate), how=how), rich("Rationale: {why}", why=why)),
        rate,
    )


def _epoch_action(situation: Situation, epochs: float | None) -> Recommendation | None:
    if epochs is None:
        return None
    last = situation.results[situation.candidate.id].epochs[-1]
    return Recommendation(
        "rule.fewer_epochs",
        "heuristic",
        "action",
        rich(
            "**REVERT to {n}**", n=count(int(epochs), "Epoch") if float(epochs).is_integer() else f"{epochs:g} Epochs"
        ),
        (
            rich(
                "Evidence by a rule of thumb: epoch {k} ends at a higher loss than it starts ({change})",
                k=last.epoch,
                change=signed(last.improvement_pct, 1, "%"),
            ),
        ),
        epochs,
    )


def _keep_actions(situation: Situation) -> list[Recommendation]:
    """Advise to keep the other settings that the candidate changed, which no rule flags; five at most."""
    if situation.baseline is None:
        return []
    differing = changed_factors([situation.baseline, situation.candidate])
    kept = {key: row[situation.candidate.id] for key, row in differing.items() if key not in FACTORS}
    return [
        Recommendation(
            f"rule.keep.{key}",
            "heuristic",
            "action",
            rich("**KEEP {factor}**", factor=factor_title(key)),
            (rich("{value}: the rules of thumb flag no problem with it", value=short_value(value)),),
            value,
        )
        for key, value in kept.items()
        if isinstance(value, str | int | float | bool)
    ][:5]


def _optimizations(situation: Situation, rate: float | None) -> list[Recommendation]:
    settings, result = situation.settings, situation.results[situation.candidate.id]
    advice = []
    unit = unit_of_steps(situation.candidate)
    if result.validation_count or result.full_validation_count:
        advice.append(
            Recommendation(
                "rule.early_stopping",
                "heuristic",
                "optimization",
                rich("**Implement Early Stopping**"),
                (
                    rich("Monitor validation loss"),
                    rich("Stop if no improvement for {n} {unit}s", n=settings.patience_steps, unit=unit),
                ),
                settings.patience_steps,
            )
        )
    stable = situation.rates[0]
    if rate is not None and stable is not None and stable < rate:
        end = round(0.8 * stable, 12)
        advice.append(
            Recommendation(
                "rule.learning_rate_schedule",
                "heuristic",
                "optimization",
                rich("**Learning Rate Scheduling**"),
                (rich("Start at {a}, decay to {b}", a=short_value(rate), b=short_value(end)),),
                end,
            )
        )
    if situation.unstable and (result.grades.stability or "A")[0] in "CDF":
        advice.append(
            Recommendation(
                "rule.gradient_clipping",
                "heuristic",
                "optimization",
                rich("**Gradient Clipping**"),
                (rich("Limit gradient norms to reduce oscillations"),),
            )
        )
    return advice


def _next_runs(
    run_ids: list[str], situation: Situation, rate: float | None, epochs: float | None
) -> tuple[NextRun, ...]:
    if rate is None and epochs is None:
        return ()
    run = situation.candidate
    first, second = next_ids(run_ids, run.id, 2)
    steadier = f"Better stability than {display_name(run.id)}, similar validation performance"
    better = planned_run(
        first,
        run,
        changed_config(run, learning_rate=rate, n_epochs=epochs),
        "heuristic",
        "what the rules of thumb suggest",
        "A run that does not diverge" if situation.failed else steadier,
    )
    planned = epochs if epochs is not None else run.factor("n_epochs")
    if not isinstance(planned, int | float) or situation.failed:
        return (better,)
    longer = {
        **changed_config(run, learning_rate=rate, n_epochs=planned + 0.5),
        "early_stopping": "validation loss plateau",
    }
    note = "A number of epochs that is not whole needs a tool that counts steps."
    return (
        better,
        planned_run(
            second,
            run,
            longer,
            "heuristic",
            f"if {display_name(first)} succeeds",
            "Optimal balance of all metrics",
            notes=() if float(planned + 0.5).is_integer() else (note,),
        ),
    )
