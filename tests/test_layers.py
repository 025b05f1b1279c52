"""Data goes one way: a module imports from its own layer or from one below, never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.builders import ROOT

PACKAGE = ROOT / "analysis"

LAYERS: tuple[tuple[str, str], ...] = (
    ("ground", "errors rich held folder progress definitions kept fonts parallel"),
    ("shapes", "schema blocks settings parameters runset_file metrics statistics validation_size"),
    ("sources", "sources"),
    ("numbers", "detectors"),
    ("words", "tables naming not_settings factors findings grading"),
    ("measured", "document log_kind evidence"),
    (
        "judged",
        "comparability seed_groups seed_spread compare compare_groups configurations criteria goal looking_back "
        "verdict_words verdict evidence_grades seen recommend",
    ),
    ("one object", "model"),
    ("concluded", "history remote_entries rules summary pipeline results calibrate"),
    ("drawn", "plots render"),
    ("told", "sections"),
    ("notebook", "notebook parts preload shell forked engine notebook_run"),
    ("published", "export chromium publish index check comment notify attach freshness watch"),
    ("many", "runset_rules runsets remote_index remote_reports pool maker dask_pool batch"),
    ("commands", "commands cli __main__"),
)
"""From the bottom to the top. A new module finds its place here, as low as its imports allow."""

RANK = {module: rank for rank, (_, modules) in enumerate(LAYERS) for module in modules.split()}
WRITERS = {"nbformat", "nbconvert", "papermill", "IPython", "ipykernel", "typst"}
"""Packages that know of notebooks and pages."""


def unit(path: Path) -> str:
    """The module or subpackage directly in the package that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


UNITS = {unit(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}


def imported(path: Path) -> Iterator[str]:
    """Full names of what a file imports, at its top or within functions; not for type checking alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    typing_only = {id(inner) for block in blocks for part in block.body for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def edges() -> frozenset[tuple[str, str]]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "analysis" and len(parts) > 1 and parts[1] in UNITS and parts[1] != unit(path):
                found.add((unit(path), parts[1]))
    return frozenset(edge for edge in found if edge[0] != "__init__")


def test_every_module_has_one_place() -> None:
    placed = [module for _, modules in LAYERS for module in modules.split()]
    assert len(placed) == len(set(placed))
    assert set(placed) == UNITS


def test_no_import_goes_back() -> None:
    assert len(edges()) > 100
    back = sorted((one, other) for one, other in edges() if RANK.get(other, 0) > RANK.get(one, 99))
    assert back == []


def test_there_is_no_circle() -> None:
    rest = dict.fromkeys(UNITS)
    while rest:
        free = [one for one in rest if not any(a == one and b in rest for a, b in edges())]
        assert free, f"imports in a circle among {sorted(rest)}"
        for one in free:
            del rest[one]


@pytest.mark.parametrize("module", sorted(m for m in UNITS if RANK.get(m, 0) < RANK["render"]))
def test_what_analyzes_knows_nothing_of_notebooks(module: str) -> None:
    for path in PACKAGE.rglob("*.py"):
        if unit(path) == module:
            assert not {name.partition(".")[0] for name in imported(path)} & WRITERS, path


def test_an_analysis_loads_nothing_that_draws_or_writes() -> None:
    code = (
        "import sys, analysis; analysis.analyze; "
        "print(*({'matplotlib', 'seaborn', 'nbconvert', 'papermill', 'IPython', 'scipy.stats', 'jsonschema'} "
        "& set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
