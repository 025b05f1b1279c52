"""No number of a public log, of the cases that showed faults or of a tool's log disappears without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.core.errors import AnalysisError
from analysis.sources import resolve
from tests.sources.cells_of import numbers_in, unsaid

HERE = Path(__file__).parents[1]
SHARED = Path(__file__).parents[3] / "shared"
TEXT = {".csv", ".tsv", ".json", ".jsonl", ".log", ".txt"}


PLACES = {"corpus": SHARED / "corpus", "cases": SHARED / "cases", "tools": HERE / "tool_logs", "data": HERE / "data"}


@pytest.mark.parametrize("place", PLACES)
def test_every_number_is_kept_or_accounted_for(place: str) -> None:
    """Counted with csv and json alone, file by file and column by column."""
    if not PLACES[place].is_dir():
        pytest.skip(f"the collection ../shared/{place} is not here")
    gone, files, cells, kept = [], 0, 0, 0
    for path in sorted(PLACES[place].rglob("*")):
        if not path.is_file() or path.suffix not in TEXT or "tfevents" in path.name or path.name == "SOURCES.tsv":
            continue
        try:
            runs = resolve(str(path), runs_dir="no-such-folder")
        except AnalysisError:
            continue  # refused in a line: see test_corpus.py
        files += 1
        numbers = numbers_in(path)
        cells += sum(numbers.values())
        kept += sum(int(run.frame.drop(columns="step").count(numeric_only=True).sum()) for run in runs)
        gone += [f"{path}: {line}" for line in unsaid(numbers, runs)]
    print(f"{place}: {files} files, {cells:,} numbers in columns, {kept:,} kept besides steps and times")
    assert files > 5
    assert gone == []
