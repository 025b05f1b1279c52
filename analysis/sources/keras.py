"""Read what Keras leaves: the CSVLogger's file, or a history as JSON (a dict of lists) or CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.plain_data import is_number
from analysis.sources.adjacent_config import log_with_settings
from analysis.sources.axes import find_axis
from analysis.sources.axis_names import EPOCH_NAMES, STEP_NAMES
from analysis.sources.base import Columns, head
from analysis.sources.delimited import read_delimited
from analysis.sources.metric_aliases import plain
from analysis.sources.phases import phase_of_file
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import as_axis
from analysis.sources.runs_in import RUN_NAMES
from analysis.sources.sidecar import run_stem
from analysis.sources.streams import open_text
from analysis.sources.table_layout import Layout, sniff
from analysis.sources.yaml_files import load_json

NAME = "keras"
SCHEME = ""

_EPOCHS = ("epoch", "column 1")
_LISTS = re.compile(r'\ufeff?\s*\{\s*"[^"]*"\s*:\s*[\[{]')
_PER_EPOCH = "one row an epoch: steps are the log's epochs"


def recognises(path: Path) -> bool:
    """True for a CSV that counts epochs and has a loss but no step, or a JSON dict of equally long lists."""
    if not path.is_file():
        return False
    if head(path, 64).lstrip().startswith(b"{"):
        return ".json" in path.name and _history(path) is not None
    layout = sniff(path)
    return layout is not None and _is_history(layout) and phase_of_file(run_stem(path)) in (None, "train")


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read one history; see `analysis.sources.base`."""
    if head(path, 64).lstrip().startswith(b"{"):
        history = _history(path)
        if history is None:
            raise LogError(f"{path}: a Keras history is a JSON dict of equally long lists of numbers; check the file")
        if len({len(values) for values in history.values()}) > 1:
            lengths = ", ".join(f"{name} has {len(values)}" for name, values in list(history.items())[:8])
            raise LogError(
                f"{path}: the lists of a history differ in length ({lengths}); write null where none was logged"
            )
        frame = pd.DataFrame({name: _numbers(values) for name, values in history.items()})
        frame = frame.rename(columns={find_axis(frame.columns, EPOCH_NAMES): "epoch"})
        if "epoch" not in frame:
            frame.insert(0, "epoch", np.arange(len(frame), dtype=np.float64))
        frame.insert(0, "step", frame["epoch"])
        return [RawLog(frame, NAME, (str(path),), len(frame), notes=(_PER_EPOCH,))]
    with open_text(path):  # for its errors: empty, binary, not readable
        layout = sniff(path)
    if layout is None or layout.header[0] not in _EPOCHS:
        raise LogError(f"{path}: no column 'epoch'; give the file that Keras' CSVLogger wrote")
    numbers = [name for name in layout.header if not layout.is_text(name)]
    read = read_delimited(path, layout, numbers=numbers)
    frame = as_axis(read.frame, layout.header[0], "step")
    frame = frame.assign(epoch=frame["step"])
    return [log_with_settings(path, layout, read, frame, source=NAME, notes=(_PER_EPOCH,))]


def _is_history(layout: Layout) -> bool:
    """True for a table of numbers that counts epochs one by one, and nothing else, and has a loss."""
    names = {plain(name) for name in layout.header}
    others = {*STEP_NAMES, *RUN_NAMES, "fold", "seed", *(("epoch",) if layout.header[0] != "epoch" else ())}
    counted = layout.header[0] in _EPOCHS and not names & others and not layout.above
    losses = any(name == "loss" or name.endswith("_loss") for name in names)
    return counted and losses and not any(map(layout.is_text, layout.header)) and _counts_epochs(layout)


def _counts_epochs(layout: Layout) -> bool:
    try:
        epochs = [float(cell) for cell in layout.column(layout.header[0])]
    except ValueError:
        return False
    return all(epoch.is_integer() for epoch in epochs) and all(a != b for a, b in pairwise(epochs))


def _history(path: Path) -> Mapping[str, list[Any]] | None:
    """Return the lists of a history file; None if it is something else.

    They are equally long, or one of them is a loss: Keras writes fewer validations where it validates seldom.
    """
    if not _LISTS.match(head(path).decode("utf-8", errors="replace")):
        return None
    try:
        content = load_json(path, setting="RUN_REPORTS_MAX_JSON_MB")
    except LogError:
        return None
    if not isinstance(content, Mapping) or not content or all(str(name).isdecimal() for name in content):
        return None  # rows by epoch are no columns
    if any(plain(str(name)) in STEP_NAMES for name in content):
        return None  # Keras counts epochs alone
    lists = {str(name): list(values.values()) if _is_indexed(values) else values for name, values in content.items()}
    columns = {name: values for name, values in lists.items() if _is_column(values)}
    lengths = {len(values) for values in columns.values()}
    alike = len(lengths) == 1 or any(plain(name).endswith("loss") for name in columns)
    return columns if len(columns) == len(lists) and alike and lengths != {0} else None


def _is_indexed(values: Any) -> bool:
    """True for a column as pandas writes it, by the index of its rows; other numbers are steps."""
    return isinstance(values, Mapping) and [*map(str, values)] == [*map(str, range(len(values)))]


def _is_column(values: Any) -> bool:
    return isinstance(values, list) and all(value is None or is_number(value) for value in values)


def _numbers(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    floats = np.array([np.nan if value is None else float(value) for value in values])
    logged = np.array([value is not None for value in values])
    return np.where(logged & ~np.isfinite(floats), np.inf, floats)
