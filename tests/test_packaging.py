"""What `make` installs is what pyproject.toml asks for, pinned, from anywhere; and only when it changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = {"requirements.txt": ("lab",), "requirements-dev.txt": ("lab", "test", "dev", "batch-test")}


def pins(lock: str) -> list[Requirement]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return [Requirement(re.sub(r"\s+#.*", "", line)) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_pins_everything_the_project_asks_for(lock: str) -> None:
    asked = list(PROJECT["dependencies"])
    for extra in LOCKS[lock]:
        asked += PROJECT["optional-dependencies"][extra]
    pinned = {canonicalize_name(pin.name): pin for pin in pins(lock)}
    for requirement in map(Requirement, asked):
        (version,) = pinned[canonicalize_name(requirement.name)].specifier
        assert version.operator == "=="
        assert requirement.specifier.contains(version.version)


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_lock_names_one_version_of_each_package_on_every_system(lock: str, python: str, platform: str) -> None:
    where = {"python_full_version": python, "python_version": python[:4], "sys_platform": platform}
    names = [canonicalize_name(pin.name) for pin in pins(lock) if pin.marker is None or pin.marker.evaluate(where)]
    assert len(names) == len(set(names))


def test_working_on_the_project_and_running_it_use_the_same_versions() -> None:
    run, dev = ({f"{pin.name}{pin.specifier}" for pin in pins(lock)} for lock in LOCKS)
    assert run <= dev


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_host_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|^-|@ |\bfile:|/root|/home", text, re.MULTILINE)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A copy of the project that counts as installed."""
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
        os.utime(tmp_path / name, (1_000, 1_000))
    (tmp_path / ".venv").mkdir()
    for stamp in (".ready", ".ready-dev"):
        (tmp_path / ".venv" / stamp).touch()
        os.utime(tmp_path / ".venv" / stamp, (2_000, 2_000))
    return tmp_path


def would_run(folder: Path, target: str) -> str:
    return subprocess.run(["make", "-n", target], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("target", "lock"), [("report", "requirements.txt"), ("test", "requirements-dev.txt")])
def test_make_installs_again_only_when_the_lock_changed(plan: Path, target: str, lock: str) -> None:
    assert "pip install" not in would_run(plan, target)
    os.utime(plan / lock, (3_000, 3_000))
    assert f"pip install -q --no-deps -r {lock}" in would_run(plan, target)


def test_reports_can_be_made_without_jupyterlab() -> None:
    """What opens notebooks is an extra; working in a checkout comes with it."""
    assert not [name for name in PROJECT["dependencies"] if name.startswith("jupyterlab")]
    assert [canonicalize_name(Requirement(name).name) for name in PROJECT["optional-dependencies"]["lab"]] == [
        "jupyterlab"
    ]


def test_the_script_for_continuous_integration_checks_builds_and_tests() -> None:
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("make lint\nmake wheel\nmake test")
