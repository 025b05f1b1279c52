"""Kinds of printed logs that people publish: which rows there are, what a value was measured on, what is a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.core.run import Run
from analysis.sources import load_runs

EPOCHS = range(1, 7)


def read(folder: Path, text: str, name: str = "run.log") -> tuple[Run, ...]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_runs([str(path)], runs_dir=folder)


def only(folder: Path, text: str, name: str = "run.log") -> Run:
    (run,) = read(folder, text, name)
    return run


def column(run: Run, name: str) -> list[float]:
    """Values of a column, by the standard name or the log's own."""
    return run.frame[run.provenance.renamed.get(name, name)].dropna().round(6).tolist()


def falling(top: float) -> list[float]:
    return [round(top - 0.1 * e, 2) for e in EPOCHS]


def rising(low: float) -> list[float]:
    return [round(low + 0.01 * e, 2) for e in EPOCHS]


LOSSES, VALID = falling(2.0), falling(2.5)
PAIRS = list(zip(EPOCHS, LOSSES, strict=True))
ROWS = list(zip(EPOCHS, LOSSES, VALID, strict=True))


@pytest.mark.parametrize(
    "line",
    [
        "Epoch [  {e}/60] | Train Loss: {t} | Val Loss: {v} cc",
        "## Epoch no. = {e}\n- Train Loss: {t}\n- Validation Loss: {v}",
        "#### Epoch {e}/6\n-----\nTraining...\nloss: {t}\n\nValidating...\nloss: {v}",
        "=== Epoch {e} ===\nTraining\n  loss: {t}\n  lr: 0.1\nValidation\n  loss: {v}",
        "10:00:01 - INFO - trainer - Epoch {e}/6\n10:00:02 - INFO - trainer - Training\nloss: {t} ||: 100%|####| 50/50 "
        "[00:10<00:00, 4.9it/s]\n10:00:09 - INFO - trainer - Validating\nloss: {v} ||: 100%|####| 9/9 [00:01<00:00]",
        "Epoch {e}/6\nTRAINING -- Loss: {t}\nVALIDATION -- Loss: {v}\nNew best model saved with loss {v}...",
        "Epoch {e}: {t} train loss, {v} val loss, 12.3 seconds",
        "Epoch-{e} - train_loss - {t} - val_loss - {v}",
        "train {e}/6 loss {t}\nvalid {e}/6 loss {v} wer 0.1",
        "<Epoch {e}> Loss(train)={t} Loss(val)={v}",
        "it {e}: loss {t}, val {v}, lr 0.1",
        "Ep {e} | tr {t} | va {v}",
        "2024-01-01 10:00:00.123 | INFO | __main__:train:42 - Epoch {e}/6 | train loss: {t} | val loss: {v}",
        "Epoche {e}/6 - train_loss: {t} - val_loss: {v}",
        "第{e}轮 train_loss: {t} val_loss: {v}",
        "#{e} train_loss={t} val_loss={v}",
        "Epoch #{e} -> train_loss => {t} ; val_loss => {v}",
        "epoch\t{e}\ttrain_loss\t{t}\tval_loss\t{v}",
        "Epoch {e} completed in 12.3s with loss of {t} and validation loss of {v}",
        "Training loss after epoch {e}: {t}\nVali Loss after epoch {e}: {v}",
        "Epoch {e}/6\n9/9 [=======] - ETA: 0s - loss: {t}\n"
        "Epoch {e}: val_loss improved from 9.9 to {v}, saving to w.h5\n"
        "9/9 [=======] - 3s 60ms/step - loss: {t} - val_loss: {v}",
    ],
)
def test_training_and_validation_of_each_epoch(line: str, tmp_path: Path) -> None:
    text = "\n".join(line.format(e=e, t=t, v=v) for e, t, v in ROWS)
    run = only(tmp_path, text)
    assert run.frame["train_loss"].dropna().tolist() == LOSSES
    assert run.frame["full_valid_loss"].dropna().tolist() == VALID
    assert len(run.frame) == len(EPOCHS)


@pytest.mark.parametrize("word", ["New best! ", "improved: "])
def test_a_word_on_the_better_lines_makes_no_other_series(word: str, tmp_path: Path) -> None:
    """Where a line repeats what was the best it is passed over; here only it has the value of its epoch."""
    values = [2.4, 2.2, 2.3, 2.0, 2.1, 1.9]
    best = [min(values[:e]) == values[e - 1] for e in EPOCHS]
    lines = [
        f"Epoch {e} loss {t}\n{word * is_best}val loss {v}"
        for (e, t), v, is_best in zip(PAIRS, values, best, strict=True)
    ]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["full_valid_loss"].tolist() == values
    assert len(run.frame.columns) == 4


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("accuracy on test set: {v}", "test_accuracy"),
        ("Mean test accuracy of 258 batches: {v}", "test_accuracy"),
        ("Test Error:\n Loss: 0.5\n Accuracy: {v}", "test_Accuracy"),
        ("Accuracy of the network on the 10000 test images: {v}", "test_Accuracy"),
        ("Test set: Average loss: 0.5, Accuracy: {hits}/100 ({v})", "test_Accuracy"),
        ("Evaluating model\nTop-1 acc: {v}  Top-5 acc: 0.99", "eval_Top-1 acc"),
    ],
)
def test_a_score_is_named_by_what_it_is_of(line: str, name: str, tmp_path: Path) -> None:
    """Not by the words between; of counts of a whole the share is read."""
    scores = rising(0.5)
    lines = [
        f"step {e}: loss {t}\n{line.format(v=v, hits=round(100 * v))}"
        for e, t, v in zip(EPOCHS, LOSSES, scores, strict=True)
    ]
    assert column(only(tmp_path, "\n".join(lines)), name) == scores


def test_two_scores_with_a_stroke_between_are_no_share(tmp_path: Path) -> None:
    lines = [f"Epoch {e}: test acc (top-1/top-5): {70 + e}/{80 + 2 * e}" for e in EPOCHS]
    assert column(only(tmp_path, "\n".join(lines)), "test_acc (top-1/top-5)") == [70 + e for e in EPOCHS]


@pytest.mark.parametrize("form", ["Class {k} IoU: 0.{k}{e}", "class{w}: IoU 0.{k}{e}"])
def test_scores_of_each_class_are_columns(form: str, tmp_path: Path) -> None:
    """And neither rows of their own, nor the last one for all."""
    classes = ((1, "A"), (2, "B"), (3, "C"))
    lines = [f"Epoch {e}: loss {t}\n" + "\n".join(form.format(k=k, w=w, e=e) for k, w in classes) for e, t in PAIRS]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["step"].tolist() == list(EPOCHS)
    own = [name for name in run.frame if "IoU" in name]
    assert [column(run, name) for name in own] == [[round(k / 10 + e / 100, 2) for e in EPOCHS] for k, _ in classes]


def test_what_each_process_prints_is_of_one_run(tmp_path: Path) -> None:
    lines = [f"GPU {rank} | Epoch {e} | Loss {t + rank}" for e, t in PAIRS for rank in (0, 1)]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert column(run, "Loss (GPU 1)") == [t + 1 for t in LOSSES]


def test_a_count_of_each_episode_is_no_step(tmp_path: Path) -> None:
    counts = [98, 99, 462, 100, 77, 300]
    lines = [
        f"Episode {e}:\n  Reward: -{e}.5\n  Steps: {n}\n  Loss: {t}\n---"
        for e, n, t in zip(EPOCHS, counts, LOSSES, strict=True)
    ]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert column(run, "Steps counted") == counts
    assert run.frame["train_loss"].tolist() == LOSSES


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        (["1.5k", "3.0k", "4.5k"], [1500, 3000, 4500]),
        (["900", "1.2k", "1.5k"], [900, 1200, 1500]),
        (["1_000", "2_000", "3_000"], [1000, 2000, 3000]),
    ],
)
def test_steps_in_thousands(written: list[str], steps: list[int], tmp_path: Path) -> None:
    lines = [f"step {step} | loss {t} | 3.4k tok/s" for step, t in zip(written, LOSSES[:3], strict=True)]
    assert only(tmp_path, "\n".join(lines)).frame["step"].tolist() == steps


def test_results_below_each_row_of_a_table_are_its_columns(tmp_path: Path) -> None:
    """As Ultralytics prints them; those of a last validation, of the best weights, are no epoch's."""
    results = "      Class   Images      Box(P       R    mAP50  mAP50-95): 100%|████| 2/2 [00:00<00:00]\n"
    text = ""
    for e, t in PAIRS:
        text += f"\n   Epoch   GPU_mem   box_loss   Size\n     {e}/6     2.2G      {t}      640: 100%|████| 22/22\n"
        text += f"{results}        all       98      0.7{e}     0.6{e}     0.5{e}     0.4{e}\n"
    text += f"\nValidating best.pt...\n{results}        all       98      0.9     0.9     0.9     0.9\n"
    frame = only(tmp_path, text).frame
    assert frame["map50_95"].round(2).tolist() == rising(0.4)
    assert frame["precision"].round(2).tolist() == rising(0.7)


def test_headings_part_the_trainings_of_a_document(tmp_path: Path) -> None:
    """Also where each has scores of its own; a heading for the validation parts nothing."""
    text = "## Q learning\n" + "\n".join(f"Episode {e}: average reward {e}" for e in EPOCHS)
    text += "\n## REINFORCE\n" + "\n".join(f"Episode {e}: mean return {e + 1}, loss {t}" for e, t in PAIRS)
    runs = read(tmp_path, text, "results.md")
    assert [run.label for run in runs] == ["Q learning", "REINFORCE"]
    assert [len(run.frame) for run in runs] == [6, 6]
    text = "## Training\n" + "\n".join(f"epoch {e} loss {t}" for e, t in PAIRS)
    text += "\n## Validation\n" + "\n".join(f"epoch {e} val_loss {v}" for e, v in zip(EPOCHS, VALID, strict=True))
    run = only(tmp_path, text, "log.md")
    assert run.frame["full_valid_loss"].dropna().tolist() == VALID


def test_models_trained_one_after_another_go_by_the_words_before_their_epochs(tmp_path: Path) -> None:
    text = "".join(
        f"{model} - Epoch {e}/6\n----------\ntrain Loss: {t} Top-1 Acc: 0.5\n"
        for model in ("resnet-50", "resnet-18")
        for e, t in PAIRS
    )
    runs = read(tmp_path, text)
    assert [run.label for run in runs] == ["resnet-50", "resnet-18"]
    assert column(runs[0], "train_Top-1 Acc") == [0.5] * 6


@pytest.mark.parametrize("line", ["[fold {k}][epoch {e}/6] loss: {t}", "Epoch {e} | fold {k} | loss: {t}"])
def test_folds_that_each_line_names_are_runs_of_their_own(line: str, tmp_path: Path) -> None:
    lines = [line.format(k=k, e=e, t=round(t + k, 2)) for k in (0, 1, 2) for e, t in PAIRS]
    runs = read(tmp_path, "\n".join(lines))
    assert [(run.id, run.config, run.group) for run in runs] == [(f"fold_{k}", {"fold": k}, "run") for k in (0, 1, 2)]
    assert runs[2].frame["train_loss"].tolist() == [round(t + 2, 2) for t in LOSSES]


def test_a_table_between_rules(tmp_path: Path) -> None:
    """As Sphinx and others write them."""
    rule = "=====  ==========  ========\n"
    rows = "".join(f"{e:<5}  {t:<10}  {v:<8}\n" for e, t, v in ROWS)
    run = only(tmp_path, f"{rule}epoch  train_loss  val_loss\n{rule}{rows}{rule}", "log.txt")
    assert run.frame["full_valid_loss"].tolist() == VALID


def test_a_table_of_other_numbers_in_the_output_changes_no_step(tmp_path: Path) -> None:
    lines = [f"Epoch {e}/6, Train Loss: {t}, Val Loss: {v}" for e, t, v in ROWS]
    report = "     precision  recall\n\n  0   0.91   0.90\n  1   0.90   0.91\n\naccuracy   0.90   200\n"
    run = only(tmp_path, "\n".join([*lines, "", report]))
    assert run.frame["step"].tolist() == list(EPOCHS)


def test_a_name_that_differs_on_each_line_is_no_part_of_the_metric_s(tmp_path: Path) -> None:
    steps = range(1, 121)
    names = ["".join(chr(97 + digit) for digit in divmod(step, 26)) for step in steps]
    lines = [f"step {k} image {name} loss: {1 / k:.4f}" for k, name in zip(steps, names, strict=True)]
    run = only(tmp_path, "\n".join(lines))
    assert column(run, "loss") == [round(1 / k, 4) for k in steps]


def test_rows_that_are_printed_again_take_nothing_back(tmp_path: Path) -> None:
    """As LightGBM prints the best iteration once more, behind the last."""
    form = "[{}]\ttraining's l2: {}\tvalid_1's l2: {}"
    lines = [form.format(100 * e, t, v) for e, t, v in ROWS]
    run = only(tmp_path, "\n".join([*lines, "Early stopping, best iteration is:", form.format(350, 9.0, 9.0)]))
    assert run.frame["step"].tolist() == [100 * e for e in EPOCHS]
    assert any("says what the best step was: not read" in note for note in run.notes)


def test_the_same_score_under_two_names_is_one(tmp_path: Path) -> None:
    lines = [f"{{'loss': {t}, 'epoch': {e}.0}}\n{{'bleu': {e}}}\n{{'eval_bleu': {e}}}" for e, t in PAIRS]
    run = only(tmp_path, "\n".join(lines))
    assert "'bleu' repeats 'eval_bleu'" in run.notes
    assert "train_bleu" not in run.frame


def test_two_loggers_say_the_same(tmp_path: Path) -> None:
    lines = [f"INFO:root:Step {e} time 0.8s loss={t}\nI0912 model.py:65] Step {e} time 0.8s loss={t}" for e, t in PAIRS]
    run = only(tmp_path, "\n".join(lines))
    assert [name for name in run.frame if "loss" in name] == ["train_loss"]


@pytest.mark.parametrize(
    "line",
    [
        "[2022-01-01 10:00:00 model] (main.py 182): INFO Train: [{e}/300][{b}/40]\teta 0:10:00\tloss {t}",
        "10:00:00 DEBUG TRAIN Batch {e}/{b} loss {t} rank 0",
    ],
)
def test_epoch_and_batch_without_their_names(line: str, tmp_path: Path) -> None:
    batches = (10, 20, 30, 40)
    lines = [line.format(e=e, b=b, t=round(t + 1 / b, 3)) for e, t in PAIRS for b in batches]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["train_loss"].tolist() == [round(t + 1 / b, 3) for t in LOSSES for b in batches]
    assert run.frame["step"].is_monotonic_increasing
    assert run.frame["epoch"].tolist() == [e for e in EPOCHS for _ in batches]


def test_validation_once_an_epoch_is_of_the_whole_set(tmp_path: Path) -> None:
    lines = [
        f"| epoch {e} | {b}/40 batches | loss {t + 1 / b:.2f}" + f"\n| end of epoch {e} | valid loss {v}" * (b == 40)
        for e, t, v in ROWS
        for b in (10, 20, 30, 40)
    ]
    assert only(tmp_path, "\n".join(lines)).frame["full_valid_loss"].dropna().tolist() == VALID


@pytest.mark.parametrize("name", ["losses.csv", "losses.txt", "losses.dat"])
def test_a_comment_that_names_the_columns_is_the_header(name: str, tmp_path: Path) -> None:
    gap = "," if name.endswith(".csv") else "\t"
    rows = [gap.join(map(str, row)) for row in ROWS]
    run = only(
        tmp_path,
        "# made by train.py\n# " + gap.join(["epoch", "loss", "val_loss"]) + "\n" + "\n".join(rows) + "\n",
        name,
    )
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["step"].tolist() == list(EPOCHS)


def test_text_between_the_rows_of_a_table_is_no_row(tmp_path: Path) -> None:
    rows = [f"{e},{t},{v},21m 18s\nBest model saved at epoch {e}" for e, t, v in ROWS]
    run = only(tmp_path, "Epoch,Train Loss,Val Loss,Time\n" + "\n".join(rows) + "\n\n$ exit\n", "log.txt")
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert [lost.count for lost in run.provenance.dropped] == [7]


class TestTrials:
    """What a search printed: each trial is a run."""

    def test_optuna(self, tmp_path: Path) -> None:
        values = [0.8, 0.7, 0.9]
        lines = ["[I 2025-05-18 00:45:25,251] A new study created in memory with name: no-name"]
        for trial, value in enumerate(values):
            best = max(range(trial + 1), key=values.__getitem__)
            lines.append(
                f"[I 2025-05-18 00:48:13,722] Trial {trial} finished with value: {value} and parameters: "
                f"{{'lr': 0.0{trial + 1}, 'act': 'relu'}}. Best is trial {best} with value: {values[best]}."
            )
        runs = read(tmp_path, "\n".join([*lines, "[I 2025-05-18 00:59:00,000] Trial 3 pruned. "]))
        assert [run.frame["value [higher]"].tolist() for run in runs] == [[value] for value in values]
        assert runs[2].config == {"lr": 0.03, "act": "relu"}
        assert "1 trials were pruned or failed, without a value: left out" in runs[0].notes

    def test_named_values(self, tmp_path: Path) -> None:
        text = "".join(f"Trial {n} => val_loss={v}, params={{'batch_size': {8 * n}}}\n\n" for n, v in enumerate(LOSSES))
        runs = read(tmp_path, text)
        assert [run.frame["full_valid_loss"].item() for run in runs] == LOSSES
        assert [run.id for run in runs] == [f"trial_{n}" for n in range(len(LOSSES))]
