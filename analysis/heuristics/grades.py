"""Ladders and words: from numbers to grades and assessments, by rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.core.settings import POINTS, Ladder, Settings


def stability_grades(counts: Mapping[str, int | None], settings: Settings) -> dict[str, str | None]:
    """Grade each run by its oscillations against the smallest count (rule.grade_stability).

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
    """Grade a validation accuracy, a fraction (rule.grade_performance).

    Examples
    --------
    >>> performance_grade(0.875, Settings()), performance_grade(None, Settings())
    ('A', None)
    """
    if accuracy is None:
        return None
    return next((grade for grade, bound in settings.performance_ladder if accuracy >= bound), "F")


def overall_grade(grades: Sequence[str | None]) -> str | None:
    """Average the points and give the highest grade that is not above the mean (rule.grade_overall).

    Examples
    --------
    >>> overall_grade(["A+", "A"]), overall_grade(["C-", "A"]), overall_grade(["F", "C"])
    ('A', 'B-', 'D')
    """
    known = [POINTS[grade] for grade in grades if grade is not None]
    if not known:
        return None
    # A hair of slack: 4.0 must not miss A because the mean of floats fell on 3.9999999.
    mean = sum(known) / len(known) + 1e-9
    return next(grade for grade, points in POINTS.items() if points <= mean)


def rank(scores: Mapping[str, tuple[float, ...] | None]) -> dict[str, int | None]:
    """Rank runs by score, best (largest) first; equal scores share a rank, None stays unranked.

    Examples
    --------
    >>> rank({"a": (1.0,), "b": (2.0,), "c": None, "d": (2.0,)})
    {'a': 3, 'b': 1, 'c': None, 'd': 1}
    """
    known = [score for score in scores.values() if score is not None]
    return {run: None if score is None else 1 + sum(other > score for other in known) for run, score in scores.items()}


def word(grade: str | None, *, best: bool, last: bool) -> str:
    """Put a grade into words.

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
    """Judge steps against the expected number; returns the rule-of-thumb word and the overage in percent.

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
    """Name the rule-of-thumb overfitting risk from the size of the accuracy gap, whatever its sign."""
    if gap_pp is None:
        return "Not assessed"
    if abs(gap_pp) >= settings.gap_high_pp:
        return "High"
    return "Moderate" if abs(gap_pp) >= settings.gap_moderate_pp else "Low"


def epoch_word(improvement: float | None, settings: Settings) -> str:
    """Judge an epoch by its first and last loss, by rule of thumb."""
    if improvement is None:
        return "Not assessed"
    if abs(improvement) <= settings.flat_epoch_pct:
        return "Flat"
    return "Good" if improvement > 0 else "Poor"


def _ratio(count: int, smallest: int) -> float:
    # No oscillation at all is the best there is; against it any count is out of range.
    if smallest == 0:
        return 1.0 if count == 0 else float("inf")
    return count / smallest


def _at_most(value: float, ladder: Ladder) -> str:
    return next((grade for grade, bound in ladder if value <= bound), "F")
