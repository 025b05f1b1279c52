"""Printed logs of many tools: what is read is what was printed, by structure and not by the tool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.core.errors import AnalysisError
from analysis.sources import load_runs, printed
from analysis.sources.printed_lines import form_of

LOSSES = [2.0 - 0.1 * k for k in range(8)]

FORMS = {
    "speedrun": ("step:{k}/7 train_loss:{v:.4f} train_time:{k}00ms step_avg:nanms", "train_loss"),
    "hugging face": ("{{'loss': {v:.4f}, 'grad_norm': 1.2, 'learning_rate': 1e-05, 'epoch': 0.{k}5}}", "loss"),
    "epoch of": ("Epoch [{k}/8], Loss: {v:.4f}", "Loss"),
    "nanogpt": ("iter {k}: loss {v:.4f}, time 12.30ms, mfu 30.10%", "loss"),
    "megatron": (
        " [2024-05-01 10:00:0{k}] iteration {k}/ 8 | consumed samples: 32 | lm loss: {v:.4E} | grad norm: 1.2 |",
        "lm loss",
    ),
    "mlx": ("Iter {k}: Train loss {v:.4f}, Learning Rate 1.000e-05, It/sec 0.41", "Train loss"),
    "torchtune": ("Step {k} | loss:{v} lr:2e-05", "loss"),
    "xgboost": ("[{k}]\ttrain-rmse:{v:.4f}\teval-rmse:0.6", "train-rmse"),
    "lightgbm": ("[{k}]\tvalid_0's l2: {v:.4f}", "valid_0's l2"),
    "catboost": ("{k}:\tlearn: {v:.4f}\ttest: 0.4\tbest: 0.4 (3)\ttotal: 12ms\tremaining: 1.2s", "learn"),
    "llm.c": ("s:{k} trl:{v:.4f}", "trl"),
    "logging": ("2024-05-01 10:00:0{k},123 - INFO - trainer - step {k}: loss = {v:.4f}", "loss"),
    "rank in front": ("0: [2024-01-01 10:00:00] step {k} loss {v:.4f}", "loss"),
    "episodes": ("Episode {k}\tAverage Score: {v:.4f}", "Average Score"),
    "absl": ("I0101 10:00:0{k}.123456 14012 writer.py:48] [{k}] loss={v:.4f}, steps_per_sec=10.1", "loss"),
    "gan": ("[{k}/8] [ 3/9]\tLoss_D: {v:.4f}\tLoss_G: 3.0\tD(G(z)): 0.4 / 0.3", "Loss_D"),
    "marian": ("[2021-01-01 10:00:0{k}] Ep. 1 : Up. {k} : Sen. 64,000 : Cost {v:.4f} : Time 9.1s", "Cost"),
    "espnet": ("{k}epoch:train:1-100batch: iter_time=0.002, loss={v:.4f}, optim0_lr0=1.0e-05", "train_loss"),
    "tensor": ("epoch {k} loss tensor({v:.4f}, grad_fn=<NllLossBackward0>)", "loss"),
    "percent": ("steps:  {k}%|#   | {k}/8 [00:0{k}<00:09, 1.01it/s, avr_loss={v:.4f}]", "avr_loss"),
    "ms-swift": ("{{'loss': {v:.4f}, 'epoch': 0.{k}5, 'global_step/max_steps': '{k}/8'}}", "loss"),
    "colours": ("\x1b[32mEpoch {k}\x1b[0m train_loss=\x1b[1m{v:.4f}\x1b[0m", "train_loss"),
}


def read(folder: Path, text: str, name: str = "run.log") -> printed.RawLog:
    path = folder / name
    path.write_text(text)
    assert printed.recognises(path)
    return printed.load(path, columns={})[0]


@pytest.mark.parametrize("tool", FORMS)
def test_values_are_those_that_were_printed(tool: str, tmp_path: Path) -> None:
    wording, name = FORMS[tool]
    log = read(tmp_path, "loading data\n" + "\n".join(wording.format(k=k, v=v) for k, v in enumerate(LOSSES)))
    np.testing.assert_allclose(log.frame[name], LOSSES)
    assert log.frame["step"].is_monotonic_increasing


def test_source_code_above_the_lines_is_passed_over(tmp_path: Path) -> None:
    code = ["import torch", "step = 10", 'print0(f"step:{step}/{n} val_loss:{val_loss:.4f}")', "lr = 0.02"] * 300
    lines = ["step:0/20 val_loss:10.8258 train_time:0ms step_avg:nanms"]
    lines += [f"step:{k}/20 train_loss:{5 - 0.1 * k:.4f} train_time:{k}ms step_avg:1.00ms" for k in range(1, 21)]
    lines += ["step:20/20 val_loss:3.2784 train_time:20ms step_avg:1.00ms", "peak memory: 31 GiB"]
    frame = read(tmp_path, "\n".join(code + lines)).frame
    assert frame["val_loss"].dropna().tolist() == [10.8258, 3.2784]
    assert len(frame["train_loss"].dropna()) == 20
    assert frame["step"].iloc[-1] == 20


def test_a_validation_line_without_step_takes_the_step_before(tmp_path: Path) -> None:
    lines = [f"Step {k}: loss 1.{k}" + (f"\nValidation loss: 2.{k}" if k % 2 else "") for k in range(6)]
    frame = read(tmp_path, "\n".join(lines)).frame
    assert dict(zip(frame["step"], frame["Validation loss"], strict=True))[3] == 2.3


def test_a_batch_counter_goes_on_over_the_epochs(tmp_path: Path) -> None:
    lines = [f"Epoch [{e}/2], Step [{b}/10], Loss: 0.{e}{b:02}" for e in (1, 2) for b in (5, 10)]
    assert read(tmp_path, "\n".join(lines)).frame["step"].tolist() == [5, 10, 15, 20]


def test_keras_bars_are_one_row_an_epoch(tmp_path: Path) -> None:
    lines = []
    for e in (1, 2, 3):
        bar = "\r".join(f"{b}/4 [==>......] - ETA: 0s - loss: 9.{b}" for b in (1, 2, 3))
        lines.append(f"Epoch {e}/3\n{bar}\r4/4 [=======] - 1s 5ms/step - loss: 0.{e} - val_loss: 0.{e + 1}")
    frame = read(tmp_path, "\n".join(lines)).frame
    assert frame["loss"].tolist() == [0.1, 0.2, 0.3]
    assert frame["val_loss"].tolist() == [0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("epoch  train_loss  val_loss", "{:5d}  {:10.4f}  {:8.4f}"),
        ("| epoch | train_loss | val_loss |\n|---|---|---|", "| {} | {} | {} |"),
    ],
)
def test_printed_tables(header: str, row: str, tmp_path: Path) -> None:
    lines = [header, *(row.format(k, 2.0 - 0.1 * k, 3.0) for k in range(1, 13))]
    frame = read(tmp_path, "\n".join(lines), "table.csv").frame
    np.testing.assert_allclose(frame["train_loss"], [2.0 - 0.1 * k for k in range(1, 13)])
    assert frame["epoch"].tolist() == list(range(1, 13))


@pytest.mark.parametrize("text", ["for step in range(10):\n    loss = 0.5\n" * 20, "lr: 0.1\nepochs: 3\n", "hello\n"])
def test_code_settings_and_prose_are_no_log(text: str, tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text(text)
    assert not printed.recognises(path)
    with pytest.raises(AnalysisError):
        load_runs([str(path)], runs_dir=tmp_path)


def test_train_and_validation_lines_of_one_epoch_are_one_row(tmp_path: Path) -> None:
    lines = [f"Epoch {e}\ntrain_loss {1 - 0.1 * e:.2f}\nval_loss {1.1 - 0.1 * e:.2f}" for e in range(4)]
    frame = read(tmp_path, "\n".join(lines)).frame
    assert frame["step"].tolist() == [0, 1, 2, 3]
    assert frame[["train_loss", "val_loss"]].notna().all(axis=None)


def test_updates_of_the_run_stand_above_fractions_of_an_epoch(tmp_path: Path) -> None:
    lines = [f'{{"epoch": 1, "update": 0.{k}, "loss": "2.{k}", "num_updates": "{k}00"}}' for k in range(1, 5)]
    assert read(tmp_path, "train | \n[INFO] - " + "\n[INFO] - ".join(lines)).frame["step"].tolist() == [
        100,
        200,
        300,
        400,
    ]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Epoch 1: loss 0.5, acc 0.8, val loss 0.6, val acc 0.7", ["loss", "acc", "val loss", "val acc"]),
        (
            "Epoch 1: train loss 0.5, acc 0.8 | val loss 0.6, acc 0.7",
            ["train loss", "train_acc", "val loss", "val_acc"],
        ),
        ("Epoch 1 [train] loss=0.5, acc=0.8, [valid] loss=0.6", ["train_loss", "train_acc", "val_loss"]),
        ("Epoch 1 valid on 'valid' subset | loss 0.5 | ppl 3.1", ["val_loss", "val_ppl"]),
        ("epoch 1 | loss 0.5 | loss 0.6", ["loss", "loss (2)"]),
        ("2020-01-01 epoch 1 DEV : loss 0.9 - f1-score (micro avg)  0.8", ["val_loss", "val_f1-score (micro avg)"]),
    ],
)
def test_values_are_named_by_the_data_that_the_line_names(line: str, names: list[str]) -> None:
    """The same score of training and validation on one line are two metrics."""
    form = form_of(line)
    assert form is not None
    assert [name for name, _ in form.metrics] == names


@pytest.mark.parametrize(
    ("evaluation", "name"),
    [
        ("Test Error:\n Accuracy: {v}%, Avg loss: 0.5", "test_Accuracy"),
        ("cur metric, Accuracy: {v}, fps: 200.1", "cur metric Accuracy"),
        ("Saving results for global step {k}: Accuracy = {v}, global_step = {k}", "Saving Accuracy"),
        ("Test: [ 1/20]\tAccuracy 99.0 (99.0)\nTest: [20/20]\tAccuracy 98.0 ({v})", "test_Accuracy"),
    ],
)
def test_the_score_of_an_evaluation_is_never_the_training_s(evaluation: str, name: str, tmp_path: Path) -> None:
    """Neither by a heading, nor under the same name at the same step; of a running mean the mean counts."""
    scores = [30.5, 35.5, 40.5, 45.5]
    lines = [f"step {k}: loss 0.{9 - k}, Accuracy: 1{k}.0\n{evaluation.format(k=k, v=v)}" for k, v in enumerate(scores)]
    frame = read(tmp_path, "\n".join(lines)).frame
    assert frame["Accuracy"].tolist() == [10, 11, 12, 13]
    assert frame[name].tolist() == scores


def test_of_a_printed_list_the_mean_is_read(tmp_path: Path) -> None:
    """As nnU-Net prints the Dice of each class."""
    lines = [
        f"Epoch {e}\ntrain_loss -0.{e}\nval_loss -0.{e}\nPseudo dice [np.float32(0.{e}), nan, 0.{e + 2}]"
        for e in (1, 2, 3)
    ]
    assert read(tmp_path, "\n".join(lines)).frame["val_Pseudo dice"].tolist() == [0.2, 0.3, 0.4]


def test_the_tutorial_of_pytorch_counts_batches_in_each_epoch(tmp_path: Path) -> None:
    lines = [f"[{e}, {b:5d}] loss: 1.{e}{b // 2000}" for e in (1, 2) for b in (2000, 4000)]
    frame = read(tmp_path, "\n".join(lines)).frame
    assert frame["step"].tolist() == [2000, 4000, 6000, 8000]
    assert frame["loss"].tolist() == [1.11, 1.12, 1.21, 1.22]


def test_boxes_of_names_and_values_are_rows(tmp_path: Path) -> None:
    """As Stable-Baselines3 prints them: the step stands below the values."""
    text = ""
    for k in range(1, 5):
        rows = [("rollout/", ""), ("   ep_rew_mean", k / 10), ("time/", ""), ("   total_timesteps", k * 2048)]
        text += "".join(f"| {name:<22} | {value!s:<8} |\n" for name, value in rows) + "-" * 37 + "\n"
    log = read(tmp_path, text)
    assert log.frame["rollout/ep_rew_mean"].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert log.frame["step"].tolist() == [2048, 4096, 6144, 8192]
    assert "printed log: 4 rows of tables read, 12 other lines passed over" in log.notes
