"""What is built is whole: installed without this checkout it makes reports, in any folder, and takes plug-ins.

The wheel goes into an environment of its own, which finds what the package asks for, and nothing else of the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import Distribution, distribution, requires
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.builders import ROOT

pytest.importorskip("hatchling", reason="hatchling builds the packages, and is not installed: pip install hatchling")

CSV = "step,train_loss,full_valid_loss\n" + "".join(f"{k},{2 / k},{2.2 / k}\n" for k in range(1, 40))
REPORT = {"report.html", "report.pdf", "report.ipynb", "training_analysis_results.json"}


def run(words: list[str | Path], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run something without the checkout on the path."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    environment["JUPYTER_PATH"] = f"{sys.prefix}/share/jupyter"  # nbconvert's own templates
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def succeeded(words: list[str | Path], *, cwd: Path) -> str:
    done = run(words, cwd=cwd)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    succeeded([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an installer would."""
    return built(sdist, tmp_path_factory.mktemp("wheel"))


def built(project: Path, folder: Path) -> Path:
    """Build the wheel of a project into a folder."""
    succeeded([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=project)
    (found,) = folder.glob("*.whl")
    return found


def asked_for(wanted: Requirement, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """Add to ``found`` what a package with its extras depends on, by name."""
    for needed in map(Requirement, requires(wanted.name) or ()):
        marker = needed.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)):
            continue
        if needed.extras or canonicalize_name(needed.name) not in found:
            found[canonicalize_name(needed.name)] = distribution(needed.name)
            asked_for(needed, found)
    return found


@pytest.fixture(scope="session")
def slim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to the packages that the project depends on, without JupyterLab, Dask or anything for tests."""
    folder, needed = tmp_path_factory.mktemp("slim"), asked_for(Requirement("run-reports"), {})
    assert not {"jupyterlab", "jupyter-server", "distributed", "pytest", "pip"} & set(needed)
    for package in needed.values():
        for name in {path.parts[0] for path in package.files or ()} - {"..", "__pycache__"}:
            if not (folder / name).exists():
                (folder / name).symlink_to(package.locate_file(name))
    return folder


def environment(folder: Path, dependencies: Path, *packages: Path) -> Path:
    """Make a virtual environment with some packages beside their dependencies; returns its scripts' folder."""
    venv.create(folder, with_pip=False)
    bin = folder / ("Scripts" if sys.platform == "win32" else "bin")
    (own,) = map(
        Path, succeeded([bin / "python", "-c", "import site; print(site.getsitepackages()[0])"], cwd=folder).split()
    )
    # A folder named in a .pth file is on the path, but its own .pth files (the editable install) are not read.
    (own / "dependencies.pth").write_text(str(dependencies), encoding="utf-8")
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", bin / "python", "install", "-q", "--no-index"]
    for package in packages:
        succeeded([*pip, "--no-deps", "--ignore-installed", package], cwd=folder)
    return bin


@pytest.fixture(scope="session")
def bin(wheel: Path, slim: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of an environment with the wheel are."""
    return environment(tmp_path_factory.mktemp("installed"), slim, wheel)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that holds a log and nothing else."""
    (tmp_path / "my.csv").write_text(CSV, encoding="utf-8")
    return tmp_path


def test_the_wheel_holds_what_a_report_needs_and_nothing_of_the_workshop(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"analysis", "run_reports.py", "run_reports.pth"}
    data = ("py.typed", "report/results.schema.json", "templates/run_report.ipynb", "templates/pdf/report.typ")
    assert names >= {f"analysis/{name}" for name in data}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "analysis").rglob("*.py")}
    assert modules <= names


def test_the_source_distribution_holds_what_a_test_needs(sdist: Path) -> None:
    for name in ("LICENSE", "README.md", "Makefile", "runs/run_2.csv", "tests/test_install.py", "requirements-dev.txt"):
        assert (sdist / name).is_file(), name


def test_a_report_is_made_in_an_empty_folder(bin: Path, place: Path) -> None:
    assert succeeded([bin / "python", "-m", "analysis", "runs", "my.csv"], cwd=place).startswith("my")
    succeeded([bin / "run-reports", "report", "my.csv"], cwd=place)
    assert {path.name for path in (place / "reports" / "my").iterdir()} >= REPORT


def test_the_users_own_analysis_is_in_nobodys_way(bin: Path, place: Path) -> None:
    """The script passes by it; ``python -m analysis`` would run it, and says so."""
    (place / "analysis.py").write_text("print('theirs')\n", encoding="utf-8")
    assert succeeded([bin / "run-reports", "runs", "my.csv"], cwd=place).startswith("my")
    done = run([bin / "python", "-m", "analysis", "runs", "my.csv"], cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: 'analysis' is {place / 'analysis.py'} here")
    assert succeeded([bin / "python", "-m", "analysis"], cwd=place) == "theirs\n"


@pytest.fixture
def notebook(place: Path) -> Path:
    """A notebook that has nothing to do with reports."""
    cells = [
        nbformat.v4.new_markdown_cell("# Of my own\n\nSome *text*."),
        nbformat.v4.new_code_cell("import pandas as pd, beside\npd.DataFrame({'a': [beside.VALUE]})"),
    ]
    path = place / "own.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    (place / "beside.py").write_text("VALUE = 4711\n", encoding="utf-8")
    return path


def test_other_tools_find_the_engine_and_the_exporters(bin: Path, notebook: Path) -> None:
    """papermill runs any notebook with our engine, nbconvert makes any notebook into our HTML and PDF."""
    here = notebook.parent
    engine = ["--engine", "run-reports", "-k", "python3", "--no-progress-bar"]
    succeeded([bin / "python", "-m", "papermill", *engine, notebook, "done.ipynb"], cwd=here)
    for form in ("html", "pdf"):
        succeeded([bin / "python", "-m", "nbconvert", "--to", f"run-reports-{form}", "done.ipynb"], cwd=here)
    page = (here / "done.html").read_text(encoding="utf-8")
    assert "<em>text</em>" in page
    assert "4711" in page
    assert "Content-Security-Policy" in page
    assert (here / "done.pdf").read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="session")
def extended(wheel: Path, slim: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the plug-ins of docs/example_plugin."""
    copy = tmp_path_factory.mktemp("example") / "example_plugin"
    shutil.copytree(ROOT / "docs" / "example_plugin", copy)
    return environment(tmp_path_factory.mktemp("extended"), slim, wheel, built(copy, copy.parent))


def test_the_example_of_plug_ins_works_as_its_page_says(extended: Path, place: Path) -> None:
    """Source, metric, section and output format of another package are in a report."""
    (place / "old.losses").write_text("\n".join(str(2 / k) for k in range(1, 40)), encoding="utf-8")
    (place / "new.csv").write_text(CSV.replace("full_valid_loss", "eval_bleurt"), encoding="utf-8")
    succeeded([extended / "run-reports", "report", "old.losses", "new.csv"], cwd=place)
    folder = place / "reports" / "new"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Where the Numbers Come From" in page
    assert "plain numbers" in page
    assert "BLEURT" in page
    assert "eval_bleurt" in succeeded([extended / "run-reports", "runs", "new.csv"], cwd=place)
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Where the Numbers Come From" in markdown
    assert "report.md" in page
