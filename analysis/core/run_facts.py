"""Facts of one run that every layer needs: its curve, epochs, steps and breaks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.core.deciding import judged_metrics
from analysis.core.run import Run

CURVES = ("train_loss", "reward", "valid_loss", "full_valid_loss")
"""Candidates for "the training curve", best first; the first that any run of the set has is used for all."""

LOSSES = ("full_valid_loss", "valid_loss", "train_loss")
"""Losses whose final NaN or infinite value means that the run died."""


def curve_metric(runs: Sequence[Run]) -> str:
    """Return the metric whose curve the report follows: one of `CURVES`, else any that can be judged.

    If all runs log a reward it is that, since they optimize it and the loss says little.
    """
    logged = [set(run.metrics) for run in runs]
    if logged and all("reward" in names for names in logged):
        return "reward"
    wanted = [*CURVES, *judged_metrics(dict.fromkeys(name for run in runs for name in run.metrics))]
    return next((name for name in wanted if any(name in names for names in logged)), "train_loss")


def same_log(one: Run, two: Run) -> bool:
    """True if two logs have the same values: one is then a copy, not a second measurement."""
    return len(one.frame) > 0 and one.frame.equals(two.frame)


def same_training(one: Run, two: Run) -> bool:
    """True if all metrics that two logs share agree in every value, to the decimals of the coarser one.

    Neither extra columns nor rounding make a second training. Two noisy trainings never agree like that, but short
    curves of few digits may, so 20 different values of at least three decimals are required.
    """
    shared = [name for name in judged_metrics(one.metrics) if name in two.metrics]
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
    """Return the number of decimals that represent all values exactly, at most 6."""
    return next((n for n in range(6) if np.array_equal(np.round(values, n), values)), 6)


def is_per_epoch(run: Run, metric: str) -> bool:
    """True if a metric was logged once an epoch, so that oscillations between steps are invisible."""
    count = run.series(metric).size
    if "epoch" in run.frame and count > 1:
        epochs = run.frame.loc[run.frame[metric].notna(), "epoch"].to_numpy(dtype=np.float64)
        if not np.isnan(epochs).any():
            return bool(np.median(np.diff(epochs)) >= 0.999)
    epochs_planned = run.factor("n_epochs")
    return isinstance(epochs_planned, int | float) and epochs_planned > 1 and count <= epochs_planned


def place(run: Run, metric: str, step: int) -> str:
    """Return the name of a step of a run: the epoch, counted from 1, if a metric was logged once an epoch.

    In such logs the step says less than the epoch, and tools count it from 0 or from 1.
    """
    if run.counts_epochs or not is_per_epoch(run, metric):
        return logged_at(run, step)
    number = _epochs(run)
    if number is None:
        return f"epoch {int((run.steps_of(metric) <= step).sum()) or 1}"
    return f"epoch {int(number[max(0, int(np.searchsorted(run.steps, step, side='right')) - 1)])}"


def logged_at(run: Run, step: int) -> str:
    """Return the name of a step as the log counts it: ``step N``, or ``epoch N`` counted from 1."""
    return f"{unit_of_steps(run)} {step + counted_from_0(run):,}"


def counted_from_0(run: Run) -> bool:
    """True if the log numbers its epochs from 0, which the report renumbers from 1."""
    return run.counts_epochs and int(run.steps[0]) == 0


def _epochs(run: Run) -> npt.NDArray[np.float64] | None:
    """Return the epoch of each row, counted from 1, shape (n,); None if the log does not say."""
    if "epoch" not in run.frame or run.frame["epoch"].notna().sum() < 2:
        return None
    epoch = run.frame["epoch"].ffill().bfill().to_numpy(dtype=np.float64)
    fractional = bool((epoch % 1 != 0).any())
    number: npt.NDArray[np.float64] = np.ceil(epoch - 1e-9) if fractional else epoch + (epoch.min() == 0)
    return np.maximum(number, 1)


def unit_of_steps(*runs: Run) -> str:
    """Return ``epoch`` if the steps of every run are its epochs, else ``step``."""
    return "epoch" if runs and all(run.counts_epochs for run in runs) else "step"


def in_epochs(words: str, run: Run, metric: str) -> str:
    """Replace the steps named in a sentence by what `place` calls them."""
    return re.sub(r"\bstep (\d+(?:,\d{3})*)", lambda found: place(run, metric, int(found[1].replace(",", ""))), words)


def breaks_of(run: Run, metric: str) -> npt.NDArray[np.bool_]:
    """Return True for each value of a metric that must not be differenced with the one before, shape (n,).

    These are the first value after a seam and the first after a non-finite value.
    """
    steps = run.steps_of(metric)
    marks = np.zeros(steps.size, dtype=bool)
    gone = np.array(sorted({*run.seams, *run.nonfinite.get(metric, ())}), dtype=np.int64)
    if gone.size and steps.size:
        position = np.searchsorted(steps, gone, side="left")
        marks[position[position < steps.size]] = True
    return marks


def ended_nonfinite(run: Run, metric: str) -> bool:
    """True if the last logged value of a metric was NaN or infinite, so that the run has no final value of it."""
    gone, steps = run.nonfinite.get(metric, ()), run.steps_of(metric)
    return bool(gone) and (not steps.size or max(gone) > int(steps[-1]))


def died(run: Run) -> bool:
    """True if a loss of a run ended as NaN or infinite."""
    return any(ended_nonfinite(run, metric) for metric in LOSSES)


def total_steps(run: Run) -> int:
    """Return the number of optimizer steps: the last step number, plus one if counting starts at zero."""
    steps = run.steps
    zero_based = steps[0] == 0 and (steps.size == 1 or steps[1] == 1)
    return int(steps[-1]) + int(zero_based)


def first_step(run: Run) -> int:
    """Return the first training step that the log covers.

    The first row of a log every ten steps covers steps 1 to 10 if it is at step 10, and 0 to 9 if it is at step 9.
    """
    first = int(run.steps[0])
    every = int(np.median(np.diff(run.steps))) if run.steps.size > 1 else 1
    return first - every + 1 if every <= first + 1 else min(first, 1)


def epoch_bounds(run: Run) -> tuple[npt.NDArray[np.int64], str]:
    """Return the last step of each epoch, and how it was found (definition ``rule.epoch_boundary``).

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
