"""What one source hands over: a table and what else the tool keeps, before names are mapped and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.core.examples import Examples
from analysis.core.run import Dropped


@dataclass(frozen=True)
class RawLog:
    """A log as its tool wrote it.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a step (a source merges the train and eval rows that share one), a numeric ``step`` column,
        optional ``timestamp`` (UTC) and ``epoch``; the other columns keep the tool's own metric names,
        numeric. A value that was logged as NaN is given as infinity, so that NaN means "not logged".
    config : Mapping[str, Any]
        Hyperparameters as the tool keeps them, not yet redacted.
    files : tuple[str, ...]
        The files that were read, in order; size and hash are taken over all of them. The first one names
        the run where ``id`` is None.
    id : str or None
        The tool's own run ID; needed where one file or folder holds several runs.
    uri : str or None
        Where it came from, to be shown in place of the path (a server, an API, a place inside a database).
    columns_read : int or None
        Columns of the log itself, where the source has made others of them.
    sha256, size_bytes : str or None, int or None
        Of what was fetched, where there is no file to hash.
    expected_steps : int or None
        The number of steps the tool planned, if it says so.
    best_metric : str or None
        The tool's name of the metric by which it kept its best model, if it says so.
    ended : bool or None
        Whether the tool has the run as over, however it ended; None where it says nothing.
    examples : tuple of Examples
        Scores by example behind columns of the same name.
    """

    frame: pd.DataFrame
    source: str
    files: tuple[str, ...]
    rows_read: int
    lines: int | None = None
    columns_read: int | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    label: str | None = None
    parent: str | None = None
    parent_known: bool = False
    n_train: int | None = None
    n_valid: int | None = None
    validation_set: str | None = None
    training_set: str | None = None
    group: str | None = None
    id: str | None = None
    uri: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    expected_steps: int | None = None
    best_metric: str | None = None
    ended: bool | None = None
    seams: tuple[int, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    examples: tuple[Examples, ...] = ()
