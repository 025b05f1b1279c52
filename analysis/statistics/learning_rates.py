"""The primary metric as a smooth function of the log learning rate: a small, exact Gaussian process."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr

from analysis.statistics.estimate import FloatArray

LEAST_RATES = 5


@dataclass(frozen=True)
class RateCurve:
    """Posterior of the metric as a function of the learning rate; lower is better.

    ``rates``, ``mean``, ``low`` and ``high`` are the curve with its 95% band, shape (grid,). ``best`` is the
    rate of lowest mean, ``reference`` the tested rate of lowest posterior mean and ``p_better`` the
    probability that ``best`` is better than it.
    """

    best: float
    reference: float
    p_better: float
    rates: FloatArray = field(repr=False)
    mean: FloatArray = field(repr=False)
    low: FloatArray = field(repr=False)
    high: FloatArray = field(repr=False)


def rate_curve(
    rates: FloatArray,
    values: FloatArray,
    errors: FloatArray,
    *,
    seed_sd: float | None = None,
    reference: float | None = None,
) -> RateCurve | None:
    """Fit the metric over log learning rate (lr.gp).

    Parameters
    ----------
    rates, values, errors : ndarray, shape (runs,)
        Learning rate, metric (lower is better) and its standard error, one entry per comparable run.
    seed_sd : float, optional
        Known standard deviation between runs that differ only in the seed; by default it is integrated out
        like the other unknowns.
    reference : float, optional
        The rate to beat; by default the best of the tested ones.

    Returns
    -------
    RateCurve or None
        None for fewer than five distinct rates.

    Notes
    -----
    Squared-exponential kernel, unknown constant mean (integrated out). Length scale, height and seed spread
    are averaged over a grid, weighted by their marginal likelihood: with so few runs a single best value would
    make the band far too narrow. Rasmussen and Williams (2006), chapters 2 and 5.
    """
    usable = np.isfinite(values) & np.isfinite(errors) & (rates > 0)
    x, y, noise = np.log(rates[usable]), values[usable], errors[usable] ** 2
    tested = np.unique(x)
    if tested.size < LEAST_RATES:
        return None
    scale = max(float(y.std(ddof=1)), float(np.sqrt(noise.mean())), 1e-300)
    y, noise = (y - y.mean()) / scale, noise / scale**2
    grid = np.union1d(np.linspace(tested[0], tested[-1], 81), tested)
    if reference is not None:
        grid = np.union1d(grid, [np.log(reference)])
    weights, means, covariances = _posterior(x, y, noise, grid, None if seed_sd is None else seed_sd / scale)
    mean = weights @ means
    spread = np.sqrt(weights @ (np.einsum("hii->hi", covariances) + (means - mean) ** 2))
    best = int(mean.argmin())
    candidates = np.searchsorted(grid, tested if reference is None else [np.log(reference)])
    against = int(candidates[mean[candidates].argmin()])
    contrast = covariances[:, best, best] + covariances[:, against, against]
    contrast = np.maximum(contrast - 2 * covariances[:, best, against], 1e-12)
    chances = ndtr((means[:, against] - means[:, best]) / np.sqrt(contrast))
    centre = float(values[usable].mean())
    return RateCurve(
        best=float(np.exp(grid[best])),
        reference=float(np.exp(grid[against])),
        p_better=float(weights @ chances) if best != against else 0.5,
        rates=np.exp(grid),
        mean=centre + scale * mean,
        low=centre + scale * (mean - 1.96 * spread),
        high=centre + scale * (mean + 1.96 * spread),
    )


def _posterior(
    x: FloatArray, y: FloatArray, noise: FloatArray, grid: FloatArray, seed_sd: float | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights, means and covariances by combination of the unknowns, shapes (c,), (c, grid), (c, grid, grid)."""
    width = float(x.max() - x.min())
    seeds = (0.1, 0.3, 0.7) if seed_sd is None else (seed_sd,)
    logs, means, covariances = [], [], []
    for length in width * np.array([0.2, 0.35, 0.6, 1.0, 2.0]):
        near = np.exp(-0.5 * ((x[:, None] - x[None, :]) / length) ** 2)
        across = np.exp(-0.5 * ((grid[:, None] - x[None, :]) / length) ** 2)
        prior = np.exp(-0.5 * ((grid[:, None] - grid[None, :]) / length) ** 2)
        for height in (0.5, 1.0, 2.0):
            for seed in seeds:
                # The unknown constant mean has a Gaussian prior, which adds a constant to every covariance.
                constant = 4.0
                k = height**2 * near + constant + np.diag(noise + seed**2 + 1e-9)
                root = np.linalg.cholesky(k)
                half = np.linalg.solve(root, y)
                cross = np.linalg.solve(root, (height**2 * across + constant).T)
                logs.append(-0.5 * float(half @ half) - float(np.log(np.diag(root)).sum()))
                means.append(cross.T @ half)
                covariances.append(height**2 * prior + constant - cross.T @ cross)
    weight = np.exp(np.array(logs) - max(logs))
    return weight / weight.sum(), np.array(means), np.array(covariances)
