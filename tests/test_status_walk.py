"""The walk: every finding of many reports is held against the numbers that stand beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analysis.core.config_factors import is_setting
from analysis.core.errors import AnalysisError
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.pipeline import analyze
from tests.builders import ROOT, analyzed, known, log

ALPHA = 0.05


def epochs(seed: int, n: int = 12, *, level: float = 0.5, sign: int = 1, rise: float = 0.0) -> dict[str, np.ndarray]:
    """A log of one row an epoch; ``rise`` lifts validation from its middle on."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    course = level + np.exp(-t / 4)
    valid = course + rise * np.maximum(0, t - n // 2) + rng.normal(0, 0.01, n)
    return {"train_loss": sign * (course + rng.normal(0, 0.01, n)), "full_valid_loss": sign * valid}


def pair(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> Analysis:
    runs = [known("a", one, lr=0.1, seed=1, output_dir="out/a"), known("b", other, lr=0.3, seed=2, output_dir="out/b")]
    return analyzed(runs, candidate="b", baseline="a")


def only(columns: dict[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
    return {name: columns[name] for name in names}


WORLDS: dict[str, Callable[[], Analysis]] = {
    "null, steps": lambda: pair(log(1), log(2)),
    "null, epochs": lambda: pair(epochs(1), epochs(2)),
    "winner": lambda: pair(log(1), log(2, level=0.3)),
    "diverged": lambda: pair(log(1), {**log(2), "train_loss": np.r_[log(2)["train_loss"][:-5], [np.inf] * 5]}),
    "overfitting": lambda: pair(epochs(1), epochs(2, rise=0.1)),
    "negative loss": lambda: pair(epochs(1, level=3, sign=-1), epochs(2, level=3, sign=-1)),
    "accuracy alone": lambda: pair(*(only(log(s), "valid_mean_token_accuracy") for s in (1, 2))),
    "reward": lambda: pair(*({"reward": np.cumsum(np.random.default_rng(s).normal(1, 2, 200))} for s in (1, 2))),
    "of unequal length": lambda: pair(log(1, 600), log(2, 300)),
}


def wrong(f: Finding) -> str:
    """Return what is wrong with a finding's status beside its numbers, empty if nothing."""
    words = f.sentence.lower()
    if "no interval (" in words:
        return "a reason stands where a number belongs"
    if f.status == "not tested" and f.p is not None:
        return "not tested, with a p"
    if f.status == "supported" and ("cannot be judged" in words or "not to be judged" in words):
        return "supported beside its contradiction"
    if f.claim and f.status == "supported" and f.p_adjusted is not None and f.p_adjusted > ALPHA:
        return "supported, though its family does not reject"
    if f.claim and f.status == "supported" and (f.definition or "").endswith("diff") and _holds_zero(f):
        return "supported, though the interval holds zero"
    if f.status in ("supported", "contradicted") and "not judged" in words:
        return f"{f.status} beside 'not judged'"
    if f.rule == "performance.step_matched" and "no difference" in words and f.p is not None and f.p <= ALPHA:
        return "no difference, though rejected"
    key = f.id.removeprefix("attribution.")
    if f.rule == "attribution" and (key == "seed" or not is_setting(key, ["value"])):
        return "what is no setting is called a factor"
    return ""


def _holds_zero(f: Finding) -> bool:
    return f.low is not None and f.high is not None and f.low < 0 < f.high


@cache
def world(name: str) -> Analysis:
    return WORLDS[name]()


@pytest.mark.parametrize("name", WORLDS)
def test_each_status_agrees_with_its_numbers(name: str) -> None:
    assert {f.id: wrong(f) for f in world(name).findings if wrong(f)} == {}


@pytest.mark.parametrize("name", WORLDS)
def test_one_seed_a_side_supports_no_cause(name: str) -> None:
    assert [f.id for f in world(name).findings if f.rule == "attribution" and f.status == "supported"] == []


LOGS = (".csv", ".json", ".jsonl", ".log", ".tsv", ".txt", "")


def folders() -> list[Path]:
    """Every folder of the sample runs, and of the cases and the corpus where they are, that holds files like logs."""
    roots = [ROOT / "runs", *(ROOT.parent / "shared" / name for name in ("cases", "corpus"))]
    files = (path for root in roots for path in root.rglob("*") if path.is_file() and path.suffix in LOGS)
    return sorted({path.parent for path in files})


def reports(folder: Path) -> Iterator[Analysis]:
    """A report on each log of a folder, and one on each two neighbours; what is no log is left out."""
    logs = []
    for path in sorted(folder.iterdir())[:24]:
        if path.is_file() and path.suffix in LOGS:
            with suppress(AnalysisError):
                yield analyze(run_ids=[str(path)], reports_dir=os.devnull)
                logs.append(str(path))
    for two in pairwise(logs):
        with suppress(AnalysisError):
            yield analyze(run_ids=list(two), reports_dir=os.devnull)


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_each_status_of_real_logs_agrees_with_its_numbers(folder: Path) -> None:
    found = [(a.title, f) for a in reports(folder) for f in a.findings]
    assert [(title, f.id, wrong(f)) for title, f in found if wrong(f)] == []
    assert [(title, f.id) for title, f in found if f.rule == "attribution" and f.status == "supported"] == []
