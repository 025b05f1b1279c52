"""The command ``run-reports calibrate``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    calibrate = commands.add_parser("calibrate", help="measure the error rates of every rule by simulation")
    calibrate.add_argument(
        "--simulations", type=int, default=4000, metavar="N", help="simulations a cell (default: 4000)"
    )
    calibrate.add_argument("--quick", action="store_true", help="a tenth of the simulations, in a tenth of the time")
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--processes", type=int, default=2, metavar="N")
    calibrate.add_argument("--out", type=Path, default=Path("reports/calibration"), metavar="DIR")
    calibrate.set_defaults(run=_calibrate)


def _calibrate(options: argparse.Namespace) -> int:
    from analysis.calibrate import calibrate, format_table, write
    from analysis.calibrate.worlds import format_worlds, simulate_all, write_worlds

    simulations = max(options.simulations // 10, 1) if options.quick else options.simulations
    result = calibrate(simulations=simulations, seed=options.seed, processes=options.processes)
    print(format_table(result))
    written = write(result, options.out)
    # A whole report takes ten times as long as a rule.
    reports = max(simulations // 10, 1)
    worlds = simulate_all(reports=reports, seed=options.seed, processes=options.processes)
    print(format_worlds(worlds))
    for path in (*written, write_worlds(worlds, options.out / "worlds.csv")):
        print(path)
    return 0
