"""Figures of a report: seaborn's theme, matplotlib's artists, one colour per run."""

from analysis.report.plots.alt import (
    forest_alt,
    metrics_comparison_alt,
    training_analysis_alt,
    training_analysis_caption,
)
from analysis.report.plots.bars import Bar, MetricPanel, RunSummary, comparison_panels, plot_metrics_comparison
from analysis.report.plots.data import forest_data_table, metrics_comparison_data_table, training_analysis_data_table
from analysis.report.plots.forest import ForestGroup, ForestRow, plot_forest
from analysis.report.plots.hover import hover
from analysis.report.plots.overview import (
    Difference,
    Overview,
    configuration_line,
    overview_alt,
    overview_caption,
    overview_data_table,
    plot_overview,
)
from analysis.report.plots.render import to_figure
from analysis.report.plots.sweep import plot_sweep, sweep_alt, sweep_caption, sweep_hover
from analysis.report.plots.theme import RunStyle, run_colors, run_styles
from analysis.report.plots.thin import Trace, figure_window
from analysis.report.plots.training import (
    Marks,
    Shown,
    TrainingCurves,
    draw_training,
    plot_training_analysis,
    training_curves,
)

__all__ = [
    "Bar",
    "Difference",
    "ForestGroup",
    "ForestRow",
    "Marks",
    "MetricPanel",
    "Overview",
    "RunStyle",
    "RunSummary",
    "Shown",
    "Trace",
    "TrainingCurves",
    "comparison_panels",
    "configuration_line",
    "draw_training",
    "figure_window",
    "forest_alt",
    "forest_data_table",
    "hover",
    "metrics_comparison_alt",
    "metrics_comparison_data_table",
    "overview_alt",
    "overview_caption",
    "overview_data_table",
    "plot_forest",
    "plot_metrics_comparison",
    "plot_overview",
    "plot_sweep",
    "plot_training_analysis",
    "run_colors",
    "run_styles",
    "sweep_alt",
    "sweep_caption",
    "sweep_hover",
    "to_figure",
    "training_analysis_alt",
    "training_analysis_caption",
    "training_analysis_data_table",
    "training_curves",
]
