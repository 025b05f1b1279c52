"""The ledger: nothing that was acknowledged is ever lost, whoever writes beside, is killed, or finds the disk full."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis.core import scratch as module
from analysis.core.errors import UsageError
from analysis.publish.ledger import locked_ledger
from tests.builders import ROOT

BEGINS = '{"by": '

WRITE = """
import sys
from pathlib import Path
from analysis.publish.ledger import locked_ledger

path, name, lines = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(lines):
    with locked_ledger(path, '{"by": ', lambda line: "by" in line) as book:
        book.append({"by": name, "number": number, "seen": len(book.lines), "text": "x" * 500})
        print(number, flush=True)
"""


def is_line(line: Mapping[str, Any]) -> bool:
    return "by" in line


def lines(path: Path) -> list[Mapping[str, Any]]:
    with locked_ledger(path, BEGINS, is_line) as book:
        return list(book.lines)


def writer(path: Path, name: str, count: int = 1_000_000) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path), name, str(count)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_two_writers_lose_nothing_and_each_sees_what_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    both = [writer(path, name, 60) for name in "ab"]
    assert [one.communicate(timeout=60)[0].split() for one in both] == [[str(n) for n in range(60)]] * 2
    found = lines(path)
    assert [line["seen"] for line in found] == list(range(120))
    for name in "ab":
        assert [line["number"] for line in found if line["by"] == name] == list(range(60))


def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    """Two writers at a time, killed after some of their lines, four times over: all that they told is there."""
    path, rng, told = tmp_path / "ledger.jsonl", random.Random(1), []
    for turn in range(4):
        both = [writer(path, f"{turn}{name}") for name in "ab"]
        for one in both:
            assert one.stdout is not None
            for _ in range(rng.randrange(1, 30)):
                one.stdout.readline()
            one.send_signal(signal.SIGKILL)
        for one, name in zip(both, "ab", strict=True):
            told += [(f"{turn}{name}", int(number)) for number in one.communicate(timeout=60)[0].split()]
    found = lines(path)
    assert {*told} <= {(line["by"], line["number"]) for line in found}
    assert [line["seen"] for line in found] == list(range(len(found)))


def test_a_line_that_was_never_finished_goes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"by": "a"}\n{"by": "b", "num')
    assert lines(path) == [{"by": "a"}]
    assert path.read_bytes() == b'{"by": "a"}\n'


def test_a_last_line_without_an_end_is_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"by": "a"}\n\n{"by": "b"}')
    with locked_ledger(path, BEGINS, is_line) as book:
        book.append({"by": "c"})
    assert [line["by"] for line in lines(path)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        b"notes\n",
        b"notes",
        b'{"by": 1}\n{"foo": 2}\n',
        b'{"foo": 2}',
        b'{"foo": ',
        b'{"by": 1}\nhalf\n{"by": 2}\n',
        b"[1]",
    ],
)
def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=r"notes:[12]: no line of such a ledger"):
        lines(path)
    assert path.read_bytes() == text


def test_folders_and_pipes_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "pipe" / "below"):
        with pytest.raises(UsageError):
            lines(path)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """A line that does not fit is none: the file is as before, and takes a line again when there is room."""
    path = tmp_path / "ledger.jsonl"
    with locked_ledger(path, BEGINS, is_line) as book:
        book.append({"by": "a"})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        with locked_ledger(path, BEGINS, is_line) as book, pytest.raises(UsageError, match="cannot be written"):
            book.append({"by": "b" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert lines(path) == [{"by": "a"}]


def test_a_file_replaced_while_somebody_waits_is_the_one_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with locked_ledger(path, BEGINS, is_line) as book:
        book.append({"by": "a"})
        waiting = writer(path, "b", 1)
        (tmp_path / "new").write_text(json.dumps({"by": "editor"}) + "\n")
        os.replace(tmp_path / "new", path)
    assert waiting.communicate(timeout=60)[0] == "0\n"
    assert [line["by"] for line in lines(path)] == ["editor", "b"]


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    path = tmp_path / "ledger.jsonl"
    with locked_ledger(path, BEGINS, is_line), pytest.raises(UsageError, match="another process holds it"):
        lines(path)
