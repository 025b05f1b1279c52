"""Data frames as pandas and polars print them: the index counts where no column does."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.sources.printed_frames import frames_in
from tests.sources.test_printed_kinds import EPOCHS, LOSSES, VALID, only

FRAME = pd.DataFrame({"loss": LOSSES, "val_loss": VALID})
WIDE = FRAME.assign(lr=0.001, aux_loss=1.5, grad_norm=0.75, other_val_loss=0.25)


def printed(frame: pd.DataFrame, width: int = 80) -> str:
    with pd.option_context("display.width", width, "display.max_columns", None):
        return f"training done\n{frame}\nsaved\n"


def notebook(output: dict[str, object]) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": "", "outputs": [output]}]})


POLARS = (
    "┌───────┬──────┬──────────┐\n│ epoch ┆ loss ┆ val_loss │\n│ ---   ┆ ---  ┆ ---      │\n"
    "│ i64   ┆ f64  ┆ f64      │\n"
    "╞═══════╪══════╪══════════╡\n"
    + "".join(f"│ {e}     ┆ {t}  ┆ {v}      │\n" for e, t, v in zip(EPOCHS, LOSSES, VALID, strict=True))
    + "└───────┴──────┴──────────┘\n"
)


@pytest.mark.parametrize(
    ("name", "text", "first"),
    [
        ("a.log", printed(FRAME), 0),
        ("a.log", printed(FRAME.set_axis(range(94, 100))), 94),  # tail()
        ("a.log", printed(FRAME.assign(epoch=EPOCHS)), 1),
        ("a.log", printed(FRAME.set_axis(pd.Index(EPOCHS, name="epoch"))), 1),
        ("a.log", printed(WIDE, width=30), 0),  # in blocks, a backslash behind the names
        ("a.log", printed(WIDE.assign(epoch=EPOCHS), width=30), 1),
        ("a.log", POLARS, 1),
        ("a.ipynb", notebook({"output_type": "stream", "text": printed(FRAME).splitlines(keepends=True)}), 0),
        ("a.ipynb", notebook({"output_type": "execute_result", "data": {"text/html": FRAME.to_html()}}), 0),
        ("a.ipynb", notebook({"output_type": "execute_result", "data": {"text/plain": printed(WIDE, width=30)}}), 0),
    ],
)
def test_a_printed_data_frame_is_read(name: str, text: str, first: int, tmp_path: Path) -> None:
    run = only(tmp_path, text, name)
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert run.frame["step"].tolist() == list(range(first, first + len(LOSSES)))
    if "aux_loss" in text:
        assert run.frame["aux_loss"].tolist() == [1.5] * len(LOSSES)


def test_what_pandas_leaves_out_of_a_long_frame_is_said(tmp_path: Path) -> None:
    run = only(tmp_path, printed(pd.DataFrame({"loss": [3 - 0.01 * k for k in range(200)]})))
    assert run.frame["step"].tolist() == [*range(5), *range(195, 200)]
    assert run.frame["train_loss"].iloc[-1] == 1.01
    assert any("rows in its middle were not printed" in note for note in run.notes)


def test_a_gap_in_a_printed_column_is_no_loss_that_is_not_a_number(tmp_path: Path) -> None:
    """One at the end may be: it is kept as such."""
    run = only(tmp_path, printed(FRAME.assign(val_loss=[None, 2.3, None, 2.1, None, 1.9])))
    assert run.frame["full_valid_loss"].dropna().tolist() == [2.3, 2.1, 1.9]
    assert not run.nonfinite
    died = only(tmp_path, printed(FRAME.assign(loss=[2.0, 1.9, 1.8, None, None, None])))
    assert died.nonfinite["train_loss"] == (3, 4, 5)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"age": [20, 30, 40], "income": [1, 2, 3], "loss": [1, 2, 3]}),  # insurance, perhaps
        pd.DataFrame({"precision": [0.9, 0.8, 0.7], "recall": [0.8, 0.7, 0.6]}),  # of classes, perhaps
        FRAME.describe(),
        FRAME.set_axis([3, 1, 2, 6, 5, 4]),
    ],
)
def test_other_data_frames_are_no_logs(frame: pd.DataFrame) -> None:
    lines = printed(frame).splitlines()
    wordings = ["\0" if any(map(str.isdigit, line)) else line for line in lines]
    assert not list(frames_in(lines, wordings))
