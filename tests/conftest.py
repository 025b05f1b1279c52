"""What several tests share: the reference and sample analyses, made once."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

import analysis.publish.execute  # noqa: F401  first, as it spares who imports jsonschema seconds
from analysis.core.blocks import Block
from analysis.findings.analysis_result import Analysis
from analysis.report.results_json import to_json
from analysis.sources import load_runs
from tests import builders

FORKING = ("test_engine", "test_engine_same", "test_publish", "test_batch", "test_remote", "test_secrets")
"""Files whose tests fork this process, which is safe only until a test of another tool leaves a thread behind."""

LONG = ("test_batch_dask", "test_page", "test_batch_docs", "test_remote_s3", "test_calibrate", "test_install")
"""Other files that take long."""

APART = (
    "test_start.py::test_no_module",
    "test_docs.py::test_everything",
    "test_calibrate.py::test_whole_reports",
    "test_sections.py::test_every_section",
)
"""Tests that take seconds each and share nothing: each goes to whichever process is free, at the end."""


def is_apart(item: str) -> bool:
    """True if a test need not be run by the process that runs the others of its file."""
    return any(name in item for name in APART)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run first what forks, then what takes long, last what can be dealt out evenly; otherwise keep the order."""
    items.sort(key=lambda item: (item.path.stem not in FORKING, is_apart(item.nodeid), item.path.stem not in LONG))


def pytest_collection_finish() -> None:
    """Leave what was imported and collected alone: looking for garbage in it takes time again and again."""
    gc.collect()
    gc.freeze()


class FilesAndTestsApart(LoadFileScheduling):
    """A file goes to one process whole, but for the tests in `APART`."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if is_apart(nodeid) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Deal tests out so, unless something else is asked for."""
    return FilesAndTestsApart(config, log) if config.option.dist == "loadfile" else None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start no other processes for a single file, which would go to one of them.

    Else one more than there are processors: at any time some test waits for a server, a browser or a child.
    """
    files = {argument.partition("::")[0] for argument in config.args}
    if config.option.dist == "loadfile" and len(files) == 1 and Path(files.pop()).is_file():
        return 0
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def heeding() -> Iterator[None]:
    """Let what a test starts heed Ctrl-C, though this process may have inherited that it is ignored (``nohup``)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def reference() -> Analysis:
    """The hand-written report's three runs, analyzed."""
    if not builders.REFERENCE.is_dir():
        pytest.skip("the reference logs (../shared/reference) are not on this machine")
    return builders.reference()


@pytest.fixture(scope="session")
def printed() -> dict[str, Any]:
    """Every number that the hand-written report prints."""
    path = builders.REFERENCE / "document_values.json"
    if not path.is_file():
        pytest.skip("the reference values (../shared/reference) are not on this machine")
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def reference_results(reference: Analysis) -> dict[str, Any]:
    """The results JSON of the reference runs, as a reader of the file gets it."""
    return dict(json.loads(json.dumps(to_json(reference))))


@pytest.fixture(scope="session")
def reference_sections(reference: Analysis) -> dict[str, list[Block]]:
    """All sections of the reference report, without figures."""
    return builders.sections(reference, figures=False)


@pytest.fixture(scope="session")
def sample() -> Analysis:
    """The sample runs of the repository, analyzed."""
    return builders.analyzed(load_runs(builders.RUN_IDS, runs_dir=builders.ROOT / "runs"))


@pytest.fixture(scope="session")
def two_alike() -> Analysis:
    """Two runs of one process, with everything stated."""
    return builders.analyzed(
        [builders.known("a", builders.log(1)), builders.known("b", builders.log(2), learning_rate_multiplier=1.0)]
    )
