"""Time reading a run from MLflow's SQLite database: this package against MLflow's client, in one run.

Each reading happens in a new process, as it does for a report; imports are shown but not counted.

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
from statistics import median

METRICS = 10
REPEATS = 5
REPOSITORY = Path(__file__).resolve().parents[1]

CLIENT = """
from mlflow.tracking import MlflowClient
def read(path, run_id):
    client = MlflowClient(f"sqlite:///{path}")
    names = client.get_run(run_id).data.metrics
    return sum(len(client.get_metric_history(run_id, name)) for name in names)
"""
OURS = """
from pathlib import Path
from analysis.sources import mlflow
def read(path, run_id):
    (log,) = mlflow.load(Path(path), columns={})
    return int(log.frame.drop(columns=["step", "timestamp"]).count().sum())
"""
TIMED = """
import logging, sys, time, warnings
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
begin = time.perf_counter()
{reader}
imported = time.perf_counter()
points = read(*sys.argv[1:])
print(points, time.perf_counter() - imported, imported - begin)
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


def timed(reader: str, path: Path, run_id: str) -> tuple[int, float, float]:
    """Read in a new process; return points, seconds of reading, seconds of importing."""
    command = [sys.executable, "-c", TIMED.format(reader=reader), str(path), run_id]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    points, reading, importing = done.stdout.split()
    return int(points), float(reading), float(importing)


def main(points: int) -> None:
    """Write a run, read it both ways in turns, print the medians."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "mlflow.db"
        run_id = write_run(path, points)
        print(f"{points:,} points, {METRICS} metrics, {path.stat().st_size / 1e6:.1f} MB")
        turns = [[timed(reader, path, run_id) for reader in (CLIENT, OURS)] for _ in range(REPEATS)]
    print(f"{'reader':<18} {'points':>10} {'seconds':>8} {'import':>8}")
    seconds = []
    for name, results in zip(("MLflow's client", "run-reports"), zip(*turns, strict=True), strict=True):
        count = min(found for found, _, _ in results)
        reading, importing = (median(times) for times in list(zip(*results, strict=True))[1:])
        seconds.append(reading)
        print(f"{name:<18} {count:>10,} {reading:>8.3f} {importing:>8.2f}")
    print(f"{seconds[0] / seconds[1]:.0f} times as fast (required: 50)")


if __name__ == "__main__":
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
