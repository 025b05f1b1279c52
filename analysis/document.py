"""The document layer: every number of the hand-written report, by the document's own definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis import grading
from analysis.metrics import change_pct, count_oscillations, improvement_pct, judged, mean_volatility, metric
from analysis.schema import FloatArray, Run
from analysis.settings import POINTS, Settings
from analysis.statistics.blocks import blocks
from analysis.statistics.series import count_oscillating

CURVES = ("train_loss", "reward", "valid_loss", "full_valid_loss")
"""What "the training curve" may be, most wanted first; the first that a run of the set has is used for all."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the data. ``steps`` is a count; losses are the first and the last logged value."""

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
    """The document's letters; None where there is nothing to grade."""

    stability: str | None = None
    performance: str | None = None
    overall: str | None = None


@dataclass(frozen=True)
class DocumentResult:
    """The document's numbers for one run; None where undefined. Accuracies are fractions, gap in points."""

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


def curve_metric(runs: Sequence[Run]) -> str:
    """Choose the metric whose curve the report follows: `CURVES` first, else any that can be judged.

    Runs that all log a reward are trained for it; the loss beside it says little.
    """
    logged = [set(run.metrics) for run in runs]
    if logged and all("reward" in names for names in logged):
        return "reward"
    wanted = [*CURVES, *judged(dict.fromkeys(name for run in runs for name in run.metrics))]
    return next((name for name in wanted if any(name in names for names in logged)), "train_loss")


def document_results(runs: Sequence[Run], settings: Settings) -> dict[str, DocumentResult]:
    """Compute the document's numbers, grades and ranks for a set of runs, by run ID."""
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


def is_per_epoch(run: Run, metric: str) -> bool:
    """Tell whether a metric was logged once an epoch, so that its points are no steps of an oscillation."""
    count = run.series(metric).size
    if "epoch" in run.frame and count > 1:
        epochs = run.frame.loc[run.frame[metric].notna(), "epoch"].to_numpy(dtype=np.float64)
        if not np.isnan(epochs).any():
            return bool(np.median(np.diff(epochs)) >= 0.999)
    epochs_planned = run.factor("n_epochs")
    return isinstance(epochs_planned, int | float) and epochs_planned > 1 and count <= epochs_planned


def breaks_of(run: Run, metric: str) -> npt.NDArray[np.bool_]:
    """Mark the values of a metric that must not be differenced with the one before, shape (n,).

    That is after a seam, or where a non-finite value stood between the two.
    """
    steps = run.steps_of(metric)
    marks = np.zeros(steps.size, dtype=bool)
    gone = np.array(sorted({*run.seams, *run.nonfinite.get(metric, ())}), dtype=np.int64)
    if gone.size and steps.size:
        position = np.searchsorted(steps, gone, side="left")
        marks[position[position < steps.size]] = True
    return marks


def ended_nonfinite(run: Run, metric: str) -> bool:
    """Tell whether the last thing logged of a metric was NaN or infinite: the run then has no final value of it."""
    gone, steps = run.nonfinite.get(metric, ()), run.steps_of(metric)
    return bool(gone) and (not steps.size or max(gone) > int(steps[-1]))


def total_steps(run: Run) -> int:
    """Count the optimizer steps: the last step number, plus one where counting starts at zero."""
    steps = run.steps
    zero_based = steps[0] == 0 and (steps.size == 1 or steps[1] == 1)
    return int(steps[-1]) + int(zero_based)


def epoch_bounds(run: Run) -> tuple[npt.NDArray[np.int64], str]:
    """Find the last step of each epoch and say how it was found (doc.epoch_boundary).

    Returns
    -------
    tuple
        Steps, ascending, the last being the last step of the run; and one of ``"metadata"``,
        ``"full validation"``, ``"estimated"``, ``"unknown"``.
    """
    last = int(run.steps[-1])
    epochs, batch, rows = run.factor("n_epochs"), run.factor("batch_size"), run.data.n_train
    whole = int(np.ceil(epochs)) if isinstance(epochs, int | float) and epochs >= 1 else None
    total = run.expected_from_data
    if total and whole and rows and abs(total - total_steps(run)) <= max(2, 0.01 * total):
        ends = np.ceil(rows * np.arange(1, whole + 1) / batch).astype(np.int64) - (total_steps(run) - last)
        return np.append(ends[ends < last], last), "metadata"
    if "epoch" in run.frame and run.frame["epoch"].notna().sum() > 1:
        epoch = run.frame["epoch"].ffill().bfill().to_numpy(dtype=np.float64)
        number = np.ceil(epoch - 1e-9) if (epoch % 1 != 0).any() else epoch
        ends = run.steps[:-1][np.diff(number) > 0]
        return np.append(ends, last), "metadata"
    full = run.steps_of("full_valid_loss")
    if whole and full.size == whole and abs(int(full[-1]) - last) <= 0.02 * last:
        return np.append(full[full < last], last), "full validation"
    if whole and whole > 1 and total_steps(run) >= whole:
        size = total_steps(run) // whole
        return np.append(np.arange(1, whole) * size - (total_steps(run) - last), last), "estimated"
    return np.array([last]), "metadata" if whole == 1 else "unknown"


def _measure(run: Run, curve: str) -> DocumentResult:
    loss = run.series(curve)
    breaks = breaks_of(run, curve)
    counted = loss.size > 1 and not is_per_epoch(run, curve)
    oscillations, transitions = count_oscillating(loss, breaks) if counted else (None, 0)
    train_accuracy, valid_accuracy = (
        _last(run, "train_mean_token_accuracy"),
        _last(run, "valid_mean_token_accuracy"),
    )
    gap = None if train_accuracy is None or valid_accuracy is None else (valid_accuracy - train_accuracy) * 100
    total, computed, stated = total_steps(run), run.expected_from_data, run.expected_steps
    epochs, boundary = _epochs(run, curve, breaks, oscillations)
    lower = metric(curve).direction != "higher"
    return DocumentResult(
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
    """Cut the curve into epochs; ``oscillations`` are those of all of it, None where they do not count."""
    ends, boundary = epoch_bounds(run)
    steps, values = run.steps_of(curve), run.series(curve)
    sign = -1 if metric(curve).direction == "higher" else 1
    epochs: list[Epoch] = []
    before = int(run.steps[0]) - 1
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


def _score(result: DocumentResult) -> tuple[float, ...] | None:
    """Order runs by overall grade, then by the numbers behind the two grades."""
    if result.grades.overall is None:
        return None
    points = POINTS
    return (
        points[result.grades.overall],
        points[result.grades.stability or "F"],
        -float(result.oscillations if result.oscillations is not None else np.inf),
        float(result.final_valid_accuracy if result.final_valid_accuracy is not None else -np.inf),
    )


def _last(run: Run, metric: str) -> float | None:
    values = run.series(metric)
    return float(values[-1]) if values.size and not ended_nonfinite(run, metric) else None


def _logged(run: Run, *metrics: str) -> int:
    """Count the rows that log one of some metrics."""
    columns = [run.frame[name].to_numpy() for name in metrics if name in run.frame]
    rows = (np.logical_and.reduce([np.isnan(column[piece]) for column in columns]) for piece in blocks(len(run.frame)))
    return sum(int(np.count_nonzero(~blank)) for blank in rows) if columns else 0


def _extreme(values: FloatArray, *, lowest: bool) -> float | None:
    if not values.size:
        return None
    return float(values.min() if lowest else values.max())


def leaders(results: Mapping[str, DocumentResult]) -> dict[str, str | None]:
    """Name the run that leads each of the document's five rankings; None where no run has the number."""
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


def validation_fields(results: Mapping[str, DocumentResult]) -> tuple[str, str]:
    """Name the accuracy and the loss that stand for validation: of a minibatch; where no run has one, of the set."""
    fields = ("final_valid_accuracy", "final_valid_loss")
    logged = any(getattr(result, name) is not None for result in results.values() for name in fields)
    return fields if logged else ("final_full_valid_accuracy", "final_full_valid_loss")


def _validated(result: DocumentResult, accuracy: str, loss: str) -> tuple[float, ...] | None:
    return _first_of(getattr(result, accuracy), _negative(getattr(result, loss)))


def _leader(results: Mapping[str, DocumentResult], score: Any) -> str | None:
    scored = {run_id: score(result) for run_id, result in results.items()}
    known = {run_id: value for run_id, value in scored.items() if value is not None}
    return max(known, key=lambda run_id: known[run_id]) if known else None


def _monitored(result: DocumentResult) -> bool:
    return result.validation_count + result.full_validation_count > 0


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _first_of(*values: float | None) -> tuple[float, ...] | None:
    return None if values[0] is None and values[-1] is None else tuple(-np.inf if v is None else v for v in values)
