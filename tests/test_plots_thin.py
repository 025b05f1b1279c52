"""Curves are cut, smoothed and thinned without inventing or losing anything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import savgol_filter

from analysis.core.run import Provenance, Run, validated
from analysis.report.plots.thin import Buckets, joined, rolling_mean, segments, smoothing_window, thin, thin_and_smooth


def run_of(seams: tuple[int, ...] = (), **columns: object) -> Run:
    frame, nonfinite, found, _ = validated(pd.DataFrame(columns), "made")
    origin = Provenance("made", "made", 0, "", len(frame))
    return Run("r", frame, "r", origin, nonfinite=nonfinite, seams=seams or found)


@pytest.mark.parametrize("place", [0, 1, 4_999, 99_998, 99_999])
@pytest.mark.parametrize("height", [50.0, -50.0])
def test_a_single_extreme_survives_thinning_wherever_it_is(place: int, height: float) -> None:
    values = np.random.default_rng(1).normal(size=100_000)
    values[place] = height
    trace = thin(np.arange(100_000), values, buckets=37)
    assert height in values[trace.steps.astype(int)]
    assert trace.steps[trace.values == height].tolist() == [place]


def test_thinned_points_are_points_of_the_series_in_order_and_few() -> None:
    values = np.random.default_rng(2).normal(size=12_345)
    trace = thin(np.arange(12_345), values, buckets=50)
    assert trace.values.tolist() == values[trace.steps.astype(int)].tolist()
    assert (np.diff(trace.steps) > 0).all()
    assert trace.values.size <= 2 * 50 + 4
    assert trace.steps[[0, -1]].tolist() == [0, 12_344]


def test_a_short_series_is_kept_whole() -> None:
    values = np.random.default_rng(3).normal(size=80)
    assert thin(np.arange(80), values, buckets=40).values.tolist() == values.tolist()


@pytest.mark.parametrize(("n", "window"), [(700, 35), (60, 5), (41, 41), (1_000, 3)])
def test_smoothing_is_a_first_order_savitzky_golay_filter(n: int, window: int) -> None:
    values = 1e6 + np.random.default_rng(n).normal(size=n)
    expected = savgol_filter(values, window, 1, mode="interp")
    half = window // 2
    expected[:half] = expected[:half].clip(values[:window].min(), values[:window].max())
    expected[n - half :] = expected[n - half :].clip(values[-window:].min(), values[-window:].max())
    np.testing.assert_allclose(rolling_mean(values, window), expected, rtol=1e-12)


def test_smoothing_leaves_a_trend_alone_up_to_both_ends() -> None:
    line = np.linspace(3.0, 1.0, 200)
    np.testing.assert_allclose(rolling_mean(line, 21), line, atol=1e-12)


def test_smoothing_never_leaves_the_range_of_the_data() -> None:
    steep = np.exp(-np.arange(50) / 2.0)
    smoothed = rolling_mean(steep, 15)
    assert smoothed.min() >= steep.min()
    assert smoothed.max() <= steep.max()


def test_a_long_series_is_smoothed_on_bucket_means_that_agree_with_the_full_ones() -> None:
    rng = np.random.default_rng(5)
    values = np.sin(np.arange(200_000) / 20_000) + rng.normal(scale=0.1, size=200_000)
    _, trace = thin_and_smooth(np.arange(200_000), values, window=10_001)
    assert trace.values.size < 1_000
    full = rolling_mean(values, 10_001)
    np.testing.assert_allclose(trace.values, np.interp(trace.steps, np.arange(200_000), full), atol=0.02)


@pytest.mark.parametrize("size", [1_601, 2_000, 65_536, 70_001, 300_000])
def test_buckets_hold_every_point_once_wherever_pieces_end(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    buckets = Buckets.of(values, 37)
    starts = np.arange(0, size, buckets.width)
    assert buckets.counts.tolist() == np.diff([*starts, size]).tolist()
    np.testing.assert_allclose(buckets.means, np.add.reduceat(values, starts) / buckets.counts, rtol=1e-12)
    assert buckets.values[:, 0].tolist() == np.minimum.reduceat(values, starts).tolist()
    assert buckets.values[:, 1].tolist() == np.maximum.reduceat(values, starts).tolist()
    assert values[buckets.index].tolist() == buckets.values.tolist()
    assert buckets.ends.tolist() == values[[0, -1]].tolist()


def test_lines_are_cut_at_values_that_were_not_numbers_and_at_seams_only() -> None:
    run = run_of(
        step=np.arange(1, 9),
        train_loss=[1.0, 2.0, np.inf, 4.0, np.nan, 6.0, 7.0, 8.0],
        seams=(7,),
    )
    parts = [(steps.tolist(), values.tolist()) for steps, values in segments(run, "train_loss")]
    assert parts == [([1, 2], [1.0, 2.0]), ([4, 6], [4.0, 6.0]), ([7, 8], [7.0, 8.0])]


def test_a_metric_that_is_absent_or_never_a_number_has_no_stretch() -> None:
    run = run_of(step=[1, 2], train_loss=[np.inf, np.nan])
    assert segments(run, "train_loss") == []
    assert segments(run, "valid_loss") == []


def test_a_pen_is_lifted_between_stretches() -> None:
    parts = [thin(np.arange(2.0), np.ones(2)), thin(np.arange(5.0, 7.0), np.zeros(2))]
    assert np.isnan(joined(parts).values).tolist() == [False, False, True, False, False]
    assert joined([]).empty


@pytest.mark.parametrize("points", [0, 1, 19, 20, 99, 100, 101, 12_345, 10**7])
def test_the_window_is_odd_and_a_small_part_of_the_run(points: int) -> None:
    window = smoothing_window(points)
    assert window % 2 == 1
    assert window <= max(1, points // 4)
