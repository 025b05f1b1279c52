"""Input that was made to hang, crash or fill the machine ends in one line, soon."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.batch.run_sets import load_entries
from analysis.core.errors import AnalysisError
from analysis.core.parameters import check_parameters
from analysis.core.plain_data import DEEPEST, loads
from analysis.core.redact import redact
from analysis.sources import resolve
from analysis.sources.reference import _globbed
from analysis.sources.tensorboard.tfrecord import checksums, intact, records
from analysis.sources.yaml_files import load_json, load_yaml
from tests.builders import log, write_run

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = {
    "bomb": (BOMB, "stand for more than 100,000 values"),
    "recursive": ("a: &a [*a]", "stand for more than 100,000 values"),
    "date": ("a: 2024-13-45", "month must be in 1..12"),
    "deep": ("a: " + "[" * 100_000, "nested more than 100 levels"),
    "control": ("a: \x01", "unacceptable character"),
    "object": ("a: !!python/object:os.system [x]", "constructor"),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs."""
    for number in (1, 2):
        write_run(tmp_path / "runs", f"run_{number}", log(number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(read: Callable[[], Any], *, within: float = 5) -> str:
    """Return the one line with which something is refused, within some seconds of processor time."""
    began = time.process_time()
    with pytest.raises(AnalysisError) as error:
        read()
    assert time.process_time() - began < within
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", YAML)
def test_hostile_yaml_is_one_line_wherever_it_is_read(kind: str, place: Path) -> None:
    """In a run set, in settings as a file and as text; in a sidecar, where foreign tags are read as plain data."""
    text, why = YAML[kind]
    path = place / "x.yaml"
    path.write_text(text)
    asked = {"run_ids": ["run_1"]}
    assert why in refused(lambda: load_entries(path))
    assert why in refused(lambda: check_parameters({**asked, "settings": str(path)}))
    assert "must be YAML" in refused(
        lambda: check_parameters({**asked, "settings": "{" + text.replace("\n", ", ") + "}"})
    )
    if kind != "object":
        assert why in refused(lambda: load_yaml(path))


@pytest.mark.parametrize("depth", [DEEPEST + 1, 400, 100_000])
def test_deep_json_is_refused_and_deep_enough_is_read(depth: int, place: Path) -> None:
    """What walks the data calls itself once a level, so depth is bounded where data come in."""
    path = place / "x.json"
    path.write_text("[" * depth + "]" * depth)
    assert "nested more than 100 levels" in refused(lambda: load_json(path))
    assert loads("[" * DEEPEST + "]" * DEEPEST)
    (place / "runs/run_1.json").write_text('{"hyperparameters": ' + '{"a":' * depth + "1" + "}" * depth + "}")
    (run,) = resolve("run_1", runs_dir=place / "runs")
    assert len(run.frame)


@pytest.mark.parametrize("start", ["\n", "\r\n", " \n", "#\n"])
def test_many_lines_before_a_table_take_no_quadratic_time(start: str, place: Path) -> None:
    """A file of 60,000 characters that is nearly all empty."""
    path = place / "x.csv"
    path.write_text(start * (60_000 // len(start)) + "step,train_loss\n1,0.5\n2,0.4\n")
    began = time.process_time()
    (run,) = resolve(str(path), runs_dir=place)
    assert list(run.series("train_loss")) == [0.5, 0.4]
    assert time.process_time() - began < 5


def test_a_header_of_a_million_columns_is_refused(place: Path) -> None:
    names = ",".join(f"c{number}" for number in range(1_000_000))
    (place / "runs" / "wide.csv").write_text(f"step,train_loss,{names}\n1,0.5,{'1,' * 999_999}1\n")
    with pytest.raises(AnalysisError, match=r"wide\.csv: its header has more than [\d,]+ columns"):
        resolve("wide", runs_dir=place / "runs")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_device_or_socket_is_named_and_never_opened(place: Path) -> None:
    """A pipe that nobody writes to would be waited for."""
    os.mkfifo(place / "runs/pipe.csv")
    os.mkfifo(place / "runs/run_1.yml")
    os.mkfifo(place / "runs/events.out.tfevents.1.host")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("runs/server.csv")
        for name in ("runs/pipe.csv", "runs/server.csv", os.devnull, "runs/events.out.tfevents.1.host"):
            assert "a pipe, a device or a socket" in refused(lambda name=name: resolve(name, runs_dir=place / "runs"))
        assert "runs has run_1, run_2" in refused(lambda: resolve("nope", runs_dir=Path("runs")))
        assert [run.id for run in resolve("runs/*", runs_dir=place)] == ["run_1", "run_2"]
    assert "a pipe" in refused(lambda: load_entries(place / "runs/pipe.csv"))
    assert "a pipe" in refused(lambda: check_parameters({"run_ids": ["run_1"], "settings": "runs/pipe.csv"}))


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own on Windows")
def test_links_in_a_circle_are_followed_once(place: Path) -> None:
    """``**`` goes into each folder once; a link to itself is no log."""
    (place / "runs/again").symlink_to(".")
    (place / "runs/up").symlink_to("..")
    (place / "runs/own.csv").symlink_to("own.csv")
    assert sorted(_globbed("runs/**/run_?.csv")) == ["runs/run_1.csv", "runs/run_2.csv"]
    assert _globbed("**/run_1.csv") == ["runs/run_1.csv"]
    assert [run.id for run in resolve("runs/**/*.csv", runs_dir=place)] == ["run_1", "run_2"]


def test_lengths_in_event_files_are_believed_up_to_a_bound() -> None:
    """A file of nothing but zeros ends at its first header; a payload too large for a scalar counts as damaged."""
    began = time.process_time()
    starts, _, why = records(np.zeros(50_000_000, dtype=np.uint8))
    assert (len(starts), why) == (0, "a record header is damaged at byte 0")
    length = np.frombuffer(struct.pack("<Q", 1 << 60), np.uint8)
    crc = np.frombuffer(struct.pack("<I", int(checksums(length[None])[0])), np.uint8)
    starts, _, why = records(np.concatenate([length, crc, np.zeros(100, np.uint8)]))
    assert (len(starts), why) == (0, "the last record is cut off at byte 112")
    large = np.zeros(70_000_000, dtype=np.uint8)
    assert not intact(large, np.array([12]), np.array([65_000_000])).any()
    assert time.process_time() - began < 5


def test_a_huge_text_in_a_configuration_is_cut_before_it_is_looked_through(place: Path) -> None:
    """A configuration may hold a data set by mistake."""
    (place / "runs/run_1.yaml").write_text(json.dumps({"config": {"note": "password is a " * 60_000}}))
    began = time.process_time()
    (run,) = resolve("run_1", runs_dir=place / "runs")
    assert len(run.config["note"]) < 21_000
    assert redact(run.config) == run.config
    assert redact("a" * 30_000 + "b") != redact("a" * 30_000 + "c")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("written", ["no\x1b[31mpe", "no\u202epe", "no\x07pe"])
def test_no_control_character_reaches_the_terminal(written: str, place: Path, capsys: Any) -> None:
    """Neither in an error nor in what is listed: an escape sequence may clear the screen, a mark turn a name round."""
    from analysis.cli.main import main

    (place / "runs/run_1.yaml").write_text(json.dumps({"label": written}))
    for command in (["runs", written], ["runs", "run_1"], ["report", "run_1", "--candidate", written]):
        main(command)
    with pytest.raises(SystemExit):
        main(["report", "run_1", "--engine", written])
    said = capsys.readouterr()
    assert "no[U+" in said.out + said.err
    assert not {"\x1b", "\u202e", "\x07"} & set(said.out + said.err)
