"""What people write beside a log: sidecar YAML and the fine-tuning job's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.core.errors import LogError
from analysis.core.run import Data, Run
from analysis.sources import resolve

LOG = "step,train_loss\n1,0.5\n2,0.4\n"


def run_with(folder: Path, sidecar: str | dict[str, Any] | None, name: str = "run_1") -> Run:
    """Write a log and what stands beside it, and load the run."""
    (folder / f"{name}.csv").write_text(LOG, encoding="utf-8")
    if isinstance(sidecar, dict):
        (folder / f"{name}.json").write_text(json.dumps(sidecar), encoding="utf-8")
    elif sidecar is not None:
        (folder / f"{name}.yaml").write_text(sidecar, encoding="utf-8")
    (run,) = resolve(name, runs_dir=folder)
    return run


def test_a_run_without_a_sidecar_knows_nothing_it_was_not_told(tmp_path: Path) -> None:
    """No configuration, no parent, no data sizes: unknown, not a default."""
    run = run_with(tmp_path, None)
    assert (run.id, run.label, run.name, dict(run.config), run.data) == ("run_1", None, None, {}, Data())
    assert (run.parent, run.parent_known, run.expected_steps, run.goal, run.group) == (None, False, None, None, None)


def test_every_known_key_arrives_and_unknown_ones_are_kept(tmp_path: Path) -> None:
    """Nothing a person wrote gets lost."""
    run = run_with(
        tmp_path,
        """
label: Optimized
name: balanced
config: {learning_rate: 1e-5, n_epochs: 2, seed: 42, nested: {depth: 3}}
data: {n_train: 100, n_valid: 20, validation_set: v1, training_set: t1, note: shuffled}
expected_steps: 560
parent: run_0
goal: better
group: seeds
reviewer: nobody
""",
    )
    assert (run.label, run.name, run.parent, run.parent_known) == ("Optimized", "balanced", "run_0", True)
    assert dict(run.config) == {"learning_rate": 1e-5, "n_epochs": 2, "seed": 42, "nested.depth": 3}
    assert run.data == Data(n_train=100, n_valid=20, validation_set="v1", training_set="t1")
    assert (run.expected_steps, run.goal, run.group) == (560, "better", "seeds")
    assert dict(run.extra) == {"reviewer": "nobody", "data.note": "shuffled"}


def test_parent_null_means_a_base_model_and_no_parent_means_unknown(tmp_path: Path) -> None:
    """The two must stay apart: comparability depends on it."""
    told, untold = run_with(tmp_path, "parent: null\n", "told"), run_with(tmp_path, "label: x\n", "untold")
    assert (told.parent, told.parent_known) == (None, True)
    assert (untold.parent, untold.parent_known) == (None, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label: a\nconfig:\n  x: 1\nexpected_steps: many\n", "run_1.yaml:4: 'expected_steps' must be a whole number"),
        ("label: 3\n", "run_1.yaml:1: 'label' must be text"),
        ("\nconfig: [1, 2]\n", "run_1.yaml:2: 'config' must be a mapping"),
        ("data:\n  n_valid: 3\n  n_train: 2.5\n", "run_1.yaml:3: 'data.n_train' must be a whole number"),
        ("parent: [a]\n", "run_1.yaml:1: 'parent' must be text"),
        ("expected_steps: true\n", "run_1.yaml:1: 'expected_steps' must be a whole number"),
        ("label: a\nlabel: b\n", "run_1.yaml:2: 'label' is given twice, first in line 1"),
        ("label: [a\n", "run_1.yaml:2: not valid YAML"),
        ("- a\n- b\n", "run_1.yaml:1: a sidecar is a mapping of keys"),
        ("columns: {train_loss: 3}\n", "run_1.yaml:1: 'columns' must be a mapping"),
    ],
)
def test_a_wrong_sidecar_is_an_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """A known key of the wrong type never passes in silence, and the message says where it stands."""
    with pytest.raises(LogError) as caught:
        run_with(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_object_in_yaml_is_read_as_plain_data_and_never_run(tmp_path: Path) -> None:
    """Python tags are an attack or a habit of some tools; neither executes anything here."""
    target = tmp_path / "owned"
    run = run_with(tmp_path, f"config: {{a: !!python/object/apply:os.mkdir ['{target}'], b: 1}}\n")
    assert not target.exists()
    assert run.config["b"] == 1


def test_a_bomb_of_aliases_is_harmless(tmp_path: Path) -> None:
    """Nested aliases that stand for a billion values are refused before anything walks through them."""
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
    for text in (f"l0: &l0 [x]\n{levels}", "config: &a {b: *a}\n"):
        with pytest.raises(LogError, match="stand for more than 100,000 values"):
            run_with(tmp_path, text)


def test_a_column_mapping_in_the_sidecar_names_the_metrics(tmp_path: Path) -> None:
    """A log of nobody's layout becomes readable by four words beside it."""
    (tmp_path / "run_1.csv").write_text("it,a,b\n10,0.5,1\n20,0.25,2\n", encoding="utf-8")
    (tmp_path / "run_1.yaml").write_text("columns: {step: it, train_loss: a}\n", encoding="utf-8")
    (run,) = resolve("run_1", runs_dir=tmp_path)
    assert list(run.steps) == [10, 20]
    assert run.series("train_loss").tolist() == [0.5, 0.25]
    assert run.series("b").tolist() == [1.0, 2.0]


JOB: dict[str, Any] = {
    "object": "fine_tuning.job",
    "id": "ftjob-abc123",
    "model": "gpt-4o-mini-2024-07-18",
    "created_at": 1721764800,
    "fine_tuned_model": "ft:gpt-4o-mini-2024-07-18:org::x1",
    "training_file": "file-train",
    "validation_file": "file-valid",
    "seed": 7,
    "hyperparameters": {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5},
    "integrations": [{"type": "wandb", "wandb": {"project": "p", "api_key": "very-secret-key"}}],
}


def test_the_job_as_the_api_returns_it_is_a_sidecar(tmp_path: Path) -> None:
    """Hyperparameters, seed and files come from the job; a base model is no parent."""
    run = run_with(tmp_path, JOB)
    settings = {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5}
    assert dict(run.config) == {**settings, "model": "gpt-4o-mini-2024-07-18", "seed": 7}
    assert (run.data.training_set, run.data.validation_set) == ("file-train", "file-valid")
    assert (run.parent, run.parent_known) == (None, True)
    assert "very-secret-key" not in repr(run)


@pytest.mark.parametrize(
    "model",
    [
        "ft:gpt-4o-mini:org::first",
        "gpt-4o-mini-2024-07-18.ft-0e208cf33a6a466994aff31a08aba678",
        "gpt-35-turbo-0613.ft-0e208cf33a6a466994aff31a08aba678-my-suffix",
    ],
    ids=["openai", "azure", "azure with a suffix"],
)
def test_nested_hyperparameters_and_a_fine_tuned_start_are_found(tmp_path: Path, model: str) -> None:
    """Newer jobs nest the settings under their method; a model that is fine-tuned already is the parent."""
    job = {key: value for key, value in JOB.items() if key != "hyperparameters"}
    job["method"] = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": "auto"}}}
    job["model"] = model
    run = run_with(tmp_path, job)
    assert (run.config["n_epochs"], run.config["batch_size"]) == (4, "auto")
    assert (run.parent, run.parent_known) == (model, True)


@pytest.mark.parametrize("model", ["gpt-4o-mini-2024-07-18", "gpt-35-turbo", "my.ft-model"])
def test_a_model_that_is_not_fine_tuned_is_a_base_model(tmp_path: Path, model: str) -> None:
    """A base model is known to have no parent."""
    run = run_with(tmp_path, {**JOB, "model": model})
    assert (run.parent, run.parent_known) == (None, True)


def test_yaml_wins_over_the_job(tmp_path: Path) -> None:
    """What a person wrote by hand corrects what the API said."""
    (tmp_path / "run_1.json").write_text(json.dumps(JOB), encoding="utf-8")
    run = run_with(tmp_path, "config: {batch_size: 16}\n")
    assert (run.config["batch_size"], run.config["n_epochs"]) == (16, 3)


def test_a_json_beside_that_is_no_job_is_not_a_sidecar(tmp_path: Path) -> None:
    """Tools leave many JSON files; only a job speaks for the run."""
    run = run_with(tmp_path, {"train": {"loss": 0.1}, "step": 8})
    assert dict(run.config) == {}


def test_a_sidecar_above_the_limit_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is measured before it is read into memory."""
    monkeypatch.setenv("RUN_REPORTS_MAX_CONFIG_KB", "1")
    with pytest.raises(LogError, match="set RUN_REPORTS_MAX_CONFIG_KB"):
        run_with(tmp_path, "label: " + "x" * 2000)
