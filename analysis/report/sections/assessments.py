"""Helpers of several sections: the runs that tables show, assessments, and columns without values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.core.blocks import Cell, Table, Tone
from analysis.core.number_format import MISSING, cell, count
from analysis.core.rich_text import Rich, plain, text
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
"""Number of runs up to which a table shows all, and number shown of more: candidate, baseline and the best."""


def assessed(word: str) -> Cell:
    """Return a cell with an assessment; its first word decides the tone."""
    return cell(word, tone=_WORD_TONES.get(word.split(" ")[0], "neutral"))


def shown_runs(a: Analysis) -> list[Run]:
    """Return the runs that tables show, in the order of the report."""
    if len(a.runs) <= MOST_RUNS:
        return list(a.runs)
    first = dict.fromkeys([a.candidate.id, a.reference_id])
    best = [run_id for configuration in a.configurations for run_id in configuration.runs]
    kept = [*first, *(r for r in [*best, *(run.id for run in a.runs)] if r not in first)][:OF_MORE]
    return [run for run in a.runs if run.id in kept]


def left_out(a: Analysis) -> tuple[Rich, ...]:
    """Return the note on how many runs a table leaves out; empty if it has all."""
    more = len(a.runs) - len(shown_runs(a))
    return (text(f"The results JSON has {count(more, 'further run')}."),) if more else ()


_NOTHING = {"–", MISSING, "Not assessed", "not counted", "not logged"}


def filled(table: Table) -> Table:
    """Return a table without columns that are empty; a reason that all rows of a column share becomes a note."""
    columns = range(len(table.columns))
    empty = {n for n in columns[1:] if all(plain(row[n].text) in _NOTHING for row in table.rows)}
    reasons = {n: _one_reason([row[n] for row in table.rows]) for n in columns[1:]}
    kept = [n for n in columns if n not in empty]
    return replace(
        table,
        columns=tuple(table.columns[n] for n in kept),
        rows=tuple(tuple(replace(row[n], minor=()) if reasons.get(n) else row[n] for n in kept) for row in table.rows),
        notes=(*table.notes, *(text(f"{table.columns[n].label}: {why}.") for n, why in reasons.items() if why)),
    )


def _one_reason(cells: Sequence[Cell]) -> str:
    """Return the smaller line of several cells if it is the same and has no digits; else empty."""
    words = {plain(one.minor) for one in cells}
    alone = words.pop() if len(words) == 1 else ""
    return alone if not any(c.isdigit() for c in alone) and (len(cells) > 1 or plain(cells[0].text) in _NOTHING) else ""


def alike(table: Table) -> bool:
    """True if there are two rows or more that differ only in the run that they name."""
    return len(table.rows) > 1 and len({tuple((c.text, c.minor) for c in row[1:]) for row in table.rows}) == 1


def rows_of(a: Analysis, run_id: str | None) -> frozenset[int]:
    """Return the index of a run's row among those shown, to be set in bold; empty for None."""
    return frozenset(index for index, run in enumerate(shown_runs(a)) if run.id == run_id)
