"""The workbench: a notebook of any runs, tables with units, figures that return Axes, the same runs judged again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import analyze, figures, rejudge
from analysis.cli import dig as dig_command
from analysis.cli.main import main
from analysis.core.errors import UsageError
from analysis.findings.analysis_result import Analysis
from tests.builders import ROOT, analyzed, known, log


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the sample runs, which is the working directory."""
    shutil.copytree(ROOT / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("seeds"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_notebook_holds_what_was_asked_for(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Parameters are filled in, nothing is executed, and cells to go on from stand at the end."""
    assert main(["dig", "run_2", "run_3", "--goal", "lower loss", "--no-open"]) == 0
    assert capsys.readouterr().out == "dig_run_3.ipynb\n"
    notebook = nbformat.read("dig_run_3.ipynb", as_version=4)
    nbformat.validate(notebook)
    (filled,) = (c.source for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", ()))
    assert 'run_ids = ["run_2", "run_3"]' in filled
    assert 'goal = "lower loss"' in filled
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert [c.source for c in notebook.cells][-2] == "ax = figures.curve(a)"


def test_a_notebook_elsewhere_goes_to_where_the_runs_are(place: Path) -> None:
    (place / "mine").mkdir()
    main(["dig", "run_2", "run_3", "--out", "mine/look.ipynb", "--no-open"])
    first = nbformat.read(place / "mine" / "look.ipynb", as_version=4).cells[0].source
    assert f"os.chdir({str(place)!r})" in first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run_2", "--out", "there.ipynb"], "there is a file already"),
        (["run_2", "--out", "look.txt"], "ends with .ipynb"),
        (["run_2", "--out", "nowhere/look.ipynb"], "no such folder"),
        (["run_2", "--template", "none.ipynb"], "no such notebook"),
        (["run_9"], "no run 'run_9'"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (place / "there.ipynb").write_text("mine")
    assert main(["dig", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert [path.read_text() for path in place.rglob("*.ipynb")] == ["mine"]


def test_without_jupyterlab_a_line_says_what_to_install(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dig_command, "find_spec", lambda name: None)
    assert main(["dig", "run_2", "run_3"]) == 0
    assert "pip install 'run-reports[lab]'" in capsys.readouterr().out
    assert (place / "dig_run_3.ipynb").is_file()


@pytest.fixture(scope="module")
def a() -> Analysis:
    """One run of each of two configurations, the second 5% lower."""
    runs = [known("old", log(1)), known("new", log(2, level=0.285), learning_rate_multiplier=1.0)]
    return analyzed(runs, baseline="old", candidate="new")


def test_other_settings_show_what_they_change(a: Analysis) -> None:
    """A margin wider than the difference, and the verdict with it; what stays the same is not listed."""
    before = a.verdict.result
    table = rejudge(a, settings={"equivalence_margin": 0.5, "primary": "train_loss"})
    assert list(table.columns) == ["part", "id", "what", "before", "after"]
    assert (table["before"] != table["after"]).all()
    assert {"verdict", "finding"} <= set(table["part"])
    assert a.verdict.result == before


def test_another_baseline_turns_the_verdict_round(a: Analysis) -> None:
    rows = rejudge(a, baseline="new", candidate="old").set_index(["id", "what"])
    assert tuple(rows.loc[("verdict", "result"), ["before", "after"]]) == ("improved", "regressed")


def test_the_same_again_changes_nothing(a: Analysis) -> None:
    assert rejudge(a).empty


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run_ids": ["x"]}, "use analyze"),
        ({"settings": {"alhpa": 0.1}}, "alhpa"),
        ({"baselin": "old"}, "did you mean 'baseline'"),
        ({"mute": ["nothing"]}, "nothing"),
    ],
)
def test_what_does_not_exist_cannot_be_changed(a: Analysis, changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rejudge(a, **changes)


@pytest.mark.parametrize("draw", [figures.curve, figures.differences])
def test_figures_return_the_axes_they_were_given(a: Analysis, draw: object) -> None:
    """One goes into a figure of the user's own, another metric by its name; what was not logged is named."""
    ax = Figure().subplots()
    assert draw(a, ax=ax) is ax  # type: ignore[operator]
    assert ax.lines
    assert isinstance(draw(a, "train_loss", ax=Figure().subplots()), Axes)  # type: ignore[operator]
    with pytest.raises(UsageError, match=r"no metric 'nothing'.*train_loss"):
        draw(a, "nothing", ax=ax)  # type: ignore[operator]


def test_the_documentation_names_every_table_and_column(a: Analysis) -> None:
    """docs/digging.md lists the tables, and each column of those that have fixed ones."""
    page = (ROOT / "docs" / "digging.md").read_text(encoding="utf-8")
    told = {
        name: set(re.findall(r"`(\w+)`", columns))
        for name, columns in re.findall(r"^\| `a\.frames\.(\w+)` \| .+? \| (.+) \|$", page, re.MULTILINE)
    }
    tables = {name for name, value in vars(type(a.frames)).items() if isinstance(value, property)}
    assert set(told) == tables
    for name in tables - {"runs", "metrics", "evaluations"}:
        assert told[name] == set(getattr(a.frames, name).columns), name


def test_tables_state_their_units(a: Analysis) -> None:
    comparisons = a.frames.comparisons.set_index("metric")
    assert comparisons.loc["noise", "unit"] == "ratio"
    assert comparisons.loc["full_valid_loss", "unit"] == ""


@pytest.fixture
def quizzes(tmp_path: Path) -> Analysis:
    """Two models on 400 questions, the second right on 40 more."""
    for name, wrong in (("old", 40), ("new", 20)):
        rows = "".join(f"q{k},{int(k % 200 >= wrong)}\n" for k in range(400))
        (tmp_path / f"{name}.csv").write_text(f"id,score\n{rows}")
    paths = [str(tmp_path / f"{name}.csv") for name in ("old", "new")]
    return analyze(run_ids=paths, reports_dir=str(tmp_path))


def test_evaluations_are_a_table(quizzes: Analysis) -> None:
    """One row a task: 40 more questions of 400 right, none lost."""
    (row,) = quizzes.frames.evaluations.to_dict("records")
    assert (row["n"], row["won"], row["lost"]) == (400, 40, 0)
    assert row["value"] == pytest.approx(0.1)
    assert row["level_candidate"] - row["level_baseline"] == pytest.approx(0.1)
    page = (ROOT / "docs" / "digging.md").read_text(encoding="utf-8")
    assert all(f"`{column}`" in page for column in row)
