"""Forms in which scripts print their values: which number is whose, and where it was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.core.run import NOT_METRICS
from analysis.sources.metric_aliases import plain
from tests.sources.test_printed_kinds import EPOCHS, LOSSES, ROWS, VALID, column, only


@pytest.mark.parametrize(
    "line",
    [
        "epoch {e} loss (train/val): {t}/{v}",
        "epoch {e} loss (train, val): ({t}, {v})",
        "Epoch {e} | loss train/val {t}/{v} | lr 0.1",
        "epoch: {e}, train_loss/val_loss: {t}/{v}",
        "epoch {e}: train loss / val loss = {t} / {v}",
        "[{e}] train-val loss: {t} - {v}",
        "Epoch {e} | val|train loss: {v}|{t}",
        "epoch {e}; loss[tr,va]=[{t},{v}]",
        "step {e}: loss {t}/{v} (train/val)",
        "epoch {e} loss: {t} (train), {v} (val)",
        "Epoch {e}: loss {t} [train] {v} [valid]",
        "step {e} loss: train {t} / val {v}",
        "Epoch {e} tr_loss {t} va_loss {v}",
        "epoch {e} train/val: {t}/{v}",  # losses, as they fall: it is said
    ],
)
def test_training_and_validation_side_by_side(line: str, tmp_path: Path) -> None:
    """What the heading or the words behind say of each number, not the last of them of all."""
    run = only(tmp_path, "\n".join(line.format(e=e, t=t, v=v) for e, t, v in ROWS))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID


@pytest.mark.parametrize(
    "line",
    [
        "epoch {e} train/test loss: {t}/{v}, acc: {a}/{b}",
        "epoch {e} (train/test) loss: {t}/{v}, acc: {a}/{b}",
        "epoch {e} loss {t}/{v} (train/test), acc {a}/{b}",
        "epoch {e} loss: train {t} / test {v} acc: train {a} / test {b}",
        "epoch {e}: loss = {t} [train] / {v} [test], acc = {a} [train] / {b} [test]",
    ],
)
def test_a_pair_of_sets_holds_for_what_follows_alike(line: str, tmp_path: Path) -> None:
    lines = [line.format(e=e, t=t, v=v, a=1 - v / 4, b=1 - t / 4) for e, t, v in ROWS]
    run = only(tmp_path, "\n".join(lines))
    assert column(run, "train_loss") == LOSSES
    assert [column(run, name) for name in run.frame if name.lower() == "test_loss"] == [VALID]
    assert column(run, "train_acc") == [round(1 - v / 4, 6) for v in VALID]
    assert column(run, "test_acc") == [round(1 - t / 4, 6) for t in LOSSES]


def test_of_a_pair_that_nothing_names_both_are_kept(tmp_path: Path) -> None:
    run = only(tmp_path, "\n".join(f"step {e}: loss {t}/{v}" for e, t, v in ROWS))
    assert column(run, "loss") == LOSSES
    assert column(run, "loss (2)") == VALID


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("Test acc: 0.91", {"test_acc": 0.91}),
        ("Final test loss 0.31", {"test_loss": 0.31}),
        ("Test loss: 0.31\nTest accuracy: 0.91", {"test_loss": 0.31, "test_accuracy": 0.91}),
        ("{'test_loss': 0.31, 'test_acc': 0.91}", {"test_loss": 0.31, "test_acc": 0.91}),
        ("=== Test results ===\nloss: 0.31\naccuracy: 0.91", {"test_loss": 0.31, "test_accuracy": 0.91}),
        ("Accuracy of the network on the 10000 test images: 91 %", {"test_accuracy": 91.0}),
        ("12:00:01 - INFO - Test WER: 12.3%", {"test_wer": 12.3}),
        ("BLEU: 31.4", {"bleu": 31.4}),
        ("     Test metric      DataLoader 0\n      test_acc           0.91", {"test_acc": 0.91}),
    ],
)
def test_a_result_printed_once_is_of_the_end_of_the_run(text: str, results: dict[str, float], tmp_path: Path) -> None:
    lines = [f"Epoch {e}: loss {t} val_loss {v}" for e, t, v in ROWS]
    run = only(tmp_path, "\n".join([*lines, "done", *text.splitlines(), "Params: 1000"]))
    found = {plain(name): column(run, name) for name in run.frame if name not in NOT_METRICS and "val" not in name}
    assert {name: values for name, values in found.items() if len(values) == 1} == {n: [v] for n, v in results.items()}
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert any("taken for a measurement at the end of the run" in note for note in run.notes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Test acc: 0.91\nTest acc: 0.92", "ambiguous"),
        ("Test acc: 0.91\nFinal test acc = 0.92", "ambiguous"),
        ("Final validation loss: 1.87", "the same was measured at steps before"),
        ("Final train loss: 1.35", "no measurement of held-out data"),
        ("accuracy: 0.91", "no measurement of held-out data"),
        ("Best val acc: 0.93", "no measurement of held-out data at the end"),
    ],
)
def test_of_a_result_that_may_be_another_one_it_is_said_that_it_is_not_read(
    text: str, why: str, tmp_path: Path
) -> None:
    lines = [f"Epoch {e}: loss {t} val_loss {v}" for e, t, v in ROWS]
    run = only(tmp_path, "\n".join([*lines, *text.splitlines()]))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert set(run.metrics) == {"train_loss", "full_valid_loss"}
    assert any(text.partition("\n")[0] in note and why in note for note in run.notes)


def test_a_result_of_tensorflows_estimator_is_of_its_evaluation(tmp_path: Path) -> None:
    saved = "INFO:tensorflow:Saving dict for global step {s}: global_step = {s}, loss = {v}"
    line = "INFO:tensorflow:loss = {t}, step = {s} (12.3 sec)\n"
    run = only(tmp_path, "\n".join((line + saved).format(s=100 * e, t=t, v=v) for e, t, v in ROWS))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.log", "step {e} loss = {t:.2f}D+01 lr = 0.100D-03"),
        ("a.csv", "{e},{t:.2f}D+01,0.100D-03"),
    ],
)
def test_numbers_as_fortran_writes_them(name: str, line: str, tmp_path: Path) -> None:
    lines = [line.format(e=e, t=t / 10) for e, t, _ in ROWS]
    run = only(tmp_path, "\n".join(["step,loss,lr", *lines] if name == "a.csv" else lines), name)
    assert column(run, "loss") == LOSSES
    assert set(column(run, "lr")) == {1e-4}


def test_of_a_value_and_its_spread_the_value_is_read(tmp_path: Path) -> None:
    text = "epoch,loss,val_loss\n" + "\n".join(f"{e},{t} ± 0.05,{v}+/-0.1" for e, t, v in ROWS)
    run = only(tmp_path, text, "a.csv")
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID


def test_an_evaluation_by_environment_steps(tmp_path: Path) -> None:
    lines = [f"Eval num_timesteps={1000 * e}, episode_reward={t} +/- 0.5\nEpisode length: 200.00" for e, t, _ in ROWS]
    run = only(tmp_path, "\n".join(lines))
    assert run.steps_of("eval_reward").tolist() == [1000 * e for e in EPOCHS]
    assert run.series("eval_reward").tolist() == LOSSES


def test_a_validation_that_is_missing_at_some_steps_changes_no_name(tmp_path: Path) -> None:
    lines = [
        f"iter {e} | loss train: {t}, val: {v if e % 2 else 'n/a'} | number of nan iterations: 0" for e, t, v in ROWS
    ]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].dropna().tolist() == VALID[::2]
    assert not run.nonfinite


def test_a_value_behind_those_of_both_sets_is_not_taken_for_one_of_them(tmp_path: Path) -> None:
    """The line says a score of each, and one loss."""
    run = only(tmp_path, "\n".join(f"Epoch {e}: train acc 0.{e}1, val acc 0.{e}2, loss {t}" for e, t, _ in ROWS))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert "full_valid_loss" not in run.frame


def test_the_best_so_far_is_no_measurement_of_its_epoch(tmp_path: Path) -> None:
    best = [min(VALID[:e][::-1]) - 1 for e in EPOCHS]
    form = "Epoch {e}: train_loss={t}\neval_epoch_loss={v}\nbest eval loss on epoch {e} is {b}"
    text = "\n".join(form.format(e=e, t=t, v=v, b=b) for (e, t, v), b in zip(ROWS, best, strict=True))
    run = only(tmp_path, text)
    assert run.frame["full_valid_loss"].tolist() == VALID


def test_both_sides_of_an_arrow_are_kept(tmp_path: Path) -> None:
    run = only(tmp_path, "\n".join(f"epoch {e}: loss {v} -> {t}" for e, t, v in ROWS))
    assert column(run, "loss") == VALID
    assert column(run, "loss (2)") == LOSSES


def test_the_set_is_the_one_that_is_named_and_not_that_it_is_an_evaluation(tmp_path: Path) -> None:
    form = (
        "Batch[{s}/900] - loss: {t}  acc: 50.1%(9/16)\nDev Accuracy:  Evaluation - loss: {v}  acc: 60.1%(5/9) \n"
        "Test Accuracy:  Evaluation - loss: 9.5  acc: 61.2%(6/9) "
    )
    run = only(tmp_path, "\n".join(form.format(s=10 * e, t=t, v=v) for e, t, v in ROWS))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert set(column(run, "test_loss")) == {9.5}


def test_a_score_behind_a_loss_of_two_words_is_of_the_same_set(tmp_path: Path) -> None:
    form = "global step {s}, epoch: 1, batch: {s}, loss: {t}, accu: 0.5{e}\neval dev loss: {v}, accu: 0.4{e}"
    run = only(tmp_path, "\n".join(form.format(s=10 * e, e=e, t=t, v=v) for e, t, v in ROWS))
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert column(run, "accu") == [round(0.5 + e / 100, 2) for e in EPOCHS]
    assert column(run, "val_accu") == [round(0.4 + e / 100, 2) for e in EPOCHS]


def test_a_per_cent_is_no_epoch_and_what_an_average_is_taken_over_no_value(tmp_path: Path) -> None:
    precision = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.312"
    lines = [f"Epochs:  {16 * e}%|#   | {e}/6 [00:01<00:05, t_loss={t}, i_acc=0.5]\n{precision}" for e, t, _ in ROWS]
    run = only(tmp_path, "\n".join(lines))
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert "epoch" not in run.frame
    assert set(run.metrics) == {"t_loss", "i_acc", "map50_95"}


@pytest.mark.parametrize(("gap", "name"), [("  ", "run.log"), (",", "run.csv")])
def test_a_result_below_a_table_is_of_its_end(gap: str, name: str, tmp_path: Path) -> None:
    """Of two that have one name none is read."""
    head = [gap.join(("epoch", "train_loss", "val_loss")), *(gap.join(map(str, row)) for row in ROWS)]
    run = only(tmp_path, "\n".join([*head, "Best val_loss: 0.1", "Test acc: 0.91", "done"]), name)
    assert run.frame["full_valid_loss"].tolist() == VALID
    assert (run.steps_of("Test acc").tolist(), run.series("Test acc").tolist()) == ([ROWS[-1][0]], [0.91])
    both = only(tmp_path, "\n".join([*head, "Test acc: 0.91", "Test acc: 0.92"]), name)
    assert "Test acc" not in both.metrics


COCO = """Evaluate annotation type *bbox*
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.{e}12
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.{e}34
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.{e}56
Evaluate annotation type *segm*
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.{e}05"""


def test_the_scores_of_coco_have_names_and_those_of_masks_their_own(tmp_path: Path) -> None:
    lines = [f"epoch: {e}/6, iter: {k}/2, total_loss: {t}" for e, t, _ in ROWS for k in (1, 2)]
    text = "\n".join(f"{line}\n{COCO.format(e=k // 2 + 1)}" if k % 2 else line for k, line in enumerate(lines))
    run = only(tmp_path, text)
    shares = {"map50_95": 0.012, "map50": 0.034, "mar_1": 0.056, "segm_map50_95": 0.005}
    for name, rest in shares.items():
        assert column(run, name) == [round(e / 10 + rest, 3) for e in EPOCHS]
    assert run.metrics.count("map50_95") == 1
    assert not any("small" in name for name in run.metrics)


def test_a_program_that_trains_one_epoch_at_a_time_is_one_training(tmp_path: Path) -> None:
    bar = "360/360 [==============================] - 11s 31ms/step - loss: {t} - accuracy: 0.5"
    run = only(tmp_path, "\n".join(f"augmenting!\nEpoch 1/1\n{bar.format(t=t)}\n  val acc: {v}" for _, t, v in ROWS))
    assert run.frame["train_loss"].tolist() == LOSSES
    assert run.frame["step"].tolist() == list(EPOCHS)
    assert any("steps are numbers of the lines" in note for note in run.notes)


def test_counts_of_right_answers_tell_the_size_of_the_set(tmp_path: Path) -> None:
    form = "Train Epoch: {e} [640/60000 (1%)]\tLoss: {t}\nTest set: Average loss: {v}, Accuracy: 9{e}50/10000 (91%)"
    run = only(tmp_path, "\n".join(form.format(e=e, t=t, v=v) for e, t, v in ROWS))
    assert column(run, "test_Accuracy") == [round(0.905 + e / 100, 3) for e in EPOCHS]
    assert run.n_valid == 10_000


def test_a_state_and_the_name_of_a_run_are_no_part_of_the_data(tmp_path: Path) -> None:
    form = "INFO: test-0: 3DBall: Step: {e}000. Time Elapsed: 3.2 s Mean Reward: {t}. Std of Reward: 0.8. Training."
    run = only(tmp_path, "\n".join(form.format(e=e, t=t) for e, t, _ in ROWS))
    assert run.frame["reward"].tolist() == LOSSES


def test_what_lightning_says_of_its_checkpoints_is_a_validation(tmp_path: Path) -> None:
    form = "Epoch {e}, global step {e}00: 'val_loss' reached {v} (best {v}), saving model to '/x/last.ckpt' as top 1"
    run = only(tmp_path, "\n".join(form.format(e=e, v=v) for e, _, v in ROWS))
    assert run.series("full_valid_loss").tolist() == VALID


def test_scores_below_a_bar_may_have_names_as_wide_as_their_columns(tmp_path: Path) -> None:
    """YOLOv5's last two names stand one space apart."""
    head = "     Epoch   gpu_mem       box       obj       cls    labels  img_size"
    row = "       {e}/6      2.5G    0.10    0.05    0.02        50       640: 100%|####| 9/9 [00:10<00:00]"
    below = "    Class     Images     Labels          P          R     mAP@.5 mAP@.5:.95: 100%|###| 4/4\n"
    below += "      all        128        929      0.5{e}      0.4{e}      0.3{e}      0.2{e}"
    run = only(tmp_path, "\n".join(f"{head}\n{row}\n{below}".replace("{e}", str(e)) for e in EPOCHS))
    for name, first in (("precision", 0.5), ("recall", 0.4), ("map50", 0.3), ("map50_95", 0.2)):
        assert column(run, name) == [round(first + e / 100, 2) for e in EPOCHS]
