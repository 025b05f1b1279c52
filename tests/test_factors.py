"""Configurations: the same factor under any tool's key, and what differs between runs."""

from __future__ import annotations

import pytest

from analysis.core.config_factors import changed_factors, factor_values
from analysis.core.run import FACTORS, Run
from analysis.evidence.seed_groups import seed_groups
from tests.builders import run


def of(name: str = "a", **config: object) -> Run:
    return run(name, {"train_loss": [1.0]}, config=config)


@pytest.mark.parametrize(("factor", "key"), [(factor, key) for factor, keys in FACTORS.items() for key in keys])
def test_every_spelling_of_a_factor_is_the_factor(factor: str, key: str) -> None:
    one, other = of(**{key: 1}), of("b", **{key: 2})
    assert factor_values(one) == {factor: 1}
    assert changed_factors([one, other]) == {factor: {"a": 1, "b": 2}}


def test_two_tools_spellings_are_one_factor() -> None:
    assert changed_factors([of(lr=0.1), of("b", learning_rate=0.1)]) == {}
    assert changed_factors([of(lr=0.1), of("b", learning_rate=0.2)]) == {"learning_rate": {"a": 0.1, "b": 0.2}}


def test_standard_factors_come_first_and_missing_values_are_none() -> None:
    runs = [of(zeta=1, batch_size=4, lr=0.1), of("b", alpha=2, lr=0.2)]
    assert list(changed_factors(runs)) == ["learning_rate", "batch_size", "zeta", "alpha"]
    assert changed_factors(runs)["zeta"] == {"a": 1, "b": None}
    assert changed_factors([of(), of("b")]) == {}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"lr": 1, "seed": 1}, {"learning_rate": 1, "seed": 2}, True),
        ({"lr": 1, "seed": 1}, {"lr": 1, "seed": 1}, False),
        ({"lr": 1, "seed": 1}, {"lr": 2, "seed": 2}, False),
        ({"seed": 1}, {"seed": 2}, False),
    ],
)
def test_seeds_alone_make_the_same_configuration(one: dict[str, int], other: dict[str, int], together: bool) -> None:
    assert len(seed_groups([of(**one), of("b", **other)])) == 2 - together


SETTINGS = {
    "model_version": (1, 2),
    "resume_from": ("detr-r50.pt", "detr-r101.pt"),
    "model_path": ("bert-base", "/models/bert-large"),
    "data_path": ("/data/a.jsonl", "/data/b.jsonl"),
    "training_file": ("file-abc123", "file-def456"),
    "model_id": ("gpt2", "gpt3"),
    "env_id": ("CartPole-v1", "Hopper-v4"),
    "lr_scheduler_type": ("linear", "cosine"),
    "optimizer_name": ("adamw", "sgd"),
    "optimizer.name": ("adamw", "sgd"),
    "norm_type": ("layer", "rms"),
    "warmup_steps": (10, 100),
    "lora_rank": (8, 16),
    "rank": (8, 16),
    "gradient_checkpointing": (True, False),
    "max_time": (3600, 7200),
    "label_smoothing": (0.0, 0.1),
    "weight_decay": ("1e-4", "1e-5"),
    "hidden_size": (100000000, 200000000),
    "device": ("cpu", "cuda"),
    "validation_split": (0.1, 0.2),
    "user_prompt": ("be kind", "be short"),
}
NO_SETTINGS = {
    "experiment": ("exp1", "exp2"),
    "job": (1001, 1002),
    "version": (1, 2),
    "resume_from_checkpoint": ("out/a/checkpoint-500", "out/b/checkpoint-1000"),
    "resume": ("ckpt_1.pt", True),
    "master_port": (29500, 29501),
    "Created At": ("2024-05-01 10:00:00", "2024-05-01 11:00:00"),
    "created_at": (1700000000, 1700000500),
    "startTime": ("2024-05-01T10:00:00Z", "2024-05-02T10:00:00Z"),
    "id": ("ftjob-a", "ftjob-b"),
    "run_id": ("x1", "x2"),
    "run_name": ("brave-cat", "calm-dog"),
    "experiment.name": ("one", "two"),
    "wandb.project": ("https://w.ai/a", "https://w.ai/b"),
    "output_dir": ("out/1", "out/2"),
    "training.output_dir": ("out/1", "out/2"),
    "logging_dir": ("logs/a", "logs/b"),
    "hostname": ("node1", "node2"),
    "user": ("ann", "bob"),
    "git_commit": ("a1b2c3d", "d3c2b1a"),
    "token": ("8f14e45fceea167a", "c9f0f895fb98ab91"),
    "job_id": ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174001"),
    "store": ("/home/a/x", "/home/b/x"),
    "device": ("cuda:0", "cuda:1"),
    "cuda_visible_devices": ("0", "1"),
    "local_rank": (0, 1),
    "logging_steps": (10, 50),
    "eval_steps": (100, 200),
    "save_strategy": ("steps", "epoch"),
    "log_every_n_steps": (1, 10),
    "data_seed": (1, 2),
    "torch_seed": (1, 2),
}


@pytest.mark.parametrize(("key", "values"), SETTINGS.items())
def test_what_goes_into_a_training_is_a_factor(key: str, values: tuple[object, object]) -> None:
    assert list(changed_factors([of(**{key: values[0]}), of("b", **{key: values[1]})])) == [key]


@pytest.mark.parametrize(("key", "values"), NO_SETTINGS.items())
def test_names_places_times_and_seeds_are_no_factors(key: str, values: tuple[object, object]) -> None:
    one, other = of(lr=1, seed=1, **{key: values[0]}), of("b", lr=1, seed=2, **{key: values[1]})
    assert list(changed_factors([one, other])) == ["seed"]
    assert len(seed_groups([one, other])) == 1
