"""What the listing of runs says about a run before a report is made."""

from __future__ import annotations

from pathlib import Path

from analysis.sources import resolve
from analysis.sources.describe import describe, sidecar_path


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
    (tmp_path / "log.csv").write_text("iter,thing\n1,0.5\n2,0.25\n")
    (run,) = resolve(str(tmp_path / "log.csv"), runs_dir=tmp_path)
    problems = describe(run).problems
    assert any("write for example columns: {train_loss: thing}" in problem for problem in problems)
    Path(sidecar_path(run)).write_text(
        "columns: {train_loss: thing}\ndata: {n_train: 64, n_valid: 8}\nparent: null\n"
        "config: {learning_rate: 0.1, n_epochs: 1, batch_size: 8, seed: 1}\n"
    )
    (mended,) = resolve(str(tmp_path / "log.csv"), runs_dir=tmp_path)
    assert mended.metrics == ("train_loss",)
    assert describe(mended).problems == ()


def test_a_folder_is_told_the_sidecar_that_is_read_for_it(tmp_path: Path) -> None:
    """The advice for a folder names a file beside the folder, and that file is read."""
    folder = tmp_path / "version_0"
    folder.mkdir()
    (folder / "metrics.csv").write_text("epoch,step,train_loss\n0,1,0.5\n")
    for reference in (folder, folder / "metrics.csv"):
        (run,) = resolve(str(reference), runs_dir=tmp_path)
        sidecar = Path(sidecar_path(run))
        sidecar.write_text("label: Mine\n")
        (again,) = resolve(str(reference), runs_dir=tmp_path)
        assert again.label == "Mine"
        sidecar.unlink()
