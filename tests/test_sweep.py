"""A sweep: a point a run, what the best may be, and what of its lead is luck; runs without a telling name."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.core.blocks import Figure, Heading, Prose, Table
from analysis.core.rich_text import plain
from analysis.core.run import Data, Run
from analysis.evidence.configurations import Configuration, lead
from analysis.evidence.seed_spread import SeedSpread, Spread
from analysis.report.plots.sweep import plot_sweep, sweep_hover
from analysis.report.sections.answer import executive_summary
from analysis.report.sections.impact import impact
from analysis.report.sections.seeds import seeds
from analysis.report.sections.summary import title
from analysis.report.sections.sweep import scene_of
from tests.builders import analyzed, run, tables

METRIC = "full_valid_mean_token_accuracy"
LEVELS = {0.0001: 0.80, 0.001: 0.90, 0.01: 0.899, 0.1: 0.70}


def swept(*, seeds: int = 3, name: str = "lr{rate}_s{seed}") -> list[Run]:
    chance = np.random.default_rng(5)
    return [
        run(
            name.format(rate=rate, seed=seed),
            {METRIC: level - 0.2 * np.exp(-np.arange(1, 9) / 2) + chance.normal(0, 0.002, 8)},
            config={"learning_rate": rate, "seed": seed},
            data=Data(n_valid=4000, validation_set="v"),
        )
        for rate, level in LEVELS.items()
        for seed in range(seeds)
    ]


def test_every_run_is_a_point_at_its_setting_and_its_level() -> None:
    a = analyzed(swept())
    scene = scene_of(a)
    assert scene is not None
    assert [factor.name for factor in scene.factors] == ["lr"]
    (ax,) = plot_sweep(scene).axes
    assert ax.get_xscale() == "log"
    drawn = sorted(
        (float(x), float(y)) for line in ax.lines[:2] for x, y in zip(*map(np.atleast_1d, line.get_data()), strict=True)
    )
    logged = sorted((float(r.config["learning_rate"]), a.evidence[r.id].window[METRIC].value) for r in a.runs)
    assert np.allclose(drawn, logged)
    means = [float(y) for y in np.atleast_1d(ax.lines[2].get_ydata())]
    assert means == pytest.approx([np.mean([y for x, y in logged if x == rate]) for rate in sorted(LEVELS)])


def test_the_seeds_stand_one_by_one_with_their_differences() -> None:
    """Each number is the level of its run, and the last column what candidate and baseline differ by."""
    a = analyzed(swept(name="run-{rate}-{seed}"))
    ((table,),) = (block.blocks for block in seeds(a))
    assert isinstance(table, Table)
    levels = {(r.config["learning_rate"], r.config["seed"]): a.evidence[r.id].window[METRIC].value for r in a.runs}
    for seed, *told, difference in ([plain(cell.text) for cell in row] for row in table.rows):
        written = dict(zip((float(column.label.split()[-1]) for column in table.columns[1:-1]), told, strict=True))
        for rate, number in written.items():
            assert float(number) == pytest.approx(100 * levels[rate, int(seed)], abs=0.006)
        rates = [a.baseline.config["learning_rate"], a.candidate.config["learning_rate"]]
        base, candidate = (levels[rate, int(seed)] for rate in rates)
        assert float(difference.replace("−", "-")) == pytest.approx(100 * (candidate - base), abs=0.006)
    assert [seeds(analyzed(swept(seeds=1)))] == [[]]


def test_the_section_says_which_values_the_best_may_have() -> None:
    blocks = impact(analyzed(swept()))
    assert isinstance(blocks[0], Heading)
    assert isinstance(blocks[1], Prose)
    told = plain(blocks[1].text)
    assert told.startswith(
        "2 configurations of 4 may be the best in full validation accuracy. They have lr 0.001 or 0.01."
    )
    (figure,) = [block for block in blocks if isinstance(block, Figure)]
    assert "lr: 0.0001 " in figure.alt
    assert len(tables(blocks)["sweep-table"].rows) == 4


def test_without_three_values_there_is_no_sweep() -> None:
    two = [r for r in swept() if r.config["learning_rate"] in (0.001, 0.01)]
    assert scene_of(analyzed(two)) is None
    together = [replace(r, config={**r.config, "width": str(r.config["learning_rate"])}) for r in swept(seeds=1)[:3]]
    assert scene_of(analyzed(together)) is None, "three runs that differ in two settings show the course of neither"


def test_values_too_close_for_their_scale_stand_in_order() -> None:
    rates = dict(zip(LEVELS, (0.0, 0.01, 0.1, 3.0), strict=True))
    runs = [replace(r, config={"decay": rates[r.config["learning_rate"]], "seed": r.config["seed"]}) for r in swept()]
    scene = scene_of(analyzed(runs))
    assert scene is not None
    (ax,) = plot_sweep(scene).axes
    assert list(ax.lines[2].get_xdata()) == [0, 1, 2, 3]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "0.01", "0.1", "3"]


@pytest.mark.parametrize("count", [3, 20])
def test_the_lead_by_luck_is_that_of_the_best_of_equal_ones(count: int) -> None:
    """By numerical integration of the largest order statistic, and by the formula of Efron and Morris."""
    chance = np.random.default_rng(count)
    values = np.sort(chance.normal(0.3, 0.01, count))
    found = [
        Configuration(str(k), (f"{k}a", f"{k}b"), "train_loss", float(v), 0.01, True) for k, v in enumerate(values)
    ]
    told = lead(found, SeedSpread({"train_loss": Spread(0.01, count, "pooled")}))
    assert told is not None
    top, _ = integrate.quad(lambda x: x * count * stats.norm.pdf(x) * stats.norm.cdf(x) ** (count - 1), -9, 9)
    error = 0.01 / math.sqrt(2)
    assert told.luck == pytest.approx(error * top, rel=1e-4)
    worth = max(0.0, 1 - error**2 / values.var(ddof=1))
    assert told.expected == pytest.approx(values.mean() + worth * (values[0] - values.mean()))
    assert told.measured
    assert lead(found[:2], SeedSpread()) is None
    assert lead(found, SeedSpread()) is None, "nobody knows how seeds scatter"


def test_a_run_with_random_digits_for_a_name_goes_by_what_sets_it_apart() -> None:
    names = {r.id: hashlib.md5(r.id.encode()).hexdigest() for r in swept()}
    a = analyzed([replace(r, id=names[r.id]) for r in swept(seeds=1)])
    (cover,) = title(a)
    assert cover.title == "Training with lr 0.1 compared with 3 other configurations"  # type: ignore[union-attr]
    table = tables(executive_summary(a))["configurations"]
    assert {plain(row[0].text) for row in table.rows} == {"lr 0.001", "lr 0.01", "lr 0.0001", "lr 0.1"}
    beneath = {plain(row[0].text): plain(row[0].minor) for row in table.rows}
    assert beneath["lr 0.001"].startswith(names["lr0.001_s0"][:8])
    told = " ".join(plain(block.text) for block in impact(a) if isinstance(block, Prose))
    assert not any(name[:8] in told for name in names.values())
    labelled = analyzed([replace(r, id=names[r.id], label=f"trial {k}") for k, r in enumerate(swept(seeds=1))])
    assert set(labelled.names.values()) == {"trial 0", "trial 1", "trial 2", "trial 3"}
    seeds = analyzed([replace(r, id=names[r.id]) for r in swept()])
    assert seeds.name(names["lr0.01_s2"]) == "lr 0.01, seed 2"


def test_the_page_shows_the_mean_of_the_nearest_value_under_the_pointer() -> None:
    scene = scene_of(analyzed(swept()))
    assert scene is not None
    (panel,) = json.loads(sweep_hover(plot_sweep(scene), scene))
    ((_, _, points),) = panel["curves"]
    assert [words for _, _, words in points] == [f"lr {rate:g}, mean of 3 runs" for rate in sorted(LEVELS)]
    assert [value for _, value, _ in points] == [float(f"{np.mean(scene.of(0, k)):.4g}") for k in range(len(LEVELS))]
    places = [x for x, _, _ in points]
    assert np.allclose(np.diff(places), np.diff(places)[0], atol=1e-3)  # decades stand equally far apart
