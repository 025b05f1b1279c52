"""The same runs on the same date give the same files, byte for byte, whoever makes them, how and where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import COMMAND, ROOT

LIMIT = 300


def made(place: Path, *words: str, umask: int = -1, cpus: int = 0, **environment: str) -> dict[str, bytes]:
    """Run a command, on so many processors; give every file of the report, whose folder is then taken away."""

    def prepare() -> None:
        if cpus:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])

    ended = subprocess.run(
        [*COMMAND, *words, "--no-index"],
        cwd=place,
        env={**os.environ, **environment},
        umask=umask,
        preexec_fn=prepare,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert ended.returncode == 0, ended.stderr
    folder = place / "reports" / "run_4"
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    shutil.rmtree(folder)
    return files


@pytest.mark.skipif(sys.platform != "linux", reason="chooses processors")
def test_another_command_engine_locale_zone_umask_and_processor_give_the_same_bytes(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "runs", tmp_path / "runs")
    (tmp_path / "sets.yaml").write_text(json.dumps({"run_ids": ["run_3", "run_4"], "date": "2026-01-01"}))
    one = made(tmp_path, "report", "run_3", "run_4", "--date", "2026-01-01", PYTHONHASHSEED="1", TZ="UTC")
    other = made(
        tmp_path,
        *("batch", "sets.yaml", "--workers", "2", "--engine", "kernel"),
        **{"PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "HOME": str(tmp_path)},
        umask=0o077,
        cpus=1,
    )
    # The one file that has to differ says when and where the report was made, and from what.
    assert {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} == {".made.json"}
    assert {"report.html", "report.pdf", "report.ipynb", "training_analysis_results.json"} <= one.keys()
