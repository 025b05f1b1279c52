"""How much may be read, checked before memory is taken; an environment variable raises each limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from analysis.core.errors import LogError, UsageError
from analysis.core.plain_data import NO_FILE

LIMITS: dict[str, tuple[int, str]] = {
    "RUN_REPORTS_MAX_LOG_MB": (4096, "a log, unpacked"),
    "RUN_REPORTS_MAX_LINE_MB": (16, "a line of a text log"),
    "RUN_REPORTS_MAX_PRINTED_MB": (256, "printed text, held in memory with its lines"),
    "RUN_REPORTS_MAX_JSON_MB": (256, "JSON in one piece, held in memory several times over"),
    "RUN_REPORTS_MAX_COLUMNS": (20_000, "columns of a table"),
    "RUN_REPORTS_MAX_CELLS": (100_000_000, "rows × columns, 8 bytes each and more"),
    "RUN_REPORTS_MAX_CONFIG_KB": (1024, "YAML and JSON beside a log"),
}
"""The setting's name to its default and what it limits."""

MB = 1_000_000


def limit(setting: str) -> int:
    """Return a limit: the environment's value, else the default of `LIMITS`."""
    text = os.environ.get(setting)
    if text is None:
        return LIMITS[setting][0]
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
    """Raise `LogError` where a table would take more memory or have more columns than allowed."""
    if columns > limit("RUN_REPORTS_MAX_COLUMNS"):
        raise too_large(path, columns, "RUN_REPORTS_MAX_COLUMNS")
    if rows * columns > limit("RUN_REPORTS_MAX_CELLS"):
        raise too_large(path, rows * columns, "RUN_REPORTS_MAX_CELLS")


def too_large(path: Path, amount: float, setting: str) -> LogError:
    """Return the error for something above a limit, naming the setting that raises it."""
    unit = setting.rsplit("_", 1)[1]
    unit = unit if unit in ("MB", "KB") else unit.lower()
    return LogError(
        f"{path}: {amount:,.0f} {unit} is more than the limit of {limit(setting):,} {unit}; "
        f"set {setting} to a higher number if this is meant"
    )
