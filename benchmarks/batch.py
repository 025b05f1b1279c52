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
from analysis.batch.run_batch import Plan, run_batch
from analysis.batch.progress import JsonLines
from analysis.batch.run_sets import load_run_sets
import os, time
import psutil
out, write = Path(sys.argv[1]), JsonLines(sys.stdout)
parent = psutil.Process(os.getpid())
def tell(event): write({**event, "when": time.monotonic(), "memory": parent.memory_info().rss / 1e6})
run_batch(load_run_sets([out / "sets.yaml"], out=out), Plan(out), tell=tell)
"""

ONE = """
import sys
from analysis.cli.main import main
sys.exit(main(["report", *sys.argv[3:], "--runs-dir", sys.argv[2], "--out", sys.argv[1], "--name", "alone"]))
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
    parser.add_argument("--stock", type=int, default=4, help="how many the stock way makes, 0: none")
    parser.add_argument("--memory", action="store_true", help="only make ours, and tell whether memory grows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.memory:
            watch_memory(options, Path(folder))
        else:
            compare(options, Path(folder))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Measure each way and print seconds a report."""
    (folder / "sets.yaml").write_text(json.dumps(run_sets(options, options.reports)))
    made, skipped = ours(folder), ours(folder)
    times = [event["seconds"] for event in events(made) if event["event"] == "done"]
    if len(times) != options.reports:
        raise SystemExit(f"only {len(times)} of {options.reports} reports were made:\n{made.output}")
    theirs = {at_a_time: stock(options, folder, at_a_time=at_a_time) for at_a_time in ((1, 2) if options.stock else ())}
    drawing = measure([sys.executable, "-c", DRAWING, options.runs_dir, *options.runs], cwd=ROOT, env=environment())
    row("", "s a report", "CPU s", "peak MB", "largest MB")
    line(f"ours, {options.reports} reports", made, options.reports)
    line(f"ours again, {options.reports} unchanged", skipped, options.reports)
    for at_a_time, seconds in theirs.items():
        row(f"stock way, {at_a_time} at a time", f"{seconds:.2f}")
    row("floor: only drawing, on all cores", f"{float(drawing.output) / (os.cpu_count() or 1):.2f}")
    print(f"median {sorted(times)[len(times) // 2]:.2f} s in its process")
    alone, first = single(options, folder), first_finished(options, folder)
    print(f"first report after {first:.2f} s, a single one takes {alone:.2f} s (best of 3): {first / alone:.2f} times")
    told = [event["seconds"] for event in events(skipped) if event["event"] == "end"]
    print(f"skipping takes {1000 * told[0] / options.reports:.1f} ms a report")
    ours_each = made.wall / options.reports
    for at_a_time, seconds in theirs.items():
        print(f"throughput: {seconds / ours_each:.1f} times the stock way, {at_a_time} at a time")
    print(f"memory, peak of all processes over time: {', '.join(memory_over_time(made))} MB")


def first_finished(options: argparse.Namespace, folder: Path) -> float:
    """Give the seconds from the start of a batch until its first report is there, best of 3."""
    seconds = []
    for attempt in range(3):
        out = folder / f"first-{attempt}"
        out.mkdir()
        (out / "sets.yaml").write_text(json.dumps(run_sets(options, 2 * (os.cpu_count() or 1))))
        made = ours(out)
        when = {str(event["event"]): float(str(event["when"])) for event in reversed(events(made))}
        seconds.append(made.wall - (when["end"] - when["done"]))
    return min(seconds)


def single(options: argparse.Namespace, folder: Path) -> float:
    """Make one report by itself; gives the seconds, best of 3."""
    command = [sys.executable, "-c", ONE, str(folder / "alone"), options.runs_dir, *options.runs]
    return min(measure(command, cwd=ROOT, env=environment()).wall for _ in range(3))


def watch_memory(options: argparse.Namespace, folder: Path) -> None:
    """Make many reports and compare the memory at the beginning with that at the end."""
    (folder / "sets.yaml").write_text(json.dumps(run_sets(options, options.reports)))
    made = ours(folder)
    done = [event for event in events(made) if event["event"] == "done"]
    if len(done) != options.reports:
        raise SystemExit(f"only {len(done)} of {options.reports} reports were made:\n{made.output}")
    parent = [float(str(event["memory"])) for event in done]
    peaks = [float(peak) for peak in memory_over_time(made, 10)]
    print(f"{len(done)} reports in {made.wall:.0f} s, {made.wall / len(done):.2f} s each")
    print(f"largest process {made.largest:.0f} MB")
    print(f"memory, peak of all processes in each tenth of the time: {', '.join(f'{peak:.0f}' for peak in peaks)} MB")
    print(f"the parent alone: {parent[0]:.0f} MB after the first report, {parent[-1]:.0f} MB after the last")
    print(f"growth from the second tenth to the last but one: {peaks[-2] - peaks[1]:+.0f} MB")


def run_sets(options: argparse.Namespace, reports: int) -> dict[str, object]:
    """Ask for the same report many times under different names."""
    names = [{"report_id": f"report-{number}"} for number in range(reports)]
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
    """Make reports the stock way; return the seconds a report."""
    start = time.monotonic()
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(lambda n: stock_one(options, folder / f"stock-{at_a_time}-{n}"), range(options.stock)))
    return (time.monotonic() - start) / options.stock


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
from analysis.render.chromium import find_chromium, print_page
from analysis.core.errors import AnalysisError
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
