"""The training analysis figure: losses, accuracies and noise of all runs over steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.core.metrics import METRICS
from analysis.core.number_format import count, listed
from analysis.core.run import Run
from analysis.core.run_facts import unit_of_steps
from analysis.core.run_names import metric_name, metric_words
from analysis.heuristics.formulas import VOLATILITY_WINDOW
from analysis.report.plots.curves import (
    Curve,
    draw_curve,
    draw_full_validation,
    draw_nonfinite,
    draw_points,
    end_of,
    finish_axes,
    fit_scale,
    metric_curve,
    volatility_curve,
)
from analysis.report.plots.labels import End, label_ends
from analysis.report.plots.theme import (
    MUTED,
    SMALL,
    Margins,
    RunStyle,
    columns,
    new_panels,
    run_styles,
    say,
    short_name,
    short_number,
    style,
    title,
)
from analysis.report.plots.thin import figure_window

_LABEL_ROOM = 0.3  # share of the panel's width for the label of an epoch's end
_MOST_EPOCHS = 12  # epoch ends drawn


@dataclass(frozen=True)
class Shown:
    """Metrics that the panels show; ``accuracy`` is any metric to show beside the loss."""

    loss: str = "train_loss"
    accuracy: str = "train_mean_token_accuracy"
    valid: str = "valid_loss"
    full_valid: str = "full_valid_loss"


@dataclass(frozen=True)
class Marks:
    """Marks in the figure that are not logged values.

    Attributes
    ----------
    epoch_ends : tuple[int, ...]
        Last step of each of the candidate's epochs.
    estimated : bool
        True if the epoch ends were computed, not logged.
    intervals : Mapping[str, Mapping[int, tuple[float, float]]]
        Run ID -> step -> (low, high) of a full validation loss.
    """

    epoch_ends: tuple[int, ...] = ()
    estimated: bool = False
    intervals: Mapping[str, Mapping[int, tuple[float, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingCurves:
    """Everything the figure shows, computed once for the drawing, its alt text and its table.

    ``loss``, ``accuracy`` and ``volatility`` have the runs with data, by ID, in the order of the report.
    """

    runs: Sequence[Run]
    styles: Mapping[str, RunStyle]
    candidate: str
    baseline: str | None
    marks: Marks
    shown: Shown
    window: int
    loss: Mapping[str, Curve]
    accuracy: Mapping[str, Curve]
    volatility: Mapping[str, Curve]

    @property
    def unit(self) -> str:
        """Unit of the horizontal axes: step or epoch."""
        return unit_of_steps(*self.runs)


def training_curves(
    runs: Sequence[Run],
    *,
    candidate: str,
    baseline: str | None = None,
    marks: Marks | None = None,
    shown: Shown | None = None,
) -> TrainingCurves:
    """Return the smoothed and thinned curves of `plot_training_analysis`, which explains the parameters."""
    shown = shown or Shown()
    window = figure_window(runs, shown.loss)

    def of_all(prepare: Callable[..., Curve], metric: str) -> dict[str, Curve]:
        prepared = {run.id: prepare(run, metric, window=window) for run in runs}
        return {run: curve for run, curve in prepared.items() if not curve.strong.empty}

    return TrainingCurves(
        runs=runs,
        styles=run_styles([run.id for run in runs], candidate=candidate, baseline=baseline),
        candidate=candidate,
        baseline=baseline,
        marks=marks or Marks(),
        shown=shown,
        window=window,
        loss=of_all(metric_curve, shown.loss),
        accuracy=of_all(metric_curve, shown.accuracy),
        volatility=of_all(volatility_curve, shown.loss),
    )


def plot_training_analysis(
    runs: Sequence[Run],
    *,
    candidate: str,
    baseline: str | None = None,
    marks: Marks | None = None,
    shown: Shown | None = None,
) -> Figure:
    """Return the figure ``training_analysis_visualization.png``: loss, accuracy, the candidate's curve, volatility.

    Parameters
    ----------
    runs : sequence of Run
        At least one, in the order of the report.
    candidate, baseline : str
        Run IDs; they determine the colours, and only these two are named if there are more than eight runs.
    marks : Marks, optional
        Epoch ends of the candidate and intervals of full validation.
    shown : Shown, optional
        Metrics to draw.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels; one without data says so in words.
    """
    curves = training_curves(runs, candidate=candidate, baseline=baseline, marks=marks, shown=shown)
    return draw_training(curves)


def draw_training(curves: TrainingCurves) -> Figure:
    """Return the figure of prepared curves."""
    shown = curves.shown
    with style():
        figure, panels = new_panels(2, 2, size=(9.2, 5.8), margins=_margins(curves))
        _all_runs(panels[0], curves, curves.loss, metric=shown.loss)
        _all_runs(panels[1], curves, curves.accuracy, metric=shown.accuracy)
        _candidate(panels[2], curves)
        _volatility(panels[3], curves)
    return figure


def _margins(scene: TrainingCurves) -> Margins:
    named = [short_name(run) for run, look in scene.styles.items() if look.named]
    return Margins(right=0.32 + 0.075 * max(map(columns, named)), top=0.66)


def _all_runs(ax: Axes, scene: TrainingCurves, curves: Mapping[str, Curve], *, metric: str) -> None:
    name, full = metric_label(metric), beside(metric)["full"]
    if not curves:
        title(ax, name)
        say(ax, f"No run logs {metric_words(metric)}.")
        return
    ends: list[End] = []
    marked = 0
    for run in scene.runs:
        if run.id not in curves:
            continue
        look, curve = scene.styles[run.id], curves[run.id]
        draw_curve(ax, curve, style=look, front=run.id == scene.candidate)
        draw_nonfinite(ax, run, metric, style=look)
        if look.named:
            known = scene.marks.intervals.get(run.id, {}) if full == scene.shown.full_valid else {}
            marked += draw_full_validation(ax, run, full, style=look, intervals=known)
            ends.append(end_of(run, curve, style=look))
    note = _absent(_reading(scene, metric, marked=marked), scene, curves, "no values from")
    title(ax, f"{name}, all runs" if len(scene.runs) > 1 else name, note=note)
    finish_axes(ax, metric, scene.unit)
    fit_scale(ax, curves.values())
    label_ends(ax, ends)


_BESIDE = {
    "train_loss": {"minibatch": "valid_loss", "full": "full_valid_loss"},
    "valid_loss": {"minibatch": "", "full": "full_valid_loss"},
    "train_mean_token_accuracy": {"minibatch": "valid_mean_token_accuracy", "full": "full_valid_mean_token_accuracy"},
    "valid_mean_token_accuracy": {"minibatch": "", "full": "full_valid_mean_token_accuracy"},
}


def beside(metric: str) -> Mapping[str, str]:
    """Return the metrics to mark on the axis of a metric: the same quantity on minibatches and on the full set.

    Examples
    --------
    >>> beside("train_loss")["full"], beside("reward")["full"]
    ('full_valid_loss', '')
    """
    return _BESIDE.get(metric, {"minibatch": "", "full": ""})


def _reading(scene: TrainingCurves, metric: str, *, marked: int) -> str:
    parts = [
        f"each {scene.unit} as logged"
        if scene.window < 2
        else f"faint: each {scene.unit} · strong: mean of {scene.window:,}"
    ]
    if marked:
        parts.append("◆ full validation")
    if any(run.nonfinite.get(metric) for run in scene.runs):
        parts.append("× not a number")
    grey = sum(not look.named for look in scene.styles.values())
    if grey:
        parts.append(f"grey: {count(grey, 'other run')}")
    return " · ".join(parts)


def _absent(note: str, scene: TrainingCurves, curves: Mapping[str, Curve], words: str) -> str:
    absent = [short_name(run.id) for run in scene.runs if run.id not in curves]
    if not absent:
        return note
    return f"{note}\n{words} {listed(absent) if len(absent) < 3 else count(len(absent), 'run')}"


def _candidate(ax: Axes, scene: TrainingCurves) -> None:
    run = next(run for run in scene.runs if run.id == scene.candidate)
    look, shown, marks = scene.styles[run.id], scene.shown, scene.marks
    name = metric_words(shown.loss)
    validates = shown.loss in METRICS and METRICS[shown.loss].split.endswith("validation")
    marked = not validates and any(beside(shown.loss).values())
    head = f"{short_name(run.id)}: {name}" + (" and validation" if marked else "")
    if run.id not in scene.loss:
        title(ax, head)
        say(ax, f"{short_name(run.id)} logs no {name}.")
        return
    curve = scene.loss[run.id]
    draw_curve(ax, curve, style=look, front=True)
    draw_nonfinite(ax, run, shown.loss, style=look)
    keys = []
    if draw_points(ax, run, beside(shown.loss)["minibatch"]):
        keys.append("○ minibatch validation")
    known = marks.intervals.get(run.id, {})
    if draw_full_validation(ax, run, beside(shown.loss)["full"], style=look, intervals=known):
        keys.append("◆ full validation, 95% interval" if known else "◆ full validation")
    title(ax, head, note=" · ".join(keys) or ("no validation was logged" if marked else "as logged"))
    finish_axes(ax, shown.loss, scene.unit)
    fit_scale(ax, [curve])
    if not run.counts_epochs:
        _epochs(ax, marks)


def _epochs(ax: Axes, marks: Marks) -> None:
    """Draw epoch boundaries, at most a dozen, with labels at the top if there is room."""
    left, right = ax.get_xlim()
    named = left
    every = -(-len(marks.epoch_ends) // _MOST_EPOCHS)
    for number, end in enumerate(marks.epoch_ends, start=1):
        if number % every:
            continue
        ax.axvline(end, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
        if end - named < _LABEL_ROOM * (right - left):
            continue
        named = end
        ax.annotate(
            f"epoch {number} ends\n{'≈ ' if marks.estimated else ''}step {short_number(end)}",
            (end, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3, -1),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=SMALL - 1,
            color=MUTED,
        )


def _volatility(ax: Axes, scene: TrainingCurves) -> None:
    name = metric_words(scene.shown.loss)
    head, curves = f"Volatility of {name}", scene.volatility
    if not curves:
        title(ax, head)
        say(ax, f"Needs {VOLATILITY_WINDOW} consecutive values of {name};\nno run has as many.")
        return
    ends: list[End] = []
    for run in scene.runs:
        if run.id in curves:
            look = scene.styles[run.id]
            draw_curve(ax, curves[run.id], style=look, front=run.id == scene.candidate)
            if look.named:
                ends.append(end_of(run, curves[run.id], style=look))
    note = f"standard deviation over {VOLATILITY_WINDOW} {scene.unit}s, rolling"
    title(ax, head, note=_absent(note, scene, curves, f"fewer than {VOLATILITY_WINDOW} values:"))
    finish_axes(ax, scene.shown.loss, scene.unit)
    if not fit_scale(ax, curves.values()):
        ax.set_ylim(bottom=0)
    label_ends(ax, ends)


def metric_label(metric: str) -> str:
    """Return the name of a metric for places with little room."""
    return short_name(metric_name(metric), width=40)
