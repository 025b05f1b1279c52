"""Reports in a folder at a URL: downloaded, made again in a local folder, uploaded.

An object store cannot exchange two folders in one step. So a list of the files to come is uploaded first, then the
files, then the manifest, and then the list is removed. A report whose list is still there is unfinished, and the
next batch makes it again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from analysis.findings.remote_catalogue import known_reports, list_reports, read_files
from analysis.findings.results_file import EARLIER, RESULTS, log_of, parse_report
from analysis.publish.folder import MANIFEST, NOTHING, Manifest, file_names, hash_of, parse_manifest, read_manifest
from analysis.publish.forked import run_forked
from analysis.publish.publisher import FAILED, FAILED_LOG
from analysis.publish.reports_index import PAGE, update
from analysis.sources.local_copies import at_once, changed_at, state_of
from analysis.sources.remote import connect, explained, load_file_system

COMING = ".coming.json"
"""Name of the list: the manifest of a report during its upload."""


class RemoteReports:
    """The reports below a URL. Operations run in forked processes: fsspec starts threads, which forbid later forks.

    Parameters
    ----------
    url : str
        URL of the folder of reports.

    Raises
    ------
    MissingExtra, UsageError
        If a package for such URLs is missing.
    """

    def __init__(self, url: str) -> None:
        load_file_system(url)
        self.url = url.rstrip("/")
        self.in_memory = url.startswith("memory://")  # memory of this process: what a child writes there is lost

    def manifests(self, report_ids: Sequence[str]) -> dict[str, Manifest]:
        """Return the manifests of completely uploaded reports of which no file is missing, by report ID."""
        read: dict[str, Manifest] = self._do(_manifests, self.url, tuple(report_ids))
        return read

    def logs(self, report_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the hash of each report's candidate log, by report ID; None where it is unknown."""
        read: dict[str, str | None] = self._do(_logs, self.url, tuple(report_ids))
        return read

    def bring(self, report_id: str, folder: Path) -> None:
        """Download a report into ``folder / report_id``."""
        self._do(_bring, self.url, report_id, folder)

    def put(self, report_id: str, folder: Path) -> None:
        """Replace a report at the URL by the one in ``folder / report_id``."""
        self._do(_put, self.url, report_id, folder / report_id)

    def put_failed(self, report_id: str, folder: Path) -> None:
        """Upload the log and notebook of a failed report beside the files of the last good one."""
        self._do(_put_failed, self.url, report_id, folder / report_id)

    def update_index(self) -> str:
        """Update the index; return the URL of its page."""
        self._do(_update_index, self.url)
        return f"{self.url}/{PAGE}"

    def _do(self, call: Any, *arguments: Any) -> Any:
        return call(*arguments) if self.in_memory else run_forked(call, *arguments)


@contextlib.contextmanager
def _opened(url: str) -> Iterator[tuple[Any, str]]:
    fs, root = connect(url)
    with explained(url):
        yield fs, root


def _manifests(url: str, report_ids: Collection[str]) -> dict[str, Manifest]:
    with _opened(url) as (fs, root):
        contents = read_files(fs, {f"{root}/{name}/{MANIFEST}": name for name in report_ids})
        made = {name: parse_manifest(content) for name, content in contents.items()}
        there = at_once(lambda name: _names_below(fs, f"{root}/{name}"), made)
        return {
            name: manifest
            for (name, manifest), names in zip(made.items(), there, strict=True)
            if manifest["files"] and set(manifest["files"]) <= names and COMING not in names
        }


def _logs(url: str, report_ids: Collection[str]) -> dict[str, str | None]:
    if not report_ids:
        return {}
    with _opened(url) as (fs, root):
        known, unknown = known_reports(fs, root)
        read = read_files(fs, {f"{root}/{name}/{RESULTS}": name for name in unknown & {*report_ids}})
    logs = {name: log_of(report) for name, content in read.items() if (report := parse_report(content)) is not None}
    return {name: known[name]["log"] if name in known else logs.get(name) for name in report_ids}


def _bring(url: str, report_id: str, folder: Path) -> None:
    target = folder / report_id
    with _opened(f"{url}/{report_id}") as (fs, root):
        for name in _names_below(fs, root):
            place = target / name
            if ".." not in place.parts:
                place.parent.mkdir(parents=True, exist_ok=True)
                fs.get_file(f"{root}/{name}", str(place))
    for name, digest in read_manifest(target, COMING)["files"].items():
        # Uploaded by an interrupted `put`: not edited by hand, and made again now; EARLIER alone has old data.
        if name != EARLIER and (target / name).is_file() and hash_of(target / name) == digest:
            (target / name).unlink()
    (target / COMING).unlink(missing_ok=True)


def _put(url: str, report_id: str, made: Path) -> None:
    with _opened(f"{url}/{report_id}") as (fs, root):
        names, there = file_names(made), _names_below(fs, root)
        old = parse_manifest(fs.cat_file(f"{root}/{MANIFEST}")) if MANIFEST in there else NOTHING
        fs.put_file(str(made / MANIFEST), f"{root}/{COMING}")
        if EARLIER in names:  # first: it keeps results that the upload of the others overwrites
            fs.put_file(str(made / EARLIER), f"{root}/{EARLIER}")
        fs.put([str(made / name) for name in names], [f"{root}/{name}" for name in names])
        for name in sorted(there & {*old["files"], FAILED, FAILED_LOG} - {*names}):
            fs.rm_file(f"{root}/{name}")
        fs.put_file(str(made / MANIFEST), f"{root}/{MANIFEST}")
        fs.rm_file(f"{root}/{COMING}")


def _names_below(fs: Any, folder: str) -> set[str]:
    return {path[len(folder) + 1 :] for path in fs.find(folder)}


def _put_failed(url: str, report_id: str, left: Path) -> None:
    with _opened(f"{url}/{report_id}") as (fs, root):
        for name in (FAILED, FAILED_LOG):
            if (left / name).is_file():
                fs.put_file(str(left / name), f"{root}/{name}")


def _update_index(url: str) -> None:
    with _opened(url) as (fs, root):
        update(_Listed(fs, root))


class _Listed:
    """The reports below a URL, with the interface that the index reads."""

    def __init__(self, fs: Any, root: str) -> None:
        self._fs, self._root = fs, root
        self._files: dict[str, dict[str, Any]] = {}

    def states(self) -> dict[str, str]:
        self._files = list_reports(self._fs, self._root)
        return {report_id: state_of(files[RESULTS]) for report_id, files in self._files.items()}

    def made(self, report_id: str) -> float:
        return changed_at(self._files[report_id][RESULTS]) or 0.0

    def files(self, report_id: str) -> Collection[str]:
        return self._files[report_id]

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        return read_files(self._fs, {f"{self._root}/{name}": name for name in names})

    def write(self, name: str, content: bytes) -> None:
        self._fs.pipe_file(f"{self._root}/{name}", content)
