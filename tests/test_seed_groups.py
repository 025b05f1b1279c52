"""Several seeds of a configuration make the seed, not the step, the unit of comparison."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import ttest_ind

from analysis.core.rich_text import plain
from analysis.core.run import Run
from analysis.evidence.seed_groups import seed_groups
from tests.builders import altered, analyzed, known, log


def seeds(arm: str, rate: float, levels: list[float], *, start: int = 0, group: str | None = None) -> list[Run]:
    """Runs of one configuration, each at its own level."""
    made = [
        known(f"{arm}{k}", log(start + k, 120, level=level, full=60), learning_rate_multiplier=rate, seed=k)
        for k, level in enumerate(levels)
    ]
    return [altered(one, group=group) for one in made] if group else made


def spread(seed: int, mean: float = 0.3, sd: float = 0.03) -> list[float]:
    return list(mean + sd * np.random.default_rng(seed).standard_normal(3))


def test_arms_are_found_by_configuration_or_stated() -> None:
    found = [*seeds("a", 0.5, [0.3, 0.3]), *seeds("b", 1.0, [0.3, 0.3])]
    assert [arm.runs for arm in seed_groups(found)] == [("a0", "a1"), ("b0", "b1")]
    one_group = [altered(r, group="all") for r in found]
    assert [(arm.name, arm.runs) for arm in seed_groups(one_group)] == [("all", ("a0", "a1", "b0", "b1"))]
    same_seed = [known("a", log(1)), known("b", log(2))]
    assert [arm.runs for arm in seed_groups(same_seed)] == [("a",), ("b",)]
    other_data = [found[0], altered(found[1], data={"training_set": "another"})]
    assert len(seed_groups(other_data)) == 2
    unstated = [altered(r, config={}) for r in found[:2]]
    assert len(seed_groups(unstated)) == 2


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (
            ("wide_seed1", "wide_seed2", "deep_seed1", "deep_seed2"),
            {("wide_seed1", "wide_seed2"), ("deep_seed1", "deep_seed2")},
        ),
        (
            ("wide_seed1", "deep_seed2", "deep_seed1", "wide_seed2"),
            {("wide_seed1", "wide_seed2"), ("deep_seed2", "deep_seed1")},
        ),
        (("wide_seed1", "again_seed1"), {("wide_seed1",), ("again_seed1",)}),
        # Names that tell nothing: a second run of one seed stands for itself.
        (("kea_1", "owl_1", "tit_2", "jay_3"), {("kea_1", "tit_2", "jay_3"), ("owl_1",)}),
    ],
)
def test_a_seed_that_comes_twice_parts_a_configuration(order: tuple[str, ...], found: set[tuple[str, ...]]) -> None:
    """What differs then is stated nowhere but, at best, in the names: two groups, never one of both."""
    runs = [known(name, log(k), seed=int(name[-1])) for k, name in enumerate(order)]
    assert {group.runs for group in seed_groups(runs)} == found


def test_between_arms_one_value_a_run_is_compared() -> None:
    runs = [*seeds("a", 0.5, spread(1)), *seeds("b", 1.0, spread(2, 0.5), start=9)]
    a = analyzed(runs)
    primary = a.verdict.primary
    assert primary is not None
    assert (primary.definition, primary.scope) == ("seeds.diff", "3 and 3 seeds")
    last = [[r.series("full_valid_loss")[-1] for r in runs if r.id[0] == arm] for arm in "ab"]
    assert primary.result.value == pytest.approx(np.mean(last[1]) - np.mean(last[0]))
    assert primary.result.p == pytest.approx(ttest_ind(last[1], last[0], equal_var=False).pvalue, rel=1e-6)
    assert a.verdict.result == "regressed"
    assert "3 and 3 seeds" in a.verdict.numbers


@pytest.mark.parametrize(("baseline", "candidate"), [("a0", "b0"), ("a2", "b1"), (None, None), ("a1", None)])
def test_whichever_seeds_are_named_the_verdict_is_that_of_the_arms(baseline: str | None, candidate: str | None) -> None:
    runs = [*seeds("a", 0.5, spread(1)), *seeds("b", 1.0, spread(2, 0.5), start=9)]
    a = analyzed(runs, baseline=baseline, candidate=candidate)
    assert a.baseline is not None
    assert a.baseline.id[0] == "a"
    assert a.verdict.primary is not None
    assert a.verdict.primary.definition == "seeds.diff"
    assert a.verdict.result == "regressed"


def test_seeds_that_vary_are_no_winner_where_steps_would_say_so() -> None:
    by_seed, by_step = Counter[str](), Counter[str]()
    for k in range(20):
        runs = [*seeds("a", 0.5, spread(2 * k), start=10 * k), *seeds("b", 1.0, spread(2 * k + 1), start=10 * k + 5)]
        by_seed[analyzed(runs, baseline="a0", candidate="b0").verdict.result] += 1
        by_step[analyzed([runs[0], runs[3]], baseline="a0").verdict.result] += 1
    assert by_seed["improved"] + by_seed["regressed"] + by_seed["mixed"] <= 3
    assert by_step["improved"] + by_step["regressed"] > 10


def test_groups_follow_the_arms_and_not_the_steps() -> None:
    close = [*seeds("a", 0.5, [0.25, 0.30, 0.35]), *seeds("b", 1.0, [0.27, 0.32, 0.37], start=9)]
    groups = {analyzed(close).evidence_grades[r.id].group for r in close}
    assert groups == {1}
    apart = [*seeds("a", 0.5, [0.29, 0.30, 0.31]), *seeds("b", 1.0, [0.59, 0.60, 0.61], start=9)]
    grades = analyzed(apart).evidence_grades
    assert {run_id: grade.group for run_id, grade in grades.items()} == {
        **dict.fromkeys(("a0", "a1", "a2"), 1),
        **dict.fromkeys(("b0", "b1", "b2"), 2),
    }


def test_a_stated_group_is_an_arm_too() -> None:
    runs = [
        *seeds("a", 0.5, spread(1), group="old"),
        *seeds("b", 0.5, spread(2, 0.5), start=9, group="new"),
    ]
    verdict = analyzed(runs).verdict
    assert verdict.primary is not None
    assert verdict.primary.definition == "seeds.diff"


def test_one_seed_is_held_against_the_group_of_the_others() -> None:
    runs = [*seeds("a", 0.5, spread(1)), *seeds("b", 1.0, [0.5], start=9)]
    verdict = analyzed(runs, baseline="a0").verdict
    assert verdict.primary is not None
    assert (verdict.primary.definition, verdict.primary.seeds) == ("seeds.one_against", (3, 1))
    assert verdict.scope == "configurations"


def test_between_groups_of_seeds_no_sentence_names_one_seed() -> None:
    """What three seeds of each say is said of their configurations."""
    a = analyzed([*seeds("a", 0.5, [0.30, 0.31, 0.32]), *seeds("b", 1.0, [0.40, 0.41, 0.42])])
    told = [plain(f.text) for f in a.findings if f.id in ("performance.primary", "seeds.improvement")]
    assert len(told) == 2
    assert not [text for text in told for run in a.runs if a.name(run.id) in text.split()]
