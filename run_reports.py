"""Start the command line, unless another `analysis` would be imported in place of ours: then one line says so.

This module lies beside the package because what it guards against is that the package cannot be imported.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

COMMANDS = ("report", "dig", "watch", "runs", "batch", "check", "decide", "template", "export", "calibrate")
"""The commands, as `analysis.cli.main` has them."""

_USAGE = 2


def main() -> int:
    """Run the command ``run-reports`` and return its exit status."""
    refused = _shadowed(sys.path)
    if refused:
        print(f"error: {refused}", file=sys.stderr)
        return _USAGE
    # As of this process, the working directory is not on the path of the Pythons that it starts, such as kernels.
    os.environ["PYTHONSAFEPATH"] = "1"
    from analysis.cli.main import main as run

    return run()


def refuse_another() -> None:
    """Exit if ``python -m analysis COMMAND`` is about to run something else than our package.

    Called while Python starts (``run_reports.pth``), because a file of that name in the working directory would run
    before anything of ours. What has no command of ours is left alone: it may well be meant for that file.
    """
    if not _runs_a_command(sys.orig_argv[1:]):
        return
    first = [] if sys.flags.safe_path else [str(Path.cwd())]
    refused = _shadowed([*first, *sys.path])
    if refused:
        print(f"error: {refused}", file=sys.stderr, flush=True)
        os._exit(_USAGE)  # after an exception Python would print a traceback, and start all the same


def _runs_a_command(words: list[str]) -> bool:
    """Return True for the arguments of Python in ``python -m analysis COMMAND``, with any options before ``-m``."""
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[2 if words[0] in ("-W", "-X") else 1 :]
    return words[:2] == ["-m", "analysis"] and words[2:3] != [] and words[2] in COMMANDS


def _shadowed(path: list[str]) -> str | None:
    """Return what to say if ``import analysis`` would find another package or module; None if it finds ours."""
    ours = Path(__file__).parent / "analysis" / "__init__.py"
    spec = PathFinder.find_spec("analysis", path)
    found = Path(spec.origin) if spec is not None and spec.origin else None
    if found is None or (found.exists() and ours.exists() and found.samefile(ours)):
        return None
    return (
        f"'analysis' is {found} here, not the package of run-reports; rename that, "
        "or start run-reports in another directory or environment"
    )


if __name__ == "__main__":
    sys.exit(main())
