"""Whole analyses of simulated logs: how often their claims are wrong, and how often they find a true difference."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from analysis.calibrate.logs import CURVES, epoch_log, make_run, step_log
from analysis.core.parameters import check_parameters
from analysis.core.run import Run
from analysis.core.settings import Settings
from analysis.findings.analysis_result import Analysis
from analysis.pipeline import analyze_runs
from analysis.statistics.estimate import FloatArray

Log = Callable[[np.random.Generator], dict[str, FloatArray]]

WINNERS = ("improved", "regressed", "mixed")
CAUSES = ("attribution", "stability.cause")
"""Rules that claim an effect of a factor."""
DIFFERENCES = (*CAUSES, "performance.final_validation", "performance.primary", "seeds.improvement", "ranking.first")
"""Rules whose claims are false if both sides are equal."""
FALSE_LIMIT = 0.07
LOST_LIMIT = 0.05
MUTE_LIMIT = 0.10
DECIDED_LEAST = 0.80


@dataclass(frozen=True)
class World:
    """A simulated comparison of a baseline with a candidate; ``right`` is the true result, empty for equal sides.

    ``seeds`` are the numbers of runs of the two sides, ``shared_sd`` is the standard deviation of the noise that
    ``paired`` seeds share, relative to the loss, ``unrelated`` the number of further configurations with one run each.
    """

    name: str
    baseline: Log
    candidate: Log
    right: str = ""
    seeds: tuple[int, int] = (1, 1)
    n_valid: int | None = None
    paired: bool = False
    shared_sd: float = 0.0
    unrelated: int = 0

    def runs(self, rng: np.random.Generator) -> list[Run]:
        """Simulate the runs, unrelated ones last; every side states another learning rate.

        Paired seeds have the same seed numbers on both sides and share the factor of `shared_sd`.
        """
        starts = rng.integers(2**32, size=max(self.seeds))
        sides = [("a", self.baseline, 1e-3, self.seeds[0]), ("b", self.candidate, 2e-3, self.seeds[1])]
        sides += [(f"c{k}_", self.baseline, 3e-3 + k * 1e-3, 1) for k in range(self.unrelated)]
        return [
            make_run(
                f"{side}{k}",
                self._log(log, rng, starts[k]),
                rate=rate,
                seed=k if self.paired else 100 * number + k,
                n_valid=self.n_valid,
            )
            for number, (side, log, rate, seeds) in enumerate(sides)
            for k in range(seeds)
        ]

    def _log(self, log: Log, rng: np.random.Generator, start: int) -> dict[str, FloatArray]:
        """Simulate a log; paired seeds multiply their losses by a shared factor."""
        columns = log(rng)
        if not self.paired:
            return columns
        shared = 1 + self.shared_sd * np.random.default_rng(start).standard_normal()
        return {name: values * shared if name.endswith("loss") else values for name, values in columns.items()}


@dataclass(frozen=True)
class WorldResult:
    """Outcomes counted over the simulated reports of one world."""

    world: World
    reports: int
    counts: Mapping[str, int]

    def rate(self, what: str) -> float:
        """Return the share of the reports with the outcome ``what``, one of those of `observe`."""
        return self.counts.get(what, 0) / self.reports

    @property
    def holds(self) -> bool:
        """True if every rate is within its limit."""
        heard = self.world.n_valid is None or self.rate("mute") < MUTE_LIMIT
        heard = heard and self.rate("best lost") <= LOST_LIMIT
        if self.world.right:
            return heard and self.rate("right") >= DECIDED_LEAST
        errors = ("false winner", "false stability", "false claim")
        return heard and all(self.rate(e) <= FALSE_LIMIT for e in errors) and not self.counts.get("false cause")


def _equal(name: str, log: Log, **fields: Any) -> World:
    return World(name, log, log, **fields)


def _worlds() -> tuple[World, ...]:
    found = []
    for rows in (3, 10, 30, 100, 200):
        for n in (200, 2_000, 10_000):
            both = partial(epoch_log, rows=rows, n=n)
            found.append(_equal(f"{rows} epochs, loss and accuracy of {n}", both, n_valid=n))
        found.append(_equal(f"{rows} epochs, n_valid unknown", partial(epoch_log, rows=rows)))
        for sd in (0.01, 0.02, 0.04):
            alone = partial(epoch_log, rows=rows, seed_sd=sd, metrics=("loss",))
            found.append(_equal(f"{rows} epochs, loss alone, seed sd {sd}", alone, n_valid=2_000))
        scattered = partial(epoch_log, rows=rows, scatter=0.3)
        found.append(_equal(f"{rows} epochs that scatter", scattered, n_valid=2_000))
    thirty = partial(epoch_log, rows=30)
    for seeds in ((3, 1), (5, 1), (10, 1), (1, 5), (2, 2), (3, 3), (5, 5)):
        found.append(_equal(f"seeds: {seeds[0]} against {seeds[1]}", thirty, n_valid=2_000, seeds=seeds))
    for rho in (0.0, 0.3, 0.6, 0.9):
        found += [
            _equal(f"300 steps, {curve}, AR {rho}", partial(step_log, rows=300, rho=rho, curve=curve))
            for curve in CURVES
        ]
    found += [_equal(f"300 steps, EMA {w}", partial(step_log, rows=300, smoothing=w)) for w in (0.9, 0.98)]
    steps, means = partial(step_log, rows=300), partial(step_log, rows=30, mean_of=10)
    found += [
        _equal("means of 10 steps", means),
        World("every step against means of 10", steps, means),
        World("twice as long", steps, partial(step_log, rows=600)),
        _equal("running means of epochs of 30 steps", partial(step_log, rows=300, epoch=30)),
        _equal("300 steps, t3 noise", partial(step_log, rows=300, heavy=True)),
    ]
    curve = partial(step_log, rows=1_000, curve="exponential")
    for w in (3, 5):
        found.append(_equal(f"{w} paired seeds", thirty, n_valid=2_000, seeds=(w, w), paired=True, shared_sd=0.03))
    found += [
        _equal("sweep of 20 equal runs", thirty, n_valid=2_000, unrelated=18),
        _equal("sweep of 20 equal runs of 300 steps", steps, unrelated=18),
    ]
    ten = partial(epoch_log, rows=30, n=10_000)
    healthy = partial(epoch_log, metrics=("loss",))
    alone = partial(healthy, rows=30)
    diverging = partial(healthy, rows=10, rise=0.5)
    overfitting = partial(healthy, rows=24, rise=0.04)
    return (
        *found,
        World(
            "86 against 90 % of 10,000", partial(ten, error=0.14), partial(ten, error=0.10), "improved", n_valid=10_000
        ),
        World(
            "three standard errors of 10,000", ten, partial(ten, error=0.12 - 3 * 0.0045), "improved", n_valid=10_000
        ),
        World("loss alone 10 % lower, 3 seeds a side", alone, partial(alone, loss=0.315), "improved", (3, 3), 2_000),
        World(
            "loss 10 % lower at equal accuracy, 3 seeds", thirty, partial(thirty, loss=0.315), "improved", (3, 3), 2_000
        ),
        World("5 % lower on 1,000 decaying rows", curve, partial(curve, level=0.285), "improved"),
        *(
            World(f"5 % lower beside {k} unrelated runs", steps, partial(steps, level=0.285), "improved", unrelated=k)
            for k in (4, 18)
        ),
        World(
            "10 % better at a level of .03",
            partial(steps, level=0.03, sd=0.0025),
            partial(steps, level=0.027, sd=0.0025),
            "improved",
        ),
        World("diverging in 10 epochs", partial(healthy, rows=10), diverging, "regressed", n_valid=2_000),
        World("12 evaluations in a row rising", partial(healthy, rows=24), overfitting, "regressed", n_valid=2_000),
        World("10 pp worse accuracy at equal loss", thirty, partial(thirty, error=0.22), "regressed", n_valid=2_000),
    )


WORLDS = _worlds()


def observe(world: World, found: Analysis) -> set[str]:
    """Return the outcomes of one report, such as ``right`` or ``false winner``.

    ``best lost`` is judged by the candidate: it is the best configuration unless it regressed, or equal to all others.
    """
    result = found.verdict.result
    claimed = {f.rule for f in found.findings if f.claim and f.status == "supported"}
    seen = {
        "mute": result == "insufficient data",
        "right": result == world.right,
        "models": found.verdict.scope == "models",
        "configurations": found.verdict.scope == "configurations",
        "wrong": bool(world.right) and result in WINNERS and result != world.right,
        "false winner": not world.right and result in WINNERS,
        "false stability": not world.right and result == "stability-only change",
        "false cause": not world.right and bool(claimed & {*CAUSES}),
        "best lost": world.right != "regressed"
        and any("b0" in c.runs and not c.may_be_best for c in found.configurations),
        "false claim": not world.right and bool(claimed & {*DIFFERENCES}),
    }
    return {name for name, holds in seen.items() if holds}


def simulate(world: World, reports: int, seed: int) -> WorldResult:
    """Simulate and analyze a world ``reports`` times; the counts depend on ``seed`` alone."""
    rng = np.random.default_rng([seed, *world.name.encode()])
    counts: Counter[str] = Counter()
    for _ in range(reports):
        runs = world.runs(rng)
        request = check_parameters(
            {"run_ids": [run.id for run in runs], "baseline": "a0", "candidate": "b0", "date": "2025-09-11"}
        )
        found = analyze_runs(runs, request, Settings.from_mapping(request.settings))
        counts.update(observe(world, found))
    return WorldResult(world, reports, counts)


def simulate_all(
    *, reports: int = 400, seed: int = 0, processes: int = 2, worlds: Sequence[World] = WORLDS
) -> tuple[WorldResult, ...]:
    """Simulate worlds in parallel processes; return their results in the order of ``worlds``."""
    work = partial(simulate, reports=reports, seed=seed)
    if processes == 1:
        return tuple(map(work, worlds))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(work, worlds))


EQUAL_RATES = ("false winner", "false stability", "false cause", "false claim", "best lost", "mute", "models")
DIFFERENT_RATES = ("right", "wrong", "best lost", "mute", "models", "configurations")


def format_worlds(results: Sequence[WorldResult]) -> str:
    """Return two text tables: error rates for equal runs, and how often true differences are found."""
    lines = []
    for title, different, columns in (("equal runs", False, EQUAL_RATES), ("different runs", True, DIFFERENT_RATES)):
        lines.append(f"{title:<44}" + "".join(f"{column:>16}" for column in columns))
        for result in results:
            if bool(result.world.right) == different:
                rates = "".join(f"{result.rate(column):>16.3f}" for column in columns)
                lines.append(f"{result.world.name:<44}{rates}{'' if result.holds else '!'}")
        lines.append("")
    return "\n".join(lines)


def write_worlds(results: Sequence[WorldResult], path: Path) -> Path:
    """Write one CSV line per world: its true result, the number of reports, and every rate as a share of them."""
    rates = tuple(dict.fromkeys(EQUAL_RATES + DIFFERENT_RATES))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("world", "true_result", "reports", *rates, "holds"))
        for result in results:
            shares = (round(result.rate(rate), 6) for rate in rates)
            writer.writerow((result.world.name, result.world.right or "equal", result.reports, *shares, result.holds))
    return path
