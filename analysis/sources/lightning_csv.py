"""Read the ``metrics.csv`` of PyTorch Lightning's CSVLogger with the ``hparams.yaml`` beside it."""

from __future__ import annotations

from pathlib import Path

from analysis.core.errors import LogError
from analysis.sources.adjacent_config import log_with_settings
from analysis.sources.base import Columns
from analysis.sources.delimited import read_delimited
from analysis.sources.long_tables import LONG_NAMES
from analysis.sources.metric_aliases import plain
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import merge_rows
from analysis.sources.table_layout import sniff

NAME = "lightning csv"
SCHEME = ""

LOG = "metrics.csv"


def recognises(path: Path) -> bool:
    """True for a CSV with the columns ``epoch`` and ``step`` called ``metrics.csv``, or the folder of one."""
    file = path / LOG if path.is_dir() else path
    if not file.name.startswith("metrics") or not file.is_file():
        return False
    layout = sniff(file, delimiter=",")
    if layout is None or not {"epoch", "step"} <= set(layout.header):
        return False
    return not any(plain(name) in LONG_NAMES and layout.is_text(name) for name in layout.header)


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read one version folder; the train and val rows of a step become one."""
    path = path / LOG if path.is_dir() else path
    layout = sniff(path, delimiter=",")
    if layout is None or "step" not in layout.header:
        raise LogError(f"{path}: no column 'step'; give the metrics.csv that Lightning's CSVLogger wrote")
    numbers = [name for name in layout.header if not layout.is_text(name)]
    read = read_delimited(path, layout, numbers=numbers, step="step", lenient=set(numbers) - {"step", "epoch"})
    frame, dropped = merge_rows(read.frame)
    notes: tuple[str, ...] = ()
    if "hp_metric" in frame and (frame["hp_metric"].dropna() == -1).all():
        frame = frame.drop(columns="hp_metric")
        notes = ("'hp_metric' is -1, Lightning's placeholder, and is left out",)
    left_out = [name for name in layout.header if name not in numbers]
    if left_out:
        notes += (f"text columns left out: {', '.join(left_out)}",)
    settings = ("hparams.yaml",)
    return [
        log_with_settings(
            path, layout, read, frame, source=NAME, log=LOG, settings=settings, dropped=dropped, notes=notes
        )
    ]
