"""What docs/batch.md shows is what happens: its files are written, its commands run, their output compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analysis.publish.forked import fork_is_safe
from tests.builders import ROOT, RUN_IDS, write_command

PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the sample runs, and a command that is this one."""
    (tmp_path / "runs").mkdir()
    for run_id in RUN_IDS:
        for ending in (".csv", ".yaml"):
            shutil.copy(ROOT / "runs" / f"{run_id}{ending}", tmp_path / "runs")
    write_command(tmp_path / "bin")
    return tmp_path


@pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system, and without it this takes long")
def test_every_command_of_the_page_says_what_the_page_says(place: Path) -> None:
    """In the order of the page; reports may end in any order, and times differ."""
    environment = {**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    commands = 0
    for kind, text in BLOCK.findall(PAGE):
        if kind == "yaml":
            name = text.removeprefix("# ").partition("\n")[0]
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text(text)
            continue
        command, _, shown = text.removeprefix("$ ").partition("\n")
        done = subprocess.run(command, shell=True, cwd=place, env=environment, capture_output=True, text=True)
        assert same(done.stdout + done.stderr, shown), f"{command}\n{done.stdout}{done.stderr}"
        commands += 1
    assert commands > 2


def same(said: str, shown: str) -> bool:
    """Tell whether lines agree up to order, numbers of seconds, and what ``...`` stands for."""
    expected = sorted(timeless(line) for line in shown.splitlines())
    patterns = [re.escape(line).replace(r"\.\.\.", ".*") for line in expected]
    lines = sorted(timeless(line) for line in said.splitlines())
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def timeless(line: str) -> str:
    return re.sub(r"\d+\.\d s|\d+:\d\d", "some time", line)
