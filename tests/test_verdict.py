"""The verdict: right where the truth is known, quiet where there is none, and never built on what is not comparable."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from analysis.evidence.verdict import RESULTS
from analysis.findings.analysis_result import Analysis
from tests.builders import altered, analyzed, at, known, log, noise, run

WINNER = {"improved", "regressed", "mixed", "stability-only change"}


def judged(first: dict[str, np.ndarray], second: dict[str, np.ndarray], **parameters: object) -> Analysis:
    runs = [known("a", first), known("b", second, learning_rate_multiplier=1.0)]
    return analyzed(runs, **{"baseline": "a", "candidate": "b", **parameters})


def test_a_known_winner_improves_and_the_swap_regresses() -> None:
    for seed in range(20):
        first, second = log(2 * seed), log(2 * seed + 1, level=0.25)
        assert judged(first, second).verdict.result == "improved"
        assert judged(first, second, baseline="b", candidate="a").verdict.result == "regressed"


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_identical_processes_have_a_winner_in_five_percent_at_most(rho: float) -> None:
    results = Counter(
        judged(log(2 * seed, 200, rho=rho), log(2 * seed + 1, 200, rho=rho)).verdict.result for seed in range(100)
    )
    assert set(results) <= set(RESULTS)
    assert sum(results[name] for name in WINNER) <= 5


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_halves_of_one_long_run_do_not_differ(rho: float) -> None:
    for seed in range(10):
        long = log(100 + seed, 600, rho=rho)
        halves = [{name: values[part] for name, values in long.items()} for part in (slice(300), slice(300, None))]
        assert judged(*halves).verdict.result in ("no evidence of a difference", "equivalent")


def test_only_more_noise_is_a_change_of_stability_only() -> None:
    verdict = judged(log(1, 600), log(2, 600, sd=0.05)).verdict
    assert verdict.result == "stability-only change"
    assert verdict.tone == "warning"


def test_better_but_noisier_is_mixed() -> None:
    assert judged(log(1, 600), log(2, 600, level=0.28, sd=0.05)).verdict.result == "mixed"
    much_better = judged(log(1, 600), log(2, 600, level=0.2, sd=0.05))
    assert much_better.verdict.result == "improved"  # no noise makes up for a difference that is larger than it


def test_one_run_or_a_few_points_are_insufficient() -> None:
    assert analyzed([known("a", log(1))]).verdict.result == "insufficient data"
    few = [run("a", {"train_loss": [0.3, 0.2, 0.3]}), run("b", {"train_loss": [0.1, 0.1, 0.2]})]
    assert analyzed(few).verdict.result == "no evidence of a difference"
    apart = [run("a", {"train_loss": [0.3, 0.2, 0.3]}), run("b", {"valid_loss": [0.1, 0.1, 0.2]})]
    assert analyzed(apart).verdict.result == "insufficient data"


@pytest.mark.parametrize("kept", [1, 150])
def test_a_run_that_ends_as_nan_is_worse_whatever_it_logged_before(kept: int) -> None:
    dying = {name: values.copy() for name, values in log(2, level=0.1).items()}
    for values in dying.values():
        values[kept:] = np.where(np.isnan(values[kept:]), np.nan, np.inf)
    a = judged(log(1), dying)
    assert a.verdict.result == "regressed"
    assert "the loss of b ended as NaN" in a.verdict.sentence
    assert judged(log(1), dying, baseline="b", candidate="a").verdict.result == "improved"
    assert judged(dying, dying).verdict.result == "insufficient data"
    assert a.evidence_grades["b"].stability == "F"
    assert a.evidence_grades["b"].group is None


def test_a_dead_run_shares_no_group_even_where_its_validation_lived_on() -> None:
    dead = log(2)
    dead["train_loss"][150:] = np.inf
    a = judged(log(1), dead)
    assert a.verdict.result == "regressed"
    assert a.evidence_grades["b"].group is None
    assert "ended as NaN" in a.evidence_grades["b"].performance_why


def test_rewards_are_ranked_too() -> None:
    levels = {"a": 1.0, "b": 4.0, "c": 16.0}
    runs = [known(name, {"reward": level + log(3)["train_loss"]}) for name, level in levels.items()]
    a = analyzed(runs)
    assert [a.evidence_grades[name].group for name in "abc"] == [3, 2, 1]


def test_a_reward_decides_whatever_the_loss_beside_it_says() -> None:
    """The loss of a policy carries its gradient: it may rise where the reward does."""
    runs = [
        known(name, {**log(seed, level=0.2 + seed / 10), "reward": 4.0**seed + log(9 - seed)["train_loss"]})
        for seed, name in enumerate("abc", start=1)
    ]
    a = analyzed(runs, baseline="a", candidate="c")
    assert a.verdict.primary is not None
    assert (a.curve, a.verdict.primary.metric, a.verdict.result) == ("reward", "reward", "improved")
    (loss,) = [c for c in a.comparisons if (c.baseline, c.candidate, c.metric) == ("a", "c", "train_loss")]
    assert loss.verdict(0.05) == "worse"
    assert [a.evidence_grades[name].group for name in "abc"] == [3, 2, 1]


def test_a_rank_that_may_rest_on_two_validation_sets_cannot_be_told() -> None:
    runs = [known("a", log(1)), known("b", log(2, level=0.2))]
    stated = {f.rule: f.status for f in analyzed(runs).findings}
    unstated = [altered(r, data={"validation_set": None}) for r in runs]
    assert stated["ranking.first"] in ("supported", "contradicted")
    assert {f.rule: f.status for f in analyzed(unstated).findings}["ranking.first"] == "cannot tell"


def test_a_single_nan_on_the_way_does_not_decide() -> None:
    hiccup = log(2)
    hiccup["train_loss"][100] = np.inf
    assert judged(log(1), hiccup).verdict.result in ("no evidence of a difference", "equivalent")


def test_different_validation_sets_forbid_a_verdict() -> None:
    runs = [known("a", log(1)), known("b", log(2, level=0.2))]
    other = altered(runs[1], data={"validation_set": "another"})
    verdict = analyzed([runs[0], other], baseline="a").verdict
    assert verdict.result == "not comparable"
    assert "validation sets differ" in verdict.sentence


def test_an_unstated_validation_set_is_a_condition_of_the_verdict() -> None:
    runs = [altered(r, data={"validation_set": None}) for r in (known("a", log(1)), known("b", log(2, level=0.2)))]
    verdict = analyzed(runs, baseline="a").verdict
    assert verdict.result == "improved"
    assert "only if both were measured alike" in verdict.condition
    assert "nothing says whether both used one validation set" in verdict.condition
    assert "measured alike" not in judged(log(1), log(2, level=0.2)).verdict.condition


def test_noise_that_goes_with_the_level_is_no_change_of_stability() -> None:
    """Twice the loss with twice the noise is worse, and no less stable for it; the same noise at the old loss is."""
    low, high, loud = log(1, level=0.3, sd=0.02), log(2, level=0.6, sd=0.04), log(3, level=0.3, sd=0.04)
    worse, noisier = (judged(low, other).verdict for other in (high, loud))
    assert (worse.result, noisier.result) == ("regressed", "stability-only change")


def test_an_unstated_batch_size_is_a_condition_of_a_change_in_noise() -> None:
    runs = [altered(r, config={"x": r.id}) for r in (known("a", log(1, 600)), known("b", log(2, 600, sd=0.05)))]
    verdict = analyzed(runs, baseline="a").verdict
    assert verdict.result == "stability-only change"
    assert "the batch size is not stated" in verdict.condition


def test_noise_that_the_batch_explains_is_no_change() -> None:
    runs = [known("a", log(1, 600, sd=0.02)), known("b", log(2, 600, sd=0.04), batch_size=16)]
    verdict = analyzed(runs, baseline="a").verdict
    assert verdict.result in ("no evidence of a difference", "equivalent")
    assert verdict.stability is not None
    assert verdict.stability.metric == "noise_per_example"
    odd = [altered(r, config={**r.config, "batch_size": float(r.config["batch_size"])}) for r in runs]
    assert analyzed(odd, baseline="a").verdict.result not in WINNER


def test_the_whole_validation_set_outranks_a_minibatch_and_the_training_loss() -> None:
    first, second = log(1), log(2)
    assert judged(first, second).verdict.primary.metric == "full_valid_loss"
    order = ("full_valid_loss", "valid_loss", "valid_mean_token_accuracy", "train_loss")
    for name, after in pairwise(order):
        first.pop(name)
        assert judged(first, second).verdict.primary.metric == after


def test_attribution_needs_everything_else_to_be_the_same() -> None:
    one_each = judged(log(1), log(2)).verdict
    assert one_each.attributable == "cannot tell"  # from the seed
    assert analyzed(list(judged(log(1), log(2)).runs), settings={"seed_sd": 0.01}).verdict.attributable == "yes"
    unknown = [altered(r, parent_known=False) for r in judged(log(1), log(2)).runs]
    verdict = analyzed(unknown, baseline="a").verdict
    assert verdict.attributable == "cannot tell"
    assert verdict.attribution.startswith("The cause is open: ")
    chained = [unknown[0], altered(unknown[1], parent_known=True, parent="a")]
    chained[0] = altered(chained[0], parent_known=True)
    verdict = analyzed(chained).verdict
    assert verdict.attributable == "no"
    assert "chained" in verdict.attribution


def test_what_would_have_gone_unnoticed_is_said_where_nothing_was_found() -> None:
    for seed in range(5):
        verdict = judged(log(2 * seed), log(2 * seed + 1)).verdict
        assert verdict.result in ("no evidence of a difference", "equivalent")
        assert "would show with 80% power" in verdict.numbers


def test_groups_never_contradict_a_comparison() -> None:
    levels = {"a": 0.3, "b": 0.3, "c": 0.2, "d": 0.45}
    runs = [known(name, log(seed, level=level)) for seed, (name, level) in enumerate(levels.items())]
    a = analyzed(runs, baseline="a")
    groups = {name: a.evidence_grades[name].group for name in levels}
    assert groups == {"c": 1, "a": 2, "b": 2, "d": 3}
    for c in a.comparisons:
        if c.metric == "full_valid_loss" and c.verdict(0.05) == "no difference":
            assert groups[c.baseline] == groups[c.candidate]


@pytest.mark.parametrize(
    ("factor", "letters"), [(1.0, "A"), (1.25, "AB"), (1.6, "BC"), (2.5, "D")], ids=["1", "1.25", "1.6", "2.5"]
)
def test_stability_is_graded_by_noise_beyond_sampling(factor: float, letters: str) -> None:
    columns = log(3, 1000)
    train, valid = (noise(np.random.default_rng(seed), size) for seed, size in ((4, 1000), (5, 100)))
    columns["train_loss"] = 0.3 + 0.025 * factor * train / train.std()
    columns["valid_loss"] = at(1000, 10, 0.3 + 0.025 * valid / valid.std())
    assert analyzed([known("a", columns)]).evidence_grades["a"].stability in letters


def test_without_a_minibatch_validation_stability_has_no_letter() -> None:
    grade = analyzed([run("a", {"train_loss": log(1)["train_loss"]})]).evidence_grades["a"]
    assert grade.stability == "–"
    assert "no minibatch validation" in grade.stability_why


def test_a_run_that_lived_is_not_called_dead_for_the_one_it_was_held_against() -> None:
    died = log(1)
    died = {name: died[name] for name in ("train_loss", "full_valid_loss")}
    died["train_loss"][250:] = np.inf
    died["full_valid_loss"][-1] = np.inf
    coarse = {"full_valid_loss": at(300, 150, 0.3)}
    others = [known(name, coarse, learning_rate_multiplier=rate) for name, rate in (("b", 1.0), ("c", 2.0))]
    a = analyzed([known("a", died), *others], baseline="b")
    assert a.evidence_grades["a"].performance_why == "not ranked: its loss ended as NaN or infinite"
    for name in ("b", "c"):
        assert "NaN" not in a.evidence_grades[name].performance_why


def test_other_runs_do_not_dilute_the_verdict() -> None:
    """p = .04 stays .04, whatever else is in the report: the deciding comparison is tested first, at full level."""
    pair = [known(f"r{k}", log(k, level=0.3 - 0.012 * (k == 1))) for k in range(2)]
    others = [known(f"r{k}", log(k)) for k in range(2, 8)]
    alone, beside = (analyzed(runs, baseline="r0", candidate="r1").verdict.primary for runs in (pair, pair + others))
    assert alone is not None
    assert beside is not None
    assert alone.p == alone.p_adjusted == beside.p_adjusted


def test_a_few_seeds_do_not_claim_a_power_their_interval_denies() -> None:
    runs = [
        known(f"{arm}{s}", log(10 * k + s), seed=s, learning_rate=k + 1) for k, arm in enumerate("ab") for s in range(3)
    ]
    a = analyzed(runs, baseline="a0", candidate="b2")
    primary = a.verdict.primary
    assert primary is not None
    assert primary.seeds == (3, 3)
    assert primary.mdd is not None
    claims = "80% power" in a.verdict.numbers
    assert claims == (primary.mdd >= primary.result.half_width)
    assert claims or "fit the data" in a.verdict.numbers


def test_a_verdict_that_rests_on_another_metric_names_it() -> None:
    rng = np.random.default_rng(3)
    first, second = ({"precision": 0.7 + noise(rng, 200, sd=0.01), "map50": np.full(200, 0.5)} for _ in range(2))
    verdict = analyzed([run("a", first), run("b", second)], baseline="a").verdict
    assert verdict.sentence.endswith("in precision.") or verdict.sentence.endswith("in mAP 50.")
    assert " pp" in verdict.numbers


def test_a_metric_that_both_logged_is_not_called_unshared() -> None:
    climb = {"full_valid_mean_token_accuracy": 0.9 - 0.6 * np.exp(-np.arange(30) / 5)}
    better = {"full_valid_mean_token_accuracy": climb["full_valid_mean_token_accuracy"] + 0.02}
    verdict = analyzed([run("a", climb), run("b", better)], baseline="a").verdict
    assert verdict.result == "no evidence of a difference"  # never a winner without the number of examples
    assert "validation examples or more; state data.n_valid" in verdict.numbers


def test_a_run_that_diverged_is_worse_where_no_window_can_tell() -> None:
    """Its last points climb, so that they are worth few; a reward speaks for itself, a muted detector is silent."""
    climbing = 0.3 + np.r_[np.zeros(200), np.linspace(0, 3, 100)] + noise(np.random.default_rng(3), 300)
    runs = [known("base", {"train_loss": log(1)["train_loss"]}), known("up", {"train_loss": climbing})]
    verdict = analyzed(runs, baseline="base").verdict
    assert verdict.result == "regressed"
    assert verdict.sentence.startswith("up is worse than base: up diverged; the loss ends at 2.41, ")
    assert analyzed(runs, baseline="up", candidate="base").verdict.result == "improved"
    assert analyzed(runs, baseline="base", mute=["det.divergence"]).verdict.sentence.startswith("up is a worse model")
    paid = [known(one.id, {"train_loss": one.series("train_loss"), "reward": [0.1] * 300}) for one in runs]
    assert analyzed(paid, baseline="base").verdict.result != "regressed"


def test_a_verdict_on_less_than_was_validated_says_what_could_not_decide() -> None:
    """Four values of mAP have no interval: the verdict says so, and what usual seeds would make."""

    def detector(seed: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        return {"map50": at(300, 75, [0.6, 0.7, 0.72, 0.73]), "precision": 0.8 + noise(rng, 300, sd=0.01)}

    verdict = analyzed([known("a", detector(1)), known("b", detector(2))]).verdict
    assert verdict.primary is not None
    assert verdict.primary.metric == "map50"
    assert "without an interval" in verdict.numbers
    assert verdict.result == "no evidence of a difference"


def test_a_broken_training_loss_is_never_the_best() -> None:
    """A loss that is exactly 0 is no level: it decides nothing, is no best configuration, and leads no ranking."""
    healthy, broken = (
        known(name, {"train_loss": log(seed)["train_loss"]}) for name, seed in (("healthy", 1), ("b", 2))
    )
    broken = altered(
        broken, frame=broken.frame.assign(train_loss=np.r_[broken.series("train_loss")[:100], np.zeros(200)])
    )
    for order in ([healthy, broken], [broken, healthy]):
        a = analyzed(order)
        assert (a.verdict.result, a.verdict.primary) == ("not comparable", None)
        assert "b is broken: the train loss is exactly 0" in a.verdict.sentence
        assert [c.runs for c in a.configurations if c.may_be_best] == [("healthy",)]
        assert {f.rule: f.status for f in a.findings}["ranking.first"] == "cannot tell"
