"""Reports that lie where a URL leads: a report is brought here, made anew here, and put back as a whole.

An object store cannot exchange two folders in one step. So a new report is first uploaded beside the old one, under
``.unfinished/``; nothing of the old one has been touched when it is complete. Then the store itself copies file by
file into place, the report's entry in the index and the manifest last. A kill before leaves the old report whole;
after one in between, the next batch copies the rest.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import secrets
import signal
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from analysis.batch.remote_index import as_json, entry_of, update
from analysis.core.plain_data import loads
from analysis.findings.remote_catalogue import ENTRIES, list_reports, read_entries, read_files, read_index
from analysis.findings.results_file import EARLIER, RESULTS
from analysis.publish.folder import MANIFEST, NOTHING, Manifest, file_names
from analysis.publish.forked import apart, fork_is_safe
from analysis.publish.publisher import FAILED, FAILED_LOG
from analysis.sources.local_copies import at_once, changed_at
from analysis.sources.remote import connect, explained, load_file_system

UNFINISHED = ".unfinished"
ENTRY = ".entry.json"
DAY = 86_400.0


class RemoteReports:
    """The reports below a URL. What it does it does in processes of its own, so that this one can fork later.

    Parameters
    ----------
    url : str
        Of the folder of reports.

    Raises
    ------
    MissingExtra, UsageError
        If a package for such URLs is missing.
    """

    def __init__(self, url: str) -> None:
        load_file_system(url)
        self.url = url.rstrip("/")
        self.in_memory = url.startswith("memory://")  # of this process: what another does there is lost
        self._updating: Any = None

    def manifests(self, report_ids: Sequence[str]) -> dict[str, Manifest]:
        """Read the manifests of those reports of which no file is missing, after mending what a kill left."""
        read: dict[str, Manifest] = self._do(_manifests, self.url, tuple(report_ids))
        return read

    def logs(self, report_ids: Sequence[str]) -> dict[str, str | None]:
        """Give the hash of the log of which each report was made."""
        read: dict[str, str | None] = self._do(_logs, self.url, tuple(report_ids))
        return read

    def bring(self, report_id: str, folder: Path) -> None:
        """Copy a report as it is into ``folder / report_id``."""
        self._do(_bring, self.url, report_id, folder)

    def put(self, report_id: str, folder: Path) -> None:
        """Put a report that was made in ``folder / report_id`` in the place of the one that is there."""
        self._do(_put, self.url, report_id, folder / report_id)

    def put_failed(self, report_id: str, folder: Path) -> None:
        """Put what a report that failed left behind beside the one that is there."""
        self._do(_put_failed, self.url, report_id, folder / report_id)

    def update_index(self) -> str:
        """Bring the index up to date; gives the URL of its page."""
        if self._updating is not None:
            self._updating.join()
        self._do(_update_index, self.url)
        return f"{self.url}/index.html"

    def update_index_soon(self) -> None:
        """Bring the index up to date beside what goes on; not if that is still done for the report before."""
        if self.in_memory:
            self.update_index()
        elif self._updating is None or not self._updating.is_alive():
            kind: Any = multiprocessing.get_context("fork").Process if fork_is_safe() else threading.Thread
            self._updating = kind(target=_update_index_quietly, args=(self.url,))
            self._updating.start()

    def _do(self, call: Any, *arguments: Any) -> Any:
        return call(*arguments) if self.in_memory else apart(call, *arguments)


@contextlib.contextmanager
def _opened(url: str) -> Iterator[tuple[Any, str]]:
    fs, root = connect(url)
    with explained(url):
        yield fs, root


def _manifests(url: str, report_ids: Collection[str]) -> dict[str, Manifest]:
    with _opened(url) as (fs, root):
        _mend(fs, root, report_ids)
        contents = read_files(fs, {f"{root}/{name}/{MANIFEST}": name for name in report_ids})
        read = {name: _parsed(content) for name, content in contents.items()}
        whole = at_once(lambda name: _is_whole(fs, f"{root}/{name}", read[name]), read)
        return {name: made for (name, made), is_whole in zip(read.items(), whole, strict=True) if is_whole}


def _parsed(content: bytes) -> Manifest:
    try:
        manifest = loads(content)
        return {"files": dict(manifest["files"]), "made_from": dict(manifest["made_from"])}
    except (ValueError, KeyError, TypeError):
        return NOTHING


def _logs(url: str, report_ids: Collection[str]) -> dict[str, str | None]:
    if not report_ids:
        return {}
    with _opened(url) as (fs, root):
        entries = read_entries(fs, root, list_reports(fs, root), read_index(fs, root))
        unlisted = read_files(fs, {f"{root}/{name}/{RESULTS}": name for name in report_ids if name not in entries})
        found = {name: entry_of({RESULTS: results}, names=(), made=0.0) for name, results in unlisted.items()}
    return {name: {**entries, **found}.get(name, {}).get("log") for name in report_ids}


def _is_whole(fs: Any, folder: str, made: Manifest) -> bool:
    return bool(made["files"]) and set(made["files"]) <= _names_below(fs, folder)


def _bring(url: str, report_id: str, folder: Path) -> None:
    with _opened(f"{url}/{report_id}") as (fs, root):
        for name in _names_below(fs, root):
            place = folder / report_id / name
            if ".." not in place.parts:
                place.parent.mkdir(parents=True, exist_ok=True)
                fs.get_file(f"{root}/{name}", str(place))


def _put(url: str, report_id: str, made: Path) -> None:
    with _opened(url) as (fs, root):
        staging = f"{root}/{UNFINISHED}/{report_id}-{secrets.token_hex(4)}"
        try:
            names = file_names(made)
            fs.put([str(made / name) for name in names], [f"{staging}/{name}" for name in names])
            results = {name: (made / name).read_bytes() for name in (RESULTS, EARLIER) if name in names}
            fs.pipe_file(f"{staging}/{ENTRY}", as_json(entry_of(results, names=names, made=time.time())))
        except BaseException:
            fs.rm(staging, recursive=True)
            raise
        fs.put_file(str(made / MANIFEST), f"{staging}/{MANIFEST}")  # from here on it will be finished, by whomever
        _finish(fs, root, staging, report_id)


def _finish(fs: Any, root: str, staging: str, report_id: str) -> None:
    """Put a report that was uploaded completely in its place; may be done again after a kill."""
    target = f"{root}/{report_id}"
    staged, there = _names_below(fs, staging), _names_below(fs, target)
    old = _parsed(fs.cat_file(f"{target}/{MANIFEST}")) if MANIFEST in there else NOTHING
    content = sorted(staged - {MANIFEST, ENTRY})
    fs.copy([f"{staging}/{name}" for name in content], [f"{target}/{name}" for name in content])
    for name in sorted(there & {*old["files"], FAILED, FAILED_LOG} - staged):
        fs.rm_file(f"{target}/{name}")
    fs.copy(f"{staging}/{ENTRY}", f"{root}/{ENTRIES}/{report_id}.json")
    fs.copy(f"{staging}/{MANIFEST}", f"{target}/{MANIFEST}")
    fs.rm_file(f"{staging}/{MANIFEST}")
    fs.rm(staging, recursive=True)


def _mend(fs: Any, root: str, report_ids: Collection[str]) -> None:
    """Finish what was killed while it put a report in its place; take away what was killed before that.

    What belongs to other reports may be somebody's who is still at it, until it is a day old.
    """
    top, folders = f"{root}/{UNFINISHED}", dict[str, dict[str, Any]]()
    for path, info in fs.find(top, detail=True).items():
        folders.setdefault(path[len(top) + 1 :].partition("/")[0], {})[path] = info
    for name, files in folders.items():
        report_id, staging = name.rpartition("-")[0], f"{top}/{name}"
        newest = max(changed_at(info) or math.inf for info in files.values())
        if report_id not in report_ids and newest > time.time() - DAY:
            continue
        if f"{staging}/{MANIFEST}" in files:
            _finish(fs, root, staging, report_id)
        else:
            fs.rm(staging, recursive=True)


def _names_below(fs: Any, folder: str) -> set[str]:
    return {path[len(folder) + 1 :] for path in fs.find(folder)}


def _put_failed(url: str, report_id: str, left: Path) -> None:
    with _opened(f"{url}/{report_id}") as (fs, root):
        for name in (FAILED, FAILED_LOG):
            if (left / name).is_file():
                fs.put_file(str(left / name), f"{root}/{name}")


def _update_index(url: str) -> None:
    with _opened(url) as (fs, root):
        update(fs, root)


def _update_index_quietly(url: str) -> None:
    """Do so for whom it is no matter if that fails, or whether somebody waits for it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(Exception):
        _update_index(url)
