"""A template of one's own, an edited notebook as HTML and PDF, and the report as Markdown, CSV and LaTeX."""

from __future__ import annotations

import io
import json
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from analysis.cli.main import main
from analysis.render.export.markdown import tables_of, write_also
from tests.builders import ROOT

RUNS = ["run_2", "run_4", "--runs-dir", str(ROOT / "runs"), "--date", "2026-01-02"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two sample runs from a changed copy of the template, in every format."""
    folder = tmp_path_factory.mktemp("own")
    own = folder / "my.ipynb"
    assert main(["template", str(own)]) == 0
    nb = nbformat.read(own, as_version=4)
    nb.cells.append(nbformat.v4.new_markdown_cell("## What I think of it\n\nKeep it."))
    nbformat.write(nb, own)
    asked = ["--template", str(own), "--also", "md,csv,tex", "--out", str(folder / "out")]
    assert main(["report", *RUNS, *asked]) == 0
    return folder / "out" / "run_4"


def test_what_was_added_to_the_template_is_in_every_format(made: Path) -> None:
    assert "What I think of it" in (made / "report.html").read_text(encoding="utf-8")
    assert "## What I think of it" in (made / "report.md").read_text(encoding="utf-8")


def test_further_files_are_listed_on_the_page_and_in_the_results(made: Path) -> None:
    results = json.loads((made / "training_analysis_results.json").read_text(encoding="utf-8"))
    there = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert {*results["files"]} == there - {".made.json"}
    for page in ("report.html", "report.ipynb", "report.md"):
        assert "tables/*.tex" in (made / page).read_text(encoding="utf-8").replace("\\", "").replace("<wbr>", "")


def test_tables_are_numbers_that_pandas_reads_again(made: Path) -> None:
    rows = [len(pd.read_csv(ROOT / "runs" / f"{name}.csv")) for name in ("run_2", "run_4")]
    tables = [pd.read_csv(path) for path in made.glob("tables/*.csv")]
    assert any(table["Total Steps"].tolist() == rows for table in tables if "Total Steps" in table)
    assert len([*made.glob("tables/*.csv")]) == len([*made.glob("tables/*.tex")]) > 10


def test_an_edited_notebook_is_exported_and_pictures_keep_their_place(made: Path, capsys, tmp_path: Path) -> None:
    nb = nbformat.read(made / "report.ipynb", as_version=4)
    nb.cells.insert(3, nbformat.v4.new_markdown_cell("Seen and approved."))
    nbformat.write(nb, tmp_path / "edited.ipynb")
    assert main(["export", str(tmp_path / "edited.ipynb"), "--also", "md"]) == 0
    written = [Path(line).name for line in capsys.readouterr().out.split()]
    assert written == ["report.html", "report.md", "report.pdf"]
    assert "Seen and approved." in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_any_executed_notebook_is_written(tmp_path: Path) -> None:
    nb = nbformat.v4.new_notebook()
    stream = nbformat.v4.new_output("stream", text="done\n")
    nb.cells = [nbformat.v4.new_code_cell("print('done')", outputs=[stream])]
    write_also(nb, tmp_path, ("md", "csv"))
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "```\ndone\n```\n"
    assert not (tmp_path / "tables").exists()


def test_text_in_tables_is_plain_in_csv_and_harmless_in_a_spreadsheet_and_in_latex(tmp_path: Path) -> None:
    text = "**Runs of a\\_b**\n\n| Run | Loss |\n| :-- | --: |\n| =HYPERLINK("
    text += '"x") | **0\\.5** |\n| a\\|b & c | −1 (90 %) |\n'
    (table,) = tables_of(text)
    assert table.caption == "Runs of a_b"
    assert table.frame.iloc[1].tolist() == ["a|b & c", "−1 (90 %)"]
    nb = nbformat.v4.new_notebook()
    nb.cells = [nbformat.v4.new_markdown_cell(text)]
    write_also(nb, tmp_path, ("csv", "tex"))
    csv = (tmp_path / "tables" / "01-runs-of-a_b.csv").read_text(encoding="utf-8")
    assert pd.read_csv(io.StringIO(csv))["Run"].tolist() == ['\'=HYPERLINK("x")', "a|b & c"]
    assert r"a|b \& c & $-$1 (90 \%)" in (tmp_path / "tables" / "01-runs-of-a_b.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["template", "{tmp}/there.ipynb"], "there is a file already"),
        (["template", "{tmp}/my.txt"], "ends with .ipynb"),
        (["template", "{tmp}/no/my.ipynb"], "no such folder"),
        (["export", "{tmp}/none.ipynb"], "cannot be read as a notebook"),
        (["export", "{tmp}/there.ipynb"], "no cell has an output"),
        (["export", "{tmp}/there.ipynb", "--also", "docx"], "'docx' is no format" ),
        (["report", "run_2", "--template", "{tmp}/none.ipynb"], "no such notebook"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_one_line(arguments: list[str], told: str, tmp_path: Path, capsys) -> None:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "there.ipynb")
    assert main([part.format(tmp=tmp_path) for part in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]
