"""What is known of the reports below a URL without reading them: an entry each, a small file in ``.index/``.

A store lists a thousand names at a time, and says of each file whether it has changed. So whoever looks for what is
new lists the entries, and reads only those that are not in ``index.json`` as they are: old reports cost nothing,
however large they are.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.plain_data import loads
from analysis.core.run import Run
from analysis.findings.earlier_reports import Series, same_config
from analysis.findings.results_file import EARLIER, RESULTS, Report, log_of
from analysis.sources.local_copies import files_nearby, listed, state_of
from analysis.sources.remote import connect, explained, is_url, without_file_scheme

ENTRIES, INDEX = ".index", "index.json"
FORMAT = 1

Entry = dict[str, Any]
"""``state``, which changes whenever the entry does; ``shown``, its row in the index; and what `told_by` gives."""


EMPTY: Entry = {"shown": None, "log": None, "told": []}
"""The entry of what is no report."""


@dataclass(frozen=True)
class Listing:
    """Names of the folders that may be reports, and of each entry its state."""

    folders: frozenset[str]
    states: Mapping[str, str]


def told_by(reports: Sequence[Report]) -> Entry:
    """Give what rules and later reports ask of a report: its log; and of it and those before it what they told."""
    told = [
        {
            **{key: report[key] for key in ("title", "report_id")},
            **{"date": str(report["date"]), "candidate": report.get("candidate"), "runs": list(report["runs"])},
            "plans": [plan.get("config") for plan in report.get("next_runs", ()) if isinstance(plan, dict)],
        }
        for report in reports
    ]
    return {"log": log_of(reports[0]) if reports else None, "told": told}


def list_reports(fs: Any, root: str) -> Listing:
    """List the reports and their entries: two requests for each thousand."""
    folders = {name for name, info in listed(fs, root).items() if info["type"] == "directory"}
    entries = listed(fs, f"{root}/{ENTRIES}")
    states = {name.removesuffix(".json"): state_of(info) for name, info in entries.items() if name.endswith(".json")}
    return Listing(frozenset(name for name in folders if not name.startswith(".")), states)


def read_entries(fs: Any, root: str, listing: Listing, known: Mapping[str, Entry]) -> dict[str, Entry]:
    """Read the entries of the reports that are there; those that are known as they are need not be read."""
    there = {name: state for name, state in listing.states.items() if name in listing.folders}
    entries = {name: known[name] for name, state in there.items() if known.get(name, {}).get("state") == state}
    contents = read_files(fs, {f"{root}/{ENTRIES}/{name}.json": name for name in there.keys() - entries.keys()})
    return entries | {name: {**_parsed(content), "state": there[name]} for name, content in contents.items()}


def read_index(fs: Any, root: str) -> dict[str, Entry]:
    """Read the index as it is; nothing if there is none, or one that cannot be used."""
    try:
        index = loads(fs.cat_file(f"{root}/{INDEX}"))
        if index["format"] != FORMAT:
            return {}
        return {name: entry for name, entry in index["reports"].items() if entry.keys() >= {"state", *EMPTY}}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _parsed(content: bytes) -> Entry:
    with contextlib.suppress(ValueError, AttributeError):
        entry: Entry = loads(content)
        if entry.keys() >= EMPTY.keys():
            return entry
    return dict(EMPTY)


def read_files(fs: Any, names: Mapping[str, str]) -> dict[str, bytes]:
    """Read files, many at a time; gives the content of those that are there by what ``names`` calls their paths."""
    found = fs.cat(list(names), on_error="omit") if names else {}
    return {names[path if path in names else f"/{path}"]: content for path, content in found.items()}


@contextlib.contextmanager
def reports_nearby(place: Path | str, *, before: datetime.date, series: Series, runs: Sequence[Run]) -> Iterator[Path]:
    """Give the folder of earlier reports, or of one that a URL leads to a copy with the results that matter."""
    url = without_file_scheme(str(place))
    if not is_url(url):
        yield Path(url)
        return
    fs, root = connect(url)
    with explained(url):
        listing = list_reports(fs, root)
        entries = read_entries(fs, root, listing, read_index(fs, root) if listing.states else {})
    told = {name: one for name, entry in entries.items() if (one := _told_before(entry, before.isoformat()))}
    alike = {name: _likeness(series, one) for name, one in told.items()}
    best = max(alike.values(), default=0)
    same = sorted((n for n, rank in alike.items() if rank and rank == best), key=lambda n: (told[n]["date"], n))
    planned = [name for name in told if any(same_config(run.config, p) for p in told[name]["plans"] for run in runs)]
    wanted = {*same[-1:], *planned, *(listing.folders - entries.keys())}
    names = [f"{name}/{results}" for name in sorted(wanted) for results in (RESULTS, EARLIER)]
    with files_nearby(url, names) as folder:
        yield folder


def _likeness(series: Series, told: Mapping[str, Any]) -> int:
    return series.likeness(told["title"], told.get("report_id"), told.get("candidate"), told.get("runs", ()))


def _told_before(entry: Entry, day: str) -> dict[str, Any] | None:
    """Give what a report told before a day; a newer one keeps what that was (see `analysis.findings.results_file`)."""
    return next((told for told in entry["told"] if told["date"] < day), None)
