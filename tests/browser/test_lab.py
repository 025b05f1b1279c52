"""`run-reports dig` in a real JupyterLab, in a real browser: the notebook opens, and runs to its end."""

from __future__ import annotations

import html
import json
import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from tests.browser.chrome import Chrome, find_browser
from tests.builders import COMMAND, ROOT

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system"),
    pytest.mark.skipif(find_browser() is None, reason="no Chromium on the path"),
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="no JupyterLab: pip install 'run-reports[lab]'"),
]

READY = """new Promise((done) => { const look = setInterval(() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  if (panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === 'idle') {
    clearInterval(look); done(panel.context.path); } }, 100); })"""
RUN = "window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)"
OUTPUTS = """window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.toJSON())
  .filter((cell) => cell.cell_type === 'code').map((cell) => cell.outputs)"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where JupyterLab leads a browser to, of which it is given one that only hands on its argument."""
    shutil.copytree(ROOT / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("seeds"))
    browser, given, config = (tmp_path / name for name in ("browser", "given", "config"))
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {given}\n')
    browser.chmod(0o755)
    os.mkfifo(given)
    settings = {
        "ServerApp": {"browser": f"{browser} %s", "allow_root": True, "ip": "127.0.0.1", "port": 0},
        "LabApp": {"browser": f"{browser} %s", "expose_app_in_browser": True, "news_url": None},
    }
    config.mkdir()
    for name in ("jupyter_server_config.json", "jupyter_lab_config.json"):
        (config / name).write_text(json.dumps(settings))
    own = {"JUPYTER_CONFIG_DIR": config, "JUPYTER_RUNTIME_DIR": tmp_path / "run", "HOME": tmp_path}
    environment = {**os.environ, **{name: str(path) for name, path in own.items()}, "PYTHONPATH": str(ROOT)}
    reader = os.open(given, os.O_RDONLY | os.O_NONBLOCK)
    with (tmp_path / "log").open("w") as log:
        command = [*COMMAND, "dig", "run_2", "run_3"]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        assert select.select([reader], [], [], 60)[0], (tmp_path / "log").read_text()
        leads = Path(url2pathname(urlsplit(os.read(reader, 1000).decode()).path)).read_text()
        yield html.unescape(re.findall(r'href="(http[^"]+)"', leads)[0])
    finally:
        process.terminate()
        process.wait(timeout=30)
        os.close(reader)


def test_the_notebook_of_two_runs_opens_and_runs_to_its_end(address: str) -> None:
    """All cells without an error: the verdict's page, the tables, a figure, and what other settings change."""
    with Chrome(str(find_browser())) as chrome:
        chrome.open(address)
        assert chrome.value(READY) == "dig_run_3.ipynb"
        assert chrome.value(RUN)
        outputs = chrome.value(OUTPUTS)
    assert not [o for cell in outputs for o in cell if o["output_type"] == "error"]
    table, figure, again = outputs[-3:]
    assert "full_valid_loss" in table[-1]["data"]["text/html"]
    assert "image/png" in figure[-1]["data"]
    assert "before" in again[-1]["data"]["text/html"]
