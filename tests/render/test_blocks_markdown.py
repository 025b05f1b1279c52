"""Markdown that a renderer shows as it was meant."""

from __future__ import annotations

import mistune
import pytest

from analysis.core.rich_text import rich, text
from analysis.render import markdown
from tests.export.demonstration import many_runs, stability
from tests.export.hostile import NAMES
from tests.render.test_blocks_html import Elements

_read = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "task_lists", "math"])


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_reads_as_itself(name: str) -> None:
    """An independent Markdown reader gives the text back, with no element but the paragraph."""
    seen = Elements(str(_read(markdown.inline(text(name)))))
    assert [tag for tag, _ in seen.found] == ["p"]
    assert seen.text.strip() == " ".join(name.split())


def test_styles_survive() -> None:
    """Strong, emphasis, code and web links keep their meaning beside escaped values."""
    source = markdown.inline(rich("**{n}** *x* `a|b` [l](https://x.org)", n="*"))
    tags = [tag for tag, _ in Elements(str(_read(source))).found]
    assert tags == ["p", "strong", "em", "code", "a"]


@pytest.mark.parametrize("table", [stability(), many_runs()], ids=["stability", "sweep"])
def test_table_has_all_its_cells(table: object) -> None:
    """As many cells as the block has, none split by a pipe."""
    seen = Elements(str(_read(markdown.render(table))))  # type: ignore[arg-type]
    assert len(seen.all("td")) == len(table.rows) * len(table.columns)  # type: ignore[attr-defined]
    assert len(seen.all("th")) == len(table.columns)  # type: ignore[attr-defined]
