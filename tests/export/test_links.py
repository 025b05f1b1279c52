"""A template of one's own: a deleted section leaves no dead link."""

from __future__ import annotations

import re

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
