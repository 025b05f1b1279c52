"""Losses on the whole validation set: their sampling error, and differences between them."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from analysis.statistics.estimate import Estimate, FloatArray, estimate, required_size, unknown
from analysis.statistics.levels import Settled


def full_validation(value: float, minibatches: Settled | None, *, batch: int, n_valid: int) -> Estimate:
    """Estimate the loss that a full validation measures, with the error its finite set leaves.

    Parameters
    ----------
    value : float
        Logged full validation loss.
    minibatches : Settled or None
        Minibatch validation losses of the same run: how much they scatter tells the spread per example.
    batch, n_valid : int
        Examples in a minibatch and in the whole set.

    Returns
    -------
    Estimate
        ``SE = sd(minibatch losses) * sqrt(batch) / sqrt(n_valid)``, ``df = evaluations - 2``. The sd is
        taken around the run's own trend: a falling loss is no sampling error.
    """
    name = "fullval.level"
    if not np.isfinite(value):
        return unknown(name, "no full validation")
    if minibatches is None or minibatches.n < 5:
        return unknown(name, "fewer than 5 minibatch validations to tell its error", value=value, n=n_valid)
    if batch <= 0 or n_valid <= 0:
        return unknown(name, "batch size or validation set size unknown", value=value)
    se = minibatches.line.s * sqrt(batch / n_valid)
    return estimate(name, value, se, minibatches.n - 2, n_valid)


def paired_difference(baseline: FloatArray, candidate: FloatArray) -> Estimate:
    """Compare two models on the same examples, by their per-example losses (fullval.paired).

    Parameters
    ----------
    baseline, candidate : ndarray, shape (examples,)
        In the same order of examples.
    """
    name = "fullval.paired"
    d = np.asarray(candidate, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    d = d[np.isfinite(d)]
    if d.size < 2:
        return unknown(name, "fewer than 2 examples with a loss in both", n=int(d.size))
    se = float(d.std(ddof=1)) / sqrt(d.size)
    return estimate(name, float(d.mean()), se, d.size - 1 or inf, int(d.size), tested=True)


def spread_per_example(minibatches: Settled | None, *, batch: int) -> float:
    """Give the standard deviation of the loss of one example, from the scatter of minibatch validations."""
    if minibatches is None or minibatches.n < 5:
        return float("nan")
    return minibatches.line.s * sqrt(batch)


def required_examples(minibatches: Settled | None, *, batch: int, effect: float) -> int | None:
    """Say how many validation examples a run needs for ``effect`` to be found (fullval.required)."""
    return required_size(spread_per_example(minibatches, batch=batch), effect)
