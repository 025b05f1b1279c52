"""A log source: a file of one loss a line. `analysis.sources.base` states the contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis.core.errors import LogError
from analysis.sources.base import head
from analysis.sources.raw_log import RawLog

NAME, SCHEME = "plain numbers", ""


def recognises(path: Path) -> bool:
    """Return True for a file that may be one, after a look at its name and first bytes."""
    return path.suffix == ".losses" and bool(head(path))


def load(path: Path, *, columns: Mapping[str, str]) -> list[RawLog]:
    """Read the run in a file."""
    try:
        losses = [float(line) for line in path.read_text(encoding="utf-8").split()]
    except ValueError as problem:
        raise LogError(f"{path}: {problem}; write one number a line") from None
    frame = pd.DataFrame({"step": range(1, len(losses) + 1), "loss": losses})
    return [RawLog(frame=frame, source=NAME, files=(str(path),), rows_read=len(losses))]
