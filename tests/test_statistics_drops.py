"""A level that drops with the learning rate: its noise, and what its end says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from analysis import statistics as st
from analysis.statistics.drops import without_drops

N, SD = 1_000, 0.025


def _curve(rng: np.random.Generator, *drops: float) -> np.ndarray:
    """Noise about .3, before each drop at a share of the run .07 higher; shape (1000,)."""
    t = np.arange(N) / N
    return 0.3 + 0.07 * sum(t < at for at in drops) + SD * rng.standard_normal(N)


def test_a_drop_before_the_last_window_is_no_noise() -> None:
    """The error of the level is that of the noise alone, as of a curve without a drop."""
    rng = np.random.default_rng(1)
    flat, stepped = (
        [st.window_mean(st.settle(_curve(rng, *drops))) for _ in range(60)] for drops in ((), (0.55, 0.75))
    )
    known = [[e for e in estimates if e.known] for estimates in (flat, stepped)]
    assert min(map(len, known)) >= 54
    assert np.median([e.se for e in known[1]]) < 1.25 * np.median([e.se for e in known[0]])
    held = [e.low <= 0.3 <= e.high for e in known[1]]
    assert np.mean(held) >= 0.9


def test_the_mean_across_a_drop_is_no_level() -> None:
    """Two schedules that end alike and drop at other steps of the last window would else differ."""
    rng = np.random.default_rng(2)
    late = [st.window_mean(st.settle(_curve(rng, 0.6, at))) for at in (0.85, 0.9) for _ in range(40)]
    assert np.mean([e.known for e in late]) <= 0.5
    assert {e.reason for e in late if not e.known} == {
        "the level drops within the last window, as where the learning rate does"
    }


@pytest.mark.parametrize(("n", "times"), [(500, 200), (20_000, 60)])
@pytest.mark.parametrize("tails", ["normal", "heavy"])
def test_noise_has_no_drops(n: int, times: int, tails: str) -> None:
    """Jumps are held against the usual jump of the same curve, and against how many there are; a spike is none."""
    rng = np.random.default_rng(3)
    for rho in (0.0, 0.6, 0.9):
        found = 0
        for _ in range(times):
            e = rng.standard_normal(n) if tails == "normal" else rng.standard_t(3, n)
            found += bool(without_drops(lfilter([1.0], [1.0, -rho], e), np.arange(n))[1])
        assert found <= 0.05 * times + 2, rho
