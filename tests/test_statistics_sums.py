"""A line through a stretch of a long series, and its noise, are the same from sums over blocks as from its values."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.statistics import burn_in, settle, trend, window_mean
from analysis.statistics.block_means import BLOCK
from analysis.statistics.block_sums import Sums
from analysis.statistics.longrun import fit_line

SIZE = 5 * BLOCK + 12_345
RNG = np.random.default_rng(7)
WHITE = RNG.normal(size=SIZE)
SERIES = {
    "noise": 0.3 + 0.025 * WHITE,
    "fall": np.linspace(5.0, 1.0, SIZE) + 0.01 * WHITE,
    "far from zero": 1e6 + WHITE,
    "tiny": 1e-9 * WHITE,
    "dependent": np.convolve(RNG.normal(size=SIZE + 199), 0.95 ** np.arange(200), "valid"),
    "bend": 1 / (1 + np.arange(SIZE) / 1000) + 0.01 * WHITE,
    "jump": np.where(np.arange(SIZE) > 70_000, 0.2, 40.0) + 0.01 * WHITE,
}
STRETCHES = [(0, SIZE), (0, BLOCK), (10, 300), (BLOCK - 5, BLOCK + 9), (123_457, SIZE), (2 * BLOCK, 4 * BLOCK), (7, 9)]


@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize("name", SERIES)
def test_a_line_from_sums_is_the_line_from_values(name: str, stretch: tuple[int, int]) -> None:
    start, stop = stretch
    x = SERIES[name]
    known, found = (fit_line(x[start:stop], sums=sums) for sums in (None, Sums.of(x)[start:][: stop - start]))
    largest = float(np.abs(x).max())
    assert found.mean == pytest.approx(known.mean, rel=1e-12, abs=1e-14 * largest)
    assert found.slope == pytest.approx(known.slope, rel=1e-9, abs=1e-12 * known.s)
    assert found.s == pytest.approx(known.s, rel=1e-9)
    assert found.rho == pytest.approx(known.rho, rel=1e-6, abs=1e-9)
    if stop - start > 100:
        assert found.variance(60) == pytest.approx(known.variance(60), rel=1e-9)
        residual = known.residual[60:]
        assert known.variance(60) == pytest.approx(float(residual.var(ddof=1)), rel=1e-12)


@pytest.mark.parametrize("start", [0, 3, BLOCK, 2 * BLOCK + 1])
@pytest.mark.parametrize("x", [np.full(SIZE, 0.1), np.linspace(3.0, 1.0, SIZE), np.linspace(0.0, 1e5, SIZE)])
def test_what_rounding_leaves_of_an_exact_line_is_no_noise(x: np.ndarray, start: int) -> None:
    line = fit_line(x[start:], sums=Sums.of(x)[start:])
    assert (line.s, line.rho, line.variance(10)) == (0.0, 0.0, 0.0)


def test_noise_that_is_lost_in_a_steep_line_is_taken_from_the_values() -> None:
    x = np.linspace(0.0, 1e9, SIZE) + WHITE
    assert fit_line(x, sums=Sums.of(x)).s == fit_line(x).s == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("name", SERIES)
def test_a_run_settles_to_the_same_with_and_without(name: str) -> None:
    x, steps = SERIES[name], np.arange(1, SIZE + 1)
    assert burn_in(x, steps, sums=Sums.of(x)) == burn_in(x, steps)
    known, found = settle(x, steps), settle(x, steps, sums=Sums.of(x))
    for estimate in (window_mean, trend):
        one, other = estimate(known), estimate(found)
        assert [one.value, one.se, one.df] == pytest.approx([other.value, other.se, other.df], rel=1e-9)


def test_steps_with_gaps_are_looked_up() -> None:
    x, steps = SERIES["fall"], np.arange(SIZE) * 10
    known, found = settle(x, steps), settle(x, steps, sums=Sums.of(x))
    assert known is not None
    assert found is not None
    assert (found.line.slope, found.line.s) == (known.line.slope, known.line.s)
