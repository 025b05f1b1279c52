"""The reports below a URL, as far as they are known without reading them: ``index.json`` tells what their results say.

A store lists a thousand names at a time, and says of each file whether it has changed. So whoever looks for earlier
reports reads only those that are not in the index as they are: old reports cost nothing, however large they are.
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
"""``state``, which changes whenever a report's results do; ``shown``, its row; and what `told_by` returns."""


def told_by(reports: Sequence[Report]) -> Entry:
    """Return what rules and later reports ask of a report: its log; title, date and plans of it and of those before."""
    told = [
        {
            **{key: report[key] for key in ("title", "report_id")},
            **{"date": str(report["date"]), "candidate": report.get("candidate"), "runs": list(report["runs"])},
            "plans": [plan.get("config") for plan in report.get("next_runs", ()) if isinstance(plan, dict)],
        }
        for report in reports
    ]
    return {"log": log_of(reports[0]) if reports else None, "told": told}


def parse_index(content: str | bytes) -> dict[str, Entry]:
    """Return the entries of an index, none of one that cannot be used."""
    try:
        index = loads(content)
        if index["format"] != FORMAT:
            return {}
        return {n: entry for n, entry in index["reports"].items() if entry.keys() >= {"state", "shown", "log", "told"}}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def list_reports(fs: Any, root: str) -> dict[str, dict[str, Any]]:
    """List the files of each report, by report and name; a request for each thousand."""
    found: dict[str, dict[str, Any]] = {}
    for path, info in fs.find(root, detail=True).items():
        report_id, _, name = path[len(root) + 1 :].partition("/")
        if not report_id.startswith("."):
            found.setdefault(report_id, {})[name] = info
    return {report_id: files for report_id, files in found.items() if RESULTS in files}


def known_reports(fs: Any, root: str) -> tuple[dict[str, Entry], set[str]]:
    """Return the entries of the reports that the index knows as they are, and the names of the others."""
    states = {report_id: state_of(files[RESULTS]) for report_id, files in list_reports(fs, root).items()}
    index = parse_index(read_files(fs, {f"{root}/{INDEX}": INDEX}).get(INDEX, b""))
    known = {name: index[name] for name, state in states.items() if index.get(name, {}).get("state") == state}
    return known, states.keys() - known.keys()


def read_files(fs: Any, names: Mapping[str, str]) -> dict[str, bytes]:
    """Read files, many at a time; return the content of those that exist by what ``names`` calls their paths."""
    found = fs.cat(list(names), on_error="omit") if names else {}
    return {names[path if path in names else f"/{path}"]: content for path, content in found.items()}


@contextlib.contextmanager
def reports_nearby(place: Path | str, *, before: datetime.date, series: Series, runs: Sequence[Run]) -> Iterator[Path]:
    """Yield the folder of earlier reports, or of one that a URL leads to a copy with the results that matter."""
    url = without_file_scheme(str(place))
    if not is_url(url):
        yield Path(url)
        return
    fs, root = connect(url)
    with explained(url):
        known, unknown = known_reports(fs, root)
    told = {name: one for name, entry in known.items() if (one := _told_before(entry, before.isoformat()))}
    alike = {name: _likeness(series, one) for name, one in told.items()}
    best = max(alike.values(), default=0)
    same = sorted((n for n, rank in alike.items() if rank and rank == best), key=lambda n: (told[n]["date"], n))
    planned = [name for name in told if any(same_config(run.config, p) for p in told[name]["plans"] for run in runs)]
    wanted = {*same[-1:], *planned, *unknown}
    names = [f"{name}/{results}" for name in sorted(wanted) for results in (RESULTS, EARLIER)]
    with files_nearby(url, names) as folder:
        yield folder


def _likeness(series: Series, told: Mapping[str, Any]) -> int:
    return series.likeness(told["title"], told.get("report_id"), told.get("candidate"), told.get("runs", ()))


def _told_before(entry: Entry, day: str) -> dict[str, Any] | None:
    """Return what a report told before a day; a newer one keeps that (see `analysis.findings.results_file`)."""
    return next((told for told in entry["told"] if told["date"] < day), None)
