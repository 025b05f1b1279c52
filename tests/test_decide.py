"""Keep, discard or rerun: each decision from logs made for it, and how often long ledgers keep what is no better."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import special, stats

from analysis.cli.main import main
from analysis.core.errors import UsageError
from analysis.publish.decide import Decision, decide, schema
from analysis.statistics import online_level

DATA: Mapping[str, Any] = {"validation_set": "v", "n_valid": 10_000}


def write(folder: Path, name: str, *, rate: float, seed: int, data: Mapping[str, Any] = DATA, **columns: float) -> Path:
    """Write a log of ten epochs whose metrics come down to, or rise to, a value."""
    course = np.exp(-np.arange(10) / 2)
    curves = {
        metric: end + (0.2 if "loss" in metric else -0.2) * (course - course[-1]) for metric, end in columns.items()
    }
    path = folder / f"{name}.csv"
    pd.DataFrame({"epoch": np.arange(1, 11), **curves}).to_csv(path, index=False)
    sidecar = {"config": {"learning_rate": rate, "seed": seed}, "data": dict(data)}
    path.with_suffix(".yaml").write_text(yaml.safe_dump(sidecar), encoding="utf-8")
    return path


def seeds(folder: Path, name: str, rate: float, *levels: float) -> None:
    for seed, level in enumerate(levels):
        write(folder, f"{name}{seed}", rate=rate, seed=seed, val_loss=level)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline with four seeds about 1.0, and candidates of many kinds."""
    folder = tmp_path_factory.mktemp("logs")
    seeds(folder, "base", 0.1, 1.000, 1.010, 0.990, 1.004)
    seeds(folder, "better", 0.2, 0.900, 0.905, 0.908)
    seeds(folder, "worse", 0.3, 1.100, 1.110, 1.090)
    seeds(folder, "alike", 0.4, 1.001, 0.997, 1.006)
    seeds(folder, "bit", 0.5, 0.972)
    seeds(folder, "hair", 0.6, 0.9995)
    write(folder, "other_set", rate=0.7, seed=0, data={"validation_set": "w"}, val_loss=0.9)
    write(folder, "other_size", rate=0.7, seed=0, data={**DATA, "n_valid": 500}, val_loss=0.9)
    write(folder, "unstated", rate=0.7, seed=0, data={}, val_loss=0.9)
    write(folder, "unvalidated", rate=0.7, seed=0, train_loss=0.9)
    write(folder, "dead", rate=0.7, seed=0, val_loss=float("nan"), train_loss=0.9)
    frame = pd.read_csv(folder / "better0.csv")
    frame.loc[7:, "val_loss"] = np.nan
    frame["val_loss"] = frame["val_loss"].astype(object).fillna("nan")
    frame.to_csv(folder / "dead.csv", index=False)
    write(folder, "accuracy0", rate=0.1, seed=0, data={"validation_set": "v"}, val_accuracy=0.90)
    write(folder, "accuracy1", rate=0.2, seed=0, data={"validation_set": "v"}, val_accuracy=0.93)
    write(folder, "accuracy2", rate=0.2, seed=0, data={"validation_set": "v"}, val_accuracy=0.89)
    shutil.copy(folder / "base0.csv", folder / "copy.csv")
    seeds(folder, "same", 0.8, 1.0, 0.5)
    seeds(folder, "round", 0.9, 1.0, 1.0, 1.0)
    for number in range(4):
        bare = write(folder, f"bare{number}", rate=0, seed=number, val_loss=1 - number / 3)
        bare.with_suffix(".yaml").write_text(yaml.safe_dump({"data": dict(DATA)}), encoding="utf-8")
    return folder


def decided(logs: Path, ledger: Path, candidate: str, against: str = "base0", *others: str, **options: Any) -> Decision:
    parameters = {"runs_dir": str(logs), **options.pop("parameters", {})}
    return decide(candidate, against, ledger, others=others, parameters=parameters, **options)


BASE, BETTER = ("base1", "base2", "base3"), ("better1", "better2")
STATED = {"parameters": {"settings": {"seed_sd": 0.008}}}
WIDE = {"parameters": {"settings": {"seed_sd": 0.012}}}

CASES: tuple[tuple[str, str, tuple[str, ...], dict[str, Any], str, str], ...] = (
    # candidate, against, further runs, options, decision, words
    ("better0", "base0", (*BASE, *BETTER), {}, "keep", "loss −0.097 ["),
    ("better0", "base0", BASE, {}, "keep", "better, one-sided p"),
    ("better0", "base0", (), STATED, "keep", "where 0.011 was allowed"),
    ("better0", "base0", (), {}, "rerun", "what ran does not show how much seeds scatter"),
    ("bit0", "base0", BASE, {}, "rerun", "5 seeds, and decide again with all of them"),
    ("bit0", "base0", BASE, {"most_seeds": 2}, "discard", "seeds of each would show it, and 2 are allowed"),
    ("bit0", "base0", (), WIDE, "rerun", "run each configuration with"),
    ("hair0", "base0", BASE, {}, "discard", "seeds of each would show it, and 5 are allowed"),
    ("alike0", "base0", (*BASE, "alike1", "alike2"), {}, "discard", "not shown to be better"),
    ("alike0", "base0", (), {}, "discard", "not better"),
    ("worse0", "base0", (*BASE, "worse1", "worse2"), {}, "discard", "is worse"),
    ("worse0", "base0", (), {}, "discard", "worse"),
    ("base1", "base0", (), {}, "discard", "not better"),
    ("other_set", "base0", BASE, {}, "discard", "the validation sets differ"),
    ("other_size", "base0", BASE, {}, "discard", "stated with 10000 and with 500"),
    ("unvalidated", "base0", BASE, {}, "discard", "no validation"),
    ("dead", "base0", BASE, {}, "discard", "NaN"),
    ("better0", "dead", (), {}, "keep", "NaN"),
    ("copy", "base0", (), {}, "discard", "nothing was trained"),
    ("unstated", "base0", BASE, {"trust_unstated": True}, "keep", "better"),
    ("bare1", "bare0", ("bare2", "bare3"), {}, "rerun", "seeds of neither by what is stated: state config"),
    ("hair0", "round0", ("round1", "round2"), {}, "discard", "does not show how much seeds scatter"),
    ("same1", "same0", (), {}, "discard", "seeds of one configuration by what is stated: state the change"),
    ("accuracy1", "accuracy0", (), {}, "rerun", "run each configuration with 3 seeds"),
    ("accuracy2", "accuracy0", (), {}, "discard", "−1 pp: not better"),
)


@pytest.mark.parametrize(("candidate", "against", "others", "options", "decision", "words"), CASES)
def test_decisions(
    logs: Path,
    tmp_path: Path,
    candidate: str,
    against: str,
    others: tuple[str, ...],
    options: dict[str, Any],
    decision: str,
    words: str,
) -> None:
    found = decided(logs, tmp_path / "ledger.jsonl", candidate, against, *others, **options)
    assert (found.decision, words in found.reason) == (decision, True), found.reason
    assert (found.seeds is not None) == (decision == "rerun")
    assert "\n" not in found.reason
    (line,) = (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    jsonschema.validate(json.loads(line), schema())
    assert Decision(**json.loads(line)) == found


def test_what_nobody_stated_is_an_error_and_no_line(logs: Path, tmp_path: Path) -> None:
    """An agent would discard everything it ever makes; this it can mend without a training."""
    with pytest.raises(UsageError, match=r"state data\.validation_set, or pass --trust-unstated"):
        decided(logs, tmp_path / "ledger.jsonl", "unstated")
    assert not (tmp_path / "ledger.jsonl").exists()


def test_each_look_costs_and_a_find_pays(logs: Path, tmp_path: Path) -> None:
    """Levels fall until something is kept; what cannot be compared costs nothing."""
    ledger = tmp_path / "ledger.jsonl"
    names = ("alike0", "hair0", "other_set", "better0", "bit0")
    asked = [decided(logs, ledger, name, "base0", *BASE) for name in names]
    assert [one.decision for one in asked] == ["discard", "discard", "discard", "keep", "rerun"]
    assert [one.test for one in asked] == [1, 2, None, 3, 4]
    first, second, third, fourth = (one.level for one in asked if one.level is not None)
    assert first > second > third < fourth


def test_a_look_on_which_nothing_can_be_kept_costs_too(logs: Path, tmp_path: Path) -> None:
    """Its values come again in the next one, chosen because they looked good."""
    ledger = tmp_path / "ledger.jsonl"
    looks = [decided(logs, ledger, "better0"), decided(logs, ledger, "better0", "base0", *BASE, *BETTER)]
    assert [(one.decision, one.test, one.p is None) for one in looks] == [("rerun", 1, True), ("keep", 2, False)]


def test_the_same_question_gets_the_same_answer_and_is_no_second_test(logs: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    first = decided(logs, ledger, "alike0", "base0", *BASE)
    decided(logs, ledger, "hair0", "base0", *BASE)
    before = ledger.read_bytes()
    assert decided(logs, ledger, "alike0", "base0", *reversed(BASE)) == first
    assert ledger.read_bytes() == before
    assert decided(logs, ledger, "alike0", "base0", *BASE, "alike1").test == 3


def test_a_ledger_has_one_alpha(logs: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    decided(logs, ledger, "alike0", "base0", *BASE)
    with pytest.raises(UsageError, match=r"begun with alpha 0\.05, and this is 0\.1"):
        decided(logs, ledger, "better0", "base0", *BASE, parameters={"settings": {"alpha": 0.1}})


def test_the_command_writes_json_or_a_line(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0 whatever the decision; 2 and one line for what cannot be decided."""
    asked = ["--against", "base0", "--ledger", str(tmp_path / "l.jsonl"), "--runs-dir", str(logs)]
    assert main(["decide", "worse0", *asked, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    jsonschema.validate(shown, schema())
    assert shown["decision"] == "discard"
    assert main(["decide", "worse0", *asked, "--json", str(tmp_path / "d.json")]) == 0
    assert capsys.readouterr().out.startswith("discard: ")
    assert json.loads((tmp_path / "d.json").read_text()) == shown
    for wrong in (
        ["nowhere"],
        ["unstated"],
        ["worse0", "--max-seeds", "1"],
        ["worse0", "--ledger", str(logs)],
        ["worse0", "--ledger", "s3://b/l"],
    ):
        assert main(["decide", *wrong[:1], *asked, *wrong[1:]]) == 2, wrong
        said = capsys.readouterr()
        assert said.err.startswith("error: "), wrong
        assert (said.err.count("\n"), said.out) == (1, "")


def test_the_schema_has_the_fields_of_a_decision() -> None:
    names = [field.name for field in dataclasses.fields(Decision)]
    assert list(schema()["properties"]) == schema()["required"] == names


def wealth(test: int, found: list[int], alpha: float) -> float:
    """The level as Ramdas and others (2017) write it, with the shares added up to where nothing is left."""
    shares = np.arange(1, 200_001) ** -1.6
    shares /= shares.sum() + 200_000.5**-0.6 / 0.6
    level = shares[test - 1] * alpha / 2
    if found:
        level += (alpha - alpha / 2) * shares[test - found[0] - 1]
    return float(level + alpha * sum(shares[test - one - 1] for one in found[1:]))


@pytest.mark.parametrize("found", [[], [1], [4], [2, 3], [1, 5, 9]])
def test_levels_are_those_of_lord(found: list[int]) -> None:
    assert [online_level(t, found, 0.05) for t in range(10, 60)] == pytest.approx(
        [wealth(t, found, 0.05) for t in range(10, 60)], rel=1e-6
    )


@pytest.mark.parametrize("seeds_of_baseline", [0, 2, 3, 5])
def test_long_ledgers_of_nothing_rarely_keep(seeds_of_baseline: int) -> None:
    """2,000 ledgers of 500 candidates no better than one baseline: at most 2.5% keep any, give or take three errors.

    All tests of a ledger share the error of its baseline: one run with a known spread (0), or the mean and the
    spread of k seeds.
    """
    rng = np.random.default_rng(seeds_of_baseline)
    levels = np.array([online_level(t, [], 0.05) for t in range(1, 501)])
    candidates = rng.standard_normal((2_000, 500))
    if seeds_of_baseline:
        base = rng.standard_normal((2_000, seeds_of_baseline))
        s = base.std(axis=1, ddof=1) * np.sqrt(1 + 1 / seeds_of_baseline)
        p = stats.t.cdf((candidates - base.mean(axis=1)[:, None]) / s[:, None], seeds_of_baseline - 1)
    else:
        p = stats.norm.cdf((candidates - rng.standard_normal((2_000, 1))) / np.sqrt(2))
    assert (p <= levels).any(axis=1).mean() <= 0.025 + 3 * np.sqrt(0.025 / 2_000)


@pytest.mark.parametrize("chosen_beyond", [0.0, 1.0, 2.4])
def test_choosing_by_a_first_look_finds_no_more(chosen_beyond: float) -> None:
    """400 ledgers of 100 candidates no better than the baseline: those that look better on one seed get three.

    The first look is among the three, so that luck is chosen; it has taken a level of its own.
    """
    rng, finds = np.random.default_rng(3), 0
    for _ in range(400):
        base, test = rng.standard_normal(3), 0
        for candidate in rng.standard_normal((100, 3)):
            test += 1
            if base[0] - candidate[0] > chosen_beyond:
                test += 1
                s = np.sqrt((base.var(ddof=1) + candidate.var(ddof=1)) / 3)
                if special.stdtr(4, (candidate.mean() - base.mean()) / s) <= online_level(test, [], 0.05):
                    finds += 1
                    break
    assert finds / 400 <= 0.025 + 3 * np.sqrt(0.025 / 400)


def loop(rng: np.random.Generator, gain: float, seeds: int, candidates: int = 100) -> np.ndarray:
    """Run a loop whose baseline is whatever it kept last, one candidate in five better by so many seed deviations.

    Returns
    -------
    ndarray, shape (3,)
        True keeps, false keeps, and what there was to be found.
    """
    level, seen, found, counts = 0.0, rng.standard_normal() / np.sqrt(seeds), [], np.zeros(3, dtype=int)
    for test in range(1, candidates + 1):
        is_better = rng.random() < 0.2
        tried = level - gain if is_better else level
        value = tried + rng.standard_normal() / np.sqrt(seeds)
        counts[2] += is_better
        if special.ndtr((value - seen) / np.sqrt(2 / seeds)) <= online_level(test, found, 0.05):
            found.append(test)
            counts[0 if is_better else 1] += 1
            level, seen = tried, value
    return counts


@pytest.mark.parametrize(("gain", "seeds", "power"), [(6, 1, 0.75), (3, 3, 0.3), (4, 3, 0.9), (6, 3, 0.98)])
def test_true_improvements_are_kept_and_few_false_ones(gain: float, seeds: int, power: float) -> None:
    """60 loops of 100 candidates each."""
    rng = np.random.default_rng(1)
    right, wrong, there = np.sum([loop(rng, gain, seeds) for _ in range(60)], axis=0)
    assert right / there > power
    assert wrong / (right + wrong) < 0.05


def test_real_logs_of_nothing_are_not_kept(tmp_path: Path) -> None:
    """The whole way from logs to the ledger: 30 candidates of one kind, other seeds, with a stated spread."""
    rng, ledger = np.random.default_rng(11), tmp_path / "ledger.jsonl"
    write(tmp_path, "base", rate=0.1, seed=0, val_loss=1 + 0.02 * rng.standard_normal())
    for k in range(30):
        write(tmp_path, f"c{k}", rate=0.2 + k, seed=0, val_loss=1 + 0.02 * rng.standard_normal())
    options = {"parameters": {"settings": {"seed_sd": 0.02}}}
    found = [decided(tmp_path, ledger, f"c{k}", "base", **options) for k in range(30)]
    assert [one.test for one in found] == [*range(1, 31)]
    assert "keep" not in [one.decision for one in found]
    write(tmp_path, "good", rate=99.0, seed=0, val_loss=0.8)
    assert decided(tmp_path, ledger, "good", "base", **options).decision == "keep"
    assert os.stat(ledger).st_size < 31 * 1_000
