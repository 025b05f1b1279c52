"""What a table means that no single column tells: lists of runs, own axes, restarts, repeated values, parts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from analysis.core.config_factors import is_setting
from analysis.core.errors import AnalysisError
from analysis.core.run import Run
from analysis.sources import load_runs


def read(folder: Path, name: str, text: str) -> list[Run]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return list(load_runs([str(path)], runs_dir=folder))


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def loss(step: float) -> float:
    return round(1 + 2 * math.exp(-step / 100), 5)


def test_a_list_of_runs_is_no_curve(tmp_path: Path) -> None:
    """Each row is a run: its metrics are final values, what has no direction is its configuration."""
    text = "run_name,seed,norm,n_head,learning_rate,final_train_loss,final_val_loss\n"
    text += "a_1,1,rms,6,0.001,1.1,1.5\na_2,2,rms,6,0.001,1.2,1.6\nb_1,1,layer,12,0.001,1.0,1.4\n"
    runs = read(tmp_path, "runs.csv", text)
    assert [run.name for run in runs] == ["a_1", "a_2", "b_1"]
    assert [run.series("full_valid_loss").tolist() for run in runs] == [[1.5], [1.6], [1.4]]
    assert runs[2].config == {"seed": 1, "norm": "layer", "n_head": 12, "learning_rate": 0.001}
    assert all("final values only" in run.notes[0] for run in runs)


@pytest.mark.parametrize(
    "text",
    [
        "model,params,bleu\nsmall,10,20.1\nbase,60,25.2\n",
        ",name,train_loss,lr\n0,small,1.1,1e-3\n1,base,0.9,1e-3\n",
        "trial,lr,val_loss\n0,0.1,1.1\n1,0.2,0.9\n",
    ],
)
def test_rows_of_names_without_a_step_are_runs(tmp_path: Path, text: str) -> None:
    assert len(read(tmp_path, "runs.csv", text)) == 2


def test_names_of_checkpoints_are_no_runs(tmp_path: Path) -> None:
    """Where a step rises from row to row, a name tells the rows and not the runs."""
    rows = "".join(f"ckpt-{k},{k},{loss(k)}\n" for k in range(100, 600, 100))
    (run,) = read(tmp_path, "log.csv", f"name,step,val_loss\n{rows}")
    assert run.steps.tolist() == [100, 200, 300, 400, 500]


def test_a_setting_tells_runs_apart_only_if_each_begins_at_the_start(tmp_path: Path) -> None:
    """A sweep in one table is several runs; a learning rate lowered on going back is one."""
    sweep = "".join(f"{rate},{e},{loss(e) + rate}\n" for rate in (0.1, 0.2) for e in range(1, 8))
    assert [run.config["lr"] for run in read(tmp_path, "a.csv", f"lr,epoch,val_loss\n{sweep}")] == [0.1, 0.2]
    back = "".join(f"{rate},{e},{loss(e) + rate}\n" for rate, first in ((0.2, 1), (0.1, 5)) for e in range(first, 9))
    (run,) = read(tmp_path, "b.csv", f"lr,epoch,val_loss\n{back}")
    assert run.steps.tolist() == list(range(1, 9))


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("counted", ["by evaluation", "at 0"])
def test_an_evaluation_that_counts_by_itself_stands_where_it_was_made(tmp_path: Path, counted: str, every: int) -> None:
    rows: list[object] = []
    for epoch in range(1, 6):
        rows += [{"step": 100 * (epoch - 1) + k, "loss": loss(k)} for k in range(every, 101, every)]
        rows.append({"step": epoch if counted == "by evaluation" else 0, "val_loss": loss(epoch)})
    (run,) = read(tmp_path, "log.jsonl", lines(*rows))
    last = 100 - 100 % every
    assert run.steps_of("full_valid_loss").tolist() == [100 * e + last for e in range(5)]
    assert any("counted by itself" in note for note in run.notes)
    assert run.seams == ()


def test_an_evaluation_made_late_keeps_its_step(tmp_path: Path) -> None:
    """One that lags behind the training advances as fast as it does: both are one axis."""
    rows: list[object] = []
    for step in range(10, 400, 10):
        rows.append({"step": step, "loss": loss(step)})
        if step % 50 == 0 and step > 50:
            rows.append({"step": step - 30, "val_loss": loss(step)})
    (run,) = read(tmp_path, "log.jsonl", lines(*rows))
    assert run.steps_of("full_valid_loss").tolist() == [70, 120, 170, 220, 270, 320]
    assert run.series("train_loss").size == 39


def test_a_training_begun_anew_in_one_table_replaces_the_earlier_one_and_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{k},{loss(k)}\n" for most in (200, 120) for k in range(1, most + 1))
    (run,) = read(tmp_path, "log.csv", f"step,loss\n{rows}")
    assert run.steps.tolist() == list(range(1, 121))
    (lost,) = run.provenance.dropped
    assert (lost.column, lost.count) == ("row", 200)
    assert "an earlier training" in lost.reason


def test_the_newest_row_first_is_only_another_order(tmp_path: Path) -> None:
    rows = "".join(f"{k},{loss(k)}\n" for k in range(80, 0, -1))
    (run,) = read(tmp_path, "log.csv", f"step,loss\n{rows}")
    assert run.series("train_loss").tolist() == [loss(k) for k in range(1, 81)]
    assert run.provenance.dropped == ()


def test_an_evaluation_of_the_abandoned_branch_goes_with_it(tmp_path: Path) -> None:
    rows: list[object] = [{"step": k, "loss": loss(k)} for k in range(1, 101)]
    rows.append({"step": 100, "val_loss": 9.0})
    rows += [{"step": k, "loss": loss(k) / 2} for k in range(61, 91)]
    (run,) = read(tmp_path, "log.jsonl", lines(*rows))
    assert run.steps.tolist() == list(range(1, 91))
    assert "full_valid_loss" not in run.metrics


def test_a_value_carried_forward_is_one_evaluation(tmp_path: Path) -> None:
    held = [math.nan if k < 20 else loss(20 * (k // 20)) for k in range(1, 200)]
    rows = "".join(f"{k},{loss(k)},{'' if math.isnan(v) else v}\n" for k, v in enumerate(held, start=1))
    (run,) = read(tmp_path, "log.csv", f"step,train_loss,val_loss\n{rows}")
    assert run.steps_of("full_valid_loss").tolist() == list(range(20, 200, 20))
    (lost,) = run.provenance.dropped
    assert (lost.column, lost.count) == ("val_loss", 171)


def test_an_accuracy_that_stays_equal_now_and_then_is_not_carried_forward(tmp_path: Path) -> None:
    """Few examples give equal values at irregular intervals; a loss beside them changes on each row."""
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.random(60) < 0.25) / 40
    rows = "".join(f"{k},{loss(k)},{loss(k) + 0.1},{0.3 + value}\n" for k, value in enumerate(steps, start=1))
    (run,) = read(tmp_path, "log.csv", f"epoch,train_loss,val_loss,val_acc\n{rows}")
    assert run.series("full_valid_mean_token_accuracy").size == 60


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("tensor(1.5, device='cuda:0')", 1.5),
        ("np.float32(1.5)", 1.5),
        ("1.5e0 ", 1.5),
        ("1,500.0", 1500.0),
        ("150 %", 150.0),
        ("[1.0 2.0]", 1.5),
    ],
)
def test_a_number_written_as_text_is_read(tmp_path: Path, cell: str, number: float) -> None:
    (run,) = read(tmp_path, "log.jsonl", lines(*({"step": k, "foo_loss": cell} for k in (1, 2))))
    assert run.series("foo_loss").tolist() == [number, number]


def test_a_long_table_has_a_column_for_each_metric(tmp_path: Path) -> None:
    rows = "".join(f"{k},{name},{value}\n" for k in range(1, 6) for name, value in (("loss", loss(k)), ("acc", k / 10)))
    (run,) = read(tmp_path, "log.csv", f"step,metric,value\n{rows}")
    assert run.series("train_loss").tolist() == [loss(k) for k in range(1, 6)]
    assert run.series("train_mean_token_accuracy").size == 5


def test_parts_that_follow_one_another_are_one_run(tmp_path: Path) -> None:
    """Joined where a glob asks for all of them; runs that begin at one step are not."""
    for version, (first, end) in enumerate(((0, 100), (100, 170))):
        rows = "".join(f"{k // 10},{k},{loss(k)}\n" for k in range(first, end))
        read(tmp_path, f"version_{version}/metrics.csv", f"epoch,step,train_loss\n{rows}")
    (run,) = load_runs([str(tmp_path / "version_*")], runs_dir=tmp_path)
    assert run.steps.tolist() == list(range(170))
    assert any("parts of one run" in note for note in run.notes)
    for seed in range(2):
        rows = "".join(f"{k},{loss(k) + seed / 50}\n" for k in range(100))
        read(tmp_path, f"seed_{seed}.csv", f"step,train_loss\n{rows}")
    assert len(load_runs([str(tmp_path / "seed_*.csv")], runs_dir=tmp_path)) == 2


def test_a_time_of_an_impossible_year_costs_itself_alone(tmp_path: Path) -> None:
    rows = "".join(f"{k},{loss(k)},{sign}2024-05-01T10:00:0{k}\n" for k, sign in enumerate(("", "-", "")))
    (run,) = read(tmp_path, "log.csv", f"step,loss,date\n{rows}")
    assert run.frame["timestamp"].notna().tolist() == [True, False, True]
    assert [(lost.column, lost.count) for lost in run.provenance.dropped] == [("timestamp", 1)]


def test_a_table_without_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="no metric has a value"):
        read(tmp_path, "job.csv", '"Name","_wandb"\n"ftjob-x",""\n')


def test_what_was_read_and_kept_is_counted(tmp_path: Path) -> None:
    (run,) = read(tmp_path, "log.csv", "step,loss,note\n1,2.0,a\n2,1.5,b\n2,1.4,c\n")
    p = run.provenance
    assert (p.rows_read, p.columns_read, p.rows_kept, p.columns_kept) == (3, 3, 2, 2)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("run-exp1_val-tag-accuracy.csv", "full_valid_mean_token_accuracy"),
        ("run-exp1_train-tag-accuracy.csv", "train_mean_token_accuracy"),
        ("run-train-tag-val_loss.csv", "full_valid_loss"),
        ("run-latest-tag-reward.csv", "reward"),
    ],
)
def test_a_download_of_tensorboard_is_named_by_its_file(tmp_path: Path, name: str, metric: str) -> None:
    """The tag says what was measured; the run, where it ends so, on which data."""
    rows = "".join(f"{1700000000 + k}.5,{k},{loss(k) / 4}\n" for k in range(10))
    (run,) = read(tmp_path, name, f"Wall time,Step,Value\n{rows}")
    assert list(run.metrics) == [metric]


def test_an_openai_job_synced_to_wandb_validates_on_minibatches(tmp_path: Path) -> None:
    """Its names mean what they mean in the results file of the same job."""
    header = "_step,_runtime,_timestamp,elapsed_tokens,elapsed_examples,training_loss,validation_loss\n"
    rows = "".join(f"{k},{k}.0,{1700000000 + k},{300 * k},{2 * k},{loss(k)},{loss(k)}\n" for k in range(1, 9))
    (run,) = read(tmp_path, "job.csv", header + rows)
    assert {"train_loss", "valid_loss"} <= set(run.metrics)
    assert "full_valid_loss" not in run.metrics


def test_how_long_a_run_took_is_no_setting(tmp_path: Path) -> None:
    rows = [{"step": k, "loss": loss(k)} for k in range(1, 9)]
    (run,) = read(tmp_path, "log.jsonl", lines(*rows, {**rows[-1], "step": 9, "elapsed_time": "4m 52s", "opt": "lion"}))
    assert [key for key in run.config if is_setting(key, [run.config[key]])] == ["opt"]
