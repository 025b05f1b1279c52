"""The rule-of-thumb numbers of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.core.metrics import metric
from analysis.core.run import FloatArray, Run
from analysis.core.run_facts import (
    breaks_of,
    curve_metric,
    ended_nonfinite,
    epoch_bounds,
    first_step,
    is_per_epoch,
    total_steps,
)
from analysis.core.settings import POINTS, Settings
from analysis.heuristics import grades as grading
from analysis.heuristics.formulas import change_pct, count_oscillations, improvement_pct, mean_volatility
from analysis.statistics import oscillates


@dataclass(frozen=True)
class Epoch:
    """One epoch. ``steps`` is their number; losses are the first and the last logged value."""

    epoch: int
    steps: int
    first_step: int
    last_step: int
    start_loss: float
    end_loss: float
    improvement_pct: float | None
    oscillations: int | None


@dataclass(frozen=True)
class Grades:
    """Rule-of-thumb grades; None if there is nothing to grade."""

    stability: str | None = None
    performance: str | None = None
    overall: str | None = None


@dataclass(frozen=True)
class RuleNumbers:
    """Rule-of-thumb numbers of one run; None if undefined. Accuracies are fractions, the gap in percentage points."""

    total_steps: int
    expected_steps: int | None
    expected_steps_stated: int | None
    overage_pct: float | None
    overage_from_data_pct: float | None
    final_train_loss: float | None
    final_train_accuracy: float | None
    final_valid_loss: float | None
    final_valid_accuracy: float | None
    final_full_valid_loss: float | None
    final_full_valid_accuracy: float | None
    validation_count: int
    full_validation_count: int
    oscillations: int | None
    transitions: int
    volatility: float | None
    first_train_loss: float | None
    best_train_loss: float | None
    worst_train_loss: float | None
    gap_pp: float | None
    epochs: tuple[Epoch, ...]
    epoch_boundary: str
    rank: int | None = None
    grades: Grades = Grades()


def rule_numbers(runs: Sequence[Run], settings: Settings) -> dict[str, RuleNumbers]:
    """Return the rule-of-thumb numbers, grades and ranks of a set of runs, by run ID."""
    curve = curve_metric(runs)
    results = {run.id: _measure(run, curve) for run in runs}
    stability = grading.stability_grades({i: r.oscillations for i, r in results.items()}, settings)
    graded = {}
    for run_id, result in results.items():
        performance = grading.performance_grade(result.final_valid_accuracy, settings)
        overall = grading.overall_grade([stability[run_id], performance])
        graded[run_id] = replace(result, grades=Grades(stability[run_id], performance, overall))
    ranks = grading.rank({run_id: _score(result) for run_id, result in graded.items()})
    return {run_id: replace(result, rank=ranks[run_id]) for run_id, result in graded.items()}


def _measure(run: Run, curve: str) -> RuleNumbers:
    loss = run.series(curve)
    breaks = breaks_of(run, curve)
    counted = loss.size > 1 and not is_per_epoch(run, curve)
    marks = oscillates(loss, breaks) if counted else None
    oscillations, transitions = (None, 0) if marks is None else (int(np.count_nonzero(marks)), marks.size)
    train_accuracy, valid_accuracy = (_last(run, "train_mean_token_accuracy"), _last(run, "valid_mean_token_accuracy"))
    gap = None if train_accuracy is None or valid_accuracy is None else (valid_accuracy - train_accuracy) * 100
    total, computed, stated = total_steps(run), run.expected_from_data, run.expected_steps
    epochs, boundary = _epochs(run, curve, breaks, oscillations)
    lower = metric(curve).direction != "higher"
    return RuleNumbers(
        total_steps=total,
        expected_steps=computed if computed is not None else stated,
        expected_steps_stated=stated,
        overage_pct=change_pct(stated if stated is not None else computed, total),
        overage_from_data_pct=change_pct(computed, total),
        final_train_loss=_last(run, "train_loss"),
        final_train_accuracy=train_accuracy,
        final_valid_loss=_last(run, "valid_loss"),
        final_valid_accuracy=valid_accuracy,
        final_full_valid_loss=_last(run, "full_valid_loss"),
        final_full_valid_accuracy=_last(run, "full_valid_mean_token_accuracy"),
        validation_count=_logged(run, "valid_loss", "valid_mean_token_accuracy"),
        full_validation_count=_logged(run, "full_valid_loss", "full_valid_mean_token_accuracy"),
        oscillations=oscillations,
        transitions=transitions,
        volatility=mean_volatility(loss) if counted else None,
        first_train_loss=float(loss[0]) if loss.size else None,
        best_train_loss=_extreme(loss, lowest=lower),
        worst_train_loss=_extreme(loss, lowest=not lower),
        gap_pp=gap,
        epochs=epochs,
        epoch_boundary=boundary,
    )


def _epochs(
    run: Run, curve: str, breaks: npt.NDArray[np.bool_], oscillations: int | None
) -> tuple[tuple[Epoch, ...], str]:
    """Return the epochs of a curve and how they were found; ``oscillations`` is the count of the whole curve."""
    ends, boundary = epoch_bounds(run)
    steps, values = run.steps_of(curve), run.series(curve)
    sign = metric(curve).sign
    epochs: list[Epoch] = []
    before = first_step(run) - 1
    for number, end in enumerate(ends, start=1):
        inside = slice(*np.searchsorted(steps, (before, end), side="right"))
        part = values[inside]
        if part.size:
            change = improvement_pct(float(part[0]), float(part[-1]))
            epochs.append(
                Epoch(
                    epoch=number,
                    steps=int(end) - before,
                    first_step=before + 1,
                    last_step=int(end),
                    start_loss=float(part[0]),
                    end_loss=float(part[-1]),
                    improvement_pct=sign * change if change is not None and part.size > 1 else None,
                    oscillations=oscillations
                    if oscillations is None or part.size == values.size
                    else count_oscillations(part, breaks[inside]),
                )
            )
        before = int(end)
    return tuple(epochs), boundary


def _score(result: RuleNumbers) -> tuple[float, ...] | None:
    """Return the sort key of a rank: the overall grade, then the numbers behind the two grades."""
    if result.grades.overall is None:
        return None
    return (
        POINTS[result.grades.overall],
        POINTS[result.grades.stability or "F"],
        -float(result.oscillations if result.oscillations is not None else np.inf),
        float(result.final_valid_accuracy if result.final_valid_accuracy is not None else -np.inf),
    )


def _last(run: Run, metric: str) -> float | None:
    values = run.series(metric)
    return float(values[-1]) if values.size and not ended_nonfinite(run, metric) else None


def _logged(run: Run, *metrics: str) -> int:
    """Return the number of rows that log at least one of some metrics."""
    columns = [~np.isnan(run.frame[name].to_numpy()) for name in metrics if name in run.frame]
    return int(np.count_nonzero(np.logical_or.reduce(columns))) if columns else 0


def _extreme(values: FloatArray, *, lowest: bool) -> float | None:
    if not values.size:
        return None
    return float(values.min() if lowest else values.max())


def leaders(results: Mapping[str, RuleNumbers]) -> dict[str, str | None]:
    """Return the run ID that leads each of the five rankings by rules of thumb; None if no run has the number."""
    return {
        "stability": _leader(results, lambda r: _negative(r.oscillations)),
        "training_performance": _leader(
            results, lambda r: _first_of(r.final_train_accuracy, _negative(r.final_train_loss))
        ),
        "validation_performance": _leader(results, lambda r: _validated(r, *validation_fields(results))),
        "efficiency": _leader(results, lambda r: _negative(r.total_steps)),
        "monitoring": _leader(
            results, lambda r: (r.full_validation_count, r.validation_count) if _monitored(r) else None
        ),
    }


def validation_fields(results: Mapping[str, RuleNumbers]) -> tuple[str, str]:
    """Return the fields of validation accuracy and loss: of minibatches if any run has them, else of the full set."""
    fields = ("final_valid_accuracy", "final_valid_loss")
    logged = any(getattr(result, name) is not None for result in results.values() for name in fields)
    return fields if logged else ("final_full_valid_accuracy", "final_full_valid_loss")


def _validated(result: RuleNumbers, accuracy: str, loss: str) -> tuple[float, ...] | None:
    return _first_of(getattr(result, accuracy), _negative(getattr(result, loss)))


def _leader(results: Mapping[str, RuleNumbers], score: Any) -> str | None:
    scored = {run_id: score(result) for run_id, result in results.items()}
    known = {run_id: value for run_id, value in scored.items() if value is not None}
    return max(known, key=lambda run_id: known[run_id]) if known else None


def _monitored(result: RuleNumbers) -> bool:
    return result.validation_count + result.full_validation_count > 0


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _first_of(*values: float | None) -> tuple[float, ...] | None:
    return None if values[0] is None and values[-1] is None else tuple(-np.inf if v is None else v for v in values)
