"""Standard deviation between runs that differ only in the seed: measured, stated, or usual."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from analysis import statistics as st
from analysis.core.deciding import REWARDS, is_loss
from analysis.core.metrics import metric as metric_of
from analysis.core.run import FloatArray, Run
from analysis.core.settings import Settings
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_groups import SeedGroup, group_levels
from analysis.statistics import Estimate

SeedSource = Literal["", "seeds", "paired seeds", "one against seeds", "pooled", "stated", "none"]
"""Source of the between-seed part of an error, best first; "" if seeds do not matter (noise)."""

CURVE_SHARE = 0.01
"""Usual standard deviation between seeds of a loss with a known window mean, as a share of its level."""

POINT_SHARE = 0.05
"""Usual standard deviation between seeds of any other score, as a share of its level."""

REWARD_SHARE = 0.2
"""The same for a reward: seeds of reinforcement learning scatter by a tenth to half of their level."""

DECIBELS = 4.0
"""Assumed standard deviation of the PSNR or SNR of single examples (images, utterances), in dB."""
_DECIBELS = re.compile(r"(?<![a-z])(p?snr|(si_?)?sdri?)(?![a-z])")

POINT_EXAMPLES = 200
"""Assumed number of examples behind a score (F1, mAP) if it is not stated."""

LOSS_EXAMPLES = 2_000
"""Assumed number of examples behind a loss if it is not stated."""

LOSS_SPREAD = (1.5, 6.5)
"""Bounds of the assumed standard deviation of the loss of one example, as a multiple of the mean."""


@dataclass(frozen=True)
class Spread:
    """Standard deviation between seeds of one configuration, with its degrees of freedom and source."""

    sd: float
    df: float
    source: SeedSource


@dataclass(frozen=True)
class SeedSpread:
    """The spread between seeds by metric, for comparisons of groups with a single run; ``members`` are the groups."""

    pooled: Mapping[str, Spread] = field(default_factory=dict)
    stated: Mapping[str, float] = field(default_factory=dict)
    members: frozenset[frozenset[str]] = frozenset()

    def of(self, metric: str) -> Spread | None:
        """Return the measured spread of a metric, else the stated one; None if unknown."""
        if metric in self.pooled:
            return self.pooled[metric]
        return Spread(self.stated[metric], math.inf, "stated") if metric in self.stated else None

    def between(self, one: Run, two: Run, metric: str) -> Spread | None:
        """Return the spread for two runs; in one group only the stated one, as the other includes their difference."""
        if any({one.id, two.id} <= group for group in self.members):
            return replace(self, pooled={}).of(metric)
        return self.of(metric)


def seed_spread(
    groups: Sequence[SeedGroup],
    metrics: Sequence[str],
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
    settings: Settings,
    *,
    primary: str | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> SeedSpread:
    """Return what is known about the spread between seeds.

    Parameters
    ----------
    primary : str, optional
        The metric that a ``seed_sd`` without a name applies to; by default it applies to every metric.
    earlier : sequence of mappings
        ``seed_groups`` of earlier reports: metric, validation_set, sd, runs. Only those with the same validation set
        are used, since another set has another spread.
    """
    sets = {run.data.validation_set for run in runs}
    pooled = {}
    for metric in metrics:
        values = [group_levels(group, metric, evidence) for group in groups]
        past = [
            _as_group(old) for old in earlier if old.get("metric") == metric and {old.get("validation_set")} == sets
        ]
        sd, df = st.pooled_sd([*values, *past])
        if df and sd > 0:
            pooled[metric] = Spread(sd, df, "pooled")
    stated: dict[str, float] = {}
    for metric in dict.fromkeys((*metrics, *(name for run in runs for name in run.metrics))):
        given = _stated(settings.seed_sd, metric, primary)
        by_runs = [sd for run in runs if (sd := _stated(_by_own_names(run), metric, primary))]
        if given or by_runs:
            stated[metric] = given or max(by_runs)
    return SeedSpread(pooled, stated, frozenset(frozenset(group.runs) for group in groups if len(group.runs) > 1))


def _stated(given: float | Mapping[str, float] | None, metric: str, primary: str | None) -> float:
    """Return the stated standard deviation of a metric; 0 if none was stated."""
    if isinstance(given, Mapping):
        return given.get(metric, 0.0)
    return given or 0.0 if primary in (None, metric) else 0.0


def _by_own_names(run: Run) -> float | Mapping[str, float] | None:
    if isinstance(run.seed_sd, Mapping):
        return {run.metric_named(name) or name: sd for name, sd in run.seed_sd.items()}
    return run.seed_sd


def _as_group(old: Mapping[str, Any]) -> FloatArray:
    """Return values that have the standard deviation and number of runs of an earlier group, shape (runs,)."""
    k, sd = int(old["runs"]), float(old["sd"])
    values = np.zeros(k)
    values[0], values[1] = 1.0, -1.0
    return values * sd / float(values.std(ddof=1))


def clipped_difference(difference: Estimate, metric: str, level: float) -> Estimate:
    """Return a difference of shares with its interval cut at the largest possible difference; others unchanged."""
    most = 100.0 if level > 1 else 1.0
    if not metric_of(metric).share or not difference.known:
        return difference
    return replace(difference, low=max(difference.low, -most), high=min(difference.high, most))


def usual_seed_sd(metric: str, one: Estimate, two: Estimate, n_valid: int | None) -> float | None:
    """Return the usual standard deviation of a metric between seeds, for when it is neither measured nor stated.

    For a share of n examples with error rate e it is ``sqrt(e/(2n))``: seeds of real trainings had .40 to 1.29 times
    that at the end, up to 4.4 times early. For a loss with a known sampling error it is, by the same relation,
    ``SE/sqrt 2``.

    Returns
    -------
    float or None
        In the unit of the metric; None for a share of an unknown number of examples.
    """
    row = metric_of(metric)
    level = (abs(one.value) + abs(two.value)) / 2
    scale = 100.0 if level > 1 else 1.0
    share = min(level / scale, 1.0)
    if row.share:
        if not n_valid:
            return None
        wrong = share if row.direction == "lower" else 1 - share
        return scale * math.sqrt(max(wrong, 0.5 / n_valid) / (2 * n_valid))
    if one.known and two.known:
        error = math.hypot(one.se, two.se) / 2 if row.split == "full validation" else 0.0
        return max(error, (REWARD_SHARE if row.name in REWARDS else CURVE_SHARE) * level)
    if _DECIBELS.search(metric.lower()):
        return DECIBELS / math.sqrt(2 * (n_valid or POINT_EXAMPLES))
    if row.direction == "lower" or is_loss(metric):
        return _loss_sd(level) / math.sqrt(2 * (n_valid or LOSS_EXAMPLES))
    if row.unit == "fraction" or (row.name not in REWARDS and level <= 100):
        return scale * math.sqrt(max(share * (1 - share), 1e-4) / (2 * (n_valid or POINT_EXAMPLES)))
    return (REWARD_SHARE if row.name in REWARDS else POINT_SHARE) * level


def _loss_sd(level: float) -> float:
    """Return the assumed standard deviation of the loss of one example, from the mean.

    Most examples have a small loss and a few about 3, so the variance of a cross-entropy is some 3 times its mean. In
    five real trainings with means from .12 to 1.6 the sd between seeds was .2 to 1.5 times what follows from this at
    the end, up to 3.9 times early.
    """
    low, high = LOSS_SPREAD
    return level * min(max(math.sqrt(3 / level), low), high) if level > 0 else 0.0
