"""What a killed process left is taken away by the next one; what a living one fills is let be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from analysis.core import scratch as held
from analysis.core.scratch import create_locked, remove_abandoned, scratch
from analysis.publish.folder import replacing, write_atomically

fcntl = pytest.importorskip("fcntl", reason="nothing can be locked on this system")

DIE_WITH_A_SCRATCH = """
import os
from analysis.core.scratch import scratch
with scratch() as folder:
    (folder / "copy of a log").write_text("1")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this process and those that it starts."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    return tmp_path


def test_a_scratch_folder_goes_with_its_block_or_when_the_next_one_is_made(temporary: Path) -> None:
    """Nothing piles up, however often somebody is killed; what others have there stays."""
    (temporary / "run-reports-of-mine").mkdir()
    with scratch() as living:
        for _ in range(2):
            assert subprocess.run([sys.executable, "-c", DIE_WITH_A_SCRATCH]).returncode == -9
            assert len(list(temporary.iterdir())) == 3
        with scratch() as another:
            assert {*temporary.iterdir()} == {living, another, temporary / "run-reports-of-mine"}
    assert [path.name for path in temporary.iterdir()] == ["run-reports-of-mine"]


def test_what_is_taken_away_before_it_is_held_is_made_again(tmp_path: Path) -> None:
    """Somebody may clear away between the making of a folder and its lock."""
    made = []

    def make() -> str:
        made.append(tempfile.mkdtemp(dir=tmp_path))
        if len(made) == 1:
            remove_abandoned(Path(made[0]))
        return made[-1]

    path, handle = create_locked(make)
    remove_abandoned(path)
    assert [str(one) for one in tmp_path.iterdir()] == [str(path)] == made[1:]
    held.unlock(handle)
    remove_abandoned(path)
    assert not path.exists()


def test_where_nothing_can_be_locked_all_works_and_the_old_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network file systems: what has changed within a day may still be in use."""

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with replacing(tmp_path / "r") as staging:
        write_atomically(staging / "a", b"new")
    assert (tmp_path / "r" / "a").read_bytes() == b"new"
    remove_abandoned(tmp_path / "r")
    assert (tmp_path / "r").exists()
    os.utime(tmp_path / "r", (1, 1))
    remove_abandoned(tmp_path / "r")
    assert not (tmp_path / "r").exists()
