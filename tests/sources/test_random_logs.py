"""Random logs of many forms read as what was written; damaged ones read, or are refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from analysis.core.errors import AnalysisError
from analysis.sources import load_runs
from tests.sources.cells_of import numbers_in, unsaid
from tests.sources.random_logs import mutated, random_log, write

SCALE = int(os.environ.get("FUZZ", "1"))
"""How many times as many logs are tried: `make fuzz` sets it."""

SEEDS = range(int(os.environ.get("FUZZ_FROM", "0")), int(os.environ.get("FUZZ_FROM", "0")) + 4 * SCALE)
"""Seeds of 50 logs each; ``FUZZ_FROM`` sets the first one, for logs that nobody has tried."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_reads_as_what_was_written(seed: int, tmp_path: Path) -> None:
    """Every run, metric, step and value, and no number gone without a word."""
    for number in range(50):
        rng = np.random.default_rng([seed, number])
        log = random_log(rng)
        path = write(log, rng, tmp_path)
        runs = load_runs([str(path)], runs_dir=tmp_path)
        found = {
            (run.id if len(log.expected) > 1 else "").rpartition("/")[-1]: {
                metric: dict(zip(run.steps_of(metric).tolist(), run.series(metric).tolist(), strict=True))
                for metric in ("train_loss", "full_valid_loss")
                if run.series(metric).size
            }
            for run in runs
        }
        told = [note for run in runs for note in run.notes]
        assert found == log.expected, f"seeds {seed}, {number}: {log.form}; {told}"
        assert unsaid(numbers_in(path), runs) == [], f"seeds {seed}, {number}: {log.form}; {told}"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_log_reads_or_is_refused_in_a_line(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No exception of another kind, and no reader that stumbles."""
    monkeypatch.setenv("RUN_REPORTS_TRACEBACK", "1")  # a reader's own failure shows as what it is
    for number in range(50):
        rng = np.random.default_rng([seed, number, 1])
        path = write(random_log(rng), rng, tmp_path)
        path.write_bytes(mutated(path.read_bytes(), rng))
        refused = ""
        try:
            load_runs([str(path)], runs_dir=tmp_path)
        except AnalysisError as problem:
            refused = str(problem)
        assert not refused or (str(path) in refused and "\n" not in refused), f"seeds {seed}, {number}: {refused}"
