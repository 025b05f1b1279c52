"""What MkDocs needs beside the pages in ``docs``: those made in the build, and links that lead out of ``docs``."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import gallery

import analysis

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}
"""Pages that lie outside of ``docs`` in the repository, and where they are on the site."""

INSTEAD = {
    "reports/sample/run_4": "gallery.md",
    "docs/example_plugin": "docs/example_plugin/pyproject.toml",
    "reports/README.md": "gallery.md",
}
"""Where a link to a folder, or to a page that speaks of the repository alone, leads on the site."""

PICTURE = "training_overview.png"
_LINK = re.compile(r"(?<=\]\()([^)\s:#]+)(?=[)#])")
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_MARKS = re.compile(r"^(```\w+)[^\n]*$", re.MULTILINE)
_made: dict[str, str] = {}


def on_pre_build(config: Any) -> None:
    """Make the reports of the gallery, once; they are not written into ``docs``."""
    if "gallery" not in _made:
        _made["gallery"] = tempfile.mkdtemp(prefix="gallery-")
        gallery.make(Path(_made["gallery"]))


def on_shutdown() -> None:
    """Take the reports away."""
    shutil.rmtree(_made.pop("gallery", ""), ignore_errors=True)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made, those from elsewhere, the reports, and what pages link to."""
    made = {"api.md": api_page(), "gallery.md": gallery_page(Path(_made["gallery"]))}
    made |= {page: (ROOT / name).read_text(encoding="utf-8") for name, page in ELSEWHERE.items()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    for exhibit in gallery.EXHIBITS:
        for kept in ("report.html", PICTURE):
            path = Path(_made["gallery"]) / exhibit.name / kept
            if path.is_file():
                files.append(File.generated(config, f"gallery/{exhibit.name}/{kept}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links out of ``docs`` into links within the site, and take the marks for the tests off code blocks."""
    back = {site: name for name, site in ELSEWHERE.items()}
    home = back.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def led(found: re.Match[str]) -> str:
        return _on_the_site(found[1], home, page.file.src_uri, config, files)

    parts = _FENCE.split(markdown)
    blocks = [_MARKS.sub(r"\1", block, count=1) for block in _FENCE.findall(markdown)]
    parts = [_LINK.sub(led, part) for part in parts]
    return "".join(part for pair in zip(parts, [*blocks, ""], strict=True) for part in pair)


def _on_the_site(link: str, home: str, page: str, config: Any, files: Files) -> str:
    """Return where a link of a page that lies at ``home`` in the repository leads from ``page`` on the site."""
    there = os.path.normpath(os.path.join(os.path.dirname(home), link))
    there = INSTEAD.get(there, there)
    if not (ROOT / there).exists():
        place = there.removeprefix("docs/")  # a page that is made
    elif there in ELSEWHERE:
        place = ELSEWHERE[there]
    elif there.startswith("docs/") and there.endswith((".md", ".png")):
        place = there.removeprefix("docs/")
    else:
        place = f"repository/{there}"
        if files.get_file_from_path(place) is None:
            files.append(File.generated(config, place, abs_src_path=str(ROOT / there)))
    return os.path.relpath(place, os.path.dirname(page) or ".")


def gallery_page(folder: Path) -> str:
    """Write the page of the gallery: a title, a sentence, the verdict and a picture for each report."""
    lines = [
        "# Gallery",
        "",
        "Ten reports, made when this site was: of the sample runs, which really trained, and of logs that were drawn",
        "so that the truth is known. A title opens its report.",
        "",
    ]
    for exhibit in gallery.EXHIBITS:
        verdict = gallery.results(folder, exhibit)["verdict"]
        report = f"gallery/{exhibit.name}/report.html"
        lines += [f"## [{exhibit.title}]({report})", "", f"{exhibit.seen} It says: *{verdict['evidence']}*.", ""]
        if (folder / exhibit.name / PICTURE).is_file():
            lines += [f"[![Course and differences](gallery/{exhibit.name}/{PICTURE})]({report})", ""]
    return "\n".join(lines)


def api_page() -> str:
    """Write the page of the API: what ``analysis`` exports, from its docstrings."""
    lines = [
        "# Python API",
        "",
        "What `import analysis` offers; everything else is internal. [Digging](digging.md) shows it at work.",
        "",
    ]
    found = {name: f"{home}.{name}" for name, home in analysis._HOMES.items() if not name.isupper()}
    found["Frames"] = "analysis.findings.frames.Frames"
    found |= {f"figures.{name}": f"analysis.report.figures.{name}" for name in ("curve", "differences")}
    for name, place in found.items():
        lines += [f"::: {place}", "    options:", f"      heading: analysis.{name}", ""]
    return "\n".join(lines)
