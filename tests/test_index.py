"""The index of reports: right after every change, whole at any moment, and never at the cost of old reports."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from analysis.findings.analysis_result import Analysis
from analysis.findings.remote_catalogue import INDEX
from analysis.publish import reports_index
from analysis.publish.reports_index import PAGE, RESULTS, update_index
from analysis.report.results_json import to_json
from tests.builders import write_report


class DataOf(HTMLParser):
    """Finds the text of the page's data, as a browser would."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.data, self.tags = False, "", []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = dict(attrs).get("id") == "data"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.data += data


def rows(page: Path) -> dict[str, dict[str, Any]]:
    """The rows that a page holds, by report."""
    parser = DataOf()
    parser.feed(page.read_text(encoding="utf-8"))
    reports = json.loads(parser.data)["reports"]
    return {name: {"id": name, **entry["shown"]} for name, entry in reports.items() if entry["shown"]}


def add(out: Path, analysis: Analysis, report_id: str, **changed: Any) -> Path:
    """Write a report's results and an HTML file beside it."""
    folder = out / report_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text("x")
    path = folder / RESULTS
    path.write_text(json.dumps({**to_json(analysis), "report_id": report_id, **changed}), encoding="utf-8")
    return path


def test_a_row_says_what_the_results_say(tmp_path: Path, two_alike: Analysis) -> None:
    write_report(tmp_path, two_alike)
    row = rows(update_index(tmp_path))[two_alike.report_id]
    results = to_json(two_alike)
    assert (row["title"], row["date"], row["result"]) == (two_alike.title, "2025-09-11", two_alike.verdict.result)
    assert row["files"] == [RESULTS]
    shown = {d["label"]: (d["shown"], d["interval"]) for d in results["summary"]["differences"]}
    assert {d["label"]: (d["shown"], d["interval"]) for d in row["differences"]} == shown
    assert len(shown) == 2
    curve = results["summary"]["curve"]["values"]
    assert len(row["curve"]) == len(curve) <= 64
    assert row["curve"].index(99) == curve.index(max(curve))
    assert row["curve"].index(0) == curve.index(min(curve))


def test_reports_come_change_and_go(tmp_path: Path, two_alike: Analysis) -> None:
    """After each step the page lists what is in the folder, and nothing else."""
    assert rows(update_index(tmp_path)) == {}
    add(tmp_path, two_alike, "one")
    add(tmp_path, two_alike, "two", title="Second")
    assert set(rows(update_index(tmp_path))) == {"one", "two"}
    add(tmp_path, two_alike, "two", title="Second, made again")
    assert rows(update_index(tmp_path))["two"]["title"] == "Second, made again"
    (tmp_path / "one").rename(tmp_path / ".one.old")
    assert set(rows(update_index(tmp_path))) == {"two"}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 0, "reports": {}}', '{"format": 1, "reports": [1]}'])
def test_a_damaged_index_is_made_anew(tmp_path: Path, two_alike: Analysis, content: str) -> None:
    add(tmp_path, two_alike, "one")
    whole = update_index(tmp_path).read_text()
    (tmp_path / INDEX).write_text(content)
    assert update_index(tmp_path).read_text() == whole


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"title": "x"}', '{"summary": null, "title": 1}'])
def test_a_file_that_holds_no_results_is_passed_over(tmp_path: Path, two_alike: Analysis, content: str) -> None:
    add(tmp_path, two_alike, "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / RESULTS).write_text(content)
    assert set(rows(update_index(tmp_path))) == {"good"}


def test_old_reports_are_not_read_again(tmp_path: Path, two_alike: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the report that is new is opened, so that its time does not depend on the size of the others."""
    for number in range(5):
        add(tmp_path, two_alike, f"r{number}")
    update_index(tmp_path)
    add(tmp_path, two_alike, "new")
    opened: list[str] = []
    real = Path.read_bytes

    def noted(path: Path) -> bytes:
        if path.name == RESULTS:
            opened.append(path.parent.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    page = update_index(tmp_path)
    assert opened == ["new"]
    assert len(rows(page)) == 6


def test_whoever_writes_last_has_seen_every_report(
    tmp_path: Path, two_alike: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that is finished while another's index is being written is in the index when both are done."""
    add(tmp_path, two_alike, "first")
    real = reports_index.write_atomically

    def slow(path: Path, content: bytes) -> None:
        if path.name == PAGE and not (tmp_path / "second").exists():
            add(tmp_path, two_alike, "second")  # and its own writer is done before we write
            monkeypatch.setattr(reports_index, "write_atomically", real)
            update_index(tmp_path)
        real(path, content)

    monkeypatch.setattr(reports_index, "write_atomically", slow)
    assert set(rows(update_index(tmp_path))) == {"first", "second"}


def test_many_writers_at_once_lose_nothing(tmp_path: Path, two_alike: Analysis) -> None:
    results = to_json(two_alike)

    def one(number: int) -> None:
        folder = tmp_path / f"r{number}"
        folder.mkdir()
        (folder / RESULTS).write_text(json.dumps({**results, "title": f"t{number}"}))
        update_index(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(24)))
    assert {row["title"] for row in rows(tmp_path / PAGE).values()} == {f"t{number}" for number in range(24)}
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [PAGE, INDEX]


def test_hostile_text_stays_data(tmp_path: Path, two_alike: Analysis) -> None:
    """A title that would end the data, open a comment or reverse the line does none of it."""
    title = "</script><script>alert(1)</script><!-- <img src=x> \u202e reversed " + "long" * 200
    add(tmp_path, two_alike, "a b#c?%20", title=title)
    page = update_index(tmp_path)
    parser = DataOf()
    parser.feed(page.read_text(encoding="utf-8"))
    assert parser.tags.count("script") == 2
    assert "img" not in parser.tags
    row = rows(page)["a b#c?%20"]
    assert row["title"].startswith("</script><script>alert(1)</script><!-- <img src=x> [U+202E RIGHT-TO-LEFT OVERRIDE]")
    assert len(row["title"]) == 300


def test_the_page_asks_for_nothing_and_runs_its_own_script_alone(tmp_path: Path) -> None:
    text = update_index(tmp_path).read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", text)
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", text)
    assert "{{" not in text


def test_an_index_nobody_touches_is_the_same_bytes(tmp_path: Path, two_alike: Analysis) -> None:
    add(tmp_path, two_alike, "one")
    before = update_index(tmp_path).read_bytes()
    state = os.stat(tmp_path / "one" / RESULTS)
    assert update_index(tmp_path).read_bytes() == before
    assert os.stat(tmp_path / "one" / RESULTS) == state
