"""The stated goal is held against the comparisons, not against single numbers."""

from __future__ import annotations

import pytest

from analysis.findings.finding import Finding
from tests.builders import altered, analyzed, known, log

GOAL = "better performance while maintaining stability"


def found(level: float = 0.3, *, sd: float = 0.025, goal: str = GOAL, steps: int = 300, **changed: object) -> Finding:
    """The finding about the goal, of a candidate with this loss and noise against a baseline of 0.3 and 0.025."""
    base = known("a", log(1, 300))
    candidate = altered(known("b", log(2, steps, level=level, sd=sd)), goal=goal, **changed)
    (finding,) = (f for f in analyzed([base, candidate]).findings if f.rule == "goal.achieved")
    return finding


def test_better_with_equal_noise_meets_the_goal() -> None:
    """The loss falls by 0.1 and the noise stays: performance is better, stability equivalent."""
    text = found(0.2).sentence
    assert "Performance is better" in text
    assert "stability is equivalent" in text or "stability is not shown to differ" in text


def test_more_noise_misses_the_goal_whatever_is_counted() -> None:
    """Twice the noise at the same length: stability is worse; whoever says that the goal was missed is right."""
    finding = found(0.2, sd=0.05)
    assert "stability is worse" in finding.sentence
    assert finding.status == ("supported" if finding.claim[0].text.endswith("not achieved") else "contradicted")


def test_the_same_process_twice_proves_neither_side() -> None:
    """Without a difference in the loss a goal of better performance is not shown to be met, and nothing refutes it."""
    finding = found(0.3)
    assert "performance is not shown to differ" in finding.sentence or "equivalent" in finding.sentence
    assert finding.status != "contradicted" or "performance is equivalent" in finding.sentence


def test_a_longer_run_with_the_same_noise_did_not_lose_stability() -> None:
    """Twice the steps double the count, by which the rules say that the goal was missed; the noise says it was not."""
    finding = found(0.2, steps=600)
    assert "stability is worse" not in finding.sentence
    assert finding.status in ("contradicted", "not supported")


def test_what_cannot_be_compared_cannot_decide_a_goal() -> None:
    """Another validation set: no statement about performance."""
    finding = found(0.2, data={"validation_set": "another"})
    assert "Performance cannot be judged" in finding.sentence
    assert finding.status == "cannot tell"


@pytest.mark.parametrize("goal", ["", "world peace"])
def test_without_a_criterion_nothing_is_claimed(goal: str) -> None:
    """No goal, or one that names nothing the report knows: no finding."""
    runs = [known("a", log(1)), altered(known("b", log(2)), goal=goal or None)]
    assert not [f for f in analyzed(runs).findings if f.rule == "goal.achieved"]
