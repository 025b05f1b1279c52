"""W&B: offline files as W&B's own inspector reads them, exported CSVs, and the client's side of a server."""

from __future__ import annotations

import csv
import http.server
import json
import math
import os
import socket
import struct
import subprocess
import sys
import threading
import types
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.core.errors import AnalysisError, LogError, MissingExtra, RunNotFound
from analysis.sources import load_runs
from analysis.sources import wandb as source
from analysis.sources.wandb.log import Damage, records
from tests.sources.hints import follow

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "wandb"

WRITE = """
import math, sys
import wandb

config = {"lr": 3e-4, "model": {"layers": 12, "betas": [0.9, 0.95]}, "api_key": "x" * 30}
settings = wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True)
run = wandb.init(
    mode="offline", dir=sys.argv[1], project="p", entity="e", name="first try", group="g", id="abc123", config=config,
    settings=settings,
)
for step in range(300):
    row = {"train": {"loss": 1 / (step + 1), "acc": step / 300}, "lr": 1e-3, "count": step, "flag": True}
    if step % 20 == 19:
        row["eval/loss"] = 0.5 + 1 / (step + 1)
    if step == 30:
        row |= {"bad": math.nan, "text": "hello", "hist": wandb.Histogram([1.0, 2.0]), "long": "y" * 70_000}
    if step == 31:
        row |= {"bad": -math.inf, "list": [1, 2]}
    run.log(row, step=2 * step)
run.config.update({"late": 5})
run.finish()

run = wandb.init(mode="offline", dir=sys.argv[1], project="p", id="def456", settings=settings)
run.define_metric("train/global_step")
run.define_metric("*", step_metric="train/global_step", step_sync=True)
for step in range(10, 60, 10):
    run.log({"train/loss": 1 / step, "train/global_step": step})
    if step % 20 == 0:
        run.log({"eval/loss": 2 / step, "train/global_step": step})
run.finish(exit_code=3)
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``wandb`` folder with two runs written by W&B itself."""
    if find_spec("wandb") is None:
        pytest.skip("wandb is not installed: pip install -e '.[sources-test]'")
    folder = tmp_path_factory.mktemp("offline")
    environment = {**os.environ, "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true", "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", WRITE, str(folder)], check=True, env=environment, timeout=120, cwd=folder)
    return folder / "wandb"


def file_of(folder: Path, run: str) -> Path:
    (path,) = folder.glob(f"offline-run-*-{run}/*.wandb")
    return path


def inspected(path: Path) -> list[dict[str, Any]]:
    """What ``wandb leet inspect`` prints of a file."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
    environment = {**os.environ, "WANDB_ERROR_REPORTING": "false"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def numbers(value: Any) -> Any:
    """A value of the inspector in the terms of a raw log: a number, infinity for what is not finite, or None."""
    if value in ("NaN", "Infinity", "-Infinity"):
        return math.inf
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def table(frame: Any) -> dict[str, dict[int, float]]:
    found = {}
    for column in frame.columns.difference(["step", "timestamp"]):
        logged = frame.loc[frame[column].notna(), ["step", column]]
        found[column] = dict(zip(logged["step"], logged[column], strict=True))
    return found


def test_each_run_of_a_folder_has_its_own_sidecar(offline: Path, tmp_path: Path) -> None:
    """The file that is named is read, for the folder of all runs, one run's folder and its file."""
    assert follow(str(offline), tmp_path) == 2
    assert follow(str(file_of(offline, "abc123")), tmp_path) == 1
    assert follow(str(file_of(offline, "abc123").parent), tmp_path) == 1


def test_all_of_a_folder_is_each_run_once(offline: Path, tmp_path: Path) -> None:
    """A pattern passes over W&B's own messages and over the link to the latest run."""
    assert len(load_runs([f"{offline}/*"], runs_dir=tmp_path)) == 2


def test_an_offline_file_gives_what_the_inspector_gives(offline: Path) -> None:
    """Every number of every row, nested ones too; histograms, text and lists are counted and left out."""
    path = file_of(offline, "abc123")
    expected: dict[str, dict[int, float]] = {}
    times = {}
    for record in inspected(path):
        if record["type"] == "history":
            item, step = record["history"]["item"], record["history"]["step"]["num"]
            times[int(step)] = item["_timestamp"]
            for name, value in item.items():
                if not name.startswith(("_", "hist.")) and numbers(value) is not None:
                    expected.setdefault(name, {})[int(step)] = numbers(value)
    (log,) = source.load(path, columns={})
    assert table(log.frame) == expected
    assert set(expected) == {"train.loss", "train.acc", "lr", "count", "eval/loss", "bad"}
    assert log.rows_read == len(log.frame) == 300
    stamps = log.frame["timestamp"].astype("int64") / 1e9
    assert np.allclose(stamps, [times[s] for s in log.frame["step"]], rtol=0, atol=2e-6)
    assert {d.column: d.count for d in log.dropped} == {"flag": 300, "text": 1, "hist": 1, "long": 1, "list": 1}


def test_configuration_and_names_come_with_the_run(offline: Path) -> None:
    """Nested configuration, what was added later, ID and name."""
    (log,) = source.load(file_of(offline, "abc123").parent, columns={})
    assert (log.id, log.name, log.notes) == ("abc123", "first try", ())
    assert {key: log.config[key] for key in ("lr", "model", "late")} == {
        "lr": 3e-4,
        "model": {"layers": 12, "betas": [0.9, 0.95]},
        "late": 5,
    }


def test_steps_are_those_of_the_training_loop(offline: Path) -> None:
    """The metric that define_metric names counts steps; train and eval rows of one step become one row."""
    (log,) = source.load(file_of(offline, "def456"), columns={})
    assert log.frame["step"].tolist() == [10, 20, 30, 40, 50]
    assert table(log.frame)["eval/loss"] == {20: 0.1, 40: 0.05}
    assert any("train/global_step" in note for note in log.notes)
    assert any("exit code 3" in note for note in log.notes)
    (log,) = source.load(file_of(offline, "def456"), columns={"step": "_step"})
    assert log.frame["step"].tolist() == list(range(7))


def test_a_folder_gives_each_run_once(offline: Path) -> None:
    """The wandb folder, or the one above it, holds two runs; latest-run only links to one of them."""
    for folder in (offline, offline.parent):
        assert source.recognises(folder)
        assert sorted(str(log.id) for log in source.load(folder, columns={})) == ["abc123", "def456"]


def test_a_cut_file_is_read_up_to_the_cut(offline: Path, tmp_path: Path) -> None:
    """Of every length, the rows read are a beginning of the whole, and the loss is noted."""
    whole = file_of(offline, "abc123").read_bytes()
    (log,) = source.load(file_of(offline, "abc123"), columns={})
    steps = log.frame["step"].tolist()
    path = tmp_path / "run-abc123.wandb"
    rng = np.random.default_rng(2)
    most = 0
    for size in sorted(int(s) for s in rng.integers(8, len(whole), 60)):
        path.write_bytes(whole[:size])
        try:
            (log,) = source.load(path, columns={})
        except LogError:
            assert most == 0  # only a file without any row is an error
            continue
        assert log.frame["step"].tolist() == steps[: len(log.frame)]
        assert len(log.frame) >= most
        assert log.notes
        most = len(log.frame)
    assert most > 200


def test_a_flipped_bit_never_passes_as_a_value(offline: Path, tmp_path: Path) -> None:
    """With bytes changed anywhere the rows read are rows of the whole, and what is lost is counted."""
    original = file_of(offline, "abc123")
    whole = original.read_bytes()
    (log,) = source.load(original, columns={})
    truth = {(name, *point) for name, points in table(log.frame).items() for point in points.items()}
    rng = np.random.default_rng(3)
    path = tmp_path / "run.wandb"
    for _ in range(80):
        damaged = bytearray(whole)
        damaged[int(rng.integers(7, len(whole)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        (log,) = source.load(path, columns={})
        assert {(name, *point) for name, points in table(log.frame).items() for point in points.items()} <= truth
        assert any(d.column == "record" for d in log.dropped) or log.notes


def framed(*payloads: bytes) -> bytes:
    """Frame short records as W&B does, by the format's definition."""
    content = b":W&B\xe1\xbe\x00"
    for payload in payloads:
        assert len(content) % 32768 + 7 + len(payload) <= 32768
        content += struct.pack("<IHB", zlib.crc32(b"\x01" + payload), len(payload), 1) + payload
    return content


def test_sound_frames_around_nonsense_are_counted(tmp_path: Path) -> None:
    """Random messages behind correct checksums end in counts or one line, never another exception."""
    rng = np.random.default_rng(4)
    item = bytes([0x0A, 4]) + b"loss" + bytes([0x82, 1, 3]) + b"0.5"
    history = bytes([0x0A, len(item)]) + item + bytes([0x12, 2, 0x08, 7])
    record = bytes([0x12, len(history)]) + history
    path = tmp_path / "run.wandb"
    for _ in range(200):
        inner = rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8).tobytes()
        kind = int(rng.choice([0x12, 0x2A, 0x62]))
        noise = bytes([kind, len(inner)]) + inner
        path.write_bytes(framed(record, noise, inner))
        (log,) = source.load(path, columns={})
        assert table(log.frame)["loss"][7] == 0.5


def test_values_of_every_encoding_are_read(tmp_path: Path) -> None:
    """Typed values of new files, JSON values of old ones, nested JSON, numbers beyond float64."""

    def item(name: str, value: bytes) -> bytes:
        inner = bytes([0x0A, len(name)]) + name.encode() + value
        return bytes([0x0A, len(inner)]) + inner

    huge = b"1" + b"0" * 60 + b"e300"
    history = b"".join(
        [
            item("integer", bytes([0x28, 5])),
            item("number", bytes([0x31]) + struct.pack("<d", 2.5)),
            item("old", bytes([0x82, 1, 4]) + b"0.25"),
            item("nested", bytes([0x82, 1, 9]) + b'{"a":1.5}'),
            item("media", bytes([0x82, 1, 26]) + b'{"_type":"image","width":3}'[:26]),
            item("huge", bytes([0x82, 1, len(huge)]) + huge),
            bytes([0x12, 2, 0x08, 3]),
        ]
    ).replace(b'"width":3', b'"width":}')
    path = tmp_path / "run.wandb"
    path.write_bytes(framed(b"\x12" + bytes([len(history) & 0x7F | 0x80, len(history) >> 7]) + history))
    with pytest.raises(LogError, match="no number"):  # one value is not JSON: the record is left out as a whole
        source.load(path, columns={})
    history = history.replace(item("media", bytes([0x82, 1, 26]) + b'{"_type":"image","width":}'), b"")
    path.write_bytes(framed(b"\x12" + bytes([len(history) & 0x7F | 0x80, len(history) >> 7]) + history))
    (log,) = source.load(path, columns={})
    assert table(log.frame) == {
        "integer": {3: 5},
        "number": {3: 2.5},
        "old": {3: 0.25},
        "nested.a": {3: 1.5},
        "huge": {3: math.inf},
    }


def test_records_longer_than_a_block_are_joined() -> None:
    """A record over several 32 KiB blocks comes back whole; without its last fragment it is cut off."""
    payload = bytes(range(256)) * 400
    content, at = bytearray(b":W&B\xe1\xbe\x00"), 0
    while at < len(payload):
        left = 32768 - len(content) % 32768 - 7
        piece = payload[at : at + left]
        kind = 2 if at == 0 else 4 if at + len(piece) == len(payload) else 3
        content += struct.pack("<IHB", zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece
        at += len(piece)
    damage = Damage()
    assert list(records(memoryview(bytes(content)), damage)) == [payload]
    assert not damage.cut_off
    assert list(records(memoryview(bytes(content[: 2 * 32768])), damage)) == []
    assert damage.cut_off


@pytest.mark.parametrize("content", [b"", b":W&B", b":W&B\xe1\xbe\x00", b"\0" * 100, b"loss,step\n1,2\n"])
def test_files_without_history_say_so(tmp_path: Path, content: bytes) -> None:
    """Empty, headless or foreign files are errors of one line that name the file."""
    path = tmp_path / "run-x.wandb"
    path.write_bytes(content)
    with pytest.raises(LogError) as caught:
        source.load(path, columns={})
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_chart_export_gives_each_run(tmp_path: Path) -> None:
    """Runs with dashes in their names, MIN and MAX columns, blanks where a run has no value."""
    path = tmp_path / "wandb_chart.csv"
    path.write_text(
        '"Step","a - b - train/loss","a - b - train/loss__MIN","a - b - train/loss__MAX",'
        '"c - train/loss","c - train/loss__MIN","c - train/loss__MAX","c - _step"\n'
        '"0","1.5","1.5","1.5","","","",""\n"10","1.25","1.25","1.25","2.5","2","3","10"\n"20","","","","NaN","","",""\n'
    )
    assert source.recognises(path)
    logs = {log.id: log for log in source.load(path, columns={})}
    assert table(logs["a - b"].frame) == {"train/loss": {0: 1.5, 10: 1.25}}
    assert table(logs["c"].frame) == {"train/loss": {10: 2.5, 20: math.inf}}
    assert any("stand for several steps" in note for note in logs["c"].notes)
    assert not any("stand for several steps" in note for note in logs["a - b"].notes)


def test_a_chart_over_time_is_numbered(tmp_path: Path) -> None:
    """An x axis that is no step is said to be none."""
    path = tmp_path / "chart.csv"
    path.write_text(
        '"Relative Time (Process)","r - loss","r - loss__MIN","r - loss__MAX"\n"0.5","1","1","1"\n"1.5","2","2","2"\n'
    )
    (log,) = source.load(path, columns={})
    assert log.frame["step"].tolist() == [0, 1]
    assert any("Relative Time" in note for note in log.notes)


def test_the_table_of_runs_gives_settings_and_final_values(tmp_path: Path) -> None:
    """Settings become config, final values the only row; runs of one name are told apart; empty ones counted."""
    path = tmp_path / "wandb_export.csv"
    path.write_text(
        '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","learning_rate","seed","global_step","loss"\n'
        '"a","finished","-","jane","x, y","2026-05-25T14:08:33.000Z","732","","0.001","1","50","0.5"\n'
        '"a","crashed","-","jane","","2026-05-25T14:08:33.000Z","7","","0.002","2","40","NaN"\n'
        '"b","failed","-","jane","","2026-05-25T14:08:33.000Z","7","","0.003","3","",""\n'
    )
    assert source.recognises(path)
    logs = source.load(path, columns={})
    assert [log.id for log in logs] == ["a", "a (2)"]
    assert [table(log.frame) for log in logs] == [{"loss": {50: 0.5}}, {"loss": {40: math.inf}}]
    assert logs[0].config == {"learning_rate": "0.001", "seed": "1", "tags": "x, y"}
    assert "jane" not in str([log.config for log in logs])
    assert any("crashed" in note for note in logs[1].notes)
    assert [(d.column, d.count) for d in logs[0].dropped] == [("row", 1)]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real logs is not here")
def test_real_histories_keep_every_value() -> None:
    """Every number of the real API exports is in the table, at the row's own iteration."""
    files = sorted(CORPUS.rglob("*_history.csv"))
    assert files
    for path in files:
        expected: dict[str, dict[int, float]] = {}
        with path.open(encoding="utf-8", newline="") as stream:
            rows = sorted(csv.DictReader(stream), key=lambda row: int(row["_step"]))
        for row in rows:
            for name in ("train/loss", "train/step_loss", "val/loss", "lr"):
                if row[name]:
                    expected.setdefault(name, {})[int(float(row["iter"]))] = float(row[name])
        (log,) = source.load(path, columns={})
        assert table(log.frame) == expected
        assert log.rows_read == len(rows)
        assert log.config["seed"] == int(rows[0]["seed"])


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real logs is not here")
def test_the_real_table_of_runs_is_split_into_settings_and_values() -> None:
    """One run a row; batch size and learning rate are settings, losses are values at the last iteration."""
    (path,) = CORPUS.rglob("wandb_export.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    logs = source.load(path, columns={})
    assert len(logs) == len({log.id for log in logs}) == len(rows)
    for log, row in zip(logs, rows, strict=True):
        assert log.frame["val/loss"].tolist() == [float(row["val/loss"])]
        assert log.frame["step"].tolist() == [float(row["iter"])]
        assert log.config["learning_rate"] == row["learning_rate"]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A stand-in for W&B's client: what it is asked, and what it shall answer."""
    state: dict[str, Any] = {"asked": [], "raises": None}
    run = types.SimpleNamespace(
        id="xyz",
        name="nice run",
        state="running",
        url="https://wandb.ai/e/p/runs/xyz",
        group=None,
        config={"lr": 0.1, "_wandb": {"t": 1}},
        scan_history=lambda: iter(
            [
                {"_step": 0, "_timestamp": 1.7e9, "loss": 2.0},
                {"_step": 5, "_timestamp": 1.7e9 + 1, "loss": "NaN", "x": None},
            ]
        ),
    )

    class Api:
        def __init__(self, **settings: Any) -> None:
            state["settings"] = settings

        def run(self, path: str) -> Any:
            state["asked"].append(path)
            if state["raises"]:
                raise state["raises"]
            return run

        def runs(self, path: str) -> Any:
            return [self.run(f"{path}/all")] * 2

    module = types.ModuleType("wandb")
    module.Api = Api  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: socket.socket())  # the server is there
    return state


def test_a_run_on_a_server_is_read_through_the_client(client: dict[str, Any], tmp_path: Path) -> None:
    """By entity/project/id, by URL and all of a project: history, config, state, and the key of the environment."""
    (log,) = source.fetch("e/p/xyz", runs_dir=tmp_path, columns={})
    assert table(log.frame) == {"loss": {0: 2.0, 5: math.inf}}
    assert (log.id, log.name, log.config, log.uri) == ("xyz", "nice run", {"lr": 0.1}, "https://wandb.ai/e/p/runs/xyz")
    assert log.notes == ("W&B has the run as running",)
    assert client["settings"]["api_key"] == "k" * 40
    url = "https://wandb.ai/e/p/runs/xyz/overview?nw=1"
    assert source.claims(url)
    assert not source.claims("https://example.org/e/p/runs/xyz")
    source.fetch(url, runs_dir=tmp_path, columns={})
    assert client["asked"] == ["e/p/xyz", "e/p/xyz"]
    assert len(source.fetch("e/p/*", runs_dir=tmp_path, columns={})) == 2


@pytest.mark.parametrize(
    ("raises", "kind", "said"),
    [
        (ValueError("Could not find run <Run e/p/xyz (not found)>"), RunNotFound, "no such run"),
        (RuntimeError("HTTP 401 Unauthorized"), LogError, "check WANDB_API_KEY"),
        (TimeoutError("timed out\nafter 30 s"), LogError, "no answer"),
    ],
)
def test_what_the_client_raises_becomes_one_line(
    client: dict[str, Any], raises: Exception, kind: type[AnalysisError], said: str, tmp_path: Path
) -> None:
    """Not found, refused, no answer."""
    client["raises"] = raises
    with pytest.raises(kind, match=said) as caught:
        source.fetch("e/p/xyz", runs_dir=tmp_path, columns={})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:{closed}", "127.0.0.1 cannot be reached"),
        ("http://joe:secret@127.0.0.1:{closed}", "127.0.0.1 cannot be reached"),
        ("http://127.0.0.1:port", "127.0.0.1 cannot be reached"),
        ("wandb.example.org", "WANDB_BASE_URL must be the address of a server"),
    ],
)
def test_a_server_that_is_not_there_is_found_out_before_the_client_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str, tmp_path: Path
) -> None:
    """The client alone takes half a minute; here nobody is even asked, and the line has no credentials."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(Api=None))
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", address.format(closed=closed))
    with pytest.raises(LogError, match=said) as caught:
        source.fetch("e/p/xyz", runs_dir=tmp_path, columns={})
    assert "WANDB_BASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(client: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, an incomplete reference, and no client installed: each says what to do."""
    with pytest.raises(RunNotFound, match="entity/project/run_id"):
        source.fetch("xyz", runs_dir=tmp_path, columns={})
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(LogError, match="set WANDB_API_KEY"):
        source.fetch("e/p/xyz", runs_dir=tmp_path, columns={})
    for absent in (None, types.ModuleType("wandb")):  # the latter is what a folder "wandb" of offline runs gives
        monkeypatch.setitem(sys.modules, "wandb", absent)
        with pytest.raises(MissingExtra, match=r"pip install 'run-reports\[wandb\]'"):
            source.fetch("e/p/xyz", runs_dir=tmp_path, columns={})


FETCH = """
import json, sys
from pathlib import Path
from analysis.core.errors import AnalysisError
from analysis.sources import wandb
try:
    (log,) = wandb.fetch(sys.argv[1], runs_dir=Path("."), columns={})
except AnalysisError as problem:
    print(json.dumps({"problem": f"{type(problem).__name__}: {problem}"}))
else:
    about = {"id": log.id, "name": log.name, "config": dict(log.config), "uri": log.uri, "notes": log.notes}
    print(json.dumps({"frame": log.frame.drop(columns="timestamp").to_dict("list"), **about}))
"""


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, Any]]]:
    """A server on loopback that answers the client's GraphQL questions as W&B's does."""
    rows = [{"_step": s, "_timestamp": 1.7e9 + s, "loss": 1 / (s + 1), "nested": {"acc": s}} for s in range(20)]
    viewer = {"id": "VXNlcjox", "entity": "e", "username": "u", "email": "", "flags": "{}", "teams": {"edges": []}}
    run = {
        **{"id": "UnVuOjE=", "name": "xyz", "displayName": "nice run", "state": "crashed", "group": None},
        **{"config": json.dumps({"lr": {"value": 0.1, "desc": None}, "_wandb": {"value": {"t": 1}}}), "projectId": "1"},
        **{
            "createdAt": "2024-01-01T00:00:00",
            "heartbeatAt": "2024-01-01T01:00:00",
            "tags": [],
            "summaryMetrics": "{}",
        },
        **{"systemMetrics": "{}", "historyLineCount": 20, "user": {"name": "u", "username": "u"}, "sweepName": None},
        **{"historyKeys": {"lastStep": 19, "keys": {}}, "jobType": None, "commit": None, "readOnly": False},
        **{"description": "", "notes": ""},
    }
    state: dict[str, Any] = {"viewer": viewer, "run": run}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            query, found = asked["query"], asked.get("variables") or {}
            if "viewer" in query:
                data: Any = {"viewer": state["viewer"]}
            elif "parquetHistory" in query:
                data = {"project": {"run": {"parquetHistory": {"parquetUrls": [], "liveData": []}}}}
            elif "history(" in query:
                page = [json.dumps(row) for row in rows if found["minStep"] <= row["_step"] < found["maxStep"]]
                data = {"project": {"run": {"history": page}}}
            else:
                data = {"project": {"internalId": "1", "run": state["run"]}}
            body = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}", state
        served.shutdown()
        thread.join()


@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed: pip install -e '.[sources-test]'")
def test_the_real_client_reads_a_server(server: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    """Through W&B's own client: the history, configuration and state of a run; a missing run and a refused key."""
    address, state = server
    home = {"HOME": str(tmp_path), "WANDB_DIR": str(tmp_path), "WANDB_CACHE_DIR": str(tmp_path), "NO_PROXY": "*"}
    environment = {**os.environ, **home, "WANDB_BASE_URL": address, "WANDB_API_KEY": "a" * 40}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def fetched(reference: str) -> Any:
        command = [sys.executable, "-W", "ignore", "-c", FETCH, reference]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    found = fetched("e/p/xyz")
    assert found["frame"]["step"] == list(range(20))
    assert np.allclose(found["frame"]["loss"], [1 / (s + 1) for s in range(20)], rtol=1e-9)
    assert found["frame"]["nested.acc"] == list(range(20))
    assert (found["id"], found["name"], found["config"]) == ("xyz", "nice run", {"lr": 0.1})
    assert found["uri"] == f"{address}/e/p/runs/xyz"
    assert found["notes"] == ["W&B has the run as crashed"]
    state["run"] = None
    assert "RunNotFound: wandb:e/p/xyz: no such run" in fetched("e/p/xyz")["problem"]
    state["viewer"] = None
    assert "check WANDB_API_KEY" in fetched("e/p/xyz")["problem"]
