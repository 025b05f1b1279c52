"""The command line: ``python -m analysis report run_2 run_3 run_4``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from analysis.commands import batch, calibrate, check, report, runs, watch
from analysis.errors import AnalysisError

USAGE, CRASH = 2, 1
"""Exit statuses of bad input and of a failure that is not the user's."""

COMMANDS = (report.add, watch.add, runs.add, batch.add, check.add, calibrate.add)
"""What adds each command, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status: 0 done, 2 bad input (one line on stderr), 1 failure."""
    from analysis.publish import ReportFailed

    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except ReportFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return CRASH
    except BrokenPipeError:  # whoever read our output has enough of it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except KeyboardInterrupt:
        print("interrupted; the earlier report, if there was one, is untouched", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Compare training runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
