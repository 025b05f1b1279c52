"""A folder is enough: every run below it is found, told apart, and described once for all of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from analysis.cli.main import main
from analysis.core.errors import AnalysisError, LogError
from analysis.core.metrics import metric
from analysis.core.run import Run
from analysis.sources import load_runs


def loss(step: float, more: float = 0) -> float:
    return round(1 + 2 * math.exp(-step / 10) + more, 5)


def write(path: Path, *, more: float = 0.0, first: int = 1, names: str = "step,train_loss,val_loss") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{k},{loss(k, more)},{loss(k, more + 0.1)}\n" for k in range(first, first + 20))
    path.write_text(f"{names}\n{rows}")
    return path


def read(folder: Path) -> list[Run]:
    return list(load_runs([str(folder)], runs_dir="none"))


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A folder of runs with their settings in all kinds of places, and what is no run beside them."""
    home = tmp_path / "sweep"
    for number, (rate, seed) in enumerate((rate, seed) for rate in (0.1, 0.2) for seed in (1, 2)):
        place = home / "runs" / f"{number:02d}"
        write(place / "metrics.csv", more=number / 10, names="step,train_loss,val_loss")
        (place / "config.json").write_text(json.dumps({"lr": rate, "seed": seed}))
    (home / "README.md").write_text("step 1: loss 2\nstep 2: loss 1\n")
    (home / "notes.txt").write_text("nothing to see")
    (home / "__pycache__").mkdir()
    write(home / "__pycache__" / "old.csv")
    return home


def test_every_run_below_a_folder_is_found_with_its_settings(sweep: Path) -> None:
    runs = read(sweep)
    assert [run.id for run in runs] == ["00", "01", "02", "03"]
    assert [(run.config["lr"], run.config["seed"]) for run in runs] == [(0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)]


def test_runs_says_which_belong_together_and_proposes_the_command(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", str(sweep)]) == 0
    told = capsys.readouterr().out.splitlines()[-4:]
    assert told == [
        "4 runs, 2 groups that differ in learning_rate",
        "  lr=0.1: 2 seeds: 00, 01",
        "  lr=0.2: 2 seeds: 02, 03",
        f"report: run-reports report {sweep}",
    ]


def test_runs_alone_lists_the_runs_folder(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(sweep)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "00: table, 20 steps, train_loss, full_valid_loss"


def test_one_run_in_several_forms_is_read_once(tmp_path: Path) -> None:
    """A table and the lines that were printed of the same training."""
    write(tmp_path / "a" / "log.csv")
    lines = "".join(f"step {k}: train_loss {loss(k):.4f} val_loss {loss(k, 0.1):.4f}\n" for k in range(1, 21))
    (tmp_path / "a" / "out.txt").write_text(lines)
    write(tmp_path / "b" / "log.csv", more=0.5)
    first, second = read(tmp_path)
    assert any("the same values stand in" in note and "out.txt" in note for note in first.notes)
    assert second.series("train_loss")[0] == loss(1, 0.5)


def test_two_files_of_one_form_are_two_runs_whatever_they_hold(tmp_path: Path) -> None:
    write(tmp_path / "seed_1.csv")
    write(tmp_path / "seed_2.csv")
    assert len(read(tmp_path)) == 2


def test_event_files_below_do_not_hide_the_tables_beside_them(tmp_path: Path) -> None:
    tensorboardx = pytest.importorskip("tensorboardX")
    with tensorboardx.SummaryWriter(str(tmp_path / "tb")) as writer:
        for k in range(10):
            writer.add_scalar("train/loss", loss(k, 1), k)
    write(tmp_path / "table.csv")
    assert {run.provenance.source for run in read(tmp_path)} == {"tensorboard", "table"}


def test_parts_that_follow_one_another_are_joined_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "version_0" / "metrics.csv")
    write(tmp_path / "version_1" / "metrics.csv", first=21)
    write(tmp_path / "other" / "metrics.csv", more=0.7, first=500)
    assert sorted(len(run.frame) for run in read(tmp_path)) == [20, 40]
    main(["runs", str(tmp_path)])
    assert "version_0: 2 files are parts of one run" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("step,train_loss\n1,0.5\n2,soon\n")
    (run,) = read(tmp_path)
    assert any("a file beside it cannot be read" in note and "b.csv:3" in note for note in run.notes)


def test_an_earlier_report_is_no_run(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    write(tmp_path / "reports" / "a" / "values.csv")
    (tmp_path / "reports" / "a" / "training_analysis_results.json").write_text("{}")
    assert [run.id for run in read(tmp_path)] == ["a"]


def defaults(folder: Path, text: str) -> None:
    (folder / "runs.yaml").write_text(text)


def test_one_file_says_what_holds_for_many_runs(tmp_path: Path) -> None:
    """By pattern; the later pattern wins, a sidecar wins over all."""
    for name in ("a_1", "a_2", "b_1"):
        write(tmp_path / f"{name}.csv")
    defaults(
        tmp_path,
        "'*': {data: {n_valid: 500, validation_set: held-out}, primary: val_loss, config: {width: 8, lr: 0.1}}\n"
        "'a_*': {seed_sd: 0.004, goal: lower loss, config: {lr: 0.2}}\n",
    )
    (tmp_path / "a_2.yaml").write_text("data: {n_valid: 900}\nparent: base\n")
    first, second, third = read(tmp_path)
    assert (first.data.n_valid, first.data.validation_set, first.primary) == (500, "held-out", "full_valid_loss")
    assert (second.data.n_valid, second.data.validation_set, second.parent) == (900, "held-out", "base")
    assert (first.seed_sd, first.goal, third.seed_sd, third.goal) == (0.004, "lower loss", None, None)
    assert [run.config["lr"] for run in (first, second, third)] == [0.2, 0.2, 0.1]
    assert not first.parent_known
    (alone,) = load_runs([str(tmp_path / "a_1.csv")], runs_dir="none")
    assert alone.seed_sd == 0.004


def test_what_is_said_of_many_need_not_be_in_each(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    write(tmp_path / "b.csv", names="step,train_loss,thing")
    defaults(tmp_path, "'*': {primary: thing, metrics: {thing: {direction: higher, split: validation}}}\n")
    first, second = read(tmp_path)
    assert (first.primary, second.primary) == (None, "thing [higher, validation]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("'c*': {goal: x}\n", r"runs\.yaml:1: 'c\*' matches none of the runs \(a, b\); correct or remove it"),
        ("'*':\n  gaol: x\n", r"runs\.yaml:2: unknown key 'gaol'; did you mean 'goal'\?"),
        ("'*':\n  data: {n_vlaid: 5}\n", r"runs\.yaml:2: unknown key 'data\.n_vlaid'; did you mean 'data\.n_valid'\?"),
        ("'*': {whatever: x}\n", r"runs\.yaml:1: unknown key 'whatever' for '\*'; correct or remove it"),
        ("'*': {label: x}\n", r"runs\.yaml:1: 'label' is of one run; write it into the sidecar"),
        ("'*': {seed_sd: no}\n", r"runs\.yaml:1: 'seed_sd' must be a positive number"),
        ("goal: x\n", r"runs\.yaml:1: runs\.yaml is a mapping from patterns to settings"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path / "a.csv")
    write(tmp_path / "b.csv")
    defaults(tmp_path, text)
    with pytest.raises(LogError, match=said) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


STATED = "metrics: {thing: {name: Score, direction: higher, split: validation, unit: percent}}\n"


def test_what_a_metric_is_can_be_stated(tmp_path: Path) -> None:
    rows = "".join(f"{k},{90 + k}\n" for k in range(1, 9))
    (tmp_path / "a.csv").write_text(f"step,thing\n{rows}")
    (tmp_path / "a.yaml").write_text(STATED)
    (run,) = load_runs([str(tmp_path / "a.csv")], runs_dir="none")
    (name,) = run.metrics
    found = metric(name)
    assert (found.label, found.direction, found.validates, found.bounded) == ("Score", "higher", True, True)
    np.testing.assert_allclose(run.series(name), [(90 + k) / 100 for k in range(1, 9)])
    assert run.metric_named("thing") == name


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        ("lable: x\n", r"a\.yaml:1: unknown key 'lable'; did you mean 'label'\?"),
        ("data:\n  n_valdi: 5\n", r"a\.yaml:2: unknown key 'data\.n_valdi'; did you mean 'data\.n_valid'\?"),
        ("columns: {train_loss: train_los}\n", r"no column 'train_los'; did you mean 'train_loss'\?"),
        ("columns: {trian_loss: thing}\n", r"'trian_loss' is no standard name; did you mean 'train_loss'\?"),
        ("columns: {foo: thing}\n", r"'foo' is no standard name; any name that says which way is better"),
        ("columns: {full_valid_mean_token_accuracy: thing}\n", r"that is a fraction and 'thing' goes up to 98"),
        ("metrics: {thin: {direction: higher}}\n", r"there is no such metric; did you mean 'thing'\?"),
        ("metrics: {thing: {direction: up}}\n", r"a\.yaml:1: metric 'thing': 'direction' must be one of lower, higher"),
        ("metrics: {thing: {better: up}}\n", r"metric 'thing' has the unknown key 'better'; known are name, direction"),
        ("metrics: {thing: {unit: fraction}}\n", r"'thing' is a fraction, but it goes up to 98 and a fraction is at"),
        ("metrics: {thing: higher}\n", r"a\.yaml:1: metric 'thing' must be a mapping"),
    ],
)
def test_what_is_stated_wrongly_is_said_in_a_line(tmp_path: Path, sidecar: str, said: str) -> None:
    rows = "".join(f"{k},{loss(k)},{90 + k}\n" for k in range(1, 9))
    (tmp_path / "a.csv").write_text(f"step,train_loss,thing\n{rows}")
    (tmp_path / "a.yaml").write_text(sidecar)
    with pytest.raises(AnalysisError, match=said) as caught:
        load_runs([str(tmp_path / "a.csv")], runs_dir="none")
    assert "\n" not in str(caught.value)


def test_an_unknown_key_that_is_near_no_other_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    (tmp_path / "a.yaml").write_text("ticket: X-1\n")
    (run,) = load_runs([str(tmp_path / "a.csv")], runs_dir="none")
    assert dict(run.extra) == {"ticket": "X-1"}


@pytest.mark.parametrize(("train", "valid"), [("train.csv", "val.csv"), ("a_train_log.csv", "a_eval_log.csv")])
def test_training_and_validation_in_files_of_their_own_are_one_run(train: str, valid: str, tmp_path: Path) -> None:
    """The file's name alone says what was measured on: a validation is no second training."""
    write(tmp_path / train, names="step,loss,accuracy")
    write(tmp_path / valid, names="step,loss,accuracy", more=0.5)
    (run,) = read(tmp_path)
    assert run.series("full_valid_loss").tolist() == pytest.approx((run.series("train_loss") + 0.5).tolist())
    assert any("called after what each was measured on" in note for note in run.notes)
    (alone,) = load_runs([valid], runs_dir=tmp_path)
    assert "train_loss" not in alone.metrics
    assert "full_valid_loss" in alone.metrics
