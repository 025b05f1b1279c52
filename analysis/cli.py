"""The command line: ``python -m analysis report run_2 run_3 run_4``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.errors import AnalysisError

USAGE, CRASH = 2, 1
"""Exit statuses of bad input and of a failure that is not the user's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status: 0 done, 2 bad input (one line on stderr), 1 failure."""
    from analysis.publish import ReportFailed

    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except ReportFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return CRASH
    except BrokenPipeError:  # whoever read our output has enough of it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except KeyboardInterrupt:
        print("interrupted; the earlier report, if there was one, is untouched", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Compare training runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_report(commands)
    _add_runs(commands)
    _add_calibrate(commands)
    return parser


def _add_report(commands: Any) -> None:
    report = commands.add_parser("report", help="make the report of some runs: notebook, HTML, PDF, JSON")
    report.add_argument("run_ids", nargs="*", metavar="RUN", help="run IDs, paths or references, oldest first")
    report.add_argument("--candidate", metavar="ID", help="the run the report is about (default: the last)")
    report.add_argument("--baseline", metavar="ID", help="the run to hold it against (default: parent or most stable)")
    report.add_argument("--goal", metavar="TEXT", help="what the candidate was to achieve")
    report.add_argument("--title", metavar="TEXT")
    report.add_argument(
        "--name", dest="report_id", metavar="REPORT_ID", help="folder of the report (default: candidate)"
    )
    report.add_argument("--runs-dir", metavar="DIR", help="where run IDs are looked up (default: runs)")
    report.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="where reports go (default: reports)"
    )
    report.add_argument("--date", metavar="YYYY-MM-DD", help="date of the report (default: today)")
    report.add_argument("--previous", metavar="JSON", help="earlier results to compare with, or 'none'")
    report.add_argument("--settings", metavar="YAML", help="thresholds and ladders to override")
    report.add_argument(
        "--columns", metavar="YAML", help="log columns by standard name: a file or {train_loss: my_loss}"
    )
    report.add_argument("--mute", nargs="+", metavar="RULE", help="rules and detectors that shall not report")
    report.add_argument("-f", "--file", type=Path, metavar="RUN_SET.yaml", help="a file with any of these parameters")
    report.add_argument("--engine", choices=("auto", "fork", "kernel"), default="auto")
    report.add_argument("--pdf", choices=("typst", "web", "none"), default="typst")
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from analysis.publish import publish_report

    request = _request(options)
    published = publish_report(
        request.to_mapping(),
        out=options.out,
        report_id=_report_id(request),
        engine=options.engine,
        pdf=options.pdf,
    )
    verdict = published.results["verdict"]
    print(f"{published.results['title']}: {verdict['evidence']}")
    for name in published.files:
        print(published.folder / name)
    for name in published.edited:
        print(f"kept your edited file as {published.folder / name}")
    return 0


def _request(options: argparse.Namespace) -> Any:
    """Join the run set's file and the options, which win."""
    from analysis.parameters import KINDS, check_parameters, load_mapping

    values = load_mapping(options.file, "run set") if options.file else {}
    given = {name: getattr(options, name) for name in KINDS if getattr(options, name, None)}
    return check_parameters({**values, **given, "reports_dir": values.get("reports_dir", str(options.out))})


def _report_id(request: Any) -> str:
    """Name the folder before anything is executed: by request, else by the candidate."""
    from analysis.model import folder_name
    from analysis.pipeline import find_folder
    from analysis.sources import load_runs

    if request.report_id:
        return str(request.report_id)
    if request.candidate:
        return folder_name(request.candidate)
    last = load_runs(request.run_ids[-1:], runs_dir=find_folder(request.runs_dir), columns=request.columns)
    return folder_name(last[-1].id)


def _add_runs(commands: Any) -> None:
    runs = commands.add_parser("runs", help="list what run references lead to, and how their metrics are read")
    runs.add_argument("references", nargs="+", metavar="REF")
    runs.add_argument("--runs-dir", default="runs", metavar="DIR")
    runs.add_argument("--columns", metavar="YAML")
    runs.set_defaults(run=_runs)


def _runs(options: argparse.Namespace) -> int:
    from analysis.parameters import check_parameters
    from analysis.pipeline import find_folder
    from analysis.sources import load_runs
    from analysis.sources.describe import describe

    request = check_parameters({"run_ids": options.references, "columns": options.columns})
    for run in load_runs(request.run_ids, runs_dir=find_folder(options.runs_dir), columns=request.columns):
        print("\n".join(describe(run).lines()))
    return 0


def _add_calibrate(commands: Any) -> None:
    calibrate = commands.add_parser("calibrate", help="measure the error rates of every rule by simulation")
    calibrate.add_argument(
        "--simulations", type=int, default=4000, metavar="N", help="simulations a cell (default: 4000)"
    )
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--processes", type=int, default=2, metavar="N")
    calibrate.add_argument("--out", type=Path, default=Path("reports/calibration"), metavar="DIR")
    calibrate.set_defaults(run=_calibrate)


def _calibrate(options: argparse.Namespace) -> int:
    from analysis.calibrate import calibrate, format_table, write

    result = calibrate(simulations=options.simulations, seed=options.seed, processes=options.processes)
    print(format_table(result))
    for path in write(result, options.out):
        print(path)
    return 0
