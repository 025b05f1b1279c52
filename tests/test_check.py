"""The gate: each outcome from a log made to have it, the exit status, and a comment in which nothing acts."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mistune
import numpy as np
import pytest

from analysis.cli.main import main
from analysis.core.errors import UsageError
from analysis.publish.check import check, to_json
from analysis.publish.check_comment import inert, to_markdown
from tests.builders import CONFIG, ROOT, at, log, noise, write_run
from tests.degenerate import HOSTILE

SIDECAR: dict[str, Any] = {
    "config": CONFIG,
    "parent": None,
    "data": {"n_train": 19200, "n_valid": 3000, "validation_set": "v", "training_set": "t"},
}
OURS = {"h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
"""The elements that a comment is made of."""

GUARDED = ["regressed", "diverged", "overfitting"]


def diverged() -> dict[str, Any]:
    """Columns of a run whose loss takes off and ends as infinite."""
    columns = log(2)
    columns["train_loss"][200:250] = np.linspace(0.3, 50, 50)
    columns["train_loss"][250:] = np.inf
    return columns


def overfitted() -> dict[str, Any]:
    """Columns of a run that goes on learning while its validation, made every ten steps, turns and rises."""
    rng, n = np.random.default_rng(3), 300
    falling = 1.5 * np.exp(-np.arange(n) / 60) + 0.2 + noise(rng, n, sd=0.02)
    turning = 0.6 + 0.8 * (np.linspace(0, 1, n // 10) - 0.3) ** 2
    return {"train_loss": falling, "valid_loss": at(n, 10, turning + 0.005 * rng.standard_normal(n // 10))}


def without_validation(seed: int) -> dict[str, Any]:
    """Columns of a log that holds the training loss alone."""
    return {"train_loss": log(seed)["train_loss"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    made: Mapping[str, Mapping[str, Any]] = {
        "base": log(1),
        "alike": log(2),
        "worse": log(4, level=0.5),
        "better": log(5, level=0.2),
        "diverged": diverged(),
        "overfitted": overfitted(),
        "short": log(6, 4, full=2),
        "plain": without_validation(7),
        "plain_base": without_validation(8),
    }
    for name, columns in made.items():
        write_run(folder, name, columns, **SIDECAR)
    write_run(folder, "other_set", log(9, level=0.5), **{**SIDECAR, "data": {"validation_set": "another"}})
    return folder


def states(runs: Path, candidate: str, fail_on: list[str], against: str = "base") -> tuple[str, bool, dict[str, str]]:
    checked = check(candidate, against, fail_on=fail_on, parameters={"runs_dir": str(runs)})
    return checked.outcome, checked.fails, {c.name: c.state for c in checked.conditions}


@pytest.mark.parametrize(
    ("candidate", "met"), [("worse", "regressed"), ("diverged", "diverged"), ("overfitted", "overfitting")]
)
def test_a_run_made_to_fail_fails_by_the_condition_it_was_made_for(runs: Path, candidate: str, met: str) -> None:
    outcome, fails, found = states(runs, candidate, GUARDED)
    assert (outcome, fails, found[met]) == ("failed", True, "met")


@pytest.mark.parametrize("candidate", ["alike", "better"])
def test_a_run_as_good_passes(runs: Path, candidate: str) -> None:
    outcome, fails, found = states(runs, candidate, ["regressed", "diverged"])
    assert (outcome, fails, set(found.values())) == ("passed", False, {"not met"})


def test_what_was_not_asked_does_not_fail(runs: Path) -> None:
    assert states(runs, "worse", ["diverged"])[:2] == ("passed", False)


def test_what_cannot_be_told_is_never_a_pass(runs: Path) -> None:
    """Without validation nobody can see overfitting: open gate or shut, the outcome does not read as passed."""
    assert states(runs, "plain", GUARDED, "plain_base")[:2] == ("cannot tell", False)
    outcome, fails, found = states(runs, "plain", [*GUARDED, "insufficient"], "plain_base")
    assert (outcome, fails) == ("cannot tell", True)
    assert found == {"regressed": "not met", "diverged": "not met", "overfitting": "cannot tell", "insufficient": "met"}


def test_runs_that_cannot_be_compared_cannot_pass(runs: Path) -> None:
    """A loss on another validation set is another quantity, however much higher."""
    outcome, fails, found = states(runs, "other_set", ["regressed"])
    assert (outcome, fails, found["regressed"]) == ("cannot tell", False, "cannot tell")
    assert states(runs, "other_set", ["regressed", "insufficient"])[:2] == ("cannot tell", True)


def test_leaving_a_condition_out_excludes_what_cannot_be_told_of_it(runs: Path) -> None:
    assert states(runs, "plain", ["regressed", "diverged", "insufficient"], "plain_base")[:2] == ("passed", False)


def test_muting_a_detector_excludes_it(runs: Path) -> None:
    muted = {"runs_dir": str(runs), "mute": ["det.overfitting"]}
    checked = check("overfitted", "base", fail_on=["overfitting"], parameters=muted)
    assert checked.outcome == "passed"
    assert checked.conditions[0].why == "muted"


def command(runs: Path, *arguments: str) -> int:
    return main(["check", *arguments, "--runs-dir", str(runs)])


def test_exit_statuses(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 passed, 3 failed, 2 bad input; a message of one line for the last."""
    assert command(runs, "better", "--against", "base", "--fail-on", "regressed") == 0
    assert command(runs, "worse", "--against", "base") == 3
    assert command(runs, "plain", "--against", "plain_base", "--fail-on", "overfitting,insufficient") == 3
    assert command(runs, "plain", "--against", "plain_base", "--fail-on", "overfitting") == 0
    assert command(runs, "plain", "--against", "plain_base") == 0  # nobody asked for overfitting by name
    capsys.readouterr()
    for bad in (
        ["nowhere", "--against", "base"],
        ["base", "--against", "base"],
        ["better", "--against", "base", "--against", "alike"],
        ["better", "--against", "base", "--fail-on", "regression"],
        ["better", "--against", "base", "--fail-on", ","],
        ["better", "--against", "base", "--markdown", "--json"],
        ["better", "--against", "base", "--markdown", "--marker=--><b>"],
        [str(runs / "plain*"), "--against", "base"],
    ):
        assert command(runs, *bad) == 2, bad
        said = capsys.readouterr()
        assert said.err.startswith("error: "), bad
        assert said.err.count("\n") == 1, bad
        assert said.out == ""
    with pytest.raises(SystemExit, match="2"):
        main(["check", "better"])


def test_files_hold_what_stdout_would(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON file and a Markdown file in one call; the conditions are still told on stdout."""
    files = tmp_path / "c.md", tmp_path / "c.json"
    assert command(runs, "worse", "--against", "base", "--markdown", str(files[0]), "--json", str(files[1])) == 3
    assert capsys.readouterr().out.startswith("failed: regressed.")
    result = json.loads(files[1].read_text())
    assert (result["outcome"], result["fails"], result["baseline"]) == ("failed", True, "base")
    primary = next(c for c in result["comparisons"] if c["metric"] == result["verdict"]["primary"]["metric"])
    assert primary["low"] < 0.2 < primary["high"]  # the truth: 0.5 against 0.3
    command(runs, "worse", "--against", "base", "--markdown")
    assert capsys.readouterr().out == files[0].read_text()


def test_a_comment_can_be_found_again_and_says_what_counts(runs: Path) -> None:
    """Marker first; verdict, interval, problem with its remedy, and what differs between the runs."""
    checked = check("diverged", "base", fail_on=GUARDED, parameters={"runs_dir": str(runs)})
    comment = to_markdown(checked, marker="nightly")
    assert comment.startswith("<!-- run-report:nightly -->\n### ✕ Failed (regressed, diverged): diverged against base")
    page = rendered(comment)
    assert page.count("<table>") == 2
    assert "What to do:" in page
    assert "clip gradients" in page
    assert "95% interval" in page
    assert json.dumps(to_json(checked), allow_nan=False)


def test_an_outcome_that_cannot_be_told_says_so_in_the_headline(runs: Path) -> None:
    checked = check("plain", "plain_base", fail_on=GUARDED, parameters={"runs_dir": str(runs)})
    head = to_markdown(checked).splitlines()[1]
    assert head.startswith("### ? Cannot tell (overfitting): ")
    assert "Passed" not in to_markdown(checked)


def rendered(markdown: str) -> str:
    """Render Markdown as a page does that lets HTML through, so that any that slips in shows."""
    return str(mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])(markdown))


def test_hostile_names_are_read_as_they_are(tmp_path: Path) -> None:
    """Names full of markup, mentions and links: the comment has no element of theirs, its text has every letter."""
    name = f"{HOSTILE} @octocat #12 https://evil.example/x www.evil.example <!-- run-report:check --> </details>"
    write_run(tmp_path, "a", log(1), **SIDECAR)
    write_run(tmp_path, "b", log(2, level=0.5), **{**SIDECAR, "label": name})
    checked = check("b", "a", fail_on=GUARDED, parameters={"runs_dir": str(tmp_path)})
    comment = to_markdown(checked)
    page = rendered(comment)
    tags = set(re.findall(r"<(/?\w+)", page))
    assert {tag.strip("/") for tag in tags} <= OURS
    assert comment.count("<!--") == 1
    shown = html.unescape(re.sub(r"<[^>]*>", "", page.split("-->", 1)[1])).replace("\u200b", "")
    assert " ".join(name.split()) in shown


@pytest.mark.parametrize(
    "active", ["@user", "@org/team", "#12", "GH-7", "https://x.example", "www.x.example", "a@b.de"]
)
def test_nothing_in_a_text_calls_anybody_or_leads_anywhere(active: str) -> None:
    """After Markdown has taken the backslashes away, GitHub's own patterns find nothing."""
    text = html.unescape(re.sub(r"<[^>]*>", "", rendered(inert(f"x {active} y"))))
    assert text.replace("\u200b", "").strip() == f"x {active} y"
    assert not re.search(r"@\w|#\d|GH-\d|\w://|www\.\w", text)


def test_a_check_draws_nothing_and_starts_no_notebook() -> None:
    """Neither figures nor notebook tools are imported: a gate must be quick."""
    code = (
        "import sys; from analysis.cli.main import main; main(['check', 'run_4', '--against', 'run_3', '--markdown']); "
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'matplotlib', 'seaborn', 'nbconvert', 'nbformat', 'papermill', 'IPython', 'typst'}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "run-report:check" in done.stdout


def test_conditions_must_be_known() -> None:
    with pytest.raises(UsageError, match="choose among regressed, diverged, overfitting, insufficient"):
        check("a", "b", fail_on=["slower"])


def test_an_unfinished_candidate_is_told_as_one(tmp_path: Path) -> None:
    """Of one curve half is worse than the whole; the line says that it is half, and what is left at equal length."""
    rng = np.random.default_rng(31)
    curve = {"train_loss": 0.5 + 1.5 * np.exp(-np.linspace(0, 3, 600)) + noise(rng, 600)}
    again = {"train_loss": 0.5 + 1.5 * np.exp(-np.linspace(0, 3, 600)) + noise(rng, 600)}
    write_run(tmp_path, "full", curve, **SIDECAR)
    write_run(tmp_path, "half", {"train_loss": again["train_loss"][:300]}, expected_steps=600, **SIDECAR)
    checked = check("half", "full", fail_on=["regressed"], parameters={"runs_dir": str(tmp_path)})
    (condition,) = checked.conditions
    assert condition.state == "met"
    assert "It ran 300 of its planned 600 steps against 600. At equal length no difference is shown" in condition.why
