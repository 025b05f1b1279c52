"""The choice of the logged metrics that can decide between runs, and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from analysis.core.metrics import METRICS, metric

REWARDS = ("eval_reward", "reward")
"""Metrics that a run optimizes if it logs them; its loss is then only a surrogate, and may rise as the reward does."""

MOST_SCORES = 4
"""Non-standard scores that are judged beside a known validation loss: a log with more has one per class."""

_LOSS = re.compile(
    r"\w*loss(es)?|nll|ppl|perplexity|bp[bcd]|b?ce|xent|\w*crossentropy|n?elbo|deviance|likelihood|loglik"
)


_TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)


def is_loss(metric: str) -> bool:
    """True if a metric is a loss or a function of one, such as perplexity; an error rate is a score.

    Examples
    --------
    >>> [is_loss(name) for name in ("full_valid_loss", "val/perplexity", "val_wer", "f1", "val_cross_entropy")]
    [True, True, False, False, True]
    """
    words = re.split(r"[^a-z0-9]+", metric.lower())
    return any(map(_LOSS.fullmatch, words)) or {"cross", "entropy"} <= set(words)


def judged_metrics(names: Iterable[str], primary: str | None = None) -> tuple[str, ...]:
    """Return the metrics to judge: those of `METRICS`, in its order, then others where they add something.

    The others are ``primary``; evaluations by example; validation metrics if no validation metric has a standard name;
    metrics of a test set beside a validation set; scores that are not named as training scores if nothing was
    validated; and all metrics of a log without any standard name. The rest is left out because every metric judged
    raises each adjusted p-value.
    """
    logged = list(dict.fromkeys(names))
    known = [name for name, row in METRICS.items() if name in logged and row.direction != "none"]
    own = [name for name in logged if name not in METRICS and metric(name).direction != "none"]
    if any(metric(name).validates for name in known):
        # A share of examples has an error of its own, which a loss often has not; and a score says more than a loss.
        scored = any(metric(name).validates and not is_loss(name) for name in known)
        scores = [name for name in own if metric(name).validates and not is_loss(name)]
        tested = [name for name in own if metric(name).validates and _TEST.search(name)]
        own = next((few for few in ([] if scored else scores, tested) if 0 < len(few) <= MOST_SCORES), [])
    elif known:
        unnamed = [name for name in own if metric(name).split == "run" and not is_loss(name)]
        validated = [name for name in own if metric(name).validates]
        own = validated or (unnamed if len(unnamed) <= MOST_SCORES and not {*REWARDS} & {*known} else [])
    added = [name for name in logged if metric(name).by_example or name == primary]
    return tuple(dict.fromkeys((*known, *own, *added)))


def deciding_class(name: str, *, rewarded: bool) -> int:
    """Return the rank of a metric's data: 0 the whole validation set, 1 minibatches of it, 2 the run, 3 training data.

    If the run logs a reward (``rewarded``), the reward ranks as held-out data and losses rank after it.
    """
    row = metric(name)
    if rewarded and name in REWARDS:
        return REWARDS.index(name)
    if rewarded and row.direction == "lower":
        return 2 if row.validates else 3
    return ("full validation", "minibatch validation", "run", "train").index(row.split)


def deciding_rank(name: str, *, known: bool, rewarded: bool, preferred: Sequence[str] = ()) -> tuple[int, bool, bool]:
    """Return the sort key of a metric among those that can decide; the smallest decides.

    The key is the rank of the data, with ``preferred`` metrics first. Of metrics of one rank, one whose error can be
    estimated from single runs (``known``) comes first, else a score before a loss: with several seeds the error of
    every metric is known, and the number of seeds must not change which metric decides.
    """
    measured = -1 if name in preferred else deciding_class(name, rewarded=rewarded)
    return measured, not known, not known and is_loss(name)


def deciding_order(names: Iterable[str], preferred: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the metrics that can decide between two runs, best first; those of unknown direction are left out.

    ``preferred`` metrics (the stated one, then the one by which the tool kept its best model) come first, then those
    measured on the whole validation set, on minibatches of it, on the run, on training data. A reward comes before
    every loss.

    Examples
    --------
    >>> deciding_order(["train_loss", "test_rmse", "full_valid_mean_token_accuracy", "lr"])
    ('full_valid_mean_token_accuracy', 'test_rmse', 'train_loss')
    >>> deciding_order(["full_valid_loss", "reward"])
    ('reward', 'full_valid_loss')
    """
    logged = [name for name in dict.fromkeys(names) if metric(name).direction != "none"]
    rewarded = bool({*REWARDS} & {*logged})
    table = list(METRICS)

    def key(name: str) -> tuple[int, int, int, int]:
        place = preferred.index(name) if name in preferred else len(preferred)
        within = REWARDS.index(name) if name in REWARDS else 2
        measured = deciding_class(name, rewarded=rewarded)
        return place, measured, within, table.index(name) if name in table else len(table)

    return tuple(sorted(logged, key=key))


def held_out(ordered: Sequence[str], preferred: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the metrics measured on held-out data, rewards and ``preferred`` ones; all of ``ordered`` if none is.

    Training data never outvotes held-out data: the metrics left out decide nothing.

    Examples
    --------
    >>> held_out(["full_valid_loss", "train_loss"]), held_out(["train_loss"])
    (('full_valid_loss',), ('train_loss',))
    """
    kept = tuple(m for m in ordered if metric(m).validates or m in REWARDS or m in preferred)
    return kept or tuple(ordered)
