"""Logs kept as one JSON value; settings stay refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.core.errors import AnalysisError
from analysis.core.run import Run
from analysis.sources import jsonl, load_runs

FORMS: dict[str, Any] = {
    "list of rows": [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}],
    "log_history inside": {"args": {"lr": 1}, "history": [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]},
    "columns inside": {"config": {"lr": 0.1}, "history": {"train_loss": [3.0, 2.0]}},
    "sacred": {"train.loss": {"steps": [1, 2], "timestamps": ["a", "b"], "values": [3.0, 2.0]}},
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / "train_log.json"
    path.write_text(json.dumps(FORMS[form]))
    (run,) = load_runs([str(path)], runs_dir=tmp_path)
    assert run.frame["train_loss"].tolist() == [3.0, 2.0]


@pytest.mark.parametrize(
    "content",
    [{"lr": 0.1, "betas": [0.9, 0.95]}, {"model": {"layers": [1, 2, 3]}, "optimizer": {"lr": 1}}, [1, 2, 3], {}],
)
def test_settings_are_refused(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    with pytest.raises(AnalysisError):
        load_runs([str(path)], runs_dir=tmp_path)


def history(first: float, **more: Any) -> dict[str, Any]:
    return {"loss": [first, first - 0.5], "val_loss": [first + 1, first + 0.5], **more}


SEVERAL: dict[str, tuple[Any, list[str]]] = {
    "under their names": ({"a": history(2), "b": history(3)}, ["a", "b"]),
    "nested": ({"a": {"seed0": history(2)}, "b": {"seed0": history(3)}}, ["a_seed0", "b_seed0"]),
    "of both sets": (
        {n: {"train": {"loss": [f, f - 0.5]}, "val": {"loss": [f + 1, f + 0.5]}} for n, f in (("a", 2), ("b", 3))},
        ["a", "b"],
    ),
    "in a list": ([history(2), history(3)], ["run_1", "run_2"]),
    "in a list, with names": ([history(2, name="a"), history(3, name="b")], ["a", "b"]),
    "in a list, with settings": (
        {"results": [{"lr": 0.1, "seed": s, "history": history(2 + s)} for s in (0, 1)]},
        ["seed_0", "seed_1"],
    ),
    "rows of each": (
        {n: [{"loss": f - k / 2, "val_loss": f + 1 - k / 2} for k in (0, 1)] for n, f in (("a", 2), ("b", 3))},
        ["a", "b"],
    ),
    "by epoch": (
        {n: {str(k): {"loss": f - k / 2, "val_loss": f + 1 - k / 2} for k in (0, 1)} for n, f in (("a", 2), ("b", 3))},
        ["a", "b"],
    ),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_runs_in_one_value_are_told_apart(form: str, tmp_path: Path) -> None:
    content, names = SEVERAL[form]
    (tmp_path / "all.json").write_text(json.dumps(content))
    runs = load_runs(["all.json"], runs_dir=tmp_path)
    assert [run.id for run in runs] == names
    assert [run.series("train_loss").tolist() for run in runs] == [[2, 1.5], [3, 2.5]]
    assert [run.series("full_valid_loss").tolist() for run in runs] == [[3, 2.5], [4, 3.5]]


ONE: dict[str, Any] = {
    "a metric of both sets": {"loss": {"train": [3.0, 2.0], "val": [4.0, 3.0]}},
    "rows of both sets": {"train": [{"loss": 3.0}, {"loss": 2.0}], "val": [{"loss": 4.0}, {"loss": 3.0}]},
    "a group of names": {"losses": {"train_loss": [3.0, 2.0], "val_loss": [4.0, 3.0]}},
    "epochs": {"epochs": [1, 2], "train_loss": [3.0, 2.0], "val_loss": [4.0, 3.0]},
    "rows called epochs": {"epochs": [{"epoch": e, "loss": 4.0 - e, "val_loss": 5.0 - e} for e in (1, 2)]},
    "as pandas splits it": {"columns": ["epoch", "loss", "val_loss"], "index": [0, 1], "data": [[1, 3, 4], [2, 2, 3]]},
}


@pytest.mark.parametrize("form", ONE)
def test_one_run_in_whatever_shape(form: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(ONE[form]))
    (run,) = load_runs(["a.json"], runs_dir=tmp_path)
    assert (run.steps.tolist(), run.series("train_loss").tolist()) == ([1, 2], [3.0, 2.0])
    assert run.series("full_valid_loss").tolist() == [4.0, 3.0]


def test_lists_of_other_lengths_stand_at_the_steps_beside_them(tmp_path: Path) -> None:
    content = {"steps": [10, 20, 30], "train_loss": [3, 2, 1], "eval_steps": [15, 30], "val_loss": [2.5, 1.5]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    (run,) = load_runs(["a.json"], runs_dir=tmp_path)
    assert (run.steps_of("train_loss").tolist(), run.steps_of("full_valid_loss").tolist()) == ([10, 20, 30], [15, 30])


def test_what_stands_beside_the_steps_is_a_setting_or_a_result_and_told(tmp_path: Path) -> None:
    content = {"lr": 0.1, "optimizer": "adam", "test_acc": 0.9, "best_epoch": 2, "train_time": 9.5, **history(2)}
    (tmp_path / "a.json").write_text(json.dumps(content))
    (run,) = load_runs(["a.json"], runs_dir=tmp_path)
    assert dict(run.config) == {"lr": 0.1, "optimizer": "adam"}
    assert (run.steps_of("test_acc").tolist(), run.series("test_acc").tolist()) == ([2], [0.9])
    told = " ".join(run.notes)
    assert all(name in told for name in ("test_acc", "best_epoch", "train_time"))


def test_a_bare_list_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "train_losses.json").write_text("[3.0, 2.0, 1.5]")
    (run,) = load_runs(["train_losses.json"], runs_dir=tmp_path)
    assert run.series("train_loss").tolist() == [3.0, 2.0, 1.5]


@pytest.mark.parametrize(
    "more", ["", ', "note": "é\\ud83d\\ude00", "opt": {"betas": [0.9, 0.999]}', ', "aux": NaN', ', "big": 1e400']
)
def test_json_lines_read_the_same_with_either_parser(
    more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("orjson", reason="there is one parser")
    rows = [f'{{"step": {k}, "train_loss": {1 / k!r}, "lr": {k}e-320{more}}}' for k in range(1, 400)]
    (tmp_path / "run.jsonl").write_text("\n".join(rows))

    def read() -> Run:
        jsonl._parser.cache_clear()
        (run,) = load_runs([str(tmp_path / "run.jsonl")], runs_dir=tmp_path)
        return run

    fast = read()
    monkeypatch.setitem(sys.modules, "orjson", None)
    plain = read()
    jsonl._parser.cache_clear()
    pd.testing.assert_frame_equal(fast.frame, plain.frame, check_exact=True)
    assert (fast.config, fast.notes, fast.nonfinite) == (plain.config, plain.notes, plain.nonfinite)
