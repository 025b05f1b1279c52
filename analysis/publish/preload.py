"""Early imports of what the cells of a report need, in a process that waits anyway."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

MODULES = ("analysis.pipeline", "analysis.report.sections", "analysis.report.plots", "ipykernel.kernelapp")

STARTING = ("IPython.core.debugger", "IPython.core.completerlib", "IPython.extensions.storemagic", "tornado.queues")
"""What every kernel imports as it starts."""


def preload() -> None:
    """Import the modules of a report; an ImportError is left to the cell that needs the module.

    The parts of scipy that seaborn needs only for density plots and dendrograms (0.6 s) are imported on first use,
    since a report draws neither.
    """
    gc.disable()  # imports leave little garbage, and collecting it takes a tenth of the time
    with deferred("scipy.stats", "scipy.cluster"), contextlib.suppress(ImportError):
        importlib.import_module("seaborn")
    for name in (*MODULES, *STARTING):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        # Or each kernel would look through the entry points of all packages.
        importlib.import_module("matplotlib.backends").backend_registry.list_all()
    gc.freeze()
    gc.enable()


class _DeferredName:
    """A name of a module that is not loaded yet; its first use loads the module."""

    def __init__(self, module: str, name: str) -> None:
        self._where = module, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._loaded(), attribute)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._loaded()(*args, **options)

    def _loaded(self) -> Any:
        module, name = self._where
        return getattr(importlib.import_module(module), name)


class _DeferredModule(ModuleType):
    def __getattr__(self, name: str) -> _DeferredName:
        if name.startswith("__"):  # the import system asks for these
            raise AttributeError(name)
        return _DeferredName(self.__name__, name)


@contextlib.contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Replace ``from module import name`` of these modules by lazy stand-ins within the context.

    A stand-in loads its module when it is called or one of its attributes is read. Imports of modules that are loaded
    already or not installed, and imports after the context, are ordinary.

    Examples
    --------
    >>> with deferred("this"):  # which would print a poem
    ...     from this import d
    """
    later = [name for name in names if name not in sys.modules and _is_installed(name)]
    sys.modules.update({name: _DeferredModule(name) for name in later})
    try:
        yield
    finally:
        for name in later:
            if isinstance(sys.modules.get(name), _DeferredModule):
                del sys.modules[name]


def _is_installed(name: str) -> bool:
    with contextlib.suppress(ModuleNotFoundError):  # raised if the parent package is missing
        return importlib.util.find_spec(name) is not None
    return False
