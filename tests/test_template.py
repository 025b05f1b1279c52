"""The template notebook: thin cells, the sections in their order, and it runs by papermill as by hand."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest

from analysis.core.parameters import KINDS, check_parameters
from analysis.publish.notebook import notebook_parameters
from analysis.publish.notebook_payload import RESULTS_MIME
from analysis.publish.publisher import template_path
from analysis.report.sections import SECTIONS
from tests import warm
from tests.builders import REFERENCE, ROOT, RUN_IDS

TEMPLATE = nbformat.read(template_path(), as_version=4)
CODE = [cell for cell in TEMPLATE.cells if cell.cell_type == "code"]
PARAMETERS = CODE[0]


def test_the_parameter_cell_is_tagged_and_is_the_schema_of_parameters() -> None:
    assert PARAMETERS.metadata.tags == ["parameters"]
    assert [cell for cell in CODE[1:] if "parameters" in cell.metadata.get("tags", ())] == []
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(PARAMETERS.source).body}
    assert list(values) == list(KINDS)
    defaults = check_parameters(values)
    assert defaults == check_parameters({"run_ids": list(RUN_IDS)})


def test_each_parameter_is_explained_with_its_kind() -> None:
    words = {"text": "text", "names": "list", "date": "text YYYY-MM-DD", "mapping": "mapping"}
    for line in PARAMETERS.source.splitlines()[1:]:
        name, _, comment = line.partition(" = ")
        assert words[KINDS[name]] in comment.partition("  # ")[2]
        assert re.search(r"  # \w[^:]*: \w", line)


@pytest.mark.parametrize("index", range(1, len(CODE)))
def test_cells_are_thin(index: int) -> None:
    source = CODE[index].source
    assert len(source.splitlines()) <= 5
    banned = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.comprehension, ast.Lambda)
    assert not any(isinstance(node, banned) for node in ast.walk(ast.parse(source)))


def test_nothing_executed_is_kept() -> None:
    assert all(cell.outputs == [] and cell.execution_count is None for cell in CODE)
    nbformat.validate(TEMPLATE)
    assert len({cell.id for cell in TEMPLATE.cells}) == len(TEMPLATE.cells)


def test_headings_and_calls_are_those_of_sections_in_their_order() -> None:
    wanted: list[str] = []
    for section in SECTIONS:
        if section.heading:
            wanted.append(f"{'#' * section.level} {section.heading}")
        if section.build is not None:
            wanted.append(f"show(sections.{section.build.__name__}(a))")
    begin = next(i for i, cell in enumerate(TEMPLATE.cells) if "sections.title" in cell.source)
    assert [cell.source for cell in TEMPLATE.cells[begin:-1]] == wanted
    assert TEMPLATE.cells[-1].source == "hand_over(a)"


def papermill(out: Path, *parameters: str) -> subprocess.CompletedProcess[str]:
    """The plain command, from the repository's root."""
    command = [*warm.python("-m", "papermill"), "templates/run_report.ipynb", str(out), "--no-progress-bar"]
    return subprocess.run([*command, *parameters], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The reference runs (else the sample ones) through the plain papermill command."""
    out = tmp_path_factory.mktemp("papermill") / "out.ipynb"
    folder = REFERENCE / "runs" if REFERENCE.is_dir() else ROOT / "runs"
    options = ["-p", "run_ids", "[run_2, run_3, run_4]", "-p", "runs_dir", str(folder), "-p", "date", "2025-09-11"]
    done = papermill(out, *options, "-p", "reports_dir", str(out.parent))
    assert done.returncode == 0, done.stderr[-2000:]
    return nbformat.read(out, as_version=4)


def outputs(nb: Any) -> list[Any]:
    return [output for cell in nb.cells if cell.cell_type == "code" for output in cell.outputs]


def test_plain_papermill_makes_the_whole_report(executed: Any) -> None:
    found = outputs(executed)
    assert {output.output_type for output in found} == {"display_data"}
    (bundle,) = [output.data[RESULTS_MIME] for output in found if RESULTS_MIME in output.data]
    assert list(bundle["results"]["runs"]) == list(RUN_IDS)
    assert bundle["results"]["date"] == "2025-09-11"
    assert set(bundle["files"]) <= set(bundle["results"]["files"])
    shown = [output for output in found if output.metadata.get("run_report", {}).get("kind") == "figure"]
    assert {output.metadata.run_report.name for output in shown} >= {
        "training_analysis_visualization.png",
        "training_metrics_comparison.png",
    }


def headings(nb: Any) -> list[str]:
    """All headings that a reader sees, fixed and made of data, in order."""
    seen = []
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            seen += re.findall(r"^#{1,6} +(.+)$", cell.source, re.MULTILINE)
        else:
            about = [output.metadata.get("run_report", {}) for output in cell.outputs]
            seen += [a.get("title") or a["text"] for a in about if a.get("kind") in ("cover", "heading")]
    return seen


def plain_heading(line: str) -> str:
    """A heading of the model without pictures, emphasis and what it says of its runs only."""
    words = re.sub(r"[^\w\s()/→.,:&'-]", "", line.lstrip("#")).strip()
    return re.sub(r"\s*\(Run \d+ Only\)$", "", words)


def test_every_heading_of_the_model_is_there_in_its_order(executed: Any) -> None:
    model = REFERENCE / "run_4_report.md"
    if not model.is_file():
        pytest.skip("the model report (../shared/reference) is not on this machine")
    # The title is the report's own: it says what was trained and compared.
    wanted = [plain_heading(line) for line in re.findall(r"^#{2,4} .+$", model.read_text(encoding="utf-8"), re.M)]
    assert len(wanted) > 20
    rest = iter(headings(executed))
    for heading in wanted:
        assert heading in rest, f"{heading!r} is missing, or not in its place"


def test_an_unknown_parameter_fails_the_plain_command(tmp_path: Path) -> None:
    done = papermill(tmp_path / "out.ipynb", "-p", "run_ids", "[run_2]", "-p", "baselin", "run_3")
    assert done.returncode != 0
    assert "parameter 'baselin' is unknown (did you mean 'baseline'?); known parameters: run_ids," in done.stderr


# What the first cells do, without a kernel.


def namespace(injected: str) -> dict[str, Any]:
    """Variables of a notebook into which papermill put a cell."""
    values: dict[str, Any] = {}
    for source in (PARAMETERS.source, injected):
        exec(source, values)
    return {**values, "In": ["", PARAMETERS.source, injected]}


def test_parameters_are_taken_from_the_notebooks_variables() -> None:
    given = notebook_parameters(namespace('# Parameters\nrun_ids = ["a", "b"]\ncandidate = "a"\n'))
    assert list(given) == list(KINDS)
    assert check_parameters(given).candidate == "a"
    assert notebook_parameters({"run_ids": ["a"], "other": 1}) == {"run_ids": ["a"]}


def test_by_hand_anything_may_stand_in_other_cells() -> None:
    by_hand = {**namespace("# Parameters\nrun_ids = ['a']\n"), "scratch": 1}
    by_hand["In"].append("scratch = 1")
    assert notebook_parameters(by_hand)["run_ids"] == ["a"]


def test_the_template_is_small() -> None:
    assert len(json.dumps(TEMPLATE)) < 20_000
