"""A pytest plugin: papermill's default engine is ours, by every name that papermill's tests know it by."""

import tqdm
from papermill import engines

from analysis.publish import engines as ours


def started() -> None:
    raise AssertionError("a kernel was started where one should have been forked")


def pytest_configure() -> None:
    """Where this file is a plug-in of pytest, and only there."""
    tqdm.tqdm.monitor_interval = 0  # its thread would keep a process from forking
    ours.KernelEngine.run = started
    engines.papermill_engines.register(None, ours.ForkEngine)
    engines.papermill_engines.register("nbclient", ours.ForkEngine)
    engines.NBClientEngine = ours.ForkEngine
