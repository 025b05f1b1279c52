"""Several seeds of two configurations are told of together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from analysis.pipeline import analyze
from analysis.statistics import interquartile_mean
from tests.builders import ROOT

RUNS = [f"run_{run}_seed{seed}" for run in (3, 4) for seed in (1, 2, 3, 4)]


def test_the_chance_of_improvement_is_counted_over_seeds(tmp_path: Path) -> None:
    """Every pair of the trained seeds is counted by hand; the middle of both arms by its definition."""
    a = analyze(run_ids=RUNS, runs_dir=str(ROOT / "runs" / "seeds"), reports_dir=str(tmp_path))
    found = next(f for f in a.findings if f.rule == "seeds.improvement")
    level = {r: e.full_valid_loss.value for r, e in a.evidence.items() if e.full_valid_loss is not None}
    before, after = ([level[r] for r in RUNS if r.startswith(arm)] for arm in ("run_3", "run_4"))
    assert found.estimate == np.mean([x < y for x in after for y in before])
    difference = interquartile_mean(np.array(after)) - interquartile_mean(np.array(before))
    assert re.search(rf"differ by −{abs(difference):.4f}", found.sentence)
    assert set(found.runs) == set(RUNS)


def test_one_run_each_has_no_chance_of_improvement(tmp_path: Path) -> None:
    """Without a second seed there is nothing to resample."""
    a = analyze(run_ids=["run_3", "run_4"], runs_dir=str(ROOT / "runs"), reports_dir=str(tmp_path))
    assert all(f.rule != "seeds.improvement" for f in a.findings)
