"""Counts, validation sets, seeds and the learning-rate curve against independent oracles."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from analysis import statistics as st


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 7), (168, 192), (192, 192)])
def test_wilson_is_statsmodels(hits, n):
    """Interval of a proportion, at the ends too."""
    e = st.wilson(hits, n)
    assert_allclose((e.low, e.high), proportion_confint(hits, n, method="wilson"), atol=1e-12)


def test_design_effect_widens_the_interval_as_fewer_predictions_would():
    """n / deff predictions, the same proportion."""
    e, fewer = st.wilson(160, 200, deff=2.0), st.wilson(80, 100)
    assert (e.low, e.high) == pytest.approx((fewer.low, fewer.high))


def test_difference_of_proportions_is_newcombes_and_the_pooled_z_test():
    """Interval and p agree with statsmodels; swapping flips the sign."""
    d = st.proportion_difference(st.wilson(40, 90), st.wilson(60, 100))
    interval = confint_proportions_2indep(60, 100, 40, 90, method="newcomb", compare="diff")
    assert_allclose((d.low, d.high), interval, atol=1e-12)
    assert d.p == pytest.approx(proportions_ztest([60, 40], [100, 90])[1])
    back = st.proportion_difference(st.wilson(60, 100), st.wilson(40, 90))
    assert (back.value, back.low, back.high) == pytest.approx((-d.value, -d.high, -d.low))


def test_tokens_are_found_from_float32_accuracies_and_partial_batches_stand_out():
    """The least common multiple survives rounding to float32; 38/45 is no fraction of 192."""
    rng = np.random.default_rng(0)
    accuracy = (rng.binomial(192, 0.86, 50) / 192).astype(np.float32).astype(float)
    tokens = st.tokens_per_batch(accuracy, batch=64)
    assert tokens.per_batch == 192
    assert tokens.correct(38 / 45) is None
    assert tokens.correct(float("nan")) is None


def test_varying_batches_are_not_resolved():
    """Token counts that vary from batch to batch, or random numbers, give no count and a reason."""
    rng = np.random.default_rng(1)
    varying = np.array([rng.binomial(n, 0.8) / n for n in rng.integers(900, 1100, 60)])
    for accuracy in (varying, rng.uniform(0.7, 0.9, 60), np.full(10, 0.5), np.empty(0)):
        tokens = st.tokens_per_batch(accuracy)
        assert tokens.per_batch is None
        assert tokens.reason


def test_tokens_must_fit_the_batch_size():
    """192 predictions cannot come from 50 examples of equal length."""
    accuracy = np.array([150, 151, 160, 163, 170]) / 192
    assert st.tokens_per_batch(accuracy, batch=50).per_batch is None


def test_design_effect_of_binomial_accuracies_is_one_and_of_clustered_ones_the_cluster_size():
    """Independent tokens: about 1. Groups of four equal tokens: about 4."""
    rng = np.random.default_rng(2)
    assert st.design_effect(rng.binomial(200, 0.8, 3000) / 200, 200) == pytest.approx(1.0, abs=0.1)
    assert st.design_effect(rng.binomial(50, 0.8, 3000) / 50, 200) == pytest.approx(4.0, rel=0.1)


def test_full_validation_error_is_that_of_the_mean_over_the_set():
    """Minibatches of 50 examples with sd 1 each: a set of 5,000 has SE 1/sqrt(5000)."""
    rng = np.random.default_rng(3)
    minibatches = st.settle(0.5 + rng.normal(size=(4000, 50)).mean(axis=1))
    e = st.full_validation(0.5, minibatches, batch=50, n_valid=5000)
    assert e.se == pytest.approx(1 / np.sqrt(5000), rel=0.05)
    assert st.required_examples(minibatches, batch=50, effect=0.1) == pytest.approx(2 * 28**2, rel=0.08)


@pytest.mark.parametrize("value", [float("nan"), 0.5])
def test_full_validation_without_minibatches_has_no_interval(value):
    """Its sampling error is unknown, and said to be."""
    e = st.full_validation(value, None, batch=64, n_valid=1000)
    assert not e.known
    assert e.reason


def test_paired_difference_is_scipys_paired_t():
    """Per-example losses of two models on the same examples."""
    rng = np.random.default_rng(4)
    a = rng.exponential(size=200)
    b = a + rng.normal(0.01, 0.05, 200)
    oracle = stats.ttest_rel(b, a)
    ours = st.paired_difference(a, b)
    interval = oracle.confidence_interval()
    assert (ours.p, ours.low, ours.high) == pytest.approx((oracle.pvalue, interval.low, interval.high))


def test_one_run_per_arm_gives_no_seed_comparison():
    """The seed is the unit: one of them shows no spread."""
    d = st.seed_difference(np.array([0.3]), np.array([0.31, 0.32]))
    assert not d.known
    assert d.value == pytest.approx(0.015)


def test_seed_difference_is_wrong_as_seldom_as_it_says():
    """Three seeds an arm without a difference: about 5% of 2,000 comparisons are significant."""
    draws = np.random.default_rng(5).normal(size=(2000, 2, 3))
    assert np.mean([st.seed_difference(a, b).p < 0.05 for a, b in draws]) <= 0.06


@pytest.mark.parametrize("n", [4, 5, 7, 8, 13])
def test_interquartile_mean_is_scipys_trimmed_mean(n):
    """As rliable computes it."""
    x = np.random.default_rng(n).normal(size=n)
    assert st.interquartile_mean(x) == pytest.approx(stats.trim_mean(x, 0.25))


def test_probability_of_improvement_is_the_mann_whitney_statistic():
    """U over the number of pairs, ties one half; direction turns it round."""
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 5, 8).astype(float), rng.integers(1, 6, 9).astype(float)
    u = stats.mannwhitneyu(b, a).statistic / (a.size * b.size)
    up = st.probability_of_improvement(a, b, lower_is_better=False, rng=rng)
    down = st.probability_of_improvement(a, b, lower_is_better=True, rng=rng)
    assert (up.value, down.value) == pytest.approx((u, 1 - u))
    assert up.low <= up.value <= up.high


def test_bootstraps_follow_the_generator_they_are_given():
    """Same seed, same interval."""
    a, b = np.random.default_rng(7).normal(size=(2, 8))
    first, second = (st.iqm_difference(a, b, rng=np.random.default_rng(8)) for _ in range(2))
    assert first == second
    assert st.seed_iqm(a, rng=np.random.default_rng(9)).known


def test_required_sizes_are_the_power_formula():
    """ceil(2 (2.8 tau/delta)²); a paired design needs half; nonsense gives None."""
    assert st.required_size(0.02, 0.01) == int(np.ceil(2 * (2.8015852 * 2) ** 2))
    assert st.required_size(0.02, 0.01, paired=True) == int(np.ceil((2.8015852 * 2) ** 2))
    assert st.required_size(0.02, 0.0) is None
    assert st.required_size(float("nan"), 1.0) is None


def test_learning_rate_curve_finds_the_valley():
    """A parabola in log lr sampled at seven rates: the best is near its foot and surely better than the ends."""
    rates = np.array([1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2])
    truth = 0.3 + 0.02 * (np.log10(rates) + 3.5) ** 2
    values = truth + 0.002 * np.random.default_rng(10).normal(size=7)
    curve = st.rate_curve(rates, values, np.full(7, 0.002), seed_sd=0.001, reference=1e-5)
    assert curve is not None
    assert 1.5e-4 < curve.best < 7e-4
    assert curve.p_better > 0.95
    assert (curve.low < curve.high).all()


def test_learning_rate_curve_without_a_difference_recommends_nothing():
    """Flat truth: P(better) than the best tested rate stays below .8 in at least 95 of 100 sets."""
    rng = np.random.default_rng(11)
    rates = np.geomspace(1e-5, 1e-2, 6)
    chances = [
        curve.p_better
        for _ in range(100)
        for curve in [st.rate_curve(rates, 0.3 + 0.01 * rng.normal(size=6), np.full(6, 0.01))]
        if curve is not None
    ]
    assert len(chances) == 100
    assert np.mean(np.array(chances) > 0.8) <= 0.05


def test_learning_rate_curve_needs_five_rates():
    """Four different rates, however many runs, are too few."""
    rates = np.array([1e-4, 1e-4, 2e-4, 3e-4, 4e-4])
    assert st.rate_curve(rates, np.ones(5), np.ones(5)) is None


def test_evidence_for_a_million_steps_is_quick():
    """Everything asked of one run of 10^6 steps works and stays well inside a generous bound."""
    from time import perf_counter

    x = 0.3 + 0.025 * np.random.default_rng(12).normal(size=1_000_000)
    start = perf_counter()
    run = st.settle(x)
    results = [st.window_mean(run), st.trend(run), st.noise(run), st.oscillation_rate(x)]
    st.direction_change_rate(x)
    st.rolling_sd(x)
    st.find_spikes(x)
    assert all(e.known for e in results)
    assert perf_counter() - start < 5
