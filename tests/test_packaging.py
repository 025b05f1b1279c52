"""What `make` installs is what pyproject.toml asks for, pinned, from anywhere; and only when it changed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
STATED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, SYSTEM = STATED["project"], STATED["build-system"]
LOCKS = {"requirements.txt": ["lab"]}
LOCKS["requirements-dev.txt"] = [*LOCKS["requirements.txt"], "test", "dev", "batch-test"]
LOCKS["requirements-ci.txt"] = [*LOCKS["requirements-dev.txt"], "sources-test", "samples", "parquet", "page-test"]


def pins(lock: str) -> list[Requirement]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix(" \\")) for line in lines if line and line[0] not in "# "]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_pins_everything_the_project_asks_for(lock: str) -> None:
    asked = [*PROJECT["dependencies"], *SYSTEM["requires"]]
    for extra in LOCKS[lock]:
        asked += PROJECT["optional-dependencies"][extra]
    pinned = {canonicalize_name(pin.name): pin for pin in pins(lock)}
    for requirement in map(Requirement, asked):
        (version,) = pinned[canonicalize_name(requirement.name)].specifier
        assert version.operator == "=="
        assert requirement.specifier.contains(version.version)


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_lock_names_one_version_of_each_package_on_every_system(lock: str, python: str, platform: str) -> None:
    where = {"python_full_version": python, "python_version": python[:4], "sys_platform": platform}
    names = [canonicalize_name(pin.name) for pin in pins(lock) if pin.marker is None or pin.marker.evaluate(where)]
    assert len(names) == len(set(names))


def test_each_lock_has_the_versions_of_the_larger_one() -> None:
    run, dev, ci = ({f"{pin.name}{pin.specifier}" for pin in pins(lock)} for lock in LOCKS)
    assert run <= dev <= ci


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_the_hashes_of_its_files(lock: str) -> None:
    entries = re.split(r"^(?=\w)", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock))
    for entry in entries:
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", entry, re.MULTILINE), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_host_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|^-|@ |\bfile:|/root|/home", text, re.MULTILINE)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A copy of what make reads, in a folder that counts as set up."""
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
    assert f"--require-hashes -r {lock}" in would_run(plan, target)


@pytest.mark.parametrize(("content", "status"), [("another", 2), (None, 0)])
def test_a_file_that_is_not_the_locked_one_is_refused_and_nothing_is_set_up(
    plan: Path, content: str | None, status: int
) -> None:
    """A lock of one package, whose wheel lies in a folder; pip does all but install, and the project is left out."""
    wheel, python = plan / "lone-1.0-py3-none-any.whl", plan / ".venv" / "bin" / "python"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("lone-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lone\nVersion: 1.0")
        archive.writestr("lone-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any")
    locked = hashlib.sha256(content.encode() if content else wheel.read_bytes()).hexdigest()
    (plan / "requirements.txt").write_text(f"lone==1.0 --hash=sha256:{locked}\n")
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\ncase "$*" in *" -e .") exit 0; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(plan), "PIP_CONFIG_FILE": os.devnull, "PIP_DRY_RUN": "1"}
    made = subprocess.run(
        ["make", ".venv/.ready"],
        cwd=plan,
        env={**os.environ, **pip, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == status, made
    assert ("DO NOT MATCH THE HASHES" in made.stderr) == (status != 0)
    assert ((plan / ".venv" / ".ready").stat().st_mtime > 3_000) == (status == 0)


def test_what_is_installed_has_a_licence_that_is_fine() -> None:
    specification = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert specification is not None
    assert specification.loader is not None
    tables = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tables)
    for pin in pins("requirements.txt"):
        assert set(tables.licence(pin.name)) <= {*tables.LICENCES, "AND", "OR"}, pin.name


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
    assert script.read_text(encoding="utf-8").rstrip().endswith("make lint wheel\nmake test")
