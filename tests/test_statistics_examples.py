"""Scores by example: errors, tests and intervals against scipy, statsmodels and published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from analysis import statistics as st
from analysis.statistics.examples import MOST_RESAMPLED


def answers(both: int, lost: int, won: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong answers of two models with these counts."""
    one = np.repeat([1.0, 1.0, 0.0, 0.0], [both, lost, won, neither])
    two = np.repeat([1.0, 0.0, 1.0, 0.0], [both, lost, won, neither])
    return one, two


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        ((1, 1, 7, 12), (0.026, 0.507)),  # Bentur et al. 2009, in Fagerland, Lydersen and Laake 2014
        ((36, 2, 12, 0), (0.0569, 0.3404)),  # Newcombe 1998, Table II
    ],
)
def test_the_interval_is_the_published_one(counts: tuple[int, int, int, int], interval: tuple[float, float]) -> None:
    """Method 10 of Newcombe 1998 on examples that others have worked out."""
    found = st.paired_shares(*answers(*counts))
    assert (found.low, found.high) == pytest.approx(interval, abs=6e-4)


@pytest.mark.parametrize(
    "counts", [(50, 3, 9, 20), (500, 80, 61, 300), (10, 0, 5, 0), (5, 5, 5, 5), (4000, 900, 700, 100)]
)
def test_mcnemar_is_that_of_statsmodels(counts: tuple[int, int, int, int]) -> None:
    """Exact for fewer than 200 differing answers, else the chi-square without correction."""
    both, lost, won, neither = counts
    exact = lost + won < 200
    oracle = mcnemar([[both, lost], [won, neither]], exact=exact, correction=False)
    assert st.paired_shares(*answers(*counts)).p == pytest.approx(oracle.pvalue, rel=1e-9)


def test_equal_answers_show_no_difference_and_yet_an_interval() -> None:
    """All right in both: the difference is zero, and how far it might be from it still depends on the number."""
    few, many = (st.paired_shares(*answers(n, 0, 0, 0)) for n in (10, 1000))
    assert few.value == many.value == 0.0
    assert few.p == many.p == 1.0
    assert few.low < many.low < 0 < many.high < few.high
    assert few.se > many.se > 0


def test_a_paired_difference_is_that_of_scipy() -> None:
    """Student's t of the differences."""
    rng = np.random.default_rng(1)
    one, two = rng.gamma(2, 1, 300), rng.gamma(2, 1.1, 300)
    found, oracle = st.paired_difference(one, two), stats.ttest_rel(two, one)
    bounds = oracle.confidence_interval()
    assert (found.p, found.low, found.high) == pytest.approx((oracle.pvalue, bounds.low, bounds.high), rel=1e-9)


def test_clustered_errors_are_those_of_statsmodels() -> None:
    """A regression on a constant with cluster-robust errors is the mean with its clustered error."""
    rng = np.random.default_rng(2)
    clusters = rng.integers(0, 25, 400)
    scores = rng.normal(size=400) + rng.normal(size=25)[clusters]
    oracle = sm.OLS(scores, np.ones(400)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    found = st.example_mean("examples.level", scores, clusters=clusters)
    assert found.se == pytest.approx(float(oracle.bse[0]), rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(oracle.conf_int()[0]), rel=1e-9)


def test_weighted_errors_are_those_of_statsmodels() -> None:
    """The linearised variance of a weighted mean, with n / (n - 1)."""
    rng = np.random.default_rng(3)
    scores, weights = rng.normal(size=200), rng.uniform(0.2, 3, 200)
    oracle = sm.WLS(scores, np.ones(200), weights=weights).fit(cov_type="HC1")
    found = st.example_mean("examples.level", scores, weights=weights)
    assert (found.value, found.se) == pytest.approx((float(oracle.params[0]), float(oracle.bse[0])), rel=1e-9)


def test_ignoring_clusters_would_be_too_sure() -> None:
    """Ten questions of a passage that stand or fall together are worth one: the interval is some √10 times as wide."""
    rng = np.random.default_rng(4)
    passages = np.repeat(rng.random(60) < 0.7, 10).astype(float)
    labels = np.repeat(np.arange(60), 10)
    alone, together = st.share_of_examples(passages), st.share_of_examples(passages, clusters=labels)
    assert together.half_width / alone.half_width == pytest.approx(math.sqrt(10), rel=0.05)
    assert together.n_eff == pytest.approx(59, rel=0.05)


def test_few_examples_are_never_significant() -> None:
    """Five examples that all improved by the same amount: of 32 changes of sign two are as extreme."""
    found = st.paired_difference(np.zeros(5), np.full(5, 0.1))
    assert found.p == pytest.approx(2 / 32)
    assert not st.paired_difference(np.zeros(1), np.ones(1)).known
    assert st.paired_shares(*answers(0, 0, 1, 0)).p == 1.0


def test_the_bootstrap_agrees_with_t_where_both_hold() -> None:
    """Percentile intervals of 500 examples, with and without clusters, lie within a tenth of a width of those of t."""
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(100), 5)
    one = rng.normal(size=500)
    two = one + 0.1 + rng.normal(size=500) + np.repeat(rng.normal(size=100), 5)
    for labels in (None, clusters):
        by_t = st.paired_difference(one, two, clusters=labels)
        drawn = st.bootstrap_difference(one, two, clusters=labels, rng=np.random.default_rng(0))
        assert drawn.value == pytest.approx(by_t.value)
        assert (drawn.low, drawn.high) == pytest.approx((by_t.low, by_t.high), abs=0.2 * by_t.half_width)
    assert not st.bootstrap_difference(
        np.zeros(MOST_RESAMPLED + 1), np.ones(MOST_RESAMPLED + 1), rng=np.random.default_rng(0)
    ).known


def test_the_mean_of_two_tasks_is_half_of_welchs_difference() -> None:
    """The error of a mean of independent parts is that of a sum: of two of them as in Welch's test."""
    rng = np.random.default_rng(6)
    parts = [rng.normal(1, 1, 30), rng.normal(0, 3, 80)]
    levels = [st.example_mean("examples.level", part) for part in parts]
    oracle = stats.ttest_ind(parts[0], -parts[1], equal_var=False)
    found = st.mean_of("examples.mean_of_tasks", levels, tested=True)
    assert (found.p, found.df) == pytest.approx((oracle.pvalue, oracle.df), rel=1e-9)


# Known winner and no winner.

PAIRS = 400


def _shares(rng: np.random.Generator, n: int, *, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two models that share the difficulty of the questions."""
    hard = rng.normal(size=n)
    return (hard + 0.8 * rng.normal(size=n) > 0.0).astype(float), (
        hard + 0.8 * rng.normal(size=n) + shift > 0.0
    ).astype(float)


def _losses(rng: np.random.Generator, n: int, *, shift: float) -> tuple[np.ndarray, np.ndarray]:
    hard = rng.gamma(0.7, 1.5, n)
    return hard * rng.lognormal(0, 0.3, n), hard * rng.lognormal(-shift, 0.3, n)


@pytest.mark.parametrize("n", [30, 300, 3000])
def test_no_winner_between_equal_models(n: int) -> None:
    """Shares, skewed losses, and answers of passages: at most 7% of 400 pairs, nominal 5%."""
    rng = np.random.default_rng(n)
    labels = np.repeat(np.arange(n // 5), 5)
    found = {"shares": 0, "losses": 0, "clusters": 0}
    for _ in range(PAIRS):
        found["shares"] += st.paired_shares(*_shares(rng, n, shift=0.0)).p <= 0.05
        found["losses"] += st.paired_difference(*_losses(rng, n, shift=0.0)).p <= 0.05
        passage = np.repeat(rng.normal(size=n // 5), 5)
        one, two = rng.normal(size=n), rng.normal(size=n) + passage
        found["clusters"] += st.paired_difference(one, two, clusters=labels).p <= 0.05
    assert max(found.values()) <= 0.075 * PAIRS, found


def test_a_winner_is_found_as_often_as_promised() -> None:
    """A difference that is said to show with 80% power is found in 74 to 90% of pairs, with the right sign."""
    rng = np.random.default_rng(8)
    size = st.paired_shares(*_shares(rng, 200_000, shift=0.17)).value
    spread = np.mean([st.paired_shares(*_shares(rng, 1000, shift=0.17)).se for _ in range(20)]) * math.sqrt(1000)
    n = st.required_size(float(spread), size, paired=True)
    assert n is not None
    found = [st.paired_shares(*_shares(rng, n, shift=0.17)) for _ in range(PAIRS)]
    assert 0.74 * PAIRS <= sum(e.p <= 0.05 and e.value > 0 for e in found) <= 0.9 * PAIRS


def test_intervals_hold_the_truth() -> None:
    """Newcombe's paired interval of 60 and 600 answers covers in 92 to 98%."""
    rng = np.random.default_rng(9)
    truth = st.paired_shares(*_shares(rng, 2_000_000, shift=0.3)).value
    for n in (60, 600):
        found = [st.paired_shares(*_shares(rng, n, shift=0.3)) for _ in range(PAIRS)]
        assert 0.92 * PAIRS <= sum(e.low <= truth <= e.high for e in found) <= 0.985 * PAIRS


def test_pairing_finds_what_two_levels_cannot() -> None:
    """On the same questions the error is smaller than that of two independent sets."""
    one, two = _shares(np.random.default_rng(10), 1000, shift=0.15)
    paired, apart = st.paired_shares(one, two), st.share_difference(*map(st.share_of_examples, (one, two)))
    assert paired.value == pytest.approx(apart.value)
    assert paired.half_width < 0.85 * apart.half_width
