"""Read, analyse and draw a long CSV log, beside what `pandas.read_csv` takes to read the same columns.

Usage: ``python benchmarks/long_csv.py [ROWS]`` (default 10,000,000). Each turn is a process of its own; its
imports are not in its time, but in its memory. Medians of five turns, taken alternately; the fastest turns beside
them, as the time that pandas takes depends much on how the kernel finds it huge pages.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

# Beside this file lie modules that bear the names of packages.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
REPEATS = 5
TIME_AIM, MEMORY_AIM = 3.0, 1.3
BLOCK = 100_000

Moment = tuple[float, float]


def write_log(path: Path, rows: int) -> None:
    """Write a log as a fine-tuning service does, validation on every hundredth row."""
    import numpy as np

    rng = np.random.default_rng(0)
    with path.open("w") as stream:
        stream.write(",".join(COLUMNS) + "\n")
        for first in range(1, rows + 1, BLOCK):
            steps = range(first, min(first + BLOCK, rows + 1))
            numbers = rng.normal((0.3, 0.85, 0.3, 0.85), (0.025, 0.01, 0.025, 0.01), (len(steps), 4)).tolist()
            stream.writelines(
                f"{step},{a:.5f},{b:.5f},{c:.5f},{d:.5f}\n" if step % 100 == 0 else f"{step},{a:.5f},{b:.5f},,\n"
                for step, (a, b, c, d) in zip(steps, numbers, strict=True)
            )


def now() -> Moment:
    """Give the clock and the CPU time of this process."""
    return time.perf_counter(), time.process_time()


def read_with_pandas(path: str) -> list[Moment]:
    """Read the columns; return the moments before and after."""
    import pandas as pd

    start = now()
    pd.read_csv(path, usecols=list(COLUMNS))
    return [start, now()]


def report_here(path: str) -> list[Moment]:
    """Read, analyse and draw; return the moments between."""
    from analysis.core.parameters import check_parameters
    from analysis.core.settings import Settings
    from analysis.pipeline import analyze_runs
    from analysis.report import plots  # noqa: F401
    from analysis.report.sections.charts import curves_figure, metrics_figure
    from analysis.sources import load_runs

    moments = [now()]
    runs = load_runs([path], runs_dir=Path("runs"))
    moments.append(now())
    analysis = analyze_runs(runs, check_parameters({"run_ids": [path]}), Settings())
    moments.append(now())
    curves_figure(analysis)
    metrics_figure(analysis)
    return [*moments, now()]


WAYS = {"pandas.read_csv": read_with_pandas, "run-reports": report_here}


def one(way: str, path: str) -> None:
    """Go one way in this process and print what it took."""
    moments = WAYS[way](path)
    wall, cpu = ([after - before for before, after in pairwise(clock)] for clock in zip(*moments, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(json.dumps({"wall": sum(wall), "cpu": sum(cpu), "peak": peak, "stages": wall}))


def main(rows: int) -> None:
    """Print the table."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.csv"
        write_log(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, {len(COLUMNS)} columns")
        for _ in range(REPEATS):
            for way in WAYS:
                command = [sys.executable, __file__, way, str(path)]
                output = subprocess.run(
                    command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1]
                )
                found[way].append(json.loads(output.stdout.splitlines()[-1]))
    print(f"{'':<28}{'wall s':>10}{'CPU s':>10}{'peak MB':>10}")
    middle = {
        way: {k: statistics.median(t[k] for t in turns) for k in ("wall", "cpu", "peak")}
        for way, turns in found.items()
    }
    for way, values in middle.items():
        print(f"{way:<28}{values['wall']:>10.2f}{values['cpu']:>10.2f}{values['peak']:>10.0f}")
    for place, stage in enumerate(("read", "analyse", "draw")):
        print(f"{'    ' + stage:<28}{statistics.median(t['stages'][place] for t in found['run-reports']):>10.2f}")
    theirs, ours = (middle[way] for way in WAYS)
    fastest = [min(turn["wall"] for turn in found[way]) for way in WAYS]
    print(f"{'times pandas':<28}" + "".join(f"{ours[k] / theirs[k]:>10.2f}" for k in ours))
    print(f"{'    fastest turns':<28}{fastest[1] / fastest[0]:>10.2f}  ({fastest[1]:.2f} s, {fastest[0]:.2f} s)")
    print(f"{'aim (10,000,000 rows)':<28}{'<= ' + str(TIME_AIM):>10}{'':>10}{'<= ' + str(MEMORY_AIM):>10}")


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        one(sys.argv[1], sys.argv[2])
    else:
        main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000)
