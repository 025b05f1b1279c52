"""Read the database of an Optuna study: each trial is a run, with its parameters and the values it reported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import stated_name
from analysis.sources._sqlite import has_tables, opened
from analysis.sources.base import Columns
from analysis.sources.raw_log import RawLog

NAME = "optuna"
SCHEME = ""

_TABLES = frozenset(
    {
        *("studies", "study_directions", "study_system_attributes"),
        *("trials", "trial_params", "trial_values", "trial_intermediate_values"),
    }
)
_BETTER = {"MINIMIZE": "lower", "MAXIMIZE": "higher"}
_UNSAID = "a final value differs from the last that was reported: it is placed one step behind"


def recognises(path: Path) -> bool:
    """True for a SQLite database with Optuna's tables."""
    return has_tables(path, _TABLES)


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read every trial that has a value; the objective is better as the study's direction says."""
    with opened(path, _TABLES, "Optuna") as database:
        studies = database.execute("SELECT study_id, study_name FROM studies ORDER BY study_id").fetchall()
        logs = [log for study, name in studies for log in _study(database, path, study, name, alone=len(studies) == 1)]
    if not logs:
        raise LogError(f"{path}: no trial has a value; wait until one has ended, or report one with trial.report")
    return logs


def _study(database: sqlite3.Connection, path: Path, study: int, name: str, *, alone: bool) -> list[RawLog]:
    objectives = _objectives(database, study)
    trials = database.execute(
        "SELECT trial_id, number, state FROM trials WHERE study_id = ? ORDER BY number", (study,)
    ).fetchall()
    logs, without = [], 0
    for trial, number, state in trials:
        frame, notes = _values(database, trial, objectives)
        if frame.empty:
            without += 1
            continue
        raw = RawLog(
            frame,
            NAME,
            (str(path),),
            len(frame),
            config=_parameters(database, trial),
            id=f"trial_{number}" if alone else f"{name}_trial_{number}",
            ended=state not in ("RUNNING", "WAITING"),
            notes=(f"trial {number} of the study '{name}', {state.lower()}", *notes),
        )
        logs.append(raw)
    if logs and without:
        logs[0] = replace(logs[0], notes=(*logs[0].notes, f"{without} trials of '{name}' have no value: left out"))
    return logs


def _objectives(database: sqlite3.Connection, study: int) -> list[str]:
    """Return the names of the objectives, with their directions."""
    rows = database.execute(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (study,)
    ).fetchall()
    called = database.execute(
        "SELECT value_json FROM study_system_attributes WHERE study_id = ? AND key = 'study:metric_names'", (study,)
    ).fetchone()
    names = json.loads(called[0]) if called else [f"value_{n}" if len(rows) > 1 else "value" for n in range(len(rows))]
    return [
        stated_name(str(name), direction=_BETTER.get(str(direction), "none"))
        for name, (direction,) in zip(names, rows, strict=False)
    ]


def _values(database: sqlite3.Connection, trial: int, objectives: list[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the values of a trial by step: what it reported, of one objective, and its final ones."""
    columns = "step, intermediate_value, intermediate_value_type"
    reported = {
        step: _number(value, kind)
        for step, value, kind in database.execute(
            f"SELECT {columns} FROM trial_intermediate_values WHERE trial_id = ? ORDER BY step", (trial,)
        )
    }
    final = {
        objectives[objective]: _number(value, kind)
        for objective, value, kind in database.execute(
            "SELECT objective, value, value_type FROM trial_values WHERE trial_id = ? ORDER BY objective", (trial,)
        )
    }
    rows = [{"step": step, objectives[0]: value} for step, value in reported.items()] if len(objectives) == 1 else []
    apart = bool(rows) and bool(final) and rows[-1][objectives[0]] != final.get(objectives[0])
    if final and (not rows or apart):
        rows.append({"step": (max(reported) + 1) if rows else 1, **final})
    return pd.DataFrame(rows, dtype=np.float64), ((_UNSAID,) if apart else ())


def _number(value: float | None, kind: str) -> float:
    """Return a value as it was reported; what is no finite number as infinity."""
    return float(value) if str(kind).endswith("FINITE") and value is not None else np.inf


def _parameters(database: sqlite3.Connection, trial: int) -> dict[str, Any]:
    found = {}
    for name, value, kind in database.execute(
        "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = ?", (trial,)
    ):
        distribution = json.loads(kind)
        about = distribution.get("attributes", {}) if isinstance(distribution, Mapping) else {}
        choices = about.get("choices")
        whole = str(distribution.get("name", "")).startswith("Int")
        found[str(name)] = choices[int(value)] if choices is not None else int(value) if whole else value
    return found
