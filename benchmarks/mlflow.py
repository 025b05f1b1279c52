"""Time reading a run from MLflow's SQLite database: this package against MLflow's client, in one run.

Usage: ``python benchmarks/mlflow.py [POINTS]`` (default 10,000; needs the extra ``sources-test``).
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

from analysis.sources import mlflow as source  # noqa: E402

REPEATS = 5
METRICS = 2


def write_run(uri: str, points: int) -> str:
    """Log ``points`` values of two metrics with MLflow's client; return the run's ID."""
    client = importlib.import_module("mlflow.tracking").MlflowClient(uri)
    metric = importlib.import_module("mlflow.entities").Metric
    run = client.create_run(client.create_experiment("benchmark"))
    values = [
        metric(f"loss_{i}", math.exp(-s / 1e3), 1_700_000_000_000 + s, s)
        for s in range(points // METRICS)
        for i in range(METRICS)
    ]
    for first in range(0, len(values), 1000):
        client.log_batch(run.info.run_id, metrics=values[first : first + 1000])
    return str(run.info.run_id)


def read_with_client(uri: str, run_id: str) -> int:
    """Read all histories with a new client; return the number of points."""
    client = importlib.import_module("mlflow.tracking").MlflowClient(uri)
    names = client.get_run(run_id).data.metrics
    return sum(len(client.get_metric_history(run_id, name)) for name in names)


def read_here(path: Path) -> int:
    """Read with this package; return the number of points."""
    (log,) = source.load(path, columns={})
    return int(log.frame.drop(columns=["step", "timestamp"]).count().sum())


def main(points: int) -> None:
    """Write a run, read it both ways, print the medians."""
    begin = time.perf_counter()
    importlib.import_module("mlflow.tracking")
    print(f"importing mlflow (not counted below): {time.perf_counter() - begin:.1f} s")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "mlflow.db"
        uri = f"sqlite:///{path}"
        run_id = write_run(uri, points)
        print(f"{points:,} points, {METRICS} metrics, {path.stat().st_size / 1e6:.1f} MB")
        print(f"{'reader':<18} {'points':>10} {'seconds':>8} {'CPU':>8}")
        median = {}
        for name, read in (
            ("MLflow's client", lambda: read_with_client(uri, run_id)),
            ("run-reports", lambda: read_here(path)),
        ):
            times = []
            for _ in range(REPEATS):
                begin, used = time.perf_counter(), time.process_time()
                found = read()
                times.append((time.perf_counter() - begin, time.process_time() - used))
            median[name], used = sorted(times)[len(times) // 2]
            print(f"{name:<18} {found:>10,} {median[name]:>8.3f} {used:>8.3f}")
        client, ours = median.values()
        print(f"{client / ours:.0f} times as fast (required: 50)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
