"""The workflow of docs/ci.md, run step by step with a stand-in for GitHub's command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import ROOT, write_command

GH = """#!/bin/sh
printf '%s\\n' "$*" >> gh.log
case "$*" in *--paginate*) cat ids ;; esac
"""
"""Notes what it is called with, and answers a search with the IDs it was given."""


@pytest.fixture
def workflow() -> dict[str, Any]:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    return dict(yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]))  # type: ignore[index]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "runs", tmp_path / "runs")
    write_command(tmp_path / "bin")
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    return tmp_path


def run_step(workflow: dict[str, Any], name: str, folder: Path, **environment: str) -> int:
    """Run a step as the runner does: bash that stops at the first failure."""
    job = workflow["jobs"]["check"]
    step = next(step for step in job["steps"] if step.get("name") == name)
    given = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "REPO": "o/r", "PR": "7"}
    given |= {**job["env"], "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), **environment}
    return subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=folder, env=given).returncode


def calls(folder: Path) -> list[str]:
    log = folder / "gh.log"
    found = log.read_text().splitlines()
    log.unlink()
    return found


def test_the_gate_passes_and_fails_and_keeps_one_comment(workflow: dict[str, Any], checkout: Path) -> None:
    """The first check posts its comment, the next one, which fails, replaces it."""
    (checkout / "ids").write_text("")
    assert run_step(workflow, "Check", checkout) == 0
    assert json.loads((checkout / "check.json").read_text())["outcome"] == "passed"
    assert run_step(workflow, "Comment", checkout) == 0
    search, post = calls(checkout)
    marker = (checkout / "comment.md").read_text().splitlines()[0]
    assert marker in search
    assert "github-actions[bot]" in search
    assert post == "api --method POST repos/o/r/issues/7/comments --field body=@comment.md"

    (checkout / "ids").write_text("4711\n4712\n")
    assert run_step(workflow, "Check", checkout, CANDIDATE="run_3", BASELINE="run_4") == 3
    assert run_step(workflow, "Comment", checkout) == 0
    assert calls(checkout)[1] == "api --method PATCH repos/o/r/issues/comments/4711 --field body=@comment.md"
    assert (checkout / "summary.md").read_text().count(marker) == 2


def test_the_comment_is_made_whether_the_check_fails_or_not(workflow: dict[str, Any]) -> None:
    steps = {step.get("name"): step for step in workflow["jobs"]["check"]["steps"]}
    assert steps["Comment"]["if"].startswith("always()")
    assert workflow["permissions"]["pull-requests"] == "write"
