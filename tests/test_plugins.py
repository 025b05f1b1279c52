"""What other packages add: found without being loaded, and named in one line where it fails."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.core import plugins
from analysis.core.metrics import METRICS, Metric
from analysis.core.plugins import KINDS, PluginError
from analysis.findings.analysis_result import Analysis
from analysis.publish import freshness, publisher
from analysis.render.export import Exporter, exporters
from analysis.report import sections
from analysis.report.sections import Section
from analysis.sources import known_sources, resolve
from tests.builders import ROOT

Install = Callable[..., None]


def forget() -> None:
    for cached in (plugins.plugins, plugins._found, publisher.load_exporters, freshness.toolkit):
        cached.cache_clear()
    importlib.invalidate_caches()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package of one module that adds what is asked for, until the end of the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = dict(METRICS)

    def installed(source: str, *, version: str = "2.0", **added: str) -> None:
        metadata = tmp_path / "other-2.0.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: other\nVersion: {version}\n")
        entries = "\n".join(f"[run_reports.{kind}]\nmine = other_module:{name}" for kind, name in added.items())
        (metadata / "entry_points.txt").write_text(entries)
        (tmp_path / "other_module.py").write_text(source)
        sys.modules.pop("other_module", None)
        forget()

    yield installed
    sys.modules.pop("other_module", None)
    METRICS.clear()
    METRICS.update(known)
    forget()


USES: dict[str, Callable[[Analysis], Any]] = {
    "sources": lambda a: known_sources(),
    "metrics": lambda a: known_sources(),
    "sections": sections.more,
    "exporters": lambda a: exporters(),
}
"""What loads the plug-ins of each kind."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nowhere", "cannot be loaded (ModuleNotFoundError: No module named 'nowhere')"),
        ("OTHER = 1", "cannot be loaded (AttributeError: module 'other_module' has no attribute 'THING')"),
        ("THING = 1", "but a int"),
    ],
)
def test_one_that_is_broken_is_named_with_its_package(
    kind: str, source: str, why: str, install: Install, sample: Analysis
) -> None:
    install(source, **{kind: "THING"})
    with pytest.raises(PluginError) as caught:
        USES[kind](sample)
    line = str(caught.value)
    assert line.startswith(f"plug-in 'mine' (run_reports.{kind}) of other 2.0 ")
    assert why in line
    assert "\n" not in line


FAILS = """
from analysis.render.export import Exporter
from analysis.report.sections import Section

def fail(*_):
    raise ValueError("two\\nlines")

class Fails:
    from_notebook_node = fail

SECTION = Section(2, "Mine", fail)
EXPORTER = Exporter("mine.txt", "mine", Fails)
"""


def test_one_that_fails_at_its_work_is_named(install: Install, sample: Analysis, tmp_path: Path) -> None:
    install(FAILS, sections="SECTION", exporters="EXPORTER")
    with pytest.raises(RuntimeError, match=r"plug-in 'mine' \(run_reports.sections\) failed: ValueError: two lines"):
        sections.more(sample)
    export = publisher.load_exporters("none")[-1]
    with pytest.raises(RuntimeError, match=r"plug-in 'mine' \(run_reports.exporters\) failed: ValueError: two lines"):
        export(None, tmp_path)


def test_a_metric_of_a_plug_in_is_one_of_the_table(install: Install, tmp_path: Path) -> None:
    """Known by its names before the first run is read."""
    row = "from analysis.core.metrics import Metric\nROW = Metric('glow', 'Glow', 'lower', aliases='val_glow_index')"
    install(row, metrics="ROW")
    (tmp_path / "a.csv").write_text("step,val_glow_index\n1,0.5\n2,0.4\n", encoding="utf-8")
    (run,) = resolve(str(tmp_path / "a.csv"), runs_dir=tmp_path)
    assert run.metrics == ("glow",)
    assert METRICS["glow"] == Metric("glow", "Glow", "lower", aliases="val_glow_index")


def test_without_plug_ins_there_is_nothing_more(install: Install, sample: Analysis) -> None:
    install("")
    assert sections.more(sample) == []
    assert [*exporters()] == ["html", "pdf"]
    assert all(isinstance(row, Exporter) for row in exporters().values())
    assert all(isinstance(section, Section) for section in sections.SECTIONS)


def test_another_version_of_a_plug_in_makes_reports_anew(install: Install) -> None:
    versions = set()
    for version in ("2.0", "2.0", "2.1"):
        install("raise SystemExit('loaded')", metrics="ROW", version=version)
        versions.add(freshness.toolkit())
    assert len(versions) == 2


def test_the_command_looks_for_plug_ins_only_when_it_works() -> None:
    """Help, and with it the start of every command, neither loads one nor looks which there are."""
    code = "import sys; from analysis.cli.main import _parser; _parser().format_help(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"importlib.metadata", "analysis.core.plugins"} & set(loaded.stdout.split())
