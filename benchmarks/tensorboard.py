"""Time reading TensorBoard scalars: this package against TensorBoard's own reader, in one run.

Usage: ``python benchmarks/tensorboard.py [SCALARS]`` (default 1,000,000; needs the extra ``sources-test``).
"""

from __future__ import annotations

import importlib
import logging
import math
import sys
import tempfile
import time
from pathlib import Path

sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

from analysis.sources import tensorboard as source  # noqa: E402

TAGS = 10
REPEATS = 3


def write_run(folder: Path, scalars: int) -> None:
    """Write ``scalars`` points over ten tags as PyTorch's writer does."""
    writer = importlib.import_module("tensorboardX").SummaryWriter(str(folder), max_queue=10_000)
    for step in range(scalars // TAGS):
        for tag in range(TAGS):
            writer.add_scalar(f"train/metric_{tag}", math.sin(step) + tag, step)
    writer.close()


def read_with_tensorboard(folder: Path) -> int:
    """Read with EventAccumulator, no size limit; return the number of points."""
    module = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    accumulator = module.EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return sum(len(accumulator.Scalars(tag)) for tag in accumulator.Tags()["scalars"])


def read_here(folder: Path) -> int:
    """Read with this package; return the number of points."""
    (log,) = source.load(folder, columns={})
    return int(log.frame.drop(columns=["step", "timestamp"]).count().sum())


def main(scalars: int) -> None:
    """Write a run, read it both ways, print the medians."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        write_run(folder, scalars)
        size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
        print(f"{scalars:,} scalars, {TAGS} tags, {size:.0f} MB; checksums of all records verified by both")
        print(f"{'reader':<18} {'points':>10} {'seconds':>8} {'CPU':>8}")
        median = {}
        for name, read, repeats in (
            ("EventAccumulator", read_with_tensorboard, 1),
            ("run-reports", read_here, REPEATS),
        ):
            times = []
            for _ in range(repeats):
                begin, used = time.perf_counter(), time.process_time()
                points = read(folder)
                times.append((time.perf_counter() - begin, time.process_time() - used))
            median[name], used = sorted(times)[len(times) // 2]
            print(f"{name:<18} {points:>10,} {median[name]:>8.2f} {used:>8.2f}")
        print(f"{median['EventAccumulator'] / median['run-reports']:.1f} times as fast (required: 8)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
