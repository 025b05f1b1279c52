"""An analysis in a notebook: a summary of ten lines, and tidy tables that hold what the report says."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from analysis import analyze
from analysis.core.parameters import KINDS
from analysis.findings.analysis_result import Analysis
from tests.builders import ROOT, analyzed, known, log


@pytest.fixture(scope="module")
def a() -> Analysis:
    runs = [known(f"{rate}_{seed}", log(seed, level=level), learning_rate=rate, seed=seed) for rate, level in
            ((0.1, 0.3), (0.2, 0.25)) for seed in (1, 2, 3)]  # fmt: skip
    return analyzed(runs, baseline="0.1_1", candidate="0.2_1")


def test_printed_it_is_a_summary_of_ten_lines(a: Analysis) -> None:
    lines = repr(a).splitlines()
    assert len(lines) <= 10
    assert a.verdict.sentence in repr(a)
    assert a.frames.configurations.index[0] in a._repr_html_()


def test_tables_hold_what_the_report_says(a: Analysis) -> None:
    frames = a.frames
    assert list(frames.runs.index) == [run.id for run in a.runs]
    assert set(frames.runs["learning_rate"]) == {0.1, 0.2}
    assert len(frames.metrics) == sum(run.series(metric).size for run in a.runs for metric in run.metrics)
    best = frames.configurations.iloc[0]
    assert (best["n"], best["may_be_best"]) == (3, True)
    level = frames.levels.query("run == '0.2_1' and metric == 'full_valid_loss'")["value"].item()
    assert level == a.evidence["0.2_1"].window["full_valid_loss"].value
    assert len(frames.comparisons) == len(a.comparisons)
    assert (frames.comparisons["low"].dropna() <= frames.comparisons["high"].dropna()).all()
    assert list(frames.findings.index) == [finding.id for finding in a.findings]


def test_a_run_of_its_own_gives_every_table() -> None:
    one = analyzed([known("a", log(1))])
    assert len(one.frames.comparisons) == 0
    assert one.frames.runs.loc["a", "n_valid"] == 3000
    assert repr(one)


def test_a_curve_is_a_series_by_step() -> None:
    columns = log(1)
    curve = known("a", columns).curve("full_valid_loss")
    assert curve.name == "full_valid_loss"
    assert list(curve.index) == [150, 300]
    assert np.array_equal(curve.to_numpy(), columns["full_valid_loss"][[149, 299]])


def test_completion_shows_the_parameters() -> None:
    assert list(inspect.signature(analyze).parameters) == list(KINDS)
    assert analyze(run_ids=["run_2"], runs_dir=str(ROOT / "runs")).candidate.id == "run_2"
