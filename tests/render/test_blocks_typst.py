"""Typst source: text stays inside string literals, tables stay on the page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from analysis.core.blocks import Cell, Column, Details, Table
from analysis.core.rich_text import Span, text
from analysis.render import typst
from analysis.render.page_breaks import slices
from analysis.render.typst_table import PAGE, layout
from tests.export.hostile import ALL, blocks_with

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@pytest.mark.parametrize("name", ALL)
def test_text_never_leaves_its_literal(name: str) -> None:
    """With all string literals taken out, the source of a hostile name is that of a plain one."""
    for hostile, plain in zip(blocks_with(name), blocks_with("plain"), strict=True):
        skeleton, expected = (_skeleton(typst.render(block)) for block in (hostile, plain))
        assert skeleton == expected


def _skeleton(source: str) -> str:
    source = _LITERAL.sub("S", source)
    source = re.sub(r"rr-pieces\(\((?:S, )+\)\)|rr-apart\(S\)", "S", source)
    source = re.sub(r"\{S(?:; S)*\}", "S", source)
    source = source.replace("rr-link(S, S)", "S")
    return re.sub(r"\d+\.?\d*pt|auto|true|false|emph\(S\)", "W", source)


def _table(columns: int, *, name: str = "run") -> Table:
    row = tuple(Cell(text(f"{name}_{i}")) for i in range(columns))
    return Table("t", "c", tuple(Column(f"metric_{i}") for i in range(columns)), (row,))


@pytest.mark.parametrize("columns", [1, 5, 9, 14, 40])
def test_every_column_is_set_once_and_the_first_in_each_part(columns: int) -> None:
    """A wide table is split by columns, none lost, none twice, rows named in each part."""
    _, parts = layout(_table(columns))
    later = [index for part in parts for index in part[1:]]
    assert [part[0] for part in parts] == [0] * len(parts)
    assert later == list(range(1, columns))


@pytest.mark.parametrize("columns", [3, 9, 14, 40])
def test_given_widths_fit_the_page(columns: int) -> None:
    """Where widths are given in points, they add up to at most the width of the text."""
    source = typst.render(_table(columns, name="a_very_long_name_of_a_run_with_all_its_settings"))
    groups = re.findall(r"\(\(((?:[\d.]+pt, )+)\)", source)
    for group in groups:
        assert sum(float(width[:-2]) for width in group.split(", ") if width) <= PAGE + 1


def test_slanted_only_where_the_fonts_are() -> None:
    """Letters that the slanted fonts lack are set upright, not as boxes."""
    assert "emph" in typst.inline((Span("p = .05", italic=True),))
    assert "emph" not in typst.inline((Span("\N{HEBREW LETTER ALEF}", italic=True),))


def test_long_list_of_words_is_set_as_entries_with_their_places() -> None:
    """Folded away, a glossary becomes paragraphs that links still find; numbers stay a table."""
    words = tuple(Column(name) for name in ("ID", "Layer", "Text", "Formula"))
    rows = tuple((Cell(text(f"d{i}"), id=f"def-d{i}"), *(Cell(text(f"w{i}")),) * 3) for i in range(30))
    glossary = Table("g", "c", words, rows)
    source = typst.render(Details(text("All"), (glossary,)))
    assert "rr-entries(" in source
    assert all(f'"def-d{i}"' in source for i in range(30))
    numbers = replace(glossary, columns=(*words[:3], Column("n", align="right")))
    assert "rr-table(" in typst.render(Details(text("All"), (numbers,)))


@pytest.mark.parametrize("count", [3, 40, 200])
def test_tall_drawing_is_cut_between_its_lines(count: int) -> None:
    """Parts follow each other to the end, none is taller than asked, and no cut goes through a line of text."""
    levels = [20 + 12 * i + 18 * (i // 5) for i in range(count)]
    height = levels[-1] + 20
    drawing = "".join(f'<text y="{level}">a</text>' for level in levels)
    ends = slices(f'<svg viewBox="0 0 300 {height}">{drawing}</svg>', tallest=1.2)
    assert ends[-1] == 1
    starts = [0.0, *ends[:-1]]
    assert all(0 < (end - start) * height <= 1.2 * 300 + 1e-6 for start, end in zip(starts, ends, strict=True))
    cuts = [end * height for end in ends[:-1]]
    assert all(not level - 8 < cut <= level + 2 for cut in cuts for level in levels)
