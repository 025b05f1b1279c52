"""Synthetic runs whose truth is known: autocorrelated noise around a level, with or without a problem."""

from __future__ import annotations

import numpy as np

from analysis.statistics.estimate import FloatArray

LEVEL = 0.3
SD = 0.025
VALID_SD = 0.02
STEPS = 300
EVERY = 10


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
