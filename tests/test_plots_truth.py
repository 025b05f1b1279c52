"""Figures by their data: what stands on an axis belongs to the metric that it names, and nothing is cut off."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.render.markdown import render as markdown
from analysis.report import plots
from analysis.report.sections.charts import overview_figure, scene_of, shown_metrics
from analysis.report.sections.configuration_rows import configuration_rows
from tests.builders import analyzed, run, sections

LOSSES, SHARES = 3 - np.arange(1, 41) / 40, 0.5 + np.arange(1, 41) / 100
"""Losses lie above 1 and shares below it, so that a stranger on an axis shows."""

MIXED = {
    "validation accuracy alone": {"train_loss": LOSSES, "full_valid_mean_token_accuracy": SHARES},
    "losses alone": {"train_loss": LOSSES, "full_valid_loss": LOSSES},
    "a reward beside losses": {"reward": SHARES, "valid_loss": LOSSES, "full_valid_loss": LOSSES},
    "both of each": {
        **dict.fromkeys(("train_loss", "valid_loss", "full_valid_loss"), LOSSES),
        **dict.fromkeys(("train_mean_token_accuracy", "full_valid_mean_token_accuracy"), SHARES),
    },
}


@pytest.mark.parametrize("name", MIXED)
def test_every_value_belongs_to_the_metric_that_its_axis_names(name: str) -> None:
    a = analyzed([run(run_id, MIXED[name]) for run_id in ("a", "b")])
    shown = shown_metrics(a)
    figure = plots.draw_training(plots.training_curves(a.runs, candidate="b", shown=shown))
    for ax, metric in zip(figure.get_axes(), (shown.loss, shown.accuracy, shown.loss), strict=False):
        lines = [line for line in ax.get_lines() if line.get_transform() == ax.transData]
        values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in lines])
        values = values[~np.isnan(values)]
        assert values.size
        assert ((values >= 1) == metric.endswith("loss")).all(), metric


@pytest.mark.parametrize("first", [0, 1])
def test_a_log_by_epoch_says_the_same_number_everywhere(first: int) -> None:
    """Keras counts epochs from 0 and people from 1: axis, hover, alt text, tables, first page and findings agree."""
    n = 8
    values = np.array([3.0, 2.5, 2.0, 1.5, 1.0, 1.2, 1.4, 1.6])  # best in the fifth epoch
    epochs = np.arange(first, first + n)
    logged = {"step": epochs, "epoch": epochs, "train_loss": values + 0.1, "full_valid_loss": values}
    a = analyzed([run("a", logged), run("b", {**logged, "full_valid_loss": values + 0.2})])
    rows = configuration_rows(a)
    scene, figure = scene_of(a, rows)
    assert figure.get_axes()[0].get_xlabel() == "epoch"
    drawn = figure.get_axes()[0].get_lines()[0].get_xdata()
    assert list(np.asarray(drawn)) == list(range(1, n + 1))
    assert {line.best[0] for line in scene.lines} == {5}
    assert "best at epoch 5" in plots.overview_alt(scene)
    curves = plots.training_curves(a.runs, candidate="b")
    alt = plots.training_analysis_alt(curves)
    assert "at epoch 8 (single epochs between 1.100 at 5 and 3.100 at 1)" in alt
    assert "(epoch 8)" in alt
    assert "step" not in alt
    panels = json.loads(overview_figure(a, rows).hover)
    assert [point[0] for point in panels[0]["curves"][0][2]] == list(range(1, n + 1))
    shown = "\n".join(markdown(block) for blocks in sections(a, figures=False).values() for block in blocks)
    assert "epoch 5" in shown
    assert "up to epoch 8" in shown
    assert "up to step" not in shown


def test_nothing_leaves_the_canvas_of_the_first_figure() -> None:
    """Long names and wide intervals stay inside, words and marks alike."""
    rng = np.random.default_rng(0)
    runs = [
        run(f"a-rather-long-name-of-a-run-{k}", {"full_valid_loss": 1e-3 * rng.random(6)}, config={"learning_rate": k})
        for k in (1e-5, 2e-5, 3e-5)
    ]
    for a in (analyzed(runs), analyzed(runs[:1])):
        _, figure = scene_of(a, configuration_rows(a))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        used = figure.get_tightbbox(canvas.get_renderer())
        width, height = figure.get_size_inches()
        assert min(used.x0, used.y0, width - used.x1, height - used.y1) >= -0.02
