"""The walk: every finding of many reports is held against the numbers that stand beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from analysis.core.not_settings import is_setting
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.pipeline import analyze
from tests.builders import ROOT, analyzed, known, log

ALPHA = 0.05
CASES = ROOT.parent / "shared" / "cases" / "judging"


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
    if f.rule == "performance.step_matched" and "no difference" in words and f.p is not None and f.p <= ALPHA:
        return "no difference, though rejected"
    key = f.id.removeprefix("attribution.")
    if f.rule == "attribution" and (key == "seed" or not is_setting(key, ["value"])):
        return "what is no setting is called a factor"
    return ""


@cache
def world(name: str) -> Analysis:
    return WORLDS[name]()


@pytest.mark.parametrize("name", WORLDS)
def test_each_status_agrees_with_its_numbers(name: str) -> None:
    assert {f.id: wrong(f) for f in world(name).findings if wrong(f)} == {}


@pytest.mark.parametrize("name", WORLDS)
def test_one_seed_a_side_supports_no_cause(name: str) -> None:
    assert [f.id for f in world(name).findings if f.rule == "attribution" and f.status == "supported"] == []


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
def test_each_status_of_the_cases_agrees_with_its_numbers() -> None:
    folders = [path for path in sorted(CASES.iterdir()) if path.is_dir() and any(path.glob("*.csv"))]
    told = {folder.name: [f.id for f in _findings(folder) if wrong(f)] for folder in folders}
    assert {name: ids for name, ids in told.items() if ids} == {}


def _findings(folder: Path) -> tuple[Finding, ...]:
    return analyze(run_ids=[str(path) for path in sorted(folder.glob("*.csv"))]).findings
