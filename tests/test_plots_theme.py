"""Every run is told apart in every figure, by anyone, on light and dark pages."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest

from analysis.report.plots import run_colors
from analysis.report.plots.labels import dodge
from analysis.report.plots.theme import (
    INK,
    MUTED,
    OTHER,
    PALETTE,
    printable,
    run_styles,
    short_name,
    short_number,
    style,
)

# Machado, Oliveira and Fernandes (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(color: str) -> np.ndarray:
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(color) @ [0.2126, 0.7152, 0.0722]) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = matrix @ rgb.clip(0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("color", [*PALETTE, OTHER])
@pytest.mark.parametrize("ground", ["#ffffff", "#14171f"])
def test_series_colours_stand_out_on_light_and_dark_pages(color: str, ground: str) -> None:
    assert contrast(color, ground) >= 3.0


def test_text_colours_are_readable_on_white() -> None:
    assert contrast(INK, "#ffffff") >= 7.0
    assert contrast(MUTED, "#ffffff") >= 4.5


@pytest.mark.parametrize("kind", BLINDNESS)
def test_all_eight_colours_differ_for_every_kind_of_colour_vision(kind: str) -> None:
    seen = [lab(BLINDNESS[kind] @ linear(color)) for color in PALETTE]
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 12.0  # CIE76; 2.3 is just noticeable


def test_no_two_of_eight_runs_share_colour_line_style_or_marker() -> None:
    styles = run_styles([f"r{i}" for i in range(8)]).values()
    for part in ("color", "dash", "marker"):
        assert len({str(getattr(look, part)) for look in styles}) == 8


def test_candidate_and_baseline_keep_their_colours_whatever_else_is_compared() -> None:
    for runs in (["a", "b"], ["b", "a"], ["c", "b", "d", "a"], [*"bcdefghijkla"]):
        colors = run_colors(runs, candidate="a", baseline="b")
        assert (colors["b"], colors["a"]) == PALETTE[:2]
        assert list(colors) == runs


def test_beyond_eight_runs_all_but_candidate_and_baseline_are_grey() -> None:
    runs = [f"r{i}" for i in range(12)]
    styles = run_styles(runs, candidate="r5", baseline="r2")
    assert {run for run, look in styles.items() if look.color != OTHER} == {"r2", "r5"}
    assert {run for run, look in styles.items() if look.named} == {"r2", "r5"}


def test_a_single_run_and_a_baseline_that_is_not_shown_are_no_problem() -> None:
    assert run_colors(["only"]) == {"only": PALETTE[1]}
    assert run_colors(["x", "y"], candidate="y", baseline="elsewhere") == {"x": PALETTE[2], "y": PALETTE[1]}


def test_names_are_printable_and_short_and_keep_both_their_ends() -> None:
    assert printable("a\nb\x00c\u202e") == "a b c"
    name = short_name("sweep-lr-0.0001-" + "x" * 300 + "-seed-17")
    assert len(name) == 18
    assert name.startswith("sweep")
    assert name.endswith("seed-17")


def test_counts_on_axes_are_short() -> None:
    assert [short_number(x) for x in (0, 0.5, 9_999, 10_000, 1e6, 2.5e9)] == [
        "0",
        "0.5",
        "9,999",
        "10 k",
        "1 M",
        "2.5 G",
    ]


def test_the_theme_leaves_no_setting_behind() -> None:
    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["text.color"] == INK
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("seed", range(20))
def test_dodged_labels_keep_their_order_their_distance_and_their_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = rng.choice([0.3, 0.31, 0.5, 0.99, 1.2], size=rng.integers(1, 9)) + rng.normal(scale=0.01)
    placed = dodge(wanted, gap=0.08, low=0.0, high=1.0)
    order = np.argsort(wanted, kind="stable")
    gap = min(0.08, 1 / max(wanted.size - 1, 1))
    assert (np.diff(placed[order]) >= gap - 1e-9).all()
    assert placed.min() >= -1e-9
    assert placed.max() <= 1 + 1e-9


def test_labels_that_do_not_touch_stay_where_they_are() -> None:
    wanted = np.array([0.9, 0.1, 0.5])
    assert dodge(wanted, gap=0.1, low=0.0, high=1.0).tolist() == wanted.tolist()


def test_a_matplotlibrc_that_lies_about_has_no_say() -> None:
    """Else a figure would depend on where it is made, and fail where somebody sets text by LaTeX."""
    with style():
        ours = dict(mpl.rcParams)
    with mpl.rc_context({"text.usetex": True, "font.size": 30, "axes.grid": True, "savefig.bbox": "tight"}), style():
        assert dict(mpl.rcParams) == ours
