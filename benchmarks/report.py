"""What one report costs, stage by stage, beside the stock way on the same notebook in the same run.

The stock way is the `papermill` command, then `jupyter nbconvert --to html`: notebook and HTML, no PDF,
no results file. Ours makes notebook, HTML, PDF, results, figures and next runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from measure import Measured, measure

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", default=["run_2", "run_3", "run_4"])
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--template", type=Path, default=ROOT / "templates" / "run_report.ipynb")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured; medians are shown")
    parser.add_argument("--stages", metavar="ENGINE", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stages:
        make_one(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))


def make_one(options: argparse.Namespace) -> None:
    """Make one report in this process and tell when each stage ended."""
    from analysis.publish.publisher import Publisher

    parameters = {"run_ids": options.runs, "runs_dir": options.runs_dir, "reports_dir": str(options.out)}
    publisher = Publisher(engine=options.stages, template=options.template)
    done = publisher.publish(parameters, out=options.out, report_id="bench")
    print(json.dumps({"end": time.monotonic(), "seconds": done.seconds}))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Measure each way in turn, several times, and print medians."""
    ways = {"ours, forked child": "fork", "ours, kernel": "kernel"}
    results: dict[str, list[Measured]] = {}
    for turn in range(options.repeat):
        for name, engine in ways.items():
            results.setdefault(name, []).append(ours(options, folder / f"{engine}-{turn}", engine))
        executed, page = stock(options, folder)
        results.setdefault("stock: papermill", []).append(executed)
        results.setdefault("stock: nbconvert --to html", []).append(page)
    row("", "wall s", "CPU s", "peak MB")
    for name in ways:
        line(name, [(m.wall, m.cpu, m.memory) for m in results[name]])
        for stage in stages(results[name][0]):
            line(f"    {stage}", [stages(m)[stage] for m in results[name]])
    papermill, nbconvert = results["stock: papermill"], results["stock: nbconvert --to html"]
    both = [
        (a.wall + b.wall, a.cpu + b.cpu, max(a.memory, b.memory)) for a, b in zip(papermill, nbconvert, strict=True)
    ]
    line("stock way: notebook and HTML", both)
    line("    papermill", [(m.wall, m.cpu, m.memory) for m in papermill])
    line("    jupyter nbconvert --to html", [(m.wall, m.cpu, m.memory) for m in nbconvert])


def ours(options: argparse.Namespace, out: Path, engine: str) -> Measured:
    """Measure our way in a process of its own."""
    command = [sys.executable, __file__, *options.runs, "--runs-dir", options.runs_dir]
    command += ["--template", str(options.template), "--stages", engine, "--out", str(out)]
    return measure(command, cwd=ROOT, env=environment())


def stock(options: argparse.Namespace, folder: Path) -> tuple[Measured, Measured]:
    """Measure the two stock commands."""
    run_ids = f"[{', '.join(options.runs)}]"
    output = str(folder / "stock.ipynb")
    given = {"run_ids": run_ids, "runs_dir": options.runs_dir, "reports_dir": str(folder)}
    execute = [str(BIN / "papermill"), str(options.template), output, "-k", "python3"]
    for name, value in given.items():
        execute += ["-p", name, value]
    export = [str(BIN / "jupyter"), "nbconvert", "--to", "html", output]
    first = measure(execute, cwd=ROOT, env=environment())
    return first, measure(export, cwd=ROOT, env=environment())


def environment() -> dict[str, str]:
    """Let the stock commands find this environment's own kernel, and all find the package."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


def stages(measured: Measured) -> dict[str, tuple[float, float, float]]:
    """Give wall time, CPU and peak memory of each stage, and of what came before the first."""
    told = json.loads(measured.output.splitlines()[-1])
    start = told["end"] - sum(told["seconds"].values())
    found = {"interpreter": measured.between(measured.looks[0].when, start)}
    for stage, seconds in told["seconds"].items():
        found[stage] = measured.between(start, start + seconds)
        start += seconds
    return found


def line(name: str, values: list[tuple[float, float, float]]) -> None:
    """Print a row of medians."""
    wall, cpu, memory = (statistics.median(column) for column in zip(*values, strict=True))
    row(name, f"{wall:.2f}", f"{cpu:.2f}", f"{memory:.0f}")


def row(name: str, *cells: str) -> None:
    """Print a row."""
    print(f"{name:<34}" + "".join(f"{cell:>12}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
