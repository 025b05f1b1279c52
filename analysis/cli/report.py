"""The command ``run-reports report RUN ...``, and the options it shares with others."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.cli import follow_ups, output_location

if TYPE_CHECKING:
    from analysis.publish.publisher import Published


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    report = commands.add_parser("report", help="make the report of some runs: notebook, HTML, PDF, JSON")
    add_options(report)
    follow_ups.add_options(report)
    report.add_argument("--template", type=Path, metavar="MY.ipynb", help="a notebook of your own instead of ours")
    report.add_argument("--also", metavar="FORMATS", help="further formats, joined by commas: md, csv, tex")
    report.set_defaults(run=_report)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the content of one report and for how it is made."""
    add_request(parser)
    output_location.add(parser)
    parser.add_argument("--engine", choices=("auto", "fork", "kernel"), default="auto")
    parser.add_argument("--pdf", choices=("typst", "web", "none"), default="typst")


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add the options for the content of one report."""
    parser.add_argument("run_ids", nargs="*", metavar="RUN", help="run IDs, paths or references, oldest first")
    parser.add_argument("--candidate", metavar="ID", help="the run the report is about (default: the last)")
    parser.add_argument(
        "--baseline", metavar="ID", help="the run to hold it against (default: its parent, else the best other)"
    )
    parser.add_argument("--goal", metavar="TEXT", help="what the candidate was to achieve")
    parser.add_argument("--title", metavar="TEXT")
    parser.add_argument(
        "--name", dest="report_id", metavar="REPORT_ID", help="folder of the report (default: candidate)"
    )
    parser.add_argument("--runs-dir", metavar="DIR", help="where run IDs are looked up (default: runs)")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="date of the report (default: today)")
    parser.add_argument("--previous", metavar="JSON", help="earlier results to compare with, or 'none'")
    parser.add_argument("--settings", metavar="YAML", help="thresholds and ladders to override")
    parser.add_argument(
        "--columns", metavar="YAML", help="log columns by standard name: a file or {train_loss: my_loss}"
    )
    parser.add_argument("--mute", nargs="+", metavar="RULE", help="rules and detectors that shall not report")
    parser.add_argument("-f", "--file", type=Path, metavar="RUN_SET.yaml", help="a file with any of these parameters")


def request_of(options: argparse.Namespace, *, reports_dir: str | None = None) -> Any:
    """Return the `Parameters` from the run set's file and the options, which take precedence.

    Earlier reports are looked up in ``reports_dir``, by default the folder of ``--out``, unless the file names another.
    """
    from analysis.core.parameters import KINDS, check_parameters, load_mapping

    values = load_mapping(options.file, "run set") if options.file else {}
    given = {name: getattr(options, name) for name in KINDS if getattr(options, name, None)}
    return check_parameters(
        {**values, **given, "reports_dir": values.get("reports_dir", reports_dir or str(options.out))}
    )


def report_id_of(request: Any) -> str:
    """Return the name of the report's folder: as requested, otherwise from the candidate's ID."""
    from analysis.core.run import find_run
    from analysis.core.run_names import folder_name
    from analysis.sources import load_runs, logs_among
    from analysis.sources.remote import find_folder

    if request.report_id:
        return str(request.report_id)
    # The last run is the candidate unless one is named, which may be by label.
    folder = find_folder(request.runs_dir)
    wanted = request.run_ids if request.candidate else logs_among(request.run_ids, folder)[0][-1:]
    runs = load_runs(wanted, runs_dir=folder, columns=request.columns)
    return folder_name((find_run(runs, request.candidate, "candidate") or runs[-1]).id)


def _report(options: argparse.Namespace) -> int:
    from analysis.publish.forked import run_forked
    from analysis.publish.freshness import has_urls
    from analysis.publish.publisher import Publisher

    also: tuple[str, ...] = ()
    if options.also:
        from analysis.render.export.markdown import check_formats

        also = check_formats(options.also)
    publisher = Publisher(engine=options.engine, pdf=options.pdf, template=options.template, also=also)
    request = request_of(options)
    follow = follow_ups.prepared(options)
    report_id = run_forked(report_id_of, request) if has_urls(request) else report_id_of(request)
    with output_location.workplace(options.out) as (folder, remote):
        with output_location.replaced(remote, report_id, folder):
            asked = replace(request, report_id=report_id)  # explicit as in a batch, so that the notebooks are identical
            published = publisher.publish(asked.to_mapping(), out=folder, report_id=report_id)
        _tell(published, str(published.folder) if remote is None else f"{remote.url}/{report_id}")
        page = follow_ups.index(options, remote)
        if page is not None:
            print(page)
        follow(published)
    return 0


def _tell(published: Published, place: str) -> None:
    from analysis.render.visible_text import legible

    print(legible(f"{published.results['title']}: {published.results['verdict']['evidence']}"))
    for name in published.files:
        print(f"{place}/{name}" if "://" in place else Path(place) / name)
    for name in published.edited:
        print(f"kept your edited file as {place}/{name}")
