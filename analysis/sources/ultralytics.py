"""Read the ``results.csv`` of Ultralytics YOLO (v5 and v8 names) with the ``args.yaml`` beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from analysis.core.errors import LogError
from analysis.sources.adjacent_config import log_with_settings
from analysis.sources.base import Columns
from analysis.sources.delimited import read_delimited
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import as_axis
from analysis.sources.table_layout import Layout, sniff

NAME = "ultralytics"
SCHEME = ""

LOG = "results.csv"
_SETTINGS = ("args.yaml", "opt.yaml", "hyp.yaml")


def recognises(path: Path) -> bool:
    """True for a CSV with ``epoch`` and Ultralytics' ``metrics/...`` or box losses, or the folder of one."""
    file = path / LOG if path.is_dir() else path
    if not file.is_file() or file.suffix != ".csv":
        return False
    layout = sniff(file, delimiter=",")
    return layout is not None and _is_results(layout)


def _is_results(layout: Layout) -> bool:
    return layout.header[0] == "epoch" and any(
        name.startswith(("metrics/", "train/box_loss", "val/box_loss")) for name in layout.header
    )


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read one training's results, a row an epoch."""
    path = path / LOG if path.is_dir() else path
    layout = sniff(path, delimiter=",")
    if layout is None or not _is_results(layout):
        raise LogError(f"{path}: no columns 'epoch' and 'metrics/...'; give the results.csv of a training")
    read = read_delimited(path, layout, numbers=layout.header)
    frame = as_axis(read.frame, "epoch", "step")
    frame = frame.assign(epoch=frame["step"])
    notes = ("one row an epoch: steps are the log's epochs",)
    log = log_with_settings(path, layout, read, frame, source=NAME, log=LOG, settings=_SETTINGS, notes=notes)
    # Its fitness, by which best.pt is chosen, is nine parts mAP 50-95 and one part mAP 50.
    best = next((name for name in layout.header if name.startswith("metrics/mAP50-95")), None)
    return [replace(log, best_metric=best)]
