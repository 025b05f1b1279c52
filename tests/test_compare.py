"""Comparisons: directions, signs and families hold for every metric that the report can judge."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.core.deciding import REWARDS
from analysis.core.metrics import METRICS
from analysis.core.run import Run
from analysis.evidence.comparisons import ALL_PAIRS, Comparison
from analysis.evidence.log_kind import log_kind
from analysis.findings.analysis_result import Analysis
from analysis.sources import load_runs
from tests.builders import altered, analyzed, at, known, log, noise, run

JUDGED = [name for name, metric in METRICS.items() if metric.direction != "none"]


def two(metric: str, *, change: float = 0.2) -> list[Run]:
    """Two runs that log one metric only, the second higher by a change that no noise hides."""
    values = [0.5 + shift + noise(np.random.default_rng(seed), 200) for seed, shift in enumerate((0.0, change))]
    return [known("a", {metric: values[0]}), known("b", {metric: values[1]}, learning_rate_multiplier=1.0)]


def between(a: Analysis, one: str, other: str) -> dict[str, Comparison]:
    return {c.metric: c for c in a.comparisons if (c.baseline, c.candidate) == (one, other) and c.scope == "whole"}


@pytest.mark.parametrize("metric", JUDGED)
def test_the_direction_of_each_metric_decides(metric: str) -> None:
    runs = two(metric, change=1.0 if metric in REWARDS else 0.2)  # seeds alone change a reward by much
    higher = analyzed(runs, baseline="a", candidate="b").verdict
    lower = analyzed(runs, baseline="b", candidate="a").verdict
    better, worse = ("improved", "regressed") if METRICS[metric].direction == "higher" else ("regressed", "improved")
    assert (higher.result, lower.result) == (better, worse)
    assert higher.primary is not None
    assert higher.primary.metric == metric


@pytest.mark.parametrize("metric", [name for name in METRICS if name not in JUDGED])
def test_a_metric_without_a_direction_decides_nothing(metric: str) -> None:
    assert analyzed(two(metric), baseline="a").verdict.result == "insufficient data"


@pytest.mark.parametrize("metric", JUDGED)
def test_swapping_baseline_and_candidate_flips_every_sign(metric: str) -> None:
    runs = two(metric, change=0.01)
    there = between(analyzed(runs, baseline="a", candidate="b"), "a", "b")
    back = between(analyzed(runs, baseline="b", candidate="a"), "b", "a")
    assert there
    assert there.keys() == back.keys()
    for name, one in there.items():
        assert_opposite(one, back[name])


def assert_opposite(one: Comparison, other: Comparison) -> None:
    r, s = one.result, other.result
    if one.ratio:
        assert (r.value * s.value, r.low * s.high, r.high * s.low) == (pytest.approx(1),) * 3
    else:
        assert (r.value, r.low, r.high) == pytest.approx((-s.value, -s.high, -s.low), nan_ok=True)
    assert (r.p, r.se) == pytest.approx((s.p, s.se), nan_ok=True)
    assert one.p_adjusted == pytest.approx(other.p_adjusted)
    opposite = {"better": "worse", "worse": "better"}
    assert other.verdict(0.05) == opposite.get(one.verdict(0.05), one.verdict(0.05))
    assert (one.comparable, one.direction) == (other.comparable, other.direction)


def test_swapping_flips_whole_logs_with_different_batches_and_lengths() -> None:
    runs = [known("a", log(1, 300)), known("b", log(2, 600, level=0.32, sd=0.04), batch_size=32)]
    there = between(analyzed(runs, baseline="a", candidate="b"), "a", "b")
    back = between(analyzed(runs, baseline="b", candidate="a"), "b", "a")
    assert {"noise", "noise_per_example", "oscillation_rate", "full_valid_loss", "valid_accuracy_counts"} <= set(there)
    for name, one in there.items():
        assert_opposite(one, back[name])


def test_every_pair_is_compared_once_and_holm_spans_each_family() -> None:
    runs = [known(name, log(seed, level=0.3 + 0.005 * seed)) for seed, name in enumerate("abcd")]
    a = analyzed(runs, baseline="b", candidate="d")
    whole = [c for c in a.comparisons if c.scope == "whole"]
    pairs = {frozenset((c.baseline, c.candidate)) for c in whole}
    assert pairs == {frozenset(pair) for pair in combinations("abcd", 2)}
    assert len({(c.baseline, c.candidate, c.metric) for c in whole}) == len(whole)
    assert all(c.baseline == "b" for c in whole if "b" in (c.baseline, c.candidate))
    deciding = [
        c for c in whole if (c.baseline, c.candidate) == ("b", "d") and c.metric in ("full_valid_loss", "noise")
    ]
    assert [c.p_adjusted for c in deciding] == [c.p for c in deciding]  # the verdict is its own family
    tested = [c for c in whole if c.p is not None and c not in deciding]
    for ranks in (True, False):  # what ranks the runs is the second family, all others the third
        family = [c for c in tested if (c.metric == "full_valid_loss") is ranks]
        expected = multipletests([c.p for c in family], method="holm")[1]
        assert [c.p_adjusted for c in family] == pytest.approx(list(expected))


def test_equivalence_is_asked_of_losses_and_noise_within_the_declared_margin() -> None:
    runs = [known("a", log(1, 2000)), known("b", log(2, 2000), learning_rate_multiplier=1.0)]
    wide, narrow = (analyzed(runs, baseline="a", settings={"equivalence_margin": m}) for m in (0.05, 1e-6))
    assert wide.verdict.result == "equivalent"
    assert narrow.verdict.result == "no evidence of a difference"
    for c in wide.comparisons:
        asked = c.metric not in ("oscillation_rate", "valid_accuracy_counts")
        assert (c.equivalence_p is not None) == (asked and c.known and c.scope == "whole")


def test_detectable_differences_are_2_8_standard_errors() -> None:
    a = analyzed([known("a", log(1)), known("b", log(2))], baseline="a")
    for c in a.comparisons:
        assert c.mdd is None or c.mdd == pytest.approx(2.8 * c.result.se, rel=0.001)
    assert sum(c.mdd is not None for c in a.comparisons) > 5


def test_rates_are_compared_at_a_common_stride() -> None:
    rng = np.random.default_rng(0)
    values = 0.3 + noise(rng, 1000, sd=0.003, rho=0.95)
    dense = run("a", {"train_loss": values})
    coarse = run("b", {"train_loss": values[9::10], "step": np.arange(10, 1001, 10)})
    rate = between(analyzed([dense, coarse], baseline="a"), "a", "b")["oscillation_rate"]
    every_tenth = np.mean(np.abs(values[9::10][1:] / values[9::10][:-1] - 1) > 0.01)
    thinned = np.mean(np.abs(values[::10][1:] / values[::10][:-1] - 1) > 0.01)
    assert rate.result.value == pytest.approx(every_tenth - thinned)


def test_a_longer_run_is_also_compared_over_equally_many_steps() -> None:
    falling = log(1, 600)
    falling["train_loss"] = falling["train_loss"] - np.linspace(0, 0.2, 600)
    short = {name: values[:300] for name, values in falling.items()}
    short["train_loss"] = short["train_loss"] + noise(np.random.default_rng(5), 300, sd=0.001)
    a = analyzed([known("a", short), known("b", falling, n_epochs=2)], baseline="a")
    (matched,) = [c for c in a.comparisons if c.definition == "loss.step_matched"]
    whole = a.comparison("a", "b", "train_loss")
    assert matched.scope == "first 300 steps"
    assert whole is not None
    assert whole.verdict(0.05) == "better"
    assert matched.result.low < 0 < matched.result.high
    even = analyzed([known("a", log(1)), known("b", log(2))], baseline="a")
    assert not [c for c in even.comparisons if c.definition == "loss.step_matched"]


def test_accuracy_of_one_minibatch_is_compared_by_its_counts() -> None:
    one, other = log(1), log(2)
    one["valid_mean_token_accuracy"] = at(300, 10, np.r_[np.random.default_rng(1).binomial(192, 0.86, 29), 166] / 192)
    other["valid_mean_token_accuracy"] = at(300, 10, np.r_[np.random.default_rng(2).binomial(192, 0.86, 29), 168] / 192)
    found = between(analyzed([known("a", one), known("b", other)], baseline="a"), "a", "b")["valid_accuracy_counts"]
    assert found.result.value == pytest.approx(2 / 192)
    assert found.result.p > 0.5


def test_unknown_batch_sizes_leave_noise_undecided() -> None:
    runs = [altered(one, config={}) for one in (known("a", log(1)), known("b", log(2)))]
    found = between(analyzed(runs, baseline="a"), "a", "b")
    assert found["noise"].comparable is None
    assert "batch size is not stated" in found["noise"].reason
    assert "noise_per_example" not in found


def test_of_many_runs_only_the_pairs_that_matter_are_compared() -> None:
    """All pairs of a sweep would be too many to read; those that are left still part the good runs from the bad."""
    few, many = ALL_PAIRS, ALL_PAIRS + 10
    runs = [known(f"run_{k}", log(k, level=0.3 if k % 2 else 0.4, full=50), seed=1, lr=k) for k in range(many)]
    assert len({(c.baseline, c.candidate) for c in analyzed(runs[:few]).comparisons}) == few * (few - 1) / 2
    a = analyzed(runs, baseline="run_7")
    pairs = {frozenset((c.baseline, c.candidate)) for c in a.comparisons if c.metric == "train_loss"}
    assert {pair for pair in pairs if "run_7" in pair} == {frozenset(("run_7", r.id)) for r in runs if r.id != "run_7"}
    assert sum(a.candidate.id in pair for pair in pairs) == many - 1
    assert len(pairs) <= (2 + 5) * many
    groups = {run.id: a.evidence_grades[run.id].group for run in runs}
    assert {groups[f"run_{k}"] for k in range(1, many, 2)} == {1}
    assert {groups[f"run_{k}"] for k in range(0, many, 2)} == {2}


@pytest.mark.parametrize(("every", "words"), [(1, "one logged value"), (10, "one minibatch")])
def test_a_row_with_a_validation_of_its_own_is_no_minibatch(every: int, words: str, tmp_path: Path) -> None:
    """A history of epochs may count them as steps: nobody measures the whole validation set at each step."""
    rows = [f"{k},{2 - k / 100},{2.1 - k / 100 if k % every == 0 else ''}\n" for k in range(1, 41)]
    (tmp_path / "history.csv").write_text("step,train_loss,val_loss\n" + "".join(rows))
    (run,) = load_runs(["history"], runs_dir=tmp_path)
    assert log_kind(run, "train_loss").words == words
