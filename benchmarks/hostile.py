"""Give the command what was made to hang, crash or fill the machine, and write how it ended into docs/configuration.md.

Usage: ``python benchmarks/hostile.py [NAME ...]`` (default: all; needs the extra ``parquet`` and 5 GB of disk). Each
input is read by ``run-reports runs`` in a process of its own, which is stopped after `PATIENCE` seconds.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

PATIENCE = 300.0
PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
START, END = "<!-- measured: benchmarks/hostile.py -->", "<!-- end -->"
HEAD = "| input | how it ends | CPU, s | memory, MB |\n|---|---|---|---|\n"
ROWS = "step,train_loss\n"
Input = Callable[[Path], Path]


def wide(place: Path) -> Path:
    """A table of a million columns."""
    path = place / "wide.csv"
    names = ",".join(f"c{number}" for number in range(1_000_000))
    path.write_text(f"step,train_loss,{names}\n" + f"1,0.5,{'1,' * 999_999}1\n" * 10)
    return path


def packed_rows(place: Path) -> Path:
    """A gzip of 1 MB that holds 1 GB of rows."""
    path = place / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(ROWS.encode())
        for _ in range(1000):
            stream.write(b"1,0.25\n" * 142_857)
    return path


def packed_spaces(place: Path) -> Path:
    """A gzip of 20 MB that holds 5 GB of zeros after a row."""
    path = place / "zeros.csv.gz"
    block = gzip.compress(b"0" * 50_000_000, compresslevel=9)
    path.write_bytes(gzip.compress(ROWS.encode() + b"1,0.5\n2,0.") + block * 100)
    return path


def ten_million_rows(place: Path) -> Path:
    """A gzip of an ordinary log of 10^7 rows, 250 MB unpacked, which is to be read."""
    path = place / "long.csv.gz"
    with gzip.open(path, "wt", compresslevel=1) as stream:
        stream.write("step,train_loss,train_accuracy,valid_loss\n")
        for first in range(1, 10_000_001, 10_000):
            stream.writelines(f"{step},{1 + 1 / step:.5f},0.5,\n" for step in range(first, first + 10_000))
    return path


def long_line(place: Path) -> Path:
    """A table with a line of 500 MB."""
    path = place / "line.csv"
    with path.open("wb") as stream:
        stream.write(ROWS.encode() + b"1,0.5\n2,")
        for _ in range(500):
            stream.write(b"1" * 1_000_000)
        stream.write(b"\n3,0.4\n")
    return path


def long_json_line(place: Path) -> Path:
    """JSON lines, one of 500 MB."""
    path = place / "line.jsonl"
    with path.open("wb") as stream:
        stream.write(b'{"step": 1, "train_loss": 0.5}\n{"step": 2, "note": "')
        for _ in range(500):
            stream.write(b"x" * 1_000_000)
        stream.write(b'"}\n{"step": 3, "train_loss": 0.4}\n')
    return path


def long_first_line(place: Path) -> Path:
    """A printed log that is one line of 500 MB."""
    path = place / "line.log"
    with path.open("wb") as stream:
        for _ in range(500):
            stream.write(b"step 1 loss 0.5 " * 62_500)
    return path


def printed(place: Path) -> Path:
    """A printed log of 4 million lines, 210 MB unpacked, which is to be read."""
    path = place / "printed.log.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for first in range(0, 4_000_000, 10_000):
            stream.write(
                b"".join(
                    b"step %d | loss 0.5123 | lr 0.0001 | 120 tokens/s\n" % n for n in range(first, first + 10_000)
                )
            )
    return path


def wide_json(place: Path) -> Path:
    """JSON lines whose every line has names of its own: 10^6 columns."""
    path = place / "wide.jsonl"
    with path.open("w") as stream:
        for row in range(10_000):
            stream.write(json.dumps({"step": row, "loss": 0.5, **{f"m{row}_{k}": 1.0 for k in range(100)}}) + "\n")
    return path


def large_json(place: Path) -> Path:
    """One JSON array of 400 MB of empty lists."""
    path = place / "large.json"
    with path.open("wb") as stream:
        stream.write(b"[[]")
        for _ in range(400):
            stream.write(b",[]" * 333_333)
        stream.write(b"]")
    return path


def sparse(place: Path) -> Path:
    """A sparse file of 3 GB that takes no disk, after a row."""
    path = place / "sparse.csv"
    with path.open("wb") as stream:
        stream.write(ROWS.encode() + b"1,0.5\n")
        stream.truncate(3_000_000_000)
    return path


def sparse_events(place: Path) -> Path:
    """A sparse event file of 3 GB."""
    path = place / "events.out.tfevents.1.host"
    with path.open("wb") as stream:
        stream.truncate(3_000_000_000)
    return path


def parquet_rows(place: Path) -> Path:
    """A Parquet file of some kB that holds 10^9 equal rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = place / "rows.parquet"
    block = pa.table({"step": pa.array([1] * 1_000_000), "train_loss": pa.array([0.5] * 1_000_000)})
    with pq.ParquetWriter(path, block.schema, compression="zstd") as writer:
        for _ in range(1000):
            writer.write_table(block)
    return path


def parquet_texts(place: Path) -> Path:
    """A Parquet file of some kB with a text of 100 MB for each of 1,000 rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = place / "texts.parquet"
    run = pa.array(["x" * 100_000_000]).dictionary_encode()
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 1000), run.dictionary)
    steps = range(1000)
    pq.write_table(pa.table({"step": steps, "train_loss": [0.5] * 1000, "run": repeated}), path, compression="zstd")
    return path


def _trackio(path: Path, rows: str, *, more: str = "") -> Path:
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE configs (run_id TEXT, run_name TEXT, config TEXT, created_at TEXT);"
            "CREATE TABLE metrics (run_id TEXT, timestamp TEXT, run_name TEXT, step INTEGER, metrics TEXT);"
            f"CREATE TABLE system_metrics (run_id TEXT);{rows};{more}"
        )
    database.close()
    return path


_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"


def trackio_texts(place: Path) -> Path:
    """A Trackio database with 60 texts of 15 MB where metrics belong."""
    value = "'{\"loss\": 0.5, \"note\": \"' || printf('%.*c', 15000000, 'x') || '\"}'"
    return _trackio(
        place / "texts.db", f"{_COUNT.format(60)} INSERT INTO metrics SELECT 'a', '', 'a', i, {value} FROM n"
    )


def trackio_rows(place: Path) -> Path:
    """A Trackio database of 10^7 rows."""
    return _trackio(
        place / "rows.db",
        f"{_COUNT.format(10_000_000)} INSERT INTO metrics SELECT 'a', '', 'a', i, '{{\"loss\": 0.5}}' FROM n",
    )


def trackio_view(place: Path) -> Path:
    """A Trackio database whose metrics are a view that never ends, with triggers."""
    path = _trackio(place / "view.db", "SELECT 1")
    with sqlite3.connect(path) as database:
        database.executescript(
            "DROP TABLE metrics; CREATE VIEW metrics AS "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT 'a' AS run_id, '' AS timestamp, 'a' AS run_name, i AS step, '{\"loss\": 1}' AS metrics FROM n;"
            "CREATE TRIGGER t INSTEAD OF INSERT ON metrics BEGIN SELECT 1; END"
        )
    database.close()
    return path


def generated(place: Path) -> Path:
    """A Trackio database whose column of metrics is computed: 500 MB for each row."""
    path = _trackio(place / "generated.db", "SELECT 1")
    with sqlite3.connect(path) as database:
        database.executescript(
            "DROP TABLE metrics; CREATE TABLE metrics (run_id TEXT, timestamp TEXT, run_name TEXT, step INTEGER, "
            "metrics TEXT AS (printf('%.*c', 500000000, 'x')));"
            "INSERT INTO metrics (run_id, run_name, step) VALUES ('a', 'a', 1), ('a', 'a', 2)"
        )
    database.close()
    return path


def _mlflow(path: Path, rows: str) -> Path:
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE alembic_version (version_num TEXT);"
            "CREATE TABLE experiments (experiment_id INTEGER, name TEXT);"
            "CREATE TABLE runs (run_uuid TEXT, name TEXT, experiment_id INTEGER, start_time INTEGER, status TEXT, "
            "lifecycle_stage TEXT); CREATE TABLE params (run_uuid TEXT, key TEXT, value TEXT);"
            "CREATE TABLE tags (run_uuid TEXT, key TEXT, value TEXT); CREATE TABLE metrics (key TEXT, value REAL, "
            "timestamp INTEGER, run_uuid TEXT, step INTEGER, is_nan INTEGER);"
            "INSERT INTO experiments VALUES (1, 'e'); INSERT INTO runs VALUES ('a', 'a', 1, 1, 'FINISHED', 'active');"
            f"{rows}"
        )
    database.close()
    return path


def mlflow_rows(place: Path) -> Path:
    """An MLflow database with 10^7 points in one run."""
    return _mlflow(
        place / "mlflow.db", f"{_COUNT.format(10_000_000)} INSERT INTO metrics SELECT 'loss', 0.5, i, 'a', i, 0 FROM n"
    )


def mlflow_settings(place: Path) -> Path:
    """An MLflow database with 10^6 settings, and one of 15 MB."""
    return _mlflow(
        place / "settings.db",
        "INSERT INTO metrics VALUES ('loss', 0.5, 1, 'a', 1, 0), ('loss', 0.4, 2, 'a', 2, 0);"
        f"{_COUNT.format(1_000_000)} INSERT INTO params SELECT 'a', 'p' || i, 'x' FROM n;"
        "INSERT INTO params VALUES ('a', 'long', printf('%.*c', 15000000, 'x'))",
    )


def optuna_trials(place: Path) -> Path:
    """An Optuna study of 10^5 trials that has lost its indexes."""
    path = place / "study.db"
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE studies (study_id INTEGER, study_name TEXT); INSERT INTO studies VALUES (1, 's');"
            "CREATE TABLE study_directions (study_id INTEGER, direction TEXT, objective INTEGER);"
            "INSERT INTO study_directions VALUES (1, 'MINIMIZE', 0);"
            "CREATE TABLE study_system_attributes (study_id INTEGER, key TEXT, value_json TEXT);"
            "CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, state TEXT);"
            "CREATE TABLE trial_params (trial_id INTEGER, param_name TEXT, param_value REAL, distribution_json TEXT);"
            "CREATE TABLE trial_values (trial_id INTEGER, objective INTEGER, value REAL, value_type TEXT);"
            "CREATE TABLE trial_intermediate_values (trial_id INTEGER, step INTEGER, intermediate_value REAL, "
            "intermediate_value_type TEXT);"
            f"{_COUNT.format(100_000)} INSERT INTO trials SELECT i, i, 1, 'COMPLETE' FROM n;"
            "INSERT INTO trial_values SELECT trial_id, 0, 0.5, 'FINITE' FROM trials;"
        )
    database.close()
    return path


def many_files(place: Path) -> Path:
    """A folder of 10^5 logs."""
    for number in range(100_000):
        (place / f"run_{number}.csv").write_text("step,train_loss\n1,0.5\n2,0.4\n")
    return place


def many_logs(place: Path) -> Path:
    """A pattern that matches 15,000 logs."""
    for number in range(15_000):
        (place / f"run_{number}.csv").write_text("step,train_loss\n1,0.5\n2,0.4\n")
    return place / "*.csv"


def many_other_files(place: Path) -> Path:
    """A folder of 10^5 files that are no logs, beside one log."""
    for number in range(100_000):
        (place / f"shard_{number}.bin").touch()
    (place / "log.csv").write_text("step,train_loss\n1,0.5\n2,0.4\n")
    return place


def deep_folders(place: Path) -> Path:
    """Folders in folders, 300 deep."""
    at = os.open(place, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    return place


def circles(place: Path) -> Path:
    """Links that lead round in a circle."""
    for name in ("a", "b", "c"):
        (place / name).mkdir()
        for to in ("a", "b", "c"):
            (place / name / to).symlink_to(place / to)
    (place / "own.csv").symlink_to("own.csv")
    return place


def pipe(place: Path) -> Path:
    """A named pipe that nobody writes to."""
    os.mkfifo(place / "pipe.csv")
    return place / "pipe.csv"


def zeros(place: Path) -> Path:
    """A device that never ends."""
    return Path("/dev/zero")


def aliases(place: Path) -> Path:
    """A log whose sidecar has aliases that stand for billions of values."""
    names = "abcdefghijkl"
    bomb = "config: {a: &a [x, x, x, x, x, x, x, x, x], " + ", ".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise(names)
    )
    (place / "run.csv").write_text("step,train_loss\n1,0.5\n2,0.4\n")
    (place / "run.yaml").write_text(bomb + "}")
    return place / "run.csv"


def deep_json(place: Path) -> Path:
    """JSON nested 10^6 deep, as a log."""
    path = place / "deep.json"
    path.write_text("[" * 1_000_000 + "]" * 1_000_000)
    return path


def deep_line(place: Path) -> Path:
    """JSON lines, one of them nested 10^5 deep."""
    path = place / "deep.jsonl"
    path.write_text('{"step": 1, "loss": 0.5}\n{"a":' + "[" * 100_000 + "]" * 100_000 + '}\n{"step": 2, "loss": 0.4}\n')
    return path


INPUTS: tuple[Input, ...] = (
    *(wide, packed_rows, packed_spaces, ten_million_rows, long_line, long_json_line, long_first_line, printed),
    *(wide_json, large_json, sparse, sparse_events, parquet_rows, parquet_texts),
    *(trackio_texts, trackio_rows, trackio_view, generated, mlflow_rows, mlflow_settings, optuna_trials),
    *(many_files, many_logs, many_other_files, deep_folders, circles, pipe, zeros, aliases, deep_json, deep_line),
)


def tried(make: Input) -> tuple[str, str, str, str]:
    """Return what was given, how it ended, in how many seconds, and the peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(1) as pool:  # what this process once held would count as memory of the next it starts
            given = pool.submit(make, Path(folder)).result()
        (out, err), began = (Path(folder) / name for name in (".out", ".err")), time.monotonic()
        with out.open("wb") as to, err.open("wb") as told:
            child = subprocess.Popen(
                [sys.executable, "-m", "analysis", "runs", str(given)],
                cwd=PAGE.parents[1],
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=told,
            )
            status, used = _ended(child, began)
        seconds = used.ru_utime + used.ru_stime
        said = err.read_text(errors="replace").replace(f"{folder}/", "").replace(folder, "the folder")
        shown = out.read_text(errors="replace").replace(f"{folder}/", "")
    if status == 0:
        outcome = f"read: {shown.splitlines()[0][:100]}" if shown else "read"
    else:
        outcome = said.strip().removeprefix("error: ") if said.count("\n") <= 1 else f"FAILED: {said[-300:]}"
    about = (make.__doc__ or "").removesuffix(".")
    outcome = outcome if status in (0, 2) else f"FAILED ({status}): {outcome}"
    return about, outcome, f"{seconds:.1f}", f"{used.ru_maxrss / 1000:,.0f}"


def _ended(child: subprocess.Popen[bytes], began: float) -> tuple[int, resource.struct_rusage]:
    while True:
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, used
        if time.monotonic() - began > PATIENCE:
            child.kill()
        time.sleep(0.05)


def main(names: list[str]) -> None:
    """Try inputs by name and show the rows of a table, or try all and write the table into the page."""
    rows = []
    for make in INPUTS:
        if not names or make.__name__ in names:
            rows.append(f"| {' | '.join(cell.replace('|', ' ') for cell in tried(make))} |\n")
            print(rows[-1], end="", flush=True)
    if not names:
        page = PAGE.read_text(encoding="utf-8")
        head, _, rest = page.partition(f"{START}\n")
        table = "".join((HEAD, *rows))
        PAGE.write_text(f"{head}{START}\n{table}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
