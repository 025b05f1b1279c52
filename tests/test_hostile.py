"""Input that was made to hang, crash or fill the machine ends in one line, soon."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import sqlite3
import struct
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.batch.run_sets import load_entries
from analysis.core.errors import AnalysisError
from analysis.core.parameters import check_parameters
from analysis.core.plain_data import DEEPEST, loads
from analysis.core.redact import redact
from analysis.sources import below, reference, resolve
from analysis.sources._sqlite import opened
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


def test_a_header_of_a_hundred_thousand_columns_is_refused(place: Path) -> None:
    names = ",".join(f"c{number}" for number in range(100_000))
    (place / "runs" / "wide.csv").write_text(f"step,train_loss,{names}\n1,0.5,{'1,' * 99_999}1\n")
    with pytest.raises(AnalysisError, match=r"wide\.csv: its header has more than [\d,]+ columns"):
        resolve("wide", runs_dir=place / "runs")


ROW = {"step": 1, "train_loss": 0.5}
LIMITED: dict[str, tuple[str, bytes, str, str]] = {
    "rows of a gzip": (
        "x.csv.gz",
        gzip.compress(b"step,train_loss\n" + b"1,0.5\n" * 50_000),
        "RUN_REPORTS_MAX_CELLS=99999",
        "100,004 cells is more than the limit of 99,999 cells",
    ),
    "a line of a table": (
        "x.csv",
        b"step,train_loss\n1,0.5\n2," + b"1" * 2_000_000,
        "RUN_REPORTS_MAX_LINE_MB=1",
        "1 MB",
    ),
    "a line of JSON": (
        "x.jsonl",
        json.dumps(ROW).encode() + b'\n{"note": "' + b"x" * 2_000_000 + b'"}\n',
        "RUN_REPORTS_MAX_LINE_MB=1",
        "a line of more than 1 MB",
    ),
    "a line of zeros": (
        "x.csv.gz",
        gzip.compress(b"step,train_loss\n1,0.5\n2," + b"0" * 2_000_000),
        "RUN_REPORTS_MAX_LINE_MB=1",
        "a line of more than 1 MB",
    ),
    "names of columns": (
        "x.jsonl",
        b"".join(json.dumps({**ROW, f"m{row}": 1.0}).encode() + b"\n" for row in range(200)),
        "RUN_REPORTS_MAX_COLUMNS=100",
        "101 columns is more than the limit of 100 columns",
    ),
    "lists in lists": (
        "x.json",
        b"[" + b"[]," * 10_000_000 + b"[]]",
        "RUN_REPORTS_MAX_JSON_MB=40",
        "more than 10,000,000 lists",
    ),
    "printed text": (
        "x.log",
        b"".join(b"step %d loss 0.5123\n" % step for step in range(60_000)),
        "RUN_REPORTS_MAX_PRINTED_MB=1",
        "1 MB is more than the limit of 1 MB",
    ),
    "base64": (
        "x.csv",
        base64.b64encode(b"step,train_loss\n" + b"1,0.5\n" * 200_000),
        "RUN_REPORTS_MAX_JSON_MB=1",
        "set RUN_REPORTS_MAX_JSON_MB",
    ),
}


@pytest.mark.parametrize("what", LIMITED)
def test_what_is_large_once_unpacked_is_refused_before_it_is_held(
    what: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content, limited, said = LIMITED[what]
    (place / name).write_bytes(content)
    monkeypatch.setenv(*limited.split("="))
    tracemalloc.start()
    try:
        assert said in refused(lambda: resolve(name, runs_dir=place))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000 + 2 * len(content)
    finally:
        tracemalloc.stop()


def test_a_long_line_among_printed_ones_is_passed_over_soon(place: Path) -> None:
    """One of 800,000 characters, that names values again and again, took minutes."""
    lines = [*(f"step {step} loss {0.5 + step / 10}" for step in range(1, 9)), "step 1 loss 0.5 " * 50_000]
    (place / "x.log").write_text("\n".join(lines))
    began = time.process_time()
    (run,) = resolve("x.log", runs_dir=place)
    assert len(run.frame) == 8
    assert time.process_time() - began < 5


@pytest.mark.parametrize("metrics", ["VIEW", "TABLE"])
def test_what_a_database_would_compute_is_not_asked_for(metrics: str, place: Path) -> None:
    """A view that never ends stands for a table; a column computes a text of 20 MB."""
    with closing(sqlite3.connect(place / "x.db")) as database:
        database.executescript("CREATE TABLE configs (run_id TEXT, config TEXT); CREATE TABLE system_metrics (i TEXT);")
        if metrics == "VIEW":
            database.executescript(
                "CREATE VIEW metrics AS WITH RECURSIVE n(step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM n) "
                "SELECT 'a' AS run_id, 'a' AS run_name, '' AS timestamp, step, '{\"loss\": 1}' AS metrics FROM n"
            )
        else:
            database.executescript(
                "CREATE TABLE metrics (run_id TEXT, run_name TEXT, timestamp TEXT, step INTEGER, "
                "metrics TEXT AS (printf('%.*c', 20000000, 'x')));"
                "INSERT INTO metrics (run_id, run_name, step) VALUES ('a', 'a', 1)"
            )
    assert "no source knows" in refused(lambda: resolve("x.db", runs_dir=place))
    with pytest.raises(AnalysisError, match="no table metrics"), opened(place / "x.db", ["metrics"], "Trackio"):
        pass


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
    assert [run.id for run in resolve("runs", runs_dir=place)] == ["run_1", "run_2"]


def test_a_folder_of_too_many_files_is_refused_before_they_are_looked_into(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (below, reference):
        monkeypatch.setattr(module, "ENTRIES", 30)
    for number in range(40):
        (place / "runs" / f"shard_{number}.bin").touch()
    assert "or 30 files below it; give a folder in it" in refused(lambda: resolve("runs", runs_dir=place))
    assert "matches more than 30 files; narrow the pattern" in refused(lambda: resolve("runs/*", runs_dir=place))
    assert [run.id for run in resolve("runs/run*", runs_dir=place)] == ["run_1", "run_2"]


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
