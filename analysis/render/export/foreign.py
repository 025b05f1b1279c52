"""HTML outputs of other libraries, pandas tables above all, as blocks."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

from analysis.core.blocks import Block, Cell, Column, Prose, Table
from analysis.core.rich_text import text

_NUMBER = re.compile(r"[-+−]?[\d,. ]*\d\s?%?(?:e[-+]?\d+)?|nan|inf|-inf|", re.IGNORECASE)
_SILENT = ("style", "script", "title", "svg")
_BREAKS = ("p", "div", "br", "li", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "pre", "section")


class _Td(NamedTuple):
    text: str
    columns: int
    rows: int
    head: bool


class _Reader(HTMLParser):
    """Parser that collects tables as grids of cells, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str | tuple[str, list[list[_Td]]]] = []
        self._rows: list[list[_Td]] | None = None
        self._caption, self._buffer, self._silent = "", "", 0
        self._cell: tuple[int, int, bool] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table" and self._rows is None:
            self._flush()
            self._rows, self._caption = [], ""
        elif self._rows is not None and tag == "tr":
            self._rows.append([])
        elif self._rows is not None and tag in ("td", "th", "caption"):
            spans = dict(attrs)
            self._close_cell()
            self._cell = (_count(spans.get("colspan")), _count(spans.get("rowspan")), tag == "th")
        elif tag in _BREAKS:
            self._buffer += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "caption":
            self._caption, self._buffer, self._cell = self._buffer.strip(), "", None
        elif tag in ("td", "th"):
            self._close_cell()
        elif tag == "table" and self._rows is not None:
            self._close_cell()
            self.parts.append((self._caption, [row for row in self._rows if row]))
            self._rows, self._buffer = None, ""
        elif tag in _BREAKS:
            self._buffer += "\n"

    def handle_data(self, data: str) -> None:
        if not self._silent and (self._rows is None or self._cell is not None):
            self._buffer += data

    def _close_cell(self) -> None:
        if self._cell is not None and self._rows is not None:
            if not self._rows:
                self._rows.append([])
            self._rows[-1].append(_Td(" ".join(self._buffer.split()), *self._cell))
            self._buffer, self._cell = "", None

    def _flush(self) -> None:
        for line in self._buffer.split("\n"):
            if line.strip():
                self.parts.append(" ".join(line.split()))
        self._buffer = ""

    def close(self) -> None:
        super().close()
        self._flush()


def _count(value: str | None) -> int:
    return min(int(value), 200) if value and value.isdigit() and int(value) > 0 else 1


def blocks_from_html(markup: str) -> list[Block]:
    """Return tables and text in HTML as blocks.

    Parameters
    ----------
    markup : str
        A ``text/html`` output, such as that of ``DataFrame._repr_html_``.

    Returns
    -------
    list[Block]
        Tables (with spans expanded and header rows joined) and paragraphs, in their order.

    Examples
    --------
    >>> table, = blocks_from_html("<table><tr><th></th><th>a</th></tr><tr><th>x</th><td>1</td></tr></table>")
    >>> [column.label for column in table.columns], [cell.text[0].text for cell in table.rows[0]]
    (['', 'a'], ['x', '1'])
    """
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return [
        Prose(text(part)) if isinstance(part, str) else _table(part[0], part[1])
        for part in reader.parts
        if isinstance(part, str) or part[1]
    ]


def _table(caption: str, rows: list[list[_Td]]) -> Table:
    depth = next((index for index, row in enumerate(rows) if not all(cell.head for cell in row)), len(rows))
    grid = _grid(rows)
    width = max(len(row) for row in grid)
    grid = [row + [""] * (width - len(row)) for row in grid]
    labels = [" / ".join(dict.fromkeys(row[i] for row in grid[:depth] if row[i])) for i in range(width)]
    body = grid[depth:]
    numeric = [all(_NUMBER.fullmatch(row[i]) for row in body) for i in range(width)]
    columns = tuple(Column(label, "right" if number else "left") for label, number in zip(labels, numeric, strict=True))
    return Table("", caption, columns, tuple(tuple(Cell(text(value)) for value in row) for row in body))


def _grid(rows: list[list[_Td]]) -> list[list[str]]:
    """Return rows with spans expanded: further columns of a cell repeat its text, further rows are empty."""
    grid: list[list[str]] = []
    pending: dict[tuple[int, int], str] = {}
    for y, row in enumerate(rows):
        line: list[str] = []
        for cell in row:
            while (y, len(line)) in pending:
                line.append(pending.pop((y, len(line))))
            repeat = cell.text if cell.columns > 1 else ""
            for offset in range(cell.columns):
                for below in range(1, cell.rows):
                    pending[(y + below, len(line))] = ""
                line.append(cell.text if offset == 0 else repeat)
        while (y, len(line)) in pending:
            line.append(pending.pop((y, len(line))))
        grid.append(line)
    return grid
