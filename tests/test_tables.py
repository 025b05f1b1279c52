"""How numbers are written: with as many digits as they deserve, true signs, and never as NaN."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core import number_format
from analysis.core.number_format import count, interval, interval_cell, listed, loss, number, p_value, percent, signed
from analysis.core.rich_text import plain
from analysis.statistics import Estimate, unknown

FINITE = st.floats(-1e12, 1e12, allow_nan=False)


def read(shown: str) -> float:
    """The number that was written."""
    return float(re.sub(r"[^\d.e+-]", "", shown.replace(number_format.MINUS, "-")))


@given(FINITE)
def test_a_number_is_read_as_it_was_meant(value: float) -> None:
    assert read(number(value)) == pytest.approx(value, rel=1e-3, abs=1e-300)
    assert read(loss(value)) == pytest.approx(value, rel=0.01, abs=5e-4)
    assert "-" not in number(value) + loss(value) + signed(value)


@given(st.floats(-10, 10))
def test_percentages_keep_their_digits(fraction: float) -> None:
    assert read(percent(fraction)) == pytest.approx(fraction * 100, abs=0.00501)
    assert percent(fraction).endswith("%")


@given(FINITE, st.integers(0, 4))
def test_a_change_has_a_sign_unless_it_is_nothing(value: float, digits: int) -> None:
    shown = signed(value, digits)
    assert read(shown) == pytest.approx(value, abs=0.501 * 10**-digits, rel=1e-9)
    if read(shown) == 0:
        assert shown[0] == "0"
    else:
        assert shown[0] == ("+" if value > 0 else number_format.MINUS)


@given(FINITE, st.floats(1e-6, 1e6))
def test_an_interval_shows_two_digits_of_its_half_width(value: float, half: float) -> None:
    main, minor = number_format.interval_parts(Estimate("x", value, value - half, value + half))
    low, high = (read(part) for part in minor.strip("[]").split(", "))
    step = max(half * 0.1, 1e-6)
    assert abs(low - (value - half)) <= step + abs(value) * 1e-12
    assert abs(high - (value + half)) <= step + abs(value) * 1e-12
    assert abs(read(main) - value) <= step + abs(value) * 1e-12


def test_what_is_not_there_is_said() -> None:
    nothing = unknown("x", "too few points")
    assert loss(None) == percent(None) == number_format.MISSING
    assert number(None) == signed(None) == p_value(None) == p_value(math.nan) == interval(None) == "–"
    assert interval(nothing) == "–"
    assert plain(interval_cell(nothing).text) == plain(interval_cell(None).text) == "–"
    assert interval(unknown("x", "too few points", value=0.25)) == "0.250"


@given(st.floats(0, 1))
def test_p_values_are_between_the_ends(p: float) -> None:
    shown = p_value(p)
    if shown == "< .001":
        assert p < 0.001
    elif shown == "> .99":
        assert p > 0.995
    else:
        assert re.fullmatch(r"\.\d{2,3}", shown)
        assert float(shown) == pytest.approx(p, abs=0.00501)


@pytest.mark.parametrize(("total", "shown"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps"), (12345, "12,345 steps")])
def test_counts_agree_with_their_noun(total: int, shown: str) -> None:
    assert count(total, "step") == shown


def test_lists_read_as_sentences() -> None:
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ("a", "b", "c"))] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_units_and_scales_are_applied_to_all_three() -> None:
    shown = interval(Estimate("x", 0.875, 0.817, 0.917), scale=100, unit="%")
    assert shown == "87.5% [81.7, 91.7]"
    assert interval(Estimate("x", -3.1e-8, -8.42e-8, 2.2e-8), sign=True) == "−3.1e−08 [−8.4e−08, +2.2e−08]"
    assert interval(Estimate("x", -0.003, -0.04, 0.034), scale=100, unit=" pp", sign=True) == "−0.3 pp [−4.0, +3.4]"
