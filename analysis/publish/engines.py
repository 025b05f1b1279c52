"""Papermill engines with a kernel that is forked from this process or started by the running interpreter.

Papermill's client (nbclient) runs the cells with either kernel. In a report, whatever stops a cell (an error, a time
limit, the death of the kernel) becomes an error output of that cell, so that papermill saves the failed notebook
and always raises the same kind of error.
"""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from traitlets import Type, Unicode

from analysis.core.errors import AnalysisError
from analysis.core.scratch import scratch
from analysis.publish.forked import fork_is_safe
from analysis.publish.forked_kernel import ForkedKernel, kernel_command
from analysis.publish.kernel_client import KernelClient

MOST_PRINTED = 100_000
"""Characters kept of each stream of a cell of a report: some thirty pages."""


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the running interpreter, whatever kernel specs are installed."""

    client_factory = Type(KernelClient)
    most_printed = math.inf

    @property
    def kernel_spec(self) -> KernelSpec:
        """Specification of the kernel."""
        arguments, environment = kernel_command(self.connection_file)
        command = [sys.executable, "-m", "ipykernel_launcher", *arguments]
        return KernelSpec(argv=command, env=environment, language="python")

    def client(self, **options: Any) -> Any:
        """Return a client for the kernel."""
        client: Any = super().client(**options)
        client.limit_output(self.most_printed)
        return client


class KernelEngine(NBClientEngine):  # type: ignore[misc]
    """Runs the cells in an IPython kernel of this interpreter; a notebook in another language as papermill does.

    Options besides papermill's: ``time_limit``, seconds for all cells together, and ``in_report``, which limits printed
    output and turns the end of the kernel into an error output, where papermill would raise ``CellTimeoutError`` or
    ``DeadKernelError``.
    """

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        time_limit: float | None = None,
        in_report: bool = False,
        **options: Any,
    ) -> None:
        """Run all cells."""
        if time_limit is not None:
            options["timeout_func"] = _countdown(time_limit)
        if not is_python(nb_man.nb, kernel_name):
            super().execute_managed_notebook(nb_man, kernel_name, **options)
            return
        try:
            cls.run(nb_man, kernel_name, most_printed=MOST_PRINTED if in_report else math.inf, **options)
        except _Ended as end:
            started = [cell for cell in nb_man.nb.cells if cell.metadata.papermill.get("start_time")]
            if started:
                _record(end, started[-1], nb_man)
            if not in_report:
                raise end.cause from None
            if not started:
                said = [str(end), *end.log.splitlines()[-1:]]
                raise AnalysisError(f"engine: the kernel did not start: {'; '.join(said)}") from None

    @classmethod
    def run(cls, nb_man: NotebookExecutionManager, kernel_name: str, *, most_printed: float, **options: Any) -> None:
        """Run all cells in a kernel that is started for them."""
        _check_loopback()
        try:
            with scratch() as folder:
                settings = {"connection_file": Unicode(str(folder / "kernel.json")), "most_printed": most_printed}
                options["kernel_manager_class"] = type("ThisPython", (ThisPython,), settings)
                super().execute_managed_notebook(nb_man, kernel_name, **options)
        except CellTimeoutError as error:
            raise _Ended("TimeLimitReached", "the time limit was reached", "", error) from None
        except RuntimeError as error:  # a DeadKernelError, or a kernel that did not start
            raise _Ended("KernelDied", f"the kernel died: {error}", "", error) from None


class ForkEngine(KernelEngine):
    """Runs the cells in a kernel forked from this process, which is ready at once; option ``kernel``: an existing one.

    If forking is not safe, a kernel is started.
    """

    @classmethod
    def run(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        most_printed: float,
        kernel: ForkedKernel | None = None,
        **options: Any,
    ) -> None:
        """Run all cells in ``kernel``, which the caller closes, or in one forked now."""
        if kernel is not None:
            cls._run_in(kernel, nb_man, kernel_name, most_printed=most_printed, **options)
        elif fork_is_safe():
            with contextlib.closing(ForkedKernel()) as kernel:
                cls._run_in(kernel, nb_man, kernel_name, most_printed=most_printed, **options)
        else:
            super().run(nb_man, kernel_name, most_printed=most_printed, **options)

    @classmethod
    def _run_in(
        cls,
        kernel: ForkedKernel,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        most_printed: float,
        **options: Any,
    ) -> None:
        kernel.most_printed = most_printed
        try:
            super(KernelEngine, cls).execute_managed_notebook(nb_man, kernel_name, km=kernel, **options)
            kernel.end()
        except CellTimeoutError as error:
            raise _Ended("TimeLimitReached", "the time limit was reached", kernel.last_words(), error) from None
        except RuntimeError as error:
            what = kernel.how_it_ended() or str(error)
            raise _Ended("KernelDied", what, kernel.last_words(), error) from None


def register_engines() -> None:
    """Register the engines with papermill as ``run-report-fork`` and ``run-report-kernel``."""
    papermill_engines.register("run-report-fork", ForkEngine)
    papermill_engines.register("run-report-kernel", KernelEngine)


def clip(cell: Any) -> None:
    """Cut each stream that a cell printed to `MOST_PRINTED` characters, with a note on the rest."""
    for name in ("stdout", "stderr"):
        printed = [output for output in cell.get("outputs", ()) if output.get("name") == name]
        text = "".join(output.text for output in printed)
        if len(text) > MOST_PRINTED:
            rest = {id(output) for output in printed[1:]}
            cell.outputs = [output for output in cell.outputs if id(output) not in rest]
            printed[0].text = f"{text[:MOST_PRINTED]}\n[the cell printed more, which is not kept]\n"


class _Ended(Exception):
    """The kernel ended, or was killed, while a cell ran; ``log`` is its last output."""

    def __init__(self, name: str, what: str, log: str, cause: Exception) -> None:
        super().__init__(what)
        self.name, self.log, self.cause = name, log, cause


def _countdown(seconds: float) -> Callable[[Any], float]:
    """Return the time limit of cells as a function: the rest of all seconds, from the start of the first cell."""
    deadline: list[float] = []

    def left(_: Any) -> float:
        if not deadline:
            deadline.append(time.monotonic() + seconds)
        return max(0.01, deadline[0] - time.monotonic())

    return left


def is_python(nb: Any, kernel_name: str) -> bool:
    """True for a Python notebook, by its metadata, else by the name of its kernel."""
    spec, info = nb.metadata.get("kernelspec", {}), nb.metadata.get("language_info", {})
    stated = spec.get("language") or info.get("name") or kernel_name
    return str(stated).lower().startswith(("python", "ipython"))


def _check_loopback() -> None:
    """Fail early without a loopback interface, since a kernel would only time out after a minute.

    Raises
    ------
    AnalysisError
        If there is no loopback interface.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 1):
            pass
    except OSError as error:
        raise AnalysisError(
            f"engine: a Jupyter kernel is spoken to over the loopback interface, and 127.0.0.1 does not answer "
            f"({error.strerror or error}); switch it on, or use the engine 'fork' (Linux), which needs none"
        ) from None


def _record(end: _Ended, cell: Any, nb_man: NotebookExecutionManager) -> None:
    """Add an error output to a cell; the traceback of an interrupted kernel, if any, shows where it hung."""
    interrupted = [output for output in cell.get("outputs", ()) if output.get("ename") == "KeyboardInterrupt"]
    for output in interrupted:
        output.ename, output.evalue = end.name, str(end)
    if not interrupted:
        traceback = end.log.splitlines() or [str(end)]
        cell.outputs.append(nbformat.v4.new_output("error", ename=end.name, evalue=str(end), traceback=traceback))
    nb_man.cell_exception(cell)
