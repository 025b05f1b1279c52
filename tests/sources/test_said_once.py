"""What a log says twice, or says of itself alone, is no metric, no setting and no missing data."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from analysis.core.errors import LogError
from analysis.core.run import Run
from analysis.sources import json_logs, load_runs
from analysis.sources.axis_names import step_text


def read(folder: Path, name: str, text: str) -> Run:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    (run,) = load_runs([str(path)], runs_dir=folder)
    return run


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def loss(step: float) -> float:
    return round(1 + 2 * math.exp(-step / 100), 5)


@pytest.mark.parametrize("took", ["4m 52s", "0:04:52", "1 day, 2:03:04", "12.5s", "300 ms", "1h 2m 3s"])
def test_a_time_taken_is_no_setting_in_whatever_form(tmp_path: Path, took: str) -> None:
    rows = [{"step": k, "loss": loss(k), "elapsed_time": took, "optimizer": "lion"} for k in range(1, 9)]
    assert dict(read(tmp_path, "log.jsonl", lines(*rows)).config) == {"optimizer": "lion"}


def test_how_far_a_run_is_is_no_metric(tmp_path: Path) -> None:
    rows = [{"step": k, "iter": k, "percentage": f"{k:.1f}%", "loss": loss(k)} for k in range(1, 9)]
    run = read(tmp_path, "log.jsonl", lines(*rows))
    assert run.metrics == ("train_loss",)
    assert {"'percentage' says how far the run is, and is no metric", "'iter' repeats the step"} <= set(run.notes)


def test_a_percentage_that_goes_up_and_down_is_a_metric(tmp_path: Path) -> None:
    rows = [{"step": k, "percentage": 40 + k % 3, "loss": loss(k)} for k in range(1, 9)]
    assert "percentage" in read(tmp_path, "log.jsonl", lines(*rows)).metrics


@pytest.mark.parametrize("rate", [0.02, None])
def test_a_learning_rate_on_the_rows_of_both_phases_is_the_training_s(tmp_path: Path, rate: float | None) -> None:
    """It is logged twice at a step and is not missing once."""
    rows: list[object] = []
    for k in range(10, 60, 10):
        each = {"iter": k, "lr": rate or 1 / k, "batch_size": 8}
        rows += [{"mode": "train", **each, "loss": loss(k)}, {"mode": "val", **each, "mAP": k / 100}]
    run = read(tmp_path, "log.jsonl", lines(*rows))
    assert run.provenance.dropped == ()
    assert run.series("learning_rate").tolist() == [rate or 1 / k for k in range(10, 60, 10)]
    assert run.config["batch_size"] == 8
    assert "lr: of the training, read from its rows alone" in run.notes


TABLES = {
    "csv": ("step,train,val\n{}", "{},{},{}\n"),
    "printed": ("{}", "{0} train {1}\n{0} val {2}\n"),
}


@pytest.mark.parametrize("form", TABLES)
def test_curves_called_after_their_data_alone_are_taken_for_losses_if_they_fall(tmp_path: Path, form: str) -> None:
    """And it is said, with what to write if they are something else."""
    around, row = TABLES[form]
    run = read(tmp_path, "log.txt", around.format("".join(row.format(k, loss(k), loss(k) + 1) for k in range(20))))
    assert run.series("train_loss").tolist() == [loss(k) for k in range(20)]
    assert run.series("full_valid_loss").size == 20
    assert any("taken for losses, as train falls (if not, say so: columns: {eval_score: " in note for note in run.notes)


def test_curves_called_after_their_data_alone_that_rise_are_left_to_the_user(tmp_path: Path) -> None:
    run = read(tmp_path, "log.csv", "step,train,val\n" + "".join(f"{k},{k / 9},{k / 8}\n" for k in range(20)))
    assert run.metrics == ("train", "val")


def test_printed_lines_of_one_rounded_epoch_are_steps_of_their_own(tmp_path: Path) -> None:
    text = "".join(f"{{'loss': {loss(k)}, 'epoch': {k // 4 / 100}}}\n" for k in range(1, 13))
    run = read(tmp_path, "out.log", text + "{'eval_loss': 1.5, 'epoch': 0.03}\n")
    assert run.series("train_loss").tolist() == [loss(k) for k in range(1, 13)]
    assert run.steps_of("full_valid_loss").tolist() == [12]
    assert "no step is printed: steps are numbers of the lines with loss" in run.notes


def test_a_large_step_is_written_out() -> None:
    assert [step_text(step) for step in (1234567.0, np.float64(0), 2.5)] == ["1234567", "0", "2.5"]


def test_the_limit_of_json_holds_for_json_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps([{"step": k, "loss": loss(k)} for k in range(50_000)]))
    assert json_logs.recognises(path)
    monkeypatch.setenv("RUN_REPORTS_MAX_JSON_MB", "1")
    with pytest.raises(LogError, match="more than the limit of 1 MB; set RUN_REPORTS_MAX_JSON_MB"):
        load_runs([str(path)], runs_dir=tmp_path)


@pytest.mark.parametrize("columns", ["{step: t, timestamp: t}", "{train_loss: a, full_valid_loss: a, step: t}"])
def test_one_column_is_not_two_things(tmp_path: Path, columns: str) -> None:
    (tmp_path / "log.yaml").write_text(f"columns: {columns}\n")
    with pytest.raises(LogError, match=r"columns says '\w' is both \w+ and \w+; leave one of them out"):
        read(tmp_path, "log.csv", "t,a\n1,0.5\n2,0.4\n")
