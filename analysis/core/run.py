"""`Run`: the table of a run and everything known about it, made by sources and used by all the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.errors import LogError, UsageError
from analysis.core.examples import Examples
from analysis.core.metrics import match_metric
from analysis.core.metrics import metric as metric_of

FloatArray = npt.NDArray[np.float64]

NOT_METRICS = ("step", "timestamp", "epoch")
"""Columns of a run table that are not measurements."""

FACTORS: Mapping[str, tuple[str, ...]] = {
    "learning_rate": (
        "learning_rate_multiplier",
        "learning_rate",
        "lr",
        "lr0",
        "base_lr",
        "optimizer.lr",
        "optimizer/learning_rate",
        "max_lr",
    ),
    "n_epochs": ("n_epochs", "num_train_epochs", "epochs", "num_epochs", "max_epochs", "epoch_count"),
    "batch_size": ("batch_size", "train_batch_size", "per_device_train_batch_size", "batch", "micro_batch_size"),
    "seed": ("seed", "random_seed", "random_state", "data_seed", "manual_seed", "seed_everything"),
}
"""The config keys under which tools keep the factors the report reasons about, most specific first."""

FACTOR_KEYS = tuple(key for keys in FACTORS.values() for key in keys)
"""All keys of `FACTORS`, in that order."""


@dataclass(frozen=True)
class Data:
    """Data that a run was trained and validated on; ``None`` if not stated."""

    n_train: int | None = None
    n_valid: int | None = None
    validation_set: str | None = None
    training_set: str | None = None


@dataclass(frozen=True)
class Dropped:
    """Values or rows left out while reading: where, how many, and why."""

    column: str
    count: int
    reason: str


@dataclass(frozen=True)
class Provenance:
    """Origin of a run, and how much of its log was kept.

    ``path`` is a path or URI without credentials. For a table of points, as in event files, rows are points.
    Rows and columns that were not kept are accounted for in ``dropped`` or in the notes of the run.
    """

    path: str
    source: str
    size_bytes: int
    sha256: str
    rows_read: int
    lines: int | None = None
    columns_read: int = 0
    rows_kept: int = 0
    columns_kept: int = 0
    dropped: tuple[Dropped, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes
    ----------
    id : str
        Name in tables and options.
    frame : pandas.DataFrame
        One row a step, ordered, with unique int64 ``step``; optional ``timestamp`` (UTC) and ``epoch``
        (float); every other column is a float64 metric under its standard name, NaN where not logged
        and never infinite (see `validated`). Do not modify it: `series` returns views.
    nonfinite : Mapping[str, tuple[int, ...]]
        Steps at which a metric was logged as NaN or infinite, by metric; ``frame`` has NaN there.
    seams : tuple[int, ...]
        Steps at which the log starts again (a resumed run); no difference is taken across them.
    parent : str or None
        The run or model it starts from; ``None`` is a base model if ``parent_known``, else unknown.
    expected_steps : int or None
        As stated by the user or the tool; `expected_from_data` computes it.
    primary : str or None
        The metric that decides, as stated; standard name.
    best_metric : str or None
        The metric by which the tool kept its best model; standard name.
    seed_sd : float, Mapping[str, float] or None
        Stated standard deviation between seeds: of the primary metric, or by metric.
    n_valid_seen : int or None
        Size of the validation set as inferred from the log (see `analysis.sources.inferred`).
    examples : Mapping[str, Examples]
        Scores by example behind the last value of a metric, by metric.
    ended : bool or None
        Whether the run is over according to the tool; None if the tool does not say.
    extra : Mapping[str, Any]
        Unknown sidecar keys, which are kept and shown.
    sidecar : str
        The file for statements that the log lacks.
    """

    id: str
    frame: pd.DataFrame
    reference: str
    provenance: Provenance
    label: str | None = None
    name: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Data = field(default_factory=Data)
    expected_steps: int | None = None
    ended: bool | None = None
    parent: str | None = None
    parent_known: bool = False
    goal: str | None = None
    group: str | None = None
    primary: str | None = None
    best_metric: str | None = None
    seed_sd: float | Mapping[str, float] | None = None
    n_valid_seen: int | None = None
    examples: Mapping[str, Examples] = field(default_factory=dict, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)
    sidecar: str = ""
    nonfinite: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seams: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def only_evaluated(self) -> bool:
        """True if the run consists of evaluations of a model, without a training log."""
        return bool(self.examples) and all(metric_of(name).by_example for name in self.metrics)

    @property
    def n_valid(self) -> int | None:
        """Number of examples in the validation set: as stated, else as inferred from the log."""
        return self.data.n_valid or self.n_valid_seen

    def metric_named(self, name: str) -> str | None:
        """Return the standard name of the one metric that a name written by a user matches; None if none or several do.

        The log's own name and the standard one come first, then every name under which tools log it
        (`analysis.core.metrics.match_metric`).
        """
        standard = self.provenance.renamed.get(name, name)
        return standard if standard in self.frame else match_metric(name, self.metrics)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that have at least one value, in table order."""
        return tuple(c for c in self.frame.columns if c not in NOT_METRICS and self.frame[c].notna().any())

    @cached_property
    def steps(self) -> npt.NDArray[np.int64]:
        """All logged steps, ascending, shape (rows,)."""
        return self.frame["step"].to_numpy(dtype=np.int64)

    def curve(self, metric: str) -> pd.Series[float]:
        """Return a metric by step where it was logged, shape (n,), by its standard name or the log's own."""
        name = self.metric_named(metric) or metric
        return pd.Series(self.series(name), pd.Index(self.steps_of(name), name="step"), name=name)

    def series(self, metric: str) -> FloatArray:
        """Values of a metric where it was logged, in step order, shape (n,); empty if it never was."""
        if metric not in self.frame:
            return np.empty(0)
        return self._logged(metric)[1]

    def steps_of(self, metric: str) -> npt.NDArray[np.int64]:
        """Steps at which a metric has a value, shape (n,), aligned with `series`."""
        if metric not in self.frame:
            return np.empty(0, dtype=np.int64)
        return self._logged(metric)[0]

    def _logged(self, metric: str) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Return steps and values where a metric was logged: the table's own columns where it always was."""
        if metric not in self._points:
            steps, values = self.steps, self.frame[metric].to_numpy(dtype=np.float64)
            logged = ~np.isnan(values)
            if not logged.all():
                steps, values = steps[logged], values[logged]
                steps.flags.writeable = values.flags.writeable = False
            self._points[metric] = steps, values
        return self._points[metric]

    @cached_property
    def _points(self) -> dict[str, tuple[npt.NDArray[np.int64], FloatArray]]:
        """Cache of `_logged`; `dataclasses.replace` makes a run with an empty one."""
        return {}

    def factor(self, name: str) -> Any:
        """Return the value of a standard factor (a key of `FACTORS`) under whichever key the tool uses, or None."""
        key = self.factor_key(name)
        return None if key is None else self.config[key]

    def factor_key(self, name: str) -> str | None:
        """Return the config key of a standard factor, or None.

        A key inside a section (``data.batch_size``) counts if it is the only one of that name.
        """
        return self._factor_keys[name]

    @cached_property
    def _factor_keys(self) -> dict[str, str | None]:
        """Result of `factor_key` for each standard factor."""
        known = [key for key, value in self.config.items() if value is not None]
        found: dict[str, str | None] = {}
        for name, keys in FACTORS.items():
            nested = [key for key in known if key.rsplit(".", 1)[-1] in keys]
            exact = next((key for key in keys if key in known), None)
            found[name] = exact or (nested[0] if len(nested) == 1 else None)
        return found

    @cached_property
    def counts_epochs(self) -> bool:
        """True if the steps of the log are its epochs, so that their number does not follow from the batch size."""
        if "epoch" in self.frame:
            ahead = (self.frame["epoch"] - self.frame["step"]).dropna()
            return bool(ahead.size and ahead.nunique() == 1 and abs(ahead.iloc[0]) <= 1)
        epochs = self.factor("n_epochs")
        return _is_number(epochs) and 1 < self.steps.size <= epochs and int(self.steps[-1]) <= epochs

    @property
    def expected_from_data(self) -> int | None:
        """``ceil(n_train * epochs / batch_size)``, or None if one of the three is unknown.

        If a step of the log is an epoch, the number of epochs.
        """
        epochs, batch, rows = self.factor("n_epochs"), self.factor("batch_size"), self.data.n_train
        if _is_number(epochs) and self.counts_epochs:
            return int(np.ceil(epochs))
        if not (_is_number(epochs) and _is_number(batch) and rows) or batch <= 0:
            return None
        return int(np.ceil(rows * epochs / batch))


def validated(
    frame: pd.DataFrame, where: str
) -> tuple[pd.DataFrame, dict[str, tuple[int, ...]], tuple[int, ...], tuple[Dropped, ...]]:
    """Return a raw table in the form that `Run.frame` promises.

    Rows are sorted stably by (step, timestamp); of a repeated step each column keeps its last value; values that are
    infinite or larger than `LARGEST` become NaN.

    Parameters
    ----------
    frame : pandas.DataFrame
        Needs a numeric ``step`` column and numeric metric columns, NaN for "not logged". Values that were logged as
        NaN must be infinite here, or be listed by the caller.
    where : str
        The file, for messages.

    Returns
    -------
    tuple
        The table; steps of non-finite values by metric; seams; what was dropped.

    Raises
    ------
    LogError
        If there is no row, no usable step or a fractional step.
    """
    if frame.empty:
        raise LogError(f"{where}: no data rows; a log needs at least one step")
    dropped: list[Dropped] = []
    frame, steps = _whole_steps(frame, where, dropped)
    keys = ["step", "timestamp"] if "timestamp" in frame else ["step"]
    seams: tuple[int, ...] = ()
    if (steps[1:] <= steps[:-1]).any():
        frame = frame.sort_values(keys, kind="stable", na_position="first")
        repeated = frame["step"].duplicated(keep="last").to_numpy()
        if repeated.any():
            frame, lost, again = _joined(frame)
            dropped += lost
            seams = tuple(sorted({*seams, *again}))
    frame = frame.reset_index(drop=True)
    nonfinite: dict[str, tuple[int, ...]] = {}
    metrics = [column for column in frame.columns if column not in NOT_METRICS]
    for column in metrics:
        values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        infinite = np.abs(values) > LARGEST
        if frame[column].dtype == np.float64 and not infinite.any():
            continue
        if infinite.any():
            nonfinite[column] = tuple(int(s) for s in frame["step"].to_numpy()[infinite])
            values = np.where(infinite, np.nan, values)
        frame[column] = values
    return frame, nonfinite, seams, tuple(dropped)


def _joined(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Dropped], list[int]]:
    """Merge the rows of each step, the last value of each column; also return counts and steps of dropped values."""
    steps = frame["step"]
    counts = frame.groupby(steps, sort=False).count()
    metrics = [column for column in frame.columns if column not in NOT_METRICS]
    surplus = (counts[metrics] - 1).clip(lower=0)
    lost = [
        Dropped(str(column), int(number), "repeated steps; the last value of each is kept")
        for column, number in surplus.sum().items()
        if number
    ]
    again = [int(step) for step in surplus.index[surplus.any(axis=1)]]
    return frame.groupby(steps.to_numpy(), sort=False).last()[frame.columns], lost, again


_LARGEST_STEP = 2.0**53  # beyond it not every whole number is a float


def _whole_steps(frame: pd.DataFrame, where: str, dropped: list[Dropped]) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Return a table with ``step`` as int64, without the rows that lack a step, and its steps."""
    counted = frame["step"]
    if counted.dtype == np.int64:
        return frame, counted.to_numpy()
    if counted.dtype != np.float64:
        counted = pd.to_numeric(counted, errors="coerce")
    raw_steps = counted.to_numpy(dtype=np.float64, na_value=np.nan)
    usable = np.isfinite(raw_steps)
    if not usable.any():
        raise LogError(f"{where}: column 'step' holds no number; it must count the training steps")
    if not usable.all():
        dropped.append(Dropped("step", int((~usable).sum()), "rows without a step number"))
        frame, raw_steps = frame.loc[usable], raw_steps[usable]
    whole = np.clip(np.floor(raw_steps), -_LARGEST_STEP, _LARGEST_STEP)
    if (broken := whole != raw_steps).any():
        shown = float(raw_steps[broken][0])
        raise LogError(f"{where}: column 'step' must count in whole numbers, got {shown:g}; name another column")
    steps = whole.astype(np.int64)
    return frame.assign(step=pd.Series(steps, index=frame.index, copy=False)), steps


LARGEST = 1e100
"""Larger values count as infinite: no loss is that large, and their squares would overflow."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def find_run(runs: Sequence[Run], run_id: str | None, what: str) -> Run | None:
    """Return the run that a parameter names by ID, reference, label or path; None if the parameter is not set.

    Raises
    ------
    UsageError
        If no run matches; the message lists the runs.
    """
    if run_id is None:
        return None
    found = [run for run in runs if run_id in (run.id, run.reference, run.label)]
    if not found:
        there = [run for run in runs if _is_at(run, run_id)]
        found = there if len(there) == 1 else []
    if not found:
        known = ", ".join(run.id for run in runs)
        raise UsageError(f"parameter '{what}' is '{run_id}', which is not among the runs: {known}")
    return found[0]


def _is_at(run: Run, place: str) -> bool:
    """True if a path, however it is written, is that of a run's log or of the folder around it."""
    path = Path(run.provenance.path)
    return path.exists() and Path(place).resolve() in (path.resolve(), path.resolve().parent)
