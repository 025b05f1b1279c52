"""Grades and assessments in words, by rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.core.settings import POINTS, Ladder, Settings


def stability_grades(counts: Mapping[str, int | None], settings: Settings) -> dict[str, str | None]:
    """Return a grade per run for its oscillations relative to the smallest count (rule.grade_stability).

    Examples
    --------
    >>> stability_grades({"a": 654, "b": 269, "c": 517}, Settings())
    {'a': 'F', 'b': 'A+', 'c': 'C-'}
    """
    known = [count for count in counts.values() if count is not None]
    smallest = min(known, default=0)
    return {
        run: None if count is None else _at_most(_ratio(count, smallest), settings.stability_ladder)
        for run, count in counts.items()
    }


def performance_grade(accuracy: float | None, settings: Settings) -> str | None:
    """Return the grade of a validation accuracy, a fraction (rule.grade_performance).

    Examples
    --------
    >>> performance_grade(0.875, Settings()), performance_grade(None, Settings())
    ('A', None)
    """
    if accuracy is None:
        return None
    return next((grade for grade, bound in settings.performance_ladder if accuracy >= bound), "F")


def overall_grade(grades: Sequence[str | None]) -> str | None:
    """Return the highest grade whose points do not exceed the mean of the points of some grades (rule.grade_overall).

    Examples
    --------
    >>> overall_grade(["A+", "A"]), overall_grade(["C-", "A"]), overall_grade(["F", "C"])
    ('A', 'B-', 'D')
    """
    known = [POINTS[grade] for grade in grades if grade is not None]
    if not known:
        return None
    # Slack for rounding errors: a mean of 3.9999999 must not miss the 4.0 of an A.
    mean = sum(known) / len(known) + 1e-9
    return next(grade for grade, points in POINTS.items() if points <= mean)


def rank(scores: Mapping[str, tuple[float, ...] | None]) -> dict[str, int | None]:
    """Return ranks by score, 1 for the largest; equal scores share a rank, None stays unranked.

    Examples
    --------
    >>> rank({"a": (1.0,), "b": (2.0,), "c": None, "d": (2.0,)})
    {'a': 3, 'b': 1, 'c': None, 'd': 1}
    """
    known = [score for score in scores.values() if score is not None]
    return {run: None if score is None else 1 + sum(other > score for other in known) for run, score in scores.items()}


def word(grade: str | None, *, best: bool, last: bool) -> str:
    """Return a grade in words.

    Examples
    --------
    >>> word("A+", best=True, last=False), word("F", best=False, last=True), word("C-", best=False, last=False)
    ('Best', 'Worst', 'Poor')
    """
    if best:
        return "Best"
    if grade is None:
        return "Not assessed"
    if grade == "F" and last:
        return "Worst"
    return {"A": "Good", "B": "Fair"}.get(grade[0], "Poor")


def efficiency_word(
    total: int, expected: int | None, epochs: float | None, settings: Settings
) -> tuple[str, float | None]:
    """Return the assessment of the number of steps relative to the expected one, and the overage in percent.

    Examples
    --------
    >>> efficiency_word(291, 280, 1, Settings())[0], efficiency_word(560, 560, 2, Settings())[0]
    ('Excellent (4% overage)', 'Expected (2 epochs)')
    """
    if not expected:
        return "Not assessed", None
    overage = (total / expected - 1) * 100
    if total == expected:
        return (f"Expected ({epochs:g} epoch{'' if epochs == 1 else 's'})" if epochs else "Expected"), overage
    what = f"{overage:.0f}% overage" if overage > 0 else f"{-overage:.0f}% under"
    if abs(overage) <= settings.efficient_pct:
        return f"Excellent ({what})", overage
    if overage < 0:
        return f"Stopped early ({what})", overage
    return (f"Poor ({what})" if overage > settings.inefficient_pct else f"Fair ({what})"), overage


def risk_word(gap_pp: float | None, settings: Settings) -> str:
    """Return the overfitting risk by the size of the accuracy gap in percentage points, whatever its sign."""
    if gap_pp is None:
        return "Not assessed"
    if abs(gap_pp) >= settings.gap_high_pp:
        return "High"
    return "Moderate" if abs(gap_pp) >= settings.gap_moderate_pp else "Low"


def epoch_word(improvement: float | None, settings: Settings) -> str:
    """Return the assessment of an epoch by its improvement from first to last loss, in percent."""
    if improvement is None:
        return "Not assessed"
    if abs(improvement) <= settings.flat_epoch_pct:
        return "Flat"
    return "Good" if improvement > 0 else "Poor"


def _ratio(count: int, smallest: int) -> float:
    # Relative to a run without any oscillation every other count is out of range.
    if smallest == 0:
        return 1.0 if count == 0 else float("inf")
    return count / smallest


def _at_most(value: float, ladder: Ladder) -> str:
    return next((grade for grade, bound in ladder if value <= bound), "F")
