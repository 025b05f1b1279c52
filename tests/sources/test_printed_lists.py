"""Histories as lists and mappings: printed by a script, as pairs in JSON, in the cells of a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.core.errors import LogError
from analysis.sources import load_runs
from tests.sources.test_printed_kinds import EPOCHS, LOSSES, ROWS, VALID, only, read

HISTORY = {"loss": LOSSES, "val_loss": VALID}
SPARSE = [(e, v) for e, v in zip(EPOCHS, VALID, strict=True) if e % 2 == 0]


def cell(output: str) -> str:
    data = {"output_type": "execute_result", "data": {"text/plain": output.splitlines(keepends=True)}}
    return json.dumps({"cells": [{"cell_type": "code", "source": "", "outputs": [data]}]})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", f"done\ntrain_losses = {LOSSES}\nval_losses = {VALID}\n"),
        ("a.txt", f"Train losses: {LOSSES}\nVal losses: {VALID}\n"),
        ("a.log", f"history = {HISTORY}\n"),
        ("a.log", f"{HISTORY}\n"),
        ("a.log", str(HISTORY).replace(", ", ",\n    ")),  # pprint
        ("a.log", f"loss history: [{' '.join(map(str, LOSSES))}]\nval loss history: [{' '.join(map(str, VALID))}]\n"),
        ("a.log", f"defaultdict(<class 'list'>, {{'train_loss': {LOSSES}, 'val_loss': {VALID}}})\n"),
        ("a.log", f"losses: [{', '.join(f'tensor({t}, device=0)' for t in LOSSES)}]\nval losses: {VALID}\n"),
        (
            "a.log",
            f"losses = {list(zip(EPOCHS, LOSSES, strict=True))}\nval_losses = {list(zip(EPOCHS, VALID, strict=True))}",
        ),
        ("a.ipynb", cell(str(HISTORY))),
        ("a.json", json.dumps({name: list(zip(EPOCHS, row, strict=True)) for name, row in HISTORY.items()})),
        (
            "a.json",
            json.dumps({n: [(1.7e9, e, x) for e, x in zip(EPOCHS, row, strict=True)] for n, row in HISTORY.items()}),
        ),
        ("a.json", json.dumps({name: dict(zip(EPOCHS, row, strict=True)) for name, row in HISTORY.items()})),
        ("a.csv", "step,metrics\n" + "".join(f"{e},\"{{'loss': {t}, 'eval_loss': {v}}}\"\n" for e, t, v in ROWS)),
        ("a.csv", "step,loss,eval\n" + "".join(f'{e},{t},"{{""eval_loss"": {v}}}"\n' for e, t, v in ROWS)),
    ],
)
def test_a_history_is_a_row_for_each_place(name: str, text: str, tmp_path: Path) -> None:
    run = only(tmp_path, text, name)
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.log", f"losses = {list(zip(EPOCHS, LOSSES, strict=True))}\nval_losses = {SPARSE}"),
        ("a.json", json.dumps({"loss": list(zip(EPOCHS, LOSSES, strict=True)), "val_loss": SPARSE})),
        ("a.json", json.dumps({"loss": dict(zip(EPOCHS, LOSSES, strict=True)), "val_loss": dict(SPARSE)})),
        (
            "a.csv",
            "step,loss,eval\n"
            + "".join(f"{e},{t},{{'eval_loss': {v}}}\n" if e % 2 == 0 else f"{e},{t},\n" for e, t, v in ROWS),
        ),
    ],
)
def test_values_stand_at_the_steps_beside_them(name: str, text: str, tmp_path: Path) -> None:
    run = only(tmp_path, text, name)
    assert run.frame["train_loss"].tolist() == LOSSES
    assert (
        list(zip(run.steps_of("full_valid_loss").tolist(), run.series("full_valid_loss").tolist(), strict=True))
        == SPARSE
    )


def test_of_a_shorter_list_nobody_can_tell_the_steps(tmp_path: Path) -> None:
    run = only(tmp_path, f"train_losses = {LOSSES}\nval_losses = {VALID[:3]}\n")
    assert run.frame["train_loss"].tolist() == LOSSES
    assert "full_valid_loss" not in run.frame
    assert any("'val_losses' is not read: a list of 3 values beside lists of 6" in note for note in run.notes)


def test_a_list_whose_name_comes_again_is_of_another_training(tmp_path: Path) -> None:
    runs = read(tmp_path, f"fold 1\nval_losses = {VALID}\nfold 2\nval_losses = {LOSSES}\n")
    assert {run.id: run.series("full_valid_loss").tolist() for run in runs} == {"fold_1": VALID, "fold_2": LOSSES}


def test_a_list_beside_lines_of_values_is_no_mean_at_the_end(tmp_path: Path) -> None:
    run = only(tmp_path, "".join(f"Epoch {e}: loss {t}\n" for e, t, _ in ROWS) + f"val_losses: {VALID}\n")
    assert run.metrics == ("train_loss",)
    assert any("tables of 6 rows beside" in note for note in run.notes)


def test_of_a_list_on_the_line_of_a_step_the_mean_is_read_and_said(tmp_path: Path) -> None:
    run = only(tmp_path, "".join(f"Epoch {e} losses: [{t}, {t - 0.5:.1f}]\n" for e, t, _ in ROWS))
    assert run.frame["train_loss"].round(6).tolist() == [round(t - 0.25, 6) for t in LOSSES]
    assert any("the mean is read" in note for note in run.notes)


def test_a_list_of_scores_alone_may_be_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("evaluating\nIoU: [0.5, 0.6, 0.7, 0.4]\n")
    with pytest.raises(LogError):
        load_runs([str(path)], runs_dir=tmp_path)


@pytest.mark.parametrize(
    "shown", ["[2.5 2.4 ... 0.4 0.3]", "array([2.5, 2.4, ..., 0.4, 0.3])", "[2.5 2.4 ... 0.5\n 0.4 0.3]"]
)
def test_of_a_list_whose_middle_was_not_printed_nothing_is_read(shown: str, tmp_path: Path) -> None:
    """Its first value is no result of the end."""
    lines = [f"epoch {e} loss {t}" for e, t, _ in ROWS]
    run = only(tmp_path, "\n".join([*lines, f"val_losses = {shown}"]))
    assert run.metrics == ("train_loss",)
    assert any("'val_losses' is not read: only the ends" in note for note in run.notes)
    with pytest.raises(LogError, match="of val_losses only the ends were printed"):
        read(tmp_path, f"val_losses = {shown}\n", "a.txt")
