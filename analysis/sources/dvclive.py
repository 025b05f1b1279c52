"""Read DVCLive: one TSV a metric under ``plots/metrics``, parameters in ``params.yaml``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.core.errors import LogError
from analysis.sources.adjacent_config import named_settings
from analysis.sources.base import Columns
from analysis.sources.clock import parse_timestamps
from analysis.sources.delimited import read_delimited
from analysis.sources.raw_log import RawLog
from analysis.sources.table_layout import sniff

NAME = "dvclive"
SCHEME = ""

_PLACES = ("plots/metrics", "plots/scalars", "scalars")


def recognises(path: Path) -> bool:
    """True for a folder with metric TSVs, or one such TSV."""
    if path.is_dir():
        return bool(_tables(path))
    if path.suffix != ".tsv" or _home(path) is None:
        return False
    layout = sniff(path, delimiter="\t")
    return layout is not None and "step" in layout.header


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Join the metrics of a run by step; a metric is called after its place under ``plots/metrics``."""
    home = path if path.is_dir() else _home(path)
    files = _tables(path) if path.is_dir() else [path]
    if home is None or not files:
        raise LogError(f"{path}: no metric under {_PLACES[0]}; give the folder that DVCLive wrote")
    frames, rows = [], 0
    for file in files:
        frame = _metric(file, _name(file, home))
        rows += len(frame)
        frames.append(frame.drop_duplicates("step", keep="last").set_index("step"))
    joined = pd.concat(frames, axis="columns", sort=True)
    stamps = [column for column in joined.columns if column == "timestamp"]
    if len(stamps) > 1:
        latest = pd.DataFrame(joined.pop("timestamp")).max(axis="columns")
        joined["timestamp"] = latest
    config, settings, notes = named_settings(home, ("params.yaml", "dvclive-params.yaml"))
    return [
        RawLog(
            joined.reset_index(),
            NAME,
            tuple(str(file) for file in (*files, *settings)),
            rows,
            config=config,
            id=None if path.is_file() else path.resolve().name,
            notes=notes,
        )
    ]


def _tables(folder: Path) -> list[Path]:
    return next((found for place in _PLACES if (found := sorted((folder / place).rglob("*.tsv")))), [])


def _home(file: Path) -> Path | None:
    """Return DVCLive's folder above one of its metric files."""
    for folder in file.parents:
        for place in _PLACES:
            if (folder / place) in file.parents:
                return folder
    return None


def _name(file: Path, home: Path) -> str:
    place = next(home / place for place in _PLACES if (home / place) in file.parents)
    return file.relative_to(place).with_suffix("").as_posix()


def _metric(file: Path, name: str) -> pd.DataFrame:
    layout = sniff(file, delimiter="\t")
    if layout is None or "step" not in layout.header:
        raise LogError(f"{file}: no column 'step'; a DVCLive metric has the columns step and value")
    values = [name for name in layout.header if name not in ("step", "timestamp")]
    if not values:
        raise LogError(f"{file}: no column of values beside 'step'; a DVCLive metric has the columns step and value")
    value = next((column for column in values if column == Path(name).name), values[-1])
    texts = [column for column in ("timestamp",) if column in layout.header and layout.is_text(column)]
    numbers = [column for column in layout.header if column in {"step", "timestamp", value} and column not in texts]
    read = read_delimited(file, layout, numbers=numbers, texts=texts)
    frame = read.frame.rename(columns={value: name})
    if "timestamp" in frame:
        frame["timestamp"], _ = parse_timestamps(frame["timestamp"])
    return frame[frame["step"].notna()]
