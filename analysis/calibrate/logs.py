"""Simulated noise, logs with a row per epoch or per step, and runs made from them; their true levels are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.core.run import Data, Provenance, Run, validated
from analysis.statistics.estimate import FloatArray

LEVEL = 0.3
SD = 0.025
VALID_SD = 0.02
STEPS = 300
EVERY = 10
CURVES = ("stationary", "power law", "exponential", "cosine")


def ar_noise(rng: np.random.Generator, runs: int, length: int, rho: float) -> FloatArray:
    """Draw stationary AR(1) noise with standard deviation `SD` around `LEVEL`, shape (runs, length).

    Examples
    --------
    >>> ar_noise(np.random.default_rng(0), 2, 5, 0.6).shape
    (2, 5)
    """
    return np.ascontiguousarray(LEVEL + SD * correlated(rng.normal(size=(length, runs)), rho).T)


def correlated(draws: FloatArray, rho: float) -> FloatArray:
    """Turn independent draws of variance 1 into stationary AR(1) noise of variance 1, along their first axis.

    Examples
    --------
    >>> correlated(np.array([1.0, 0.0, 0.0]), 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    noise = draws.copy()
    noise[1:] *= np.sqrt(1 - rho**2)
    for t in range(1, len(noise)):
        noise[t] += rho * noise[t - 1]
    return noise


def make_run(run_id: str, columns: Mapping[str, FloatArray], *, rate: float, seed: int, n_valid: int | None) -> Run:
    """Return a run that states its configuration and data, so that the comparability gate passes."""
    frame = pd.DataFrame(columns)
    length = len(frame)
    frame, nonfinite, seams, dropped = validated(frame, run_id)
    origin = Provenance(f"{run_id}.csv", "made", 0, "0" * 64, length, dropped=dropped)
    return Run(
        run_id,
        frame,
        run_id,
        origin,
        config={"learning_rate": rate, "n_epochs": length if "full_valid_loss" in columns else 1, "seed": seed},
        data=Data(n_train=20_000, n_valid=n_valid, validation_set="v", training_set="t"),
        parent_known=True,
        nonfinite=nonfinite,
        seams=seams,
    )


def epoch_log(
    rng: np.random.Generator,
    rows: int,
    *,
    n: int = 2_000,
    error: float = 0.12,
    loss: float = 0.35,
    seed_sd: float = 0.02,
    metrics: tuple[str, ...] = ("loss", "accuracy"),
    rise: float = 0.0,
    scatter: float = 0.0,
) -> dict[str, FloatArray]:
    """Simulate the smooth log of one seed, with a row per epoch, that ends at an error and a loss.

    The whole curve of a seed is offset by normal noise: the accuracy with a standard deviation of
    sqrt(error / (2 n)), rounded to multiples of 1/n, the losses with ``seed_sd`` times their level. The validation
    loss rises by ``rise`` times its level per epoch of the second half; the standard deviation from epoch to epoch is
    ``scatter`` times that between seeds.
    """
    t = np.linspace(0, 1, rows)
    fall = np.exp(-5 * t) - np.exp(-5)
    offset = seed_sd * (rng.normal() + scatter * rng.standard_normal(rows))
    late = np.maximum(np.arange(rows) - rows // 2, 0)
    columns = {"step": np.arange(1, rows + 1), "train_loss": loss * (0.8 + fall) * (1 + offset)}
    if "loss" in metrics:
        columns["full_valid_loss"] = loss * (1 + fall + rise * late) * (1 + offset)
    if "accuracy" in metrics:
        own = error + (error / (2 * n)) ** 0.5 * (rng.normal() + scatter * rng.standard_normal(rows))
        columns["full_valid_accuracy"] = np.round((1 - own - 0.2 * fall) * n) / n
    return columns


def step_log(
    rng: np.random.Generator,
    rows: int,
    *,
    level: float = 0.3,
    sd: float = 0.025,
    rho: float = 0.0,
    curve: str = "stationary",
    smoothing: float = 0.0,
    mean_of: int = 1,
    epoch: int = 0,
    heavy: bool = False,
) -> dict[str, FloatArray]:
    """Simulate a log of minibatch losses: AR(1) noise about a curve that ends at ``level``.

    ``sd`` and ``rho`` are the standard deviation and the lag-one autocorrelation of the noise. Each row is the mean of
    ``mean_of`` steps and has the number of the last. ``smoothing`` is the weight of the past in an exponential moving
    average over rows; ``epoch`` the number of rows over which a running mean restarts, as in Keras (0: no running
    mean). With ``heavy`` the noise has Student's t distribution with three degrees of freedom, scaled to variance 1.
    """
    steps = rows * mean_of
    draws = rng.standard_t(3, steps) / 3**0.5 if heavy else rng.standard_normal(steps)
    t = np.linspace(0, 1, steps)
    shape = {
        "stationary": np.zeros(steps),
        "power law": (1 + 50 * t) ** -0.5 - 51**-0.5,
        "exponential": np.exp(-5 * t) - np.exp(-5),
        "cosine": (1 + np.cos(np.pi * t)) / 2,
    }[curve]
    values = (level + level * shape + sd * correlated(draws, rho)).reshape(rows, mean_of).mean(axis=1)
    for k in range(1, rows if smoothing else 0):
        values[k] = smoothing * values[k - 1] + (1 - smoothing) * values[k]
    for first in range(0, rows if epoch else 0, epoch or 1):
        part = values[first : first + epoch]
        part[:] = np.cumsum(part) / np.arange(1, len(part) + 1)
    return {"step": np.arange(mean_of, steps + 1, mean_of), "train_loss": values}
