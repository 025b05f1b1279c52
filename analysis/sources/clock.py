"""Parse timestamps: ISO 8601 text, or seconds, milliseconds ... since 1970."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.core.run import Dropped


def parse_timestamps(column: pd.Series[Any]) -> tuple[pd.Series[pd.Timestamp], int]:
    """Return UTC timestamps (NaT if missing or invalid) and the number of values that could not be read.

    Numbers are seconds, milliseconds, microseconds or nanoseconds since 1970, by their size.

    >>> parse_timestamps(pd.Series(["2025-09-11T18:07:08.7700000Z", "soon"]))[1]
    1
    """
    given = int(column.notna().sum())
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64)
        finite = values[np.isfinite(values)]
        largest = float(np.abs(finite).max()) if finite.size else 0.0
        power = next((p for p in (0, 3, 6, 9) if largest < 10 ** (11 + p)), 9)
        with np.errstate(invalid="ignore"):
            nanoseconds = np.where(np.isfinite(values), values * 10.0 ** (9 - power), np.nan)
        stamps = pd.Series(pd.to_datetime(nanoseconds, unit="ns", utc=True, errors="coerce"), index=column.index)
    elif pd.api.types.is_datetime64_any_dtype(column):
        stamps = pd.to_datetime(column, utc=True)
    else:
        stamps = _iso(column)
    return stamps.dt.as_unit("ns"), given - int(stamps.notna().sum())


def _iso(column: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Return the times in a text column; NaT if a text is not a time or outside the range of nanoseconds."""
    try:
        return pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce").dt.as_unit("ns")
    except (ValueError, OverflowError):  # raised for the whole column by one year out of bounds
        return pd.Series([_one_time(cell) for cell in column], index=column.index, dtype="datetime64[ns, UTC]")


def _one_time(cell: Any) -> Any:
    try:
        return pd.to_datetime(cell, format="ISO8601", utc=True, errors="coerce").as_unit("ns")
    except (ValueError, OverflowError, AttributeError):
        return pd.NaT


def timestamp_losses(failed: int) -> tuple[Dropped, ...]:
    """Return the record of timestamps that could not be read, if any."""
    return (Dropped("timestamp", failed, "not a time (ISO 8601 or seconds since 1970)"),) if failed else ()
