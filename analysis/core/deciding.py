"""Which of the metrics that runs logged can decide between them, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from analysis.core.metrics import METRICS, metric

REWARDS = ("eval_reward", "reward")
"""What a run that logs one is trained for: the loss beside it only carries the gradient and may rise too."""

MOST_SCORES = 4
"""Scores of a log's own that are judged beside a known validation loss: more are those of single classes."""

_LOSS = re.compile(
    r"\w*loss(es)?|nll|ppl|perplexity|bp[bcd]|b?ce|xent|\w*crossentropy|n?elbo|deviance|likelihood|loglik"
)


_TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)


def is_loss(metric: str) -> bool:
    """True if a metric is a loss or follows from one; a score by its own right is none, high or low.

    Examples
    --------
    >>> [is_loss(name) for name in ("full_valid_loss", "val/perplexity", "val_wer", "f1", "val_cross_entropy")]
    [True, True, False, False, True]
    """
    words = re.split(r"[^a-z0-9]+", metric.lower())
    return any(map(_LOSS.fullmatch, words)) or {"cross", "entropy"} <= set(words)


def judged(names: Iterable[str], primary: str | None = None) -> tuple[str, ...]:
    """Choose the metrics to judge: those of the table, in its order, and others only where they add something.

    Those are ``primary``, evaluations by example, validation metrics of a log whose validation has no standard name,
    what was measured on a test set beside a validation set, scores that nothing calls the training's where nothing was
    validated, and all of a log that has no standard name at all: a log of many losses of its own beside a known one
    would else pay for each in every adjusted p.
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
    """Rank what a metric was measured on: 0 the whole validation set, 1 minibatches of it, 2 the run, 3 training data.

    Where a reward is logged (``rewarded``) it counts as held out, and losses come after it.
    """
    row = metric(name)
    if rewarded and name in REWARDS:
        return REWARDS.index(name)
    if rewarded and row.direction == "lower":
        return 2 if row.validates else 3
    return ("full validation", "minibatch validation", "run", "train").index(row.split)


def standing(name: str, *, known: bool, rewarded: bool, preferred: Sequence[str] = ()) -> tuple[int, bool, bool]:
    """Rank a metric among those that can decide, the smallest first.

    By what it was measured on, what is ``preferred`` before all; of metrics measured alike one whose error single runs
    tell (``known``) comes first, else a score before a loss: seeds tell the error of each, and how many there are must
    not change what is asked.
    """
    measured = -1 if name in preferred else deciding_class(name, rewarded=rewarded)
    return measured, not known, not known and is_loss(name)


def deciding_order(names: Iterable[str], preferred: Sequence[str] = ()) -> tuple[str, ...]:
    """Order metrics by how well they can decide between two runs, the best first.

    ``preferred`` (what was stated, then the metric by which the tool kept its best model) come first, then whatever
    was measured on the whole validation set, on minibatches of it, on the run, on training data. Where a reward is
    logged it comes before every loss. A metric of unknown direction decides nothing.

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
    """Keep what was measured on held-out data, a reward or what is preferred; all of them where nothing is left.

    Held-out data is never outvoted by training data: what this leaves out decides nothing.

    Examples
    --------
    >>> held_out(["full_valid_loss", "train_loss"]), held_out(["train_loss"])
    (('full_valid_loss',), ('train_loss',))
    """
    kept = tuple(m for m in ordered if metric(m).validates or m in REWARDS or m in preferred)
    return kept or tuple(ordered)
