"""Simulation of every rule on noise with known parameters: how often each is wrong."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from multiprocessing import get_context

import numpy as np

from analysis import statistics as st
from analysis.calibrate.benchmark import FALSE_ALARMS_WANTED, KINDS, RHOS, WANTED, alarm_rate
from analysis.calibrate.logs import LEVEL, SD, ar_noise
from analysis.calibrate.rules import RULES, window_difference

ALPHA = 0.05
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
SHIFT = 0.01
REFERENCE_LENGTHS = (291, 560)
COVERAGE_WANTED = (0.93, 0.98)
POWER_WANTED = 0.6
LEAST_GIVEN = 0.5


@dataclass(frozen=True)
class Cell:
    """One rate of the calibration.

    ``section`` is "false positives", "coverage", "power" or "detectors"; ``low`` and ``high`` bound the required
    ``rate`` (both None: shown for contrast or information only).
    """

    section: str
    rule: str
    lengths: str
    rho: float
    rate: float
    simulations: int
    low: float | None = None
    high: float | None = None
    ours: bool = True

    @property
    def holds(self) -> bool:
        """True if the rate is in its range, with a tolerance of two standard errors of a simulated rate of 5%."""
        if self.low is None and self.high is None:
            return True
        slack = 2 * sqrt(0.05 * 0.95 / self.simulations)
        low, high = self.low or 0.0, 1.0 if self.high is None else self.high
        return bool(low - slack <= self.rate <= high + slack)


@dataclass(frozen=True)
class CalibrationResult:
    """All cells of a calibration, with the number of simulations and the seed to repeat it."""

    cells: tuple[Cell, ...]
    simulations: int
    seed: int

    @property
    def failures(self) -> tuple[Cell, ...]:
        """Cells whose rates are out of range."""
        return tuple(cell for cell in self.cells if not cell.holds)

    def rate(self, section: str, rule: str, rho: float, lengths: str | None = None) -> float:
        """Return one rate, of the first matching cell without ``lengths``; raise `KeyError` if there is none."""
        for cell in self.cells:
            if (cell.section, cell.rule, cell.rho) == (section, rule, rho) and lengths in (None, cell.lengths):
                return cell.rate
        raise KeyError((section, rule, rho, lengths))


_Task = tuple[str, float, int, int, tuple[int, ...]]


def calibrate(*, simulations: int = 4_000, seed: int = 0, processes: int = 2) -> CalibrationResult:
    """Run the calibration of every rule and detector.

    Parameters
    ----------
    simulations : int
        Number of runs (or pairs of runs) per cell; 4,000 take a few minutes on two cores.
    seed : int
        Seed of the random numbers; the results do not depend on the number of processes.
    processes : int
        Number of worker processes; 1 runs everything in this process.
    """
    tasks: list[_Task] = [
        (kind, rho, simulations, seed, (number, int(10 * rho)))
        for number, kind in enumerate(_SECTIONS)
        for rho in (RHOS if kind == "detectors" else CORRELATIONS)
    ]
    if processes == 1:
        parts = [_work(task) for task in tasks]
    else:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(_work, tasks))
    order = list(_SECTIONS)
    cells = [cell for part in parts for cell in part]
    return CalibrationResult(tuple(sorted(cells, key=lambda cell: order.index(cell.section))), simulations, seed)


def _work(task: _Task) -> list[Cell]:
    section, rho, simulations, seed, key = task
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    return _SECTIONS[section](rho, simulations, rng)


def _false_positives(rho: float, simulations: int, rng: np.random.Generator) -> list[Cell]:
    lengths = sorted({pair for rule in RULES for pair in rule.lengths})
    runs = {pair: [ar_noise(rng, simulations, n, rho) for n in pair] for pair in lengths}
    cells = []
    for rule in RULES:
        for at in rule.lengths:
            rate = sum(rule.p(pair) < ALPHA for pair in zip(*runs[at], strict=True)) / simulations
            high = rule.wanted(at, rho)
            cells.append(
                Cell("false positives", rule.name, rule.label(at), rho, rate, simulations, None, high, rule.ours)
            )
    return cells


def _coverage(rho: float, simulations: int, rng: np.random.Generator) -> list[Cell]:
    """Return the share of intervals that contain the true value, among estimates that have an interval."""
    cells = []
    for n in REFERENCE_LENGTHS:
        runs = [st.settle(x) for x in ar_noise(rng, simulations, n, rho)]
        for name, truth, interval in (
            ("window mean", LEVEL, st.window_mean),
            ("trend", 0.0, st.trend),
            ("noise", SD, st.noise),
        ):
            given = [e for e in map(interval, runs) if e.known]
            held = sum(e.low <= truth <= e.high for e in given)
            at = f"{n}"
            low, high = COVERAGE_WANTED if len(given) >= LEAST_GIVEN * simulations else (None, None)
            cells.append(Cell("coverage", name, at, rho, held / max(len(given), 1), len(given) or 1, low, high))
            cells.append(Cell("coverage", f"{name}: share given", at, rho, len(given) / simulations, simulations))
    return cells


def _power(rho: float, simulations: int, rng: np.random.Generator) -> list[Cell]:
    first, second = (ar_noise(rng, simulations, n, rho) for n in REFERENCE_LENGTHS)
    pairs = zip(first, second + SHIFT, strict=True)
    rate = sum(window_difference(pair) < ALPHA for pair in pairs) / simulations
    low = POWER_WANTED if rho == 0 else None
    n1, n2 = REFERENCE_LENGTHS
    return [Cell("power", f"window mean, shift {SHIFT}", f"{n1}/{n2}", rho, rate, simulations, low)]


def _detectors(rho: float, simulations: int, rng: np.random.Generator) -> list[Cell]:
    rate = alarm_rate(None, rho, runs=simulations, rng=rng)
    cells = [Cell("detectors", "false alarms", "300", rho, rate, simulations, None, FALSE_ALARMS_WANTED)]
    half = max(simulations // 2, 1)
    for kind in KINDS:
        rate = alarm_rate(kind, rho, runs=half, rng=rng)
        cells.append(Cell("detectors", kind, "300", rho, rate, half, WANTED[kind]))
    return cells


_SECTIONS: dict[str, Callable[[float, int, np.random.Generator], list[Cell]]] = {
    "false positives": _false_positives,
    "coverage": _coverage,
    "power": _power,
    "detectors": _detectors,
}
