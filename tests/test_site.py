"""The documentation as a site: built without a warning, ten reports in it, and nothing fetched by who reads it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.chrome import Chrome, find_browser
from tests.builders import ROOT

pytest.importorskip("mkdocs", reason="MkDocs is not installed: make docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_gallery_shows_ten_reports_that_are_there(site: Path) -> None:
    page = (site / "gallery.html").read_text(encoding="utf-8")
    reports = set(re.findall(r'href="(gallery/[^"]+/report.html)"', page))
    assert len(reports) == 10
    assert all((site / report).stat().st_size > 100_000 for report in reports)


def test_the_python_api_is_that_of_the_package(site: Path) -> None:
    """Each name that the package offers has its docstring, and what the tests need is not shown to readers."""
    page = (site / "api.html").read_text(encoding="utf-8")
    heads = set(re.findall(r'<h2[^>]*class="doc doc-heading">.*?analysis\.(\w+)', page, re.DOTALL))
    assert heads >= {"analyze", "Analysis", "Frames", "load_runs", "publish_report"}
    assert "Compare training runs." in page
    assert "file=" not in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.skipif(find_browser() is None, reason="no Chromium on the path")
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Each kind of page, in a real browser."""
    with Chrome(str(find_browser())) as chrome:
        for name in ("index.html", "gallery.html", "api.html", "how-to/wandb.html", "comparison.html"):
            chrome.open(site / name)
        assert [url for url in chrome.requests if not url.startswith((site.as_uri(), "data:"))] == []
        assert chrome.messages == []
