"""The gallery: ten reports, made from the sample runs and from drawn logs whose truth is known."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from analysis.calibrate.logs import epoch_log, step_log

ROOT = Path(__file__).parents[2]
DATA = {"n_train": 20_000, "n_valid": 2_000, "validation_set": "held-out v1", "training_set": "v1"}

Log = Callable[[np.random.Generator], Mapping[str, Any]]


@dataclass(frozen=True)
class Exhibit:
    """One report: the logs it is made of, the result that it must come to, and what a reader sees in it."""

    name: str
    title: str
    seen: str
    result: str
    runs: Mapping[str, tuple[Log, Mapping[str, Any]]]
    asked: Mapping[str, str] = field(default_factory=dict)


def _one(log: Log, rate: float = 1e-3, seed: int = 1, **data: Any) -> tuple[Log, Mapping[str, Any]]:
    config = {"learning_rate": rate, "batch_size": 64, "seed": seed}
    return log, {"config": config, "data": {**DATA, **data}, "parent": None}


_EPOCHS = partial(epoch_log, rows=30)
_LOSS = partial(_EPOCHS, metrics=("loss",))
_STEPS = partial(step_log, rows=400)


def _quiz(share: float) -> Log:
    """Draw right and wrong answers to 1,000 questions, whose difficulty both models share."""

    def answers(rng: np.random.Generator) -> Mapping[str, Any]:
        difficulty = np.random.default_rng(10).uniform(size=1_000)
        right = 0.8 * difficulty + 0.2 * rng.uniform(size=1_000) < share
        return {"id": [f"q{k}" for k in range(1_000)], "score": right.astype(int)}

    return answers


EXHIBITS = (
    Exhibit(
        "sample",
        "Three configurations that really trained",
        "The first page answers and says what would tell more; a table, a figure, what to do next.",
        "no evidence of a difference",
        {},
    ),
    Exhibit(
        "better-model",
        "A better model, one run each",
        "3.5 points more accuracy on 10,000 examples are no chance; the box says how far seeds may scatter.",
        "improved",
        {
            "plain": _one(partial(_EPOCHS, n=10_000, error=0.14), n_valid=10_000),
            "augmented": _one(partial(_EPOCHS, n=10_000, error=0.10), 2e-3, n_valid=10_000),
        },
    ),
    Exhibit(
        "luck",
        "Twice the same, another seed",
        "The last values differ, and by rule of thumb the second run has regressed; the evidence names no winner.",
        "no evidence of a difference",
        {"first": _one(_EPOCHS), "second": _one(_EPOCHS, seed=2)},
    ),
    Exhibit(
        "seeds",
        "Three seeds a side",
        "The seed is the unit: bands over seeds, one difference, an improvement of the configuration.",
        "improved",
        {f"{side}_{k}": _one(partial(_LOSS, loss=loss), rate, k) for side, rate, loss in
         (("slow", 1e-3, 0.35), ("fast", 2e-3, 0.31)) for k in (1, 2, 3)},
        {"baseline": "slow_1"},
    ),
    Exhibit(
        "sweep",
        "A sweep of seven learning rates",
        "*The Sweep* shows the metric against the rate, which rates may be the best, and what of the lead is luck.",
        "improved",
        {f"rate_{rate:g}": _one(partial(_EPOCHS, n=10_000, error=0.10 + 0.02 * np.log10(rate / 3e-3) ** 2), rate, k,
                                n_valid=10_000)
         for k, rate in enumerate((1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1))},
        {"baseline": "rate_0.0001", "candidate": "rate_0.003"},
    ),
    Exhibit(
        "steps",
        "Noisy steps, 5% lower",
        "Two curves that cross all the time, and a window mean with an interval that tells them apart.",
        "improved",
        {"before": _one(partial(_STEPS, rows=1_000)), "after": _one(partial(_STEPS, rows=1_000, level=0.285), 2e-3)},
    ),
    Exhibit(
        "noise",
        "Nothing but more noise",
        "The level is the same and the steps scatter twice as much: a change of stability, and no winner.",
        "stability-only change",
        {"calm": _one(_STEPS), "rough": _one(partial(_STEPS, sd=0.05), 2e-3)},
    ),
    Exhibit(
        "overfitting",
        "Overfitting in the later half",
        "Validation rises while training falls: the box says so, and an earlier checkpoint is proposed.",
        "regressed",
        {"stops": _one(_LOSS), "goes-on": _one(partial(_LOSS, rise=0.04), 2e-3)},
    ),
    Exhibit(
        "not-comparable",
        "Measured on two validation sets",
        "A loss of .35 here and .25 there says nothing; the report says why, and which key to state.",
        "not comparable",
        {
            "v1": _one(_LOSS),
            "v2": _one(partial(_LOSS, loss=0.25), 2e-3, validation_set="held-out v2"),
        },
    ),
    Exhibit(
        "evaluation",
        "Two models, example by example",
        "The same 1,000 questions, joined by ID: McNemar's test, and the questions on which the models differ.",
        "improved",
        {"old": (_quiz(0.60), {}), "new": (_quiz(0.64), {})},
    ),
)  # fmt: skip


def make(folder: Path) -> None:
    """Make all reports into a folder.

    Raises
    ------
    ValueError
        If a report comes to another result than it is shown for.
    """
    work = folder / "work"
    shutil.copytree(ROOT / "runs", work / "runs", ignore=shutil.ignore_patterns("seeds"))
    (work / "sets.yaml").write_text(yaml.safe_dump([*_run_sets(work)], sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "analysis", "batch", "sets.yaml", "--out", str(folder), "--pdf", "none"]
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(work)
    for exhibit in EXHIBITS:
        found = results(folder, exhibit)["verdict"]["evidence"]
        if found != exhibit.result:
            raise ValueError(f"the report '{exhibit.name}' says {found}, and is shown for {exhibit.result}")


def results(folder: Path, exhibit: Exhibit) -> Mapping[str, Any]:
    """Read the results of one report."""
    path = folder / exhibit.name / "training_analysis_results.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _run_sets(work: Path) -> Iterator[Mapping[str, Any]]:
    """Write the logs and sidecars, and give what each report is asked for."""
    for exhibit in EXHIBITS:
        place = work / exhibit.name
        place.mkdir()
        for k, (name, (log, sidecar)) in enumerate(exhibit.runs.items()):
            columns = pd.DataFrame(log(np.random.default_rng([k, *exhibit.name.encode()])))
            columns.rename(columns=lambda name: name.replace("full_valid", "val")).to_csv(
                place / f"{name}.csv", index=False
            )
            if sidecar:
                (place / f"{name}.yaml").write_text(yaml.safe_dump(sidecar), encoding="utf-8")
        asked = {
            "report_id": exhibit.name,
            "title": exhibit.title,
            "run_ids": [f"{exhibit.name}/{name}.csv" for name in exhibit.runs] or ["run_2", "run_3", "run_4"],
            "date": "2026-11-23",
            "previous": "none",
        }
        yield asked | dict(exhibit.asked)
