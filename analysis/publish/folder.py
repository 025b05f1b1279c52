"""Atomic replacement of a folder, without losing files that others put into it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.core.errors import UsageError
from analysis.core.plain_data import loads
from analysis.core.scratch import create_locked, lock_when_free, remove_abandoned, signals_deferred, unlock

MANIFEST = ".made.json"
"""File in a folder that lists the files made, with their hashes, and what they were made from."""

Manifest = Mapping[str, Mapping[str, Any]]
"""Manifest of a report's folder: ``files``, hash by name, and ``made_from``."""

NOTHING: Manifest = {"files": {}, "made_from": {}}
"""Manifest of a folder without files made here."""

Bring = Callable[[Path, Path], object]
"""Function of the old and the new folder that copies what is to be kept."""

_NO_ROOM = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS")}
_UNFINISHED = ".unfinished"
_FILLED = ".new"


@contextlib.contextmanager
def replacing(target: Path, bring: Bring | None = None) -> Iterator[Path]:
    """Yield an empty folder to fill, which replaces ``target`` when the block ends without an error.

    At every moment ``target`` is the complete old folder or the complete new one, where the system can exchange two
    folders atomically; elsewhere the next call repairs what a kill between two steps left behind.

    Parameters
    ----------
    target : pathlib.Path
        May exist or not; its parents are created.
    bring : callable, optional
        Called at the end with ``target``, if it exists, and the new folder; a lock keeps other processes from
        replacing a folder there until the exchange is done.

    Yields
    ------
    pathlib.Path
        The folder to fill, beside ``target``.

    Raises
    ------
    UsageError
        If the folder cannot be created or filled.
    """
    with writable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _repair(target)
        for folder in (target, *(path for path in target.rglob("*") if path.is_dir() and not path.is_symlink())):
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):  # the old one could not be removed
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with signals_deferred() as signals_delivered:
        staging, handle = _new_staging(target)
        try:
            with signals_delivered():
                yield staging
                with _locked_parent(target.parent):
                    if bring is not None and target.exists():
                        bring(target, staging)
                    with writable(target):
                        _put_in_place(staging, target)
        except OSError as error:
            if error.errno not in _NO_ROOM and staging.exists():
                raise
            why = error.strerror if staging.exists() else "the folder was removed meanwhile"
            raise UsageError(f"{target}: cannot be written ({why}); check the path and the room there") from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            unlock(handle)


def _new_staging(target: Path) -> tuple[Path, int | None]:
    with writable(target):
        prefix, parent = f".{target.name}.", target.parent
        staging, handle = create_locked(lambda: tempfile.mkdtemp(prefix=prefix, suffix=_FILLED, dir=parent))
        staging.chmod(_mode(0o777))
        return staging, handle


@contextlib.contextmanager
def _locked_parent(folder: Path) -> Iterator[None]:
    """Lock a folder for the block, where folders can be locked."""
    handle = None
    with contextlib.suppress(OSError):  # Windows cannot open folders
        handle = os.open(folder, os.O_RDONLY)
        lock_when_free(handle, folder)
    try:
        yield
    finally:
        unlock(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file completely or not at all, by a rename.

    Raises
    ------
    UsageError
        If it cannot be written there.
    """
    with writable(path), signals_deferred():
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*{_UNFINISHED}"):
            remove_abandoned(left)
        unfinished, handle = create_locked(lambda: _new_file(path))
        try:
            unfinished.write_bytes(content)
            unfinished.chmod(_mode(0o666))
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        finally:
            unlock(handle)


def _new_file(path: Path) -> str:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent)
    os.close(handle)
    return name


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Raise an OSError in the block as a UsageError that says what cannot be written."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"{path}: cannot be written ({why}); check the path and its rights") from None


def _mode(wanted: int) -> int:
    """Return permissions after the umask, since tempfile creates private files and folders."""
    mask = os.umask(0)  # the umask can only be read by setting it
    os.umask(mask)
    return wanted & ~mask


def write_manifest(folder: Path, made_from: Mapping[str, object]) -> None:
    """Write the manifest of a finished folder: the hash of every file, and what it was made from."""
    files = {name: hash_of(folder / name) for name in file_names(folder)}
    (folder / MANIFEST).write_bytes(_manifest(files, made_from))


def renew_manifest(folder: Path, made_from: Mapping[str, object]) -> None:
    """Replace ``made_from`` in the manifest of a folder, if it lists any files."""
    files = read_manifest(folder)["files"]
    if files:
        write_atomically(folder / MANIFEST, _manifest(files, made_from))


def _manifest(files: Mapping[str, str], made_from: Mapping[str, object]) -> bytes:
    text = json.dumps({"files": dict(files), "made_from": dict(made_from)}, indent=1, sort_keys=True)
    return f"{text}\n".encode()


def read_manifest(folder: Path, name: str = MANIFEST) -> Manifest:
    """Return the manifest of a folder; `NOTHING` if it cannot be read."""
    try:
        return parse_manifest((folder / name).read_bytes())
    except OSError:
        return NOTHING


def parse_manifest(content: bytes) -> Manifest:
    """Return the manifest in the content of a file; `NOTHING` if it is not one."""
    try:
        manifest = loads(content)
        return {"files": dict(manifest["files"]), "made_from": dict(manifest["made_from"])}
    except (ValueError, KeyError, TypeError):
        return NOTHING


def read_whole_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder; `NOTHING` if one of its files is missing."""
    made = read_manifest(folder)
    return made if all((folder / name).is_file() for name in made["files"]) else NOTHING


def carry_over(old: Path, new: Path, *, ignoring: Collection[str] = ()) -> tuple[str, ...]:
    """Copy from the old folder the files that were not made here, or were edited since.

    An edited file is copied as ``name.edited.suffix``, beside the new one.

    Returns
    -------
    tuple of str
        Names, in the new folder, of the edited files.
    """
    made, edited = read_manifest(old)["files"], []
    for name in file_names(old):
        source = old / name
        if name in ignoring or name.endswith(_UNFINISHED) or made.get(name) == hash_of(source):
            continue
        place = new / name
        if name in made or place.exists():
            place = _free_name(place)
            edited.append(place.relative_to(new).as_posix())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place, follow_symlinks=False)
    return tuple(edited)


def _free_name(path: Path) -> Path:
    candidate, count = path.with_name(f"{path.stem}.edited{path.suffix}"), 1
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.stem}.edited-{count}{path.suffix}")
    return candidate


def file_names(folder: Path) -> tuple[str, ...]:
    """Return all files below a folder, sorted, with forward slashes, without the manifest."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or p.is_file())
    return tuple(sorted(name for p in found if (name := p.relative_to(folder).as_posix()) != MANIFEST))


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file; for a link its target."""
    if path.is_symlink():
        return f"link:{os.readlink(path)}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _put_in_place(staging: Path, target: Path) -> None:
    if not target.exists():
        os.rename(staging, target)
    elif not _exchange(staging, target):
        old = _set_aside(target)
        os.rename(target, old)
        os.rename(staging, target)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders atomically; return False if the system or file system cannot. Python has no renameat2."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _set_aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def repair(parent: Path) -> None:
    """Repair the folders in ``parent``: remove or restore what killed processes left behind."""
    for pattern in (f".*{_UNFINISHED}", f"*/.*{_UNFINISHED}"):
        for file in map(parent.joinpath, glob.glob(pattern, root_dir=parent)):
            remove_abandoned(file)
    names = {path.name[1:].rsplit(".", 2)[0] for path in parent.glob(f".*{_FILLED}")}
    names |= {path.name[1:].removesuffix(".old") for path in parent.glob(".*.old")}
    for name in names:
        _repair(parent / name)


def _repair(target: Path) -> None:
    """Restore a folder that a killed process set aside, and remove folders that were being filled."""
    old = _set_aside(target)
    if old.exists():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, target)
    for orphan in target.parent.glob(f".{glob.escape(target.name)}.*{_FILLED}"):
        remove_abandoned(orphan)
