"""No number of a public log or of the cases that showed faults disappears without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.core.errors import AnalysisError
from analysis.sources import resolve
from tests.sources.cells_of import numbers_in, unsaid

SHARED = Path(__file__).parents[3] / "shared"
TEXT = {".csv", ".tsv", ".json", ".jsonl", ".log", ".txt"}


@pytest.mark.parametrize("place", ["corpus", "cases"])
def test_every_number_is_kept_or_accounted_for(place: str) -> None:
    """Counted with csv and json alone, file by file and column by column."""
    if not (SHARED / place).is_dir():
        pytest.skip(f"the collection ../shared/{place} is not here")
    gone, files = [], 0
    for path in sorted((SHARED / place).rglob("*")):
        if not path.is_file() or path.suffix not in TEXT or "tfevents" in path.name or path.name == "SOURCES.tsv":
            continue
        try:
            runs = resolve(str(path), runs_dir="no-such-folder")
        except AnalysisError:
            continue  # refused in a line: see test_corpus.py
        files += 1
        gone += [f"{path}: {line}" for line in unsaid(numbers_in(path), runs)]
    assert files > 5
    assert gone == []
