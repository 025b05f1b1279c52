"""What the documentation tells people to type works, and what it says of the code is so.

Run are: commands of ``bash`` blocks (``run-reports``, ``papermill``, ``jupyter nbconvert``) and ``python`` blocks, page
by page, in a folder with a copy of the sample runs. A block marked ``file=NAME`` is written to that file first; after a
command the files on its ``# makes NAME`` lines exist. A block marked ``needs=PACKAGE`` is run where that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from analysis.findings.analysis_result import Analysis
from analysis.report.results_json import schema, to_json
from analysis.sources.sidecar import KEYS
from tests import warm

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), ROOT / "llms.txt", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
SAMPLE = ROOT / "reports" / "sample" / "run_4"
RESULTS = "training_analysis_results.json"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_RUN = {
    "run-reports": [str(ROOT / "run_reports.py")],
    "papermill": ["-m", "papermill"],
    "jupyter nbconvert": ["-m", "nbconvert"],
}
"""The words for Python that each command stands for: it is run with the interpreter and the code of the tests."""


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, marks and text of the fenced blocks of a page."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(text: str) -> list[list[str]]:
    """The commands of a ``bash`` block that are to be run, as words for Python."""
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    return [
        [*start, *shlex.split(line.removeprefix(name), comments=True)]
        for line in lines
        for name, start in _RUN.items()
        if line.startswith(f"{name} ")
    ]


def runnable(page: Path) -> bool:
    return any(language == "python" or (language == "bash" and commands(text)) for language, _, text in blocks(page))


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    for name in ("runs", "templates", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return tmp_path


@pytest.fixture(scope="session")
def python_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """This code, with its entry points as pyproject.toml has them, whatever is installed."""
    folder = tmp_path_factory.mktemp("installed")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {**project["entry-points"], "console_scripts": project["scripts"]}
    lines = [
        line
        for group, names in groups.items()
        for line in (f"[{group}]", *map("{0[0]} = {0[1]}".format, names.items()))
    ]
    metadata = folder / "run_reports-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: run-reports\nVersion: 0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return os.pathsep.join([str(folder), str(ROOT)])


def run(words: list[str], folder: Path, python_path: str) -> None:
    environment = {**os.environ, "PYTHONPATH": python_path, "PYTHONWARNINGS": "error:::analysis"}
    command = warm.python(*words)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", [p for p in PAGES if runnable(p)], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_everything_a_page_tells_to_type_works(page: Path, workplace: Path, python_path: str):
    """Files, commands and scripts of a page in their order: exit status 0, and the files that are promised."""
    for language, marks, text in blocks(page):
        if needed := re.search(r"needs=(\S+)", marks):
            pytest.importorskip(needed[1])
        if named := re.search(r"file=(\S+)", marks):
            (workplace / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (workplace / named[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            run(["-c", text], workplace, python_path)
        elif language == "bash":
            for command in commands(text):
                run(command, workplace, python_path)
            for made in re.findall(r"^# makes (\S+)$", text, re.MULTILINE):
                assert (workplace / made).is_file(), made


def test_commands_that_are_run_are_recognised():
    """Every kind of command, joined lines and quotes count; other commands and comments do not."""
    text = "make report\nrun-reports runs 'a b' \\\n  c  # look\npapermill x y\n# papermill no\njupyter nbconvert z\n"
    ours, papermill, nbconvert = _RUN.values()
    assert commands(text) == [[*ours, "runs", "a b", "c"], [*papermill, "x", "y"], [*nbconvert, "z"]]


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    """Every relative link names a file that is there, and every anchor a heading of it."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    specification = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda p: p.name)
def test_tables_say_what_the_code_says(page: Path, tables: ModuleType):
    """Parameters, settings, rules, sources, names and JSON keys in the docs are those of the code."""
    text = page.read_text(encoding="utf-8")
    assert tables.updated(text) == text, "run: python docs/tables.py"


def test_every_table_has_its_place(tables: ModuleType):
    """No table that is written nowhere, and none that nothing writes."""
    found = [
        name for page in ROOT.glob("docs/*.md") for name in re.findall(r"<!-- table: (\w+)", page.read_text("utf-8"))
    ]
    assert sorted(found) == sorted(tables.TABLES)


def test_every_page_has_its_place_on_the_site():
    """The navigation names each page in ``docs``, and besides only those that are made in the build."""
    nav = re.findall(r"^ +- .+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]
    made = ["index.md", "gallery.md", "api.md", "contributing.md", "changes.md"]
    assert sorted(nav) == sorted(pages + made)


def test_the_sidecar_page_lists_every_key():
    """The table of sidecar keys, written by hand, names those that the reader knows, and no other."""
    rows = re.findall(r"^\| (`[\w.`, ]+`) \|", (ROOT / "docs/your-own-logs.md").read_text("utf-8"), re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`([\w.]+)`", row)}
    assert named & {*KEYS} == {*KEYS} - {"data"}
    assert {key for key in named if key.startswith("data.")} <= {*KEYS}


def test_every_claim_is_held_by_a_test_that_is_there():
    """The page of known limits names a file and a test in it for each claim of the README."""
    page = (ROOT / "docs/limits.md").read_text("utf-8")
    claims = re.findall(r"^\| .+ \| `(tests/\S+)`: `(test_\w+)` \|$", page, re.MULTILINE)
    assert len(claims) > 20
    for file, name in claims:
        assert f"\ndef {name}(" in (ROOT / file).read_text("utf-8"), (file, name)


def shape(value: object) -> object:
    """Keys all the way down; of a list the union over its entries."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return "list" if isinstance(value, list) else "value"


def test_the_kept_sample_report_is_of_the_current_format(sample: Analysis):
    """Its results conform to the schema and have the keys that a report of the same runs has today."""
    kept = json.loads((SAMPLE / RESULTS).read_text(encoding="utf-8"))
    jsonschema.validate(kept, schema())
    fresh = json.loads(json.dumps(to_json(sample)))
    assert list(kept) == list(fresh)
    assert shape(kept["runs"]["run_4"]["rules_of_thumb"]) == shape(fresh["runs"]["run_4"]["rules_of_thumb"])
    for part in ("findings", "comparisons"):
        assert list(kept[part][0]) == list(fresh[part][0])
    assert kept["verdict"]["evidence"] == fresh["verdict"]["evidence"]
    assert {f["rule"] for f in kept["findings"]} == {f["rule"] for f in fresh["findings"]}


def test_the_kept_sample_report_is_whole_and_names_no_machine():
    """Every file it lists is there but for the big notebook; no path of the machine that made it."""
    kept = json.loads((SAMPLE / RESULTS).read_text(encoding="utf-8"))
    assert [name for name in kept["files"] if not (SAMPLE / name).is_file()] in ([], ["report.ipynb"])
    paths = [Path(run["provenance"]["path"]) for run in kept["runs"].values()]
    assert [path.name for path in paths] == [f"run_{n}.csv" for n in (2, 3, 4)]
    assert not any(path.is_absolute() for path in paths)
    page = (SAMPLE / "report.html").read_text(encoding="utf-8")
    assert "run_4.csv" in page
    assert not re.search(r"/(home|Users|root|work|tmp)/", page)


def test_the_picture_in_the_readme_is_small_and_real():
    """A PNG under 300 kB."""
    picture = (ROOT / "docs" / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000
