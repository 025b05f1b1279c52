"""Take a user's word for what a metric is, and say in one line where it cannot be so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import METRICS, metric, stated_name
from analysis.core.run import NOT_METRICS
from analysis.sources.metric_aliases import BY_SOURCE

_KNOWN = frozenset({*METRICS, *(name for table in BY_SOURCE.values() for name in table)})
_PERCENT = 100.0


def check_chosen(where: Path | str, chosen: Mapping[str, str], own: Sequence[str]) -> None:
    """Raise `LogError` for a mapping of columns with a column that is not there, or a name that says nothing.

    Parameters
    ----------
    where : Path or str
        The log, for messages.
    chosen : Mapping[str, str]
        Name of a metric, standard or telling, to the log's own column.
    own : sequence of str
        The log's columns.
    """
    for standard, column in chosen.items():
        if column not in own:
            raise LogError(
                f"{where}: columns says '{standard}: {column}', but there is no column '{column}'; "
                f"{_meant(column, own)}the log has {', '.join(own)}"
            )
        if standard in _KNOWN:
            continue
        near = get_close_matches(standard, sorted(_KNOWN), n=1, cutoff=0.85)
        if near or metric(standard).direction == "none":
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise LogError(
                f"{where}: columns says '{standard}: {column}', but '{standard}' is no standard name; {hint}"
                f"any name that says which way is better will do, or state it: "
                f"metrics: {{{column}: {{direction: higher, split: validation}}}}"
            )


def _meant(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.7)
    return f"did you mean '{near[0]}'? " if near else ""


def no_fraction(where: Path | str, standard: str, column: str, most: float) -> LogError:
    """Return the error for a column that is called a fraction and holds more than 1."""
    way = METRICS[standard].direction if standard in METRICS else "higher"
    on = "validation" if "valid" in standard else "train"
    return LogError(
        f"{where}: columns says '{standard}: {column}', but that is a fraction and '{column}' goes up to {most:g}; "
        f"if it is in percent, say metrics: {{{column}: {{direction: {way}, split: {on}, unit: percent}}}}"
    )


def with_stated(
    where: Path | str,
    table: pd.DataFrame,
    stated: Mapping[str, Mapping[str, str]],
    chosen: Mapping[str, str],
    assumed: Collection[str] = (),
) -> tuple[dict[str, str], pd.DataFrame]:
    """Name the metrics of which somebody stated what they are; percentages become fractions.

    What is ``assumed`` was said of many runs at once, and need not be in each.

    Returns
    -------
    tuple
        Own name to the name that says it; the table.

    Raises
    ------
    LogError
        If a column is not there, is an axis or renamed by ``columns`` too, or is stated to be a fraction and is none.
    """
    own = [str(name) for name in table.columns if name not in NOT_METRICS]
    told: dict[str, str] = {}
    for column, said in stated.items():
        if column not in own:
            if column in assumed:
                continue
            raise LogError(
                f"{where}: metrics states what '{column}' is, but there is no such metric; {_meant(column, own)}"
                f"the log has {', '.join(own)}"
            )
        if column in chosen.values():
            raise LogError(f"{where}: both columns and metrics name '{column}'; leave one of them out")
        unit = said.get("unit", "")
        values = table[column].to_numpy(dtype=np.float64)
        most = np.fmax.reduce(np.where(np.isfinite(values), values, np.nan), initial=-np.inf)
        if unit in ("fraction", "share") and most > 1 + 1e-9:
            raise LogError(
                f"{where}: metrics says that '{column}' is a {unit}, but it goes up to {most:g} and a {unit} is "
                "at most 1; if it is in percent, say unit: percent"
            )
        if unit == "percent":
            table = table.assign(**{column: values / _PERCENT})
        guessed = metric(said.get("name", column))
        split = said.get("split") or {"full validation": "validation"}.get(guessed.split, guessed.split)
        told[column] = stated_name(
            said.get("name", column),
            direction=said.get("direction", guessed.direction),
            split=split,
            unit="fraction" if unit == "percent" else unit,
        )
    return told, table
