"""Time reading a run from MLflow's SQLite database: this package against MLflow's client, in one run.

Each reading happens in a new process, as it does for a report. Counted is the first reading, with whatever is
imported for it; the import statement before it and a second reading in the same process are shown beside it.

Usage: ``python benchmarks/mlflow.py [POINTS]`` (default 10,000; needs the extra ``sources-test``).
"""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

METRICS = 10
REPEATS = 7
REPOSITORY = Path(__file__).resolve().parents[1]

CLIENT = """
from mlflow.tracking import MlflowClient
def read(path, run_id):
    client = MlflowClient(f"sqlite:///{path}")
    return [client.get_metric_history(run_id, name) for name in client.get_run(run_id).data.metrics]
def count(histories):
    return sum(map(len, histories))
"""
OURS = """
from pathlib import Path
from analysis.sources import mlflow
def read(path, run_id):
    return mlflow.load(Path(path), columns={})
def count(logs):
    return sum(int(log.frame.drop(columns=["step", "timestamp"]).count().sum()) for log in logs)
"""
TIMED = """
import logging, sys, time, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
begin = time.perf_counter()
{reader}
imported = time.perf_counter()
found = read(*sys.argv[1:])
first = time.perf_counter()
read(*sys.argv[1:])
second = time.perf_counter()
print(count(found), imported - begin, first - imported, second - first)
"""


def write_run(path: Path, points: int) -> str:
    """Log ``points`` values of ten metrics with MLflow's client; return the run's ID."""
    import mlflow

    logging.disable(logging.WARNING)
    client = mlflow.MlflowClient(f"sqlite:///{path}")
    run = client.create_run(client.create_experiment("benchmark"))
    values = [
        mlflow.entities.Metric(f"loss_{i}", math.exp(-s / 1e3), 1_700_000_000_000 + s, s)
        for s in range(points // METRICS)
        for i in range(METRICS)
    ]
    for first in range(0, len(values), 1000):
        client.log_batch(run.info.run_id, metrics=values[first : first + 1000])
    return str(run.info.run_id)


def timed(reader: str, path: Path, run_id: str) -> tuple[float, ...]:
    """Read in a new process; return points, and seconds of importing, the first and the second reading."""
    command = [sys.executable, "-c", TIMED.format(reader=reader), str(path), run_id]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return tuple(float(figure) for figure in done.stdout.split())


def main(points: int) -> None:
    """Write a run, read it both ways in turns, print the best of each."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "mlflow.db"
        run_id = write_run(path, points)
        print(f"{points:,} points, {METRICS} metrics, {path.stat().st_size / 1e6:.1f} MB")
        turns = [[timed(reader, path, run_id) for reader in (CLIENT, OURS)] for _ in range(REPEATS)]
    print(f"{'reader':<18} {'points':>10} {'import':>8} {'first':>8} {'second':>8}  (seconds, best of {REPEATS})")
    best = [[min(figures) for figures in zip(*results, strict=True)] for results in zip(*turns, strict=True)]
    for name, (count, importing, first, second) in zip(("MLflow's client", "run-reports"), best, strict=True):
        print(f"{name:<18} {count:>10,.0f} {importing:>8.2f} {first:>8.3f} {second:>8.3f}")
    client, ours = best
    print(f"{client[2] / ours[2]:.0f} times as fast (required: 50); again {client[3] / ours[3]:.0f} times")


if __name__ == "__main__":
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
