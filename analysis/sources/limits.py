"""How much may be read, checked before memory is taken; an environment variable raises each limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from analysis.core.errors import LogError, UsageError
from analysis.core.plain_data import NO_FILE

LIMITS: dict[str, int] = {
    "RUN_REPORTS_MAX_LOG_MB": 4096,  # a log as text, after unpacking
    "RUN_REPORTS_MAX_JSON_MB": 512,  # JSON is held in memory several times over
    "RUN_REPORTS_MAX_CELLS": 400_000_000,  # rows × columns, 8 bytes each
    "RUN_REPORTS_MAX_CONFIG_KB": 1024,  # YAML and JSON beside a log
}
"""The setting's name to its default."""

MB = 1_000_000


def limit(setting: str) -> int:
    """Return a limit: the environment's value, else the default of `LIMITS`."""
    text = os.environ.get(setting)
    if text is None:
        return LIMITS[setting]
    if not text.isdecimal() or int(text) == 0:
        raise UsageError(f"environment variable {setting} must be a whole number above 0, got {text!r}")
    return int(text)


def check_size(path: Path, setting: str = "RUN_REPORTS_MAX_LOG_MB") -> int:
    """Return a file's size in bytes, or raise `LogError` above a limit (the setting ends in the unit).

    So it does for a pipe, which would be waited for, a device and a socket.
    """
    about = path.stat()
    if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
        raise LogError(f"{path}: {NO_FILE}")
    size, unit = about.st_size, MB if setting.endswith("_MB") else 1000
    if size > limit(setting) * unit:
        raise too_large(path, size / unit, setting)
    return size


def check_cells(path: Path, rows: int, columns: int) -> None:
    """Raise `LogError` where a table would take more memory than allowed."""
    if rows * columns > limit("RUN_REPORTS_MAX_CELLS"):
        raise too_large(path, rows * columns, "RUN_REPORTS_MAX_CELLS")


def too_large(path: Path, amount: float, setting: str) -> LogError:
    """Return the error for something above a limit, naming the setting that raises it."""
    unit = {"MB": "MB", "KB": "KB"}.get(setting.rsplit("_", 1)[1], "cells")
    return LogError(
        f"{path}: {amount:,.0f} {unit} is more than the limit of {limit(setting):,} {unit}; "
        f"set {setting} to a higher number if this is meant"
    )
