"""The engine that papermill finds as ``run-reports``: ``papermill --engine run-reports in.ipynb out.ipynb``."""

from __future__ import annotations

import contextlib
from typing import Any


class RunReportsEngine:
    """Runs the cells of any notebook in a forked child of this process, or in a kernel if forking is not safe.

    Papermill loads the engines of all packages during its own import, so that this module must not import papermill;
    hence there is no base class.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        """Execute a notebook; one in another language runs in its own kernel, by papermill's engine."""
        from papermill.engines import NBClientEngine

        from analysis.publish.engines import ForkEngine, KernelEngine, is_python
        from analysis.publish.forked import fork_is_safe
        from analysis.publish.forked_kernel import ForkedKernel

        if not is_python(nb, kernel_name):
            return NBClientEngine.execute_notebook(nb, kernel_name, **options)
        if not fork_is_safe():
            return KernelEngine.execute_notebook(nb, kernel_name, **options)
        with contextlib.closing(ForkedKernel()) as kernel:  # before the progress bar, which may start a thread
            return ForkEngine.execute_notebook(nb, kernel_name, kernel=kernel, **options)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """Return the name of the kernel that a notebook asks for."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """Return the programming language of a notebook."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))
