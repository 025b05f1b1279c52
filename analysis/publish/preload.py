"""Import ahead of time what the cells of a report will import, in a process that waits for them anyway."""

from __future__ import annotations

import contextlib
import gc
import importlib

from analysis.publish.deferred import deferred

MODULES = ("analysis.pipeline", "analysis.report.sections", "analysis.report.plots", "ipykernel.kernelapp")


def preload() -> None:
    """Import the modules of a report; one that cannot be imported is left to the cell that needs it.

    seaborn comes without the parts of scipy (0.6 s) that it needs for density plots and dendrograms only, of which
    a report draws none; a cell that does gets them then.
    """
    gc.disable()  # what is imported stays: looking for garbage in it takes a tenth of the time
    with deferred("scipy.stats", "scipy.cluster"), contextlib.suppress(ImportError):
        importlib.import_module("seaborn")
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    gc.enable()
