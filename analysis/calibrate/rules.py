"""The rules under test, and naive rules in common use for contrast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtr

from analysis import statistics as st
from analysis.statistics.estimate import FloatArray

Pair = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Rule:
    """A test of whether two runs differ (or one run has a trend).

    ``p`` takes a pair of runs, shapes (n1,) and (n2,), and returns a p-value; a rule without p-values returns 0 or 1.
    ``lengths`` are the pairs (n1, n2) at which it is tried; a ``single`` rule uses the first run only. The rate of
    false positives of rules with ``ours`` must not exceed ``limit``, or the limit in ``exceptions``, tuples of
    (lengths, rho, limit).
    """

    name: str
    p: Callable[[Pair], float]
    lengths: tuple[tuple[int, int], ...]
    ours: bool = False
    single: bool = False
    limit: float = 0.07
    exceptions: tuple[tuple[tuple[int, int], float, float], ...] = ()

    def label(self, lengths: tuple[int, int]) -> str:
        """Return the lengths as text, such as ``291/560``."""
        return f"{lengths[0]}" if self.single else f"{lengths[0]}/{lengths[1]}"

    def wanted(self, lengths: tuple[int, int], rho: float) -> float | None:
        """Return the highest rate of false positives allowed in a cell; None for rules shown for contrast."""
        if not self.ours:
            return None
        return next((most for at, r, most in self.exceptions if at == lengths and r == rho), self.limit)


def final_point(pair: Pair) -> float:
    """Call runs different whose last values differ by more than 1%."""
    a, b = pair
    return 0.0 if abs(b[-1] / a[-1] - 1) > 0.01 else 1.0


def raw_count(pair: Pair) -> float:
    """Call runs different whose oscillation counts differ by more than 10%."""
    a, b = (st.oscillates(x).sum() for x in pair)
    return 0.0 if abs(b / a - 1) > 0.10 else 1.0


def end_above_start(pair: Pair) -> float:
    """Call a run degraded whose last value is more than 1% above its first."""
    x = pair[0]
    return 0.0 if x[-1] / x[0] > 1.01 else 1.0


def plain_t(pair: Pair) -> float:
    """Compare the last windows by a t-test that treats steps as independent."""
    windows = [x[-max(20, x.size // 5) :] for x in pair]
    sides = [
        st.estimate("loss.window_mean", float(w.mean()), float(w.std(ddof=1)) / sqrt(w.size), w.size - 1, w.size)
        for w in windows
    ]
    return st.difference("loss.window_diff", *sides).p


def newey_west(pair: Pair) -> float:
    """Compare the last windows with Newey-West standard errors (Bartlett weights) and normal quantiles."""
    means, variance = [], 0.0
    for x in pair:
        w = x[-max(20, x.size // 5) :]
        e = w - w.mean()
        lags = int(4 * (w.size / 100) ** (2 / 9))
        gamma = [float(e[lag:] @ e[: e.size - lag]) / e.size for lag in range(lags + 1)]
        long_run = gamma[0] + 2 * sum((1 - lag / (lags + 1)) * gamma[lag] for lag in range(1, lags + 1))
        means.append(float(w.mean()))
        variance += max(long_run, 0.0) / w.size
    return float(2 * ndtr(-abs(means[1] - means[0]) / sqrt(variance))) if variance > 0 else 0.0


def mann_kendall(pair: Pair) -> float:
    """Test one run for a monotone trend by the Mann-Kendall test, normal approximation without ties."""
    x = pair[0]
    n = x.size
    s = float(np.sign(x[None, :] - x[:, None])[np.triu_indices(n, 1)].sum())
    z = (s - np.sign(s)) / sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return float(2 * ndtr(-abs(z)))


def window_difference(pair: Pair) -> float:
    """Compare window means as the report does (loss.window_diff)."""
    return st.difference("loss.window_diff", *(st.window_mean(st.settle(x)) for x in pair)).p


def strict_difference(pair: Pair) -> float:
    """Compare window means in strict mode."""
    return st.difference("loss.window_diff", *(st.window_mean(st.settle(x), strict=True) for x in pair)).p


def slope(pair: Pair) -> float:
    """Test one run for a trend as the report does (loss.trend)."""
    return st.trend(st.settle(pair[0])).p


def noise_difference(pair: Pair) -> float:
    """Compare log s as the report does (noise.ratio)."""
    return st.log_noise_difference(*(st.settle(x) for x in pair)).p


def rate_difference(pair: Pair) -> float:
    """Compare oscillation rates as the report does (osc.diff)."""
    return st.difference("osc.diff", *(st.oscillation_rate(x) for x in pair)).p


def winner(pair: Pair) -> float:
    """Return the smaller of the Holm-adjusted p-values of level and noise, by which the verdict names a winner."""
    return min(st.holm([p if p == p else 1.0 for p in (window_difference(pair), noise_difference(pair))]))


_LONG = (291, 560)

RULES: tuple[Rule, ...] = (
    Rule("rule of thumb: final point differs by > 1%", final_point, (_LONG,)),
    Rule("rule of thumb: oscillation count differs by > 10%", raw_count, (_LONG,)),
    Rule("rule of thumb: end > 1% above start", end_above_start, ((280, 280),), single=True),
    Rule("t-test that ignores autocorrelation", plain_t, (_LONG,)),
    Rule("Newey-West with normal quantiles", newey_west, (_LONG,)),
    Rule("Mann-Kendall trend", mann_kendall, ((291, 291),), single=True),
    Rule("window mean", window_difference, ((30, 30), _LONG), ours=True),
    Rule("window mean, strict", strict_difference, (_LONG,), ours=True),
    Rule("trend", slope, ((60, 60), (291, 291)), ours=True, single=True, exceptions=(((60, 60), 0.9, 0.12),)),
    Rule("noise (log s)", noise_difference, (_LONG,), ours=True),
    Rule("oscillation rate", rate_difference, (_LONG,), ours=True),
    Rule("verdict: a winner between equals", winner, (_LONG, (300, 300)), ours=True, limit=0.05),
)
"""All rules of the table, naive rules first."""
