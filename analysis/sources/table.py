"""Read any delimited table or Parquet file with a header: the last resort, helped by a column mapping."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import metric
from analysis.core.run import FACTOR_KEYS
from analysis.sources.arrange import arrange
from analysis.sources.axes import check_columns, find_axis
from analysis.sources.axis_names import AXIS_NAMES, EPOCH_NAMES, STEP_NAMES, TIME_NAMES
from analysis.sources.base import Columns, bare_name, head
from analysis.sources.cells import has_points_in_thousands, is_ambiguous, is_number_like
from analysis.sources.delimited import read_delimited
from analysis.sources.long_tables import LONG_NAMES
from analysis.sources.metric_aliases import plain, standard_names
from analysis.sources.parquet import MAGIC, read_parquet
from analysis.sources.phases import FLAGS, PHASE_NAMES, phase_column, phase_of, phase_of_file
from analysis.sources.printed_ends import results_below
from analysis.sources.raw_log import RawLog
from analysis.sources.runs_in import RUN_NAMES, is_text
from analysis.sources.sidecar import run_stem
from analysis.sources.streams import open_text
from analysis.sources.table_heads import steps_across, table_of_columns
from analysis.sources.table_layout import Layout, is_numeric, sniff

NAME = "table"
SCHEME = ""

_SMALL = 8_000_000
"""Bytes up to which all text columns are read; of a longer log only those that identify its rows."""
_TURNED = 32_000
"""Bytes up to which a table with steps as columns is transposed: it is read from the sample of `sniff`."""
_PARQUET_TEXTS = (*RUN_NAMES, *TIME_NAMES, *PHASE_NAMES, *LONG_NAMES, "string_value")
_SUFFIXES = (".csv", ".tsv", ".txt", ".log", ".dat")


def recognises(path: Path) -> bool:
    """True if a file is Parquet, or delimited text with a header and, if it has one column, numbers below it."""
    if not path.is_file():
        return False
    if head(path, 4) == MAGIC:
        return True
    if not bare_name(path).endswith(_SUFFIXES):
        return False
    layout = sniff(path)
    if layout is None or all(map(is_numeric, layout.header)):
        return False
    if len(layout.header) < 2 and (layout.is_text(layout.header[0]) or not layout.sample):
        return False
    if bare_name(path).endswith((".csv", ".tsv")):
        return True
    return find_axis(layout.header, (*STEP_NAMES, *EPOCH_NAMES)) is not None


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Return a log for each run, fold or seed in a table."""
    return arrange(_from_parquet(path, columns) if head(path, 4) == MAGIC else _from_text(path, columns), columns)


def _from_text(path: Path, columns: Columns) -> RawLog:
    with open_text(path):  # for its errors: empty, binary, not readable
        layout = sniff(path)
    if layout is None:
        raise LogError(f"{path}: no header line; a table starts with a line that names its columns")
    check_columns(path, layout.header, columns)
    across = steps_across(layout.header)
    if across is not None and not columns and path.stat().st_size < _TURNED:
        turned = table_of_columns(across, layout.sample)
        if turned is not None:
            told = ("its columns are the steps: turned, so that each is a row",)
            rows, names = len(layout.sample), len(layout.header)
            return RawLog(turned, NAME, (str(path),), rows, columns_read=names, notes=told)
    if across is not None and plain(layout.header[0]) in AXIS_NAMES:
        raise LogError(f"{path}: its columns are the steps; turn it, so that each step is a row")
    text = [name for name in layout.header if layout.is_text(name)]
    if len(text) == len(layout.header) and not any(is_number_like(layout.column(name)) for name in text):
        raise LogError(f"{path}: no column of numbers, only {', '.join(layout.header)}; a log needs a metric")
    small = path.stat().st_size < _SMALL
    texts = [name for name in text if small or name in layout.grouped or _tells(layout, name, columns)]
    numbers = [name for name in layout.header if name not in text]
    lenient = set(numbers) - _meant(layout, columns)
    read = read_delimited(path, layout, numbers=numbers, texts=texts, step=_step(layout, columns), lenient=lenient)
    frame, results = results_below(read.frame, read.below)
    frame, grouped = _with_decimals(frame, layout)
    frame, tagged = _with_tag(frame, path)
    frame, phased = _with_phase(frame, path, columns)
    config = {name: layout.column(name)[0] for name in text if name not in texts and _is_setting(layout, name)}
    left_out = [name for name in text if name not in texts and name not in config]
    notes = [f"text columns left out: {', '.join(left_out[:10])}"] if left_out else []
    notes += [f"above the header stands '{layout.above[:80]}': not read"] if layout.above else []
    return RawLog(
        frame,
        NAME,
        (str(path),),
        len(read.frame),
        lines=read.lines,
        columns_read=len(layout.header),
        config=config,
        dropped=read.dropped,
        notes=(*notes, *results, *grouped, *tagged, *phased),
    )


def _with_decimals(frame: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with points in thousands and ambiguous commas (``2,512``) read as numbers, and notes on both."""
    certain = [name for name in layout.grouped if name in frame]
    read = {name: pd.to_numeric(frame[name].str.replace(".", ""), errors="coerce") for name in certain}
    notes = [f"'{name}' has points between its thousands" for name in certain]
    unclear = [name for name in layout.header if name in frame and is_ambiguous(layout.column(name))]
    for name in unclear if layout.has_commas else ():
        if metric(name).direction != "none":
            read[name] = pd.to_numeric(frame[name].str.replace(",", "."), errors="coerce")
            notes.append(f"'{name}' is written with decimal commas")
    if layout.delimiter == ";":
        counts = [name for name in layout.header if plain(name) in AXIS_NAMES and name not in certain]
        written = {name: cells for name in counts if (cells := layout.column(name))}
        notes += [
            f"'{name}' is read with decimals ({cells[0]} is {float(cells[0]):g}); take a point between thousands out"
            for name, cells in written.items()
            if has_points_in_thousands(cells, beside_commas=True)
        ]
    return frame.assign(**read), tuple(notes)


def _with_tag(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a TensorBoard download with its values named by the tag, which is only in the file name, and a note.

    The run is in the file name too; with Keras and others it ends in a phase: ``run-<run>_validation-tag-<tag>.csv``.
    """
    tag = re.search(r"-tag-(.+?)\.csv", path.name)
    known = {plain(str(name)) for name in frame.columns} == {"wall_time", "step", "value"}
    if not tag or not known:
        return frame, ()
    part = phase_of(re.split(r"[^a-z]+", path.name[: tag.start()].lower())[-1])
    name = f"{part}/{tag[1]}" if part and not any(map(phase_of, plain(tag[1]).split("_"))) else tag[1]
    return frame.rename(columns={"Value": name}), (f"Value is '{name}', by the file's name",)


def _with_phase(frame: pd.DataFrame, path: Path, columns: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with its metrics prefixed by the phase in the file name (``test_error.tsv``), and a note.

    Unchanged if any column names a phase.
    """
    phase = phase_of_file(run_stem(path))
    words = {word for name in frame.columns for word in plain(str(name)).split("_")}
    if phase is None or any(map(phase_of, words)):
        return frame, ()
    axes = {*AXIS_NAMES, *RUN_NAMES, *FACTOR_KEYS}
    kept = {str(name) for name in frame.columns if plain(str(name)) in axes} | set(columns.values())
    names = {name: f"{phase}/{name}" for name in frame.columns if name not in kept and not is_text(frame[name])}
    return frame.rename(columns=names), (f"the file's name says that it is of {phase} data",)


def _tells(layout: Layout, name: str, columns: Columns) -> bool:
    """True if a text column identifies its rows (time, run, phase), holds numbers as text or is named by the user."""
    if plain(name) in (*TIME_NAMES, *RUN_NAMES, *LONG_NAMES, *FLAGS) or name in columns.values():
        return True
    cells = layout.column(name)
    return phase_column([name], {name: cells}) is not None or is_number_like(cells)


def _meant(layout: Layout, columns: Columns) -> set[str]:
    """Return the columns that must be numbers: the step, the user's own, and metrics of a standard name."""
    step = _step(layout, columns)
    named = {column for standard, column in columns.items() if standard != "timestamp"}
    return ({step} if step else set()) | named | set(standard_names(layout.header, source=NAME, chosen=columns))


def _step(layout: Layout, columns: Columns) -> str | None:
    return columns.get("step") or find_axis(layout.header, STEP_NAMES)


def _is_setting(layout: Layout, name: str) -> bool:
    """True if a text column has the same value on every sampled row."""
    cells = layout.column(name)
    return len(cells) == len(layout.sample) and len(set(cells)) == 1


def _from_parquet(path: Path, columns: Columns) -> RawLog:
    names = (*_PARQUET_TEXTS, plain(columns.get("timestamp", "")))
    frame = read_parquet(path, texts=names)
    return RawLog(frame, NAME, (str(path),), len(frame))
