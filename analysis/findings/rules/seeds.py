"""Rule about several seeds of a configuration, where the unit is the seed, not the step."""

from __future__ import annotations

import numpy as np

from analysis import statistics as st
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import interval
from analysis.core.rich_text import rich
from analysis.core.run_names import metric_words
from analysis.evidence.seed_groups import SeedGroup, group_levels, group_of, seed_groups
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.rules.build import estimate_fields

_SEED = 0
"""Seed of the bootstrap; fixed, so that the same runs give the same report."""


def improvement(a: Analysis) -> list[Finding]:
    """State the probability that a run of the candidate's configuration beats one of the baseline's."""
    primary = a.verdict.primary
    if a.baseline is None or primary is None or primary.seeds is None:
        return []
    found = seed_groups(a.runs)
    pair = [group_of(found, run.id) for run in (a.baseline, a.candidate)]
    before, after = (group_levels(arm, primary.metric, a.evidence) for arm in pair)
    lower = metric_of(primary.metric).direction == "lower"
    rng = np.random.default_rng(_SEED)
    chance = st.probability_of_improvement(before, after, lower_is_better=lower, rng=rng)
    middle = st.iqm_difference(before, after, rng=rng)
    pairs = before.size * after.size
    won = f"the better one in {chance.value * pairs:g} of {pairs} pairs"
    chances = f"the better one with probability {chance.value:.2f} [{chance.low:.2f}, {chance.high:.2f}]"
    differ = f"the interquartile means of {after.size} and {before.size} runs differ by {interval(middle, sign=True)}"
    shown = middle.known and primary.verdict(a.settings.alpha) != "no difference"
    text = rich(
        "In {metric}, of a run of {cand} and one of {base} the first is {won}{middle}.",
        metric=metric_words(primary.metric),
        cand=_called(a, a.candidate.id, pair[1]),
        base=_called(a, a.baseline.id, pair[0]),
        won=chances if chance.known else won,
        middle=f"; {differ}" if middle.known else "",
    )
    return [
        Finding(
            "seeds.improvement",
            "seeds.improvement",
            "final-validation",
            text,
            "supported" if shown else "cannot tell",
            runs=(*pair[0].runs, *pair[1].runs),
            **estimate_fields(chance),
        )
    ]


def _called(a: Analysis, run_id: str, group: SeedGroup) -> str:
    """Return the name of a configuration; with its number of runs if only the name of one run is known."""
    name = a.configuration_name(run_id)
    return name if name != a.name(run_id) else f"the {len(group.runs)} like {name}"
