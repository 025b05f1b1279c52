"""Evidence of one run: the estimates that its log supports, beside the numbers of the rules of thumb."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis import statistics as st
from analysis.core.deciding import REWARDS, judged_metrics
from analysis.core.metrics import metric as metric_of
from analysis.core.metrics import of_answers
from analysis.core.run import FloatArray, Run
from analysis.core.run_facts import breaks_of, curve_metric, ended_nonfinite, epoch_bounds, is_per_epoch, total_steps
from analysis.evidence.evaluations import example_level
from analysis.evidence.log_kind import log_kind
from analysis.statistics import Estimate, Settled
from analysis.statistics.detectors import Curve, Observed

LATE_LEAST = 20
"""Least number of rows at the end over which the noise about a parabola is taken."""

_DEAD = "it ended as NaN or infinite"


@dataclass(frozen=True)
class Counted:
    """An accuracy as a count: ``correct`` of ``tokens`` predictions on ``examples`` examples (None: unknown)."""

    correct: int
    tokens: int
    examples: int | None
    deff: float
    interval: Estimate


@dataclass(frozen=True)
class RunEvidence:
    """Estimates from one log.

    Attributes
    ----------
    curves, settled : Mapping[str, Curve], Mapping[str, Settled]
        Each judged metric without partial batches, and the same after burn-in.
    window, slope : Mapping[str, Estimate]
        Level at the end and trend per 100 steps, by metric. This level is the one shown and compared: the last
        evaluation for a metric of the whole validation set, else the mean of the last window.
    epoch_slopes : tuple[Estimate, ...]
        Trend of the curve within each epoch.
    partial_rows : tuple[int, ...]
        Steps with a partial batch, which are left out of all training metrics here.
    """

    curves: Mapping[str, Curve] = field(repr=False)
    settled: Mapping[str, Settled] = field(repr=False)
    window: Mapping[str, Estimate]
    slope: Mapping[str, Estimate]
    epoch_slopes: tuple[Estimate, ...]
    oscillation_rate: Estimate | None
    white_noise_rate: float | None
    direction_rate: Estimate | None
    noise: Estimate | None
    relative_noise: Estimate | None
    excess_noise: Estimate | None
    loss_gap: Estimate | None
    train_counts: Counted | None
    valid_counts: Counted | None
    partial_rows: tuple[int, ...]
    burn_in_step: int | None
    per_epoch: bool

    @property
    def full_valid_loss(self) -> Estimate | None:
        """Level of the full validation loss; None if it was not logged."""
        return self.window.get("full_valid_loss")

    def without_training(self, why: str) -> RunEvidence:
        """Return the evidence of a run with a broken training loss: its levels on training data are unknown."""
        kept = {
            name: st.unknown(level.definition, why) if metric_of(name).split == "train" else level
            for name, level in self.window.items()
        }
        return replace(self, window=kept)

    def to_json(self) -> dict[str, Any]:
        """Return the evidence in the form of the results JSON."""
        single = (
            "oscillation_rate",
            "direction_rate",
            "noise",
            "relative_noise",
            "excess_noise",
            "full_valid_loss",
            "loss_gap",
        )
        return {
            **{name: estimate_json(getattr(self, name)) for name in single},
            "white_noise_rate": self.white_noise_rate,
            "window": {name: estimate_json(value) for name, value in self.window.items()},
            "slope_per_100_steps": {name: estimate_json(value) for name, value in self.slope.items()},
            "epoch_slopes": [estimate_json(value) for value in self.epoch_slopes],
            "autocorrelation": {name: value.line.rho for name, value in self.settled.items()},
            "train_counts": counted_json(self.train_counts),
            "valid_counts": counted_json(self.valid_counts),
            "partial_batches": list(self.partial_rows),
            "burn_in_step": self.burn_in_step,
            "per_epoch": self.per_epoch,
        }


def run_evidence(runs: Sequence[Run], *, strict: bool = False) -> dict[str, RunEvidence]:
    """Return the evidence of each run of a set by run ID; ``strict`` as in `Settings`."""
    curve = curve_metric(runs)
    return {run.id: _evidence(run, curve, strict) for run in runs}


def _evidence(run: Run, curve: str, strict: bool) -> RunEvidence:
    partial = partial_rows(run)
    curves = {name: _curve(run, name, partial) for name in judged_metrics(run.metrics, run.primary or run.best_metric)}
    levels = {name: level for name, line in curves.items() if (level := _level(run, name, line, strict))}
    settled = {name: series for name, (series, _, _) in levels.items()}
    window = {name: _level_at_end(run, name, mean, settled) for name, (_, mean, _) in levels.items()}
    slope = {name: trend for name, (_, _, trend) in levels.items()}
    per_epoch = is_per_epoch(run, curve)
    stepwise = settled.get(curve) if not per_epoch else None
    values, breaks = run.series(curve), breaks_of(run, curve)
    relative = st.noise(stepwise, relative=True) if stepwise else None
    full = window.get("full_valid_loss")
    return RunEvidence(
        curves=curves,
        settled=settled,
        window=window,
        slope=slope,
        epoch_slopes=_epoch_slopes(run, curve, partial, slope),
        oscillation_rate=st.oscillation_rate(values, breaks) if stepwise and values.size > 1 else None,
        white_noise_rate=_white(relative),
        direction_rate=st.direction_change_rate(values, breaks) if stepwise and values.size > 2 else None,
        noise=st.noise(stepwise) if stepwise else None,
        relative_noise=relative,
        excess_noise=_excess(run, settled),
        loss_gap=_loss_gap(full, window),
        train_counts=_counted(run, "train_mean_token_accuracy", partial),
        valid_counts=_counted(run, "valid_mean_token_accuracy", ()),
        partial_rows=partial,
        burn_in_step=_burn_in_step(stepwise, run, curve),
        per_epoch=per_epoch,
    )


def _level(run: Run, metric: str, curve: Curve, strict: bool) -> tuple[Settled, Estimate, Estimate] | None:
    """Return a metric after burn-in, its window mean and its trend; None without values."""
    series = curve.settled
    if series is None:
        return None
    dead = ended_nonfinite(run, metric)
    mean = st.unknown("loss.window_mean", _DEAD, n=series.n) if dead else st.window_mean(series, strict=strict)
    return series, mean, st.trend(series)


def partial_rows(run: Run) -> tuple[int, ...]:
    """Return the steps with a partial batch, the last ones of epochs if the batch size does not divide the data.

    They follow from the data sizes if stated, else from an accuracy in the last row that a full batch cannot have.
    Rows that are epochs or means of several steps are not batches.
    """
    if log_kind(run, curve_metric([run])).kind in ("epoch", "mean of steps"):
        return ()
    batch, rows = _batch(run), run.data.n_train
    if batch and rows:
        if rows % batch == 0 or run.expected_from_data is None:
            return ()
        ends, how = epoch_bounds(run)
        return tuple(int(end) for end in ends) if how in ("metadata", "full validation") else (int(ends[-1]),)
    accuracy = run.series("train_mean_token_accuracy")
    if accuracy.size < 3:
        return ()
    tokens = st.tokens_per_batch(accuracy[:-1], batch=batch)
    if tokens.per_batch is None or tokens.correct(float(accuracy[-1])) is not None:
        return ()
    return (int(run.steps_of("train_mean_token_accuracy")[-1]),)


def _level_at_end(run: Run, metric: str, mean: Estimate, settled: Mapping[str, Settled]) -> Estimate:
    """Return the level of a metric at the end of a run.

    For a metric of the whole validation set, and if a row is an epoch, that is the last value: epochs share the
    validation set and the seed, so that their mean is not more certain. Otherwise it is the mean of the last window,
    without an interval if that has too few independent points.
    """
    if ended_nonfinite(run, metric):
        return mean
    row = metric_of(metric)
    if row.by_example:
        return example_level(run, metric)
    if row.split == "full validation":
        return _evaluation(run, metric, settled)
    if is_per_epoch(run, metric):
        values = run.series(metric)
        reason = "an epoch's mean is one value; epochs of one run are no replicates"
        return _with_scatter(st.unknown("loss.last", reason, value=float(values[-1]), n=values.size), values)
    if mean.known:
        return mean
    # Too few independent points for an interval: the error of the mean is at most the noise of single rows, which a
    # parabola through autocorrelated ones halves at most.
    late = run.series(metric)[-max(LATE_LEAST, run.series(metric).size // 2) :]
    return replace(mean, se=2 * st.fit_line(late, curved=True).s)


def _evaluation(run: Run, metric: str, settled: Mapping[str, Settled]) -> Estimate:
    """Return the last evaluation with its sampling error, or the scatter of the curve if that is larger."""
    values = run.series(metric)
    last, scatter = float(values[-1]), st.evaluation_scatter(values)
    row, n_valid = metric_of(metric), run.n_valid
    if row.share:
        scale = 100.0 if values.max() > 1 else 1.0
        if not n_valid:
            reason = "nobody says how many examples were validated: state data.n_valid"
            return _with_scatter(st.unknown("fullval.share", reason, value=last, n=values.size), values)
        return st.share_level(last / scale, n_valid, scatter=scatter / scale).scaled(scale)
    if metric != "full_valid_loss":
        reason = "its error is known only from the scores of single examples"
        level = _with_scatter(st.unknown("fullval.level", reason, value=last, n=values.size), values)
        least = st.least_error(last, n_valid) if of_answers(metric) else math.nan
        return replace(level, se=float(np.fmax(level.se, least)))
    level = st.full_validation(last, settled.get("valid_loss"), batch=_batch(run) or 0, n_valid=n_valid or 0)
    if level.known and scatter > level.se:
        return st.estimate(level.definition, last, scatter, values.size // 2 - 2, level.n)
    return level if level.known else _with_scatter(level, values)


def _with_scatter(level: Estimate, values: FloatArray) -> Estimate:
    """Set the scatter of the curve as the standard error of a level without an interval, as a lower bound."""
    return replace(level, se=st.evaluation_scatter(values))


def _batch(run: Run) -> int | None:
    batch = run.factor("batch_size")
    return batch if isinstance(batch, int) and not isinstance(batch, bool) and batch > 0 else None


def _curve(run: Run, metric: str, partial: tuple[int, ...]) -> Curve:
    """Return a metric as logged, a training metric without partial batches."""
    return Curve(*_without(run, metric, partial if metric_of(metric).split == "train" else ()))


def _without(run: Run, metric: str, partial: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return steps and values of a metric, without the steps in ``partial``."""
    steps, values = run.steps_of(metric), run.series(metric)
    out = np.isin(steps, partial) if partial else np.zeros(0, dtype=bool)
    return (steps[~out], values[~out]) if out.any() else (steps, values)


def _epoch_slopes(
    run: Run, curve: str, partial: tuple[int, ...], slope: Mapping[str, Estimate]
) -> tuple[Estimate, ...]:
    ends, _ = epoch_bounds(run)
    if ends.size == 1 and curve in slope:
        return (slope[curve],)
    steps, values = _without(run, curve, partial)
    bounds = [0, *np.searchsorted(steps, ends, side="right")]
    parts = [slice(a, b) for a, b in pairwise(bounds)]
    return tuple(st.trend(st.settle(values[part], steps[part])) for part in parts)


def _white(relative: Estimate | None) -> float | None:
    if relative is None or not math.isfinite(relative.value) or relative.value <= 0:
        return None
    return st.oscillation_rate_of_noise(relative.value)


def _excess(run: Run, settled: Mapping[str, Settled]) -> Estimate | None:
    """Return the ratio of training noise to that of minibatch validation; above 1 it is more than sampling noise."""
    train, valid = settled.get("train_loss"), settled.get("valid_loss")
    if train is None or valid is None:
        return None
    return st.as_ratio(st.log_noise_difference(valid, train, definition="noise.excess"))


def _loss_gap(full: Estimate | None, window: Mapping[str, Estimate]) -> Estimate | None:
    train = window.get("train_loss")
    level = full if full is not None and full.known else window.get("valid_loss")
    if train is None or level is None:
        return None
    return st.difference("gap.loss", train, level)


def _counted(run: Run, metric: str, partial: tuple[int, ...]) -> Counted | None:
    accuracy, steps = run.series(metric), run.steps_of(metric)
    if not accuracy.size or accuracy.min() < 0 or accuracy.max() > 1 or ended_nonfinite(run, metric):
        return None
    _, full = _without(run, metric, partial)
    batch = _batch(run)
    tokens = st.tokens_per_batch(full, batch=batch)
    if tokens.per_batch is None:
        return None
    last, per_batch = float(accuracy[-1]), tokens.per_batch
    if int(steps[-1]) in partial:
        per_batch = partial_tokens(run, last, tokens.per_batch) or 0
    correct = round(last * per_batch)
    if not per_batch or abs(last - correct / per_batch) > 1e-6:
        return None
    deff = st.design_effect(full, tokens.per_batch)
    examples = per_batch // (tokens.per_batch // batch) if batch and tokens.per_batch % batch == 0 else None
    return Counted(correct, per_batch, examples, deff, st.wilson(correct, per_batch, deff=deff))


def partial_tokens(run: Run, accuracy: float, per_batch: int) -> int | None:
    """Return the number of predictions behind the accuracy of a partial last batch; None if no size fits.

    Tools differ in whether an epoch ends with a short batch or continues into the next: both sizes are tried.
    """
    batch, rows, epochs = _batch(run), run.data.n_train, run.factor("n_epochs")
    if batch and rows and per_batch % batch == 0:
        left = [rows % batch, int(rows * epochs) % batch if isinstance(epochs, int | float) else 0]
        sizes = [size * (per_batch // batch) for size in left if size]
    else:
        sizes = list(range(1, per_batch))
    return next((k for k in sizes if abs(accuracy - round(accuracy * k) / k) < 1e-6), None)


def _burn_in_step(series: Settled | None, run: Run, curve: str) -> int | None:
    if series is None or not series.burn_in:
        return None
    return int(run.steps_of(curve)[series.burn_in])


def observed(run: Run, evidence: RunEvidence) -> Observed:
    """Return the input of the detectors for a run: its losses without partial batches, and related facts."""
    full = evidence.full_valid_loss
    losses = ("train_loss", "valid_loss", "full_valid_loss")
    gone = sorted({step for name in losses for step in run.nonfinite.get(name, ())})
    return Observed(
        train=evidence.curves.get("train_loss", Curve()),
        valid=evidence.curves.get("valid_loss", Curve()),
        full=evidence.curves.get("full_valid_loss", Curve()),
        full_se=full.se if full is not None and full.known else math.nan,
        nonfinite=tuple(gone),
        remaining_steps=_remaining(run),
        n_valid=run.n_valid,
        rewarded=bool({*REWARDS} & {*run.metrics}),
        per_epoch=evidence.per_epoch,
        bad_gradients=run.nonfinite.get("grad_norm", ()),
        overlap=bool(run.data.validation_set and run.data.validation_set == run.data.training_set),
    )


def _remaining(run: Run) -> int | None:
    """Return the number of steps left according to the data sizes; None if none or unknown."""
    expected = run.expected_from_data
    return expected - total_steps(run) if expected is not None and expected > total_steps(run) else None


def estimate_json(value: Estimate | None) -> dict[str, Any] | None:
    """Return an estimate in the form of the results JSON, with None for undefined numbers."""
    if value is None:
        return None
    numbers = {name: getattr(value, name) for name in ("value", "low", "high", "se", "df", "n", "n_eff", "p")}
    return {
        "definition": value.definition,
        **{k: v if math.isfinite(v) else None for k, v in numbers.items()},
        "reason": value.reason,
    }


def counted_json(value: Counted | None) -> dict[str, Any] | None:
    """Return a counted accuracy in the form of the results JSON."""
    if value is None:
        return None
    return {
        "correct": value.correct,
        "tokens": value.tokens,
        "examples": value.examples,
        "design_effect": value.deff,
        "interval": estimate_json(value.interval),
    }
