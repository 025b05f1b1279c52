"""The error that each of many tests may spend that come one after another, nobody knows how many (LORD++)."""

from __future__ import annotations

from collections.abc import Sequence

_DECAY, _SUM = 1.6, 2.2857656  # sum over k of k**-1.6, so that all shares together are 1


def online_level(test: int, discoveries: Sequence[int], alpha: float) -> float:
    """Return the level of a test, from the numbers of the earlier tests that found something.

    LORD++ of Ramdas, Yang, Wainwright and Jordan (2017), "Online control of the false discovery rate with decaying
    memory": half of ``alpha`` is spent from the start, the other half from the first discovery, ``alpha`` more from
    each further one. Until something is found the levels add up to at most ``alpha / 2``, so where nothing is there to
    be found the chance of ever finding something is below that, however the tests depend on each other (Bonferroni);
    afterwards at most a share ``alpha`` of the discoveries is false on average, as far as the tests are independent.
    The shares fall as ``k**-1.6``: most of them goes to the next ten tests, since a loop that finds nothing ends.

    Parameters
    ----------
    test : int
        Its number, from 1.
    discoveries : sequence of int
        Numbers of earlier tests, ascending.
    alpha : float

    Examples
    --------
    >>> [round(online_level(t, [], 0.05), 4) for t in (1, 2, 10, 100)]
    [0.0109, 0.0036, 0.0003, 0.0]
    >>> round(online_level(11, [3, 10], 0.05), 4)
    0.0225
    """
    weights = [alpha / 2, *(alpha / 2 if n == 0 else alpha for n in range(len(discoveries)))]
    return sum(weight * _share(test - begun) for weight, begun in zip(weights, (0, *discoveries), strict=True))


def _share(k: int) -> float:
    return float(k**-_DECAY) / _SUM
