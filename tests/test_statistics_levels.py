"""Window means, trends and noise: oracles, coverage, known winners and the reference figures."""

from __future__ import annotations

from math import log, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis import statistics as st
from analysis.calibrate.logs import LEVEL, ar_noise
from analysis.findings.definitions import DEFINITIONS
from analysis.statistics.longrun import batch_variance, cosine_variance, fit_line

REFERENCE = Path(__file__).parents[1].parent / "shared" / "reference" / "runs"


def test_line_is_statsmodels_ols():
    """Slope, residual and s agree with an independent least-squares fit."""
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.integers(1, 4, 80)).astype(float)
    x = 0.4 - 0.001 * t + 0.02 * rng.normal(size=80)
    oracle = sm.OLS(x, sm.add_constant(t)).fit()
    line = fit_line(x, t)
    assert line.slope == pytest.approx(oracle.params[1])
    assert line.s == pytest.approx(sqrt(oracle.scale))
    assert sqrt(line.s**2 / line.spread) == pytest.approx(oracle.bse[1])


def test_cosine_variance_is_the_sum_it_says():
    """The fast transform gives the projections of the definition, one by one."""
    e = np.random.default_rng(1).normal(size=150)
    size, nu = e.size, int(0.4 * 150 ** (2 / 3))
    t = np.arange(1, size + 1)
    projections = [sqrt(2 / size) * np.sum(e * np.cos(np.pi * j * (t - 0.5) / size)) for j in range(1, nu + 1)]
    assert cosine_variance(e) == (pytest.approx(np.mean(np.square(projections))), nu)


def test_long_run_variances_find_that_of_an_autoregression():
    """AR(1) .6 has four times the variance in the long run; both estimators see it on average."""
    runs = ar_noise(np.random.default_rng(2), 300, 2000, 0.6) - 0.3
    truth = 0.025**2 * 1.6 / 0.4
    assert np.mean([cosine_variance(e)[0] for e in runs]) == pytest.approx(truth, rel=0.1)
    assert np.mean([batch_variance(e)[0] * 6 / 7 for e in runs]) == pytest.approx(truth, rel=0.1)


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_lag_one_correlation_is_unbiased_enough(rho):
    """The correction brings the mean estimate to within .02 of the truth in 200 points."""
    runs = ar_noise(np.random.default_rng(3), 400, 200, rho)
    t = np.arange(200.0)
    # Clipping at 0 lifts the mean of estimates around 0 by half their spread.
    assert np.mean([fit_line(x, t).rho for x in runs]) == pytest.approx(rho + 0.03 * (rho == 0), abs=0.02)


def test_window_is_a_fifth_and_twenty_at_least():
    """W = max(20, .2 n) of what is left after burn-in."""
    for n, w in ((15, 15), (60, 20), (560, 112)):
        run = st.settle(ar_noise(np.random.default_rng(4), 1, n, 0.0)[0])
        assert run is not None
        assert run.window == w


def test_window_mean_has_the_larger_of_its_errors():
    """Neither sd/sqrt(n_eff) nor the cosine error, both about a parabola at the end, may exceed the one given."""
    for x in ar_noise(np.random.default_rng(5), 30, 300, 0.3):
        run = st.settle(x)
        assert run is not None
        e = st.window_mean(run)
        t = np.arange(max(120, int(2.5 * e.n)))
        left = run.x[-t.size :] - np.polyval(np.polyfit(t, run.x[-t.size :], 2), t)
        first = sqrt(left @ left / (t.size - 3)) / sqrt(e.n_eff)
        second = sqrt(cosine_variance(left)[0] / e.n)
        assert e.se == pytest.approx(max(first, second))
        assert st.window_mean(run, strict=True).se >= e.se


def test_a_window_worth_fewer_than_five_points_gives_no_interval():
    """Strong autocorrelation in a short run: the value stands, the interval does not, with a reason."""
    x = np.cumsum(np.random.default_rng(6).normal(size=60))
    e = st.window_mean(st.settle(x))
    assert not e.known
    assert np.isfinite(e.value)
    assert "independent" in str(e.reason)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_intervals_cover_the_truth(rho):
    """Window mean, trend and noise hold the truth in 93 to 98% of 500 runs, allowing 2 standard errors."""
    runs = [st.settle(x) for x in ar_noise(np.random.default_rng(7), 500, 291, rho)]
    for interval, truth in ((st.window_mean, 0.3), (st.trend, 0.0), (st.noise, 0.025)):
        held = np.mean([e.low <= truth <= e.high for e in map(interval, runs)])
        assert 0.93 - 0.02 <= held <= 0.98 + 0.02, interval.__name__


def test_trend_finds_a_planted_slope_and_its_sign():
    """-0.01 per 100 steps is estimated, significant and per 100 steps even at a stride of 10."""
    x = ar_noise(np.random.default_rng(8), 1, 1000, 0.3)[0]
    t = np.arange(0.0, 10_000.0, 10.0)
    e = st.trend(st.settle(x - 1e-4 * t, t))
    assert e.value == pytest.approx(-0.01, abs=0.001)
    assert e.p < 1e-6
    assert e.low < -0.01 < e.high


def test_a_known_winner_is_found_and_swapping_flips_only_the_sign():
    """A shift of three times the window's error is significant; the other way round it is its mirror image."""
    a, b = ar_noise(np.random.default_rng(9), 2, 600, 0.3)
    left, right = st.window_mean(st.settle(a)), st.window_mean(st.settle(b + 0.03))
    there = st.difference("loss.window_diff", left, right)
    back = st.difference("loss.window_diff", right, left)
    assert there.p < 0.01
    assert (there.value, there.low, there.high, there.p) == pytest.approx((-back.value, -back.high, -back.low, back.p))


def test_halves_of_one_long_run_do_not_differ():
    """Over 200 stationary runs cut in two, level and noise differ in about one in twenty."""
    runs = ar_noise(np.random.default_rng(10), 200, 600, 0.3)
    levels, noises = [], []
    for x in runs:
        a, b = st.settle(x[:300]), st.settle(x[300:])
        levels.append(st.difference("loss.window_diff", st.window_mean(a), st.window_mean(b)).p)
        noises.append(st.log_noise_difference(a, b).p)
    assert np.mean(np.array(levels) < 0.05) <= 0.08
    assert np.mean(np.array(noises) < 0.05) <= 0.09


@pytest.mark.parametrize(
    ("shape", "most"),
    [
        (lambda t: 1 + 0 * t, 0.09),
        (lambda t: 0.5 + np.exp(-3 * t), 0.09),
        (lambda t: 0.6 + 0.4 * np.cos(np.pi * t), 0.09),
        (lambda t: 1 - 0.3 * (t > 0.5) - 0.1 * (t > 0.75), 0.2),
    ],
    ids=["straight", "exponential", "cosine", "two drops"],
)
def test_the_shape_of_a_curve_is_no_noise(shape, most):
    """One noise about a curve and about a straight line of another length: equal, and never beyond a quarter."""
    rng = np.random.default_rng(21)
    ratios = []
    for bent, straight in zip(ar_noise(rng, 100, 400, 0.5), ar_noise(rng, 100, 600, 0.5), strict=True):
        runs = [st.settle(shape(np.linspace(0, 1, 400)) + 2 * (bent - LEVEL)), st.settle(1 + 2 * (straight - LEVEL))]
        ratios.append(st.as_ratio(st.log_noise_difference(*runs)))
    assert np.mean([not r.low < 1 < r.high for r in ratios]) <= most
    assert not any(r.low > 1.25 or r.high < 0.8 for r in ratios)


@pytest.mark.parametrize("n", [40, 60, 100, 150])
@pytest.mark.parametrize(("low", "high"), [(100, 1200), (500, 1200)])
def test_a_short_curve_that_bends_more_is_not_noisier(n, low, high):
    """One noise about two approaches of another height, as returns of a hundred episodes have."""
    rng = np.random.default_rng([n, low])
    approach = np.exp(-np.arange(n) / (0.25 * n))
    pairs = [[st.settle(height * approach + rng.normal(0, 30, n)) for height in (low, high)] for _ in range(100)]
    ratios = [st.as_ratio(st.log_noise_difference(*pair)) for pair in pairs]
    assert np.mean([r.low > 1 or r.high < 1 for r in ratios]) <= 0.11
    assert np.mean([r.low > 1.25 or r.high < 0.8 for r in ratios]) <= 0.02


def test_below_thirty_points_noise_and_bend_cannot_be_told_apart():
    few, many = (st.settle(series) for series in (np.arange(29.0) % 3, np.arange(300.0) % 3))
    assert st.log_noise_difference(few, many).reason == "a noise takes 30 points"


def test_noise_ratio_finds_a_factor_and_batch_normalisation_takes_it_out():
    """Half the batch, sqrt(2) the noise: the ratio shows it, s·sqrt(B) does not."""
    a, b = ar_noise(np.random.default_rng(11), 2, 2000, 0.0)
    quiet, loud = st.settle(a), st.settle(0.3 + sqrt(2) * (b - 0.3))
    ratio = st.as_ratio(st.log_noise_difference(quiet, loud))
    assert ratio.low < sqrt(2) < ratio.high
    assert ratio.p < 1e-6
    same = st.as_ratio(st.log_noise_difference(quiet, loud, log_factor=0.5 * log(32 / 64)))
    assert same.low < 1 < same.high
    assert same.p > 0.05


def test_ratio_of_window_means_is_the_quotient():
    """Value m2/m1; p close to that of the difference."""
    a, b = ar_noise(np.random.default_rng(12), 2, 400, 0.0)
    left, right = st.window_mean(st.settle(a)), st.window_mean(st.settle(b))
    ratio, diff = st.window_ratio(left, right), st.difference("loss.window_diff", left, right)
    assert ratio.value == pytest.approx(right.value / left.value)
    assert ratio.p == pytest.approx(diff.p, abs=0.01)


def test_welch_is_scipys():
    """The difference of two sample means agrees with scipy's Welch test."""
    rng = np.random.default_rng(13)
    a, b = rng.normal(0.3, 0.02, 7), rng.normal(0.32, 0.05, 5)
    oracle = stats.ttest_ind(b, a, equal_var=False)
    ours = st.seed_difference(a, b)
    interval = oracle.confidence_interval()
    assert (ours.p, ours.low, ours.high) == pytest.approx((oracle.pvalue, interval.low, interval.high))


def test_holm_is_statsmodels_and_ignores_what_was_not_tested():
    """Adjusted p over the tested ones only; NaN stays in its place."""
    p = [0.01, np.nan, 0.04, 0.03, 0.5, 0.001]
    tested = [v for v in p if v == v]
    ours = st.holm(p)
    assert np.isnan(ours[1])
    assert [v for v in ours if v == v] == pytest.approx(multipletests(tested, method="holm")[1].tolist())


def test_equivalence_is_two_one_sided_tests():
    """The p of TOST is the larger of two one-sided t tests against the margins."""
    rng = np.random.default_rng(14)
    a, b = rng.normal(0.3, 0.01, 12), rng.normal(0.302, 0.01, 12)
    ours = st.equivalence_p(st.seed_difference(a, b), 0.012)
    lower = stats.ttest_ind(b + 0.012, a, equal_var=False, alternative="greater").pvalue
    upper = stats.ttest_ind(b - 0.012, a, equal_var=False, alternative="less").pvalue
    assert ours == pytest.approx(max(lower, upper))


def test_detectable_difference_is_found_four_times_out_of_five():
    """Shifting by 2.8 standard errors of a z test gives 80% power."""
    rng = np.random.default_rng(15)
    e = st.estimate("loss.window_diff", 0.0, 0.01, 1e9, 100, tested=True)
    z = (e.detectable + 0.01 * rng.normal(size=20_000)) / 0.01
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.80, abs=0.01)
    assert e.detectable == pytest.approx(0.028, abs=1e-4)


@pytest.mark.parametrize("x", [np.empty(0), np.array([0.3]), np.array([0.3, 0.2])])
def test_one_and_two_points_give_reasons_not_numbers(x):
    """Too little is said to be too little."""
    run = st.settle(x)
    for e in (st.window_mean(run), st.trend(run), st.noise(run)):
        assert not e.known
        assert e.reason


def test_a_constant_loss_is_certain_of_its_level_and_has_no_noise():
    """Zero-width interval, no trend, p = 1; the noise cannot be put on a log scale."""
    run = st.settle(np.full(100, 0.5))
    level, slope = st.window_mean(run), st.trend(run)
    assert (level.low, level.high) == (0.5, 0.5)
    assert (slope.value, slope.p) == (0.0, 1.0)
    assert not st.noise(run).known
    assert st.difference("loss.window_diff", level, level).p == 1.0


def test_every_definition_named_by_an_estimate_exists(tmp_path):
    """An ID on a number leads to its definition."""
    run = st.settle(ar_noise(np.random.default_rng(16), 1, 300, 0.0)[0])
    x = np.arange(1.0, 8.0)
    rng = np.random.default_rng(17)
    made = [
        *(f(run) for f in (st.window_mean, st.trend, st.noise)),
        st.noise(run, relative=True),
        st.log_noise_difference(run, run),
        st.window_ratio(st.window_mean(run), st.window_mean(run)),
        *(st.oscillation_rate(x), st.direction_change_rate(x), st.wilson(3, 7)),
        st.proportion_difference(st.wilson(3, 7), st.wilson(4, 7)),
        st.full_validation(0.3, run, batch=64, n_valid=1000),
        *(st.paired_difference(x, x + 1), st.seed_mean(x), st.seed_difference(x, x)),
        *(st.seed_iqm(x, rng=rng), st.iqm_difference(x, x, rng=rng)),
        st.probability_of_improvement(x, x, lower_is_better=True, rng=rng),
    ]
    assert {e.definition for e in made} <= DEFINITIONS.keys()


def test_common_stride_thins_the_denser_log():
    """Steps 1, 2, 3 … against 10, 20, 30: every tenth of the first."""
    assert st.common_stride(np.arange(1.0, 200), np.arange(10.0, 200, 10)) == (10, 1)
    assert st.common_stride(np.arange(3.0), np.empty(0)) == (1, 1)


@pytest.fixture(scope="module")
def reference() -> dict[int, pd.DataFrame]:
    if not REFERENCE.is_dir():
        pytest.skip("the reference logs are not beside the repository")
    return {run: pd.read_csv(REFERENCE / f"run_{run}.csv") for run in (2, 3, 4)}


def _settled(frame: pd.DataFrame, column: str, rows: slice = slice(None)) -> st.Settled:
    part = frame.iloc[rows][["step", column]].dropna()
    run = st.settle(part[column].to_numpy(), part["step"].to_numpy(dtype=float))
    assert run is not None
    return run


FULL_BATCHES = slice(0, -1)


def test_reference_oscillation_rates_do_not_differ(reference):
    """92.5 against 92.8% of transitions: -0.3 pp ± 3.9, p = .89."""
    d = st.difference("osc.diff", *(st.oscillation_rate(reference[r]["train_loss"].to_numpy()) for r in (3, 4)))
    assert (round(100 * d.value, 1), round(100 * d.half_width, 1), round(d.p, 2)) == (-0.3, 3.9, 0.89)


def test_reference_noise_differs_by_the_batch_size_alone(reference):
    """Run 2, with half the batch, is sqrt(2) times as noisy as run 3, and as noisy after that factor."""
    runs = [_settled(reference[r], "train_loss", FULL_BATCHES) for r in (3, 2)]
    assert st.as_ratio(st.log_noise_difference(*runs)).value == pytest.approx(sqrt(2), abs=0.02)
    same = st.as_ratio(st.log_noise_difference(*runs, log_factor=0.5 * log(32 / 64)))
    assert same.value == pytest.approx(1, abs=0.015)
    assert same.low < 1 < same.high


def test_reference_full_validations_do_not_differ(reference):
    """+.0003 [-.0086, .0093]."""
    levels = [
        st.full_validation(
            float(reference[r]["full_valid_loss"].dropna().iloc[-1]),
            _settled(reference[r], "valid_loss"),
            batch=64,
            n_valid=n,
        )
        for r, n in ((3, 3277), (4, 3933))
    ]
    d = st.difference("fullval.diff", *levels)
    assert (d.value, d.low, d.high) == pytest.approx((0.0003, -0.0086, 0.0093), abs=3e-4)


def test_reference_window_means_do_not_differ(reference):
    """-.0011 ± .007 with the partial last batches; without them as little."""
    for rows, value in ((slice(None), -0.0011), (FULL_BATCHES, -0.0019)):
        means = [st.window_mean(_settled(reference[r], "train_loss", rows)) for r in (3, 4)]
        d = st.difference("loss.window_diff", *means)
        assert d.value == pytest.approx(value, abs=1e-4)
        assert 0.006 < d.half_width < 0.010
        assert d.p > 0.6


def test_reference_slopes_show_nothing(reference):
    """Second epoch of run 4: p = .10; run 3: p = .68."""
    assert st.trend(_settled(reference[4], "train_loss", slice(280, None))).p == pytest.approx(0.10, abs=0.01)
    assert st.trend(_settled(reference[3], "train_loss")).p == pytest.approx(0.68, abs=0.01)


def test_reference_accuracies_are_counts_of_192(reference):
    """64 examples of 3 tokens; 87.50 and 86.46% are 168 and 166 of them, p = .76; the last batch is partial."""
    for run, batch in ((2, 32), (3, 64), (4, 64)):
        accuracy = reference[run]["train_mean_token_accuracy"].to_numpy()
        tokens = st.tokens_per_batch(accuracy[:-1], batch=batch)
        assert tokens.per_batch == 3 * batch
    assert (tokens.correct(0.875), tokens.correct(0.8645833134651184)) == (168, 166)
    d = st.proportion_difference(st.wilson(166, 192), st.wilson(168, 192))
    assert round(d.p, 2) == 0.76


@pytest.mark.parametrize("scale", [2.0**-900, 2.0**-600, 2.0**600, 2.0**900])
def test_a_difference_does_not_depend_on_the_unit(scale: float) -> None:
    pairs = [(1.0, 0.1, 12.0), (1.3, 0.2, 20.0)]
    near, far = (
        st.difference(
            "loss.window_diff", *(st.estimate("loss.window_mean", v * k, se * k, df, 30) for v, se, df in pairs)
        )
        for k in (1.0, scale)
    )
    assert far.value / scale == pytest.approx(near.value)
    assert far.se / scale == pytest.approx(near.se)
    assert (far.df, far.p) == pytest.approx((near.df, near.p))
