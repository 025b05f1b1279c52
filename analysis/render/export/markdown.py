"""A report as Markdown, and its tables as CSV and LaTeX."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from nbformat import NotebookNode

from analysis.core.errors import UsageError
from analysis.render.export.outline import is_for_readers, slug

FORMATS = ("md", "csv", "tex")
"""Formats besides HTML and PDF."""

_TABLE = re.compile(r"(?:^\*\*(?P<caption>.+)\*\*\n\n)?(?P<rows>(?:^\|.*\|$\n?){2,})", re.M)
_CELLS = re.compile(r"(?<!\\)\|")
_FORMULA = re.compile(r"[=@\t]|[+-](?![\d.])")
_RULE = re.compile(r"[|:\s-]+")
_STYLE = re.compile(r"\*\*|(?<![\w\\])[*_]|[*_](?![\w])|`|^[✓✗▲▼●○!?]\s+")


class ReportTable(NamedTuple):
    """A table of a report: its caption, and its header and cells as text."""

    caption: str
    frame: pd.DataFrame


def to_markdown(notebook: NotebookNode) -> str:
    """Return what a reader of the notebook sees as Markdown, with pictures as links to their files."""
    return "\n\n".join(part.strip() for cell in notebook.cells for part in _cell(cell) if part.strip()) + "\n"


def tables_of(markdown: str) -> list[ReportTable]:
    r"""Return the tables in the Markdown of a report.

    Examples
    --------
    >>> (one,) = tables_of("**Runs**\n\n| Run | Loss |\n| :-- | --: |\n| a | **0.5** |\n")
    >>> one.caption, one.frame.to_dict("records")
    ('Runs', [{'Run': 'a', 'Loss': '0.5'}])
    """
    found = []
    for match in _TABLE.finditer(markdown):
        head, rule, *rows = [_split(line) for line in match["rows"].strip().splitlines()]
        if all(_RULE.fullmatch(cell) for cell in rule):
            found.append(ReportTable(_text(match["caption"] or "table"), pd.DataFrame(rows, columns=head)))
    return found


def further_files(notebook: NotebookNode, formats: Sequence[str]) -> dict[str, str]:
    """Return the content of further formats by file name: ``report.md``, ``tables/*.csv``, ``tables/*.tex``."""
    markdown = to_markdown(notebook)
    files = {"report.md": markdown} if "md" in formats else {}
    for number, table in enumerate(tables_of(markdown), start=1):
        for kind, write in _TABLES.items():
            if kind in formats:
                files[f"tables/{number:02d}-{slug(table.caption)[:60]}.{kind}"] = write(table)
    return files


def write_also(notebook: NotebookNode, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write `further_files` to the folder of a report; return their paths."""
    files = further_files(notebook, formats)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return [folder / name for name in files]


def check_formats(text: str) -> tuple[str, ...]:
    """Parse a list of formats such as ``md,csv``.

    Raises
    ------
    UsageError
        For a format that is not in `FORMATS`.
    """
    formats = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = next((part for part in formats if part not in FORMATS), None)
    if unknown is not None or not formats:
        raise UsageError(f"--also: {unknown or text!r} is no format; choose among {', '.join(FORMATS)}")
    return formats


def _csv(table: ReportTable) -> str:
    return str(table.frame.map(_no_formula).to_csv(index=False))


def _tex(table: ReportTable) -> str:
    out = io.StringIO()
    table.frame.map(_latex).rename(columns=_latex).to_latex(out, index=False, escape=False)
    return f"% {table.caption}\n{out.getvalue()}"


_TABLES: Mapping[str, Callable[[ReportTable], str]] = {"csv": _csv, "tex": _tex}


def _no_formula(text: str) -> str:
    """Quote text that a spreadsheet would run as a formula, since names of runs come from logs."""
    return f"'{text}" if _FORMULA.match(text) else text


def _latex(text: str) -> str:
    r"""Escape text for LaTeX.

    Examples
    --------
    >>> print(_latex("50 % of a_b"))
    50 \% of a\_b
    """
    signs = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "−": "$-$",
        "±": r"$\pm$",
    }
    return "".join(signs.get(char, f"\\{char}" if char in "&%$#_{}" else char) for char in str(text))


def _cell(cell: NotebookNode) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source
    yield from map(_output, filter(is_for_readers, cell.get("outputs", ())))


def _output(output: NotebookNode) -> str:
    data: Any = output.get("data", {})
    if "text/markdown" in data:
        return str(data["text/markdown"])
    text = output.get("text", "" if "image/png" in data else data.get("text/plain", "")).strip()
    return f"```\n{text}\n```" if text else ""


def _split(line: str) -> list[str]:
    return [_text(cell) for cell in _CELLS.split(line.strip())[1:-1]]


def _text(markdown: str) -> str:
    """Return the text of a cell without markup and escapes."""
    plain = re.sub(r"\[([^\]]*)\]\(<[^>]*>\)", r"\1", _STYLE.sub("", markdown.strip()))
    return re.sub(r"\\(.)", r"\1", plain).strip()
