"""Single-series statistics against hand arithmetic, pandas and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from analysis import statistics as st
from analysis.calibrate.logs import ar_noise


def test_oscillation_counts_only_changes_beyond_one_percent():
    """100 → 100.9 is not more than 1%; 100.9 → 103 and the fall back are."""
    assert st.oscillates(np.array([100.0, 100.9, 103.0, 100.0])).tolist() == [0, 1, 1]


def test_nothing_is_compared_across_a_break_or_from_zero():
    """A break leaves its transition out; so does a zero predecessor."""
    x = np.array([1.0, 2.0, 4.0, 0.0, 3.0])
    breaks = np.array([False, False, True, False, False])
    assert st.oscillates(x, breaks).size == 2
    assert st.oscillates(x).size == 3


def test_oscillation_rate_of_white_noise_is_the_expected_one():
    """The formula for white noise agrees with a long simulated run, and the interval holds it."""
    x = ar_noise(np.random.default_rng(1), 1, 40_000, 0.0)[0]
    rate = st.oscillation_rate(x)
    expected = st.oscillation_rate_of_noise(0.025 / 0.3)
    assert rate.value == pytest.approx(expected, abs=0.01)
    assert rate.low < rate.value < rate.high


def test_rate_interval_is_never_narrower_than_the_binomial_one():
    """The cosine estimator is floored at sqrt(p(1-p)/n)."""
    for x in ar_noise(np.random.default_rng(2), 20, 200, 0.3):
        rate = st.oscillation_rate(x)
        assert rate.se >= np.sqrt(rate.value * (1 - rate.value) / rate.n) * (1 - 1e-12)


def test_rate_of_zero_still_has_an_interval():
    """A flat run has rate 0 with an upper bound above 0, not a certainty."""
    rate = st.oscillation_rate(np.full(50, 0.5))
    assert (rate.value, rate.low) == (0.0, 0.0)
    assert 0 < rate.high < 0.2


def test_white_noise_turns_two_thirds_of_the_time_with_the_known_variance():
    """Mean and spread of the turning rate over many runs are 2/3 and (16n − 29)/90 (as a count)."""
    n = 100
    runs = np.random.default_rng(3).normal(size=(3000, n))
    rates = np.array([st.direction_change_rate(x).value for x in runs])
    assert rates.mean() == pytest.approx(2 / 3, abs=0.003)
    assert (rates * (n - 2)).var() == pytest.approx((16 * n - 29) / 90, rel=0.08)


def test_direction_changes_reject_a_smooth_curve():
    """A slow wave turns far less often than noise, and its p says so."""
    assert st.direction_change_rate(np.sin(np.linspace(0, 6, 200))).p < 1e-6


@pytest.mark.parametrize("window", [2, 3, 20, 33])
def test_rolling_sd_is_pandas_rolling_std(window):
    """Every window over several blocks agrees with pandas to rounding."""
    x = 4 * np.exp(-np.arange(20_000) / 500) + np.random.default_rng(4).normal(size=20_000) * 0.02
    expected = pd.Series(x).rolling(window).std().to_numpy()[window - 1 :]
    assert_allclose(st.rolling_sd(x, window=window), expected, rtol=1e-6, atol=1e-12)


def test_rolling_sd_of_a_constant_is_exactly_zero_and_of_too_little_is_empty():
    """No rounding noise on a flat loss; no window, no value."""
    assert not st.rolling_sd(np.full(10_000, 0.1)).any()
    assert st.rolling_sd(np.arange(19.0)).size == 0


def test_burn_in_ends_where_the_steep_start_ends():
    """A start at four times the level for 20 steps is left out, give or take a few steps."""
    x = ar_noise(np.random.default_rng(5), 1, 400, 0.3)[0]
    x[:20] += 1.0
    assert 20 <= st.burn_in(x) <= 25


def test_noise_and_a_steady_fall_have_no_burn_in():
    """Over 300 runs, at most a few find a burn-in that is not there, with a trend or without."""
    runs = ar_noise(np.random.default_rng(6), 300, 200, 0.3)
    assert np.mean([st.burn_in(x) > 0 for x in runs]) < 0.03
    assert np.mean([st.burn_in(x - 0.002 * np.arange(200)) > 0 for x in runs]) < 0.03


@pytest.mark.parametrize("x", [np.full(100, 0.5), np.arange(100.0), np.arange(3.0), np.empty(0)])
def test_burn_in_of_an_exact_line_is_zero(x):
    """No noise, no departure: nothing to leave out."""
    assert st.burn_in(x) == 0


def test_burn_in_of_a_noiseless_start_is_its_exact_length():
    """Without noise the burn-in is every row that departs from the later line."""
    assert st.burn_in(np.concatenate([[5.0, 4.0, 3.0], np.full(97, 1.0)])) == 3


def test_a_planted_spike_is_found_where_it_is_and_the_rest_is_quiet():
    """+.3 on noise of .025 at one step is the only spike."""
    x = ar_noise(np.random.default_rng(7), 1, 300, 0.6)[0]
    x[123] += 0.3
    spikes = st.find_spikes(x)
    assert spikes.index == (123,)
    assert spikes.height[0] == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("place", [3, 150, 299])
def test_spikes_are_found_at_the_ends_too(place):
    """Only the first three points cannot be judged."""
    x = ar_noise(np.random.default_rng(8), 1, 300, 0.0)[0]
    x[place] += 0.4
    assert place in st.find_spikes(x).index


def test_a_fall_a_step_and_a_ramp_are_no_spikes():
    """Only a value above both of its sides is one."""
    t = np.arange(300)
    noise = ar_noise(np.random.default_rng(9), 1, 300, 0.0)[0] - 0.3
    for base in (0.5 + 3.5 * np.exp(-t / 15), np.where(t < 150, 0.5, 1.5), 0.3 + 0.002 * t):
        assert st.find_spikes(base + noise).index == ()


def test_spike_threshold_widens_with_heavy_tails():
    """Skewed noise needs a higher spike than normal noise does."""
    rng = np.random.default_rng(10)
    skewed = np.median([st.find_spikes(rng.exponential(size=400)).threshold for _ in range(50)])
    normal = np.median([st.find_spikes(rng.normal(size=400)).threshold for _ in range(50)])
    assert skewed > 1.3 * normal


def test_spikes_are_rare_in_noise():
    """At most 2% of 400 noise-only runs show one."""
    runs = ar_noise(np.random.default_rng(11), 400, 300, 0.3)
    assert np.mean([bool(st.find_spikes(x).index) for x in runs]) <= 0.02


@pytest.mark.parametrize("x", [np.full(50, 0.5), np.empty(0), np.arange(5.0), np.arange(50.0)])
def test_constant_short_and_exact_series_have_no_spikes(x):
    """Nothing to stand out from."""
    assert st.find_spikes(x).index == ()


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-500, 2.0**500, 2.0**1000])
def test_rolling_spread_holds_at_any_magnitude(scale: float) -> None:
    """Squares that overflow or vanish do not matter: the result is that of the same numbers near one, scaled."""
    x = 1 + 0.1 * np.random.default_rng(3).standard_normal(100)
    near_one = np.array([x[i : i + 20].std(ddof=1) for i in range(81)])
    assert_allclose(st.rolling_sd(x * scale) / scale, near_one, rtol=1e-9)
