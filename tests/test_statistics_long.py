"""Long runs: summing in pieces and judging by a sample change no number and lose no spike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import median_filter

from analysis import statistics as st
from analysis.statistics import series, spikes
from analysis.statistics.longrun import fit_line

PIECE = 8192
"""Rows that are summed at once."""

SIZES = [1, 2, 3, 5, 20, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 19, 2 * PIECE + 20, 200_000]


def wave(n: int) -> np.ndarray:
    """A falling, bent, autocorrelated series with a level far from zero."""
    rng = np.random.default_rng(n)
    t = np.arange(n) / max(n, 2)
    return 7.0 - t + t * t + np.convolve(rng.standard_t(5, n + 2), [0.02, 0.01, 0.005], mode="valid")


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_a_line_is_that_of_numpys_own_least_squares(n: int, curved: bool) -> None:
    """Slope, noise, autocorrelation, tails and residual agree with numpy's own least squares."""
    x, t = wave(n), np.cumsum(np.random.default_rng(1).integers(1, 4, n))
    line = fit_line(x, t, curved=curved)
    degree = min(2 if curved and n > 4 else 1, n - 1)
    u = (t - t.mean()) / max(t.std(), 1)
    e = x - np.polynomial.Polynomial.fit(u, x, degree, domain=[-1, 1])(u)
    assert_allclose(line.residual, e, atol=1e-11)
    assert_allclose(line.scores, e * (t - t.mean()), atol=1e-10 * n)
    if n < 20:
        return
    assert line.slope == pytest.approx(np.polynomial.Polynomial.fit(t, x, 1).convert().coef[1], rel=1e-9)
    assert line.s == pytest.approx(np.sqrt(e @ e / (n - 1 - degree)), rel=1e-9)
    r = e[:-1] @ e[1:] / (e @ e)
    assert line.rho == pytest.approx(np.clip(r + (degree + 1 + (degree + 3) * r) / n, 0, 0.98), rel=1e-9)
    squares = (e / line.s) ** 2 - np.mean((e / line.s) ** 2)
    assert line.tails == pytest.approx((squares.var(), squares[:-1] @ squares[1:] / (squares @ squares)), rel=1e-8)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_whole_steps_need_no_conversion(kind: type) -> None:
    """Steps as the run table has them give what the same steps as floats give."""
    steps = np.arange(5, 3005, 3).astype(kind)
    run = st.settle(wave(1000), steps)
    assert st.trend(run) == st.trend(st.settle(wave(1000), steps.astype(np.float64)))


@pytest.mark.parametrize("n", [n for n in SIZES if n > 1])
def test_transitions_and_turns_are_those_of_the_definitions(n: int) -> None:
    """Zeros and breaks included."""
    x = np.round(wave(n), 2)
    x[[i for i in (0, PIECE - 1, PIECE, n - 1) if i < n]] = 0.0
    breaks = np.zeros(n, dtype=bool)
    breaks[[i for i in (1, PIECE, PIECE + 1) if i < n]] = True
    pairs = [(a, b) for a, b, cut in zip(x, x[1:], breaks[1:], strict=False) if a != 0 and not cut]
    assert st.oscillates(x, breaks).tolist() == [abs(b / a - 1) > 0.01 for a, b in pairs]
    turns = [
        (b - a) * (c - b) < 0
        for a, b, c, p, q in zip(x, x[1:], x[2:], breaks[1:], breaks[2:], strict=False)
        if not (p or q)
    ]
    if len(turns) >= 3:
        assert st.direction_change_rate(x, breaks).value == pytest.approx(np.mean(turns))


@pytest.mark.parametrize("n", SIZES)
def test_rolling_deviations_are_those_of_all_windows(n: int) -> None:
    """They are made in pieces: nothing is left out and nothing counted twice."""
    x = wave(n)
    windows = np.lib.stride_tricks.sliding_window_view(x, min(20, n)).std(axis=1, ddof=1) if n > 19 else np.empty(0)
    assert_allclose(st.rolling_sd(x), windows, rtol=1e-9)


def heights(x: np.ndarray) -> np.ndarray:
    """Height of inner points above the higher of the medians of ten points before and after, by a filter."""
    medians = median_filter(x, 10)
    return x[10:-10] - np.maximum(medians[5:-15], medians[16:-4])


@pytest.mark.parametrize("stride", [1, 2, 3, 7, 10, 11, 64])
def test_no_point_above_its_bar_is_passed_over(stride: int) -> None:
    """Whatever the noise and wherever the bar lies, every point that stands above it is among the candidates."""
    rng = np.random.default_rng(stride)
    for n in (1000, 1001, 1007, 2049):
        for x in (
            rng.normal(size=n),
            rng.standard_t(2, n),
            np.cumsum(rng.normal(size=n)),
            np.round(rng.normal(size=n)),
        ):
            starts = np.arange(0, n, stride)
            bar = rng.uniform(0, 4, starts.size)
            high = np.flatnonzero(heights(x) > bar[np.arange(10, n - 10) // stride]) + 10
            assert set(high) <= set(spikes._above(x, starts, bar))


@pytest.mark.parametrize("n", [200_003, 399_999, 1_000_017])
def test_every_spike_of_a_long_run_is_found_where_it_is(n: int) -> None:
    """The spread comes from a sample of the points; spikes are found between them, at both ends, side by side."""
    x = 0.3 + 0.025 * np.random.default_rng(n).normal(size=n)
    planted = [3, 57, 1234, n // 2, n // 2 + 1, n - 11, n - 1]
    x[planted] += 0.4
    spikes = st.find_spikes(x)
    assert spikes.index == tuple(planted)
    assert spikes.height == pytest.approx(x[planted] - 0.3, abs=0.05)


def test_long_noise_shows_no_spike_and_falling_noise_neither() -> None:
    """The threshold that grows with the length holds for a sampled spread too, also where noise dwindles."""
    rng = np.random.default_rng(4)
    for _ in range(5):
        x = rng.normal(size=300_000)
        assert st.find_spikes(x).index == ()
        assert st.find_spikes(x * np.geomspace(10, 1, x.size) + np.geomspace(100, 1, x.size)).index == ()


def test_burn_in_of_a_long_run_ends_at_the_next_place() -> None:
    """A start at another level is left out to within two of the places at which a burn-in may end."""
    n = 1_000_003
    x = 0.3 + 0.025 * np.random.default_rng(5).normal(size=n)
    assert st.burn_in(x) == 0
    x[:30_001] += 0.1
    assert 30_001 <= st.burn_in(x) <= 30_001 + 2 * (n // 4 // series.BURN_IN_PLACES + 1)


@pytest.mark.parametrize("level", [1e6, 1e9])
def test_a_high_level_takes_no_digits_of_the_noise(level: float) -> None:
    """Held against the same in extended precision."""
    x = level + 1e-3 * np.random.default_rng(3).normal(size=24)
    exact, t = x.astype(np.longdouble), np.arange(24, dtype=np.longdouble)
    y, u = exact - exact.mean(), t - t.mean()
    left = y - (u @ y) / (u @ u) * u
    assert fit_line(x).s == pytest.approx(float(np.sqrt(left @ left / 22)), rel=1e-9)


def test_an_exact_parabola_is_no_noise() -> None:
    u = np.arange(1001) - 500.0
    x = u * u - (u * u).mean() + 1e-3
    line = fit_line(x, np.arange(1, 1002), curved=True)
    assert (line.s, line.rho) == (0.0, 0.0)


def test_a_jump_spoils_the_rolling_deviations_of_its_own_neighbourhood_only() -> None:
    """Where two levels meet in one block, what is small beside the jump is lost, and nowhere else."""
    noise = 1e-4 * np.random.default_rng(4).normal(size=80_000)
    found = st.rolling_sd(np.where(np.arange(80_000) < 40_000, 1e4, 1.0) + noise)
    far = np.abs(np.arange(found.size) - 40_000) > 10_000
    assert found[far] == pytest.approx(st.rolling_sd(noise)[far], rel=0.01)
