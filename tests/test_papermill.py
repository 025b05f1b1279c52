"""Papermill's own tests of execution hold with our engine in place of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.publish.forked import fork_is_safe
from tests.builders import ROOT

EXCLUDED = {
    "TestBrokenNotebook2": "its notebook imports `display` from `IPython.core.display`, where IPython 9 no longer has "
    "it: it fails with papermill's own engine too",
}
"""Tests that are not run, and why."""


@pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")
def test_papermills_own_tests_hold(tmp_path: Path) -> None:
    modules = ("papermill.tests.test_execute", "papermill.tests.test_engines")
    for module in modules:
        pytest.importorskip(module, reason="this papermill comes without its tests")
    command = [sys.executable, "-m", "pytest", "-p", "tests.engine_as_default", "-p", "no:cacheprovider"]
    command += ["-c", os.devnull, "--rootdir", str(tmp_path), "-k", f"not ({' or '.join(EXCLUDED)})"]
    command += ["--pyargs", *modules]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= 50
