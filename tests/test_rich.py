"""Text with emphasis: markup comes from the template alone, whatever the values hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.rich_text import Span, join, plain, rich, text


@given(st.text(), st.text(min_size=1))
def test_values_are_inserted_as_they_are(one: str, two: str) -> None:
    built = rich("a {x} **b {y}** [l](#t)", x=one, y=two)
    assert plain(built) == f"a {one} b {two} l"
    assert [span.href for span in built if span.href] == ["#t"]
    assert {span.text for span in built if span.bold} == {"b ", two}


@given(st.text(alphabet="*_`[](){}#ab ", max_size=12))
def test_markup_in_a_value_has_no_effect(value: str) -> None:
    assert rich("{v}", v=value) == text(value)
    assert all(not (span.bold or span.italic or span.code or span.href) for span in rich("{v}", v=value))


def test_styles_nest_and_rich_values_keep_their_own() -> None:
    inner = rich("*i* `c`")
    assert rich("**x {v}**", v=inner) == (
        Span("x ", bold=True),
        Span("i", bold=True, italic=True),
        Span(" ", bold=True),
        Span("c", bold=True, code=True),
    )
    assert rich("[{v}](#{id})", v=rich("**b**"), id="z") == (Span("b", bold=True, href="#z"),)


def test_a_link_may_point_wherever_a_value_says() -> None:
    assert rich("[e](#{id})", id="finding-a*b*:c") == (Span("e", href="#finding-a*b*:c"),)


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        rich("{nothing}")


@given(st.lists(st.text(max_size=3), max_size=5))
def test_joining_leaves_out_what_is_empty(parts: list[str]) -> None:
    assert plain(join([text(part) for part in parts], "|")) == "|".join(part for part in parts if part)
    assert text("") == ()
