"""Import ahead of time what the cells of a report will import, in a process that waits for them anyway."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator

MODULES = ("analysis.pipeline", "analysis.report.sections", "analysis.report.plots", "analysis.publish.forked_shell")


def preload() -> None:
    """Import the modules of a report; one that cannot be imported is left to the cell that needs it.

    seaborn is imported without the parts of scipy (0.6 s) that it wants for density plots and dendrograms:
    a report draws neither, and seaborn itself provides for their absence. A cell that imports them gets them.
    """
    with _absent("scipy.stats", "scipy.cluster"), contextlib.suppress(ImportError):
        importlib.import_module("seaborn")
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


@contextlib.contextmanager
def _absent(*names: str) -> Iterator[None]:
    missing = [name for name in names if name not in sys.modules]
    for name in missing:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)
