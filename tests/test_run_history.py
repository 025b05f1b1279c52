"""The last accepted runs as baseline: which these are, in which order, and that their scatter is the error."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from analysis.core.errors import AnalysisError
from analysis.pipeline import analyze
from analysis.publish.check import Checked, check, to_json
from analysis.publish.check_comment import to_markdown
from tests.builders import write_report

NAMED: Mapping[str, Any] = {"data": {"validation_set": "v"}}


def write(folder: Path, name: str, level: float, *, day: int | None = None, stated: Mapping[str, Any] = NAMED) -> Path:
    course = np.exp(-np.arange(10) / 2)
    columns: dict[str, Any] = {"epoch": np.arange(1, 11), "val_loss": level + 0.5 * (course - course[-1])}
    if day is not None:
        columns["timestamp"] = [f"2025-09-{day:02}T10:{minute:02}:00Z" for minute in range(10)]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(dict(stated)), encoding="utf-8")
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Twelve accepted runs about 1.0, one that ended as NaN, and one on another validation set."""
    folder = tmp_path / "runs"
    for n, noise in enumerate(np.random.default_rng(1).normal(0, 0.01, 12), 1):
        write(folder, f"run_{n}", 1 + noise)
    write(folder, "run_13", 0.5, stated={"data": {"validation_set": "other"}})
    dead = write(folder, "run_14", 0.5)
    dead.write_text(dead.read_text().replace("0.5", "nan"), encoding="utf-8")
    return folder


def held(runs: Path, candidate: str, history: str = "history:10", *others: str, **options: Any) -> Checked:
    return check(candidate, history, others=others, parameters={"runs_dir": str(runs)}, **options)


def used(checked: Checked) -> list[str]:
    return [run.id for run in checked.analysis.runs if run.group]


def test_the_last_ten_are_the_baseline_and_their_scatter_the_error(runs: Path) -> None:
    """One case against k, by Crawford and Howell, as scipy has its tail."""
    write(runs, "new", 1.06)
    checked = held(runs, "new")
    assert used(checked) == [f"run_{n}" for n in range(3, 13)]
    primary = checked.analysis.verdict.primary
    assert primary is not None
    levels = np.array([pd.read_csv(runs / f"run_{n}.csv").val_loss.iloc[-1] for n in range(3, 13)])
    t = (1.06 - levels.mean()) / (levels.std(ddof=1) * np.sqrt(1 + 1 / 10))
    assert primary.p == pytest.approx(2 * stats.t.sf(t, 9))
    assert (checked.outcome, checked.fails) == ("failed", True)
    assert checked.analysis.verdict.scope == "configurations"


def test_what_is_as_ever_passes_and_the_words_say_what_it_was_held_against(runs: Path) -> None:
    write(runs, "new", 1.005)
    checked = held(runs, "new")
    assert checked.outcome == "passed"
    told = "run_3 to run_12, 10 of 15 runs; 3 left out: given, unreadable, ended as NaN or validated on another set"
    assert to_json(checked)["history"] == told
    assert "against run\\_3 to run\\_12" in to_markdown(checked)
    assert "from the last 10 accepted runs (10 seeds)" in checked.analysis.verdict.sentence


def test_seeds_of_the_candidate_are_no_history(runs: Path) -> None:
    for seed in (1, 2):
        write(runs, f"new_{seed}", 1.06 + seed / 1000, stated={**NAMED, "group": "new"})
    checked = held(runs, "new_1", "history:4", "new_2")
    assert checked.history.startswith("run_9 to run_12, 4 of 16 runs")
    primary = checked.analysis.verdict.primary
    assert primary is not None
    assert primary.seeds == (4, 2)


def test_time_stamps_order_before_names(tmp_path: Path) -> None:
    for name, day in (("b", 1), ("a", 3), ("c", 2), ("new", 4)):
        write(tmp_path / "runs", name, 1 + day / 100, day=day)
    assert used(held(tmp_path / "runs", "new", "history:2")) == ["c", "a"]


def test_another_place_has_the_history(runs: Path, tmp_path: Path) -> None:
    candidate = write(tmp_path, "new", 1.0)
    assert len(used(held(runs, str(candidate), f"history:3:{runs}/run_?.csv"))) == 3
    assert used(held(tmp_path, str(candidate), f"history:2:{runs}")) == ["run_11", "run_12"]


def test_accepted_reports_are_a_history(runs: Path, tmp_path: Path) -> None:
    """In the order of their dates, without the one whose verdict was for the worse and the one whose log has gone."""
    for n, day, result in ((5, 3, "improved"), (2, 1, "equivalent"), (9, 2, "regressed"), (7, 4, "improved")):
        a = analyze(run_ids=[f"run_{n}"], runs_dir=str(runs), reports_dir=str(tmp_path / "r"), date=f"2025-09-0{day}")
        write_report(tmp_path / "reports", a, verdict={"evidence": result, "document": ""})
    (runs / "run_7.csv").unlink()
    write(runs, "new", 1.0)
    assert used(held(runs, "new", f"history:5:{tmp_path / 'reports'}")) == ["run_2", "run_5"]


@pytest.mark.parametrize("how", ["copy", "link", "first rows"])
def test_an_accepted_run_is_not_accepted_twice(runs: Path, how: str) -> None:
    """Not even where others are newer."""
    old, new = runs / "run_8.csv", runs / "new.csv"
    if how == "link":
        new.symlink_to(old)
    elif how == "copy":
        shutil.copy(old, new)
    else:
        new.write_text("".join(old.read_text().splitlines(keepends=True)[:7]))
    shutil.copy(old.with_suffix(".yaml"), new.with_suffix(".yaml"))
    checked = held(runs, "new")
    assert checked.outcome == "cannot tell"
    assert "nothing was trained" in checked.conditions[0].why


def test_two_runs_of_one_table_are_not_one_run(tmp_path: Path) -> None:
    """They share the file, and so its hash, but no row."""
    rows = [
        {"run": run, "epoch": n, "val_loss": level + 1 / n}
        for run, level in (("a", 1.0), ("b", 1.3))
        for n in range(1, 11)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "both.csv", index=False)
    (tmp_path / "both.yaml").write_text(yaml.safe_dump(dict(NAMED)))
    checked = check(f"{tmp_path}/both.csv#b", f"{tmp_path}/both.csv#a", parameters={"runs_dir": str(tmp_path)})
    assert checked.outcome == "failed"


def test_one_run_is_a_baseline_like_any_other(tmp_path: Path) -> None:
    write(tmp_path / "runs", "run_1", 1.0)
    write(tmp_path / "runs", "new", 1.4)
    checked = held(tmp_path / "runs", "new", "history:5")
    assert (checked.outcome, checked.analysis.verdict.scope) == ("failed", "models")


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ("history:", "must be history:N"),
        ("history:0", "must be history:N"),
        ("history:many", "must be history:N"),
        ("history:5:nowhere", "nowhere"),
        ("history:5:run_13", "none of the 1 run there"),
    ],
)
def test_what_is_no_history_is_one_line(runs: Path, history: str, said: str) -> None:
    write(runs, "new", 1.0)
    with pytest.raises(AnalysisError) as refused:
        held(runs, "new", history)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
