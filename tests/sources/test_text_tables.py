"""Tables in text, what notebooks printed, and several trainings in one printed file: every cell is read or told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.errors import LogError, RunNotFound
from analysis.core.run import Run
from analysis.sources import load_runs, resolve

EPOCHS = range(1, 7)
TRAIN = [round(2.0 * 0.8**k, 4) for k in EPOCHS]
VALID = [round(2.1 * 0.83**k + 0.1, 4) for k in EPOCHS]
SCORE = [round(0.3 + 0.05 * k, 4) for k in EPOCHS]
ROWS = [*zip(EPOCHS, TRAIN, VALID, SCORE, strict=True)]
NAMES = ("epoch", "train_loss", "val_loss", "val_acc")
TRUTH = {"train_loss": TRAIN, "full_valid_loss": VALID, "full_valid_mean_token_accuracy": SCORE}


def runs_of(folder: Path, text: str, name: str = "out.txt") -> tuple[Run, ...]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_runs([str(path)], runs_dir=folder)


def values(run: Run) -> dict[str, list[float]]:
    return {name: run.series(name).tolist() for name in run.metrics}


def kept(runs: Sequence[Run]) -> int:
    """Count the values of all metrics."""
    return sum(run.series(name).size for run in runs for name in run.metrics)


def ruled(bar: str, rule: str, rows: Sequence[Sequence[object]] = ROWS, names: Sequence[str] = NAMES) -> str:
    lines = [f"{bar} {f' {bar} '.join(map(str, row))} {bar}" for row in (names, *rows)]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def aligned(rows: Sequence[Sequence[object]] = ROWS, names: Sequence[str] = NAMES) -> str:
    return "\n".join("  ".join(f"{cell!s:>12}" for cell in row) for row in (names, *rows))


TABLES = {
    "markdown": ruled("|", "|---|---|---|---|").removeprefix("|---|---|---|---|\n"),
    "tabulate's grid": ruled("|", "+-------+------------+----------+---------+"),
    "box drawing": ruled("│", "├───────┼────────────┼──────────┼─────────┤"),
    "rich": ruled("┃", "┡━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━┩"),
    "aligned": aligned(),
    "aligned, with a rule": aligned([("-----", "----------", "--------", "-------"), *ROWS]),
    "header again and again": "\n".join(aligned([row]) for row in ROWS),
    "bold and marked": ruled("|", "|---|---|---|---|", [(e, t, f"**{v}**", f"{s} +") for e, t, v, s in ROWS]),
}


@pytest.mark.parametrize("form", TABLES)
def test_a_table_in_text_is_a_log(form: str, tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, f"Training with 4 GPUs\n{TABLES[form]}\nDone in 12 s\n")
    assert values(run) == TRUTH
    assert run.steps.tolist() == list(EPOCHS)
    assert kept([run]) == sum(len(row) - 1 for row in ROWS)


def test_a_model_card_is_a_log_and_its_scores_are_of_the_validation(tmp_path: Path) -> None:
    """As the Trainer of Hugging Face writes one: the training's loss may not be logged yet."""
    rows = [("No log" if e == 1 else t, f"{e}.0", e * 100, v, s) for e, t, v, s in ROWS]
    names = ("Training Loss", "Epoch", "Step", "Validation Loss", "Accuracy")
    text = f"# a-model\n- Loss: 0.9\n## Training results\n\n{ruled('|', '|:-:|:-:|', rows, names)}\n\n- Pytorch 2.1\n"
    (run,) = runs_of(tmp_path, text, "README.md")
    assert values(run) == TRUTH | {"train_loss": TRAIN[1:]}
    assert run.steps_of("full_valid_loss").tolist() == [100 * e for e in EPOCHS]
    assert any("Accuracy: nothing says on which data" in note for note in run.notes)


def test_empty_cells_of_aligned_columns_stay_empty(tmp_path: Path) -> None:
    rows = [(e, t, v if e % 2 else "", "") for e, t, v, _ in ROWS]
    (run,) = runs_of(tmp_path, aligned(rows))
    assert values(run) == {"train_loss": TRAIN, "full_valid_loss": VALID[::2]}
    assert run.steps_of("full_valid_loss").tolist() == [1, 3, 5]


def test_a_row_without_a_step_is_placed_at_the_one_before(tmp_path: Path) -> None:
    rows = [row for e, t, v, _ in ROWS for row in ((e, t, ""), *([("", "", v)] if e % 3 == 0 else []))]
    (run,) = runs_of(tmp_path, ruled("|", "|---|---|---|", rows, ("step", "loss", "val_loss")))
    assert values(run) == {"train_loss": TRAIN, "full_valid_loss": VALID[2::3]}
    assert run.steps_of("full_valid_loss").tolist() == [3, 6]


@pytest.mark.parametrize("name", ["a.md", "a.ipynb"])
def test_prose_about_steps_is_no_log(name: str, tmp_path: Path) -> None:
    """A report tells of steps and losses, each sentence once."""
    prose = "From step 100 on, the loss fell by 0.5 (p = 0.03).\nAt step 2000 an accuracy of 0.91 was reached.\n"
    with pytest.raises(LogError):
        runs_of(tmp_path, notebook([stream(prose)]) if name.endswith("b") else prose, name)


def test_a_header_may_have_two_lines(tmp_path: Path) -> None:
    """As MATLAB prints one."""
    head = "| Epoch | Iteration | Mini-batch | Validation |\n|       |           | Loss       | Loss       |"
    rows = [f"| {(e + 1) // 2} | {e * 50} | {t} | {v if e % 2 else ' '} |" for e, t, v, _ in ROWS]
    (run,) = runs_of(tmp_path, "\n".join(["|====|", head, "|====|", *rows, "|====|"]))
    assert values(run) == {"train_loss": TRAIN, "full_valid_loss": VALID[::2]}
    assert run.steps_of("full_valid_loss").tolist() == [50, 150, 250]


@pytest.mark.parametrize(
    "head", ["# epoch train_loss val_loss", "epoch,train_loss,val_loss", "epoch train_loss val_loss"]
)
def test_a_table_may_stand_among_other_lines(head: str, tmp_path: Path) -> None:
    """A comment heads gnuplot's, a logger starts before the first row, and lines between rows end nothing."""
    mark = "," if "," in head else " "
    rows = [f"{e}{mark}{t}{mark}{v}\nsaving the weights of this epoch" for e, t, v, _ in ROWS]
    (run,) = runs_of(tmp_path, "INFO start\n" + "\n".join([head, *rows]) + "\nINFO end\n")
    assert values(run) == {"train_loss": TRAIN, "full_valid_loss": VALID}


def test_of_a_bar_that_is_drawn_again_the_last_values_count(tmp_path: Path) -> None:
    """As Ultralytics prints one, below a header of its own in each epoch."""
    text = ""
    for e, t, _, _ in ROWS:
        text += "\n      Epoch    GPU_mem   box_loss   Size\n"
        text += "".join(
            f"\r  {e}/6      2.61G      {x}    640: {p}%|##| {p}/100 [00:02]" for p, x in ((50, 9.9), (100, t))
        )
    (run,) = runs_of(tmp_path, text)
    assert run.series("box_loss").tolist() == TRAIN
    assert run.steps.tolist() == list(EPOCHS)
    assert dict(run.config) == {"GPU_mem": "2.61G"}


def test_a_table_of_models_is_no_training(tmp_path: Path) -> None:
    text = "| Model | Epochs | Top-1 |\n|---|---|---|\n| small | 90 | 69.8 |\n| large | 100 | 76.1 |\n"
    with pytest.raises(LogError, match="no source knows this file"):
        runs_of(tmp_path, text, "README.md")


def test_lines_and_tables_in_one_text_are_not_mixed_and_the_other_is_told(tmp_path: Path) -> None:
    lines = "\n".join(f"step {k}: loss {2 - k / 20:.2f}" for k in range(20))
    (run,) = runs_of(tmp_path, f"{lines}\n{TABLES['markdown']}\n")
    assert run.metrics == ("train_loss",)
    assert any("tables of 6 rows beside the 20 lines of values are not read" in note for note in run.notes)


# ---------------------------------------------------------------- several trainings


def trained(scale: float, wording: str = "Epoch {e}/6 loss: {t:.4f} val_loss: {v}") -> str:
    return "".join(f"{wording.format(e=e, t=t * scale, v=v)}\n" for e, t, v, _ in ROWS)


def losses(runs: Sequence[Run]) -> list[list[float]]:
    return [run.series("train_loss").tolist() for run in runs]


def scaled(scale: float) -> list[float]:
    return [round(t * scale, 4) for t in TRAIN]


def test_two_trainings_of_one_printed_file_are_two_runs(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, trained(1) + "loading data\n" + trained(0.9))
    assert [run.id for run in runs] == ["out_1", "out_2"]
    assert losses(runs) == [TRAIN, scaled(0.9)]
    assert kept(runs) == 2 * 2 * len(ROWS)


@pytest.mark.parametrize("reference", ["out.txt#2", "out.txt#out_2"])
def test_one_of_them_is_named_behind_its_file(reference: str, tmp_path: Path) -> None:
    runs_of(tmp_path, trained(1) + trained(0.9))
    (run,) = resolve(str(tmp_path / reference), runs_dir=tmp_path)
    assert losses([run]) == [scaled(0.9)]
    with pytest.raises(RunNotFound, match="it has out_1, out_2"):
        resolve(str(tmp_path / "out.txt#3"), runs_dir=tmp_path)


@pytest.mark.parametrize(
    ("above", "ids", "config"),
    [
        ("Fold {n}\n", ["fold_1", "fold_2", "fold_3"], {"fold": 2}),
        ("Config: {{'lr': 0.0{n}, 'bs': 32}}\n", ["lr_0.01", "lr_0.02", "lr_0.03"], {"lr": 0.02, "bs": 32}),
        ("===== training with lr=0.0{n} =====\n", ["lr_0.01", "lr_0.02", "lr_0.03"], {"lr": 0.02}),
    ],
)
def test_what_is_printed_above_each_names_it(
    above: str, ids: list[str], config: Mapping[str, float], tmp_path: Path
) -> None:
    runs = runs_of(tmp_path, "".join(above.format(n=n) + trained(1 + n / 100) for n in (1, 2, 3)))
    assert [run.id for run in runs] == ids
    assert dict(runs[1].config) == config
    assert losses(runs) == [scaled(1 + n / 100) for n in (1, 2, 3)]
    assert {run.group for run in runs} == ({"out"} if "fold" in config else {None})


def test_a_resumed_training_is_one_run(tmp_path: Path) -> None:
    lines = [f"step {k}: loss {2 * 0.8**k:.4f}" for k in range(12)]
    (run,) = runs_of(tmp_path, "\n".join([*lines[:8], "resuming from step 6", *lines[6:]]))
    assert run.series("train_loss").tolist() == [round(2 * 0.8**k, 4) for k in range(12)]
    assert run.seams == (6,)


# ---------------------------------------------------------------- notebooks


def notebook(*cells: Sequence[Mapping[str, Any]]) -> str:
    code = [{"cell_type": "code", "metadata": {}, "source": ["fit()\n"], "outputs": list(own)} for own in cells]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)}


def html(names: Sequence[object], rows: Sequence[Sequence[object]]) -> dict[str, Any]:
    def line(cells: Sequence[object], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>\n"

    table = f"<p>done</p><table>{line(names, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"
    return {"output_type": "display_data", "data": {"text/html": table, "text/plain": "<HTML>"}, "metadata": {}}


def keras(scale: float) -> str:
    text = ""
    for e, t, v, _ in ROWS:
        bars = "".join(f"\r{b}/4 [==>....] - ETA: 0s - loss: 9.{b}" for b in (1, 2, 3))
        text += f"Epoch {e}/6\n{bars}\r4/4 [======] - 1s 5ms/step - loss: {t * scale:.4f} - val_loss: {v}\n"
    return text


def test_each_training_that_a_notebook_printed_is_a_run(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, notebook([stream("60000 samples\n")], [stream(keras(1))], [stream(keras(0.9))]), "a.ipynb")
    assert [run.id for run in runs] == ["a_1", "a_2"]
    assert losses(runs) == [TRAIN, scaled(0.9)]
    assert [run.series("full_valid_loss").tolist() for run in runs] == [VALID, VALID]
    assert runs[1].provenance.source == "notebook"


def test_the_outputs_of_one_cell_are_one_text(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, notebook([stream(line + "\n") for line in trained(1).splitlines()]), "a.ipynb")
    assert losses([run]) == [TRAIN]


def test_a_table_of_html_is_read(tmp_path: Path) -> None:
    """As the Trainer of Hugging Face shows one."""
    rows = [(e * 10, "No log" if e < 3 else t, v) for e, t, v, _ in ROWS]
    (run,) = runs_of(tmp_path, notebook([html(("Step", "Training Loss", "Validation Loss"), rows)]), "a.ipynb")
    assert values(run) == {"train_loss": TRAIN[2:], "full_valid_loss": VALID}
    assert run.steps_of("train_loss").tolist() == [30, 40, 50, 60]


def test_a_table_of_one_row_is_left_out_and_told(tmp_path: Path) -> None:
    """fastai trains the head of a model for one epoch first."""
    names = ("epoch", "train_loss", "valid_loss", "error_rate", "time")
    rows = [(e - 1, t, v, round(1 - s, 4), f"00:2{e}") for e, t, v, s in ROWS]
    (run,) = runs_of(tmp_path, notebook([html(names, [(0, 2.5, 2.4, 0.8, "00:20")]), html(names, rows)]), "a.ipynb")
    assert values(run) == {
        "train_loss": TRAIN,
        "full_valid_loss": VALID,
        "full_valid_error_rate": [round(1 - s, 4) for s in SCORE],
    }
    assert any("a table of one row is left out: epoch 0.0, train_loss 2.5" in note for note in run.notes)


def test_a_cell_that_goes_on_where_the_last_one_ended_is_the_same_run(tmp_path: Path) -> None:
    half = [line + "\n" for line in trained(1).splitlines()]
    (run,) = runs_of(tmp_path, notebook([stream("".join(half[:3]))], [stream("".join(half[3:]))]), "a.ipynb")
    assert losses([run]) == [TRAIN]
    assert any("2 outputs are parts of one run" in note for note in run.notes)


def test_a_notebook_without_a_training_is_refused_in_a_line(tmp_path: Path) -> None:
    people = html(("", "age", "fare"), [(0, 22, 7.2), (1, 38, 71.3)])
    with pytest.raises(LogError, match="a notebook of which no cell printed the steps of a training"):
        runs_of(tmp_path, notebook([people], [stream("hello\n")]), "a.ipynb")


def test_documents_beside_logs_are_told_and_not_read(tmp_path: Path) -> None:
    """A model card shows the run whose log lies beside it."""
    (tmp_path / "README.md").write_text(TABLES["markdown"])
    (tmp_path / "log.csv").write_text("step,loss\n1,2.0\n2,1.5\n3,1.2\n")
    (run,) = load_runs([str(tmp_path)], runs_dir=tmp_path)
    assert run.provenance.path.endswith("log.csv")
    assert any("README.md shows are not read beside the logs" in note for note in run.notes)


def test_each_cell_of_a_random_table_is_kept_or_told(tmp_path: Path) -> None:
    """Cells in and out, over tables with gaps, text and marks."""
    rng = np.random.default_rng(5)
    for number in range(20):
        rows = [[e, *np.round(rng.normal(size=3), 4)] for e in range(int(rng.integers(2, 12)))]
        gaps = rng.random((len(rows), 3)) < 0.2
        shown = [[row[0], *("-" if gap else cell for cell, gap in zip(row[1:], own, strict=True))]
                 for row, own in zip(rows, gaps, strict=True)]  # fmt: skip
        if gaps.all(axis=1).any() or gaps.all(axis=0).any():
            continue
        form = ruled("|", "|---|", shown) if number % 2 else aligned(shown)
        (run,) = runs_of(tmp_path, form, f"{number}.txt")
        assert kept([run]) == int((~gaps).sum())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.log",
            ruled("|", "|---|---|", [(e, f"{t} / {v}") for e, t, v, _ in ROWS], ("epoch", "loss (train / valid)")),
        ),
        ("a.log", aligned([(e, f"{t} / {v}") for e, t, v, _ in ROWS], ("epoch", "train/val loss"))),
        ("a.csv", "epoch,loss train/val\n" + "".join(f"{e},{t}/{v}\n" for e, t, v, _ in ROWS)),
    ],
)
def test_cells_of_two_sets_are_two_columns(tmp_path: Path, name: str, text: str) -> None:
    (run,) = runs_of(tmp_path, text, name)
    assert values(run) == {"train_loss": TRAIN, "full_valid_loss": VALID}
