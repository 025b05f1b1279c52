"""The command ``run-reports decide CANDIDATE --against BASELINE --ledger FILE``."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from analysis.cli.check import add_comparison, given, one_baseline, write


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    decide = commands.add_parser(
        "decide", help="keep a candidate, discard it or run more seeds, within one error budget"
    )
    add_comparison(decide)
    decide.add_argument("--ledger", required=True, metavar="FILE", help="JSON lines of all decisions; made if missing")
    decide.add_argument(
        "--max-seeds", type=int, metavar="K", help="ask for at most so many seeds of each configuration (default: 5)"
    )
    decide.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="write the decision as JSON (default: stdout)"
    )
    decide.set_defaults(run=_decide)


def _decide(options: argparse.Namespace) -> int:
    from analysis.publish.decide import MOST_SEEDS, decide
    from analysis.render.visible_text import legible

    decision = decide(
        options.candidate,
        one_baseline(options),
        Path(options.ledger),
        others=options.others,
        most_seeds=MOST_SEEDS if options.max_seeds is None else options.max_seeds,
        trust_unstated=options.trust_unstated,
        parameters=given(options),
    )
    write(options.json, json.dumps(dataclasses.asdict(decision), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    if options.json != "-":
        print(legible(f"{decision.decision}: {decision.reason}"))
    return 0
