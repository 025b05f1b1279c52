"""How the command starts: by two names, whatever lies in the working directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run_reports
from analysis.cli.main import _parser
from tests.builders import COMMAND, ROOT, log, write_run

SCRIPT = [*COMMAND]
MODULE = [sys.executable, "-m", "analysis"]
STARTS = {"run-reports": SCRIPT, "python -m analysis": MODULE}

HIDDEN = "raise SystemExit('a file of the working directory was run')\n"


def start(words: list[str], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), **os.environ}
    environment.pop("PYTHONSAFEPATH", None)
    return subprocess.run([*words, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working directory with two runs."""
    write_run(tmp_path / "runs", "run_1", log(1), config={"n_epochs": 1})
    write_run(tmp_path / "runs", "run_2", log(2), config={"n_epochs": 1})
    return tmp_path


@pytest.mark.parametrize("name", STARTS)
def test_hints_name_the_command_that_was_typed(name: str, tmp_path: Path) -> None:
    done = start(STARTS[name], "report", "--no-such-option", cwd=tmp_path)
    assert done.returncode == 2
    assert f"\n{name} report: error: " in f"\n{done.stderr}" or f"\n{name}: error: " in f"\n{done.stderr}"


def test_the_launcher_knows_every_command() -> None:
    commands = next(action for action in _parser()._actions if action.dest == "==SUPPRESS==" or action.choices)
    assert tuple(commands.choices or ()) == run_reports.COMMANDS


@pytest.mark.parametrize("engine", ["fork", "kernel"])
@pytest.mark.parametrize("words", STARTS.values(), ids=STARTS)
def test_no_module_of_the_working_directory_is_run(words: list[str], engine: str, place: Path) -> None:
    """Neither at the start, nor by the cells, whether they run in a forked child or a kernel."""
    for name in ("yaml", "numpy", "typing", "mistune", "matplotlib", "statistics", "zmq"):
        (place / f"{name}.py").write_text(HIDDEN, encoding="utf-8")
    done = start(words, "report", "run_1", "run_2", "--engine", engine, "--pdf", "none", cwd=place)
    assert done.returncode == 0, done.stderr
    assert (place / "reports" / "run_2" / "report.html").is_file()


@pytest.fixture
def other(place: Path) -> Path:
    """Another `analysis` in the working directory."""
    path = place / "analysis.py"
    path.write_text("import sys; print('theirs', *sys.argv[1:])\n", encoding="utf-8")
    return path


def test_the_script_does_not_see_another_analysis_in_the_working_directory(place: Path, other: Path) -> None:
    done = start(SCRIPT, "runs", "run_1", cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("run_1")


@pytest.fixture
def hooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the installed ``run_reports.pth`` does while Python starts, done by a sitecustomize.py."""
    folder = tmp_path / "hook"
    folder.mkdir()
    shutil.copy(ROOT / "run_reports.pth", folder / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))


@pytest.mark.usefixtures("hooked")
@pytest.mark.parametrize("options", [[], ["-B", "-W", "ignore", "-X", "utf8"]])
def test_python_m_refuses_to_run_a_command_of_ours_in_another_analysis(
    options: list[str], place: Path, other: Path
) -> None:
    done = start([sys.executable, *options, "-m", "analysis"], "runs", "run_1", cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: 'analysis' is {other} here, not the package of run-reports; ")


@pytest.mark.usefixtures("hooked")
def test_what_is_no_command_of_ours_is_left_to_the_other_analysis(place: Path, other: Path) -> None:
    """An environment that has run-reports may well be used for another program of that name."""
    assert start(MODULE, "mine", cwd=place).stdout == "theirs mine\n"
    assert start([sys.executable, "analysis.py", "-m", "analysis", "runs"], cwd=place).stdout.startswith("theirs")


@pytest.mark.usefixtures("hooked")
def test_python_m_runs_ours_where_there_is_no_other(place: Path) -> None:
    done = start(MODULE, "runs", "run_1", cwd=place)
    assert done.stdout.startswith("run_1"), done.stderr


def test_a_package_on_the_path_that_hides_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "analysis.py").write_text(HIDDEN, encoding="utf-8")
    code = "import sys, run_reports; sys.path.insert(0, sys.argv.pop(1)); sys.exit(run_reports.main())"
    done = start([sys.executable, "-c", code], str(tmp_path), "runs", "run_1", cwd=ROOT)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: 'analysis' is {tmp_path / 'analysis.py'} here, not the package of run-reports; ")
