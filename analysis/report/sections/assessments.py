"""Cells and rows that several sections share: an assessment in words, and which rows are strong."""

from __future__ import annotations

from analysis.core.blocks import Cell, Tone
from analysis.core.number_format import cell
from analysis.findings.analysis_result import Analysis

_WORD_TONES: dict[str, Tone] = {
    "Best": "good",
    "Good": "good",
    "Excellent": "good",
    "Poor": "bad",
    "Worst": "bad",
    "Enhanced": "good",
}


def assessed(word: str) -> Cell:
    """Make a cell of an assessment, toned by its first word."""
    return cell(word, tone=_WORD_TONES.get(word.split(" ")[0], "neutral"))


def rows_of(a: Analysis, run_id: str | None) -> frozenset[int]:
    """Give the row of a run, to be set in bold; none for None."""
    return frozenset(index for index, run in enumerate(a.runs) if run.id == run_id)
