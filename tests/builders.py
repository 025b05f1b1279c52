"""The command, runs made of arrays, logs written as Azure writes them, and a report's blocks laid flat."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import yaml

from analysis.core.blocks import Block, Details, Figure, Prose, Table
from analysis.core.parameters import check_parameters
from analysis.core.run import Data, Provenance, Run, validated
from analysis.core.settings import Settings
from analysis.findings.analysis_result import Analysis
from analysis.findings.results_file import Report
from analysis.pipeline import analyze_runs
from analysis.report.results_json import to_json
from analysis.report.sections import SECTIONS
from analysis.sources import load_runs
from tests import warm

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT.parent / "shared" / "reference"
RUN_IDS = ("run_2", "run_3", "run_4")
COMMAND = (sys.executable, str(ROOT / "run_reports.py"))
"""What the console script ``run-reports`` does, with this interpreter and this code; `tests.warm` is its fast form."""

FIGURES = ("forest_figure", "metrics_figure", "curves_figure")

AZURE = (
    "step",
    "train_loss",
    "train_mean_token_accuracy",
    "train_error_rate",
    "valid_loss",
    "valid_mean_token_accuracy",
    "valid_error_rate",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
    "full_valid_error_rate",
    "timestamp",
)
"""The columns of an Azure OpenAI results file, in their order."""

CONFIG = {"learning_rate_multiplier": 0.5, "n_epochs": 1, "batch_size": 64, "seed": 1}
DATA = Data(n_train=19200, n_valid=3000, validation_set="v", training_set="t")
KNOWN: Mapping[str, Any] = {"config": CONFIG, "data": DATA, "parent": None, "parent_known": True}
"""What lets the comparability gate pass."""


def noise(rng: np.random.Generator, n: int, *, sd: float = 0.025, rho: float = 0.0) -> np.ndarray:
    """AR(1) noise that starts in its stationary state, shape (n,)."""
    e = rng.standard_normal(n) * sd * np.sqrt(1 - rho**2)
    e[0] = rng.standard_normal() * sd
    for t in range(1, n):
        e[t] += rho * e[t - 1]
    return e


def at(n: int, every: int, values: Any) -> np.ndarray:
    """Put values on every so-many-th step and NaN on all others, shape (n,)."""
    column = np.full(n, np.nan)
    places = np.arange(every - 1, n, every)
    column[places] = np.broadcast_to(values, places.shape)
    return column


def log(
    seed: int, n: int = 300, *, level: float = 0.3, sd: float = 0.025, rho: float = 0.0, full: int = 150
) -> dict[str, np.ndarray]:
    """Make the columns of a healthy log: noise about a level, validation every 10 steps, full validation."""
    rng = np.random.default_rng(seed)
    correct = rng.binomial(192, 0.86, n)
    return {
        "train_loss": level + noise(rng, n, sd=sd, rho=rho),
        "train_mean_token_accuracy": correct / 192,
        "valid_loss": at(n, 10, level + rng.standard_normal(n // 10) * sd),
        "valid_mean_token_accuracy": at(n, 10, rng.binomial(192, 0.86, n // 10) / 192),
        "full_valid_loss": at(n, full, level + rng.standard_normal(n // full) * 0.001),
    }


def run(run_id: str, columns: Mapping[str, Any], **fields: Any) -> Run:
    """Make a run of columns; ``step`` counts from 1 unless it is among them."""
    length = len(next(iter(columns.values())))
    frame = pd.DataFrame({"step": np.arange(1, length + 1), **columns})
    frame, nonfinite, seams, dropped = validated(frame, run_id)
    fields = {"nonfinite": nonfinite, "seams": seams, **fields}
    origin = Provenance(f"{run_id}.csv", "made", 0, "0" * 64, length, dropped=dropped)
    return Run(run_id, frame, run_id, origin, **fields)


def known(run_id: str, columns: Mapping[str, Any], **config: Any) -> Run:
    """Make a run about which everything is stated, so that the gate passes."""
    return run(run_id, columns, **{**KNOWN, "config": {**CONFIG, **config}})


def altered(one: Run, **fields: Any) -> Run:
    """Copy a run with some fields changed; ``data`` may be a mapping of what differs."""
    if isinstance(fields.get("data"), Mapping):
        fields["data"] = replace(one.data, **fields["data"])
    return replace(one, **fields)


def analyzed(runs: Sequence[Run], *, reports: Sequence[Report] = (), **parameters: Any) -> Analysis:
    """Analyze runs that are at hand, on a fixed day."""
    values = {"run_ids": [one.id for one in runs], "date": "2025-09-11", **parameters}
    request = check_parameters(values)
    return analyze_runs(runs, request, Settings.from_mapping(request.settings), reports=reports)


def reference(**parameters: Any) -> Analysis:
    """Analyze the three reference runs."""
    runs = load_runs(RUN_IDS, runs_dir=REFERENCE / "runs")
    return analyzed(runs, **parameters)


def write_command(folder: Path) -> None:
    """Put ``run-reports`` into a folder of commands."""
    folder.mkdir()
    (folder / "run-reports").write_text(f'#!/bin/sh\nexec {shlex.join(warm.command())} "$@"\n', encoding="utf-8")
    (folder / "run-reports").chmod(0o755)


def write_run(folder: Path, run_id: str, columns: Mapping[str, Any], **sidecar: Any) -> Path:
    """Write an Azure-layout results file and, if anything is stated, its sidecar."""
    length = len(next(iter(columns.values())))
    frame = pd.DataFrame({"step": np.arange(1, length + 1), **columns})
    start = pd.Timestamp("2025-09-11T18:07:08.7700000Z")
    stamps = [start + pd.Timedelta(seconds=4 * k) for k in range(length)]
    frame["timestamp"] = [stamp.strftime("%Y-%m-%dT%H:%M:%S.%f0Z") for stamp in stamps]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}.csv"
    frame.reindex(columns=AZURE).to_csv(path, index=False)
    if sidecar:
        (folder / f"{run_id}.yaml").write_text(yaml.safe_dump(sidecar, allow_unicode=True), encoding="utf-8")
    return path


def write_report(folder: Path, analysis: Analysis, **changed: Any) -> Path:
    """Write the results JSON of an analysis where a report would have it."""
    path = folder / analysis.report_id / "training_analysis_results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**to_json(analysis), **changed}), encoding="utf-8")
    return path


def sections(a: Analysis, *, figures: bool = True) -> dict[str, list[Block]]:
    """Fill all sections, by the name of their function; without figures, which take most of the time."""
    overview = "analysis.report.sections.answer.overview_figure"
    with nullcontext() if figures else patch(overview, return_value=Prose(())):
        return {
            s.build.__name__: s.build(a)
            for s in SECTIONS
            if s.build is not None and (figures or s.build.__name__ not in FIGURES)
        }


def flat(blocks: Sequence[Block]) -> Iterator[Block]:
    """Go through blocks with those that are folded away, and the tables behind figures."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from flat(block.blocks)
        if isinstance(block, Figure) and block.data is not None:
            yield block.data


def tables(blocks: Sequence[Block]) -> dict[str, Table]:
    """Find all tables, by ID."""
    return {block.id: block for block in flat(blocks) if isinstance(block, Table)}
