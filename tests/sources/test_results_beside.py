"""Results that stand among settings: they are no settings, and no run to come is told to use them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from analysis.sources import load_runs
from analysis.sources._results import without_results

RESULTS = {
    **{"train_runtime": 2883.6, "train_samples_per_second": 0.3, "train_steps_per_second": 0.01, "total_flos": 0.0},
    **{"train_loss": 0.06, "epoch": 1.98, "eval_loss": 0.5, "eval_accuracy": 0.9, "eval_runtime": 3.2, "loss": 0.1},
    **{
        "best_val_acc": 0.7,
        "final_loss": 0.2,
        "test_f1": 0.4,
        "best_metric": 0.4,
        "eval_rouge1": 0.3,
        "val_map_50": 0.2,
    },
    **{"peak_memory_gb": 11.5, "max_memory_allocated": 9e9, "elapsed_time": 60, "training_time_seconds": 60},
}
SETTINGS = {
    **{
        "learning_rate": 5e-5,
        "epochs": 2,
        "num_train_epochs": 2,
        "beta": 0.1,
        "seed": 1,
        "eval_steps": 50,
        "precision": 16,
    },
    **{
        "max_steps": 100,
        "eval_batch_size": 8,
        "train_batch_size": 8,
        "box": 7.5,
        "cls": 0.5,
        "iou": 0.7,
        "loss_weight": 2,
    },
    **{
        "loss_scale": 128,
        "reward_threshold": 200,
        "test_size": 0.2,
        "val_split": 0.1,
        "target_kl": 0.01,
        "kl_coef": 0.1,
    },
    **{
        "max_runtime": 60,
        "score_threshold": 0.5,
        "train_fraction": 0.5,
        "validation_steps": 9,
        "metric": 1,
        "margin": 0.2,
    },
    **{
        "best_of": 4,
        "final_div_factor": 1e4,
        "last_layer_dropout": 0.1,
        "label_smoothing": 0.1,
        "prediction_loss_only": False,
    },
}


@pytest.mark.parametrize("place", ["", "metrics.", "training/results/", "eval_results."])
def test_results_are_told_by_their_names_at_the_top_and_in_sections_of_their_own(place: str) -> None:
    """Wherever a script put them; what is known as a setting stays even there."""
    config = {**SETTINGS, **{f"{place}{name}": value for name, value in RESULTS.items()}}
    kept, results = without_results(config)
    assert (kept, results) == (SETTINGS, [f"{place}{name}" for name in RESULTS])
    assert without_results({f"{place}learning_rate": 1e-3, f"{place}val_loss": 1})[0] == {f"{place}learning_rate": 1e-3}


def test_settings_alone_stay_whatever_they_are_called() -> None:
    """A number called after a loss or an epoch is a result only beside one that is known for one."""
    alone = {**SETTINGS, "loss": 2, "epoch": 3, "step": 10, "score": 1, "metrics.top_k": 5, "summary.depth": 3}
    assert without_results(alone) == (alone, [])
    texts = {"metrics.accuracy": "torchmetrics.Accuracy", "eval_loss": "mse", "results.save_metrics": True}
    assert without_results(texts) == (texts, [])


def test_a_summary_beside_a_trainer_gives_its_settings_alone(tmp_path: Path) -> None:
    """A script's own file of both: the settings count, the results are named and left out."""
    folder = tmp_path / "dpo"
    folder.mkdir()
    rows = [{"step": s, "loss": 1 / s, "rewards/margins": 0.1 * s} for s in range(1, 9)]
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": rows}))
    summary = {"beta": 0.1, "learning_rate": 5e-5, "epochs": 2, "metrics": {"train_runtime": 9.5, "train_loss": 0.1}}
    (folder / "final_summary.json").write_text(json.dumps(summary))
    (run,) = load_runs([str(folder)], runs_dir=tmp_path)
    assert dict(run.config) == {"beta": 0.1, "learning_rate": 5e-5, "epochs": 2}
    assert any("metrics.train_runtime, metrics.train_loss" in note for note in run.notes)


def test_what_a_user_writes_in_a_sidecar_is_kept(tmp_path: Path) -> None:
    """Nobody is contradicted: the rule is for files that tools and scripts leave."""
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["step", "train_loss"], [1, 0.5], [2, 0.4]])
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"config": {"final_loss": 0.4, "batch_size": 8}}))
    (run,) = load_runs(["a"], runs_dir=tmp_path)
    assert dict(run.config) == {"final_loss": 0.4, "batch_size": 8}
