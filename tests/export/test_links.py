"""A template of one's own: a deleted section leaves no dead link, and a formula is shown as it was typed."""

from __future__ import annotations

import re

import nbformat
import pytest

from analysis.findings.analysis_result import Analysis
from analysis.render.export import HTMLReport
from analysis.report.sections import SECTIONS
from tests.builders import analyzed, known, log
from tests.export.demonstration import cell_of, notebook_of


@pytest.fixture(scope="module")
def two() -> Analysis:
    return analyzed([known("a", log(1)), known("b", log(2), learning_rate_multiplier=0.7)])


@pytest.mark.parametrize("gone", ["executive_summary", "actions", "methodology", "appendix"])
def test_a_deleted_section_leaves_no_dead_link(two: Analysis, gone: str) -> None:
    shown = [s for s in SECTIONS if s.build is not None and s.build.__name__ not in (gone, "metrics_figure")]
    page, _ = HTMLReport().from_notebook_node(notebook_of(*(cell_of(s.build(two)) for s in shown if s.build)))
    places = set(re.findall(r'\sid="([^"]+)"', page))
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= places
    assert targets, "what is there is still linked"


def test_a_formula_is_shown_as_it_was_typed() -> None:
    cell = nbformat.v4.new_markdown_cell("The rate $\\eta_t = \\eta_0/t$ costs $5 or $7.\n\n$$\\sum_i x_i < 3$$")
    page, _ = HTMLReport().from_notebook_node(notebook_of(cell))
    words = " ".join(re.sub(r"<[^>]+>", "", page.partition("<main")[2]).split())
    assert "The rate $\\eta_t = \\eta_0/t$ costs $5 or $7. $$\\sum_i x_i &lt; 3$$" in words
