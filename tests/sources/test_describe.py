"""What the listing of runs says about a run before a report is made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from analysis.core.errors import AnalysisError
from analysis.sources import load_runs, resolve
from analysis.sources.describe import describe
from tests.sources.hints import follow

DATA = Path(__file__).parents[1] / "data"


def test_the_description_has_names_counts_and_what_to_write_where(tmp_path: Path) -> None:
    """Each metric with the log's own name; each lack with the words that mend it and the file they go into."""
    (tmp_path / "run_1.csv").write_text("iter,loss,val_loss\n1,0.5,\n2,nan,0.75\n3,0.25,\n3,0.2,\n")
    (tmp_path / "run_1.yaml").write_text("label: First\nconfig: {lr: 0.1}\n")
    (run,) = resolve("run_1", runs_dir=tmp_path)
    found = describe(run)
    assert (found.id, found.label, found.source) == ("run_1", "First", "table")
    assert (found.steps, found.first_step, found.last_step) == (3, 1, 3)
    assert found.metrics == (("train_loss", "loss", 2), ("full_valid_loss", "val_loss", 1))
    text = "\n".join(found.lines())
    assert "train_loss (log: loss), 2 values" in text
    assert "full_valid_loss (log: val_loss), 1 value\n" in text
    assert "lr=0.1" in text
    assert "first at step 2" in text
    assert f"write data: {{n_train: …, n_valid: …}} in {tmp_path / 'run_1.yaml'}" in text
    assert "learning_rate" not in next(p for p in found.problems if "not known: write config" in p)


def test_what_it_says_to_write_mends_what_it_complained_of(tmp_path: Path) -> None:
    """Following the advice to the letter leaves no problem."""
    (tmp_path / "log.csv").write_text("iter,my_loss\n1,0.5\n2,0.25\n")
    (run,) = resolve(str(tmp_path / "log.csv"), runs_dir=tmp_path)
    problems = describe(run).problems
    assert any("write for example columns: {train_loss: my_loss}" in problem for problem in problems)
    Path(run.sidecar).write_text(
        "columns: {train_loss: my_loss}\ndata: {n_train: 64, n_valid: 8}\nparent: null\n"
        "config: {learning_rate: 0.1, n_epochs: 1, batch_size: 8, seed: 1}\n"
    )
    (mended,) = resolve(str(tmp_path / "log.csv"), runs_dir=tmp_path)
    assert mended.metrics == ("train_loss",)
    assert describe(mended).problems == ()


def test_a_metric_of_unknown_direction_is_never_offered_as_a_loss(tmp_path: Path) -> None:
    """Its own name is said, and how to state which way is better."""
    (tmp_path / "log.csv").write_text("iter,thing\n1,0.5\n2,0.25\n")
    (run,) = resolve(str(tmp_path / "log.csv"), runs_dir=tmp_path)
    told = " ".join(describe(run).problems)
    assert "train_loss" not in told
    assert "which way is better in thing" in told
    assert "metrics: {thing: {direction: higher}}, or lower, in" in told


def test_a_folder_is_told_the_sidecar_that_is_read_for_it(tmp_path: Path) -> None:
    """The advice for a folder names a file beside the folder, and that file is read."""
    folder = tmp_path / "version_0"
    folder.mkdir()
    (folder / "metrics.csv").write_text("epoch,step,train_loss\n0,1,0.5\n")
    for reference in (folder, folder / "metrics.csv"):
        (run,) = resolve(str(reference), runs_dir=tmp_path)
        sidecar = Path(run.sidecar)
        sidecar.write_text("label: Mine\n")
        (again,) = resolve(str(reference), runs_dir=tmp_path)
        assert again.label == "Mine"
        sidecar.unlink()


@pytest.mark.parametrize("source", sorted(p.name for p in DATA.iterdir()))
def test_the_advice_for_every_source_is_read_where_it_says(source: str, tmp_path: Path) -> None:
    """For a log of each tool, by its file and by its folder: the file named is the one that is read."""
    home = tmp_path / "logs"
    shutil.copytree(DATA / source, home)
    followed = 0
    for path in sorted([home, *home.rglob("*")]):
        try:
            load_runs([str(path)], runs_dir=tmp_path / "runs")
        except AnalysisError:
            continue
        followed += follow(str(path), tmp_path / "runs")
    assert followed


def test_each_run_of_a_file_of_several_has_its_own_sidecar(tmp_path: Path) -> None:
    """What is written for one run is not read for the other, whichever way it is asked for."""
    rows = [{"run": run, "step": step, "loss": 1 / step} for run in ("a/1", "b") for step in (1, 2, 3)]
    log = tmp_path / "sweep.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert follow(str(log), tmp_path) == 2
    assert follow(f"{log}#a/1", tmp_path) == 1
    (tmp_path / "sweep.yaml").write_text("goal: for all\ngroup: all\n")
    (tmp_path / "sweep.jsonl#b.yaml").write_text("group: mine\n")
    assert [(run.goal, run.group) for run in load_runs([str(log)], runs_dir=tmp_path)] == [
        ("for all", "all"),
        ("for all", "mine"),
    ]


@pytest.mark.parametrize("reference", [".", "..", "metrics.csv", "./metrics.csv", "../version_0"])
def test_from_within_a_folder_the_advice_is_as_good(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference without a name of its own is called, and advised, as the folder it means."""
    folder = tmp_path / "logs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,step,train_loss\n0,1,0.5\n")
    monkeypatch.chdir(folder)
    (run,) = load_runs([reference], runs_dir="none")
    assert run.id == "version_0"
    assert Path(run.sidecar).resolve() == tmp_path / "logs" / "version_0.yaml"
    assert follow(reference, Path("none")) == 1
