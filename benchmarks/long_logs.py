"""Read a long log of each kind, beside the fastest reader of that kind in Python.

Usage: ``python benchmarks/long_logs.py [ROWS]`` (default 1,000,000; needs the extra ``sources-test``). Each turn is a
process of its own, whose imports are not in its time; medians of three turns, taken alternately. CPU time beside the
clock: some readers use several cores, and other work on the machine slows the clock.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

# Beside this file lie modules that bear the names of packages.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

TURNS = 3
FEW = 200  # rows of the log that is read before
AIM = 3.0
BLOCK = 10_000


def write_csv(path: Path, rows: int) -> None:
    """Write a table, validation on every hundredth row."""
    with path.open("w") as stream:
        stream.write("step,train_loss,lr,val_loss\n")
        stream.writelines(
            f"{k},{_loss(k):.5f},{1e-4:g},{_loss(k) if k % 100 == 0 else ''}\n" for k in range(1, rows + 1)
        )


def write_jsonl(path: Path, rows: int) -> None:
    """Write an object a row."""
    with path.open("w") as stream:
        stream.writelines(
            f'{{"step": {k}, "train_loss": {_loss(k):.5f}, "lr": 0.0001, "epoch": {k / rows:.4f}}}\n'
            for k in range(1, rows + 1)
        )


def write_printed(path: Path, rows: int) -> None:
    """Write lines as a training script prints them."""
    with path.open("w") as stream:
        stream.writelines(
            f"step {k}/{rows} | loss {_loss(k):.4f} | lr 1.00e-04 | 12.3 ms\n" for k in range(1, rows + 1)
        )


def write_events(path: Path, rows: int) -> None:
    """Write scalars of two tags as PyTorch's writer does, an event each; a writer in Python takes minutes to."""
    event, checksums = _event(), import_module("analysis.sources.tensorboard.tfrecord").checksums
    numpy = import_module("numpy")
    path.mkdir()
    with (path / "events.out.tfevents.1700000000.host.1.0").open("wb") as stream:
        for begun in range(0, rows // 2, BLOCK):
            payloads = [
                event(
                    wall_time=1.7e9 + k, step=k, summary={"value": [{"tag": tag, "simple_value": value}]}
                ).SerializeToString()
                for k in range(begun, min(begun + BLOCK, rows // 2))
                for tag, value in (("train/loss", _loss(k)), ("train/lr", 1e-4))
            ]
            sizes = [len(payload).to_bytes(8, "little") for payload in payloads]
            sums: dict[bytes, bytes] = {}
            for length in {8, *map(len, payloads)}:
                alike = [piece for piece in {*payloads, *sizes} if len(piece) == length]
                matrix = numpy.frombuffer(b"".join(alike), numpy.uint8).reshape(-1, length)
                sums |= {piece: total.tobytes() for piece, total in zip(alike, checksums(matrix), strict=True)}
            for size, payload in zip(sizes, payloads, strict=True):
                stream.write(size + sums[size] + payload + sums[payload])


def _event() -> Any:
    return import_module("tensorboard.compat.proto.event_pb2").Event


def _loss(k: int) -> float:
    return 1 + 2 / (1 + k / 1000) + k * 7919 % 1000 / 1e4


def pandas_csv(path: str) -> int:
    """pandas' C parser."""
    return len(import_module("pandas").read_csv(path))


def arrow_json(path: str) -> int:
    """pyarrow's parser of JSON lines, into a data frame."""
    return len(import_module("pyarrow.json").read_json(path).to_pandas())


def one_pattern(path: str) -> int:
    """One regular expression that knows the lines, and numpy."""
    numpy = import_module("numpy")
    found = re.findall(r"step (\d+)/\d+ \| loss ([\d.]+) \| lr ([\d.e+-]+)", Path(path).read_text())
    return len(numpy.array(found).astype(float))


def protobuf_loop(path: str) -> int:
    """TensorBoard's messages, frame by frame without the checksums: five times as fast as its own readers."""
    (file,) = Path(path).iterdir()
    data, event, at = file.read_bytes(), _event(), 0
    points: dict[str, list[tuple[float, int, float]]] = {}
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 8], "little")
        one, at = event.FromString(data[at + 12 : end]), end + 4
        for value in one.summary.value:
            points.setdefault(value.tag, []).append((one.wall_time, one.step, value.simple_value))
    return sum(map(len, points.values()))


def here(path: str) -> int:
    """This package, from the reference to the run."""
    from analysis.sources import load_runs

    (run,) = load_runs([path], runs_dir=Path("none"))
    return run.provenance.rows_read


KINDS: dict[str, tuple[str, Callable[[Path, int], None], Callable[[str], int]]] = {
    "CSV": ("a.csv", write_csv, pandas_csv),
    "JSON lines": ("a.jsonl", write_jsonl, arrow_json),
    "printed text": ("a.log", write_printed, one_pattern),
    "TensorBoard": ("events", write_events, protobuf_loop),
}


def one(kind: str, way: str, short: str, path: str) -> None:
    """Read once in this process and print what it took."""
    read = here if way == "here" else KINDS[kind][2]
    for name in ("pandas", "numpy", "analysis.sources", "pyarrow.json"):  # imports are not in the time
        import_module(name)
    if way != "here" and kind == "TensorBoard":
        _event()
    read(short)
    start = time.perf_counter(), time.process_time()
    count = read(path)
    print(json.dumps([time.perf_counter() - start[0], time.process_time() - start[1], count]))


def main(rows: int) -> None:
    """Print the table."""
    print(
        f"{rows:,} rows of each kind{'fastest s':>20}{'here s':>10}{'times':>8}{'CPU s':>10}{'here':>8}{'times':>8}"
        f"   (aim: below {AIM:g} times)"
    )
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, write, fastest) in KINDS.items():
            short, path = Path(folder) / f"short_{name}", Path(folder) / name
            write(short, FEW)
            write(path, rows)
            found: dict[str, list[list[float]]] = {"fastest": [], "here": []}
            for _ in range(TURNS):
                for way, turns in found.items():
                    command = [sys.executable, __file__, kind, way, str(short), str(path)]
                    output = subprocess.run(
                        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1]
                    )
                    turns.append(json.loads(output.stdout.splitlines()[-1]))
            (wall, cpu, _), (our_wall, our_cpu, _) = (
                map(statistics.median, zip(*turns, strict=True)) for turns in found.values()
            )
            print(
                f"{kind:<14}{fastest.__name__:<16}{wall:>17.2f}{our_wall:>10.2f}{our_wall / wall:>8.2f}"
                f"{cpu:>10.2f}{our_cpu:>8.2f}{our_cpu / cpu:>8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in KINDS:
        one(*sys.argv[1:5])
    else:
        main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000)
