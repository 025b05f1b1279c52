"""A report's folder is the old one or the new one, whole, whatever happens; what others put in it stays."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.publish import folder
from analysis.publish.folder import carry_over, replacing, write_manifest

KEEP_REPLACING = """
import sys
from itertools import count
from pathlib import Path
from analysis.publish import folder
if sys.argv[2] == "two steps":
    folder._exchange = lambda one, other: False
target = Path(sys.argv[1])
for generation in count(int(sys.argv[3])):
    with folder.replacing(target) as staging:
        for name in "abcd":
            (staging / name).write_text(str(generation) * 5000)
    print(generation, flush=True)
"""


def fill(target: Path, **files: str) -> None:
    with replacing(target) as staging:
        for name, text in files.items():
            (staging / name).write_text(text)
        write_manifest(staging, {})
        if target.exists():
            carry_over(target, staging)


def names(path: Path) -> set[str]:
    return {p.name for p in path.iterdir()}


def test_an_error_leaves_the_folder_and_its_surroundings_as_they_were(tmp_path: Path) -> None:
    fill(tmp_path / "r", a="old")

    def interrupted() -> None:
        with replacing(tmp_path / "r") as staging:
            (staging / "a").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "r" / "a").read_text() == "old"
    assert names(tmp_path) == {"r"}


@pytest.mark.parametrize("way", ["one step", "two steps"])
def test_a_kill_at_any_moment_leaves_one_whole_generation(tmp_path: Path, way: str) -> None:
    target, generation = tmp_path / "r", 10
    rng = random.Random(4)
    for _ in range(12):
        command = [sys.executable, "-c", KEEP_REPLACING, str(target), way, str(generation)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(rng.randrange(1, 12)):
                generation = int(process.stdout.readline())
            for _ in range(rng.randrange(0, 20_000)):
                pass  # a moment of random length, much shorter than one replacement
            process.kill()
        folder._repair(target)
        contents = {name: (target / name).read_text() for name in "abcd"}
        assert len(set(contents.values())) == 1
        assert len(contents["a"]) == 5000 * len(str(generation))
        assert names(tmp_path) == {"r"}


def test_a_folder_set_aside_by_a_killed_process_comes_back(tmp_path: Path) -> None:
    fill(tmp_path / "r", a="old")
    (tmp_path / "r").rename(tmp_path / ".r.old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "r"):
        raise ZeroDivisionError
    assert (tmp_path / "r" / "a").read_text() == "old"
    assert names(tmp_path) == {"r"}


def test_a_folder_that_somebody_is_filling_is_not_taken_for_an_orphan(tmp_path: Path) -> None:
    with replacing(tmp_path / "r") as first:
        (first / "a").write_text("first")
        fill(tmp_path / "r", a="second")
        assert (tmp_path / "r" / "a").read_text() == "second"
    assert (tmp_path / "r" / "a").read_text() == "first"
    assert names(tmp_path) == {"r"}


DIE_WRITING = """
import os, sys
from pathlib import Path
from analysis.publish.folder import write_atomically
os.replace = lambda *names: os._exit(9)
write_atomically(Path(sys.argv[1]), b"new")
"""


def test_a_file_that_a_killed_process_did_not_finish_goes_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the folders and within them; one that is being written at this moment is let be."""
    fill(tmp_path / "r", a="old")
    for name in ("index.html", "r/a"):
        assert subprocess.run([sys.executable, "-c", DIE_WRITING, str(tmp_path / name)]).returncode == 9
    assert len([*tmp_path.glob("**/.*.unfinished")]) == 2
    replace = folder.os.replace

    def mending(*names: str) -> None:
        folder.repair(tmp_path)
        replace(*names)

    monkeypatch.setattr(folder.os, "replace", mending)
    folder.write_atomically(tmp_path / "index.html", b"new")
    assert names(tmp_path) == {"r", "index.html"}
    assert names(tmp_path / "r") == {"a", folder.MANIFEST}
    assert (tmp_path / "index.html").read_text() == "new"


def test_files_of_others_stay_and_stale_ones_of_ours_go(tmp_path: Path) -> None:
    target = tmp_path / "r"
    fill(target, a="1", gone="1")
    (target / "notes").mkdir()
    (target / "notes" / "mine.txt").write_text("mine")
    fill(target, a="2")
    assert (target / "notes" / "mine.txt").read_text() == "mine"
    assert names(target) == {"a", "notes", folder.MANIFEST}
    fill(target, a="3")
    assert (target / "notes" / "mine.txt").read_text() == "mine"


def test_an_edited_file_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "r"
    fill(target, **{"report.ipynb": "1"})
    for edit in ("first edit", "second edit"):
        (target / "report.ipynb").write_text(edit)
        fill(target, **{"report.ipynb": "2"})
    assert (target / "report.ipynb").read_text() == "2"
    assert (target / "report.edited.ipynb").read_text() == "first edit"
    assert (target / "report.edited-2.ipynb").read_text() == "second edit"


def test_without_a_readable_manifest_nothing_is_lost(tmp_path: Path) -> None:
    target = tmp_path / "r"
    fill(target, a="whose?")
    (target / folder.MANIFEST).write_text("{")
    fill(target, a="new")
    assert (target / "a.edited").read_text() == "whose?"


def test_names_with_pattern_characters_are_only_names(tmp_path: Path) -> None:
    bystander = tmp_path / ".r1.x.new"
    bystander.mkdir()
    fill(tmp_path / "r[12]", a="1")
    assert bystander.exists()
    fill(tmp_path / "r1", a="1")
    assert not bystander.exists()
