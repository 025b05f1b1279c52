"""The document's metrics as pure functions, and METRICS: the one table of names, units and directions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.schema import FloatArray

Direction = Literal["lower", "higher", "none"]


@dataclass(frozen=True)
class Metric:
    """A logged quantity. ``direction`` says which way is better; ``split`` on what it was measured."""

    name: str
    label: str
    direction: Direction
    unit: Literal["", "fraction", "lr"] = ""
    split: Literal["train", "minibatch validation", "full validation", "run"] = "train"

    def better(self, difference: float) -> bool | None:
        """Tell whether a change by ``difference`` is for the better; None without a direction or change."""
        if self.direction == "none" or difference == 0 or np.isnan(difference):
            return None
        return (difference < 0) == (self.direction == "lower")


_ROWS = (
    Metric("train_loss", "Train loss", "lower"),
    Metric("train_mean_token_accuracy", "Train accuracy", "higher", "fraction"),
    Metric("train_error_rate", "Train error rate", "lower", "fraction"),
    Metric("valid_loss", "Minibatch validation loss", "lower", split="minibatch validation"),
    Metric(
        "valid_mean_token_accuracy",
        "Minibatch validation accuracy",
        "higher",
        "fraction",
        "minibatch validation",
    ),
    Metric("valid_error_rate", "Minibatch validation error rate", "lower", "fraction", "minibatch validation"),
    Metric("full_valid_loss", "Full validation loss", "lower", split="full validation"),
    Metric(
        "full_valid_mean_token_accuracy",
        "Full validation accuracy",
        "higher",
        "fraction",
        "full validation",
    ),
    Metric("full_valid_error_rate", "Full validation error rate", "lower", "fraction", "full validation"),
    Metric("reward", "Reward", "higher", split="run"),
    Metric("eval_reward", "Evaluation reward", "higher", split="full validation"),
    Metric("reward_margin", "Reward margin", "higher", split="run"),
    Metric("kl", "KL divergence", "lower", split="run"),
    Metric("episode_length", "Episode length", "none", split="run"),
    Metric("map50", "mAP 50", "higher", "fraction", "full validation"),
    Metric("map50_95", "mAP 50-95", "higher", "fraction", "full validation"),
    Metric("precision", "Precision", "higher", "fraction", "full validation"),
    Metric("recall", "Recall", "higher", "fraction", "full validation"),
    Metric("f1", "F1", "higher", "fraction", "full validation"),
    Metric("learning_rate", "Learning rate", "none", "lr", "run"),
    Metric("grad_norm", "Gradient norm", "none", split="run"),
)

METRICS: Mapping[str, Metric] = {row.name: row for row in _ROWS}
"""Every metric the report can judge, by its standard name. A metric that is not here is shown, never ranked."""

_WORDS: tuple[tuple[re.Pattern[str], Direction], ...] = (
    # What scales a loss, how rewards vary, rewards of single answers, costs: more is neither good nor bad.
    (
        re.compile(r"scale|scaling|weights?|coef|std|stddev|stdev|var|variance|rejected|chosen|per|\w*time|sec(onds)?"),
        "none",
    ),
    (
        re.compile(r"loss(es)?\w*|\w*loss|\w*errors?|perplexity|ppl|nll|[rn]*mse|s?mape|n?mae|[wc]er|fid|bp[bc]|brier"),
        "lower",
    ),
    (
        re.compile(
            r"\w*acc\d*|\w*accurac(y|ies)|success\w*|exact|top\d|(pr|roc)?auc|auc(roc|pr)?|au(ro|pr)c|m?ap\d*|mar\d*"
        ),
        "higher",
    ),
    (re.compile(r"m?iou\d*|dice|jaccard|f1|fscore|precision|recall|r2|mcc|kappa|ndcg|mrr|psnr|ssim"), "higher"),
    (re.compile(r"bleu\d*|rouge\w*|meteor|score\w*|\w*scores?|rewards?\w*|\w*rewards?|returns?"), "higher"),
)
"""What the words of a metric's own name say of its direction, where the table does not know it; the first decides."""


def metric(name: str) -> Metric:
    """Look a metric up; one that the table does not know is judged by the words in its name.

    Examples
    --------
    >>> metric("train_loss").label, metric("val/box_loss").direction, metric("eval_dice_multi").direction
    ('Train loss', 'lower', 'higher')
    >>> [metric(name).direction for name in ("foo", "rewards/rejected", "val_mape", "test_mAP")]
    ['none', 'none', 'lower', 'higher']
    """
    if name in METRICS:
        return METRICS[name]
    words = re.split(r"[^a-z0-9]+", name.lower())
    for pattern, direction in _WORDS:
        if any(map(pattern.fullmatch, words)):
            return Metric(name, name, direction, split="run")
    return Metric(name, name, "none", split="run")


def judged(names: Iterable[str]) -> tuple[str, ...]:
    """Choose the metrics to be judged: those of the table, in its order; others only where it knows none.

    A log of many losses of its own beside a known one would otherwise pay for each in every adjusted p.
    """
    logged = list(names)
    known = tuple(name for name, row in METRICS.items() if name in logged and row.direction != "none")
    return known or tuple(name for name in logged if metric(name).direction != "none")


OSCILLATION_THRESHOLD = 0.01
VOLATILITY_WINDOW = 20


def count_oscillations(
    values: FloatArray, breaks: npt.NDArray[np.bool_] | None = None, *, threshold: float = OSCILLATION_THRESHOLD
) -> int | None:
    """Count the consecutive values that differ by more than ``threshold``, relatively (doc.oscillations).

    Parameters
    ----------
    values : ndarray, shape (n,)
        A series in step order, without NaN.
    breaks : ndarray of bool, shape (n,), optional
        True where a value must not be compared with the one before it (a seam or a gap).
    threshold : float
        Relative change that counts; the document uses 1%.

    Returns
    -------
    int or None
        None for fewer than two values. A zero predecessor is skipped: no relative change exists.

    Examples
    --------
    >>> count_oscillations(np.array([1.0, 1.02, 1.02, 0.0, 5.0]))
    2
    >>> count_oscillations(np.array([1.0])) is None
    True
    """
    from analysis.statistics.series import count_oscillating

    return count_oscillating(values, breaks, threshold=threshold)[0] if values.size > 1 else None


def mean_volatility(values: FloatArray, *, window: int = VOLATILITY_WINDOW) -> float | None:
    """Average the rolling standard deviation with ddof 1 (doc.volatility); None below one full window.

    Examples
    --------
    >>> f"{mean_volatility(np.arange(20.0)):.4f}"
    '5.9161'
    >>> mean_volatility(np.arange(19.0)) is None
    True
    """
    from analysis.statistics import mean_rolling_sd

    return mean_rolling_sd(values, window=window) if values.size >= window else None


def improvement_pct(first: float, last: float) -> float | None:
    """Express the fall from the first to the last value in percent of the first's size; None if that is zero.

    Examples
    --------
    >>> improvement_pct(0.5, 0.25), improvement_pct(-0.5, -1.0)
    (50.0, 100.0)
    """
    if first == 0:
        return None
    return float((first - last) / abs(first) * 100)


def change_pct(before: float | None, after: float | None) -> float | None:
    """Relative change in percent (doc.change_pct); None where either is missing or the first is zero.

    Examples
    --------
    >>> change_pct(200, 210), change_pct(-4, -2)
    (5.0, 50.0)
    """
    if before is None or after is None or before == 0:
        return None
    return float((after - before) / abs(before) * 100)
