"""Logs that other tools wrote, by kind of structure: each reads as its own parser shows it.

What lies in ``tests/tool_logs`` was written by XGBoost 3.2, LightGBM 4.7, CatBoost 1.2.10, Sacred 0.8.7, Optuna 5.0 and
Trackio 0.43, from seeded trainings of a few rounds; databases as their SQL. The others are written here, in the form
that the tools document.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.errors import LogError
from analysis.core.metrics import metric
from analysis.core.run import Run
from analysis.sources import load_runs

TOOLS = Path(__file__).parents[1] / "tool_logs"


def read(path: Path) -> list[Run]:
    return list(load_runs([str(path)], runs_dir="none"))


def only(path: Path) -> Run:
    (run,) = read(path)
    return run


def values(run: Run, own: str) -> list[float]:
    """Values of a metric by the log's own name."""
    return run.series(run.metric_named(own) or "").tolist()


def table(path: Path, *, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines(), delimiter=delimiter))


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def loss(step: float) -> float:
    return round(1 + 2 * math.exp(-step / 10), 5)


@pytest.mark.parametrize(
    "file",
    ["xgboost/evals_result.json", "xgboost/sklearn_evals.json", "lightgbm/evals.json", "catboost/evals_result.json"],
)
def test_results_of_boosting_are_nested_by_set_and_metric(file: str) -> None:
    run = only(TOOLS / file)
    for part, metrics in json.loads((TOOLS / file).read_text()).items():
        for name, curve in metrics.items():
            assert values(run, f"{part}/{name}") == curve
    assert run.provenance.dropped == ()


def test_of_several_sets_of_xgboost_the_last_decides() -> None:
    """As for its early stopping; the first is often the training data."""
    assert only(TOOLS / "xgboost/sklearn_evals.json").best_metric == "validation_1/rmse"


def test_the_spread_of_a_cross_validation_is_no_loss() -> None:
    run = only(TOOLS / "lightgbm/cv.json")
    assert metric("valid binary_logloss-stdv").direction == "none"
    assert metric(str(run.metric_named("valid binary_logloss-mean"))).direction == "lower"


@pytest.mark.parametrize(("file", "part"), [("learn_error.tsv", "train"), ("test_error.tsv", "test")])
def test_a_file_called_after_its_data_is_of_that_data(file: str, part: str) -> None:
    path = TOOLS / "catboost/catboost_info" / file
    rows = table(path, delimiter="\t")
    run = only(path)
    for name in ("Logloss", "AUC", "Accuracy"):
        assert values(run, f"{part}/{name}") == [float(row[name]) for row in rows]
    assert metric(str(run.metric_named(f"{part}/Accuracy"))).validates == (part == "test")


def test_all_sets_of_catboost_are_read_from_its_event_files() -> None:
    run = only(TOOLS / "catboost/two_sets")
    assert {"learn/RMSE", "test/RMSE:0", "test1/RMSE"} <= set(run.metrics)
    assert metric("test1/RMSE").validates


def test_an_accuracy_that_stands_still_beside_a_loss_that_moves_is_measured_on_each_row() -> None:
    run = only(TOOLS / "catboost/catboost_info")
    assert run.series("test/Accuracy").size == run.series("test/Logloss").size == 25


def test_a_run_of_sacred_has_its_folder_s_name_and_its_configuration() -> None:
    run = only(TOOLS / "sacred/1")
    series = json.loads((TOOLS / "sacred/1/metrics.json").read_text())
    assert run.id == "1"
    assert (run.config["lr"], run.config["opt.momentum"]) == (0.1, 0.9)
    for name, own in series.items():
        assert values(run, name) == own["values"]
        assert run.steps_of(str(run.metric_named(name))).tolist() == own["steps"]
    assert "timestamp" in run.frame


def database(folder: Path, name: str) -> Path:
    path = folder / f"{Path(name).stem}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((TOOLS / name).read_text())
    return path


def test_a_study_of_optuna_is_a_sweep(tmp_path: Path) -> None:
    """A run a trial, with its parameters and what it reported; better is what the study says."""
    path = database(tmp_path, "optuna/study.sql")
    with closing(sqlite3.connect(path)) as connection:
        about = "SELECT t.trial_id, s.study_name, t.number FROM trials t JOIN studies s USING (study_id)"
        trials = connection.execute(about).fetchall()
        final = dict(connection.execute("SELECT trial_id, value FROM trial_values WHERE objective = 0").fetchall())
        rates = dict(connection.execute("SELECT trial_id, param_value FROM trial_params WHERE param_name = 'lr'"))
    runs = {run.id: run for run in read(path)}
    for trial, study, number in trials:
        run = runs[f"{study}_trial_{number}"]
        if study == "lr-sweep":
            assert run.metrics == ("value [lower]",)
            assert run.config["lr"] == rates[trial]
            assert run.config["opt"] in ("sgd", "adam")
            assert isinstance(run.config["width"], int)
            assert final.get(trial, run.series("value [lower]")[-1]) == run.series("value [lower]")[-1]
        else:
            assert run.metrics == ("value_0 [lower]", "value_1 [higher]")
    assert metric("value_1 [higher]").direction == "higher"
    assert sum(len(run.frame) for run in runs.values() if run.id.startswith("lr")) > 100  # what was reported on the way


def test_a_table_of_trials_is_a_list_of_runs() -> None:
    rows = table(TOOLS / "optuna/trials.csv")
    runs = read(TOOLS / "optuna/trials.csv")
    assert [run.series("value").tolist() for run in runs] == [[float(row["value"])] for row in rows if row["value"]]
    assert set(runs[0].config) == {"lr", "width", "opt", "user_attrs_note"}


def test_each_run_of_trackio_is_a_run(tmp_path: Path) -> None:
    path = database(tmp_path, "trackio/demo.sql")
    for reference in (path, tmp_path):
        first, second = read(reference)
        assert (first.id, first.config["lr"]) == ("run-0.1", 0.1)
        assert second.series("train_loss").size == 40
        assert second.steps_of("full_valid_loss").tolist() == [9, 19, 29, 39]


def test_a_database_of_nothing_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE metrics (x)")
    with pytest.raises(LogError, match="no source knows"):
        read(path)


def ray_rows(rate: float) -> list[dict[str, Any]]:
    beside = {"done": False, "trial_id": "a_0", "date": "2026-01-01", "pid": 4711, "config": {"lr": rate, "width": 8}}
    return [{"loss": loss(k), "training_iteration": k, "time_total_s": 1.5 * k, **beside} for k in range(1, 21)]


def test_a_trial_of_ray_has_its_configuration_from_its_rows(tmp_path: Path) -> None:
    rows = ray_rows(0.1)
    flat = [{**{k: v for k, v in row.items() if k != "config"}, "config/lr": 0.1, "config/width": 8} for row in rows]
    written(tmp_path / "trial_0" / "result.json", lines(*rows))
    with (tmp_path / "trial_0" / "progress.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(flat[0]))
        table.writeheader()
        table.writerows(flat)
    for name in ("result.json", "progress.csv"):
        run = only(tmp_path / "trial_0" / name)
        assert run.id == "trial_0"
        assert {key: run.config[key] for key in ("lr", "width")} == {"lr": 0.1, "width": 8}
        assert run.series("train_loss").tolist() == [row["loss"] for row in rows]
        assert not {"config/lr", "done"} & set(run.metrics)


def test_evaluations_of_stable_baselines_are_means_over_episodes(tmp_path: Path) -> None:
    results = np.random.default_rng(0).normal(size=(10, 5))
    arrays: dict[str, Any] = {"timesteps": np.arange(1, 11) * 1000, "results": results, "ep_lengths": results + 200}
    np.savez(tmp_path / "evaluations.npz", **arrays, successes=results > 0)
    run = only(tmp_path / "evaluations.npz")
    assert run.series("eval_reward").tolist() == results.mean(axis=1).tolist()
    assert run.steps_of("eval_success_rate").tolist() == arrays["timesteps"].tolist()


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "evaluations.npz", timesteps=np.arange(2), results=np.array([{}, 1], dtype=object))
    with pytest.raises(LogError, match=r"evaluations\.npz: not the evaluations"):
        read(tmp_path / "evaluations.npz")


def test_a_history_of_skorch_validates_once_an_epoch(tmp_path: Path) -> None:
    rows = [
        {"batches": [{"train_loss": 9.0}], "epoch": e, "train_loss": loss(e), "valid_loss": loss(e) + 1}
        | {"train_loss_best": True, "valid_loss_best": e < 5}
        for e in range(1, 11)
    ]
    run = only(written(tmp_path / "net" / "history.json", json.dumps(rows)))
    assert run.id == "net"
    assert run.metrics == ("train_loss", "full_valid_loss")
    assert run.series("full_valid_loss").tolist() == [loss(e) + 1 for e in range(1, 11)]
    assert dict(run.config) == {}


def test_a_log_of_chainer_is_json_whatever_it_is_called(tmp_path: Path) -> None:
    """Line by line it would lose a row and put each loss at the iteration before."""
    rows = [{"main/loss": loss(e), "validation/main/loss": loss(e) + 1, "iteration": 600 * e} for e in range(1, 11)]
    run = only(written(tmp_path / "log", json.dumps(rows, indent=4)))
    assert dict(zip(run.steps_of("train_loss"), run.series("train_loss"), strict=True)) == {
        600 * e: loss(e) for e in range(1, 11)
    }
    assert run.series("full_valid_loss").size == 10


@pytest.mark.parametrize("cut", [0.4, 0.7, 0.95])
def test_json_that_is_cut_off_is_not_read_as_printed_lines(tmp_path: Path, cut: float) -> None:
    text = json.dumps([{"loss": loss(e), "iteration": 600 * e} for e in range(1, 40)], indent=4)
    with pytest.raises(LogError, match="not valid JSON"):
        read(written(tmp_path / "log", text[: int(cut * len(text))]))


MMENGINE = [
    {"lr": 0.01, "data_time": 0.1, "loss": loss(k), "time": 0.3, "epoch": k // 4 + 1, "iter": 50 * (k + 1)}
    | {"step": 50 * (k + 1)}
    for k in range(20)
]


def test_what_an_evaluation_of_mmengine_has_beside_its_metrics_is_its_own(tmp_path: Path) -> None:
    rows: list[object] = []
    for k, row in enumerate(MMENGINE):
        rows.append(row)
        if k % 4 == 3:
            rows.append({"coco/bbox_mAP": k / 100, "data_time": 0.2, "time": 0.9, "step": k // 4 + 1})
    run = only(written(tmp_path / "vis_data" / "scalars.json", lines(*rows)))
    assert run.provenance.dropped == ()
    assert run.seams == ()
    assert run.series("time").tolist() == [0.3] * 20
    assert run.series("val_time").tolist() == [0.9] * 5
    assert run.steps_of("map50_95").tolist() == [200, 400, 600, 800, 1000]


def test_a_printed_log_of_mmengine_counts_evaluations_apart(tmp_path: Path) -> None:
    head = "2026/01/01 10:00:00 - mmengine - INFO - "
    text = ""
    for e in range(1, 4):
        for i in (50, 100):
            text += f"{head}Epoch(train)  [{e}][{i:4d}/100]  lr: 1.0e-02  eta: 0:10:00  loss: {loss(e + i):.4f}\n"
        text += f"{head}Epoch(val) [{e}][63/63]    coco/bbox_mAP: {e / 10:.4f}  time: 0.1000\n"
    run = only(written(tmp_path / "20260101.log", text))
    assert run.steps_of("train_loss").tolist() == [50, 100, 150, 200, 250, 300]
    assert run.steps_of("map50_95").tolist() == [100, 200, 300]
    assert run.series("learning_rate").tolist() == [0.01] * 6  # no date, though it has a dash in the fifth place


def test_the_results_under_lines_of_an_evaluation_are_the_evaluation_s(tmp_path: Path) -> None:
    """As PyTorch's ImageNet example prints them: the training has an Acc@1 of its own."""
    text = ""
    for e in range(3):
        text += f"Epoch: [{e}][ 1/90]\tLoss 6.{e} (6.{e})\tAcc@1 1{e}.0 ( 9.0)\n"
        text += f"Epoch: [{e}][51/90]\tLoss 5.{e} (5.{e})\tAcc@1 2{e}.0 ( 9.0)\n"
        text += f"Test: [ 1/10]\tLoss 4.{e} (4.{e})\tAcc@1 3{e}.0 ( 9.0)\n"
        text += f" *   Acc@1 4{e}.0 Acc@5 5{e}.0\n"
    run = only(written(tmp_path / "out.log", text))
    assert run.series("Acc@1").tolist() == [10, 20, 11, 21, 12, 22]
    assert run.series("test_Acc@1").tolist() == [40, 41, 42]
    assert run.steps_of("test_Acc@5").tolist() == [51, 141, 231]


def test_steps_of_minus_one_end_an_epoch(tmp_path: Path) -> None:
    """As sentence-transformers marks an evaluation at the end of an epoch."""
    rows = "".join(f"{e},{s},0.{e}{k}\n" for e in range(4) for k, s in enumerate((100, 200, -1)))
    run = only(written(tmp_path / "eval_results.csv", f"epoch,steps,cosine_spearman\n{rows}"))
    assert run.steps.tolist() == list(range(100, 1300, 100))
    assert run.series("val/cosine_spearman").tolist()[:4] == [0.0, 0.01, 0.02, 0.1]


def test_series_with_their_steps_are_read_wherever_they_are_nested(tmp_path: Path) -> None:
    """As ClearML returns its scalars; what it measures at the machine is left out."""
    train = {"name": "train", "x": list(range(10)), "y": [loss(k) for k in range(10)]}
    val = {"name": "val", "x": [0, 5], "y": [3.0, 2.0]}
    machine = {":monitor:gpu": {"util": {"x": [0, 3600], "y": [1, 2]}}}
    nested = only(written(tmp_path / "a.json", json.dumps({"loss": {"train": train, "val": val}, **machine})))
    listed = only(written(tmp_path / "b.json", json.dumps([train, val])))
    for run in (nested, listed):
        assert run.series("train_loss").tolist() == train["y"]
        assert run.steps_of("full_valid_loss").tolist() == [0, 5]
        assert len(run.frame) == 10


def test_a_series_with_fewer_values_than_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"'loss' has 3 steps and 2 values"):
        read(written(tmp_path / "a.json", json.dumps({"loss": {"steps": [1, 2, 3], "values": [1.0, 2.0]}})))


def test_a_long_table_may_name_run_metric_and_data(tmp_path: Path) -> None:
    """As Aim's data frames do."""
    text = "run.hash,metric.name,metric.context.subset,idx,step,value\n"
    for run, more in (("a1", 0), ("b2", 1)):
        for name, part in (("loss", "train"), ("loss", "val")):
            text += "".join(f"{run},{name},{part},{k},{10 * k},{loss(k) + more}\n" for k in range(8))
    first, second = read(written(tmp_path / "metrics.csv", text))
    assert (first.id, second.id) == ("a1", "b2")
    assert second.series("train_loss").tolist() == [loss(k) + 1 for k in range(8)]
    assert second.steps_of("full_valid_loss").tolist() == list(range(0, 80, 10))
    assert second.provenance.dropped == ()
    assert second.seams == ()


def test_what_has_no_step_in_a_long_table_is_a_setting(tmp_path: Path) -> None:
    """As in the Parquet files of the exporter of Neptune."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    names = ("run_id", "attribute_path", "attribute_type", "step", "float_value", "int_value", "string_value")
    rows = [("R-1", "config/lr", "float", None, 0.1, None, None), ("R-1", "config/epochs", "int", None, None, 3, None)]
    rows += [("R-1", "sys/name", "string", None, None, None, "a name")]
    rows += [("R-1", "train/loss", "float_series", 10.0 * k, loss(k), None, None) for k in range(20)]
    rows += [("R-1", "eval/loss", "float_series", 10.0 * k, loss(k) + 1, None, None) for k in range(0, 20, 5)]
    pq.write_table(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows]), tmp_path / "p.parquet")
    run = only(tmp_path / "p.parquet")
    assert run.series("train_loss").tolist() == [loss(k) for k in range(20)]
    assert run.steps_of("full_valid_loss").tolist() == [0, 50, 100, 150]
    assert {key: run.config[key] for key in ("lr", "epochs", "sys/name")} == {
        "lr": 0.1,
        "epochs": 3,
        "sys/name": "a name",
    }


def test_settings_on_the_first_line_are_settings(tmp_path: Path) -> None:
    rows = [{"lr": 0.1, "model": "tiny"}, *({"step": k, "loss": loss(k)} for k in range(1, 9))]
    run = only(written(tmp_path / "log.jsonl", lines(*rows)))
    assert dict(run.config) == {"lr": 0.1, "model": "tiny"}
    assert len(run.frame) == 8


def test_an_evaluation_before_the_first_step_is_no_setting(tmp_path: Path) -> None:
    rows = [{"val_loss": 3.5}, *({"step": k, "loss": loss(k), "val_loss": loss(k)} for k in range(1, 9))]
    run = only(written(tmp_path / "log.jsonl", lines(*rows)))
    assert dict(run.config) == {}


def test_a_flag_is_no_metric_but_a_success_is(tmp_path: Path) -> None:
    rows = [{"step": k, "loss": loss(k), "clipped": k % 2 == 0, "success": k > 4} for k in range(1, 9)]
    run = only(written(tmp_path / "log.jsonl", lines(*rows)))
    assert run.metrics == ("train_loss", "success")
    assert run.series("success").tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert "text columns left out: clipped (8 values)" in run.notes


def test_the_time_of_a_metric_is_no_metric(tmp_path: Path) -> None:
    """As in the tables of SwanLab."""
    rows = "".join(f"{k},{loss(k)},{1700000000 + k}\n" for k in range(8))
    run = only(written(tmp_path / "log.csv", f"step,train/loss,train/loss_timestamp\n{rows}"))
    assert run.metrics == ("train_loss",)
    assert "'train/loss_timestamp' is when 'train/loss' was logged" in run.notes


def test_a_monitor_may_have_more_columns(tmp_path: Path) -> None:
    """What an environment says of each episode is kept."""
    rows = "".join(f"{k}.5,{10},{k}.0,{k / 10}\n" for k in range(1, 6))
    run = only(written(tmp_path / "0.monitor.csv", f'#{{"t_start": 1700000000.0}}\nr,l,t,is_success\n{rows}'))
    assert run.series("is_success").tolist() == [k / 10 for k in range(1, 6)]
    assert "'t': its time" in run.notes[0]


def test_printed_decimal_commas_are_read_and_what_may_be_thousands_is_not(tmp_path: Path) -> None:
    text = "".join(f"step {k}: loss {loss(k):.5f} tokens {k},000\n".replace(".", ",") for k in range(1, 9))
    run = only(written(tmp_path / "a.log", text))
    assert run.series("train_loss").tolist() == [loss(k) for k in range(1, 9)]
    unclear = "".join(f"step {k}: loss {1 + k / 8:.3f} accuracy 1\n".replace(".", ",") for k in range(1, 9))
    other = only(written(tmp_path / "b.log", unclear))
    assert other.metrics == ("train_mean_token_accuracy",)
    (lost,) = other.provenance.dropped
    assert (lost.column, lost.count) == ("loss", 8)


def test_rounds_stand_in_brackets_behind_what_a_logger_prints(tmp_path: Path) -> None:
    text = "".join(f"2024-05-01 10:00:00,123 - INFO - [{k}]\ttrain-rmse:{loss(k)}\n" for k in range(8))
    assert only(written(tmp_path / "a.log", text)).steps.tolist() == list(range(8))


def test_heads_of_columns_may_be_short(tmp_path: Path) -> None:
    """As spaCy prints them."""
    rows = "".join(f"  {k // 4}     {k * 200:4d}     {loss(k):6.2f}    0.{k}\n" for k in range(1, 9))
    run = only(written(tmp_path / "a.log", f"E    #       LOSS NER  SCORE\n---  ------  --------  -----\n{rows}"))
    assert run.steps.tolist() == list(range(200, 1800, 200))
    assert run.series("SCORE").size == 8


def clearml_session(folder: Path) -> None:
    """Write an offline session as ClearML 2.0 does: a list of events a line."""

    def event(metric: str, variant: str, step: int, value: float) -> dict[str, object]:
        return {"type": "training_stats_scalar", "iter": step, "metric": metric, "variant": variant, "value": value}

    rows = [
        [event("loss", "train", 10 * e, loss(e)), event("loss", "validation", 10 * e, loss(e) + 1)] for e in range(6)
    ]
    rows.append([event(":monitor:gpu", "gpu_0", 3, 99.0), event("Summary", "final", -(2**31), 0.5), {"type": "plot"}])
    about = {"name": "my run", "hyperparams": {"General": {"lr": {"name": "lr", "type": "float", "value": "0.01"}}}}
    written(folder / "metrics.jsonl", lines(*rows))
    written(folder / "task.json", json.dumps(about))


@pytest.mark.parametrize("packed", [False, True])
def test_an_offline_session_of_clearml_is_a_run(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "offline-1"
    clearml_session(path)
    if packed:
        path = Path(shutil.make_archive(str(tmp_path / "session"), "zip", path))
    run = only(path)
    assert (run.id, run.label) == ("session" if packed else "offline-1", "my run")
    assert dict(run.config) == {"lr": 0.01}
    assert run.series("train_loss").tolist() == [loss(e) for e in range(6)]
    assert run.steps_of("full_valid_loss").tolist() == [0, 10, 20, 30, 40, 50]
    assert {(lost.column, lost.count) for lost in run.provenance.dropped} == {(":monitor:", 1), ("single values", 1)}


def test_a_run_of_wandb_without_history_is_read_from_what_it_printed(tmp_path: Path) -> None:
    files = tmp_path / "wandb" / "run-20240101_100000-abc123" / "files"
    written(files / "output.log", "".join(f"epoch {e} loss {loss(e)}\n" for e in range(1, 7)))
    written(files / "config.yaml", "wandb_version: 1\nlr:\n  desc: null\n  value: 0.01\n")
    written(files / "wandb-metadata.json", "{}")
    for place in (files.parent, tmp_path):
        run = only(place)
        assert (run.id, dict(run.config)) == ("abc123", {"lr": 0.01})
        assert run.series("train_loss").tolist() == [loss(e) for e in range(1, 7)]


def test_the_store_of_aim_is_named_with_the_command_that_exports_it(tmp_path: Path) -> None:
    written(tmp_path / ".aim" / "run_metadata.sqlite", "")
    with pytest.raises(LogError, match=r"Aim's store.*python -c .*to_csv"):
        read(tmp_path)


def test_a_file_for_each_epoch_is_a_row(tmp_path: Path) -> None:
    """As AllenNLP leaves them; ten comes after nine."""
    for e in range(12):
        row = {"epoch": e, "training_loss": loss(e), "validation_loss": loss(e) + 1, "training_duration": "0:00:10"}
        written(tmp_path / "out" / f"metrics_epoch_{e}.json", json.dumps(row))
    written(tmp_path / "out" / "config.json", "{}")
    run = only(tmp_path / "out")
    assert (run.id, run.provenance.rows_read) == ("out", 12)
    assert run.series("train_loss").tolist() == [loss(e) for e in range(12)]
    assert run.steps_of("full_valid_loss").tolist() == list(range(12))


def test_numbered_files_that_count_no_epoch_are_no_rows(tmp_path: Path) -> None:
    for seed in range(3):
        written(tmp_path / f"seed_{seed}.json", json.dumps({"val_loss": loss(seed)}))
    with pytest.raises(LogError):
        read(tmp_path)
