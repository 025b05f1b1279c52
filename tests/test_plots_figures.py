"""What the figures hold, checked without pixels: lines, places, colours, words."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.core.rich_text import plain, rich
from analysis.core.run import Provenance, Run, validated
from analysis.report import plots
from analysis.report.plots.theme import GRID, INK, MUTED, OTHER, PALETTE


@dataclass(frozen=True)
class Interval:
    value: float
    low: float = float("nan")
    high: float = float("nan")


def make(run_id: str, loss: Any, *, seams: tuple[int, ...] = (), **columns: Any) -> Run:
    steps = columns.pop("step", np.arange(1, len(loss) + 1))
    frame, nonfinite, _, _ = validated(pd.DataFrame({"step": steps, "train_loss": loss, **columns}), run_id)
    origin = Provenance(run_id, "made", 0, "", len(frame))
    return Run(run_id, frame, run_id, origin, nonfinite=nonfinite, seams=seams)


def noisy(n: int, *, seed: int = 0, level: float = 0.3) -> np.ndarray:
    return level + 0.02 * np.random.default_rng(seed).standard_normal(n)


def sparse(n: int, every: int, level: float) -> np.ndarray:
    return np.where(np.arange(1, n + 1) % every == 0, level, np.nan)


def full_run(run_id: str, n: int, *, seed: int) -> Run:
    return make(
        run_id,
        noisy(n, seed=seed),
        train_mean_token_accuracy=0.8 + noisy(n, seed=seed + 50) / 10,
        valid_loss=sparse(n, 10, 0.31),
        full_valid_loss=sparse(n, n // 2, 0.305),
        full_valid_mean_token_accuracy=sparse(n, n // 2, 0.85),
    )


@pytest.fixture
def three() -> list[Run]:
    return [full_run(f"run_{k}", n, seed=k) for k, n in ((2, 683), (3, 290), (4, 560))]


def words(figure: Figure) -> str:
    return "\n".join(t.get_text() for ax in figure.axes for t in ax.texts)


def strong(ax: Axes, color: str) -> Any:
    """The widest line of a colour: the smoothed curve."""
    return max((line for line in ax.lines if line.get_color() == color), key=lambda line: line.get_linewidth())


def faint(ax: Axes, color: str) -> Any:
    return next(line for line in ax.lines if line.get_color() == color and line.get_alpha())


def block(figure: Figure) -> Any:
    return plots.to_figure(figure, id="fig", name="a.png", caption=rich("c"), alt="a")


# The training analysis


def test_each_run_has_one_colour_and_line_style_in_all_panels(three: list[Run]) -> None:
    figure = plots.plot_training_analysis(three, candidate="run_4", baseline="run_3")
    colors = plots.run_colors(["run_2", "run_3", "run_4"], candidate="run_4", baseline="run_3")
    for run in three:
        drawn = [strong(figure.axes[place], colors[run.id]) for place in (0, 1, 3)]
        assert len({str(line.get_linestyle()) for line in drawn}) == 1
        assert drawn[0].get_xdata()[-1] == run.steps[-1]
    assert strong(figure.axes[2], colors["run_4"]).get_xdata().size == 560


def test_the_raw_curve_is_every_logged_step_and_is_fainter_than_the_smoothed_one(three: list[Run]) -> None:
    figure = plots.plot_training_analysis(three, candidate="run_4", baseline="run_3")
    raw, smooth = faint(figure.axes[2], PALETTE[1]), strong(figure.axes[2], PALETTE[1])
    assert raw.get_ydata().tolist() == three[2].series("train_loss").tolist()
    assert raw.get_alpha() < 0.5
    assert np.std(smooth.get_ydata()) < np.std(raw.get_ydata()) / 2


def test_validation_is_marked_where_it_was_logged_with_its_interval(three: list[Run]) -> None:
    marks = plots.Marks(intervals={"run_4": {280: (0.29, 0.32)}})
    figure = plots.plot_training_analysis(three, candidate="run_4", baseline="run_3", marks=marks)
    panel = figure.axes[2]
    circles = next(line for line in panel.lines if line.get_marker() == "o")
    diamonds = next(line for line in panel.lines if line.get_marker() == "D")
    assert circles.get_xdata().tolist() == list(range(10, 561, 10))
    assert diamonds.get_xdata().tolist() == [280, 560]
    assert [s.tolist() for s in panel.collections[0].get_segments()] == [[[280, 0.29], [280, 0.32]]]
    assert "◆ full validation, 95% interval" in words(figure)


@pytest.mark.parametrize("epochs", [12, 13, 100, 560])
def test_many_epochs_do_not_become_a_lattice(three: list[Run], epochs: int) -> None:
    """Of many epoch ends only every so many is drawn, and at least a few are."""
    ends = tuple(range(1, 561))[-epochs:]
    drawing = plots.plot_training_analysis(three, candidate="run_4", marks=plots.Marks(epoch_ends=ends))
    verticals = [line for line in drawing.axes[2].lines if len(line.get_xdata()) == 2 and len({*line.get_xdata()}) == 1]
    assert 6 <= len(verticals) <= 12


def test_epoch_ends_are_drawn_and_an_estimate_says_so(three: list[Run]) -> None:
    for estimated, sign in ((False, "step 280"), (True, "≈ step 280")):
        marks = plots.Marks(epoch_ends=(280, 560), estimated=estimated)
        figure = plots.plot_training_analysis(three, candidate="run_4", marks=marks)
        vertical = [line.get_xdata()[0] for line in figure.axes[2].lines if len(set(line.get_xdata())) == 1]
        assert vertical == [280, 560]
        assert f"epoch 1 ends\n{sign}" in words(figure)


def test_of_many_epochs_few_are_named(three: list[Run]) -> None:
    marks = plots.Marks(epoch_ends=tuple(range(28, 561, 28)))
    figure = plots.plot_training_analysis(three, candidate="run_4", marks=marks)
    named = [int(n) for n in re.findall(r"epoch (\d+) ends", words(figure))]
    assert 2 <= len(named) <= 3
    assert min(b - a for a, b in pairwise(named)) >= 6


def test_a_spike_of_a_million_steps_is_drawn_and_the_file_stays_small() -> None:
    loss = noisy(1_000_000)
    loss[765_432] = 7.0
    accuracy = 0.9 + noisy(1_000_000, seed=2) / 10
    accuracy[123_456] = 0.1
    run = make("long", loss, train_mean_token_accuracy=accuracy)
    begin = time.process_time()
    drawn = plots.plot_training_analysis([run], candidate="long")
    figure = block(drawn)
    assert time.process_time() - begin < 5
    assert faint(drawn.axes[0], PALETTE[1]).get_ydata().max() == 7.0
    assert (
        faint(drawn.axes[2], PALETTE[1]).get_xdata()[faint(drawn.axes[2], PALETTE[1]).get_ydata().argmax()] == 765_433
    )
    assert faint(drawn.axes[1], PALETTE[1]).get_ydata().min() == 0.1
    assert drawn.axes[3].lines[0].get_ydata().max() == pytest.approx((6.7 / 20**0.5), rel=0.02)
    assert len(figure.svg) < 300_000


def test_lines_do_not_cross_a_gap_or_a_seam() -> None:
    loss = noisy(300)
    loss[100:110] = np.inf
    figure = plots.plot_training_analysis([make("r", loss, seams=(200,))], candidate="r")
    for panel in (figure.axes[0], figure.axes[2], figure.axes[3]):
        curve = strong(panel, PALETTE[1])
        assert np.isnan(curve.get_ydata()).sum() == 2
    crosses = next(line for line in figure.axes[0].lines if line.get_marker() == "x")
    assert crosses.get_xdata().tolist() == list(range(101, 111))
    assert "× not a number" in words(figure)


def test_what_was_not_logged_is_said_in_words_in_its_panel() -> None:
    figure = plots.plot_training_analysis([make("r", noisy(12))], candidate="r")
    said = [[t.get_text() for t in ax.texts] for ax in figure.axes]
    assert "No run logs train accuracy." in said[1]
    assert "no validation was logged" in said[2]
    assert any("Needs 20 consecutive values" in text for text in said[3])


def test_a_run_that_lacks_a_metric_is_named_beside_those_that_have_it(three: list[Run]) -> None:
    figure = plots.plot_training_analysis([*three, make("bare", noisy(50))], candidate="run_4")
    assert "no values from bare" in figure.axes[1].texts[1].get_text()


def test_a_loss_that_explodes_gets_a_logarithmic_axis_that_says_so() -> None:
    bang = np.r_[noisy(150), 0.3 * np.exp(np.arange(150) / 15)]
    figure = plots.plot_training_analysis([make("bang", bang), make("ok", noisy(300))], candidate="bang")
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylabel() == "logarithmic axis"
    assert plots.plot_training_analysis([make("ok", noisy(300))], candidate="ok").axes[0].get_yscale() == "linear"


def test_labels_at_the_curve_ends_do_not_cover_each_other() -> None:
    runs = [make(f"run_{k}", noisy(100, seed=k)) for k in range(8)]
    figure = plots.plot_training_analysis(runs, candidate="run_7")
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text().startswith("Run ")]
    assert len(boxes) == 8
    heights = sorted((box.y0 + box.y1) / 2 for box in boxes)
    assert min(b - a for a, b in pairwise(heights)) >= 0.9 * min(box.height for box in boxes)
    assert max(box.x1 for box in boxes) < figure.axes[1].get_window_extent().x0


def test_twelve_runs_are_grey_but_for_two_and_the_rest_is_counted() -> None:
    runs = [make(f"r-{k}", noisy(60 + k, seed=k)) for k in range(12)]
    figure = plots.plot_training_analysis(runs, candidate="r-3", baseline="r-8")
    colors = [line.get_color() for line in figure.axes[0].lines if line.get_alpha()]
    assert colors.count(OTHER) == 10
    assert "grey: 10 other runs" in words(figure)


HOSTILE = "$\\frac{x}$ <script>&\n\x00\"' 名前 " + "long" * 50

EDGES: dict[str, list[Run]] = {
    "one step": [make("only", [0.5])],
    "two steps": [make("a", [0.5, 0.4]), make("b", [0.5, 0.6])],
    "constant": [make("c", np.full(100, 0.5)), make("zero", np.zeros(100))],
    "all NaN": [make("dead", np.full(30, np.inf)), make("alive", noisy(30))],
    "only NaN": [make("dead", np.full(30, np.inf))],
    "negative": [make("n", -noisy(40, level=5))],
    "huge": [make("h", 1e100 * noisy(40)), make("t", 1e-100 * noisy(40))],
    "per epoch": [make("keras", [2.3, 1.1, 0.8], valid_loss=[2.2, 1.2, 0.9])],
    "lengths": [make("short", noisy(3)), make("long", noisy(50_000))],
    "hostile": [make(HOSTILE, noisy(40)), make("$2^3$", noisy(40))],
    "many gaps": [make("g", np.where(np.arange(200) % 3 == 0, np.inf, noisy(200)))],
}


@pytest.mark.parametrize("case", EDGES)
def test_every_figure_can_be_drawn_described_and_tabulated_for_odd_logs(case: str) -> None:
    runs = EDGES[case]
    before = [run.frame.copy() for run in runs]
    ids = [run.id for run in runs]
    curves = plots.training_curves(runs, candidate=ids[-1], marks=plots.Marks(epoch_ends=(1,)))
    summaries = [plots.RunSummary(run.id, None, None, None, None, Interval(0.5), len(run.frame), None) for run in runs]
    panels = plots.comparison_panels(summaries)
    drawings = (
        plots.draw_training(curves),
        plots.plot_metrics_comparison(panels, colors=plots.run_colors(ids)),
    )
    for drawing in drawings:
        figure = block(drawing)
        ET.fromstring(figure.svg)
        assert figure.png.startswith(b"\x89PNG")
    assert plots.training_analysis_alt(curves)
    assert len(plots.training_analysis_data_table(curves, id="t").rows) == len(runs)
    assert "nan" not in plots.training_analysis_alt(curves).replace("dominant", "")
    for run, frame in zip(runs, before, strict=True):
        pd.testing.assert_frame_equal(run.frame, frame)


def test_run_names_are_never_read_as_mathematics() -> None:
    figure = block(plots.plot_training_analysis([make("a$x^2$b", noisy(30))], candidate="a$x^2$b"))
    assert "a$x^2$b" in figure.svg


# Rendering


def test_svg_and_png_are_the_same_every_time(three: list[Run]) -> None:
    one, two = (block(plots.plot_training_analysis(three, candidate="run_4")) for _ in range(2))
    assert one.svg == two.svg
    assert one.png == two.png
    assert b"Software" not in one.png
    assert "date" not in one.svg.lower()


def test_svg_text_is_exactly_the_text_of_the_figure(three: list[Run]) -> None:
    drawing = plots.plot_training_analysis(three, candidate="run_4", marks=plots.Marks(epoch_ends=(280,)))
    root = ET.fromstring(block(drawing).svg)
    found = {"".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")}
    wanted = {line for ax in drawing.axes for text in ax.texts for line in text.get_text().split("\n")}
    ticks = {t.get_text() for ax in drawing.axes if ax.axison for t in ax.get_yticklabels()}
    assert wanted <= found
    assert found <= wanted | ticks | {t.get_text() for ax in drawing.axes for t in ax.get_xticklabels()} | {"step"}


def test_svg_can_stand_inside_a_page(three: list[Run]) -> None:
    svg = block(plots.plot_training_analysis(three, candidate="run_4")).svg
    assert svg.startswith("<svg ")
    assert "<style" not in svg
    assert "<metadata" not in svg
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"#([a-z][0-9a-z]{9,})\b", svg)) == set(ids)


def test_svg_uses_only_the_agreed_colours_so_that_dark_mode_can_swap_them(three: list[Run]) -> None:
    rows = (plots.ForestRow("run_4", Interval(0.1, -0.1, 0.2), "no evidence of a difference"),)
    group = plots.ForestGroup("Loss", "lower", rows, margin=0.1)
    colors = plots.run_colors(["run_2", "run_3", "run_4"])
    panels = plots.comparison_panels([plots.RunSummary("run_4", Interval(0.5, 0.4, 0.6), 1, 2, None, None, 9, 8)])
    for drawing in (
        plots.plot_training_analysis(three, candidate="run_4", marks=plots.Marks(epoch_ends=(280,))),
        plots.plot_metrics_comparison(panels, colors=colors),
        plots.plot_forest([group], baseline="run_3", colors=colors),
    ):
        svg = block(drawing).svg
        assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= {INK, MUTED, GRID, OTHER, *PALETTE}
        assert all("fill" in style for style in re.findall(r'<text style="([^"]*)"', svg))


def test_no_setting_of_matplotlib_changes(three: list[Run]) -> None:
    before = dict(mpl.rcParams)
    block(plots.plot_training_analysis(three, candidate="run_4"))
    assert dict(mpl.rcParams) == before


# Words


def test_alt_text_holds_the_numbers_that_are_drawn(three: list[Run]) -> None:
    curves = plots.training_curves(three, candidate="run_4", baseline="run_3", marks=plots.Marks(epoch_ends=(280, 560)))
    alt = plots.training_analysis_alt(curves)
    for run in three:
        loss = run.series("train_loss")
        assert f"{loss.min():.3f} at {run.steps[loss.argmin()]}" in alt
        assert f"{loss.max():.3f} at {run.steps[loss.argmax()]}" in alt
        assert f"to {curves.loss[run.id].strong.values[-1]:.3f} at step {run.steps[-1]}" in alt
    ends = {run.id: curves.loss[run.id].strong.values[-1] for run in three}
    assert f"Run {max(ends, key=ends.__getitem__)[-1]} ends highest" in alt
    assert "epochs end at step 280 and 560" in alt
    assert "0.305 (step 280)" in alt
    assert f"mean over {curves.window} values" in plain(plots.training_analysis_caption(curves))


def test_alt_text_of_many_runs_stays_short() -> None:
    runs = [make(f"r-{k}", noisy(60, seed=k, level=1 + k)) for k in range(12)]
    alt = plots.training_analysis_alt(plots.training_curves(runs, candidate="r-3", baseline="r-8"))
    assert [k for k in range(12) if f"r-{k} from" in alt] == [0, 3, 8, 11]
    assert len(alt) < 1_200


# Bars


def summaries() -> list[plots.RunSummary]:
    return [
        plots.RunSummary("a", Interval(0.925, 0.9, 0.95), 517, 559, Interval(0.86, 0.85, 0.87), None, 560, 560),
        plots.RunSummary("b", Interval(0.928, 0.89, 0.96), 269, 290, Interval(0.862, 0.85, 0.874), None, 291, None),
        plots.RunSummary("c", None, None, None, None, None, 5, 700),
    ]


def test_bars_start_at_zero_and_points_do_not_pretend_to() -> None:
    panels = plots.comparison_panels(summaries())
    figure = plots.plot_metrics_comparison(panels, colors=plots.run_colors(["a", "b", "c"]))
    rate, train, valid, steps = figure.axes
    assert rate.get_xlim() == (0, 1)
    assert [bar.get_width() for bar in rate.patches] == [0.925, 0.928]
    assert steps.get_xlim()[0] == 0
    assert [bar.get_width() for bar in steps.patches] == [560, 291, 5]
    assert not train.patches
    assert 0.8 < train.get_xlim()[0] < 0.85
    assert "axis does not start at zero" in train.texts[1].get_text()
    assert "No run has a value." in [t.get_text() for t in valid.texts]
    assert [t.get_text() for t in rate.texts].count("not logged") == 1


def test_bars_carry_their_value_interval_count_and_expectation() -> None:
    panels = plots.comparison_panels(summaries())
    text = words(plots.plot_metrics_comparison(panels, colors=plots.run_colors(["a", "b", "c"])))
    for piece in (r"92\.50*%", r"\[90\.0*, 95\.0*\]\n517 of 559", "560", "expected 560", "expected unknown"):
        assert re.search(piece, text)
    alt = plots.metrics_comparison_alt(panels)
    assert re.search(r"a 92\.50*% \[90\.0*, 95\.0*\], 517 of 559", alt)
    assert "Minibatch validation accuracy: no run has a value" in alt
    table = plots.metrics_comparison_data_table(panels, id="t")
    assert plain(table.rows[2][1].text) == "not logged"
    assert plain(table.rows[0][1].minor).endswith("], 517 of 559")


def test_a_tick_stands_at_the_expected_steps() -> None:
    panels = plots.comparison_panels(summaries())
    steps = plots.plot_metrics_comparison(panels, colors=plots.run_colors(["a", "b", "c"])).axes[3]
    assert [line.get_xdata()[0] for line in steps.lines] == [560, 700]


# The forest


def forest() -> list[plots.ForestGroup]:
    loss = (
        plots.ForestRow("x", Interval(0.008, 0.001, 0.015), "worse", False, "batch size 32, not 64"),
        plots.ForestRow("y", Interval(-0.02, -0.03, -0.011), "better"),
    )
    rate = (plots.ForestRow("y", Interval(0.03, float("nan"), float("nan")), "cannot tell"),)
    return [
        plots.ForestGroup("Loss", "lower", loss, margin=0.01),
        plots.ForestGroup("Accuracy", "higher", rate, scale=100, unit=" pp"),
    ]


def test_the_forest_has_a_panel_a_metric_with_zero_line_margin_and_sides() -> None:
    colors = plots.run_colors(["base", "x", "y"], baseline="base")
    loss, accuracy = plots.plot_forest(forest(), baseline="base", colors=colors).axes
    band = loss.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((-0.01, 0.01))
    assert not accuracy.patches
    assert loss.lines[0].get_xdata() == [0, 0]
    assert [t.get_text() for t in loss.texts if "←" in t.get_text() or "→" in t.get_text()] == [
        "← better",
        "worse →",
    ]
    assert "better →" in [t.get_text() for t in accuracy.texts]
    whiskers = [
        line.get_xdata() for line in loss.lines if len(line.get_xdata()) == 2 and line.get_color() in colors.values()
    ]
    assert [tuple(x) for x in whiskers] == [(0.001, 0.015), (-0.03, -0.011)]
    low, high = loss.get_xlim()
    assert low < -0.03
    assert high > 0.015


def test_what_is_not_comparable_is_hollow_and_says_why_and_never_claims_a_side() -> None:
    colors = plots.run_colors(["base", "x", "y"], baseline="base")
    figure = plots.plot_forest(forest(), baseline="base", colors=colors)
    points = {line.get_color(): line for line in figure.axes[0].lines if line.get_marker() in ("o", "D")}
    assert points[colors["x"]].get_markerfacecolor() == "none"
    assert points[colors["y"]].get_markerfacecolor() == colors["y"]
    text = words(figure)
    assert "? not attributable: batch size 32, not 64" in text
    assert "▲ better" in text
    assert "worse" not in text.replace("worse →", "").replace("← worse", "")


def test_the_forest_in_words_and_as_a_table() -> None:
    alt = plots.forest_alt(forest(), baseline="base")
    assert re.search(r"y −0.020* \[−0.030*, −0.0110*\], better", alt)
    assert re.search(r"\+3\.0* pp, cannot tell", alt)
    rows = plots.forest_data_table(forest(), id="t", baseline="base").rows
    assert [plain(cell.text).rstrip("0") for cell in rows[1]] == ["Loss", "y", "−0.02", "▲ better"]


# Sparklines
