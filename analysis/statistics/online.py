"""Significance levels for an open-ended sequence of tests (LORD++)."""

from __future__ import annotations

from collections.abc import Sequence

_DECAY, _SUM = 1.6, 2.2857656  # sum over k of k**-1.6, so that all shares together are 1


def online_level(test: int, discoveries: Sequence[int], alpha: float) -> float:
    """Return the significance level of a test, given which earlier tests were discoveries.

    LORD++ of Ramdas, Yang, Wainwright and Jordan (2017), "Online control of the false discovery rate with decaying
    memory": half of ``alpha`` is spent from the start, the other half from the first discovery, another ``alpha`` from
    each further one. Before the first discovery the levels add up to at most ``alpha / 2``, so if all nulls are true
    the chance of any discovery is below that, however the tests depend on each other (Bonferroni); afterwards the
    expected share of false discoveries is at most ``alpha`` if the tests are independent. The shares fall as
    ``k**-1.6``, which gives most to the next ten tests, since a loop without discoveries ends.

    Parameters
    ----------
    test : int
        Number of the test, from 1.
    discoveries : sequence of int
        Numbers of the earlier tests that were discoveries, ascending.
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
