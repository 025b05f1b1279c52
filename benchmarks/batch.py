"""What many reports cost, beside the stock way on the same notebook, and beside what only drawing costs.

Ours makes notebook, HTML, PDF, results, figures and next runs of each; the stock way is the `papermill` command,
`jupyter nbconvert --to html`, and a PDF printed from that page by Chromium where there is one: the fastest route
that needs no LaTeX.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import Measured, measure
from report import BIN, ROOT, environment, row

OURS = """
import sys
from pathlib import Path
from analysis.batch import Plan, run_batch
from analysis.progress import JsonLines
from analysis.runsets import load_run_sets
out = Path(sys.argv[1])
run_batch(load_run_sets([out / "sets.yaml"], out=out), Plan(out), tell=JsonLines(sys.stdout))
"""

DRAWING = """
import sys, time
from analysis import analyze, sections
from analysis.render import Shown
a = analyze(run_ids=sys.argv[2:], runs_dir=sys.argv[1], reports_dir="none")
start = time.perf_counter()
for _ in range(3):
    for draw in (sections.forest_figure, sections.metrics_figure, sections.curves_figure):
        draw(a)
print((time.perf_counter() - start) / 3)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", default=["run_2", "run_3", "run_4"])
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--reports", type=int, default=20, help="how many reports we make")
    parser.add_argument("--stock", type=int, default=4, help="how many the stock way makes, for the time it takes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Measure each way and print seconds a report."""
    (folder / "sets.yaml").write_text(json.dumps(run_sets(options)))
    made, skipped = ours(folder), ours(folder)
    times = [event["seconds"] for event in events(made) if event["event"] == "done"]
    if len(times) != options.reports:
        raise SystemExit(f"only {len(times)} of {options.reports} reports were made:\n{made.output}")
    one_by_one, two = stock(options, folder, at_a_time=1), stock(options, folder, at_a_time=2)
    drawing = measure([sys.executable, "-c", DRAWING, options.runs_dir, *options.runs], cwd=ROOT, env=environment())
    row("", "s a report", "CPU s", "peak MB", "largest MB")
    line(f"ours, {options.reports} reports", made, options.reports)
    line(f"ours again, {options.reports} unchanged", skipped, options.reports)
    row("stock way, one at a time", f"{one_by_one / options.stock:.2f}")
    row("stock way, two at a time", f"{two / options.stock:.2f}")
    row("floor: only drawing, on all cores", f"{float(drawing.output) / (os.cpu_count() or 1):.2f}")
    print(f"first report {times[0]:.2f} s, median {sorted(times)[len(times) // 2]:.2f} s in its process")
    told = [event["seconds"] for event in events(skipped) if event["event"] == "end"]
    print(f"skipping takes {1000 * told[0] / options.reports:.1f} ms a report")
    ours_each = made.wall / options.reports
    print(f"throughput: {one_by_one / options.stock / ours_each:.1f} times the stock way one at a time, ", end="")
    print(f"{two / options.stock / ours_each:.1f} times two at a time")
    print(f"memory, peak of all processes over time: {', '.join(memory_over_time(made))} MB")


def run_sets(options: argparse.Namespace) -> dict[str, object]:
    """Ask for the same report many times under different names."""
    names = [{"report_id": f"report-{number}"} for number in range(options.reports)]
    return {"run_ids": options.runs, "runs_dir": options.runs_dir, "run_sets": names}


def ours(folder: Path) -> Measured:
    """Run the batch."""
    return measure([sys.executable, "-c", OURS, str(folder)], cwd=ROOT, env=environment())


def events(measured: Measured) -> list[dict[str, object]]:
    """Read what the batch told."""
    return [json.loads(line) for line in measured.output.splitlines()]


def memory_over_time(measured: Measured, parts: int = 5) -> list[str]:
    """Give the peak of each fifth of the time: growth would show."""
    size = -(-len(measured.looks) // parts)
    pieces = [measured.looks[i : i + size] for i in range(0, len(measured.looks), size)]
    return [f"{max(look.memory for look in piece):.0f}" for piece in pieces]


def stock(options: argparse.Namespace, folder: Path, *, at_a_time: int) -> float:
    """Make reports the stock way; give the seconds they took together."""
    start = time.monotonic()
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(lambda n: stock_one(options, folder / f"stock-{at_a_time}-{n}"), range(options.stock)))
    return time.monotonic() - start


def stock_one(options: argparse.Namespace, folder: Path) -> None:
    """Make one report the stock way."""
    folder.mkdir()
    output = folder / "report.ipynb"
    given = {"run_ids": f"[{', '.join(options.runs)}]", "runs_dir": options.runs_dir, "reports_dir": str(folder)}
    execute = [str(BIN / "papermill"), "templates/run_report.ipynb", str(output), "-k", "python3"]
    for name, value in given.items():
        execute += ["-p", name, value]
    measure(execute, cwd=ROOT, env=environment())
    measure([str(BIN / "jupyter"), "nbconvert", "--to", "html", str(output)], cwd=ROOT, env=environment())
    measure([sys.executable, "-c", PRINT, str(output.with_suffix(".html"))], cwd=ROOT, env=environment())


PRINT = """
import sys
from pathlib import Path
from analysis.chromium import find_chromium, print_page
from analysis.errors import AnalysisError
try:
    find_chromium()
except AnalysisError:
    sys.exit(0)
print_page(Path(sys.argv[1]), Path(sys.argv[1]).with_suffix(".pdf"))
"""


def line(name: str, measured: Measured, count: int) -> None:
    """Print a row, times a report."""
    each = f"{measured.wall / count:.3f}", f"{measured.cpu / count:.3f}"
    row(name, *each, f"{measured.memory:.0f}", f"{measured.largest:.0f}")


if __name__ == "__main__":
    main()
