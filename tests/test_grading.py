"""Ladders and words: monotone, complete, and as the rules of thumb use them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.settings import POINTS, Settings
from analysis.heuristics.grades import (
    efficiency_word,
    epoch_word,
    overall_grade,
    performance_grade,
    rank,
    risk_word,
    stability_grades,
    word,
)

SETTINGS = Settings()
LETTERS = list(POINTS)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_fewer_oscillations_never_grade_worse_and_the_fewest_is_best(counts: list[int]) -> None:
    graded = stability_grades({str(i): n for i, n in enumerate(counts)}, SETTINGS)
    order = sorted(range(len(counts)), key=counts.__getitem__)
    places = [LETTERS.index(str(graded[str(i)])) for i in order]
    assert places == sorted(places)
    assert places[0] == 0


@pytest.mark.parametrize(("grade", "bound"), SETTINGS.stability_ladder)
def test_a_stability_bound_still_earns_its_grade(grade: str, bound: float) -> None:
    count = round(1000 * bound)
    assert stability_grades({"a": 1000, "b": count}, SETTINGS)["b"] == grade
    worse = stability_grades({"a": 1000, "b": count + 1}, SETTINGS)["b"]
    assert LETTERS.index(str(worse)) == LETTERS.index(grade) + 1


@pytest.mark.parametrize(("grade", "bound"), SETTINGS.performance_ladder)
def test_a_performance_bound_still_earns_its_grade(grade: str, bound: float) -> None:
    assert performance_grade(bound, SETTINGS) == grade
    assert LETTERS.index(str(performance_grade(bound - 1e-9, SETTINGS))) == LETTERS.index(grade) + 1


@given(st.lists(st.sampled_from([*LETTERS, None]), min_size=1, max_size=3))
def test_an_overall_grade_lies_between_its_parts(grades: list[str | None]) -> None:
    known = [POINTS[g] for g in grades if g is not None]
    overall = overall_grade(grades)
    if not known:
        assert overall is None
        return
    assert min(known) <= POINTS[str(overall)] <= sum(known) / len(known) + 1e-6
    better = [points for points in POINTS.values() if POINTS[str(overall)] < points <= sum(known) / len(known)]
    assert better == []


def test_no_count_has_no_grade() -> None:
    assert stability_grades({"a": None, "b": 5}, SETTINGS) == {"a": None, "b": "A+"}
    assert stability_grades({"a": 0, "b": 1, "c": 0}, SETTINGS) == {"a": "A+", "b": "F", "c": "A+"}


@given(st.dictionaries(st.text(max_size=2), st.none() | st.tuples(st.integers(0, 3)), max_size=6))
def test_ranks_count_who_is_better(scores: dict[str, tuple[float, ...] | None]) -> None:
    ranks = rank(scores)
    for name, score in scores.items():
        if score is None:
            assert ranks[name] is None
        else:
            assert ranks[name] == 1 + sum(other is not None and other > score for other in scores.values())


@pytest.mark.parametrize(
    ("total", "expected", "epochs", "shown"),
    [
        (683, 350, 1, "Poor (95% overage)"),
        (291, 280, 1, "Excellent (4% overage)"),
        (560, 560, 2, "Expected (2 epochs)"),
        (100, 100, 1, "Expected (1 epoch)"),
        (100, 100, None, "Expected"),
        (130, 100, 1, "Fair (30% overage)"),
        (95, 100, 1, "Excellent (5% under)"),
        (50, 100, 1, "Stopped early (50% under)"),
        (100, None, 1, "Not assessed"),
        (100, 0, 1, "Not assessed"),
    ],
)
def test_words_of_efficiency(total: int, expected: int | None, epochs: float | None, shown: str) -> None:
    assert efficiency_word(total, expected, epochs, SETTINGS)[0] == shown


@pytest.mark.parametrize(
    ("gap", "shown"), [(2.01, "Low"), (4.17, "Moderate"), (-4.17, "Moderate"), (6, "High"), (None, "Not assessed")]
)
def test_words_of_risk(gap: float | None, shown: str) -> None:
    assert risk_word(gap, SETTINGS) == shown


@pytest.mark.parametrize(
    ("improvement", "shown"), [(1.8, "Good"), (-5.2, "Poor"), (0.5, "Flat"), (-0.5, "Flat"), (None, "Not assessed")]
)
def test_words_of_an_epoch(improvement: float | None, shown: str) -> None:
    assert epoch_word(improvement, SETTINGS) == shown


def test_words_of_grades() -> None:
    assert word(None, best=False, last=True) == "Not assessed"
    assert [word(grade, best=False, last=False) for grade in ("A-", "B+", "C", "D", "F")] == [
        "Good",
        "Fair",
        "Poor",
        "Poor",
        "Poor",
    ]
    assert word("F", best=False, last=True) == "Worst"
    assert word("C", best=False, last=True) == "Poor"
