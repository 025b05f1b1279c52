"""Make curves drawable: cut at gaps, smoothed without lag, thinned without losing an extreme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from analysis.schema import FloatArray, Run

BUCKETS = 400
"""Buckets across a panel: about one a pixel, each drawn by its lowest and its highest value."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Trace:
    """A polyline: steps and values, shape (n,); a NaN value lifts the pen."""

    steps: FloatArray
    values: FloatArray

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return self.values.size == 0


def segments(run: Run, metric: str) -> list[tuple[FloatArray, FloatArray]]:
    """Cut a metric into the stretches over which it may be drawn as one line.

    A step that merely does not log the metric does not cut; a value logged as NaN or infinite and the
    seam of a resumed run do.

    Returns
    -------
    list of (steps, values)
        In step order, without NaN, none of them empty. Views of the run's table where nothing is missing.
    """
    if metric not in run.frame:
        return []
    steps = run.frame["step"].to_numpy()
    values = run.frame[metric].to_numpy(dtype=np.float64)
    missing = np.isnan(values)
    if missing.any():
        steps, values = steps[~missing], values[~missing]
    breaks = np.unique(np.array([*run.nonfinite.get(metric, ()), *run.seams], dtype=np.int64))
    cuts = np.unique(np.searchsorted(steps, breaks))
    pairs = zip(np.split(steps, cuts), np.split(values, cuts), strict=True)
    return [(s, v) for s, v in pairs if v.size]


def thin(steps: FloatArray, values: FloatArray, *, buckets: int = BUCKETS) -> Trace:
    """Keep the lowest and the highest value of each bucket, and the first and the last point.

    Parameters
    ----------
    steps, values : ndarray, shape (n,)
        In step order, without NaN. Not copied and not changed.
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
    width = -(-values.size // buckets)
    whole = values.size // width * width
    rows = values[:whole].reshape(-1, width)
    offsets = np.arange(0, whole, width)
    chosen = [np.array([0, values.size - 1])]
    few = max(1, _CHUNK // width)  # of a table's own, unwriteable column argmin makes a copy
    for at in range(0, len(rows), few):
        piece = slice(at, at + few)
        chosen += [offsets[piece] + rows[piece].argmin(axis=1), offsets[piece] + rows[piece].argmax(axis=1)]
    if whole < values.size:
        tail = values[whole:]
        chosen.append(whole + np.array([tail.argmin(), tail.argmax()]))
    index = np.unique(np.concatenate(chosen))
    return Trace(steps[index].astype(np.float64), values[index])


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Average over a centred window; within half a window of an end, follow the line through the end window.

    A shortened window lags behind a trend, and one that shrinks to a single point ends on the noise of
    that point; the line does neither. It never leaves the range of its points. (Savitzky and Golay 1964,
    first order.)

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
    level = float(values.mean())  # keeps the running sum small, so that it loses no digits
    sums = np.concatenate(([0.0], np.cumsum(values - level)))
    inner = level + (sums[window:] - sums[:-window]) / window
    place = np.arange(-half, half + 1.0)
    ends = []
    for edge, side in ((values[:window], slice(0, half)), (values[-window:], slice(half + 1, None))):
        slope = float(place @ edge) / float(place @ place)
        line = float(edge.mean()) + slope * place[side]
        ends.append(np.clip(line, edge.min(), edge.max()))
    return np.concatenate((ends[0], inner, ends[1]))


def smooth(steps: FloatArray, values: FloatArray, *, window: int, buckets: int = BUCKETS) -> Trace:
    """Smooth by `rolling_mean`; a long series is averaged in buckets first, so that memory stays small."""
    if values.size > 4 * buckets:
        width = -(-values.size // (2 * buckets))
        starts = np.arange(0, values.size, width)
        counts = np.diff(np.append(starts, values.size))
        values = np.add.reduceat(values, starts) / counts
        steps = (steps[starts] + steps[starts + counts - 1]) / 2
        window = window // width
    return Trace(np.asarray(steps, dtype=np.float64), rolling_mean(values, _odd(min(window, values.size))))


def chunks_of(
    steps: FloatArray, values: FloatArray, *, window: int, function: Callable[[FloatArray], FloatArray]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Apply a rolling function piece by piece, so that a long series needs no second copy of itself.

    Parameters
    ----------
    function : callable
        Maps n values to the n - window + 1 results of the full windows; a result belongs to the last
        step of its window.
    """
    for start in range(0, values.size - window + 1, _CHUNK):
        stop = min(start + _CHUNK + window - 1, values.size)
        yield steps[start + window - 1 : stop], function(values[start:stop])


def smoothing_window(points: int) -> int:
    """Choose the width of the strong curves: 5% of the longest run, odd; 1 (no smoothing) under 20 points.

    Examples
    --------
    >>> smoothing_window(700), smoothing_window(60), smoothing_window(19)
    (35, 5, 1)
    """
    return 1 if points < 20 else _odd(max(5, points // 20))


def joined(traces: list[Trace]) -> Trace:
    """Put stretches one after the other with a NaN between them: one line with gaps."""
    if not traces:
        return Trace(np.empty(0), np.empty(0))
    gap = np.array([np.nan])
    steps = [piece for trace in traces for piece in (trace.steps, trace.steps[-1:])]
    values = [piece for trace in traces for piece in (trace.values, gap)]
    return Trace(np.concatenate(steps[:-1]), np.concatenate(values[:-1]))


def _odd(number: int) -> int:
    return max(1, number - (number % 2 == 0))
