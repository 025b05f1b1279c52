"""A published report is complete, repeatable and never half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import nbformat
import pytest

from analysis.core.errors import AnalysisError, UsageError
from analysis.publish import notebook_payload, publisher
from analysis.publish.folder import MANIFEST
from analysis.publish.publisher import Publisher, ReportFailed
from analysis.render.chromium import find_chromium
from analysis.render.export import EXPORTERS
from tests.notebooks import FIGURE_CELL, PNG, RESULTS_CELL, make_template

CONTENTS = {
    *(row.file for row in EXPORTERS.values()),
    "report.ipynb",
    "training_analysis_results.json",
    "curve.png",
    "next_runs/run_5.yaml",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "t.ipynb", RESULTS_CELL, FIGURE_CELL)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export a word instead of pages: what is tested is the way there."""

    def export(nb: Any, folder: Path) -> None:
        (folder / "report.html").write_text("page")

    monkeypatch.setattr(publisher, "load_exporters", lambda pdf: (export,))
    monkeypatch.setattr(publisher, "preload", lambda: None)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("engine", publisher.ENGINES)
def test_the_folder_holds_every_file_and_the_same_bytes_each_time(template: Path, tmp_path: Path, engine: str) -> None:
    made = []
    for out in (tmp_path / "one", tmp_path / "two"):
        report = Publisher(engine=engine, template=template).publish({"x": [1]}, out=out, report_id="r")
        made.append(contents(report.folder))
        assert set(report.files) == CONTENTS
    assert set(made[0]) == CONTENTS | {MANIFEST}
    assert made[0] == made[1]
    assert made[0]["report.pdf"].startswith(b"%PDF")
    assert made[0]["curve.png"] == b64decode(PNG)
    assert made[0]["next_runs/run_5.yaml"] == b"lr: 0.6\n"
    results = json.loads(made[0]["training_analysis_results.json"])
    assert results == {"x": [1], "runs": {"b": 0.1, "a": None}} == report.results
    assert list(results["runs"]) == ["b", "a"]


def test_a_web_pdf_is_printed_by_chromium(template: Path, tmp_path: Path) -> None:
    try:
        find_chromium()
    except AnalysisError as error:
        pytest.skip(str(error))
    report = Publisher(pdf="web", template=template).publish({}, out=tmp_path, report_id="r")
    assert (report.folder / "report.pdf").read_bytes().startswith(b"%PDF")


def test_without_chromium_a_web_pdf_is_refused_at_once(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(AnalysisError, match="install"):
        Publisher(pdf="web", template=template)


@pytest.mark.usefixtures("light")
def test_the_results_list_no_file_that_is_not_made(tmp_path: Path) -> None:
    listing = RESULTS_CELL.replace('"x": x', '"files": ["report.html", "report.pdf"]')
    template = make_template(tmp_path / "t.ipynb", listing)
    for pdf, files in (("typst", ["report.html", "report.pdf"]), ("none", ["report.html"])):
        report = Publisher(template=template, pdf=pdf).publish({}, out=tmp_path / pdf, report_id="r")
        assert report.results["files"] == files


@pytest.mark.usefixtures("light")
def test_no_pdf_means_that_an_older_one_goes(template: Path, tmp_path: Path) -> None:
    maker = Publisher(template=template)
    folder = maker.publish({}, out=tmp_path, report_id="r").folder
    before = contents(folder)
    (folder / "report.pdf").write_bytes(b"mine")
    maker.publish({}, out=tmp_path, report_id="r")
    assert contents(folder) == before | {"report.pdf": b"mine"}  # not made here, so not ours to delete


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("engine", ["fork", "kernel"])
def test_a_user_error_is_one_line_and_writes_nothing(tmp_path: Path, engine: str) -> None:
    raising = "from analysis.core.errors import LogError; raise LogError('a.csv:3: bad; do this')"
    broken = make_template(tmp_path / "t.ipynb", raising)
    with pytest.raises(AnalysisError) as error:
        Publisher(engine=engine, template=broken).publish({}, out=tmp_path / "out", report_id="r")
    assert str(error.value) == "a.csv:3: bad; do this"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("light")
def test_a_failed_notebook_stands_beside_the_report_before_until_one_succeeds(template: Path, tmp_path: Path) -> None:
    broken = make_template(tmp_path / "t.ipynb", "raise RuntimeError('two\\nlines')")
    folder = Publisher(template=template).publish({}, out=tmp_path / "out", report_id="r").folder
    before = contents(folder)
    with pytest.raises(ReportFailed, match=r"r: RuntimeError: two lines; .*report\.failed\.ipynb") as failure:
        Publisher(template=broken).publish({}, out=tmp_path / "out", report_id="r")
    after = contents(folder)
    assert b"RuntimeError" in after.pop("report.failed.ipynb")
    assert failure.value.notebook == folder / "report.failed.ipynb"
    assert after == before
    Publisher(template=template).publish({}, out=tmp_path / "out", report_id="r")
    assert contents(folder) == before


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("name", ["/etc/evil.yaml", "../evil.yaml", "next_runs/../../evil.yaml", "c:evil", ""])
def test_a_notebook_cannot_write_outside_the_folder(tmp_path: Path, name: str) -> None:
    template = make_template(tmp_path / "t.ipynb", RESULTS_CELL.replace("next_runs/run_5.yaml", name))
    with pytest.raises(ValueError, match="outside the report's folder"):
        Publisher(template=template).publish({}, out=tmp_path / "out", report_id="r")
    assert list((tmp_path / "out").iterdir()) == []


def test_results_hold_no_number_that_json_lacks(tmp_path: Path) -> None:
    shown = nbformat.v4.new_output("display_data", {notebook_payload.RESULTS_MIME: {"results": {"x": float("nan")}}})
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[shown])])
    with pytest.raises(ValueError, match="JSON"):
        notebook_payload.write_parts(nb, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("report_id", ["", ".", "..", "a/b", "/a", ".hidden"])
def test_a_report_id_is_a_plain_name(tmp_path: Path, report_id: str) -> None:
    with pytest.raises(UsageError, match="report_id"):
        Publisher().publish({}, out=tmp_path, report_id=report_id)


@pytest.mark.parametrize("wrong", [{"engine": "spoon"}, {"pdf": "latex"}])
def test_unknown_ways_name_the_known_ones(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="choose one of"):
        Publisher(**wrong)


PUBLISH_AND_HANG = """
import sys
from base64 import b64decode
from pathlib import Path
from analysis.publish import publisher as publish
publish.load_exporters = lambda pdf: ()
publish.preload = lambda: None
publish.Publisher(engine=sys.argv[2], template=Path(sys.argv[1]) / "t.ipynb").publish(
    {}, out=Path(sys.argv[1]) / "out", report_id="r")
"""


@pytest.mark.usefixtures("heeding")
@pytest.mark.parametrize("engine", ["fork", "kernel"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_killed_in_a_cell_the_report_before_stays_and_no_process_does(
    template: Path, tmp_path: Path, engine: str, how: signal.Signals
) -> None:
    import psutil

    if sys.platform == "win32":
        pytest.skip("POSIX signals")
    out = tmp_path / "out"
    (out / "r").mkdir(parents=True)
    (out / "r" / "report.html").write_text("before")
    os.mkfifo(tmp_path / "started")
    tell = f"import os; open({str(tmp_path / 'started')!r}, 'w').write(str(os.getpid())); "
    make_template(tmp_path / "t.ipynb", tell + "import signal; signal.pause()")
    command = [sys.executable, "-c", PUBLISH_AND_HANG, str(tmp_path), engine]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            cell = psutil.Process(int((tmp_path / "started").read_text()))
            process.send_signal(how)
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert psutil.wait_procs([cell], timeout=20)[1] == []
    assert contents(out / "r") == {"report.html": b"before"}
    if how == signal.SIGINT:
        assert [p.name for p in out.iterdir()] == ["r"]
