"""A report is out of date when something it was made from has changed, wherever that stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis.core.parameters import Parameters, check_parameters
from analysis.publish import freshness
from analysis.publish.folder import Manifest
from analysis.publish.freshness import asked_for, is_same, is_untouched, read_from
from tests.builders import log, write_run

Change = Callable[[Path], object]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run that has everything beside it, an MLflow store, earlier results and a template."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs", "a", log(1), data={"example_losses": "losses.csv"})
    (tmp_path / "runs" / "losses.csv").write_text("example,loss\n1,0.5\n2,0.25\n")
    run = tmp_path / "mlruns" / "1" / ("ab" * 16)
    for name, text in {
        "meta.yaml": f"run_id: {'ab' * 16}\nrun_name: one\nstatus: 3\nlifecycle_stage: active\n",
        "metrics/loss": "1000 0.5 1\n2000 0.4 2\n3000 0.3 3\n",
        "metrics/eval/loss": "1000 0.5 1\n",
        "params/lr": "0.1",
        "tags/stage": "dev",
    }.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(text)
    (tmp_path / "mlruns" / "1" / "meta.yaml").write_text("experiment_id: '1'\nname: exp\nlifecycle_stage: active\n")
    (tmp_path / "earlier.json").write_text("{}")
    (tmp_path / "t.ipynb").write_text("{}")
    return run


def made(request: Parameters) -> tuple[Manifest, Mapping[str, Any], Mapping[str, Any]]:
    asked = asked_for(request, template=Path("t.ipynb"), pdf="none")
    read = read_from(request)
    return {"files": {"report.html": "1"}, "made_from": json.loads(json.dumps({**asked, **read}))}, asked, read


def rewrite(name: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        (path,) = root.glob(name)
        path.write_text(path.read_text().replace(old, new))

    return change


def add(name: str, text: str) -> Change:
    return lambda root: (next(iter(root.glob(str(Path(name).parent)))) / Path(name).name).write_text(text)


CHANGES: dict[str, tuple[dict[str, Any], Change]] = {
    "a log": ({"run_ids": ["a"]}, rewrite("runs/a.csv", "1,", "1,1")),
    "a sidecar": ({"run_ids": ["a"]}, rewrite("runs/a.yaml", "losses.csv", "losses.csv\ngroup: g")),
    "a job's JSON": ({"run_ids": ["a"]}, add("runs/a.json", "{}")),
    "losses by example": ({"run_ids": ["a"]}, rewrite("runs/losses.csv", "0.25", "0.26")),
    "named results": ({"run_ids": ["a"], "previous": "earlier.json"}, rewrite("earlier.json", "{}", "[]")),
    "a metric": ({"run_ids": ["mlruns/1"]}, rewrite("mlruns/1/*/metrics/loss", "0.3", "0.2")),
    "a new metric": ({"run_ids": ["mlruns/1"]}, add("mlruns/1/*/metrics/acc", "1000 0.5 1\n")),
    "a new metric in a folder": ({"run_ids": ["mlruns/1"]}, add("mlruns/1/*/metrics/eval/acc", "1000 0.5 1\n")),
    "a parameter": ({"run_ids": ["mlruns/1"]}, rewrite("mlruns/1/*/params/lr", "0.1", "0.2")),
    "a new parameter": ({"run_ids": ["mlruns/1"]}, add("mlruns/1/*/params/epochs", "3")),
    "a tag": ({"run_ids": ["mlruns/1"]}, rewrite("mlruns/1/*/tags/stage", "dev", "new")),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_change_of_what_a_report_was_made_from_is_seen(place: Path, changed: str) -> None:
    """At a look at sizes and times, and at a look at contents; without a change neither sees one."""
    asked_of, change = CHANGES[changed]
    request = check_parameters(asked_of)
    manifest, asked, read = made(request)
    assert is_untouched(manifest, asked)
    assert is_same(manifest, asked, read_from(request))
    change(Path())
    _, asked, read = made(request)
    assert not is_untouched(manifest, asked)
    assert not is_same(manifest, asked, read)


def test_a_log_that_grows_while_it_is_read_is_looked_at_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is then older than what the next look finds."""
    look = freshness._file_digest

    def slowly(path: Path) -> str:
        digest = look(path)
        if path.name == "a.csv":
            path.write_text(path.read_text() + "9999,0.5\n")
        return digest

    monkeypatch.setattr(freshness, "_file_digest", slowly)
    manifest, asked, _ = made(check_parameters({"run_ids": ["a"]}))
    assert not is_untouched(manifest, asked)


def test_what_a_server_says_beside_the_values_counts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is fetched has no files; its settings are an input too."""
    from dataclasses import replace

    from analysis.sources.reference import Finder

    find = Finder.find
    request = check_parameters({"run_ids": ["a"]})

    def fetched(lr: float) -> Any:
        def found(self: Finder, reference: str) -> Any:
            logs, label = find(self, reference)
            return [replace(o, path=None, raw=replace(o.raw, files=(), config={"lr": lr})) for o in logs], label

        return found

    digests = []
    for lr in (0.1, 0.1, 0.2):
        monkeypatch.setattr(Finder, "find", fetched(lr))
        digests.append(read_from(request)["logs"])
    assert digests[0] == digests[1] != digests[2]
