"""The command line: ``run-reports report run_2 run_3 run_4``."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from analysis.cli import batch, calibrate, check, decide, dig, export, report, runs, template, watch
from analysis.core.errors import AnalysisError

USAGE, CRASH = 2, 1
"""Exit statuses for bad input and for any other failure."""

TRACEBACK = "RUN_REPORTS_TRACEBACK"
"""Environment variable: if it is set, a crash prints its traceback instead of one line."""

COMMANDS = (
    report.add,
    dig.add,
    watch.add,
    runs.add,
    batch.add,
    check.add,
    decide.add,
    template.add,
    export.add,
    calibrate.add,
)
"""Functions that add the commands, in the order of the help."""


class AskedToEnd(KeyboardInterrupt):
    """Raised on SIGTERM and SIGHUP, so that they clean up as Ctrl-C does; ``number`` is that of the signal."""

    number: int = signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 success, 2 bad input (one line on stderr), 1 failure.

    A command that a signal ends returns 128 plus its number, as shells do; some commands have further statuses.
    """
    from analysis.publish.publisher import ReportFailed

    _open_streams()
    parsed = _parser().parse_args(arguments)
    try:
        with _ended_by_signals():
            return int(parsed.run(parsed))
    except AnalysisError as error:
        _say(f"error: {error}")
        return USAGE
    except ReportFailed as error:
        _say(f"failed: {error}")
        return CRASH
    except BrokenPipeError:  # the reader of our output, such as `head`, has closed it; Python flushes stdout at exit
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except KeyboardInterrupt as end:
        _say(f"interrupted; {end.args[0] if end.args else 'nothing is left half-written'}")
        return 128 + getattr(end, "number", signal.SIGINT)
    except PermissionError as error:
        _say(f"error: {error.filename or 'a file'}: {error.strerror or 'no permission'}; allow it, or go elsewhere")
        return USAGE
    except MemoryError:
        _say("failed: there is not enough memory; give fewer or smaller logs, or allow more")
        return CRASH
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _say(f"crashed: {what} ({last.filename}:{last.lineno}); {TRACEBACK}=1 in the environment shows how it came")
        return CRASH


def _open_streams() -> None:
    """Open standard streams that the parent has closed, or the next file opened would get descriptor 0, 1 or 2."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  gets the lowest free descriptor


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Raise `AskedToEnd` on SIGTERM and SIGHUP inside the context; a signal that is ignored (`nohup`) stays so."""

    def end(number: int, _: object) -> None:
        asked = AskedToEnd()
        asked.number = number
        raise asked

    asking = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        asking = []
    before = {one: signal.signal(one, end) for one in asking if signal.getsignal(one) == signal.SIG_DFL}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def program() -> str:
    """Return the command as it was typed, for hints on the terminal; files always say ``run-reports``."""
    return "python -m analysis" if Path(sys.argv[0]).name == "__main__.py" else "run-reports"


def _say(line: str) -> None:
    """Print a line on stderr, without secrets and control characters."""
    with contextlib.suppress(OSError):  # after SIGHUP there is no terminal
        print(_fit(line), file=sys.stderr)


def _fit(line: str) -> str:
    """Return a line without secrets, and with terminal control and bidirectional characters made visible."""
    from analysis.core.redact import redact_text
    from analysis.render.visible_text import legible

    return legible(redact_text(line))


class _Parser(argparse.ArgumentParser):
    """Parser whose errors do not repeat secrets and control characters from the arguments."""

    def error(self, message: str) -> NoReturn:
        super().error(_fit(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=program(), description="Compare training runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
