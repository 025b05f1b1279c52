"""Advice: heuristics are labelled, evidence refuses where it must, and every number in a plan can be recomputed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.rich_text import plain
from analysis.core.run import Run
from analysis.core.run_names import display_name, factor_title, next_ids, short_value
from analysis.findings.analysis_result import Analysis
from analysis.findings.plan import Recommendation
from analysis.findings.recommend.heuristics import next_learning_rate
from tests.builders import altered, analyzed, at, known, log, run
from tests.degenerate import analysis_of


def advice(a: Analysis) -> dict[str, Recommendation]:
    return {r.id: r for r in a.recommendations}


def two(first: dict[str, np.ndarray], second: dict[str, np.ndarray], **config: Any) -> Analysis:
    config = config or {"learning_rate_multiplier": 1.0}
    return analyzed([known("run_1", first), known("run_2", second, **config)], baseline="run_1")


# The rules of thumb.


@given(st.floats(1e-9, 1e3), st.floats(1e-9, 1e3))
def test_the_next_rate_lies_between_the_two(one: float, other: float) -> None:
    low, high = sorted((one, other))
    value = next_learning_rate(one, other)
    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
    if high > low * 1.01:
        assert low < value <= (low + high) / 2 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("stable", "unstable", "value"),
    [(0.5, 0.75, 0.6), (0.1, 1.0, 0.5), (1e-5, 2e-5, 1.5e-5), (1e-4, 1e-3, 5e-4), (2, 3, 2.5)],
)
def test_the_next_rate_is_a_round_number(stable: float, unstable: float, value: float) -> None:
    assert next_learning_rate(stable, unstable) == pytest.approx(value)


def test_a_higher_rate_with_more_oscillations_is_to_be_lowered() -> None:
    found = advice(two(log(1, 300), log(2, 600)))
    assert found["rule.reduce_learning_rate"].value == 0.7
    assert found["rule.learning_rate_schedule"].value == pytest.approx(0.8 * 0.5)
    assert {found[name].basis for name in found if name.startswith("rule.")} == {"heuristic"}


@pytest.mark.parametrize(
    ("lengths", "rate"), [((300, 300), 1.0), ((300, 600), 0.25), ((300, 600), 0.5), ((600, 300), 1.0)]
)
def test_else_the_rate_is_left_alone(lengths: tuple[int, int], rate: float) -> None:
    found = advice(two(log(1, lengths[0]), log(2, lengths[1]), learning_rate_multiplier=rate))
    assert "rule.reduce_learning_rate" not in found
    assert "rule.learning_rate_schedule" not in found


@pytest.mark.parametrize(("end", "epochs"), [(0.9, 1), (0.1, None)])
def test_an_epoch_that_ends_higher_than_it_starts_is_one_too_many(end: float, epochs: int | None) -> None:
    columns = log(2, 600)
    columns["train_loss"][-1] = end
    found = advice(two(log(1, 300), columns, n_epochs=2))
    assert (found["rule.fewer_epochs"].value if "rule.fewer_epochs" in found else None) == epochs


def test_a_single_run_that_still_learns_is_not_cut_short() -> None:
    """Its validation falls to the end, however its last epoch of train losses happens to end."""
    columns = log(2, 600, full=60)
    columns["train_loss"][-1] = 0.9
    falling = {**columns, "full_valid_loss": at(600, 60, np.linspace(1.0, 0.5, 10))}
    cut = [{r.id for r in analyzed([known("a", c, n_epochs=2)]).recommendations} for c in (columns, falling)]
    assert ["rule.fewer_epochs" in ids for ids in cut] == [True, False]


def test_a_lone_run_is_followed_by_another_seed_of_it() -> None:
    a = analyzed([known("run_2", log(2), seed_everything=1)])
    (planned,) = a.next_runs
    assert planned.id == "run_3"
    assert planned.config == {**a.candidate.config, "seed": 2, "seed_everything": 2}
    assert planned.expected_steps == 300


def test_what_is_open_is_followed_by_the_arms_of_the_experiment() -> None:
    a = two(log(1), log(2), learning_rate_multiplier=0.25)
    arms = advice(a)["evidence.design"].value["arms"]
    assert [planned.config for planned in a.next_runs] == [{**arm, "seed": 2} for arm in arms]
    assert [planned.config["learning_rate_multiplier"] for planned in a.next_runs] == [0.25, 0.5]


@pytest.mark.parametrize("level", [0.2, 0.4])
def test_what_is_settled_is_followed_by_nothing(level: float) -> None:
    """Three seeds each showed it: neither the winner nor the loser is to be trained again."""
    runs = [
        *(known(f"a{k}", log(k), seed=k) for k in range(3)),
        *(known(f"b{k}", log(9 + k, level=level), seed=k, learning_rate_multiplier=0.25) for k in range(3)),
    ]
    a = analyzed(runs)
    assert a.verdict.result in ("improved", "regressed")
    assert a.next_runs == ()


@pytest.mark.parametrize("value", [0.0, 2.302585])
def test_a_broken_training_is_to_be_mended_before_anything_else(value: float) -> None:
    columns = log(2)
    columns["train_loss"][20:] = value
    a = two(log(1), columns, learning_rate_multiplier=0.25)
    found = advice(a)
    assert "exactly" in plain(found["evidence.mend"].points[0])
    assert not {"evidence.design", "evidence.learning_rate_missing"} & set(found)
    assert a.next_runs == ()


def test_runs_with_the_same_settings_leave_nothing_to_settle() -> None:
    """Their seeds differ, and what only names them: no experiment tells such arms apart."""
    a = two(log(1), log(2), learning_rate_multiplier=0.5, seed=2, exp_id="r-18")
    assert "evidence.design" not in advice(a)
    assert a.next_runs == ()


def test_other_training_data_is_what_the_experiment_varies() -> None:
    other = altered(known("run_2", log(2)), data={"training_set": "u"})
    found = advice(analyzed([known("run_1", log(1)), other]))["evidence.design"]
    assert found.value["factor"] == "training_data"
    assert "differ only in training data, 3 seeds each: from the same parent." in " ".join(map(plain, found.points))


def test_what_only_the_candidate_has_is_kept() -> None:
    found = advice(two(log(1), log(2), data_balancing="2x", learning_rate_multiplier=1.0))
    assert [r.value for r in found.values() if r.id.startswith("rule.keep.")] == ["2x"]


def test_names_places_and_times_are_not_kept() -> None:
    told = {"exp_name": "b", "job": 1002, "ckpt_dir": "/tmp/ck/2", "start_time": "2026-03-01T10:00:00"}
    found = advice(two(log(1), log(2), **told, warmup=5))
    assert [name for name in found if name.startswith("rule.keep.")] == ["rule.keep.warmup"]


def test_stopping_and_clipping_need_a_validation_and_an_instability() -> None:
    bare = advice(two({"train_loss": log(1, 300)["train_loss"]}, {"train_loss": log(2, 600)["train_loss"]}))
    assert "rule.early_stopping" not in bare
    assert "rule.gradient_clipping" in bare
    calm = advice(two(log(1), log(2)))
    assert calm["rule.early_stopping"].value == 20
    assert "rule.gradient_clipping" not in calm


# The evidence's rules.


def test_no_rate_is_recommended_on_the_reference_but_the_experiment_is(reference: Analysis) -> None:
    found = advice(reference)
    evidence = [r for r in found.values() if r.basis == "evidence"]
    assert reference.recommendations[: len(evidence)] == tuple(evidence)
    assert "evidence.learning_rate" not in found
    assert "evidence.learning_rate_missing" not in found  # one experiment at a time
    plan = found["evidence.design"].value
    assert plan["seeds_per_arm"] >= 3
    assert len(plan["arms"]) == 2
    changed = {key for key in plan["arms"][0] if plan["arms"][0][key] != plan["arms"][1][key]}
    assert changed == {plan["factor"]} == {"learning_rate_multiplier"}
    assert plan["validation_examples"] == pytest.approx(6861, rel=0.05)
    assert plan["parent"] == "run_2"
    words = " ".join(plain(point) for point in found["evidence.design"].points)
    for needed in (
        "What a single setting does cannot be told",
        "same parent",
        "one frozen file",
        "log the loss of each example",
    ):
        assert needed in words


def test_of_runs_that_nobody_told_apart_more_seeds_tell() -> None:
    """What is not stated settles nothing about which model is better; measured otherwise, no further seed does."""
    unsaid = analyzed([run("run_1", log(1, 60)), run("run_2", log(2, 60, level=0.34))], baseline="run_1")
    assert unsaid.verdict.result == "no evidence of a difference"
    assert "evidence.design" not in advice(unsaid)
    assert "Train 3 seeds of each" in plain(advice(unsaid)["evidence.seeds"].points[0])
    smoothed = two(log(1), log(2, level=0.2), label_smoothing=0.1)
    plainly = analyzed([known("run_1", log(1), label_smoothing=0.0), smoothed.candidate], baseline="run_1")
    assert plainly.verdict.result == "not comparable"
    assert "Evaluate both with one loss" in plain(advice(plainly)["evidence.measure"].points[0])
    assert "evidence.design" not in advice(plainly)


def test_validation_examples_are_what_the_spread_asks_for() -> None:
    a = two(log(1), log(2, 600))
    plan = advice(a)["evidence.design"].value
    values = a.candidate.series("valid_loss")
    trend = np.polyfit(np.arange(values.size), values, 1)
    sd = (values - np.polyval(trend, np.arange(values.size))).std(ddof=2) * math.sqrt(64)
    assert plan["validation_examples"] == pytest.approx(2 * (2.8 * sd / 0.01) ** 2, rel=0.05)


def test_seeds_are_what_their_spread_asks_for() -> None:
    def arm(name: str, rate: float, levels: list[float], start: int) -> list[Run]:
        return [
            known(f"{name}{k}", log(start + k, level=level), learning_rate_multiplier=rate, seed=k)
            for k, level in enumerate(levels)
        ]

    runs = [*arm("a", 0.5, [0.29, 0.30, 0.31], 0), *arm("b", 1.0, [0.30, 0.31, 0.32], 9)]
    a = analyzed(runs)
    plan = advice(a)["evidence.design"].value
    last = {r.id: r.series("full_valid_loss")[-1] for r in runs}
    spread = [np.var([last[f"{name}{k}"] for k in range(3)], ddof=1) for name in "ab"]
    tau = math.sqrt(np.mean(spread))
    assert plan["seed_sd"] == pytest.approx(tau)
    sought = max(0.01, abs(a.verdict.primary.result.value))  # what was seen, at least what matters
    assert plan["difference_sought"] == pytest.approx(sought)
    assert plan["seeds_per_arm"] == math.ceil(2 * (2.802 * tau / sought) ** 2)


def test_a_difference_that_takes_too_many_seeds_is_let_go() -> None:
    """The verdict says so too: there is no sentence that hardly any number would do beside a plan for hundreds."""
    curves = [{name: log(k)[name] for name in ("train_loss", "full_valid_loss")} for k in (1, 2)]
    for columns, last in zip(curves, (0.3, 0.301), strict=True):
        columns["full_valid_loss"][-1] = last
    a = two(curves[0], curves[1], learning_rate_multiplier=0.25)
    assert "hardly any number of seeds" in a.verdict.numbers
    found = advice(a)
    assert "evidence.design" not in found
    assert "Choose on other grounds" in plain(found["evidence.too_small"].points[0])
    assert a.next_runs == ()


def test_a_clear_result_of_several_seeds_needs_no_further_experiment() -> None:
    runs = [
        *(known(f"a{k}", log(k), seed=k) for k in range(3)),
        *(known(f"b{k}", log(9 + k, level=0.2), seed=k, learning_rate_multiplier=1.0) for k in range(3)),
    ]
    found = advice(analyzed(runs))
    assert "evidence.design" not in found
    assert found["evidence.keep"].value == "b2"


@pytest.mark.parametrize(
    ("level", "advised", "value"), [(0.2, "evidence.keep", "run_2"), (0.4, "evidence.choose", "run_1")]
)
def test_the_better_run_is_kept(level: float, advised: str, value: str) -> None:
    assert advice(two(log(1), log(2, level=level)))[advised].value == value


def test_six_comparable_rates_give_one_near_the_best() -> None:
    a = analysis_of("six learning rates")
    best = advice(a)["evidence.learning_rate"].value
    # Levels rise with the square of the distance from 1e-3 in decades.
    assert 10**-3.5 < best < 10**-2.5


def test_a_reward_is_searched_for_its_highest_place() -> None:
    runs = [
        known(f"run_{k}", {"reward": 9 - (k - 2) ** 2 + log(k)["train_loss"]}, learning_rate_multiplier=10.0**-k)
        for k in range(6)
    ]
    assert 10**-2.5 < advice(analyzed(runs))["evidence.learning_rate"].value < 10**-1.5


def test_four_rates_or_runs_that_are_not_comparable_give_none() -> None:
    runs = list(analysis_of("six learning rates").runs)
    few = advice(analyzed(runs[2:]))
    assert "evidence.learning_rate" not in few
    assert ("evidence.design" in few) != ("evidence.learning_rate_missing" in few)  # one experiment at a time
    strangers = [altered(r, data={"validation_set": r.id}) for r in runs]
    assert "evidence.learning_rate" not in advice(analyzed(strangers))
    unknown = [altered(r, data={"validation_set": None}) for r in runs]
    assert "evidence.learning_rate" not in advice(analyzed(unknown))


@pytest.mark.parametrize("rate", [None, "1e-3", 0, -1.0, float("nan"), True])
def test_a_rate_that_is_no_number_takes_no_part(rate: Any) -> None:
    runs = list(analysis_of("six learning rates").runs)
    odd = known("odd", log(77, 200), learning_rate_multiplier=rate)
    for order in ([*runs, odd], [odd, *runs]):
        assert analyzed(order).verdict.result


def test_sampling_noise_is_left_alone_and_more_than_that_is_not() -> None:
    found = advice(two(log(1), log(2)))
    assert "batch size 256 would halve it" in plain(found["evidence.sampling_noise"].points[1])
    noisy = log(2)
    noisy["train_loss"] = 0.3 + np.random.default_rng(1).normal(0, 0.2, 300)
    assert "evidence.sampling_noise" not in advice(two(log(1), noisy))


def test_predictions_cover_the_same_process() -> None:
    hits = total = 0
    for seed in range(30):
        a = two(log(3 * seed), log(3 * seed + 1))
        again = two(log(3 * seed), log(3 * seed + 2)).evidence["run_2"]
        observed = {"full_valid_loss": again.full_valid_loss, "noise": again.noise}
        for prediction in a.next_runs[0].predictions:
            level = observed[prediction.metric]
            assert level is not None
            hits += prediction.low <= level.value <= prediction.high
            total += 1
    assert total == 60
    assert hits >= 54


# Names.


def test_a_secret_that_was_blanked_is_no_setting_of_the_next_run() -> None:
    """A file to submit must not set a key to what stands in its place; it says what is to be given anew."""
    rate = {"learning_rate_multiplier": 2.0}
    a = two(log(1), log(2), **rate, api_key="[redacted]", url="https://[redacted]@host/x", task="summary")
    text = a.next_runs[0].to_yaml()
    assert yaml.safe_load(text)["config"].keys() >= {"learning_rate_multiplier", "task"}
    assert "[redacted]" not in text
    assert "api_key, url" in text


@pytest.mark.parametrize(("base", "rate", "wanted"), [(1.0, 2.0, 1.5), (1.0, 1.0, 0.5), (3.0, 1.0, 0.5)])
def test_after_a_divergence_the_rate_goes_down_and_nothing_else(base: float, rate: float, wanted: float) -> None:
    """Between the stable rate and its own, else half of its own; fewer epochs or another seed are no remedy."""
    climbing = {**log(2), "train_loss": log(2)["train_loss"] + np.r_[np.zeros(200), np.linspace(0, 3, 100)]}
    runs = [
        known(f"run_{k}", c, learning_rate_multiplier=r, n_epochs=2)
        for k, c, r in ((1, log(1), base), (2, climbing, rate))
    ]
    a = analyzed(runs, baseline="run_1")
    assert advice(a)["rule.reduce_learning_rate"].value == pytest.approx(wanted)
    (planned,) = a.next_runs
    assert planned.config["learning_rate_multiplier"] == pytest.approx(wanted)
    assert planned.config["n_epochs"] == 2
    assert planned.expected_outcome == "A run that does not diverge"


def test_names_of_next_runs_are_free() -> None:
    assert next_ids(["run_2", "run_9", "run_4"], "run_4", 2) == ["run_10", "run_11"]
    assert next_ids(["exp", "b"], "exp", 2) == ["exp-next-1", "exp-next-2"]
    taken = next_ids(["a/run_4", "run_4"], "run_4", 1)
    assert taken == ["run_5"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.75, "0.75"), (2e-5, "2e-05"), (64, "64"), (None, "none"), (True, "true"), ("x", "x")]
)
def test_values_are_written_as_people_do(value: Any, shown: str) -> None:
    assert short_value(value) == shown


def test_names_are_titles_only_where_nothing_is_lost() -> None:
    assert [display_name(name) for name in ("run_4", "Run 4", "exp12", "a-b", "läuf 1", "4")] == [
        "Run 4",
        "Run 4",
        "Exp 12",
        "a-b",
        "läuf 1",
        "4",
    ]
    assert factor_title("optimizer.weight_decay") == "Optimizer Weight Decay"


def test_fewer_epochs_bring_fewer_steps_where_the_steps_are_set_too() -> None:
    last = log(2, 600)
    last["train_loss"][-1] = 1.0
    a = two(log(1, 600), last, n_epochs=2, max_steps=600)
    planned = {r.config["n_epochs"]: r.config["max_steps"] for r in a.next_runs if "max_steps" in r.config}
    assert planned == {1: 300, 1.5: 450}


def test_what_was_compared_between_seeds_is_not_called_incomparable() -> None:
    def bare(seed: int, level: float) -> dict[str, np.ndarray]:
        columns = log(seed, level=level)
        return {name: columns[name] for name in ("train_loss", "full_valid_loss")}

    runs = [
        known(f"{arm}{s}", bare(10 * k + s, 0.3 - 0.1 * k), seed=s, learning_rate_multiplier=1.0 + k)
        for k, arm in enumerate("ab")
        for s in range(3)
    ]
    a = analyzed(runs, baseline="a0", candidate="b2")
    assert a.verdict.primary is not None
    assert a.verdict.primary.metric == "full_valid_loss"
    found = advice(a).get("evidence.record")
    assert found is None or not any("full validation loss" in plain(point) for point in found.points)


def test_what_the_log_itself_told_is_not_to_be_stated() -> None:
    """A trainer's state says how many examples were validated; the batch size it does not."""
    columns = {name: values for name, values in log(1).items() if name.startswith(("train", "full_valid"))}
    columns.pop("full_valid_mean_token_accuracy", None)
    runs = [run(f"run_{k}", columns, n_valid_seen=1000, config={"learning_rate": float(k)}) for k in (1, 2)]
    a = analyzed(runs)
    (asked,) = [p for p in map(plain, advice(a)["evidence.record"].points) if "log the validation loss" in p]
    assert "config.batch_size" in asked
    assert "n_valid" not in asked
