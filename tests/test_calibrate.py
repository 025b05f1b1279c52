"""The calibration in short form, and how it is shown."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from analysis.calibrate import calibrate, format_table, write
from analysis.calibrate.logs import ar_noise
from analysis.calibrate.rules import RULES, mann_kendall, newey_west, plain_t
from analysis.calibrate.simulation import CORRELATIONS, CalibrationResult, Cell
from analysis.calibrate.worlds import (
    DECIDED_LEAST,
    FALSE_LIMIT,
    MUTE_LIMIT,
    WORLDS,
    WorldResult,
    simulate,
    write_worlds,
)

SIMULATIONS = 250


@pytest.fixture(scope="module")
def result() -> CalibrationResult:
    return calibrate(simulations=SIMULATIONS, seed=1, processes=1)


def test_every_cell_is_where_it_is_wanted(result):
    """False positives, coverage, power and detectors, allowing for the noise of a short simulation."""
    assert result.failures == ()


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.ours], ids=lambda rule: rule.name)
def test_our_rules_stay_under_their_limit(result, rule):
    """At most 7% (trend at 60 points and .9: 12%, a winner between equals: 5%), within two errors."""
    cells = [c for c in result.cells if c.section == "false positives" and c.rule == rule.name]
    assert len(cells) == len(CORRELATIONS) * len(rule.lengths)
    for cell in cells:
        assert cell.high in (0.05, 0.07, 0.12)
        assert cell.rate <= cell.high + 2 * (0.05 * 0.95 / SIMULATIONS) ** 0.5


def test_naive_rules_fail_as_they_are_known_to(result):
    """The count rule always, the plain t-test at .9 in most pairs: the table would show a rule that is broken."""
    assert result.rate("false positives", "rule of thumb: oscillation count differs by > 10%", 0.0) > 0.99
    assert result.rate("false positives", "rule of thumb: final point differs by > 1%", 0.0) > 0.85
    assert result.rate("false positives", "t-test that ignores autocorrelation", 0.9) > 0.5


def test_power_on_the_reference_lengths(result):
    """A shift of .01 is found in about six pairs of ten."""
    assert result.rate("power", "window mean, shift 0.01", 0.0) >= 0.55


def test_same_seed_same_table(result):
    """Repeatable, and another seed gives other numbers."""
    again = calibrate(simulations=8, seed=3, processes=1)
    assert again == calibrate(simulations=8, seed=3, processes=1)
    assert again.cells != calibrate(simulations=8, seed=4, processes=1).cells


def test_processes_do_not_change_the_numbers():
    """Every task has its own random stream."""
    assert calibrate(simulations=10, processes=2) == calibrate(simulations=10, processes=1)


def test_table_shows_every_rule(result):
    """A reader finds each by name."""
    table = format_table(result)
    for rule in RULES:
        assert rule.name in table


def test_a_cell_out_of_bounds_is_marked():
    """The table carries the exclamation mark and counts the cell."""
    cells = tuple(Cell("false positives", "window mean", "30/30", rho, 0.3, 1000, None, 0.07) for rho in CORRELATIONS)
    detectors = tuple(
        Cell("detectors", kind, "300", rho, 1.0, 1000)
        for rho in (0.0, 0.6)
        for kind in ("false alarms", "divergence", "overfitting", "spike", "NaN")
    )
    table = format_table(CalibrationResult(cells + detectors, 1000, 0))
    assert "0.300!" in table
    assert "4 cells are not" in table


def test_csv_and_figure_are_written(result, tmp_path):
    """One line a cell, and an image."""
    path, figure = write(result, tmp_path / "new")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(result.cells)
    assert float(rows[0]["rate"]) == pytest.approx(result.cells[0].rate, abs=1e-6)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_naive_oracles_are_what_they_are_called():
    """Mann-Kendall's p agrees with Kendall's tau of scipy; plain t with its Welch test."""
    from scipy import stats

    a, b = ar_noise(np.random.default_rng(2), 2, 100, 0.3)
    tau = stats.kendalltau(np.arange(100), a, method="asymptotic").pvalue
    assert mann_kendall((a, b)) == pytest.approx(tau, rel=0.02)
    welch = stats.ttest_ind(a[-20:], b[-20:], equal_var=False).pvalue
    assert plain_t((a, b)) == pytest.approx(welch)
    assert 0 <= newey_west((a, b)) <= 1


@pytest.mark.parametrize("rho", CORRELATIONS)
def test_noise_has_the_level_spread_and_correlation_it_is_drawn_with(rho):
    """The ground truth of everything above."""
    runs = ar_noise(np.random.default_rng(3), 2000, 50, rho)
    assert runs.mean() == pytest.approx(0.3, abs=0.002)
    assert runs.std() == pytest.approx(0.025, rel=0.03)
    centred = runs - 0.3
    assert (centred[:, 1:] * centred[:, :-1]).mean() / (centred**2).mean() == pytest.approx(rho, abs=0.03)


SHORT = (
    "10 epochs, loss and accuracy of 2000",
    "30 epochs, loss alone, seed sd 0.02",
    "seeds: 3 against 3",
    "seeds: 3 against 1",
    "300 steps, exponential, AR 0.6",
    "86 against 90 % of 10,000",
    "10 % better at a level of .03",
    "10 pp worse accuracy at equal loss",
)
"""Worlds of the short form; `run-reports calibrate` goes through all of them."""


@pytest.mark.parametrize("name", SHORT)
def test_whole_reports_are_seldom_wrong_and_seldom_mute(name):
    """At most 7% false winners, no false cause, a real difference decided: at 100 reports, two errors allowed."""
    world = next(world for world in WORLDS if world.name == name)
    found = simulate(world, 100, seed=5)
    if world.n_valid is not None:
        assert found.rate("mute") < MUTE_LIMIT
    if world.right:
        assert found.rate("right") >= DECIDED_LEAST - 2 * (0.8 * 0.2 / 100) ** 0.5
    else:
        assert found.rate("false winner") <= FALSE_LIMIT + 2 * (0.05 * 0.95 / 100) ** 0.5
        assert found.rate("false cause") == 0


def test_worlds_repeat_and_have_names_of_their_own():
    """Same seed, same counts."""
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert simulate(WORLDS[0], 3, seed=1) == simulate(WORLDS[0], 3, seed=1)


def test_rates_of_worlds_are_written_as_a_table(tmp_path):
    """One line a world, its rates as shares of its reports, beside what is true there."""
    equal, different = WORLDS[0], next(world for world in WORLDS if world.right == "improved")
    results = (WorldResult(equal, 8, {"false winner": 2}), WorldResult(different, 8, {"right": 7}))
    with write_worlds(results, tmp_path / "worlds.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["true_result"], first["reports"], first["false winner"]) == ("equal", "8", "0.25")
    assert (second["world"], second["right"], second["holds"]) == (different.name, "0.875", "True")
