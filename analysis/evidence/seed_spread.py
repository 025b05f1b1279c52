"""How much runs scatter that differ in the seed alone: measured, stated, or what is usual."""

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
"""Where the seed's share of an error comes from, best first; "" where no seed matters (noise)."""

CURVE_SHARE = 0.01
"""Seed-to-seed standard deviation of a loss that steps show, as a share of its level: what larger trainings have."""

POINT_SHARE = 0.05
"""The same of a score of which nothing more is known."""

REWARD_SHARE = 0.2
"""The same of a reward: seeds of reinforcement learning scatter by a tenth to half of what they reach."""

DECIBELS = 4.0
"""Standard deviation in dB that single examples (images, utterances) have of a PSNR or SNR, taken as usual."""
_DECIBELS = re.compile(r"(?<![a-z])(p?snr|(si_?)?sdri?)(?![a-z])")

POINT_EXAMPLES = 200
"""Examples that a score (F1, mAP) is taken to be worth where nobody says how many there were."""

LOSS_EXAMPLES = 2_000
"""Examples that a loss is taken to be a mean of where nobody says how many there were."""

LOSS_SPREAD = (1.5, 6.5)
"""Bounds of the standard deviation of one example's loss as a multiple of the mean."""


@dataclass(frozen=True)
class Spread:
    """Standard deviation between seeds of one configuration, with its degrees of freedom and source."""

    sd: float
    df: float
    source: SeedSource


@dataclass(frozen=True)
class SeedSpread:
    """The spread between seeds by metric, for runs of which a group has only one."""

    pooled: Mapping[str, Spread] = field(default_factory=dict)
    stated: Mapping[str, float] = field(default_factory=dict)
    members: frozenset[frozenset[str]] = frozenset()

    def of(self, metric: str) -> Spread | None:
        """Return the measured spread, else the stated one; None where nobody knows."""
        if metric in self.pooled:
            return self.pooled[metric]
        return Spread(self.stated[metric], math.inf, "stated") if metric in self.stated else None

    def between(self, one: Run, two: Run, metric: str) -> Spread | None:
        """Return the spread for two single runs; not that of their own group, which their difference made."""
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
    """Collect what is known of the spread between seeds.

    Parameters
    ----------
    primary : str, optional
        The metric that a ``seed_sd`` without a name means; without one it is taken for every metric.
    earlier : sequence of mappings
        ``seed_groups`` of earlier reports: metric, validation_set, sd, runs. Only those of the same metric and set
        count, since another set has another spread.
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
    """Return what was stated of a metric, 0 where nothing was."""
    if isinstance(given, Mapping):
        return given.get(metric, 0.0)
    return given or 0.0 if primary in (None, metric) else 0.0


def _by_own_names(run: Run) -> float | Mapping[str, float] | None:
    if isinstance(run.seed_sd, Mapping):
        return {run.metric_named(name) or name: sd for name, sd in run.seed_sd.items()}
    return run.seed_sd


def _as_group(old: Mapping[str, Any]) -> FloatArray:
    """Return values with the standard deviation and number of runs of an earlier group."""
    k, sd = int(old["runs"]), float(old["sd"])
    values = np.zeros(k)
    values[0], values[1] = 1.0, -1.0
    return values * sd / float(values.std(ddof=1))


def possible(difference: Estimate, metric: str, level: float) -> Estimate:
    """Cut the interval of a difference of shares at what shares can differ by."""
    most = 100.0 if level > 1 else 1.0
    if not metric_of(metric).share or not difference.known:
        return difference
    return replace(difference, low=max(difference.low, -most), high=min(difference.high, most))


def usual_seed_sd(metric: str, one: Estimate, two: Estimate, n_valid: int | None) -> float | None:
    """Return how much the level of a metric usually scatters between seeds, where nothing is measured or stated.

    Of a share of n examples ``sqrt(e/(2n))`` with its error rate e: over seeds of real trainings .40 to 1.29 times
    that was measured at the end, up to 4.4 times early. Of a loss with a known sampling error the same relation to
    that error, ``SE/sqrt 2``.

    Returns
    -------
    float or None
        In the unit of the metric; None for a share of an unknown number of examples, of which nothing can be said.
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
    """Return the assumed standard deviation of one example's loss, from the mean.

    Most examples cost little and a few about 3, so the variance of a cross-entropy is some 3 times its mean. On five
    real trainings with means from .12 to 1.6 the seed sd was .2 to 1.5 times what follows from this at the end, up to
    3.9 times early.
    """
    low, high = LOSS_SPREAD
    return level * min(max(math.sqrt(3 / level), low), high) if level > 0 else 0.0
