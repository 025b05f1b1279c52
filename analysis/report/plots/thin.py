"""Preparation of curves for drawing: cut at gaps, smoothed without lag, thinned without losing extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.core.run import FloatArray, Run
from analysis.core.run_facts import counted_from_0
from analysis.statistics.estimate import Steps

BUCKETS = 400
"""Buckets across a panel, about one per pixel; each is drawn by its lowest and highest value."""


@dataclass(frozen=True)
class Trace:
    """A polyline: steps and values, shape (n,); a NaN value makes a gap."""

    steps: FloatArray
    values: FloatArray

    @property
    def empty(self) -> bool:
        """True if there is nothing to draw."""
        return self.values.size == 0


def segments(run: Run, metric: str) -> list[tuple[Steps, FloatArray]]:
    """Return the stretches of a metric that may be drawn as one line.

    It is cut at values logged as NaN or infinite and at the seams of a resumed run, but not at steps that merely do
    not log the metric.

    Returns
    -------
    list of (steps, values)
        In step order, without NaN, none empty. Epochs are counted from 1.
    """
    if metric not in run.frame:
        return []
    steps, values = run.steps_of(metric), run.series(metric)
    breaks = np.unique(np.array([*run.nonfinite.get(metric, ()), *run.seams], dtype=np.int64))
    cuts = np.unique(np.searchsorted(steps, breaks))
    drawn = steps + 1 if counted_from_0(run) else steps
    pairs = zip(np.split(drawn, cuts), np.split(values, cuts), strict=True)
    return [(s, v) for s, v in pairs if v.size]


@dataclass(frozen=True)
class Buckets:
    """A long series in buckets, all of the same ``width`` except the last.

    ``index`` and ``values``, shape (buckets, 2), are those of the lowest and the highest point; ``means`` and
    ``counts`` have shape (buckets,). ``ends`` are the first and the last value of the series.
    """

    width: int
    index: npt.NDArray[np.int64]
    values: FloatArray
    means: FloatArray
    counts: npt.NDArray[np.int64]
    ends: FloatArray

    @classmethod
    def of(cls, values: FloatArray, buckets: int = BUCKETS) -> Buckets:
        """Return the buckets of a series, shape (n,); the last one has the remainder."""
        size = values.size
        width = -(-size // buckets)
        whole = size - size % width
        pieces = [slice(0, whole), *([slice(whole, size)] if whole < size else [])]
        looks = [_extremes(values, piece, width) for piece in pieces]
        index, extremes, means = (np.concatenate(found) for found in zip(*looks, strict=True))
        counts = np.full(means.size, width)
        counts[-1] = size - width * (means.size - 1)
        return cls(width, index, extremes, means, counts, values[[0, -1]])

    def thin(self, steps: Steps) -> Trace:
        """Return the lowest and the highest point of each bucket, and the first and the last point."""
        index = np.concatenate(([0, len(steps) - 1], self.index.ravel()))
        values = np.concatenate((self.ends, self.values.ravel()))
        index, first = np.unique(index, return_index=True)
        return Trace(steps[index].astype(np.float64), values[first])

    def smooth(self, steps: Steps, *, window: int) -> Trace:
        """Return the means of the buckets, smoothed over a window in points of the series."""
        starts = np.arange(self.counts.size) * self.width
        middle = (steps[starts] + steps[starts + self.counts - 1]) / 2
        return smooth(middle, self.means, window=window // self.width)


def _extremes(values: FloatArray, piece: slice, width: int) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Return index and value of the lowest and highest of each ``width`` points of a piece, and their means."""
    part = values[piece]
    rows = part.reshape(-1, min(width, part.size))
    chosen = np.stack([rows.argmin(axis=1), rows.argmax(axis=1)], axis=1)
    index = piece.start + np.arange(len(rows))[:, None] * width + chosen
    return index, np.take_along_axis(rows, chosen, axis=1), rows.mean(axis=1)


def thin(steps: Steps, values: FloatArray, *, buckets: int = BUCKETS) -> Trace:
    """Return the lowest and the highest point of each bucket, and the first and the last point.

    Parameters
    ----------
    steps, values : ndarray, shape (n,)
        In step order, without NaN.
    buckets : int
        A series of at most twice as many points is kept whole.

    Examples
    --------
    >>> spike = np.zeros(10_000)
    >>> spike[1234] = 9.0
    >>> trace = thin(np.arange(10_000), spike, buckets=10)
    >>> float(trace.values.max()), float(trace.steps[trace.values.argmax()]), trace.values.size
    (9.0, 1234.0, 12)
    """
    if values.size <= 2 * buckets:
        return Trace(np.asarray(steps, dtype=np.float64), values)
    return Buckets.of(values, buckets).thin(steps)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean over a centred window, and the line through the end window near the ends; shape (n,).

    A shortened window would lag behind a trend, and one that shrinks to a single point would end on its noise. The
    line is clipped to the range of its points. (Savitzky and Golay 1964, first order.)

    Parameters
    ----------
    values : ndarray, shape (n,)
        Without NaN.
    window : int
        Odd number of points, at most n.

    Examples
    --------
    >>> rolling_mean(np.array([1.0, 2, 3, 4, 5]), 3).tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0]
    >>> rolling_mean(np.array([0.0, 0, 3, 0, 0]), 3).tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    half = window // 2
    if half == 0:
        return values
    level = float(values.mean())  # keeps the cumulative sum small, so that it loses no digits
    sums = np.concatenate(([0.0], np.cumsum(values - level)))
    inner = level + (sums[window:] - sums[:-window]) / window
    place = np.arange(-half, half + 1.0)
    ends = []
    for edge, side in ((values[:window], slice(0, half)), (values[-window:], slice(half + 1, None))):
        slope = float(place @ edge) / float(place @ place)
        line = float(edge.mean()) + slope * place[side]
        ends.append(np.clip(line, edge.min(), edge.max()))
    return np.concatenate((ends[0], inner, ends[1]))


def smooth(steps: Steps, values: FloatArray, *, window: int) -> Trace:
    """Return a curve smoothed by `rolling_mean`, over at most all of its points."""
    return Trace(np.asarray(steps, dtype=np.float64), rolling_mean(values, _odd(min(window, values.size))))


def thin_and_smooth(steps: Steps, values: FloatArray, *, window: int) -> tuple[Trace, Trace]:
    """Return a series thinned, and smoothed; a long one by its buckets, in one pass without a copy."""
    if values.size > 4 * BUCKETS:
        buckets = Buckets.of(values)
        return buckets.thin(steps), buckets.smooth(steps, window=window)
    return thin(steps, values), smooth(steps, values, window=window)


def smoothing_window(points: int) -> int:
    """Return the smoothing window for a number of points: 5% of them, odd, at least 5; 1 (none) below 20 points.

    Examples
    --------
    >>> smoothing_window(700), smoothing_window(60), smoothing_window(19)
    (35, 5, 1)
    """
    return 1 if points < 20 else _odd(max(5, points // 20))


def figure_window(runs: Sequence[Run], metric: str) -> int:
    """Return the smoothing window of a figure, in logged points of its longest run."""
    return smoothing_window(max((run.series(metric).size for run in runs), default=0))


def joined(traces: list[Trace]) -> Trace:
    """Concatenate stretches with a NaN between them: one line with gaps."""
    if not traces:
        return Trace(np.empty(0), np.empty(0))
    gap = np.array([np.nan])
    steps = [piece for trace in traces for piece in (trace.steps, trace.steps[-1:])]
    values = [piece for trace in traces for piece in (trace.values, gap)]
    return Trace(np.concatenate(steps[:-1]), np.concatenate(values[:-1]))


def _odd(number: int) -> int:
    return max(1, number - (number % 2 == 0))
