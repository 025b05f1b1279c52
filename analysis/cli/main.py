"""The command line: ``run-reports report run_2 run_3 run_4``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from analysis.cli import batch, calibrate, check, decide, export, report, runs, template, watch
from analysis.core.errors import AnalysisError

USAGE, CRASH = 2, 1
"""Exit statuses of bad input and of a failure that is not the user's."""

TRACEBACK = "RUN_REPORTS_TRACEBACK"
"""Environment variable: if set, a crash shows its traceback instead of a line."""

COMMANDS = (
    report.add,
    watch.add,
    runs.add,
    batch.add,
    check.add,
    decide.add,
    template.add,
    export.add,
    calibrate.add,
)
"""What adds each command, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status: 0 done, 2 bad input (one line on stderr), 1 failure."""
    from analysis.publish.publisher import ReportFailed

    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except AnalysisError as error:
        _say(f"error: {error}")
        return USAGE
    except ReportFailed as error:
        _say(f"failed: {error}")
        return CRASH
    except BrokenPipeError:  # whoever read our output has enough of it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except KeyboardInterrupt:
        print("interrupted; the earlier report, if there was one, is untouched", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _say(f"crashed: {what} ({last.filename}:{last.lineno}); {TRACEBACK}=1 in the environment shows how it came")
        return CRASH


def program() -> str:
    """Return the command as it was typed, for hints of this process; what outlives it says ``run-reports``."""
    return "python -m analysis" if Path(sys.argv[0]).name == "__main__.py" else "run-reports"


def _say(line: str) -> None:
    """Print a line on stderr, fit to be shown."""
    print(_fit(line), file=sys.stderr)


def _fit(line: str) -> str:
    """Take out of a line what it may quote: secrets, and characters that command a terminal or turn text round."""
    from analysis.core.redact import redact_text
    from analysis.render.visible_text import legible

    return legible(redact_text(line))


class _Parser(argparse.ArgumentParser):
    """Refuses arguments without repeating the secrets and control characters in them."""

    def error(self, message: str) -> NoReturn:
        super().error(_fit(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=program(), description="Compare training runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
