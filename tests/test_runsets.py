"""A file of run sets says which reports are wanted, one by one or by a rule, and where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.batch.run_sets import RunSet, load_run_sets
from analysis.core.errors import UsageError
from analysis.core.parameters import check_parameters
from analysis.publish.freshness import reported_log
from analysis.sources import group_members, load_runs
from tests.builders import at, write_run


def test_a_file_may_hold_one_run_set_or_many(tmp_path: Path) -> None:
    forms = {
        "one": "run_ids: [a, b]",
        "list": "- run_ids: [a]\n- {run_ids: [a], report_id: other}",
        "documents": "run_ids: [a]\n---\nrun_ids: [b]",
        "shared": "goal: better\nrun_sets:\n- run_ids: [a]\n- {run_ids: [b], goal: faster}",
    }
    found = {}
    for name, text in forms.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        found[name] = load_run_sets([tmp_path / f"{name}.yaml"], out=tmp_path)
    assert [s.report_id for s in found["one"]] == ["b"]
    assert [s.report_id for s in found["list"]] == ["a", "other"]
    assert [s.report_id for s in found["documents"]] == ["a", "b"]
    assert [s.request.goal for s in found["shared"]] == ["better", "faster"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run_ids: [a]\nbaselin: b", r"sets\.yaml:2: parameter 'baselin' is unknown .*'baseline'"),
        ("- run_ids: [a]\n- run_ids: [a]", r"sets\.yaml:2: 'a' is also what .*sets\.yaml:1 makes"),
        ("run_ids: [a", r"sets\.yaml:1: not valid YAML"),
        ("just text", r"must be a mapping with run_ids"),
        ("", r"sets\.yaml: no run set there"),
    ],
)
def test_a_wrong_run_set_is_one_line_that_says_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "sets.yaml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_run_sets([tmp_path / "sets.yaml"], out=tmp_path)


LEVELS = {"run_1": 0.50, "run_2": 0.40, "run_3": 0.45, "run_4": 0.42}
"""Losses of four runs, each of which started from the one before."""


def columns(level: float) -> dict[str, Any]:
    """Columns of a log whose validation loss is at a level; its train loss says the opposite."""
    wiggle = np.resize([0.001, -0.001, 0.0005], 60)
    return {"train_loss": 1.0 - level + wiggle, "valid_loss": at(60, 3, level + wiggle[:20])}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four runs, and nothing else."""
    monkeypatch.chdir(tmp_path)
    parent = None
    for run_id, level in LEVELS.items():
        write_run(tmp_path / "runs", run_id, columns(level), parent=parent, data={"validation_set": "v"})
        parent = run_id
    return tmp_path


def wanted(text: str) -> tuple[RunSet, ...]:
    Path("sets.yaml").write_text(text)
    return load_run_sets([Path("sets.yaml")], out=Path("reports"))


def pairs(text: str) -> dict[str, list[str]]:
    """Report ID to the names of its runs."""
    return {s.report_id: [Path(r).stem for r in s.request.run_ids] for s in wanted(text)}


@pytest.mark.parametrize("every", ["runs", "runs/", "runs/*", "run_*", "runs/*.csv", "[run_1, 'runs/run_[2-4].csv']"])
def test_every_run_goes_against_its_parent(place: Path, every: str) -> None:
    """A folder, a pattern here or in the runs folder, or a list; who has no parent here is alone."""
    expected = {"run_1": ["run_1"], **{f"run_{n}": [f"run_{n - 1}", f"run_{n}"] for n in (2, 3, 4)}}
    assert pairs(f"every: {every}\nagainst: parent") == expected


def test_every_run_goes_against_the_best_of_the_others(place: Path) -> None:
    """By the validation loss, in which the report judges; the best itself meets the second best."""
    expected = {f"run_{n}": ["run_2", f"run_{n}"] for n in (1, 3, 4)} | {"run_2": ["run_4", "run_2"]}
    assert pairs("every: runs\nagainst: best") == expected


def test_the_metric_of_the_best_can_be_chosen(place: Path) -> None:
    """The train loss is lowest where the validation loss is highest."""
    assert pairs("every: runs\nagainst: best\nby: train_loss")["run_4"] == ["run_1", "run_4"]


def test_a_run_that_diverged_or_was_validated_on_other_data_is_never_the_best(place: Path) -> None:
    """A low number that means something else must not become the mark."""
    broken = columns(0.1)
    broken["valid_loss"][-1] = np.inf
    write_run(place / "runs", "run_5", broken, data={"validation_set": "v"})
    write_run(place / "runs", "run_6", columns(0.2), data={"validation_set": "another"})
    found = pairs("every: runs\nagainst: best")
    assert found["run_1"] == ["run_2", "run_1"]
    assert found["run_5"] == ["run_2", "run_5"]
    assert found["run_6"] == ["run_6"]


def test_every_run_may_go_against_one(place: Path) -> None:
    """The one itself is reported alone."""
    expected = {"run_1": ["run_1"], **{f"run_{n}": ["run_1", f"run_{n}"] for n in (2, 3, 4)}}
    assert pairs("every: runs\nagainst: run_1") == expected


def test_two_rules_may_speak_of_the_same_runs_under_other_names(place: Path) -> None:
    """The name of a report says of which rule it is; other parameters are shared."""
    text = """
    goal: lower loss
    run_sets:
    - {every: runs, against: parent}
    - {every: runs, against: best, report_id: "{run}-best", title: "{run} beside the best"}
    """
    found = wanted(text)
    assert len(found) == 8
    assert {s.request.goal for s in found} == {"lower loss"}
    assert found[-1].report_id == "run_4-best"
    assert found[-1].request.title == "run_4 beside the best"
    assert found[0].where == "sets.yaml:4"


def test_a_new_run_is_one_whose_log_no_report_was_made_of(place: Path) -> None:
    """A report of this very log is let be; of a log that has grown since, it is not."""
    last = wanted("every_new: runs\nagainst: best")[-1]
    (run,) = load_runs(["run_4"], runs_dir=place / "runs")
    assert last.once == run.provenance.sha256
    folder = place / "reports" / "run_4"
    assert reported_log(folder) is None
    folder.mkdir(parents=True)
    one = {"rules_of_thumb": {}, "evidence": {}, "provenance": {"sha256": run.provenance.sha256}}
    results = {"date": "2025-09-11", "report_id": "run_4", "title": "t", "candidate": "run_4", "verdict": {}}
    (folder / "training_analysis_results.json").write_text(json.dumps({**results, "runs": {"run_4": one}}))
    assert reported_log(folder) == last.once
    with (place / "runs" / "run_4.csv").open("a") as log:
        log.write("61" + "," * 10 + "\n")
    assert reported_log(folder) != wanted("every_new: runs\nagainst: best")[-1].once
    assert {s.once for s in wanted("every: runs\nagainst: best")} == {None}


def test_a_log_that_cannot_be_read_fails_in_its_own_report(place: Path) -> None:
    """The others are found all the same."""
    (place / "runs" / "run_9.csv").write_text("step,train_loss\nx,y\n")
    assert pairs("every: runs\nagainst: best")["run_9"] == ["run_9"]
    assert len(pairs("every: runs\nagainst: parent")) == 5


def test_a_log_that_crashes_its_reader_fails_in_its_own_report(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one log of a folder leaves the reports of the others alone as well."""
    finish = group_members.finished

    def crash(log: Any, *rest: Any) -> Any:
        return 1 / 0 if log.raw.files[0].endswith("run_3.csv") else finish(log, *rest)

    monkeypatch.setattr(group_members, "finished", crash)
    found = pairs("every: runs\nagainst: best")
    assert found["run_3"] == ["run_3"]
    assert len(found["run_1"]) == 2


def test_a_name_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    """Half of a character in a title; a file name that is not UTF-8."""
    (tmp_path / "sets.yaml").write_text('- run_ids: [a]\n- run_ids: [b]\n  title: "half \\ud800"\n')
    with pytest.raises(UsageError, match=r"sets\.yaml:3: parameter 'title' holds what is no letter"):
        load_run_sets([tmp_path / "sets.yaml"], out=tmp_path)
    with pytest.raises(UsageError, match="parameter 'run_ids' holds what is no letter"):
        check_parameters({"run_ids": ["b\udcff"]})


def test_runs_that_share_a_file_get_references_of_their_own(place: Path) -> None:
    """A file of several runs: each report reads its two."""
    rows = [{"run": f"r{n}", "step": s, "loss": n + 1 / s} for n in (1, 2, 3) for s in range(1, 20)]
    (place / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = wanted("every: all.jsonl\nagainst: best")
    assert [s.request.run_ids for s in found][2] == ("all.jsonl#r1", "all.jsonl#r3")
    runs = load_runs(found[2].request.run_ids, runs_dir=place / "runs")
    assert [run.id for run in runs] == ["r1", "r3"]
    with pytest.raises(
        UsageError, match=r"sets\.yaml:\d: 'against': all.jsonl#r7: all.jsonl has no run 'r7'; it has r1, r2, r3"
    ):
        wanted("{every: runs, against: all.jsonl#r7}")


def test_every_run_of_an_mlflow_experiment_goes_against_its_parent(place: Path) -> None:
    """MLflow's own IDs and parents; the store lies where one lies by default."""
    store(place / "mlruns" / "1")
    for every in ("mlflow:exp/*", "mlruns", "mlruns/1"):
        found = {s.report_id: s.request.run_ids for s in wanted(f"every: {every}\nagainst: parent")}
        assert set(found) == {"a" * 32, "b" * 32}
        assert len(found["a" * 32]) == 1
        runs = load_runs(found["b" * 32], runs_dir=place / "runs")
        assert [run.id for run in runs] == ["a" * 32, "b" * 32]


def store(experiment: Path) -> None:
    """Write a file store of MLflow with two runs, the second a child of the first."""
    for letter, parent in (("a", None), ("b", "a")):
        run = experiment / (letter * 32)
        for folder in ("metrics", "params", "tags"):
            (run / folder).mkdir(parents=True)
        (run / "meta.yaml").write_text(f"run_id: {letter * 32}\nlifecycle_stage: active\nstatus: 3\n")
        (run / "metrics" / "loss").write_text("".join(f"{1000 * s} {1 / s} {s}\n" for s in range(1, 20)))
        if parent:
            (run / "tags" / "mlflow.parentRunId").write_text(parent * 32)
    (experiment / "meta.yaml").write_text("artifact_location: x\nexperiment_id: '1'\nname: exp\n")


def test_a_rule_takes_runs_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of other alphabets, and those that no folder can have on some systems."""
    monkeypatch.chdir(tmp_path)
    for name in ("学習", "_x", "2019-04-12_15:38:13", "-q", "x y"):
        write_run(tmp_path / "runs", name, columns(0.5))
    assert {s.report_id for s in wanted("every: runs\nagainst: best")} == {
        "学習",
        "_x",
        "2019-04-12_15-38-13",
        "q",
        "x-y",
    }


def test_finding_the_best_takes_no_comparison_of_all_with_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run is held against the best ones until one is comparable, or hundreds would take minutes."""
    from analysis.evidence import comparability

    gate, calls = comparability.gate, []
    monkeypatch.setattr(comparability, "gate", lambda *runs: calls.append(1) or gate(*runs))
    for number in range(20):
        write_run(place / "runs", f"more_{number:02}", columns(0.5 + number / 100), data={"validation_set": "v"})
    assert len(wanted("every: runs\nagainst: best")) == 24
    assert 0 < len(calls) <= 24


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("every: runs", r"sets\.yaml:1: 'every' needs a key 'against' beside it: parent, best, or a run"),
        ("every: runs\nevery_new: runs\nagainst: best", r"sets\.yaml:2: 'every_new' and 'every' cannot both"),
        ("every: runs\nagainst: 3", r"sets\.yaml:2: 'against' must be text, got 3"),
        ("every: [1]\nagainst: best", r"sets\.yaml:1: 'every' must be a folder, a pattern"),
        ("every: runs\nagainst: parent\nby: valid_loss", r"sets\.yaml:3: 'by' names the metric"),
        ("every: runs\nagainst: best\nby: f1", r"sets\.yaml:3: 'by' is 'f1', which no run logged; they have .*loss"),
        ("every: runs\nagainst: best\nrun_ids: [run_1]", r"sets\.yaml:3: 'run_ids' cannot be given beside 'every'"),
        ("every: runs\nreport_id: all\nagainst: best", r"sets\.yaml:2: 'report_id' would be the same .*{run}"),
        ("every: runs\nagainst: run_[12]*", r"sets\.yaml:2: 'against' must lead to one run, run_\[12\]\* leads to 2"),
        ("every: runs\nagainst: run_8", r"sets\.yaml:2: 'against': no run 'run_8'"),
        ("every: runs\nagainst: bets", r"sets\.yaml:2: 'against': no run 'bets': .* did you mean 'best'\?"),
        ("goal: x\nevry: runs\nagainst: best", r"sets\.yaml:2: key 'evry' is unknown; did you mean the rule 'every'\?"),
        ("run_ids: [run_1]\nagainst: best", r"sets\.yaml:2: 'against' belongs to a rule; put 'every:"),
        ("every: nothing/*\nagainst: best", r"sets\.yaml:1: 'nothing/\*' matches nothing"),
        ("goal: x\nevery: runs\nagainst: best\ngaol: y", r"sets\.yaml:4: parameter 'gaol' is unknown .*'goal'"),
        ("run_ids: [a]\nrun_ids: [b]", r"sets\.yaml:2: 'run_ids' is given twice, first in line 1"),
        ("run_sets: {run_ids: [a]}", r"sets\.yaml:1: 'run_sets' must be a list of run sets"),
        ("- run_ids: [a]\n- 3", r"sets\.yaml:2: a run set must be a mapping with run_ids, got 3"),
    ],
)
def test_a_wrong_rule_is_one_line_with_its_place(place: Path, text: str, said: str) -> None:
    """File and line first, then what is wrong and what is allowed."""
    with pytest.raises(UsageError, match=said) as caught:
        wanted(text)
    assert "\n" not in str(caught.value)


def test_keys_may_come_from_an_anchor(place: Path) -> None:
    """YAML's own way of sharing works as well."""
    text = "- &a {goal: x, run_ids: [run_1]}\n- {<<: *a, run_ids: [run_2]}"
    assert [(s.report_id, s.request.goal) for s in wanted(text)] == [("run_1", "x"), ("run_2", "x")]


def test_the_best_is_chosen_by_the_metric_that_the_settings_or_the_goal_name(place: Path) -> None:
    """As the report decides by it; without either the validation loss decides."""
    by_train = pairs("every: runs\nagainst: best\nby: train_loss")
    assert pairs("every: runs\nagainst: best\nsettings: {primary: train_loss}") == by_train
    assert pairs("every: runs\nagainst: best\ngoal: train_loss <= 0.5") == by_train
    assert pairs("every: runs\nagainst: best") != by_train
