"""One log as each tool writes it: values, settings, names and the oddities of the format."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from analysis.core.errors import LogError
from analysis.core.run import NOT_METRICS, Run
from analysis.publish.forked import run_forked
from analysis.sources import SOURCES, load_runs, resolve

DATA = Path(__file__).parents[1] / "data"
OWN = {
    *("openai csv", "hf trainer", "llama-factory", "lightning csv", "keras", "ultralytics", "stable-baselines3"),
    *("dvclive", "jsonl", "table"),
}


def only(reference: Path | str) -> Run:
    """Resolve a reference that leads to one run."""
    (run,) = resolve(str(reference), runs_dir=Path("no-such-folder"))
    return run


def sample_logs() -> list[Path]:
    """Return the logs in tests/data: what any source recognises, a folder's log in place of the folder."""
    files = [path for path in sorted(DATA.rglob("*")) if path.is_file()]
    return [path for path in files if any(source.recognises(path) for source in SOURCES)]


def test_every_text_source_has_a_sample() -> None:
    """The invariants below mean nothing for a source without a log."""
    assert {path.relative_to(DATA).parts[0] for path in sample_logs()} >= OWN


@pytest.mark.parametrize("path", sample_logs(), ids=lambda path: path.relative_to(DATA).as_posix())
def test_what_holds_for_every_log(path: Path) -> None:
    """Its own source reads it; steps rise; metrics are float64 without infinities; provenance is complete."""
    for run in resolve(str(path), runs_dir=Path("no-such-folder")):
        assert run.provenance.source == path.relative_to(DATA).parts[0]
        assert (np.diff(run.steps) > 0).all()
        assert run.metrics
        for name in run.frame.columns:
            if name not in NOT_METRICS:
                assert run.frame[name].dtype == np.float64
                assert not np.isinf(run.frame[name]).any()
        assert len(run.provenance.sha256) == 64
        assert run.provenance.size_bytes >= path.stat().st_size
        assert run.provenance.rows_read >= len(run.frame)
        assert run.id
        assert json.dumps(dict(run.config), allow_nan=False)


def test_trainer_state_merges_rows_and_keeps_the_summary_out() -> None:
    """Train and eval rows of a step are one row; the mean loss of the summary is not the last loss."""
    run = only(DATA / "hf trainer" / "sft")
    history = json.loads((DATA / "hf trainer" / "sft" / "trainer_state.json").read_text())["log_history"]
    losses = [row["loss"] for row in history if "loss" in row and math.isfinite(row["loss"])]
    assert run.series("train_loss").tolist() == losses
    assert run.nonfinite == {"train_loss": (8,)}
    assert run.steps_of("full_valid_loss").tolist() == [20, 40]
    assert run.frame.loc[run.frame["step"] == 20, "train_loss"].notna().all()
    assert any("summary row" in note for note in run.notes)
    assert (run.id, run.expected_steps) == ("sft", 40)
    assert (run.config["batch_size"], run.config["learning_rate"], run.config["model"]) == (8, 2e-5, "org/base-1b")
    assert run.config["hub_token"] == "[redacted]"


def test_a_folder_of_checkpoints_is_one_run_read_from_the_latest(tmp_path: Path) -> None:
    """A later checkpoint holds the earlier history; a checkpoint of another run beside it is another run."""
    source = DATA / "hf trainer" / "sft"
    for name in ("checkpoint-20", "checkpoint-40"):
        (tmp_path / "out" / name).mkdir(parents=True)
        text = (source / name / "trainer_state.json").read_text()
        (tmp_path / "out" / name / "trainer_state.json").write_text(text)
    run = only(f"hf:{tmp_path / 'out'}")
    assert (run.id, int(run.steps[-1])) == ("out", 40)
    other = json.loads(text)
    other["log_history"] = [{**row, "loss": 9.0} for row in other["log_history"] if row["step"] <= 12]
    (tmp_path / "out" / "checkpoint-12").mkdir()
    (tmp_path / "out" / "checkpoint-12" / "trainer_state.json").write_text(json.dumps(other))
    runs = load_runs([str(tmp_path / "out")], runs_dir=tmp_path)
    assert [run.id for run in runs] == ["out/checkpoint-12", "out/checkpoint-40"]


def test_trainer_state_as_transformers_itself_reads_it(tmp_path: Path) -> None:
    """The library's own class writes and reads back the oracle; DPO and GRPO names, two evaluation sets."""
    callback = pytest.importorskip("transformers.trainer_callback", reason="transformers is not installed")
    state = callback.TrainerState(max_steps=4, num_train_epochs=1)
    for step in range(1, 5):
        state.log_history.append(
            {"step": step, "loss": 1 / step, "rewards/margins": step / 2, "reward": step / 4, "kl": 0.1 * step}
        )
    for name in ("near", "far"):
        state.log_history.append({"step": 4, f"eval_{name}_loss": 0.5, f"eval_{name}_runtime": 1.0})
    path = tmp_path / "trainer_state.json"
    state.save_to_json(str(path))
    run = only(path)
    oracle = callback.TrainerState.load_from_json(str(path)).log_history
    for own, standard in (
        ("loss", "train_loss"),
        ("rewards/margins", "reward_margin"),
        ("reward", "reward"),
        ("kl", "kl"),
    ):
        assert run.series(standard).tolist() == [row[own] for row in oracle if own in row]
    assert {"eval_near_loss", "eval_far_loss"} <= set(run.metrics)
    assert "full_valid_loss" not in run.metrics


def test_a_single_named_evaluation_set_is_the_full_validation(tmp_path: Path) -> None:
    """With one set there is no doubt which loss is meant; its runtime is no loss."""
    rows = [{"step": s, "loss": 1.0, "eval_test_loss": 0.5, "eval_test_runtime": 3.0} for s in (1, 2)]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": rows}))
    run = only(tmp_path / "trainer_state.json")
    assert run.provenance.renamed["eval_test_loss"] == "full_valid_loss"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"log_history": [', "trainer_state.json:1: not valid JSON"),
        ('{"log_history": []}', "'log_history' has no step"),
        ('{"epoch": 1}', "no list 'log_history'"),
        (
            '{"log_history": [{"step": 1, "loss": 0.5}, {"step": 2, "loss": "bad"}]}',
            "'loss' must be a number, got 'bad'",
        ),
    ],
)
def test_a_damaged_trainer_state_gets_one_line(tmp_path: Path, text: str, message: str) -> None:
    """A file that a full disk cut off is an everyday thing."""
    path = tmp_path / "trainer_state.json"
    path.write_text(text)
    with pytest.raises(LogError) as caught:
        only(path)
    assert message in str(caught.value)


def test_llama_factory_reads_its_total_and_its_last_row_without_a_loss() -> None:
    """The closing row ends the run without inventing a loss; the plan and the settings come along."""
    run = only(DATA / "llama-factory" / "run_a")
    assert (run.id, run.expected_steps, int(run.steps[-1])) == ("run_a", 60, 60)
    assert run.series("train_loss").size == 5
    assert run.series("learning_rate").size == 5
    assert (run.config["learning_rate"], run.config["batch_size"]) == (1e-5, 16)


def test_two_writers_in_one_file_do_not_look_like_a_hundred_restarts(tmp_path: Path) -> None:
    """Processes that log in turns give one row a step; a real restart stays a seam."""
    rows = [{"current_steps": s, "total_steps": 200, "loss": s + w / 10} for s in range(1, 101) for w in (0, 1)]
    for place in range(1, len(rows) - 2, 4):
        rows[place], rows[place + 2] = rows[place + 2], rows[place]
    path = tmp_path / "trainer_log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = only(path)
    assert (run.seams, len(run.frame), run.provenance.rows_read) == ((), 100, 200)
    assert any("in turns" in note for note in run.notes)
    resumed = [{"current_steps": s, "total_steps": 9, "loss": 1.0} for s in (*range(1, 7), *range(4, 10))]
    path.write_text("".join(json.dumps(row) + "\n" for row in resumed))
    assert 4 in only(path).seams


def test_lightning_merges_its_rows_and_drops_its_placeholder() -> None:
    """The val row of a step joins its train row; hp_metric = -1 is no measurement; nested settings flatten."""
    run = only(DATA / "lightning csv" / "version_0")
    assert (run.id, run.metrics) == ("version_0", ("train_loss", "full_valid_loss"))
    assert run.steps.tolist() == [0, 9, 19, 29, 39, 49, 59]
    assert run.steps_of("full_valid_loss").tolist() == [19, 39, 59]
    assert dict(run.config) == {"lr": 0.001, "model.width": 32, "batch_size": 16}
    assert run.factor("batch_size") == 16


def test_lightning_takes_the_loss_a_step_over_the_mean_an_epoch() -> None:
    """A continued run starts at a high step; both losses are kept, one is train_loss."""
    run = only(DATA / "lightning csv" / "version_1")
    assert run.provenance.renamed["train_loss_step"] == "train_loss"
    assert run.steps_of("train_loss").tolist() == [1000, 1001, 1002, 1003, 1004]
    assert "train_loss_epoch" in run.metrics


def test_keras_counts_epochs_and_keeps_a_nan_as_such() -> None:
    """CSVLogger, history JSON and an indexed history are the same kind of log."""
    run = only(DATA / "keras" / "training.log")
    assert run.steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert run.frame["epoch"].tolist() == [0, 1, 2, 3, 4, 5]
    assert "full_valid_mean_token_accuracy" in run.metrics
    history = only(DATA / "keras" / "history.json")
    assert history.nonfinite == {"full_valid_loss": (1,)}
    indexed = only(DATA / "keras" / "history_indexed.csv")
    assert indexed.provenance.renamed["valid_loss"] == "full_valid_loss"


@pytest.mark.parametrize(("folder", "map50"), [("train", "metrics/mAP50(B)"), ("exp", "metrics/mAP_0.5")])
def test_ultralytics_reads_padded_headers_of_both_generations(folder: str, map50: str) -> None:
    """Names of v5 and v8 become the same; every value is that of the padded cell."""
    run = only(DATA / "ultralytics" / folder)
    with (DATA / "ultralytics" / folder / "results.csv").open(newline="") as stream:
        rows = [{k.strip(): float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
    assert run.series("map50").tolist() == [row[map50] for row in rows]
    assert {"map50", "map50_95", "precision", "recall"} <= set(run.metrics)
    assert run.factor("n_epochs") == len(rows)
    assert run.factor("learning_rate") == 0.01
    assert run.id == folder


def test_sb3_counts_timesteps_and_reads_settings_of_python_objects_as_data() -> None:
    """First rows lack columns; the tagged YAML gives its settings without anything being run."""
    run = only(DATA / "stable-baselines3" / "PPO_1")
    assert run.steps.tolist() == [2048 * k for k in range(1, 7)]
    assert run.series("reward").size == 6
    assert run.series("train_loss").size == 5
    assert dict(run.config) == {"n_envs": 8, "policy": "MlpPolicy", "learning_rate": 0.0003}


def test_sb3_monitor_counts_the_steps_of_its_episodes() -> None:
    """Steps are cumulated lengths; the clock starts where the comment line says."""
    run = only(DATA / "stable-baselines3" / "CartPole-v1_1" / "0.monitor.csv")
    assert run.steps.tolist() == [11, 58, 88]
    assert run.series("reward").tolist() == [11.0, 47.0, 30.0]
    assert run.config["env"] == "CartPole-v1"
    assert run.frame["timestamp"].iloc[0].timestamp() == pytest.approx(1614619328.25 + 0.78)


def test_dvclive_joins_its_metrics_by_step() -> None:
    """A metric is called after its place; the folder as DVCLive's own writer left it."""
    run = only(DATA / "dvclive" / "dvclive")
    assert run.metrics == ("full_valid_mean_token_accuracy", "full_valid_loss", "train_loss")
    assert run.steps_of("full_valid_loss").tolist() == [1, 3, 5]
    assert dict(run.config) == {"lr": 0.01, "batch_size": 8, "optimizer.name": "sgd"}


def test_dvclive_as_its_writer_logs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is logged through the library is what is read; it leaves a thread behind, so it has a process of its own."""
    dvclive = pytest.importorskip("dvclive", reason="dvclive is not installed")
    monkeypatch.chdir(tmp_path)
    values = [float(v) for v in np.random.default_rng(1).normal(size=20)]

    def write() -> None:
        with dvclive.Live(str(tmp_path / "live"), save_dvc_exp=False, report=None, dvcyaml=None) as live:
            live.log_params({"lr": 0.5})
            for value in values:
                live.log_metric("train/loss", value)
                live.next_step()

    run_forked(write)
    run = only(tmp_path / "live")
    assert run.series("train_loss").tolist() == values
    assert run.config["lr"] == 0.5


def test_jsonl_splits_runs_and_takes_settings_from_the_rows() -> None:
    """Each run name is a run; what never changes on its rows is its configuration."""
    small, large = resolve(str(DATA / "jsonl" / "sweep.jsonl"), runs_dir=Path("no-such-folder"))
    assert (small.id, large.id) == ("small", "large")
    assert dict(small.config) == {"optimizer": "adamw", "lr": 0.001, "batch_size": 8}
    assert large.factor("batch_size") == 32
    assert small.steps_of("full_valid_loss").tolist() == [0, 3, 6]
    assert str(small.frame["timestamp"].iloc[2]) == "2025-01-01 00:00:02+00:00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"step": 1, "loss": 0.5}\n{"step": 2, "loss"\n{"step": 3}\n', "a.jsonl:2: not a JSON object"),
        ('{"step": 1, "loss": 0.5}\n{}\n[1]\n', "a.jsonl:3: a row must be a JSON object"),
        ('{"step": 1, "loss": 0.5}\n\n{"step": 2, "loss": "x"}\n', "a.jsonl:3: 'loss' must be a number, got 'x'"),
        ('{"step": 1, "note": "x"}\n', "a.jsonl: no loss or other metric column"),
        ('{"step": 1.5, "loss": 1}\n', "a.jsonl: column 'step' must count in whole numbers, got 1.5"),
    ],
)
def test_bad_rows_are_named_by_their_line(tmp_path: Path, text: str, message: str) -> None:
    """The line is the file's, blank lines counted."""
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(LogError) as caught:
        only(path)
    assert message in str(caught.value)


def test_jsonl_with_a_cut_off_end_reads_to_there(tmp_path: Path) -> None:
    """A log that is being written ends in the middle of a line."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": NaN}\n{"step": 3, "lo')
    run = only(path)
    assert run.steps.tolist() == [1, 2]
    assert run.nonfinite == {"train_loss": (2,)}
    assert [d.reason for d in run.provenance.dropped] == ["the last line is cut off"]
