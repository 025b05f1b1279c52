"""The index of reports below a URL: kept up to date by many writers that cannot lock anything.

Each writer puts the entry of its report first (see `analysis.findings.remote_catalogue`), then the page of all entries,
and then looks again. So whoever puts the page last has seen every entry.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Mapping
from typing import Any

from analysis.core.plain_data import loads
from analysis.findings.remote_catalogue import (
    ENTRIES,
    FORMAT,
    INDEX,
    Entry,
    list_reports,
    read_entries,
    read_index,
    told_by,
)
from analysis.findings.results_file import EARLIER, RESULTS, Report, is_report
from analysis.publish.reports_index import FILES, PAGE, page, row
from analysis.sources.local_copies import at_once, changed_at, listed


def update(fs: Any, root: str) -> None:
    """Bring the page up to date."""
    known = read_index(fs, root)
    while True:
        listing = list_reports(fs, root)
        known = read_entries(fs, root, listing, known)
        if _adopt(fs, root, listing.folders - listing.states.keys()):
            continue
        for name in listing.states.keys() - listing.folders:
            fs.rm_file(f"{root}/{ENTRIES}/{name}.json")
        fs.pipe_file(f"{root}/{INDEX}", as_json({"format": FORMAT, "reports": known}))
        fs.pipe_file(f"{root}/{PAGE}", page(_rows(known)).encode())
        if list_reports(fs, root) == listing:
            return


def _rows(entries: Mapping[str, Entry]) -> str:
    return as_json({name: {"shown": entry["shown"]} for name, entry in sorted(entries.items())}).decode()


def entry_of(contents: Mapping[str, bytes], *, names: Collection[str], made: float) -> Entry:
    """Make the entry of a report; without a row if its results are none of ours.

    Parameters
    ----------
    contents : Mapping[str, bytes]
        The results file, and the one with those that they took the place of, as far as there are such.
    names : collection of str
        Files there are in the report's folder.
    made : float
        When it was made, in seconds.
    """
    reports = [report for name in (RESULTS, EARLIER) if (report := _parsed(contents.get(name))) is not None]
    entry: Entry = {"shown": None, **told_by(reports)}
    with contextlib.suppress(KeyError, TypeError, AttributeError, IndexError):
        shown = row(reports[0], int(made * 1e9))
        entry["shown"] = {**shown, "files": [name for name in FILES if name in names]}
    return entry


def _parsed(content: bytes | None) -> Report | None:
    try:
        report = loads(content or b"")
    except ValueError:
        return None
    return report if is_report(report) else None


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _adopt(fs: Any, root: str, folders: Collection[str]) -> bool:
    """Make entries for reports that somebody else has put there; tells whether there were any."""

    def adopted(name: str) -> bool:
        files = listed(fs, f"{root}/{name}")
        if RESULTS not in files:
            return False
        contents = {one: fs.cat_file(f"{root}/{name}/{one}") for one in (RESULTS, EARLIER) if one in files}
        made = changed_at(files[RESULTS]) or time.time()
        fs.pipe_file(f"{root}/{ENTRIES}/{name}.json", as_json(entry_of(contents, names=files, made=made)))
        return True

    return any(at_once(adopted, folders))
