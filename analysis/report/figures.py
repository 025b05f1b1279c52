"""Single figures for a notebook; each draws into given or new Axes and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.core.errors import UsageError
from analysis.core.run_facts import unit_of_steps
from analysis.core.run_names import metric_name, named_among
from analysis.findings.analysis_result import Analysis
from analysis.report.plots.curves import draw_curve, end_of, finish_axes, fit_scale, metric_curve
from analysis.report.plots.forest import draw_group
from analysis.report.plots.labels import label_ends
from analysis.report.plots.theme import run_colors, run_styles, style
from analysis.report.plots.thin import figure_window
from analysis.report.sections.charts import compared_runs, forest_group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT, _ROW = 7.5, 3.4, 0.45


def curve(a: Analysis, metric: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw a metric of every run over its steps: faint as logged, strong as moving mean.

    Parameters
    ----------
    a : Analysis
        From `analysis.analyze`.
    metric : str, optional
        A standard name, as in ``a.frames.metrics``; default: the curve of the report.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Raises
    ------
    UsageError
        If no run logged the metric; the message names those that were.
    """
    wanted = metric or a.curve
    runs = [run for run in a.runs if run.series(wanted).size]
    if not runs:
        raise _unknown(wanted, dict.fromkeys(name for run in a.runs for name in run.metrics))
    base = a.baseline.id if a.baseline else None
    looks = run_styles([run.id for run in a.runs], candidate=a.candidate.id, baseline=base)
    window = figure_window(runs, wanted)
    with style(), named_among(a.names):
        axes = ax if ax is not None else _new(_HEIGHT)
        drawn = [(run, metric_curve(run, wanted, window=window)) for run in runs]
        for run, line in drawn:
            draw_curve(axes, line, style=looks[run.id], front=run.id == a.candidate.id)
        finish_axes(axes, wanted, unit_of_steps(*runs))
        fit_scale(axes, [line for _, line in drawn])
        label_ends(axes, [end_of(run, line, style=looks[run.id]) for run, line in drawn if looks[run.id].named])
        axes.set_title(metric_name(wanted))
    return axes


def differences(a: Analysis, metric: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the difference of each run to the baseline in a metric, with its 95% interval and the equivalence margin.

    Parameters
    ----------
    a : Analysis
        From `analysis.analyze`.
    metric : str, optional
        One of ``a.frames.comparisons``; default: the deciding one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default: a new figure.

    Raises
    ------
    UsageError
        If nothing was compared in the metric; the message names those with comparisons.
    """
    wanted = metric or a.deciding_metric
    group = forest_group(a, wanted, compared_runs(a))
    if group is None:
        raise _unknown(wanted, dict.fromkeys(c.metric for c in a.comparisons if c.known))
    base = a.baseline.id if a.baseline else None
    colors = run_colors([run.id for run in a.runs], candidate=a.candidate.id, baseline=base)
    with style(), named_among(a.names):
        axes = ax if ax is not None else _new(1.2 + _ROW * len(group.rows))
        draw_group(axes, group, baseline=a.name(a.reference_id), colors=colors)
    return axes


def _new(height: float) -> Axes:
    """Return the axes of a new pyplot figure, which a notebook shows by itself."""
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(_WIDTH, height), layout="constrained")[1]


def _unknown(metric: str, known: dict[str, None]) -> UsageError:
    return UsageError(f"there is no metric '{metric}' to draw; there are: {', '.join(known) or 'none'}")
