"""Read a Parquet file through the optional pyarrow, its size checked from the metadata first."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError, MissingExtra
from analysis.sources.limits import MB, check_cells
from analysis.sources.metric_aliases import plain

MAGIC = b"PAR1"
_LARGEST = 64 * MB  # of run names or times in one column, each stored once for some thousand rows
_LONGEST = 1000  # characters of a run name or a time


def read_parquet(path: Path, *, texts: Collection[str]) -> pd.DataFrame:
    """Read the columns of numbers as float64, of times, and of text if their plain names are in ``texts``.

    A value that is NaN (not null) was logged as such and becomes infinity.

    Raises
    ------
    MissingExtra
        If pyarrow is not installed.
    LogError
        If the file is damaged, above the limit of cells, or has no column of numbers.
    """
    try:
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "Reading a Parquet file") from None
    try:
        known = [name for name in pq.read_schema(path).names if plain(name) in texts]
        with pq.ParquetFile(path, read_dictionary=known) as file:
            wanted = [field for field in file.schema_arrow if _kind(pa, field.type) or field.name in known]
            check_cells(path, file.metadata.num_rows, len(wanted))
            _check_sizes(path, file.metadata, known)
            columns = {}
            for field in wanted:  # one by one, so that no more than one lies twice in memory
                column = file.read(columns=[field.name]).column(field.name)
                _check_texts(pa, path, field.name, column)
                columns[field.name] = _column(pa, column, field.type)
    except (pa.ArrowException, OSError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise LogError(f"{path}: damaged Parquet file ({reason}); write or copy it again") from None
    if not any(pd.api.types.is_float_dtype(column.dtype) for column in columns.values()):
        raise LogError(f"{path}: no column of numbers; a log needs a step and a metric")
    return pd.DataFrame(columns)


def _check_sizes(path: Path, about: Any, texts: Collection[str]) -> None:
    """Refuse columns of text that are large once unpacked."""
    sizes = dict.fromkeys(texts, 0)
    for group in map(about.row_group, range(about.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema in sizes:
                sizes[column.path_in_schema] += column.total_uncompressed_size
    for name, size in sizes.items():
        if size > _LARGEST:
            raise LogError(f"{path}: column '{name}' holds {size / MB:,.0f} MB of text; leave it out")


def _check_texts(pa: Any, path: Path, name: str, column: Any) -> None:
    """Refuse long texts before they are repeated for each row: a dictionary of one may stand for terabytes."""
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type) and any(len(str(text)) > _LONGEST for text in chunk.dictionary):
            raise LogError(f"{path}: column '{name}' has texts of more than {_LONGEST} characters; leave it out")


def _kind(pa: Any, kind: Any) -> str:
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "time" if pa.types.is_timestamp(kind) else ""


def _column(pa: Any, column: Any, kind: Any) -> Any:
    what = _kind(pa, kind)
    if what == "number":
        values = column.cast(pa.float64()).to_numpy()
        values = values if values.flags.writeable else values.copy()
        logged = column.is_valid().to_numpy()
        values[logged & ~np.isfinite(values)] = np.inf
        values[~logged] = np.nan
        return values
    if what == "time":
        return pd.to_datetime(column.to_pandas(), utc=True)
    return pd.array(column.cast(pa.string()).to_pylist(), dtype="str")
