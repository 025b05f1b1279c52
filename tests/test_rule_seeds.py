"""Several seeds of two configurations are told of together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.pipeline import analyze
from analysis.statistics import interquartile_mean
from tests.builders import ROOT, analyzed, known, log

RUNS = [f"run_{run}_seed{seed}" for run in (3, 4) for seed in (1, 2, 3, 4)]


def test_the_chance_of_improvement_is_counted_over_seeds(tmp_path: Path) -> None:
    """Every pair of the trained seeds is counted by hand; the middle of both arms by its definition."""
    a = analyze(run_ids=RUNS, runs_dir=str(ROOT / "runs" / "seeds"), reports_dir=str(tmp_path))
    found = next(f for f in a.findings if f.rule == "seeds.improvement")
    level = {r: e.full_valid_loss.value for r, e in a.evidence.items() if e.full_valid_loss is not None}
    before, after = ([level[r] for r in RUNS if r.startswith(arm)] for arm in ("run_3", "run_4"))
    won = [x < y for x in after for y in before]
    assert found.estimate == np.mean(won)
    assert f"in {sum(won)} of {len(won)} pairs" in found.sentence
    assert set(found.runs) == set(RUNS)


def test_few_seeds_get_no_interval_and_many_the_middle_of_both_arms() -> None:
    """A bootstrap over three or four runs is far too narrow: it calls one null in five a difference."""
    levels = np.random.default_rng(1).normal(0, 0.02, (2, 9)) + np.array([[0.3], [0.2]])
    for k, status in ((3, "cannot tell"), (9, "supported")):
        runs = [
            known(f"{arm}{s}", log(s, level=levels[n, s]), seed=s, learning_rate_multiplier=1.0 + n)
            for n, arm in enumerate("ab")
            for s in range(k)
        ]
        a = analyzed(runs)
        found = next(f for f in a.findings if f.rule == "seeds.improvement")
        assert found.status == status
        assert f"in {k * k} of {k * k} pairs" in found.sentence  # no scatter is no certainty
        last = [[r.series("full_valid_loss")[-1] for r in runs if r.id.startswith(arm)] for arm in "ab"]
        difference = interquartile_mean(np.array(last[1])) - interquartile_mean(np.array(last[0]))
        assert (f"differ by −{abs(difference):.3f}" in found.sentence) is (k >= 8)


def test_one_run_each_has_no_chance_of_improvement(tmp_path: Path) -> None:
    """Without a second seed there is nothing to resample."""
    a = analyze(run_ids=["run_3", "run_4"], runs_dir=str(ROOT / "runs"), reports_dir=str(tmp_path))
    assert all(f.rule != "seeds.improvement" for f in a.findings)
