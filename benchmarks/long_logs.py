"""Read a long log of each kind, beside the fastest reader of that kind in Python.

Usage: ``python benchmarks/long_logs.py [ROWS]`` (default 1,000,000; needs the extra ``sources-test``). Each turn is a
process of its own, whose imports are not in its time; medians of three turns, taken alternately.
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

# Beside this file lie modules that bear the names of packages.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

TURNS = 3
AIM = 3.0


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
    """Write scalars of two tags as PyTorch's writer does."""
    writer = import_module("tensorboardX").SummaryWriter(str(path), max_queue=10_000)
    for k in range(rows // 2):
        writer.add_scalar("train/loss", _loss(k), k)
        writer.add_scalar("train/lr", 1e-4, k)
    writer.close()


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


def event_accumulator(path: str) -> int:
    """TensorBoard's own reader, without its limit of 10,000 points a tag."""
    module = import_module("tensorboard.backend.event_processing.event_accumulator")
    accumulator = module.EventAccumulator(path, size_guidance={"scalars": 0})
    accumulator.Reload()
    return sum(len(accumulator.Scalars(tag)) for tag in accumulator.Tags()["scalars"])


def here(path: str) -> int:
    """This package, from the reference to the run."""
    from analysis.sources import load_runs

    (run,) = load_runs([path], runs_dir=Path("none"))
    return run.provenance.rows_read


KINDS: dict[str, tuple[str, Callable[[Path, int], None], Callable[[str], int]]] = {
    "CSV": ("a.csv", write_csv, pandas_csv),
    "JSON lines": ("a.jsonl", write_jsonl, arrow_json),
    "printed text": ("a.log", write_printed, one_pattern),
    "TensorBoard": ("events", write_events, event_accumulator),
}


def one(kind: str, way: str, path: str) -> None:
    """Read once in this process and print what it took."""
    read = here if way == "here" else KINDS[kind][2]
    for name in ("pandas", "numpy", "analysis.sources", "pyarrow.json"):  # imports are not in the time
        import_module(name)
    if way != "here" and kind == "TensorBoard":
        import_module("tensorboard.backend.event_processing.event_accumulator")
    start = time.perf_counter()
    count = read(path)
    print(json.dumps({"seconds": time.perf_counter() - start, "rows": count}))


def main(rows: int) -> None:
    """Print the table."""
    print(f"{rows:,} rows of each kind{'':<6}{'fastest s':>12}{'here s':>10}{'times':>8}   (aim: below {AIM:g} times)")
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, write, fastest) in KINDS.items():
            path = Path(folder) / name
            write(path, rows)
            found: dict[str, list[float]] = {"fastest": [], "here": []}
            for _ in range(TURNS):
                for way, seconds in found.items():
                    command = [sys.executable, __file__, kind, way, str(path)]
                    output = subprocess.run(
                        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1]
                    )
                    seconds.append(json.loads(output.stdout.splitlines()[-1])["seconds"])
            theirs, ours = (statistics.median(seconds) for seconds in found.values())
            print(f"{kind:<14}{fastest.__name__:<20}{theirs:>11.2f}{ours:>10.2f}{ours / theirs:>8.2f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in KINDS:
        one(*sys.argv[1:4])
    else:
        main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000)
