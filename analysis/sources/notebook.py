"""Read what the cells of an executed notebook printed: progress lines, and tables of text or HTML; a run a cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.sources.base import Columns
from analysis.sources.joined import join, joined
from analysis.sources.printed import logs_of
from analysis.sources.raw_log import RawLog
from analysis.sources.sidecar import run_stem
from analysis.sources.yaml_files import load_json

NAME = "notebook"
SCHEME = ""

_JSON = "RUN_REPORTS_MAX_JSON_MB"
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)


def recognises(path: Path) -> bool:
    """Return True for a notebook of which a cell printed a training."""
    if path.suffix.lower() != ".ipynb" or not path.is_file():
        return False
    try:
        return bool(_logs(path, {}))
    except LogError:
        return False


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read the trainings that cells printed; one that goes on where the cell before it ended is part of its run."""
    logs = _logs(path, columns)
    if not logs:
        raise LogError(f"{path}: no cell printed the steps of a training; run the notebook, save it, give it again")
    chains = [[logs[place] for place in chain] for chain in joined(logs)]
    runs = [replace(join(chain), id=chain[0].id) if len(chain) > 1 else chain[0] for chain in chains]
    if len(runs) == 1:
        return [replace(runs[0], id=None)]
    ids = [run.id for run in runs]
    if None in ids or len(set(ids)) < len(ids):
        runs = [replace(run, id=f"{run_stem(path)}_{place}") for place, run in enumerate(runs, start=1)]
    labels = [run.label for run in runs]
    return [run if labels.count(run.label) == 1 else replace(run, label=None) for run in runs]


def _logs(path: Path, columns: Columns) -> list[RawLog]:
    content = load_json(path, setting=_JSON)
    cells = content.get("cells") if isinstance(content, Mapping) else None
    logs: list[RawLog] = []
    heading = None
    for number, cell in enumerate(cells if isinstance(cells, list) else (), start=1):
        if not isinstance(cell, Mapping):
            continue
        if cell.get("cell_type") == "markdown":
            heading = next(reversed(_HEADING.findall(_text(cell.get("source")))), heading)
            continue
        text = "".join(_printed(cell))
        found = logs_of(text, path, columns) if text.strip() else []
        note = f"printed by cell {number} of the notebook"
        logs += [replace(log, source=NAME, label=log.label or heading, notes=(*log.notes, note)) for log in found]
    return logs


def _printed(cell: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text of each output of a cell; a table of HTML as lines with bars."""
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, Mapping):
            continue
        if output.get("output_type") == "stream":
            yield _text(output.get("text"))
            continue
        data = output.get("data")
        html = _text(data.get("text/html")) if isinstance(data, Mapping) else ""
        if "<table" in html.lower():
            yield "\n" + "\n".join(_rows(html)) + "\n"
        elif isinstance(data, Mapping):
            yield "\n" + _text(data.get("text/plain")) + "\n"


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""


def _rows(html: str) -> list[str]:
    table = _Table()
    table.feed(html)
    return table.lines


class _Table(HTMLParser):
    """Collects the rows of tables as lines with bars."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.cells: list[str] | None = None
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.lines.append("")
        elif tag == "tr":
            self.cells = []
        elif tag in ("td", "th") and self.cells is not None:
            self.cells.append("")
            self.inside = True

    def handle_data(self, data: str) -> None:
        if self.inside and self.cells:
            self.cells[-1] += " ".join(data.replace("|", "/").split())

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False
        elif tag == "tr" and self.cells is not None:
            self.lines.append(f"| {' | '.join(self.cells)} |")
            self.cells = None
