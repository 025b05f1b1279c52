"""What a training prints above its values is its configuration, and names it among others of one text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.core.run import Run
from analysis.evidence.seed_groups import seed_groups
from analysis.sources import load_runs

SMALL_TALK = [
    "Files already downloaded and verified",
    "[Gloo] Rank 0 is connected to 7 peer ranks. Expected number of connected peer ranks is : 7",
    "7 peer ranks. Expected number of connected peer ranks is : 7",
    "Using device: cuda:0",
    "num decayed parameter tensors: 26, with 10,740,096 parameters",
    "Sampling steps [0, 1, 415, 416, 417] for warmup",
    "Starting training",
]
VALUES = [f"Epoch {k}/8 train_loss {2 / k:.4f} val_loss {2.1 / k:.4f} val_acc {1 - 0.8 / k:.4f}" for k in range(1, 9)]
RESULT = ["peak memory allocated: 30244 MiB", "done in 97 s"]


def runs_of(folder: Path, *heads: str, values: Sequence[str] = VALUES) -> list[Run]:
    """Read a text of trainings below some heads, with what programs print in between."""
    lines = [line for head in heads for line in (*head.split("\n"), *SMALL_TALK, *values, *RESULT)]
    path = folder / "train.log"
    path.write_text("\n".join(lines) + "\n")
    return list(load_runs([str(path)], runs_dir=folder))


FORMS = {
    "arguments": ("Namespace(lr={lr}, batch_size=32, opt='adam')", {"batch_size": 32, "opt": "adam"}),
    "command": ("+ python train.py --lr {lr} --batch-size=32 --amp", {"batch_size": 32, "amp": True}),
    "launcher": ("$ torchrun --nproc_per_node=8 train.py --lr {lr} 2>&1 | tee log", {}),
    "hydra": ("python -m train lr={lr} ++model.hidden=64", {"model.hidden": 64}),
    "python": ("Config: {{'lr': {lr}, 'optimizer': 'adam'}}", {"optimizer": "adam"}),
    "json": ('2026-01-01 10:00:00 INFO config {{"lr": {lr}, "epochs": 8}}', {"epochs": 8}),
    "pretty": ('config:\n{{\n  "lr": {lr},\n  "model": {{\n    "hidden": 64\n  }}\n}}', {"model.hidden": 64}),
    "trainer": ("TrainingArguments(\n_n_gpu=1,\nlr={lr},\noutput_dir=./out,\n)", {"_n_gpu": 1, "output_dir": "./out"}),
    "yaml": ("---\nlr: {lr}\nepochs: 8\n---", {"epochs": 8}),
    "sentence case": ("Learning rate: {lr}\nBatch size: 32", {"batch_size": 32}),
    "script": (
        "# a small model\nlr = {lr} # with small networks higher\nn_layer = 6\nbatch_size = 64\ntied = True",
        {"n_layer": 6, "batch_size": 64, "tied": True},
    ),
    "box": ("│ lr         │ {lr} │\n│ batch_size │ 32    │", {"batch_size": 32}),
    "optimizer": (
        "AdamW (\nParameter Group 0\n    amsgrad: False\n    lr: {lr}\n    weight_decay: 0.01\n)",
        {"weight_decay": 0.01},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_printed_settings_are_the_configuration(form: str, tmp_path: Path) -> None:
    head, others = FORMS[form]
    (run,) = runs_of(tmp_path, head.format(lr=0.1))
    assert run.factor("learning_rate") == 0.1
    assert {name: run.config.get(name) for name in others} == others


@pytest.mark.parametrize("form", FORMS)
def test_each_of_several_trainings_has_its_own(form: str, tmp_path: Path) -> None:
    head, _ = FORMS[form]
    runs = runs_of(tmp_path, *(head.format(lr=rate) for rate in (0.1, 0.01, 0.001)))
    assert [run.factor("learning_rate") for run in runs] == [0.1, 0.01, 0.001]
    assert [len(run.frame) for run in runs] == [8, 8, 8]


@pytest.mark.parametrize(
    ("heads", "names"),
    [
        (("Seed set to 1", "Seed set to 2", "Seed set to 3"), ["seed_1", "seed_2", "seed_3"]),
        (("Running with seed=4", "Running with seed=5"), ["seed_4", "seed_5"]),
        (("Training model: vit", "Training model: resnet50"), ["model_vit", "model_resnet50"]),
        (("Optimizer: sgd", "Optimizer: adam"), ["optimizer_sgd", "optimizer_adam"]),
    ],
)
def test_several_trainings_are_named_by_what_differs(heads: tuple[str, ...], names: list[str], tmp_path: Path) -> None:
    runs = runs_of(tmp_path, *heads)
    assert [run.id for run in runs] == names
    assert len(seed_groups(runs)) == (1 if names[0].startswith("seed") else len(names))


def test_arms_that_come_again_are_groups(tmp_path: Path) -> None:
    arms = ("baseline", "candidate", "candidate", "baseline")
    runs = runs_of(tmp_path, *(f"BEGIN {k:02d}-{arm} arm={arm} scheduled_steps=1285" for k, arm in enumerate(arms, 1)))
    assert [len(run.frame) for run in runs] == [8, 8, 8, 8]
    assert [group.runs for group in seed_groups(runs)] == [
        ("baseline_1", "baseline_2"),
        ("candidate_1", "candidate_2"),
    ]


@pytest.mark.parametrize(
    "head",
    [
        "usage: python train.py [--lr LR]\n$ python -m pip install --upgrade torch",
        "import torch\ndef main():\n    lr = 0.3\n    batch_size = 512",
        "{'train_loss': 2.5, 'epoch': 0.1}",
        "Conv2d(3, 6, kernel_size=(5, 5))\nmodel loaded: 3 layers",
    ],
)
def test_what_is_no_setting_of_this_training_is_none(head: str, tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, head)
    assert dict(run.config) == {}


def test_a_rate_that_is_printed_again_is_a_schedule_and_no_setting(tmp_path: Path) -> None:
    values = [line for k, line in enumerate(VALUES) for line in (f"lr: {0.1 * 0.9**k:.5f}", line)]
    (run,) = runs_of(tmp_path, "epochs: 8", values=values)
    assert dict(run.config) == {"epochs": 8}


def test_a_secret_in_a_printed_command_is_blanked(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, "$ python train.py --lr 0.1 --hub-token hf_abcdefghijklmnopqrstuvwxyz")
    assert run.config == {"lr": 0.1, "hub_token": "[redacted]"}
