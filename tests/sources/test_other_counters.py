"""Logs that count neither steps nor epochs: tokens, samples, frames, at last their time, become the axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.sources.other_counters import as_steps
from tests.sources.test_printed_kinds import EPOCHS, LOSSES, only


@pytest.mark.parametrize(
    ("name", "head", "line", "steps", "unit"),
    [
        ("a.log", "", "tokens: {m:.1f}M loss {t}", [600_000 * e for e in EPOCHS], "tokens"),
        ("a.log", "", "Tokens seen: {n:,} | loss: {t}", [65_536 * e for e in EPOCHS], "tokens"),
        ("a.log", "", "{m:.1f}B tokens: loss {t}", [600_000_000 * e for e in EPOCHS], "tokens"),
        ("a.log", "", "after {n} examples: loss = {t}", [65_536 * e for e in EPOCHS], "examples"),
        ("a.log", "", "frames: {n} reward: 1 loss: {t}", [65_536 * e for e in EPOCHS], "frames"),
        ("a.log", "", "kimg {m:.1f}  loss {t}", [600 * e for e in EPOCHS], "images"),
        ("a.log", "", "elapsed: {e}m loss {t}", [60 * e for e in EPOCHS], "seconds"),
        ("a.log", "", "elapsed {m:.1f} hours, loss {t}", [2160 * e for e in EPOCHS], "seconds"),
        ("a.log", "", "batches {e}00-{e}99: loss {t}", [100 * e + 99 for e in EPOCHS], ""),
        (
            "a.log",
            "",
            "Progress: {e}1.5% words/sec/thread: 12 lr: 0.1 avg.loss: {t} ETA: 0h 0m",
            [100 * e + 15 for e in EPOCHS],
            "thousandths of the whole",
        ),
        ("a.log", "", "[{e}0%] loss={t}", [100 * e for e in EPOCHS], "thousandths of the whole"),
        ("a.csv", "tokens_seen,loss", "{n},{t}", [65_536 * e for e in EPOCHS], "tokens"),
        ("a.csv", "tokens (B),loss", "{e}.5,{t}", [(2 * e + 1) * 500_000_000 for e in EPOCHS], "tokens"),
        ("a.csv", "tokens,loss", "{m:.1f}M,{t}", [600_000 * e for e in EPOCHS], "tokens"),
        ("a.csv", "loss,samples", "{t},{n}", [65_536 * e for e in EPOCHS], "samples"),
        ("a.csv", "hours,loss,tokens", "{e},{t},{n}", [65_536 * e for e in EPOCHS], "tokens"),
        ("a.csv", "hours,loss", "{e},{t}", [3600 * e for e in EPOCHS], "seconds"),
        ("a.jsonl", "", '{{"num_tokens": {n}, "loss": {t}}}', [65_536 * e for e in EPOCHS], "tokens"),
    ],
)
def test_what_counts_up_is_the_axis_and_its_unit_is_said(
    name: str, head: str, line: str, steps: list[int], unit: str, tmp_path: Path
) -> None:
    rows = [line.format(e=e, n=65_536 * e, m=0.6 * e, t=t) for e, t in zip(EPOCHS, LOSSES, strict=True)]
    run = only(tmp_path, "\n".join([head, *rows] if head else rows), name)
    assert run.frame["step"].tolist() == steps
    assert run.frame["train_loss"].tolist() == LOSSES
    assert not unit or any(f"steps are {unit}" in note for note in run.notes)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tokens", [512.0, 498.0, 505.0, 511.0]),  # of each batch
        ("time", [12.1, 12.2, 12.3, 12.4]),  # each step a little longer
        ("samples", [64.0, 64.0, 64.0, 64.0]),
        ("tokens_per_second", [1.0, 2.0, 3.0, 4.0]),
        ("hours", [0.1, 0.1001, 0.1002, 0.1003]),
        ("tokens", [0.25, 0.5, 0.75, 1.0]),  # of an unknown unit
    ],
)
def test_what_each_step_took_is_no_axis(name: str, values: list[float]) -> None:
    assert as_steps(name, np.array(values)) is None


def test_steps_and_epochs_come_before_other_counters(tmp_path: Path) -> None:
    rows = [f"{e},{1000 * e},{t}" for e, t in zip(EPOCHS, LOSSES, strict=True)]
    assert only(tmp_path, "\n".join(["epoch,tokens,loss", *rows]), "a.csv").frame["step"].tolist() == list(EPOCHS)
    lines = [f"tokens: {1000 * e} step {e}: loss {t}" for e, t in zip(EPOCHS, LOSSES, strict=True)]
    assert only(tmp_path, "\n".join(lines)).frame["step"].tolist() == list(EPOCHS)


def test_a_sentence_names_its_value_by_its_subject(tmp_path: Path) -> None:
    """Kaldi's: whether higher is better is for the user to say."""
    said = "LOG (nnet3-train:Print():nnet.cc:277) Average objective function for 'output' for minibatches {}-{} is {}"
    lines = [said.format(100 * e - 100, 100 * e - 1, -t) for e, t in zip(EPOCHS, LOSSES, strict=True)]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["step"].tolist() == [100 * e - 1 for e in EPOCHS]
    assert run.frame["objective function output"].tolist() == [-t for t in LOSSES]
