"""Rows whose order no single column tells: counters that restart, phases in rows, restarts from a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.core.run import Run
from analysis.sources import load_runs


def read(path: Path, text: str) -> list[Run]:
    path.write_text(text, encoding="utf-8")
    return load_runs([str(path)], runs_dir=path.parent)


@pytest.mark.parametrize("name", ["batch", "iter", "step"])
@pytest.mark.parametrize("first", [0, 1, 10])
def test_a_counter_that_restarts_where_the_epoch_rises_is_numbered_through(
    tmp_path: Path, name: str, first: int
) -> None:
    rows = [f"{e},{first + 10 * k},{3 - e / 2 - k / 100}" for e in range(1, 5) for k in range(5)]
    (run,) = read(tmp_path / "loop.csv", "\n".join([f"epoch,{name},loss", *rows]))
    assert run.steps.tolist() == [first + 10 * k for k in range(20)]
    assert run.series("train_loss").size == 20
    assert run.seams == ()


@pytest.mark.parametrize("word", ["val", "valid", "Validation", "eval", "test"])
@pytest.mark.parametrize("axis", ["epoch", "step"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_phase_in_every_row_parts_training_from_validation(tmp_path: Path, word: str, axis: str, form: str) -> None:
    rows = [(k, phase, 3.0 - k / 10 + (phase != "train")) for k in range(1, 9) for phase in ("train", word)]
    if form == "csv":
        text = "\n".join([f"{axis},phase,loss", *(f"{k},{phase},{loss}" for k, phase, loss in rows)])
    else:
        text = "".join(json.dumps({axis: k, "split": phase, "loss": loss}) + "\n" for k, phase, loss in rows)
    (run,) = read(tmp_path / f"log.{form}", text)
    assert run.steps.tolist() == list(range(1, 9))
    assert run.series("train_loss").tolist() == [3.0 - k / 10 for k in range(1, 9)]
    assert run.series("full_valid_loss").tolist() == [4.0 - k / 10 for k in range(1, 9)]
    assert any("on which data each row was measured" in note for note in run.notes)


def test_folds_one_below_the_other_are_runs(tmp_path: Path) -> None:
    rows = [f"{fold},{epoch},{2 - epoch / 10 + fold}" for fold in range(3) for epoch in range(1, 7)]
    runs = read(tmp_path / "cv.csv", "\n".join(["fold,epoch,train_loss", *rows]))
    assert [run.id.rpartition("/")[-1] for run in runs] == ["fold_0", "fold_1", "fold_2"]
    assert all(run.steps.tolist() == list(range(1, 7)) for run in runs)


def test_a_step_that_only_the_last_row_has_is_none(tmp_path: Path) -> None:
    rows = [{"loss": 2 - k / 50, "global_step/max_steps": f"{5 * k}/100"} for k in range(1, 21)]
    text = "".join(json.dumps(row) + "\n" for row in [*rows, {"global_step": 100, "best": 1.6}])
    (run,) = read(tmp_path / "logging.jsonl", text)
    assert run.steps_of("train_loss").tolist() == [5 * k for k in range(1, 21)]


def test_a_step_that_is_always_the_same_is_none(tmp_path: Path) -> None:
    rows = [f"{k},-1,{0.7 + k / 100}" for k in range(10)]
    (run,) = read(tmp_path / "similarity.csv", "\n".join(["epoch,steps,cosine_spearman", *rows]))
    assert run.steps_of("cosine_spearman").tolist() == list(range(10))


def test_what_comes_after_a_rollback_replaces_what_it_abandoned(tmp_path: Path) -> None:
    before = [f"{k},{2 - k / 400 + max(0, k - 200) / 50}" for k in range(1, 401)]
    after = [f"{k},{1.5 - k / 1000}" for k in range(201, 301)]
    (run,) = read(tmp_path / "rollback.csv", "\n".join(["step,train_loss", *before, *after]))
    assert (run.steps[-1], run.steps.size) == (300, 300)
    assert run.series("train_loss")[-1] == pytest.approx(1.2)
    assert run.seams == (201,)
    (lost,) = run.provenance.dropped
    assert (lost.count, lost.reason) == (200, "rows replaced by a restart at step 201")


def test_a_counter_that_begins_anew_while_the_loss_goes_on_continues(tmp_path: Path) -> None:
    loss = 1 + 1.5 * np.exp(-np.arange(300) / 100)
    rows = [{"step": k % 150, "loss": value} for k, value in enumerate(loss)]
    (run,) = read(tmp_path / "log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert run.steps.tolist() == list(range(300))
    assert run.series("train_loss").tolist() == loss.tolist()


def test_late_rows_of_another_metric_abandon_nothing(tmp_path: Path) -> None:
    """An evaluation that is written after later training rows is no restart."""
    rows: list[str] = []
    for k in range(1, 41):
        rows.append(f"{k},{2 - k / 50},")
        if k % 10 == 2 and k > 2:
            rows.append(f"{k - 2},,{2.2 - k / 50}")
    (run,) = read(tmp_path / "late.csv", "\n".join(["step,train_loss,val_loss", *rows]))
    assert run.series("train_loss").size == 40
    assert run.series("full_valid_loss").size == 3


def test_two_time_columns_leave_one(tmp_path: Path) -> None:
    """The number is the time; the text is left out and said."""
    rows = [{"step": k, "loss": 2 - k / 10, "timestamp": 1.7e9 + k, "date": f"2023-11-14_22-0{k}-20"} for k in range(9)]
    (run,) = read(tmp_path / "result.json", "".join(json.dumps(row) + "\n" for row in rows))
    assert run.series("train_loss").size == 9
    assert any("date" in note for note in run.notes)


def test_a_column_called_step_beside_the_format_s_own_is_kept_under_another_name(tmp_path: Path) -> None:
    rows = [f"{100 * k},{k},{2 - k / 10}" for k in range(1, 9)]
    (run,) = read(tmp_path / "progress.csv", "\n".join(["time/total_timesteps,step,train/loss", *rows]))
    assert run.steps.tolist() == [100 * k for k in range(1, 9)]
    assert "step (log)" in run.metrics


def test_a_control_character_beside_a_log_costs_the_settings_not_the_log(tmp_path: Path) -> None:
    (tmp_path / "hparams.yaml").write_text("lr: 0.1\nname: a\x1cb\n", encoding="utf-8")
    (tmp_path / "metrics.csv").write_text("epoch,step,train_loss\n0,1,0.5\n1,2,0.4\n", encoding="utf-8")
    (run,) = load_runs([str(tmp_path / "metrics.csv")], runs_dir=tmp_path)
    assert run.series("train_loss").size == 2
    (told,) = [note for note in run.notes if "hparams.yaml" in note]
    assert "not valid YAML" in told
