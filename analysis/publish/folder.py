"""Replace a folder as a whole or not at all, without losing what somebody else put into it."""

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
"""The file in a folder that lists what was made, with a hash of each file, and from what."""

Manifest = Mapping[str, Mapping[str, Any]]
"""Of a report's folder: ``files``, the hash of each by name; ``made_from``."""

NOTHING: Manifest = {"files": {}, "made_from": {}}
"""The manifest of a folder in which nothing counts as made here."""

Bring = Callable[[Path, Path], object]
"""Brings from an old folder into a new one what is to stay."""

_NO_ROOM = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS")}
_UNFINISHED = ".unfinished"
_FILLED = ".new"


@contextlib.contextmanager
def replacing(target: Path, bring: Bring | None = None) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes the place of ``target`` when the block ends without an error.

    At every moment ``target`` is the old folder or the new one, whole: where the system can exchange two
    folders in one step it does, elsewhere the next call mends what a kill between two steps left behind.

    Parameters
    ----------
    target : pathlib.Path
        May exist or not; its parents are made.
    bring : callable, optional
        Called at the end with ``target``, if it exists, and the new folder; until the one has taken the place of the
        other, no other process that replaces a folder there comes between.

    Yields
    ------
    pathlib.Path
        The folder to fill, beside ``target``.

    Raises
    ------
    UsageError
        If no folder can be made or filled there.
    """
    with writable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _fix_training(target)
        for folder in (target, *(path for path in target.rglob("*") if path.is_dir() and not path.is_symlink())):
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):  # nobody could take the old one away
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with signals_deferred() as signals_delivered:
        staging, handle = _new_staging(target)
        try:
            with signals_delivered():
                yield staging
                with _alone(target.parent):
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
def _alone(folder: Path) -> Iterator[None]:
    """Keep all other processes out for the time of the block, where a folder can be locked."""
    handle = None
    with contextlib.suppress(OSError):  # Windows opens no folder
        handle = os.open(folder, os.O_RDONLY)
        lock_when_free(handle, folder)
    try:
        yield
    finally:
        unlock(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

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
    """Turn an error of the system in the block into one line that says where nothing can be written."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"{path}: cannot be written ({why}); check the path and its rights") from None


def _mode(wanted: int) -> int:
    """Return the rights of a new file or folder as the umask has them; temporary ones are made private."""
    mask = os.umask(0)
    os.umask(mask)
    return wanted & ~mask


def write_manifest(folder: Path, made_from: Mapping[str, object]) -> None:
    """List every file of a finished folder with its hash, and what it was made from."""
    files = {name: hash_of(folder / name) for name in file_names(folder)}
    (folder / MANIFEST).write_bytes(_manifest(files, made_from))


def renew_manifest(folder: Path, made_from: Mapping[str, object]) -> None:
    """Write down anew what a folder's files were made from, if any were made here; they stay as listed."""
    files = read_manifest(folder)["files"]
    if files:
        write_atomically(folder / MANIFEST, _manifest(files, made_from))


def _manifest(files: Mapping[str, str], made_from: Mapping[str, object]) -> bytes:
    text = json.dumps({"files": dict(files), "made_from": dict(made_from)}, indent=1, sort_keys=True)
    return f"{text}\n".encode()


def read_manifest(folder: Path, name: str = MANIFEST) -> Manifest:
    """Read a folder's manifest; without a readable one, nothing in the folder counts as made here."""
    try:
        return parse_manifest((folder / name).read_bytes())
    except OSError:
        return NOTHING


def parse_manifest(content: bytes) -> Manifest:
    """Return the manifest that a file holds, `NOTHING` if it holds none."""
    try:
        manifest = loads(content)
        return {"files": dict(manifest["files"]), "made_from": dict(manifest["made_from"])}
    except (ValueError, KeyError, TypeError):
        return NOTHING


def read_whole_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder of which no file is missing; nothing of any other."""
    made = read_manifest(folder)
    return made if all((folder / name).is_file() for name in made["files"]) else NOTHING


def carry_over(old: Path, new: Path, *, ignoring: Collection[str] = ()) -> tuple[str, ...]:
    """Bring along from the old folder what was not made here, or was edited since.

    An edited file comes along as ``name.edited.suffix``, beside the one made anew.

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
    """List all files below a folder, sorted, with forward slashes, without the manifest."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or p.is_file())
    return tuple(sorted(name for p in found if (name := p.relative_to(folder).as_posix()) != MANIFEST))


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, of a link where it leads."""
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
    """Swap two folders in one step, or tell that this system or file system cannot."""
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


def mend(parent: Path) -> None:
    """Undo whatever killed processes left beside the folders in ``parent``, and files they did not finish in them."""
    for pattern in (f".*{_UNFINISHED}", f"*/.*{_UNFINISHED}"):
        for file in map(parent.joinpath, glob.glob(pattern, root_dir=parent)):
            remove_abandoned(file)
    names = {path.name[1:].rsplit(".", 2)[0] for path in parent.glob(f".*{_FILLED}")}
    names |= {path.name[1:].removesuffix(".old") for path in parent.glob(".*.old")}
    for name in names:
        _fix_training(parent / name)


def _fix_training(target: Path) -> None:
    """Undo what a killed process left: a folder set aside, folders that were being filled."""
    old = _set_aside(target)
    if old.exists():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, target)
    for orphan in target.parent.glob(f".{glob.escape(target.name)}.*{_FILLED}"):
        remove_abandoned(orphan)
