"""The validation loss of each example, for paired comparisons: one number a line, or a CSV column ``loss``."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from analysis.core.errors import LogError
from analysis.core.examples import Examples

MOST_BYTES = 200_000_000
"""Size from which on a file is refused before it is read."""


def load_example_losses(path: Path) -> Examples:
    """Read losses in the order of the validation file, by which they are numbered.

    Raises
    ------
    LogError
        If the file is missing, too large, empty, or a line holds no finite number.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LogError(f"{path}: more than {MOST_BYTES:,} bytes of example losses; give one number a line")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise LogError(f"{path}: the example losses cannot be read: {reason}; see 'data.example_losses'") from None
    header = [name.strip() for name in lines[0].split(",")] if lines else []
    column = header.index("loss") if "loss" in header else 0
    first = 1 if "loss" in header else 0
    losses = [_number(path, number, line, column) for number, line in enumerate(lines, 1) if number > first and line]
    if not losses:
        raise LogError(f"{path}: no example losses; give one number a line, or a CSV with a column 'loss'")
    return Examples("full_valid_loss", np.arange(len(losses)), np.array(losses))


def _number(path: Path, number: int, line: str, column: int) -> float:
    fields = line.split(",")
    text = fields[column].strip() if column < len(fields) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LogError(f"{path}:{number}: an example loss must be a finite number, got {text[:40]!r}")
    return value
