"""The index of all reports: one page, updated report by report, without a database.

``index.json`` has a few lines for every report; ``index.html`` is made from it. A report is read again only if its
results have changed, so that the time for a new one does not depend on the size of the old ones.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from analysis.core.plain_data import loads
from analysis.findings.remote_catalogue import FORMAT, INDEX, Entry, catalogue_details, parse_index
from analysis.findings.results_file import EARLIER, RESULTS, parse_report
from analysis.publish.folder import write_atomically
from analysis.render.export import EXPORTERS
from analysis.render.glyphs import TONES
from analysis.render.visible_text import legible

PAGE = "index.html"

FILES = (*(row.file for row in EXPORTERS.values()), RESULTS)
_HEIGHT = 99
_LONGEST = 300


class Reports(Protocol):
    """A folder of reports, local or remote; file names are relative to it."""

    def states(self) -> Mapping[str, str]:
        """Return for each report a text that changes whenever its results do."""
        ...

    def made(self, report_id: str) -> float:
        """Return the time at which a report was made, in seconds since 1970."""
        ...

    def files(self, report_id: str) -> Collection[str]:
        """Return the names of the files of a report."""
        ...

    def read(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Return the content of the files that exist, by name."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file completely or not at all."""
        ...


def update_index(out: Path) -> Path:
    """Update the index of a folder of reports, which need not exist; return the path of the page."""
    update(_Folder(out))
    return out / PAGE


def update(folder: Reports) -> None:
    """Update an index.

    Many processes may do so at the same time, without a lock: each checks after writing whether a report has appeared
    or vanished meanwhile and then writes again, so that the last writer has seen everything.
    """
    entries = parse_index(folder.read([INDEX]).get(INDEX, b""))
    while True:
        states = folder.states()
        entries = {name: entries[name] for name, state in states.items() if entries.get(name, {}).get("state") == state}
        new = states.keys() - entries.keys()
        contents = folder.read([f"{name}/{file}" for name in new for file in (RESULTS, EARLIER)])
        entries |= {name: {"state": states[name], **_entry(folder, name, contents)} for name in new}
        entries = dict(sorted(entries.items()))
        folder.write(INDEX, _compact({"format": FORMAT, "reports": entries}).encode())
        folder.write(PAGE, page(_compact({name: {"shown": one["shown"]} for name, one in entries.items()})).encode())
        if folder.states() == states:
            return


def _entry(folder: Reports, name: str, contents: Mapping[str, bytes]) -> Entry:
    """Return the entry of a report; without a row if its results cannot be read."""
    results, earlier = (contents.get(f"{name}/{file}", b"") for file in (RESULTS, EARLIER))
    entry: Entry = {
        "shown": None,
        **catalogue_details([one for one in map(parse_report, (results, earlier)) if one is not None]),
    }
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        shown, files = row(loads(results), folder.made(name)), folder.files(name)
        entry["shown"] = {**shown, "files": [file for file in FILES if file in files]}
    return entry


@dataclass(frozen=True)
class _Folder:
    """A folder of reports on this machine."""

    out: Path

    def states(self) -> dict[str, str]:
        states = {}
        for path in sorted(self.out.glob(f"*/{RESULTS}")):
            with contextlib.suppress(OSError):  # the report is being replaced at this moment
                status = path.stat()
                if not path.parent.name.startswith("."):
                    states[path.parent.name] = f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
        return states

    def made(self, report_id: str) -> float:
        return (self.out / report_id / RESULTS).stat().st_mtime

    def files(self, report_id: str) -> Collection[str]:
        return [path.name for path in (self.out / report_id).iterdir()]

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        read = {}
        for name in names:
            with contextlib.suppress(OSError):
                read[name] = (self.out / name).read_bytes()
        return read

    def write(self, name: str, content: bytes) -> None:
        write_atomically(self.out / name, content)


def page(reports: str) -> str:
    """Return the page for the entries of all reports, given as JSON; nothing in them can turn into markup."""
    signs = _compact({tone: sign.glyph for tone, sign in TONES.items()})
    script = _asset("index/index.js")
    parts = {
        "style": _asset("html/report.css") + _asset("index/index.css"),
        "policy": "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'",
        "script": script,
        # In a <script> of data "</" ends it and "<!--" changes its parsing: escape every "<".
        "data": f'{{"reports":{reports},"signs":{signs}}}'.replace("<", "\\u003c"),
    }
    before, *places = _asset("index/index.html").split("{{")
    return before + "".join(parts[name] + rest for name, _, rest in (place.partition("}}") for place in places))


def row(results: Mapping[str, Any], made: float) -> Entry:
    """Return the row of a report from its results and the time at which it was made, in seconds since 1970."""
    summary, level = results["summary"], results["summary"]["level"]
    return {
        "title": _text(results["title"]),
        "date": _text(results["date"]),
        "made": int(made * 1000),
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
    """Scale a curve to integers from 0 to 99, which is finer than a row can show."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = high - low
    return [round(_HEIGHT * (value - low) / span) if span > 0 else _HEIGHT // 2 for value in values]


def _asset(name: str) -> str:
    here = Path(__file__).parents[1]
    places = (here.parent / "templates" / name, here / "templates" / name)
    return next(place for place in places if place.exists()).read_text(encoding="utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
