"""Seeds of a configuration that died, or ended far from the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.core.number_format import in_unit, listed
from analysis.core.run import Run
from analysis.core.run_facts import died
from analysis.core.run_names import display_name, metric_words
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_groups import SeedGroup, level_by_run
from analysis.evidence.seed_spread import usual_seed_sd

FAR = 6.0
"""Distance of an outlier, in standard deviations of the other seeds, or of usual ones if those are larger."""

LEAST_OTHERS = 2
"""Least number of other seeds for an outlier."""


@dataclass(frozen=True)
class SeedOutcomes:
    """The runs of one configuration that ended differently from the others.

    Attributes
    ----------
    runs : int
        Number of runs of the configuration.
    dead : tuple of str
        IDs of runs whose loss ended as NaN or infinite; they have no level and are left out of means.
    outliers : Mapping[str, str]
        A sentence for each run that ended far from the others, by ID; they are included in means.
    """

    runs: int
    dead: tuple[str, ...]
    outliers: Mapping[str, str]

    @property
    def died(self) -> float:
        """Share of the runs that died."""
        return len(self.dead) / self.runs

    def words(self, name: str) -> str:
        """Return the sentences about a configuration of this name; empty if all runs ended alike."""
        sentences = []
        if self.dead and self.runs > 1:
            who = listed([display_name(run_id) for run_id in self.dead])
            left = "is" if len(self.dead) == 1 else "are"
            sentences.append(f"Of the {self.runs} runs of {name}, {who} ended as NaN or infinite and {left} left out.")
        return " ".join([*sentences, *self.outliers.values()])


def dead_runs(group: SeedGroup, runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the IDs of the runs of a group that died."""
    return tuple(run.id for run in runs if run.id in group.runs and died(run))


def outcomes(group: SeedGroup, metric: str, runs: Sequence[Run], evidence: Mapping[str, RunEvidence]) -> SeedOutcomes:
    """Return the dead runs of a group, and the outliers by their levels of a metric."""
    dead = dead_runs(group, runs)
    levels = {r: x for r, x in level_by_run(group, metric, evidence).items() if r not in dead}
    outliers = {}
    for run_id, level in levels.items():
        others = [other for other in levels if other != run_id]
        if len(others) < LEAST_OTHERS:
            break
        rest = np.asarray([levels[other] for other in others])
        pair = [evidence[other].window[metric] for other in others[:2]]
        n = next((run.n_valid for run in runs if run.id == run_id), None)
        usual = usual_seed_sd(metric, pair[0], pair[1], n) or 0.02 * abs(float(rest.mean()))
        sd = max(float(rest.std(ddof=1)) * math.sqrt(1 + 1 / rest.size), usual)
        if abs(level - float(rest.mean())) > FAR * sd:
            low, high = in_unit(metric, float(rest.min())), in_unit(metric, float(rest.max()))
            what = f"{metric_words(metric)} {in_unit(metric, level)}"
            outliers[run_id] = (
                f"{display_name(run_id)} ended far from the other seeds, at {what} against {low} to {high}."
            )
    return SeedOutcomes(len(group.runs), dead, outliers)
