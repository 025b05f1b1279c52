"""The index of all reports: one page, kept up to date report by report, without a database.

``index.json`` holds a few lines of every report; ``index.html`` is made of it. A report is read again only when
its results have changed, so that the time a new one takes does not depend on the size of the old ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.findings.results_file import RESULTS
from analysis.publish.folder import write_atomically
from analysis.render.export import EXPORTERS
from analysis.render.glyphs import TONES
from analysis.render.visible_text import legible

INDEX, PAGE = "index.json", "index.html"
FORMAT = 1

FILES = (*(row.file for row in EXPORTERS.values()), RESULTS)
_HEIGHT = 99
_LONGEST = 300

Entry = dict[str, Any]


def update_index(out: Path) -> Path:
    """Bring the index of a folder of reports up to date.

    Many processes may do so at the same time: each looks again after it has written, and writes again if a report
    has come or gone meanwhile, so that whoever writes last has seen everything.

    Parameters
    ----------
    out : pathlib.Path
        Folder of reports; need not exist.

    Returns
    -------
    pathlib.Path
        The page.
    """
    entries = _read(out / INDEX)
    while True:
        states = _states(out)
        entries = {name: _entry(out / name, state, entries.get(name)) for name, state in states.items()}
        reports = _compact(entries)
        write_atomically(out / INDEX, f'{{"format":{FORMAT},"reports":{reports}}}'.encode())
        write_atomically(out / PAGE, page(reports).encode())
        if _states(out) == states:
            return out / PAGE


def page(reports: str) -> str:
    """Make the page of the entries of all reports, given as JSON; nothing in them can turn into markup."""
    signs = _compact({tone: sign.glyph for tone, sign in TONES.items()})
    script = _asset("index/index.js")
    parts = {
        "style": _asset("html/report.css") + _asset("index/index.css"),
        "policy": "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'",
        "script": script,
        # A script of data ends at the first "</", and comments matter in it too: it gets no "<" at all.
        "data": f'{{"reports":{reports},"signs":{signs}}}'.replace("<", "\\u003c"),
    }
    before, *places = _asset("index/index.html").split("{{")
    return before + "".join(parts[name] + rest for name, _, rest in (place.partition("}}") for place in places))


def _states(out: Path) -> dict[str, str]:
    """Find all reports, with what changes whenever their results do."""
    states = {}
    try:
        folders = sorted(entry.name for entry in os.scandir(out) if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        folders = []
    for name in folders:
        try:
            status = os.stat(out / name / RESULTS)
        except OSError:
            continue
        states[name] = f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
    return states


def _read(path: Path) -> dict[str, Entry]:
    """Read the index as it is; nothing if there is none, or one that cannot be used."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["format"] != FORMAT:
            return {}
        return {name: entry for name, entry in index["reports"].items() if {"state", "shown"} <= entry.keys()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _entry(folder: Path, state: str, known: Entry | None) -> Entry:
    """Give a report's entry: the known one while its results are what they were."""
    if known is not None and known["state"] == state:
        return known
    try:
        results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        shown: Entry | None = row(results, int(state.split()[1]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        shown = None  # somebody else's file, or a report that is just being replaced
    if shown is not None:
        shown["files"] = [name for name in FILES if (folder / name).is_file()]
    return {"state": state, "shown": shown}


def row(results: Mapping[str, Any], made: int) -> Entry:
    """Choose what a row shows of a report that was made at a time, in nanoseconds."""
    summary, level = results["summary"], results["summary"]["level"]
    return {
        "title": _text(results["title"]),
        "date": _text(results["date"]),
        "made": made // 1_000_000,
        "result": _text(results["verdict"]["evidence"]),
        "tone": _text(summary["tone"]),
        "candidate": _text(summary["candidate"]),
        "baseline": _text(summary["baseline"] or ""),
        "differences": [
            {
                **{key: _text(d[key]) for key in ("label", "shown", "interval", "reading", "tone")},
                "value": _rounded(d["estimate"]),
                "noise": d["metric"].startswith("noise"),
            }
            for d in summary["differences"]
        ],
        "level": level
        and {"label": _text(level["label"]), **{k: _rounded(level[k]) for k in ("value", "low", "high")}},
        "curve": _heights(summary["curve"]["values"]),
    }


def _text(value: Any) -> str:
    text = legible(str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _heights(values: list[float]) -> list[int]:
    """Bring a curve to whole numbers from 0 to 99: finer than a row can show."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = high - low
    return [round(_HEIGHT * (value - low) / span) if span > 0 else _HEIGHT // 2 for value in values]


def _asset(name: str) -> str:
    here = Path(__file__).parents[1]
    places = (here.parent / "templates" / name, here / "templates" / name)
    return next(place for place in places if place.exists()).read_text(encoding="utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
