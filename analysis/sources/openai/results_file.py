"""The results CSV of OpenAI and Azure OpenAI fine-tuning jobs, in its three layouts."""

from __future__ import annotations

from pathlib import Path

from analysis.core.errors import LogError
from analysis.sources.base import Columns
from analysis.sources.clock import parse_timestamps, timestamp_losses
from analysis.sources.delimited import read_delimited
from analysis.sources.raw_log import RawLog
from analysis.sources.table_layout import Layout, sniff

NAME = "openai csv"
SCHEME = ""

_LAYOUTS = (
    frozenset({"step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"}),
    frozenset({"step", "train_loss", "train_mean_token_accuracy"}),
    frozenset({"step", "elapsed_tokens", "elapsed_examples", "training_loss"}),
)
"""Columns that identify OpenAI's, Azure's and the legacy layout."""


def recognises(path: Path) -> bool:
    """True if a file starts with the header of one of the three layouts."""
    if not path.is_file():
        return False
    layout = sniff(path, delimiter=",")
    return layout is not None and any(known <= set(layout.header) for known in _LAYOUTS)


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read one results file; see `analysis.sources.base`."""
    layout = sniff(path, delimiter=",")
    if layout is None or "step" not in layout.header:
        raise LogError(f"{path}: no column 'step'; a results CSV starts with a header that names it")
    return [load_steps(path, layout)]


def load_steps(path: Path, layout: Layout) -> RawLog:
    """Read a delimited log with a column ``step`` and one row per step."""
    texts = ["timestamp"] if "timestamp" in layout.header else []
    numbers = [name for name in layout.header if name not in texts]
    read = read_delimited(path, layout, numbers=numbers, texts=texts, step="step")
    frame, dropped = read.frame, read.dropped
    if texts:
        stamps, failed = parse_timestamps(frame["timestamp"])
        frame["timestamp"] = stamps
        dropped += timestamp_losses(failed)
    return RawLog(
        frame, NAME, (str(path),), len(frame), lines=read.lines, columns_read=len(layout.header), dropped=dropped
    )
