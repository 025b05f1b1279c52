"""The gate before any claim: what differs is said, and what nobody stated never counts as the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.core.metrics import METRICS
from analysis.core.run import Data, Run
from analysis.evidence.comparability import ATTRIBUTION, gate, other_quantity, requirements
from tests.builders import CONFIG, altered, known, log, run


def pair(**changed: object) -> tuple[Run, Run]:
    """Two runs that agree in everything but what is given."""
    one = known("a", log(1))
    return one, altered(known("b", log(2)), **changed)


def config(**changed: object) -> dict[str, object]:
    return {**CONFIG, **changed}


def test_runs_that_agree_in_everything_pass() -> None:
    checked = gate(*pair())
    assert checked.failed() == ()
    assert checked.attributable == "same"
    assert {check.id for check in checked.checks} == {*ATTRIBUTION, "cadence", "step_count"} - {"windows"}


DIFFERENT = {
    "validation_set": ({"data": {"validation_set": "w"}}, "the validation sets differ"),
    "batch_size": ({"config": config(batch_size=32)}, "the batch size differs (64 and 32)"),
    "parent": ({"parent": "a"}, "the runs are chained"),
    "training_data": ({"data": {"training_set": "u"}}, "the training data differ"),
}


@pytest.mark.parametrize("check", DIFFERENT)
def test_each_difference_is_found_alone(check: str) -> None:
    fields, words = DIFFERENT[check]
    checked = gate(*pair(**fields))
    assert [c.id for c in checked.failed()] == [check]
    assert checked.state(check) == "different"
    assert words in checked.reason(check)
    assert checked.attributable == "different"


UNKNOWN = {
    "validation_set": {"data": {"validation_set": None}},
    "batch_size": {"config": {k: v for k, v in CONFIG.items() if k != "batch_size"}},
    "parent": {"parent_known": False},
    "training_data": {"data": {"training_set": None}},
}


@pytest.mark.parametrize("check", UNKNOWN)
@pytest.mark.parametrize("both", [False, True])
def test_cannot_tell_never_reads_as_a_pass(check: str, both: bool) -> None:
    one, other = pair(**UNKNOWN[check])
    if both:
        one = altered(one, **UNKNOWN[check])
    checked = gate(one, other)
    assert checked.state(check) == "cannot tell"
    assert checked.attributable != "same"
    assert check in [c.id for c in checked.failed()]


def test_sizes_can_differ_but_never_agree_for_sure() -> None:
    sizes = Data(n_train=100, n_valid=50)
    one, other = pair(data=sizes)
    one = altered(one, data=sizes)
    assert gate(one, other).state("validation_set") == "cannot tell"
    assert gate(one, other).state("training_data") == "cannot tell"
    longer = altered(other, data=replace(sizes, n_train=101, n_valid=51))
    assert gate(one, longer).state("validation_set") == "different"
    assert gate(one, longer).state("training_data") == "different"


def test_base_models_are_starting_points_too() -> None:
    one, other = pair(config=config(model="large"))
    assert gate(altered(one, config=config(model="small")), other).state("parent") == "different"


def test_cadence_and_length_are_said() -> None:
    one, _ = pair()
    other = known("b", {**log(2, 600), "valid_loss": log(3, 600)["train_loss"]})
    checked = gate(one, other)
    assert checked.state("cadence") == "different"
    assert "every 10 and every 1 steps" in checked.reason("cadence")
    assert "(300 and 600)" in checked.reason("step_count")
    blind = run("c", {"train_loss": log(1)["train_loss"]})
    assert gate(blind, blind).state("cadence") == "cannot tell"
    assert gate(blind, blind).state("validation_set") == "cannot tell"


def test_several_changed_factors_are_not_attributable_and_a_seed_is_none() -> None:
    assert gate(*pair(config=config(n_epochs=2, learning_rate_multiplier=1.0))).attributable == "different"
    assert gate(*pair(config=config(n_epochs=2))).factors == ("n_epochs",)
    assert gate(*pair(config=config(n_epochs=2))).attributable == "same"
    assert gate(*pair(config=config(seed=9))).factors == ()


OTHER_MEASURES = [
    ("full_valid_loss", {"loss_weights": [1.0, 0.5]}, {"loss_weights": [1.0, 2.0]}, "the losses differ (loss_weights"),
    ("train_loss", {"model.kl_weight": 0.1}, {"model.kl_weight": 1.0}, "the losses differ (kl_weight 0.1 and 1)"),
    ("full_valid_loss", {"vocab_size": 32_000}, {"vocab_size": 50_257}, "vocabularies of 32000 and 50257"),
    ("train_loss", {"lora_dropout": 0.0}, {"lora_dropout": 0.1}, "in training alone differs (lora_dropout 0 and 0.1)"),
    ("train_loss", {"attn_pdrop": 0.0}, {"attn_pdrop": 0.1}, "in training alone differs (attn_pdrop 0 and 0.1)"),
    ("full_valid_loss", {"lora_dropout": 0.0}, {"lora_dropout": 0.1}, ""),
    ("full_valid_mean_token_accuracy", {"label_smoothing": 0.0}, {"label_smoothing": 0.1}, ""),
    ("full_valid_loss", {"vocab_size": 50_257}, {"vocab_size": 50_304}, ""),
    ("full_valid_loss", {"weight_decay": 0.0}, {"weight_decay": 0.1}, ""),
    ("full_valid_loss", {}, {"label_smoothing": 0.1}, ""),
]


@pytest.mark.parametrize(("metric", "first", "second", "words"), OTHER_MEASURES)
def test_settings_that_enter_a_measure_make_it_another(
    metric: str, first: dict[str, object], second: dict[str, object], words: str
) -> None:
    """As both runs state them: a weight in the loss, the tokens it is a mean over, what is on in training alone."""
    one, two = known("a", log(1)), known("b", log(2))
    checked = gate(altered(one, config=config(**first)), altered(two, config=config(**second)))
    told = other_quantity(metric, checked)
    assert words in told if words else not told


def test_the_gate_is_symmetric() -> None:
    for fields, _ in DIFFERENT.values():
        one, other = pair(**fields)
        there, back = gate(one, other), gate(other, one)
        assert [(c.id, c.state) for c in there.checks] == [(c.id, c.state) for c in back.checks]
        assert there.attributable == back.attributable


@pytest.mark.parametrize("metric", METRICS)
def test_a_validation_metric_needs_one_validation_set(metric: str) -> None:
    """A reward of evaluation episodes is none: it needs one environment."""
    split = METRICS[metric].split
    on_validation = split in ("minibatch validation", "full validation") and metric != "eval_reward"
    windows = ("windows",) if metric.endswith("_loss") else ()
    assert requirements(metric) == (("validation_set", *windows) if on_validation else windows)


def test_a_metric_outside_the_table_is_told_by_its_name() -> None:
    assert requirements("val/box_loss") == ("validation_set", "windows")
    assert requirements("eval_dice") == ("validation_set",)
    assert requirements("retrieval_loss") == requirements("train/box_loss") == ("windows",)


@pytest.mark.parametrize("name", ["block_size", "model.max_seq_len", "context_length", "n_ctx", "seq_length"])
def test_a_loss_in_longer_windows_may_be_lower_for_that_alone(name: str) -> None:
    """It is compared, with the condition said, and put down to nothing; an accuracy of one set stays as it is."""
    one, other = (altered(each, config=config(**{name: size})) for each, size in zip(pair(), (256, 1024), strict=True))
    checked = gate(one, other)
    assert checked.state(*requirements("full_valid_loss")) == "cannot tell"
    assert checked.state(*requirements("full_valid_mean_token_accuracy")) == "same"
    assert "not 256 and 1,024" in checked.reason("windows")
    assert checked.attributable == "cannot tell"
    assert not gate(one, one).failed("windows")


def test_noise_needs_one_batch_size() -> None:
    assert requirements("noise") == requirements("oscillation_rate") == ("batch_size",)
    assert requirements("noise_per_example") == ()
