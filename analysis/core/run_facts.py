"""Facts of one run that every layer needs: its curve, epochs, steps and breaks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.core.deciding import judged
from analysis.core.run import Run

CURVES = ("train_loss", "reward", "valid_loss", "full_valid_loss")
"""What "the training curve" may be, most wanted first; the first that a run of the set has is used for all."""

LOSSES = ("full_valid_loss", "valid_loss", "train_loss")
"""What a run that ended as NaN or infinite died of."""


def curve_metric(runs: Sequence[Run]) -> str:
    """Choose the metric whose curve the report follows: `CURVES` first, else any that can be judged.

    Runs that all log a reward are trained for it; the loss beside it says little.
    """
    logged = [set(run.metrics) for run in runs]
    if logged and all("reward" in names for names in logged):
        return "reward"
    wanted = [*CURVES, *judged(dict.fromkeys(name for run in runs for name in run.metrics))]
    return next((name for name in wanted if any(name in names for names in logged)), "train_loss")


def same_log(one: Run, two: Run) -> bool:
    """True if two logs hold the same values: then one is a copy, and no second measurement."""
    return len(one.frame) > 0 and one.frame.equals(two.frame)


def same_training(one: Run, two: Run) -> bool:
    """True if what two logs measured alike agrees in every value, as far as the coarser of them writes it.

    Columns that only one of them has make no second training, nor does rounding. Two trainings of noise never agree
    so; a short curve of few digits may, so that 20 different values of three decimals at least are asked for.
    """
    shared = [name for name in judged(one.metrics) if name in two.metrics]
    alike: set[float] = set()
    for name in shared:
        a, b = one.series(name), two.series(name)
        decimals = min(_decimals(a), _decimals(b))
        if not np.array_equal(one.steps_of(name), two.steps_of(name)) or decimals < 3:
            return False
        if not np.allclose(a, b, rtol=0, atol=0.51 * 10.0**-decimals):
            return False
        alike.update(a.tolist())
    return len(alike) >= 20


def _decimals(values: npt.NDArray[np.float64]) -> int:
    """Return how many decimals values are written with, at most 6."""
    return next((n for n in range(6) if np.array_equal(np.round(values, n), values)), 6)


def is_per_epoch(run: Run, metric: str) -> bool:
    """True if a metric was logged once an epoch, so that its points are no steps of an oscillation."""
    count = run.series(metric).size
    if "epoch" in run.frame and count > 1:
        epochs = run.frame.loc[run.frame[metric].notna(), "epoch"].to_numpy(dtype=np.float64)
        if not np.isnan(epochs).any():
            return bool(np.median(np.diff(epochs)) >= 0.999)
    epochs_planned = run.factor("n_epochs")
    return isinstance(epochs_planned, int | float) and epochs_planned > 1 and count <= epochs_planned


def place(run: Run, metric: str, step: int) -> str:
    """Name a step of a run: by its epoch, counted from 1, where a row of the metric is one.

    Of such logs the step says less than which epoch it is, and tools count it from 0 or from 1.
    """
    if run.counts_epochs or not is_per_epoch(run, metric):
        return logged_at(run, step)
    number = _epochs(run)
    if number is None:
        return f"epoch {int((run.steps_of(metric) <= step).sum()) or 1}"
    return f"epoch {int(number[max(0, int(np.searchsorted(run.steps, step, side='right')) - 1)])}"


def logged_at(run: Run, step: int) -> str:
    """Name a step as the log counts it: by the step, or by the epoch from 1."""
    return f"{unit_of_steps(run)} {step + counted_from_0(run):,}"


def counted_from_0(run: Run) -> bool:
    """True if the log numbers its epochs from 0: people count them from 1, and so does every page."""
    return run.counts_epochs and int(run.steps[0]) == 0


def _epochs(run: Run) -> npt.NDArray[np.float64] | None:
    """Number the epoch of each row from 1, shape (n,); None where the log does not say it."""
    if "epoch" not in run.frame or run.frame["epoch"].notna().sum() < 2:
        return None
    epoch = run.frame["epoch"].ffill().bfill().to_numpy(dtype=np.float64)
    fractional = bool((epoch % 1 != 0).any())
    number: npt.NDArray[np.float64] = np.ceil(epoch - 1e-9) if fractional else epoch + (epoch.min() == 0)
    return np.maximum(number, 1)


def unit_of_steps(*runs: Run) -> str:
    """Name what the steps of logs count: epochs where every run's steps are the epochs of its log."""
    return "epoch" if runs and all(run.counts_epochs for run in runs) else "step"


def in_epochs(words: str, run: Run, metric: str) -> str:
    """Name the steps in a sentence as `place` does."""
    return re.sub(r"\bstep (\d+(?:,\d{3})*)", lambda found: place(run, metric, int(found[1].replace(",", ""))), words)


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
    """True if the last thing logged of a metric was NaN or infinite: the run then has no final value of it."""
    gone, steps = run.nonfinite.get(metric, ()), run.steps_of(metric)
    return bool(gone) and (not steps.size or max(gone) > int(steps[-1]))


def died(run: Run) -> bool:
    """True if a loss of a run ended as NaN or infinite."""
    return any(ended_nonfinite(run, metric) for metric in LOSSES)


def total_steps(run: Run) -> int:
    """Count the optimizer steps: the last step number, plus one where counting starts at zero."""
    steps = run.steps
    zero_based = steps[0] == 0 and (steps.size == 1 or steps[1] == 1)
    return int(steps[-1]) + int(zero_based)


def first_step(run: Run) -> int:
    """Return the first step that the log stands for.

    A log every ten steps that begins at step 10 has steps 1 to 10 in its first row, one that begins at 9 steps 0 to 9.
    """
    first = int(run.steps[0])
    every = int(np.median(np.diff(run.steps))) if run.steps.size > 1 else 1
    return first - every + 1 if every <= first + 1 else min(first, 1)


def epoch_bounds(run: Run) -> tuple[npt.NDArray[np.int64], str]:
    """Find the last step of each epoch and say how it was found (rule.epoch_boundary).

    Returns
    -------
    tuple
        Steps, ascending, the last being the last step of the run; and one of ``"metadata"``,
        ``"full validation"``, ``"estimated"``, ``"unknown"``.
    """
    last = int(run.steps[-1])
    if run.counts_epochs:
        return run.steps, "metadata"
    epochs, batch, rows = run.factor("n_epochs"), run.factor("batch_size"), run.data.n_train
    whole = int(np.ceil(epochs)) if isinstance(epochs, int | float) and epochs >= 1 else None
    total = run.expected_from_data
    if total and whole and rows and abs(total - total_steps(run)) <= max(2, 0.01 * total):
        ends = np.ceil(rows * np.arange(1, whole + 1) / batch).astype(np.int64) - (total_steps(run) - last)
        return np.append(ends[ends < last], last), "metadata"
    number = _epochs(run)
    if number is not None:
        return np.append(run.steps[:-1][np.diff(number) > 0], last), "metadata"
    full = run.steps_of("full_valid_loss")
    if whole and full.size == whole and abs(int(full[-1]) - last) <= 0.02 * last:
        return np.append(full[full < last], last), "full validation"
    if whole and whole > 1 and total_steps(run) >= whole:
        size = total_steps(run) // whole
        return np.append(np.arange(1, whole) * size - (total_steps(run) - last), last), "estimated"
    return np.array([last]), "metadata" if whole == 1 else "unknown"
