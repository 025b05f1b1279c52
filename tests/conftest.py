"""What several tests share: the reference and sample analyses, made once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.core.blocks import Block
from analysis.findings.analysis_result import Analysis
from analysis.report.results_json import to_json
from analysis.sources import load_runs
from tests import builders

FORKING = ("test_engine", "test_engine_same", "test_publish", "test_batch", "test_remote", "test_secrets")
"""Files whose tests fork this process, which is safe only until a test of another tool leaves a thread behind."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what forks first; otherwise keep the order."""
    items.sort(key=lambda item: item.path.stem not in FORKING)


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
