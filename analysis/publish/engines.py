"""Papermill engines: cells in a forked child, or in a kernel of this very interpreter.

Whatever stops a cell (an error, a time limit, a death) ends up as an error output of that cell, so that
papermill saves the failed notebook and raises the same kind of error for all.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import Engine, NBClientEngine, NotebookExecutionManager, papermill_engines
from traitlets.config import Config

from analysis.core.scratch import scratch
from analysis.publish.forked import Child, ChildDied, TimeLimitReached

LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": ".".join(map(str, sys.version_info[:3])),
}
"""The notebook's language_info, as an IPython kernel gives it."""

MOST_PRINTED = 100_000
"""Characters that are kept of each stream of a cell: some thirty pages."""


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the running interpreter, whatever kernel specs lie around on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """Describe the kernel; it keeps no history and leaves it to the notebook to tell of errors."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=[*command, "--HistoryManager.enabled=False", "--log-level=CRITICAL"], language="python")


class KernelEngine(NBClientEngine):  # type: ignore[misc]
    """Run the cells in an IPython kernel of this interpreter."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, deadline: float | None = None, **options: Any
    ) -> None:
        """Run all cells; ``deadline`` is on the clock of `time.monotonic`."""
        options["kernel_manager_class"] = ThisPython
        if deadline is not None:
            options["timeout_func"] = lambda _: max(1, math.ceil(deadline - time.monotonic()))
        try:
            with scratch() as folder:
                options["config"] = Config(ThisPython={"connection_file": str(folder / "kernel.json")})
                super().execute_managed_notebook(nb_man, kernel_name, **options)
        except CellTimeoutError:
            _record_timeout(nb_man)
        except DeadKernelError as error:
            _record(nb_man, ChildDied.__name__, f"the kernel died: {error}", "")


class ForkEngine(Engine):  # type: ignore[misc]
    """Run the cells in a forked child of this process, which is ready at once."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        deadline: float | None = None,
        child: Child | None = None,
        **_: Any,
    ) -> None:
        """Run all cells in ``child``, or in one forked now; the child is closed at the end."""
        child = child or Child()
        try:
            for index, cell in enumerate(nb_man.nb.cells):
                nb_man.cell_start(cell, index)
                try:
                    if cell.cell_type == "code" and cell.source.strip():
                        _run_cell(cell, child, deadline)
                except ChildDied as death:
                    _record(nb_man, type(death).__name__, str(death), death.log)
                finally:
                    nb_man.cell_complete(cell, index)
                if _failed(cell):
                    nb_man.cell_exception(cell, index)
                    break
            nb_man.nb.metadata["language_info"] = LANGUAGE
        finally:
            child.close()


def clip(cell: Any) -> None:
    """Leave of what a cell printed as much as anybody reads, and say so where there was more."""
    for name in ("stdout", "stderr"):
        text = _printed(cell, name)
        if len(text) > MOST_PRINTED:
            first, *rest = (id(output) for output in cell.outputs if output.get("name") == name)
            cell.outputs = [output for output in cell.outputs if id(output) not in rest]
            (kept,) = (output for output in cell.outputs if id(output) == first)
            kept.text = f"{text[:MOST_PRINTED]}\n[the cell printed more, which is not kept]\n"


def _printed(cell: Any, name: str) -> str:
    return "".join(output.text for output in cell.get("outputs", ()) if output.get("name") == name)


def register_engines() -> None:
    """Make the engines known to papermill as ``run-report-fork`` and ``run-report-kernel``."""
    papermill_engines.register("run-report-fork", ForkEngine)
    papermill_engines.register("run-report-kernel", KernelEngine)


def _run_cell(cell: Any, child: Child, deadline: float | None) -> None:
    shown: dict[str, Any] = {}
    clear_next = False
    for message in child.run(cell.source, deadline=deadline):
        if message["type"] == "done":
            cell.execution_count = message["execution_count"]
        elif message["type"] == "clear":
            clear_next = True
            if not message["wait"]:
                cell.outputs, clear_next = [], False
        else:
            if clear_next:
                cell.outputs, clear_next = [], False
            _add(cell, message, shown)


def _add(cell: Any, message: dict[str, Any], shown: dict[str, Any]) -> None:
    output = nbformat.from_dict(message["output"])
    last = cell.outputs[-1] if cell.outputs else None
    if output.output_type == "stream":
        if len(_printed(cell, output.name)) > MOST_PRINTED:
            return
        if last is not None and last.get("name") == output.name:
            last.text += output.text
            return
    name = message.get("display_id")
    if message.get("update"):
        if name in shown:
            shown[name].update(output)
        return
    cell.outputs.append(output)
    if name:
        shown[name] = output


def _failed(cell: Any) -> bool:
    errors = any(output.output_type == "error" for output in cell.get("outputs", ()))
    return errors and "raises-exception" not in cell.metadata.get("tags", ())


def _record_timeout(nb_man: NotebookExecutionManager) -> None:
    """Say of the cell that ran last that its time was up, where it hung if the interrupted kernel told."""
    what = "the time limit was reached"
    last = [cell for cell in nb_man.nb.cells if cell.get("outputs")][-1:]
    told = [o for cell in last for o in cell.outputs if o.get("ename") == "KeyboardInterrupt"]
    if not told:
        _record(nb_man, TimeLimitReached.__name__, what, "")
    for output in told:
        output.ename, output.evalue = TimeLimitReached.__name__, what


def _record(nb_man: NotebookExecutionManager, name: str, what: str, log: str) -> None:
    """Give the cell that ran last an error output."""
    started = [cell for cell in nb_man.nb.cells if cell.metadata.papermill.get("start_time")]
    error = nbformat.v4.new_output("error", ename=name, evalue=what, traceback=log.splitlines() or [what])
    started[-1].outputs.append(error)
    nb_man.cell_exception(started[-1])
