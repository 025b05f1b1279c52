"""The overall result by rules of thumb and the stated goal: rules over the rule-of-thumb numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.core.settings import Settings
from analysis.findings.goal import goal_json, read_goal
from analysis.heuristics.run_numbers import RuleNumbers, rule_numbers
from analysis.heuristics.verdict import HEADLINES, rule_verdict
from tests.builders import known, log

BASE = rule_numbers([known("a", log(1))], Settings())["a"]
OSCILLATIONS = BASE.oscillations or 0


def candidate(accuracy: float | None = 0.0, oscillations: float | None = 1.0, steps: int = 0) -> RuleNumbers:
    """The base run with another last accuracy, oscillation count and length."""
    return replace(
        BASE,
        final_valid_accuracy=None if accuracy is None else (BASE.final_valid_accuracy or 0) + accuracy,
        oscillations=None if oscillations is None else round(OSCILLATIONS * oscillations),
        total_steps=BASE.total_steps + steps,
    )


@pytest.mark.parametrize(
    ("accuracy", "oscillations", "outcome"),
    [
        (0.01, 1.0, "improved"),
        (0.01, 0.5, "improved"),
        (0.01, 1.5, "mixed"),
        (-0.01, 1.0, "regressed"),
        (-0.01, 1.5, "regressed"),
        (-0.01, 0.5, "mixed"),
        (0.0, 1.0, "unchanged"),
        (0.0, 1.5, "less stable"),
        (0.0, 0.5, "more stable"),
        (0.01, None, "improved"),
    ],
)
def test_the_overall_result_follows_accuracy_and_oscillations(
    accuracy: float, oscillations: float | None, outcome: str
) -> None:
    verdict = rule_verdict(candidate(accuracy, oscillations), BASE, Settings())
    assert verdict.outcome == outcome
    assert verdict.headline == HEADLINES[outcome]  # type: ignore[index]


def test_ten_percent_more_oscillations_are_still_stable() -> None:
    base = replace(BASE, oscillations=100)
    for count, outcome in ((110, "improved"), (111, "mixed")):
        after = replace(candidate(0.01), oscillations=count)
        assert rule_verdict(after, base, Settings()).outcome == outcome


def test_without_accuracy_the_loss_decides_and_without_validation_nothing() -> None:
    base, after = candidate(None), replace(candidate(None), final_valid_loss=(BASE.final_valid_loss or 0) - 0.1)
    assert rule_verdict(after, base, Settings()).outcome == "improved"
    assert rule_verdict(base, after, Settings()).outcome == "regressed"
    bare = replace(base, final_valid_loss=None, final_full_valid_loss=None, final_full_valid_accuracy=None)
    assert rule_verdict(bare, bare, Settings()).outcome == "not assessed"
    assert rule_verdict(base, None, Settings()).outcome == "not assessed"


@pytest.mark.parametrize(
    ("goal", "criteria"),
    [
        ("better performance while maintaining stability", ["performance", "stability"]),
        ("Fewer steps", ["efficiency"]),
        ("reach the same accuracy, but cheaper and smoother", ["performance", "stability", "efficiency"]),
        ("lower training loss", ["training"]),
        ("world peace", []),
    ],
)
def test_a_goal_is_taken_apart_by_its_words(goal: str, criteria: list[str]) -> None:
    found = read_goal(goal, {"a": BASE, "b": candidate(0.01)}, "b", "a", Settings())
    assert found is not None
    assert [criterion.name for criterion in found.criteria] == criteria


@pytest.mark.parametrize(
    ("after", "achieved"),
    [
        (candidate(0.01), True),
        (candidate(0.01, 1.5), False),
        (candidate(-0.01), False),
        (candidate(0.01, None), None),
        (candidate(-0.01, None), False),
    ],
)
def test_a_goal_is_achieved_when_every_criterion_is_met(after: RuleNumbers, achieved: bool | None) -> None:
    found = read_goal("better and stable performance", {"a": BASE, "b": after}, "b", "a", Settings())
    assert found is not None
    assert found.achieved is achieved
    told = goal_json(found)
    assert told is not None
    assert told["achieved"] is achieved


def test_a_goal_with_nothing_to_compare_or_to_check_is_undecided() -> None:
    alone = read_goal("better performance", {"a": BASE}, "a", None, Settings())
    vague = read_goal("world peace", {"a": BASE, "b": BASE}, "b", "a", Settings())
    assert alone is not None
    assert vague is not None
    assert alone.achieved is None
    assert vague.achieved is None
    assert read_goal(None, {"a": BASE}, "a", None, Settings()) is None
    assert goal_json(None) is None


@pytest.mark.parametrize(("steps", "met"), [(0, True), (-1, True), (1, False)])
def test_efficiency_is_no_more_steps(steps: int, met: bool) -> None:
    found = read_goal("faster", {"a": BASE, "b": candidate(steps=steps)}, "b", "a", Settings())
    assert found is not None
    assert [criterion.met for criterion in found.criteria] == [met]
