"""Catalogue of the reports below a URL: ``index.json`` keeps what is needed of their results without reading them.

Listing an object store takes one request per thousand names and shows whether a file has changed. So only reports
that are not in the index in their current state are read: old reports cost nothing, however large they are.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.core.plain_data import loads
from analysis.core.run import Run
from analysis.findings.earlier_reports import Series, same_config
from analysis.findings.results_file import EARLIER, RESULTS, Report, log_of
from analysis.sources.local_copies import files_nearby, state_of
from analysis.sources.remote import connect, explained, is_url, without_file_scheme

INDEX = "index.json"
FORMAT = 1

Entry = dict[str, Any]
"""``state``, which changes whenever the results do; ``shown``, the row; and the keys of `catalogue_details`."""


def catalogue_details(reports: Sequence[Report]) -> Entry:
    """Return what later reports need of a report: its log; title, date and plans of its versions, newest first."""
    details = [
        {
            **{key: report[key] for key in ("title", "report_id")},
            **{"date": str(report["date"]), "candidate": report.get("candidate"), "runs": list(report["runs"])},
            "plans": [plan.get("config") for plan in report.get("next_runs", ()) if isinstance(plan, dict)],
        }
        for report in reports
    ]
    return {"log": log_of(reports[0]) if reports else None, "told": details}


def parse_index(content: str | bytes) -> dict[str, Entry]:
    """Return the entries of an index by report; empty if the index cannot be used."""
    try:
        index = loads(content)
        if index["format"] != FORMAT:
            return {}
        return {n: entry for n, entry in index["reports"].items() if entry.keys() >= {"state", "shown", "log", "told"}}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def list_reports(fs: Any, root: str) -> dict[str, dict[str, Any]]:
    """Return the files of each report, by report and name; one request per thousand."""
    found: dict[str, dict[str, Any]] = {}
    for path, info in fs.find(root, detail=True).items():
        report_id, _, name = path[len(root) + 1 :].partition("/")
        if not report_id.startswith("."):
            found.setdefault(report_id, {})[name] = info
    return {report_id: files for report_id, files in found.items() if RESULTS in files}


def known_reports(fs: Any, root: str) -> tuple[dict[str, Entry], set[str]]:
    """Return the entries of the reports whose current state is in the index, and the names of the others."""
    states = {report_id: state_of(files[RESULTS]) for report_id, files in list_reports(fs, root).items()}
    index = parse_index(read_files(fs, {f"{root}/{INDEX}": INDEX}).get(INDEX, b""))
    known = {name: index[name] for name, state in states.items() if index.get(name, {}).get("state") == state}
    return known, states.keys() - known.keys()


def read_files(fs: Any, names: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of the files that exist, many at a time; ``names`` maps their paths to keys of the result."""
    found = fs.cat(list(names), on_error="omit") if names else {}
    return {names[path if path in names else f"/{path}"]: content for path, content in found.items()}


@contextlib.contextmanager
def reports_nearby(place: Path | str, *, before: datetime.date, series: Series, runs: Sequence[Run]) -> Iterator[Path]:
    """Yield the folder of earlier reports; for a URL, a local copy with the results that matter."""
    url = without_file_scheme(str(place))
    if not is_url(url):
        yield Path(url)
        return
    fs, root = connect(url)
    with explained(url):
        known, unknown = known_reports(fs, root)
    details = {name: one for name, entry in known.items() if (one := _details_before(entry, before.isoformat()))}
    alike = {name: _likeness(series, one) for name, one in details.items()}
    best = max(alike.values(), default=0)
    same = sorted((n for n, rank in alike.items() if rank and rank == best), key=lambda n: (details[n]["date"], n))
    planned = [
        name for name in details if any(same_config(run.config, p) for p in details[name]["plans"] for run in runs)
    ]
    wanted = {*same[-1:], *planned, *unknown}
    names = [f"{name}/{results}" for name in sorted(wanted) for results in (RESULTS, EARLIER)]
    with files_nearby(url, names) as folder:
        yield folder


def _likeness(series: Series, details: Mapping[str, Any]) -> int:
    return series.likeness(
        details["title"], details.get("report_id"), details.get("candidate"), details.get("runs", ())
    )


def _details_before(entry: Entry, day: str) -> dict[str, Any] | None:
    """Return the details of the newest version of a report before a day (see `analysis.findings.results_file`)."""
    return next((details for details in entry["told"] if details["date"] < day), None)
