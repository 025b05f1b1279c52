"""What is asked of two configurations does not change with how many seeds each ran, nor is it answered by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from analysis import statistics as st
from analysis.core.deciding import judged_metrics
from analysis.core.rich_text import plain
from analysis.core.run import Run
from analysis.core.settings import Settings
from analysis.evidence.seed_groups import seed_groups
from tests.builders import altered, analyzed, known, run

ACCURACY = "full_valid_mean_token_accuracy"


def smoothed(side: str, seed: int, *, right: float, loss: float) -> Run:
    """Ten epochs that end at an accuracy of 10,000 examples and at a loss; label smoothing parts the two."""
    chance = np.random.default_rng([seed, ord(side)])
    falling = np.exp(-np.arange(1.0, 11.0) / 2)
    columns = {
        "full_valid_loss": loss + falling + chance.normal(0, 0.004),
        ACCURACY: np.round((right - 0.2 * falling + chance.normal(0, 0.001)) * 10_000) / 10_000,
    }
    made = known(f"{side}{seed}", columns, learning_rate_multiplier=ord(side), seed=seed)
    return altered(made, data={"n_valid": 10_000})


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_the_metric_that_decides_is_the_same_for_any_number_of_seeds(seeds: int) -> None:
    """The accuracy, whose error single runs tell; that the loss says the opposite stands in the verdict."""
    runs = [
        smoothed(side, seed, right=right, loss=loss)
        for side, right, loss in (("a", 0.90, 0.48), ("b", 0.935, 0.56))
        for seed in range(seeds)
    ]
    a = analyzed(runs, baseline="a0", candidate="b0")
    assert a.verdict.primary is not None
    assert (a.verdict.primary.metric, a.verdict.result) == (ACCURACY, "improved")
    assert "But full validation loss is worse" in a.verdict.condition
    assert {c.metric for c in a.configurations} == {ACCURACY}


def test_a_score_decides_before_a_loss_where_neither_has_an_error() -> None:
    runs = [
        known(name, {"full_valid_loss": [0.9, 0.6, 0.5], "f1": [0.5, 0.6, f1]}, learning_rate_multiplier=f1)
        for name, f1 in (("a", 0.80), ("b", 0.65))
    ]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert verdict.primary is not None
    assert (verdict.primary.metric, verdict.result) == ("f1", "regressed")


def test_two_runs_of_one_configuration_are_not_held_against_their_own_difference() -> None:
    """Their spread would be what they differ by, and p always .5."""
    runs = [smoothed("a", seed, right=right, loss=0.5) for seed, right in ((1, 0.73), (2, 0.87))]
    a = analyzed(runs, baseline="a1", candidate="a2")
    assert len(seed_groups(a.runs)) == 1
    assert a.verdict.primary is not None
    assert a.verdict.primary.result.p < 0.001


def test_a_run_of_half_the_length_is_no_seed_of_the_other() -> None:
    def made(name: str, rows: int, **config: int) -> Run:
        return run(name, {"train_loss": np.linspace(2, 1, rows)}, config={"learning_rate": 1, "seed": rows, **config})

    assert len(seed_groups([made("a", 5), made("b", 10)])) == 2
    assert len(seed_groups([made("a", 5, n_epochs=20), made("b", 10, n_epochs=20)])) == 1  # stopped early by plan


def test_differences_that_are_all_alike_are_tested_between_groups() -> None:
    """Rounded values may have paired differences without any scatter, which makes nothing certain."""
    values = np.array([0.80, 0.82, 0.81, 0.83])
    runs = [
        known(f"{side}{k}", {"train_loss": [1.0, 0.5], "f1": [0.1, right]}, learning_rate_multiplier=ord(side), seed=k)
        for side, shift in (("a", 0.0), ("b", 0.04))
        for k, right in enumerate(values + shift)
    ]
    primary = analyzed(runs, baseline="a0", candidate="b0").verdict.primary
    assert primary is not None
    assert (primary.seed_source, primary.result.value) == ("seeds", pytest.approx(0.04))
    assert primary.result.p == pytest.approx(st.seed_difference(values, values + 0.04).p)


@pytest.mark.parametrize("last", [0.001, -0.002, 0.0095])
def test_the_interval_of_six_pairs_says_what_their_p_says(last: float) -> None:
    d = np.array([0.010, 0.011, 0.009, 0.0105, 0.0095, last])
    e = st.paired_seed_difference(np.zeros(6), d)
    assert (e.p < 0.05) == (not e.low <= 0 <= e.high)


def test_a_loss_of_other_training_data_is_another_quantity() -> None:
    runs = [
        altered(known(name, {"train_loss": np.linspace(2, end, 200)}), data={"training_set": name})
        for name, end in (("cifar10", 0.5), ("cifar100", 1.5))
    ]
    verdict = analyzed(runs, baseline="cifar10", candidate="cifar100").verdict
    assert verdict.result == "not comparable"
    assert "the training data differ" in verdict.sentence


def test_rewards_of_single_seeds_have_no_winner() -> None:
    """Seeds of one configuration that end a tenth apart: 40 pairs, none of which the report decides."""
    chance = np.random.default_rng(6)
    rise = 1 - np.exp(-np.arange(100) / 20)
    runs = [
        known(f"r{k}", {"reward": 200 * level * rise + chance.normal(0, 4, 100)}, learning_rate_multiplier=k + 1)
        for k, level in enumerate(1 + 0.1 * chance.standard_normal(41))
    ]
    results = [analyzed([one, two], baseline=one.id, candidate=two.id).verdict.result for one, two in pairwise(runs)]
    assert sum(result in ("improved", "regressed", "mixed") for result in results) <= 2


def test_an_average_is_not_held_against_raw_losses_in_oscillations() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 400)
    smooth = np.empty(400)
    level = noise[0]
    for k, value in enumerate(noise):
        level = smooth[k] = 0.95 * level + 0.05 * value
    runs = [known("raw", {"train_loss": 1 + noise}), known("ema", {"train_loss": 1 + smooth})]
    for names in (("raw", "ema"), ("ema", "raw")):
        a = analyzed(runs, baseline=names[0], candidate=names[1])
        told = [f for f in a.findings if f.rule == "stability.oscillation_count"]
        assert {f.status for f in told} <= {"cannot tell", "contradicted"}


def test_a_score_of_ones_own_decides_before_a_loss_of_the_table() -> None:
    """AUROC has no row in the table of metrics; many scores beside a loss are those of single classes."""
    wanted = {"val_auroc": [0.5, 0.7, 0.91], "full_valid_loss": [0.9, 0.6, 0.5]}
    runs = [
        known(name, {**wanted, "val_auroc": [0.5, 0.7, end]}, learning_rate_multiplier=end)
        for name, end in (("a", 0.91), ("b", 0.84))
    ]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert verdict.primary is not None
    assert (verdict.primary.metric, verdict.result) == ("val_auroc", "regressed")
    assert judged_metrics([*wanted, *(f"val_iou_{k}" for k in range(20))]) == ("full_valid_loss",)


def test_a_loss_decides_where_the_accuracy_shows_nothing() -> None:
    """Three seeds a side end at one accuracy and at losses a sixth apart; the verdict says which metric it is of."""
    runs = [smoothed(side, k, right=0.9, loss=loss) for side, loss in (("a", 0.48), ("b", 0.40)) for k in range(3)]
    verdict = analyzed(runs, baseline="a0", candidate="b0").verdict
    assert verdict.primary is not None
    assert (verdict.primary.metric, verdict.result) == ("full_valid_loss", "improved")
    assert "accuracy shows no difference" in verdict.condition
    asked = analyzed(runs, baseline="a0", candidate="b0", settings={"primary": ACCURACY}).verdict
    assert asked.primary is not None
    assert asked.primary.metric == ACCURACY


def test_at_equal_length_the_words_say_what_the_interval_says() -> None:
    """A candidate that was cut off, and was better until then."""
    chance = np.random.default_rng(4)
    rows = np.arange(1000.0)
    whole = 1 + 3 * np.exp(-rows / 200) + chance.normal(0, 0.05, 1000)
    better = 0.9 + 3 * np.exp(-rows[:400] / 200) + chance.normal(0, 0.05, 400)
    runs = [run("a", {"train_loss": whole}, config={"lr": 1}), run("b", {"train_loss": better}, config={"lr": 2})]
    a = analyzed(runs, baseline="a", candidate="b")
    matched = next(c for c in a.comparisons if c.definition == "loss.step_matched")
    (said,) = [plain(f.text) for f in a.findings if f.rule == "performance.step_matched"]
    assert matched.result.high < 0
    assert a.verdict.result == "regressed"
    assert "At equal length it is better in train loss" in a.verdict.condition
    assert said.startswith("At equal length the candidate is better")


def test_identical_logs_are_no_second_measurement() -> None:
    columns = {"full_valid_loss": [0.9, 0.6, 0.5]}
    a = analyzed([known("a", columns), known("b", columns, learning_rate_multiplier=2)], baseline="a", candidate="b")
    assert "Their logs are identical" in a.verdict.condition


def test_seeds_of_one_configuration_are_described_and_not_compared() -> None:
    """Unless somebody names the one to compare with."""
    levels = (0.500, 0.504, 0.511, 0.497)
    runs = [known(f"s{seed}", {"full_valid_loss": [0.9, 0.6, end]}, seed=seed) for seed, end in enumerate(levels)]
    spread = f"{np.mean(levels):.4f} ± {np.std(levels, ddof=1):.4f}"
    assert analyzed(runs).verdict.sentence == (
        f"4 seeds of one configuration: full validation loss {spread} (mean ± sd)."
    )
    assert analyzed(runs, baseline="s0").verdict.sentence.startswith("There is no evidence that")


def test_models_that_differ_by_no_more_than_seeds_make_are_told_from_their_configurations() -> None:
    """Rewards of one run each: far beyond their own error, and within what another seed may make."""
    chance = np.random.default_rng(5)
    settled = 1 - np.exp(-np.arange(300.0) / 40)
    runs = [
        run(name, {"reward": level * settled + chance.normal(0, 0.05, 300)}, config={"beta": level})
        for name, level in (("a", 0.50), ("b", 0.62))
    ]
    a = analyzed(runs, baseline="a", candidate="b")
    assert a.verdict.primary is not None
    assert a.verdict.primary.p is not None
    assert a.verdict.primary.p < 1e-6
    assert a.verdict.sentence == (
        "There is no evidence that the configuration of b performs differently from that of a in reward: "
        "another seed alone may make such a difference."
    )


def test_of_several_losses_of_ones_own_the_verdict_says_which_decided() -> None:
    runs = [
        run(name, {"val_loss_seg": [2, 1, seg], "val_loss_depth": [2, 1, 1.2 - seg]}, config={"w": seg})
        for name, seg in (("a", 0.50), ("b", 0.45))
    ]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert "Of 2 validation losses val_loss_seg decided, as the first logged" in verdict.condition


@pytest.mark.parametrize(("level", "margin"), [(0.5, 0.01), (0.9, 0.01), (0.99, 0.001), (98.0, 0.2), (3.0, 0.3)])
def test_what_does_not_matter_shrinks_with_the_errors_left(level: float, margin: float) -> None:
    """A percentage point is nothing at 50 % and everything at 99.9 %."""
    assert Settings().margin_of(ACCURACY, level) == pytest.approx(margin, rel=0.01)


def seeds_that_end_at(side: str, ends: Sequence[float]) -> list[Run]:
    """Twelve epochs of each seed of one configuration; NaN ends as NaN."""
    falling = np.exp(-np.arange(12.0) / 2)
    return [
        known(
            f"{side}{seed}",
            {"full_valid_loss": np.where((np.arange(12) > 4) & np.isnan(end), np.nan, np.nan_to_num(end) + falling)},
            learning_rate_multiplier=ord(side),
            seed=seed,
        )
        for seed, end in enumerate(ends)
    ]


def test_seeds_that_die_are_counted_against_their_configuration() -> None:
    """Two of three are better; that the third has no loss at all is not left out of the answer."""
    runs = [*seeds_that_end_at("a", (0.50, 0.51, 0.50)), *seeds_that_end_at("b", (0.42, np.nan, 0.43))]
    dead = altered(runs[4], nonfinite={"full_valid_loss": tuple(range(6, 13))})
    a = analyzed([*runs[:4], dead, runs[5]], baseline="a0", candidate="b0")
    assert (a.verdict.result, a.verdict.primary and a.verdict.primary.seeds) == ("mixed", (3, 2))
    assert "where it trains, but more of its runs die" in a.verdict.sentence
    assert "b1 ended as NaN or infinite and is left out" in a.verdict.condition


def test_a_seed_far_from_the_others_is_named() -> None:
    runs = [*seeds_that_end_at("a", (0.50, 0.51, 0.50, 0.52)), *seeds_that_end_at("b", (0.43, 0.44, 2.30, 0.43))]
    condition = analyzed(runs, baseline="a0", candidate="b0").verdict.condition
    assert "b2 ended far from the other seeds, at full validation loss 2.304 against 0.434 to 0.444" in condition
    assert "a3" not in condition


def test_no_seed_of_a_normal_group_is_far_from_the_others() -> None:
    """None of fifty groups of 3 to 8 seeds that scatter by 1 to 5 %."""
    chance = np.random.default_rng(6)
    named = 0
    for _ in range(25):
        scatter, k = chance.uniform(0.01, 0.05), int(chance.integers(3, 9))
        sides = [seeds_that_end_at(side, 0.5 * (1 + chance.normal(0, scatter, k))) for side in "ab"]
        named += "far from the other seeds" in analyzed([*sides[0], *sides[1]], baseline="a0").verdict.condition
    assert named == 0


def test_what_two_runs_came_to_at_their_best_is_said_where_one_went_past_it() -> None:
    """Equal at their end, and far apart where early stopping would have kept them."""
    epochs = np.arange(40.0)
    runs = [
        known(
            name,
            {
                "train_loss": 1.5 * np.exp(-epochs / 6) + 0.02,
                "full_valid_loss": best + np.exp(-epochs / 4) + np.maximum(0, epochs - 12) * rise,
            },
            weight_decay=best,
        )
        for name, best, rise in (("a", 0.60, 0.020), ("b", 0.50, 0.0237))
    ]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert verdict.result == "no evidence of a difference"
    assert "Each at its best checkpoint: 0.550 (step 13) against 0.650 (step 13)" in verdict.condition


def test_a_score_of_answers_is_no_better_known_than_a_share_of_them() -> None:
    """F1 of 408 examples, 3 points higher: nothing, as the accuracy of as many says."""
    runs = [
        altered(known(name, {"f1": [0.7, 0.8, f1]}, learning_rate_multiplier=f1), data={"n_valid": 408})
        for name, f1 in (("a", 0.86), ("b", 0.89))
    ]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert verdict.result == "no evidence of a difference"
    assert "That error is at least ±4.5 pp" in verdict.numbers


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        ({"train_loss": 3.5}, {"train_loss": 0.6, "rewards/accuracies": 0.7}, "only b is trained from preferences"),
        ({"train_loss": 3.5}, {"train_loss": 0.6, "reward": 0.7}, "only b is trained for a reward"),
    ],
)
def test_losses_of_two_kinds_are_not_compared(one: dict[str, float], two: dict[str, float], why: str) -> None:
    """A loss of preferences, or one that only carries a gradient, says nothing beside a cross-entropy."""
    falling = np.exp(-np.arange(20.0) / 4)
    runs = [
        known(name, {metric: level + falling for metric, level in ends.items()}, learning_rate_multiplier=ord(name))
        for name, ends in (("a", one), ("b", two))
    ]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert (verdict.result, why.lower() in verdict.sentence.lower()) == ("not comparable", True)


@pytest.mark.parametrize(
    ("key", "values", "metric"),
    [("env_id", ("CartPole-v1", "Acrobot-v1"), "reward"), ("loss_fn", ("mse", "huber"), "full_valid_loss")],
)
def test_what_was_measured_otherwise_as_the_settings_say_is_not_compared(
    key: str, values: tuple[str, str], metric: str
) -> None:
    level = np.exp(-np.arange(20.0) / 4)
    runs = [known("ab"[i], {metric: i + level}, **{key: value}) for i, value in enumerate(values)]
    verdict = analyzed(runs, baseline="a", candidate="b").verdict
    assert verdict.result == "not comparable"
    assert f"differ ({values[0]} and {values[1]})" in verdict.sentence


def test_no_quiet_makes_up_for_a_loss_of_accuracy_that_the_curve_shows_too() -> None:
    """Ten points worse, at a loss five times its noise higher, with half the noise: regressed, not mixed."""
    chance = np.random.default_rng(7)
    steps = np.arange(400)
    runs = []
    for name, right, level, sd in (("a", 0.90, 0.5, 0.10), ("b", 0.80, 1.0, 0.05)):
        columns = {
            "train_loss": level + np.exp(-steps / 40) + chance.normal(0, sd, 400),
            ACCURACY: np.where(steps % 40 == 39, right, np.nan),
        }
        runs.append(altered(known(name, columns, learning_rate_multiplier=level), data={"n_valid": 10_000}))
    a = analyzed(runs, baseline="a", candidate="b")
    assert a.verdict.stability is not None
    assert a.verdict.stability.verdict(0.05) == "better"
    assert a.verdict.result == "regressed"


def test_configurations_are_ranked_by_their_seeds_alone_however_many_runs_there_are() -> None:
    """Three configurations of three seeds: 36 pairs of single runs in several metrics do not dilute three of groups."""
    chance = np.random.default_rng(8)
    falling = np.exp(-np.arange(12.0) / 2)
    runs = [
        known(
            f"{side}{seed}",
            {
                "train_loss": 0.4 + falling + chance.normal(0, 0.01, 12),
                "full_valid_loss": level + chance.normal(0, 0.006) + falling,
            },
            learning_rate_multiplier=level,
            seed=seed,
        )
        for side, level in (("a", 0.55), ("b", 0.54), ("c", 0.63))
        for seed in range(3)
    ]
    a = analyzed(runs, candidate="a0")
    places = {run_id: grade.group for run_id, grade in a.evidence_grades.items()}
    assert {places[f"c{seed}"] for seed in range(3)} == {2}
    assert {places[f"{side}{seed}"] for side in "ab" for seed in range(3)} == {1}
