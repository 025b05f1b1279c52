"""Whether a report is up to date: what it was made from, and whether that has changed."""

from __future__ import annotations

import dataclasses
import functools
import glob
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analysis import __version__
from analysis.core.parameters import Parameters
from analysis.core.plugins import installed
from analysis.publish.folder import Manifest

if TYPE_CHECKING:
    from analysis.sources.raw_log import RawLog
    from analysis.sources.reference import Found

_DATABASES = (".db", ".sqlite", ".sqlite3")
_SOURCE_ENDINGS = (".py", ".json", ".j2", ".css", ".js", ".typ", ".ipynb")


def asked_for(request: Parameters, *, template: Path, pdf: str) -> dict[str, object]:
    """Return what a report depends on besides the logs: digests of parameters, template, toolkit and the like."""
    return {
        "parameters": _digest(json.dumps(request.to_mapping(), sort_keys=True, default=str).encode()),
        "template": _digest(template.read_bytes()),
        "toolkit": toolkit(),
        "pdf": pdf,
        "place": "" if is_place_independent(request) else _digest(str(Path.cwd()).encode()),
        "previous": _file_digest(Path(request.previous).expanduser()) if request.previous else None,
    }


def is_place_independent(request: Parameters) -> bool:
    """True if all inputs are remote, so that the result does not depend on the working directory."""
    runs = request.run_ids if not _is_far(request.runs_dir) else ()
    earlier = [request.previous] if request.previous not in (None, "none") else []
    return all(map(_is_far, (request.reports_dir, *earlier, *runs)))


def _is_far(text: str) -> bool:
    return "://" in text and not text.startswith("file://")


def has_urls(request: Parameters) -> bool:
    """True if an input is remote; reading it may start threads."""
    return any("://" in text for text in (*request.run_ids, request.runs_dir, request.reports_dir))


def read_from(request: Parameters) -> dict[str, object]:
    """Return a digest of the logs of a report, and the state of every file that matters.

    Returns
    -------
    dict[str, object]
        ``logs``, the digest; ``watched``, size and time by path, of files that were read and of files that would be
        read if they existed; None if a reference is not a plain path, or a path contains a secret.

    Raises
    ------
    AnalysisError
        If a log cannot be found or read.
    """
    from analysis.core.redact import redact_text
    from analysis.sources import known_sources, logs_among
    from analysis.sources.local_copies import nearby
    from analysis.sources.reference import Finder
    from analysis.sources.remote import find_folder

    runs_dir, columns = find_folder(request.runs_dir), dict(request.columns or {})
    digest, states, plain = hashlib.sha256(), dict[str, str](), True
    for reference in logs_among(request.run_ids, runs_dir)[0]:
        with nearby(reference, runs_dir) as near:
            found, _ = Finder(known_sources(), near.runs_dir, columns).find(near.reference)
            paths = [one.path for one in found]
            plain = plain and not glob.has_magic(reference) and not any(p is None or near.is_copy(p) for p in paths)
            plain = plain and all(redact_text(str(path)) == str(path) for path in paths)
            for one in found:
                files = [Path(name) for name in one.raw.files] if one.path is not None else []
                beside = _beside(one, files)
                # Before the contents: a file that grows while it is read is then read again.
                states |= _states({*files, *beside, *(_folders(one.path, files) if one.path is not None else ())})
                content = one.raw.sha256 or _digest(one.raw.frame.to_csv(index=False).encode()) if not files else ""
                digest.update(f"{one.id}\0{_source_statements(one.raw)}\0{content}\0".encode())
                for path in (*files, *beside):
                    digest.update(_file_digest(path).encode())
    return {"logs": digest.hexdigest(), "watched": states if plain else None}


def is_untouched(made: Manifest, asked: Mapping[str, object]) -> bool:
    """True if a report is up to date by sizes and times of files alone.

    ``made`` is the manifest of a report with all its files. False may only mean that the contents must be compared
    (`is_same`).
    """
    return _is_as_asked(made, asked) and are_unchanged(made["made_from"].get("watched"))


def are_unchanged(watched: object) -> bool:
    """True if files have the sizes and times of an earlier `read_from`; False if that had none."""
    return isinstance(watched, dict) and _states(map(Path, watched)) == watched


def is_same(made: Manifest, asked: Mapping[str, object], read: Mapping[str, object]) -> bool:
    """True if a report is up to date by the contents of its logs."""
    return _is_as_asked(made, asked) and made["made_from"].get("logs") == read["logs"]


def reported_log(folder: Path) -> str | None:
    """Return the hash of the candidate's log of the report in a folder; None without a report."""
    from analysis.findings.results_file import RESULTS, load_report, log_of

    report = load_report(folder / RESULTS)
    return None if report is None else log_of(report)


def _is_as_asked(made: Manifest, asked: Mapping[str, object]) -> bool:
    return bool(made["files"]) and all(made["made_from"].get(name) == value for name, value in asked.items())


def _beside(one: Found, files: Iterable[Path]) -> list[Path]:
    """Return the files that belong to a log or would if they existed: sidecars, losses, the journal of a database."""
    from analysis.sources.defaults import defaults_places
    from analysis.sources.evaluations import evaluation_files
    from analysis.sources.sidecar import sidecar_places

    beside = {file for place in one.places for file in sidecar_places(place)}
    beside |= {file for place in one.places for file in defaults_places(place) if file.is_file()}
    beside |= {one.sidecar.example_losses} if one.sidecar.example_losses else set()
    beside |= {*evaluation_files(one.sidecar.evaluations)}
    return sorted(beside | {file.with_name(f"{file.name}-wal") for file in files if file.suffix in _DATABASES})


def _folders(path: Path, files: Iterable[Path]) -> set[Path]:
    """Return the path of a run and the folders of its files below it, whose times change when a file is added."""
    return {path} | {folder for file in files for folder in file.parents if folder.is_relative_to(path)}


def _source_statements(raw: RawLog) -> str:
    """Return what a source states about a run besides values, since not all of it comes from the listed files."""
    told = {field.name: getattr(raw, field.name) for field in dataclasses.fields(raw)}
    return repr({name: value for name, value in told.items() if name not in ("frame", "files", "uri", "notes")})


def _states(paths: Iterable[Path]) -> dict[str, str]:
    here = Path.cwd()
    return {str(path.relative_to(here) if path.is_relative_to(here) else path): _state(path) for path in sorted(paths)}


def _state(path: Path) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "absent"
    return f"{status.st_size} {status.st_mtime_ns}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "absent"


@functools.cache
def toolkit() -> str:
    """Return the version, with a digest of the toolkit's files and the versions of its plug-ins."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for folder in (package, package.parent / "templates"):
        for path in sorted(p for p in folder.rglob("*") if p.suffix in _SOURCE_ENDINGS):
            digest.update(path.read_bytes())
    for plugin in installed():
        digest.update(plugin.encode())
    return f"{__version__} {digest.hexdigest()[:16]}"
