"""The index of reports where a URL leads: right whoever writes beside one, and never at the cost of old reports."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.batch.remote_reports import RemoteReports
from analysis.findings.analysis_result import Analysis
from analysis.findings.earlier_reports import Series, load_reports
from analysis.findings.remote_catalogue import reports_nearby
from analysis.findings.results_file import EARLIER, RESULTS
from analysis.publish import reports_index
from analysis.publish.publisher import write_manifest
from analysis.report.results_json import to_json
from tests.test_index import DataOf

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'run-reports[remote]'")

URL, ROOT = "memory://indexed", "/indexed"
TOMORROW = datetime.date(2100, 1, 1)


class Store:
    """Reports in memory, and the paths of what is read there."""

    def __init__(self, folder: Path, analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fs = fsspec.filesystem("memory")
        self.reports = RemoteReports(URL)
        self.read: list[str] = []
        self._folder, self._results = folder, json.loads(json.dumps(to_json(analysis)))
        for name in ("cat_file", "get_file"):
            monkeypatch.setattr(type(self.fs), name, self._noted(getattr(type(self.fs), name)))

    def _noted(self, call: Any) -> Any:
        def noted(fs: Any, path: str, *arguments: Any, **options: Any) -> Any:
            self.read.append(path.removeprefix(ROOT))
            return call(fs, path, *arguments, **options)

        return noted

    def put(self, report_id: str, *, kept: str = "", **changed: Any) -> None:
        """Put a report as the commands do, with the results that it took the place of."""
        made = self._folder / report_id
        made.mkdir(exist_ok=True)
        (made / "report.html").write_text("x")
        (made / RESULTS).write_text(self.results(report_id, **changed))
        if kept:
            (made / EARLIER).write_text(kept)
        write_manifest(made, {})
        self.reports.put(report_id, self._folder)

    def results(self, report_id: str, **changed: Any) -> str:
        return json.dumps({**self._results, "report_id": report_id, **changed}, indent=2)

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows that the page holds."""
        parser = DataOf()
        parser.feed(self.fs.cat_file(f"{ROOT}/index.html").decode())
        entries = json.loads(parser.data)["reports"]
        return {name: entry["shown"] for name, entry in entries.items() if entry["shown"]}


@pytest.fixture
def store(tmp_path: Path, two_alike: Analysis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = Store(tmp_path, two_alike, monkeypatch)
    yield store
    if store.fs.exists(ROOT):
        store.fs.rm(ROOT, recursive=True)


def test_reports_come_change_and_go(store: Store) -> None:
    """After each step the page lists what is there, with the files there are; what is no report is passed over."""
    store.put("one", title="First")
    store.put("two")
    store.fs.pipe(f"{ROOT}/archive/notes.txt", b"x")
    store.fs.pipe(f"{ROOT}/strange/{RESULTS}", b"[]")
    store.reports.update_index()
    assert store.rows()["one"]["title"] == "First"
    assert set(store.rows()) == {"one", "two"}
    assert store.rows()["one"]["files"] == ["report.html", RESULTS]
    store.put("one", title="First, made again")
    store.reports.update_index()
    assert store.rows()["one"]["title"] == "First, made again"
    store.fs.rm(f"{ROOT}/two", recursive=True)
    store.reports.update_index()
    assert set(store.rows()) == {"one"}


def test_reports_that_others_have_copied_there_are_listed(store: Store) -> None:
    """They are read once, also where one is copied over another."""
    for title in ("Copied", "Copied over it"):
        store.fs.pipe(f"{ROOT}/copied/{RESULTS}", store.results("copied", title=title).encode())
        store.reports.update_index()
        assert store.rows()["copied"]["title"] == title
    store.read.clear()
    store.reports.update_index()
    assert store.read == ["/index.json"]
    assert set(store.rows()) == {"copied"}


def test_old_reports_are_not_read_again(store: Store) -> None:
    """Of a hundred reports, one more takes the index and its own results."""
    for number in range(100):
        store.fs.pipe(f"{ROOT}/old_{number}/{RESULTS}", store.results(f"old_{number}").encode())
    store.reports.update_index()
    store.put("new")
    store.read.clear()
    store.reports.update_index()
    assert set(store.read) == {"/index.json", f"/new/{RESULTS}", f"/new/{EARLIER}"}
    assert len(store.rows()) == 101


def test_two_writers_that_finish_together_lose_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is about to put its page when another puts a report, and a page that the first then writes over."""
    store.put("first")
    page = reports_index.page
    late = iter(["second"])

    def slow(reports: str) -> str:
        made = page(reports)
        for report_id in late:
            store.put(report_id)
            store.put("first", title="First, made again")
            store.reports.update_index()
            assert set(store.rows()) == {"first", "second"}
        return made

    monkeypatch.setattr(reports_index, "page", slow)
    store.reports.update_index()
    assert set(store.rows()) == {"first", "second"}
    assert store.rows()["first"]["title"] == "First, made again"
    assert set(json.loads(store.fs.cat_file(f"{ROOT}/index.json"))["reports"]) == {"first", "second"}


def test_an_index_that_cannot_be_read_is_made_again(store: Store) -> None:
    store.put("one")
    store.reports.update_index()
    for content in (b"{", b'{"format": 0}', b"[]", b'{"format": 1, "reports": {"one": {"state": "", "shown": {}}}}'):
        store.fs.pipe(f"{ROOT}/index.json", content)
        store.reports.update_index()
        assert set(store.rows()) == {"one"}


def test_only_the_earlier_reports_that_matter_are_fetched(store: Store, two_alike: Analysis) -> None:
    """The newest of the same title, those that planned one of the runs, and those of which nothing is known."""
    config = dict(two_alike.runs[0].config)
    planned = [{"name": "Run", "config": config, "predictions": []}]
    for number in range(30):
        store.put(f"other_{number}", title=f"Other {number}", date="2025-01-01")
    store.put("older", title="Same", date="2025-01-01")
    store.put("newer", title="Same", date="2025-01-02")
    store.put("tomorrow", title="Same", date="2100-01-01")
    store.put("today", title="Other", date="2100-01-01", kept=store.results("today", title="Plans", next_runs=planned))
    store.put("planner", title="Plans", date="2025-01-01", next_runs=planned)
    store.fs.pipe(f"{ROOT}/copied/{RESULTS}", store.results("copied", title="Same", date="2024-01-01").encode())
    store.reports.update_index()
    store.fs.pipe(f"{ROOT}/unlisted/{RESULTS}", store.results("unlisted", title="Same", date="2024-01-02").encode())
    store.read.clear()
    runs = two_alike.runs
    series = Series("Same", False, "new", runs[-1].id, frozenset(run.id for run in runs))
    asked: dict[str, Any] = {"before": TOMORROW, "series": series, "runs": runs}
    with reports_nearby(URL, **asked) as folder:
        found = [report["report_id"] for report in load_reports(folder, **asked)]
    assert {"newer", "planner", "today"} <= set(found)
    assert [name for name in found if name in ("older", "newer", "unlisted")] == ["unlisted", "newer"]
    fetched = {path.split("/")[1] for path in store.read if path.endswith((RESULTS, EARLIER))}
    assert fetched == {"newer", "planner", "today", "unlisted"}
