"""The recipes of CONTRIBUTING.md, each followed to the letter in a copy of the package, make what they promise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from tests.builders import ROOT

EXAMPLE = ROOT / "docs" / "example_plugin" / "example_plugin"


def edit(path: Path, old: str, new: str) -> None:
    """Put ``new`` before the first ``old`` of a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, f"{new}{old}", 1), encoding="utf-8")


def add_source(package: Path) -> None:
    """One module, one entry."""
    shutil.copy(EXAMPLE / "source.py", package / "sources" / "plain_numbers.py")
    edit(package / "sources" / "__init__.py", "    printed,\n", "    plain_numbers,\n")
    edit(package / "sources" / "__init__.py", '    table,\n)\n"""Every source', "    plain_numbers,\n")


def add_metric(package: Path) -> None:
    """One row."""
    row = '    Metric("bleurt", "BLEURT", "higher", split=_FULL, aliases="eval_bleurt val_bleurt"),\n'
    edit(package / "core" / "metrics.py", ")\n# fmt: on", row)


def add_section(package: Path) -> None:
    """One function, one entry, a heading and a cell."""
    function = (EXAMPLE / "section.py").read_text(encoding="utf-8").partition("LOGS = ")[0]
    function = function.replace("from analysis.report.sections import Section\n", "")
    (package / "report" / "sections" / "logs.py").write_text(function, encoding="utf-8")
    init = package / "report" / "sections" / "__init__.py"
    edit(init, "\n\n@dataclass", "from analysis.report.sections.logs import logs\n")
    edit(init, '    Section(3, "Files Generated"', '    Section(3, "Where the Numbers Come From", logs),\n')
    path = package.parent / "templates" / "run_report.ipynb"
    template = nbformat.read(path, as_version=4)
    place = next(n for n, cell in enumerate(template.cells) if cell.source == "### Files Generated")
    template.cells.insert(place, nbformat.v4.new_code_cell("show(sections.logs(a))", id="logs"))
    template.cells.insert(place, nbformat.v4.new_markdown_cell("### Where the Numbers Come From", id="logs-heading"))
    nbformat.write(template, path)


def add_format(package: Path) -> None:
    """One row, and what it names."""
    function = (EXAMPLE / "exporter.py").read_text(encoding="utf-8")
    function = "def _markdown" + function.partition("def _markdown")[2].partition("\n\n\nMARKDOWN")[0]
    place = package / "render" / "export" / "__init__.py"
    edit(place, "EXPORTERS: Mapping", f"{function}\n\n\n")
    edit(place, '}\n"""Every', '    "markdown": Exporter("report.md", "this report as Markdown", _markdown),\n')


RECIPES: tuple[Callable[[Path], None], ...] = (add_source, add_metric, add_section, add_format)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which all recipes were followed."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("analysis", "templates", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run_reports.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for recipe in RECIPES:
        recipe(folder / "analysis")
    return folder


def run(copy: Path, *words: str | Path, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_what_the_recipes_add_is_in_a_report(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "old.losses").write_text("\n".join(str(2 / k) for k in range(1, 40)), encoding="utf-8")
    rows = "".join(f"{k},{2 / k},{0.5 + k / 100}\n" for k in range(1, 40))
    (tmp_path / "new.csv").write_text(f"step,train_loss,val_bleurt\n{rows}", encoding="utf-8")
    run(copy, copy / "run_reports.py", "report", "old.losses", "new.csv", cwd=tmp_path)
    page = (tmp_path / "reports" / "new" / "report.html").read_text(encoding="utf-8")
    for part in ("plain numbers", "BLEURT", "Where the Numbers Come From", "report.md"):
        assert part in page
    assert "## Where the Numbers" in (tmp_path / "reports" / "new" / "report.md").read_text(encoding="utf-8")


def test_the_tests_that_guard_the_house_still_pass(copy: Path) -> None:
    """Imports go one way, and the template is the list of sections."""
    guards = "no_import_goes_back or stays_small_enough or headings_and_calls"
    files = ("tests/test_layers.py", "tests/test_template.py")
    run(copy, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *files, "-k", guards, cwd=copy)
