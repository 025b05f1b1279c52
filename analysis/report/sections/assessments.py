"""What several sections share: which runs a table shows, an assessment in words, and which rows are strong."""

from __future__ import annotations

from analysis.core.blocks import Cell, Tone
from analysis.core.number_format import cell, count
from analysis.core.rich_text import Rich, text
from analysis.core.run import Run
from analysis.findings.analysis_result import Analysis

_WORD_TONES: dict[str, Tone] = {
    "Best": "good",
    "Good": "good",
    "Excellent": "good",
    "Poor": "bad",
    "Worst": "bad",
    "Enhanced": "good",
}
MOST_RUNS, OF_MORE = 12, 8
"""Runs up to which a table shows all, and those shown of more: the candidate, the baseline and the best."""


def assessed(word: str) -> Cell:
    """Make a cell of an assessment, toned by its first word."""
    return cell(word, tone=_WORD_TONES.get(word.split(" ")[0], "neutral"))


def shown_runs(a: Analysis) -> list[Run]:
    """List the runs that tables show, in the order of the report."""
    if len(a.runs) <= MOST_RUNS:
        return list(a.runs)
    first = dict.fromkeys([a.candidate.id, a.reference_id])
    best = [run_id for configuration in a.configurations for run_id in configuration.runs]
    kept = [*first, *(r for r in [*best, *(run.id for run in a.runs)] if r not in first)][:OF_MORE]
    return [run for run in a.runs if run.id in kept]


def left_out(a: Analysis) -> tuple[Rich, ...]:
    """Note beneath a table how many runs it leaves out; nothing where it has all."""
    more = len(a.runs) - len(shown_runs(a))
    return (text(f"{count(more, 'further run')}: in the results JSON."),) if more else ()


def rows_of(a: Analysis, run_id: str | None) -> frozenset[int]:
    """Give the row of a run among those shown, to be set in bold; none for None."""
    return frozenset(index for index, run in enumerate(shown_runs(a)) if run.id == run_id)
