"""Goals with numbers: a published case, one-sided tests over seeds, and errors of one line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.core.errors import UsageError
from analysis.core.run import Run
from analysis.findings.goal import Criterion
from tests.builders import altered, analyzed, known, log

ACCURACY = "full_valid_mean_token_accuracy"
PUBLISHED = (3.2781, 3.2792, 3.2765, 3.2796, 3.2803, 3.2801, 3.2787, 3.2798, 3.2787, 3.2786)


def criteria(goal: str, levels: tuple[float, ...] = PUBLISHED) -> tuple[Criterion, ...]:
    """The criteria of a goal, for seeds of one configuration that end at these full validation losses."""
    runs = []
    for seed, level in enumerate(levels):
        columns = {**log(seed, level=3.3), "full_valid_loss": np.r_[np.full(299, np.nan), level]}
        runs.append(known(f"s{seed}", columns, seed=seed))
    found = analyzed(runs, goal=goal).goal
    assert found is not None
    return found.criteria


def test_the_published_case_holds() -> None:
    """Ten seeds against 3.28: p = .0084, as SciPy has it too."""
    (one,) = criteria("full_valid_loss <= 3.28")
    assert one.tested is not None
    assert one.tested.p is not None
    assert round(one.tested.p, 4) == 0.0084
    assert one.tested.p == pytest.approx(stats.ttest_1samp(PUBLISHED, 3.28, alternative="less").pvalue)
    assert (one.met, one.tested.scope, one.tested.seeds) == (True, "configurations", 10)


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        ("full_valid_loss <= 3.2788", None),
        ("full_valid_loss <= 3.27", False),
        ("full_valid_loss >= 3.27", True),
        ("valid_accuracy >= 50 %", True),
        ("valid_accuracy >= 0.99", False),
    ],
)
def test_a_bound_is_met_missed_or_undecided(goal: str, met: bool | None) -> None:
    (one,) = criteria(goal)
    assert one.met is met
    assert one.tested is not None
    assert bool(one.tested.takes) is (met is None)


@pytest.mark.parametrize(
    ("goal", "read"),
    [
        ("full_valid_loss at most 3.28", "full_valid_loss <= 3.28"),
        ("reach a full_valid_loss below 3.28", "full_valid_loss < 3.28"),
        ("full_valid_loss to be no more than 3.28.", "full_valid_loss <= 3.28"),
        ("bring full valid loss under 3.28", "full valid loss < 3.28"),
        ("train loss of less than 5", "train loss < 5"),
        ("valid_accuracy above 50 %", "valid_accuracy > 50 %"),
        ("valid_accuracy is at least 0.5", "valid_accuracy >= 0.5"),
        ("valid_accuracy over 50 percent", "valid_accuracy > 50 percent"),
    ],
)
def test_a_bound_in_words_is_a_bound(goal: str, read: str) -> None:
    (one,) = criteria(goal)
    assert (one.asked, one.met) == (read, True)


@pytest.mark.parametrize(
    "goal",
    [
        "accuracy >= 90 %",
        "validation accuracy at least 0.9",
        "val acc > 0.9",
        "valid_accuracy >= 0.9",
        "reach a validation accuracy of at least 90 percent",
        "improve validation accuracy by 2 pp",
        "validation accuracy no worse than baseline by 1 %",
    ],
)
def test_a_metric_is_understood_as_people_call_it(goal: str) -> None:
    """Whatever the log calls it; and what holds a number is never taken for prose."""
    runs = [
        altered(known(name, {ACCURACY: [0.8, level]}, learning_rate_multiplier=level), data={"n_valid": 20_000})
        for name, level in (("a", 0.9), ("b", 0.945))
    ]
    (one,) = analyzed(runs, baseline="a", candidate="b", goal=goal).goal.criteria
    assert (one.name, one.met) == (ACCURACY, True)


def test_what_surrounds_a_bound_in_words_is_kept() -> None:
    found = criteria("train_loss below 5 and better stability over 300 steps")
    assert [c.name for c in found] == ["train_loss", "stability"]


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        ("reach val_lss below 0.9", "metric 'val_lss' was not logged"),
        ("reach train_loss below 0.9 within 3 epochs", "'within 3 epochs' after the bound"),
        ("at most 3.28", "names no metric"),
    ],
)
def test_a_bound_in_words_is_never_taken_for_prose(goal: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        criteria(goal)


def test_several_criteria_and_prose_stand_beside_each_other() -> None:
    found = criteria("train_loss < 5 and full_valid_loss < 3.4 and better stability")
    assert [c.name for c in found] == ["train_loss", "full_valid_loss", "stability"]


@pytest.mark.parametrize(
    ("goal", "told"),
    [("full_vald_loss <= 3", "did you mean 'full_valid_loss'"), ("full_valid_loss <= low", "is no criterion")],
)
def test_what_cannot_be_read_is_one_line(goal: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        criteria(goal)


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        ("improve train_loss by 0.05", True),
        ("improve train_loss by 0.2", False),
        ("improve train_loss by 10 %", True),
        ("improve train_loss by 60 %", False),
        ("train_loss no worse than baseline by 0.002", True),
    ],
)
def test_margins_are_held_against_the_baseline(goal: str, met: bool) -> None:
    """0.2 against 0.3, one run each: an answer about these models."""
    runs = [known("a", log(1)), altered(known("b", log(2, level=0.2), learning_rate_multiplier=1), goal=goal)]
    found = analyzed(runs).goal
    assert found is not None
    (one,) = found.criteria
    assert one.met is met
    assert one.tested is not None
    assert one.tested.scope == "models"


def test_a_spread_stated_beside_the_log_counts_as_one_in_the_settings() -> None:
    columns = {**log(1, level=3.3), "full_valid_loss": np.r_[np.full(299, np.nan), 3.27]}
    goal = "full_valid_loss <= 3.28"
    beside = analyzed([altered(known("a", columns), seed_sd={"full_valid_loss": 0.004})], goal=goal).goal
    settings = analyzed([known("a", columns)], goal=goal, settings={"seed_sd": {"full_valid_loss": 0.004}}).goal
    assert beside is not None
    assert beside == settings
    (one,) = beside.criteria
    assert one.tested is not None
    assert one.tested.scope == "configurations"


def test_a_spread_without_a_name_is_that_of_the_deciding_metric() -> None:
    columns = {**log(1, level=3.3), "full_valid_loss": np.r_[np.full(299, np.nan), 3.27]}
    goal = "full_valid_loss <= 3.28 and train_loss < 5"
    found = analyzed([known("a", columns)], goal=goal, settings={"seed_sd": 0.004}).goal
    assert found is not None
    assert [c.tested and c.tested.scope for c in found.criteria] == ["configurations", "models"]


def test_one_run_is_tested_with_the_spread_that_other_groups_show() -> None:
    """t = d / (s sqrt 2) with the degrees of freedom of the group that the spread was measured on."""

    def run(name: str, level: float, seed: int, rate: float) -> Run:
        columns = {**log(seed, level=3.3), "full_valid_loss": np.r_[np.full(299, np.nan), level]}
        return known(name, columns, seed=seed, learning_rate=rate)

    levels = (3.30, 3.31, 3.29, 3.305)
    group = [run(f"g{seed}", level, seed, 0.1) for seed, level in enumerate(levels)]
    runs = [*group, run("base", 3.30, 1, 0.2), run("new", 3.25, 1, 0.3)]
    goal = "improve full_valid_loss by 0.01"
    (one,) = analyzed(runs, goal=goal, baseline="base", candidate="new").goal.criteria  # type: ignore[union-attr]
    t = 0.04 / (np.std(levels, ddof=1) * np.sqrt(2))
    assert one.tested is not None
    assert one.tested.p == pytest.approx(stats.t.sf(t, 3))
    assert one.tested.scope == "configurations"


def test_settings_by_metric_take_the_names_of_the_log_and_refuse_what_nobody_logged() -> None:
    columns = {**log(1, level=3.3), "full_valid_loss": np.r_[np.full(299, np.nan), 3.27]}
    with pytest.raises(UsageError, match="'seed_sd' is 'full_vald_loss', which no run logged"):
        analyzed([known("a", columns)], settings={"seed_sd": {"full_vald_loss": 0.004}})
