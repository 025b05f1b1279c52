"""Tell losses from scores by name: what a model is trained to lower, and what it is judged by."""

from __future__ import annotations

import re

_LOSS = re.compile(r"\w*loss(es)?|nll|ppl|perplexity|bp[bcd]|ce|bce|xent|\w*crossentropy|elbo|nelbo|deviance")


def is_loss(metric: str) -> bool:
    """True if a metric is a loss or follows from one; a score by its own right is none, high or low.

    Examples
    --------
    >>> [is_loss(name) for name in ("full_valid_loss", "val/perplexity", "val_wer", "f1", "val_cross_entropy")]
    [True, True, False, False, True]
    """
    words = re.split(r"[^a-z0-9]+", metric.lower())
    return any(map(_LOSS.fullmatch, words)) or {"cross", "entropy"} <= set(words)
