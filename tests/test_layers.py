"""Data goes one way: a module imports from its own wing or from one before it, never back. The folders say which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.builders import ROOT

PACKAGE = ROOT / "analysis"

ORDER = [
    "core",
    "statistics",
    "sources",
    "heuristics",
    "evidence",
    "findings",
    "pipeline",
    "calibrate",
    "render",
    "report",
    "publish",
    "batch",
    "cli",
    "__main__",
]
"""The wings and the modules beside them; each imports only from those before it."""

STRANGERS = {"heuristics", "evidence"}
"""Wings side by side: neither may know the other."""

WRITERS = {"nbformat", "nbconvert", "papermill", "IPython", "ipykernel", "typst"}
"""Packages that know of notebooks and pages."""

MOST_ENTRIES, MOST_MODULES, MOST_LINES = 16, 5, 400


def entries(folder: Path) -> set[str]:
    """Names of the modules and packages directly in a folder."""
    found = {path.stem for path in folder.glob("*.py")}
    return found | {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}


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


def file_of(name: str) -> Path | None:
    """The file in which an imported name stands, None if not in the package."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:n])
        if parts[0] == "analysis" and place.with_suffix(".py").is_file():
            return place.with_suffix(".py")
        if parts[0] == "analysis" and (place / "__init__.py").is_file():
            return place / "__init__.py"
    return None


@cache
def arrows() -> frozenset[tuple[Path, Path]]:
    """Who imports whom, as files; the front door of the package leads to any of them and does not count."""
    front = PACKAGE / "__init__.py"
    found = {(path, file_of(name)) for path in PACKAGE.rglob("*.py") for name in imported(path)}
    return frozenset((a, b) for a, b in found if b is not None and a != b and front not in (a, b))


def unit(path: Path, folder: Path) -> str:
    """The module or package directly in a folder that a file belongs to."""
    return path.relative_to(folder).with_suffix("").parts[0]


def within(folder: Path) -> dict[tuple[str, str], list[str]]:
    """The arrows between the entries of a folder, each with the imports that make it."""
    found = defaultdict(list)
    for a, b in sorted(arrows()):
        if a.is_relative_to(folder) and b.is_relative_to(folder) and unit(a, folder) != unit(b, folder):
            found[unit(a, folder), unit(b, folder)].append(f"{a.relative_to(PACKAGE)} -> {b.relative_to(PACKAGE)}")
    return dict(found)


def circle(edges: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """What imports in a circle, empty if nothing does."""
    rest = {name for edge in edges for name in edge}
    while free := {one for one in rest if not any(a == one and b in rest for a, b in edges)}:
        rest -= free
    while free := {one for one in rest if not any(b == one and a in rest for a, b in edges)}:
        rest -= free
    return sorted(text for (a, b), texts in edges.items() if {a, b} <= rest for text in texts)


def test_every_entry_has_one_place() -> None:
    assert len(ORDER) == len(set(ORDER))
    assert set(ORDER) == entries(PACKAGE) - {"__init__"}


def test_no_import_goes_back() -> None:
    edges = within(PACKAGE)
    assert len(edges) > 30
    assert sorted(t for (a, b), texts in edges.items() if ORDER.index(b) > ORDER.index(a) for t in texts) == []


def test_rules_of_thumb_and_evidence_do_not_know_each_other() -> None:
    assert [texts for edge, texts in within(PACKAGE).items() if set(edge) == STRANGERS] == []


FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way_within_a_folder(folder: Path) -> None:
    assert circle(within(folder)) == []


def test_the_package_stays_small_enough_to_see() -> None:
    shown = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(shown) <= MOST_ENTRIES
    assert len([path for path in shown if path.suffix == ".py"]) <= MOST_MODULES
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert [(str(path.relative_to(PACKAGE)), n) for path, n in lengths.items() if n > MOST_LINES] == []


@pytest.mark.parametrize("wing", ORDER[: ORDER.index("render")])
def test_what_analyzes_knows_nothing_of_notebooks(wing: str) -> None:
    for path in PACKAGE.rglob("*.py"):
        if unit(path, PACKAGE) == wing:
            assert not {name.partition(".")[0] for name in imported(path)} & WRITERS, path


def test_an_analysis_loads_nothing_that_draws_or_writes() -> None:
    code = (
        "import sys, analysis; analysis.analyze; "
        "print(*({'matplotlib', 'seaborn', 'nbconvert', 'papermill', 'IPython', 'scipy.stats', 'jsonschema'} "
        "& set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
