"""Logs kept as one JSON value; settings stay refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.core.errors import AnalysisError
from analysis.sources import load_runs

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
