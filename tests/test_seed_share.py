"""Models or configurations: what one run each may claim, and where the seed's share of an error comes from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis import statistics as st
from analysis.core.run import Run
from analysis.findings.analysis_result import Analysis
from analysis.report.sections.answer import headline
from analysis.report.sections.configuration_rows import configuration_rows
from analysis.sources.inferred import grid, with_validation_size
from tests.builders import KNOWN, altered, analyzed, known, run

STATED = {"data": KNOWN["data"], "parent": None, "parent_known": True}


def epochs(run_id: str, accuracy: float, n_valid: int | None = 10_000, *, rows: int = 10, seed: int = 0) -> Run:
    """One run of one row an epoch that ends at a validation accuracy."""
    curve = accuracy - 0.3 * (np.exp(-np.arange(rows) / 2) - math.exp(-(rows - 1) / 2))
    data = KNOWN["data"].__class__(n_train=1_000, n_valid=n_valid, validation_set="v", training_set="t")
    columns = {"full_valid_mean_token_accuracy": curve, "epoch": np.arange(1.0, rows + 1)}
    return run(run_id, columns, **{**STATED, "data": data}, config={"learning_rate": accuracy, "seed": seed})


def losses(run_id: str, value: float, rate: float, seed: int) -> Run:
    """One run whose last full validation loss is a value."""
    curve = value + 0.5 * (np.exp(-np.arange(10) / 2) - math.exp(-4.5))
    columns = {"full_valid_loss": curve, "epoch": np.arange(1.0, 11)}
    return run(run_id, columns, **STATED, config={"learning_rate": rate, "seed": seed})


def two(first: float, second: float, n_valid: int | None, **parameters: Any) -> Analysis:
    runs = [epochs("a", first, n_valid), epochs("b", second, n_valid)]
    return analyzed(runs, baseline="a", candidate="b", **parameters)


@pytest.mark.parametrize("rows", [3, 10, 30])
def test_86_against_90_percent_of_10_000_is_a_better_model(rows: int) -> None:
    """+4 pp [3.1, 4.9]; as configurations unless seeds scatter by more than 1.4 pp."""
    runs = [epochs("a", 0.86, rows=rows), epochs("b", 0.90, rows=rows)]
    v = analyzed(runs, baseline="a", candidate="b").verdict
    assert (v.result, v.scope) == ("improved", "models")
    assert v.sentence.startswith("b is a better model than a")
    assert v.primary is not None
    assert (v.primary.result.low, v.primary.result.high) == pytest.approx((0.031, 0.049), abs=0.002)
    assert v.seed_sd_limit == pytest.approx(0.0137, abs=0.001)
    assert v.attributable == "cannot tell"  # one run each: from the seed
    assert "scatter by more than 1.4" in v.condition


def test_the_level_shown_compared_and_kept_is_one() -> None:
    a = two(0.86, 0.90, 10_000)
    level = a.evidence["b"].window["full_valid_mean_token_accuracy"]
    assert level.value == pytest.approx(0.90)  # the last evaluation, no mean over epochs
    exact = stats.binomtest(9_000, 10_000).proportion_ci(method="wilson")
    assert (level.low, level.high) == pytest.approx((exact.low, exact.high), abs=4e-4)  # the curve scatters


def test_a_difference_that_seeds_usually_make_is_none() -> None:
    """2.1 standard errors of the set: beyond its sampling, not beyond sampling and the usual scatter of seeds."""
    d = 2.1 * math.sqrt(2 * 0.1 * 0.9 / 10_000)
    v = two(0.9, 0.9 + d, 10_000).verdict
    assert v.primary is not None
    assert v.primary.p is not None
    assert v.primary.p < 0.05
    assert v.result == "no evidence of a difference"
    assert "seeds of each would tell" in v.numbers


def test_a_curve_that_wavers_shows_how_much_its_seed_may_make() -> None:
    """The same last accuracies of the same examples: a winner after steady curves, none after curves that fall back."""
    steady, wavering = [0.80, 0.85, 0.87, 0.88], [0.80, 0.88, 0.86, 0.88]
    results = []
    for curve in (steady, wavering):
        columns = {"full_valid_mean_token_accuracy": np.asarray(curve), "epoch": np.arange(1.0, 5)}
        higher = {**columns, "full_valid_mean_token_accuracy": np.asarray(curve) + 0.015}
        runs = [run(name, c, **STATED, config={}) for name, c in (("a", columns), ("b", higher))]
        runs = [altered(one, data={"n_valid": 10_000}) for one in runs]
        results.append(analyzed(runs, baseline="a", candidate="b").verdict.result)
    assert results == ["improved", "no evidence of a difference"]


def test_the_luck_of_a_course() -> None:
    """A tenth of the last change while it moves; the largest step back where it wavers; scatter from 8 on."""
    assert st.seed_luck(np.array([0.9, 0.6, 0.4]), 1) == pytest.approx(0.02)
    assert st.seed_luck(np.array([0.5, 0.7, 0.65, 0.71]), -1) == pytest.approx(0.05)
    assert st.seed_luck(np.array([0.5]), 1) == 0
    noise = np.random.default_rng(0).normal(size=400)
    assert st.seed_luck(noise, 1) == pytest.approx(1, abs=0.25)


def test_an_accuracy_of_an_unknown_number_never_makes_a_winner() -> None:
    v = two(0.861234, 0.901237, None).verdict
    assert v.result == "no evidence of a difference"
    assert "validation examples or more; state data.n_valid" in v.numbers


def test_a_stated_spread_of_seeds_makes_it_one_of_configurations() -> None:
    """z = d / sqrt(SE² + 2 tau²)."""
    small, large = (two(0.86, 0.90, 10_000, settings={"seed_sd": sd}).verdict for sd in (0.005, 0.03))
    assert (small.result, small.scope, large.result) == ("improved", "configurations", "no evidence of a difference")
    assert small.primary is not None
    se = math.sqrt((0.86 * 0.14 + 0.9 * 0.1) / 10_000 + 2 * 0.005**2)
    assert small.primary.result.p == pytest.approx(2 * stats.norm.sf(0.04 / se), rel=0.3)


def test_one_run_is_held_against_a_group_as_one_case_against_controls() -> None:
    """Crawford and Howell: t = (x - mean)/(s sqrt(1 + 1/k)), df k - 1."""
    group = [1.00, 1.02, 0.98, 1.01, 0.99]
    runs = [losses(f"a{k}", value, 0.1, k) for k, value in enumerate(group)] + [losses("b", 1.2, 0.2, 0)]
    found = analyzed(runs, baseline="a0", candidate="b").verdict
    assert found.primary is not None
    assert (found.primary.seed_source, found.result) == ("one against seeds", "regressed")
    t = (1.2 - np.mean(group)) / (np.std(group, ddof=1) * math.sqrt(1.2))
    assert found.primary.result.p == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-6)
    back = analyzed(runs, baseline="b", candidate="a0").verdict
    assert (back.result, back.primary is not None) == ("improved", True)


def test_the_same_seeds_on_both_sides_are_compared_pair_by_pair() -> None:
    """What a seed does to both runs is no error of their difference."""
    shared = np.random.default_rng(0).normal(0, 0.1, 5)
    own = np.random.default_rng(1).normal(0, 0.004, 5)
    runs = [losses(f"a{k}", 1 + shared[k], 0.1, k) for k in range(5)]
    runs += [losses(f"b{k}", 0.97 + shared[k] + own[k], 0.2, k) for k in range(5)]
    v = analyzed(runs, baseline="a0", candidate="b0").verdict
    assert v.primary is not None
    assert (v.primary.seed_source, v.result) == ("paired seeds", "improved")
    assert v.primary.result.p == pytest.approx(stats.ttest_1samp(-0.03 + own, 0).pvalue, rel=1e-6)
    other = [losses(r.id, r.series("full_valid_loss")[-1], 0.2, k + 50) for k, r in enumerate(runs[5:])]
    assert analyzed([*runs[:5], *other], baseline="a0", candidate="b0").verdict.result == "no evidence of a difference"


def test_six_pairs_are_held_to_the_sign_flip_test_too() -> None:
    d = np.array([0.01, 0.02, 0.03, 0.02, 0.01, 0.02])
    assert st.paired_seed_difference(np.zeros(6), d).p == pytest.approx(2 / 64)


def test_groups_elsewhere_lend_their_spread_to_single_runs() -> None:
    """t = d / (s_pool sqrt 2), df = sum(k - 1); a spread of earlier reports counts as one of this."""
    groups = [losses(f"c{k}", v, 0.5, k) for k, v in enumerate((2.0, 2.03, 1.97, 2.01))]
    single = [losses("a", 1.0, 0.1, 0), losses("b", 1.2, 0.2, 0)]
    v = analyzed([*groups, *single], baseline="a", candidate="b").verdict
    assert v.primary is not None
    assert (v.primary.seed_source, v.scope, v.result) == ("pooled", "configurations", "regressed")
    s = np.std([2.0, 2.03, 1.97, 2.01], ddof=1)
    assert v.primary.result.p == pytest.approx(2 * stats.t.sf(0.2 / (s * math.sqrt(2)), 3), rel=1e-6)


def test_which_to_keep_does_not_depend_on_who_is_candidate() -> None:
    """Three configurations by four seeds: the best, and those that may be it, whatever the order of arguments."""
    rng = np.random.default_rng(2)
    runs = [
        losses(f"{name}{k}", level + rng.normal(0, 0.01), rate, 10 * place + k)
        for place, (name, level, rate) in enumerate((("a", 1.0, 0.1), ("b", 1.005, 0.2), ("c", 1.3, 0.3)))
        for k in range(4)
    ]
    for order in (runs, runs[::-1], [*runs[4:], *runs[:4]]):
        found = analyzed(order).configurations
        assert {row.runs[0][0] for row in found if row.may_be_best} == {"a", "b"}
        assert found[-1].runs[0][0] == "c"


def test_nothing_is_chosen_among_seeds_of_one_configuration() -> None:
    runs = [losses(f"a{k}", 1 + k / 100, 0.1, k) for k in range(3)]
    alone, two = analyzed(runs), analyzed([*runs, losses("b", 1.3, 0.2, 9)])
    assert len(configuration_rows(alone)) == 1
    assert "best" not in headline(alone, configuration_rows(alone))
    assert [row.is_candidate for row in configuration_rows(two)] == [False, True]


def test_the_best_of_twenty_equal_runs_leads_by_luck() -> None:
    assert st.expected_lead(20) == pytest.approx(1.867, abs=0.002)
    assert st.tipping_point(2.7718, 0.0) == pytest.approx(1.0, abs=1e-4)


def test_the_size_of_the_set_is_read_off_the_accuracies() -> None:
    values = np.array([301, 320, 333, 335, 341]) / 360
    assert grid(values) == 360
    assert grid(np.round(values, 2)) is None  # two digits: anything is a multiple of 1/100
    assert grid(np.array([0.5, 0.5, 0.5])) is None
    seen = with_validation_size(run("a", {"full_valid_mean_token_accuracy": values}))
    assert (seen.n_valid, seen.data.n_valid) == (360, None)
    assert any("multiples of 1/360" in note for note in seen.notes)


def test_the_size_of_the_set_is_read_off_the_speed_of_evaluation() -> None:
    columns = {
        "full_valid_loss": [1.0, 0.9],
        "eval_runtime": [4.0021, 3.9874],
        "eval_samples_per_second": [249.869, 250.79],
    }
    assert with_validation_size(run("a", columns)).n_valid == 1_000


@pytest.mark.parametrize(("x", "n"), [((3, 9), 10), ((40, 52), 60), ((0, 5), 30)])
def test_small_sets_are_tested_exactly(x: tuple[int, int], n: int) -> None:
    one, two_ = (st.share_level(k / n, n) for k in x)
    exact = stats.fisher_exact([[x[0], n - x[0]], [x[1], n - x[1]]]).pvalue
    assert st.share_difference(one, two_).p == pytest.approx(
        max(exact, st.proportion_difference(one, two_).p), rel=1e-6
    )


def test_the_p_for_any_overlap_is_the_worst_case() -> None:
    """No error shared by both models is the worst case: Var(d) = (e1 + e2 - d²)/n."""
    one, two_ = st.share_level(0.86, 1_000), st.share_level(0.90, 1_000)
    z = 0.04 / math.sqrt((0.14 + 0.10 - 0.04**2) / 1_000)
    assert st.p_any_overlap(one, two_) == pytest.approx(2 * stats.norm.sf(z), rel=1e-6)


def test_a_run_that_states_its_metric_is_judged_by_it() -> None:
    runs = [
        known(name, {"full_valid_loss": [1.0, level], "my_score": [0.1, 0.2 + level]})
        for name, level in (("a", 0.5), ("b", 0.9))
    ]
    by_loss = analyzed(runs, baseline="a").verdict
    by_score = analyzed(runs, baseline="a", settings={"primary": "my_score"}).verdict
    assert by_loss.primary is not None
    assert by_score.primary is not None
    assert (by_loss.primary.metric, by_score.primary.metric) == ("full_valid_loss", "my_score")


def test_what_decides_between_two_ranks_them_too() -> None:
    """The accuracy has an error and the loss none: one metric stands in the sentence and in the table below it."""
    rng = np.random.default_rng(8)

    def made(name: str, right: float) -> Run:
        epochs = np.arange(1.0, 11.0)
        loss = 0.4 + np.exp(-epochs / 3) + rng.normal(0, 0.004, 10)
        accuracy = np.round((right - 0.2 * np.exp(-epochs / 3)) * 2000) / 2000
        columns = {"full_valid_loss": loss, "full_valid_mean_token_accuracy": accuracy}
        return altered(known(name, columns, learning_rate_multiplier=right), data={"n_valid": 2000})

    for names in ("ab", "ba"):
        runs = [made(name, 0.88 if name == "a" else 0.93) for name in names]
        a = analyzed(runs)
        assert a.verdict.primary is not None
        assert {a.verdict.primary.metric} == {c.metric for c in a.configurations} == {"full_valid_mean_token_accuracy"}
        assert [c.runs for c in a.configurations if c.may_be_best] == [("b",)]
