"""An IPython kernel in a forked child of this process, which is ready at once since everything is imported.

The child is a separate process: it may crash, hang, be killed or call ``os._exit``. It uses the ordinary Jupyter
protocol over Unix sockets instead of TCP ports, so that it needs no network.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import math
import os
import signal
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.core.scratch import scratch, signals_deferred
from analysis.publish.forked import die_with_parent, end_handles, ending

if TYPE_CHECKING:
    from analysis.publish.kernel_client import ForkedKernelClient

PATIENCE = 1.0
"""Seconds for a hanging kernel to write where it hangs before it is killed."""

GRACE = 5.0
"""Seconds for the exit handlers of a kernel, as in a Jupyter server."""


def kernel_command(connection_file: str) -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment of a kernel without history and start-up files.

    A notebook then gives the same results for every user.
    """
    arguments = ["-f", connection_file, "--HistoryManager.enabled=False", "--log-level=CRITICAL"]
    own = {"IPYTHONDIR": str(Path(connection_file).parent)}
    if os.path.expanduser("~") == "~":  # unknown user without HOME, as in containers: IPython would not start
        own["HOME"] = own["IPYTHONDIR"]
    return [*arguments, "--IPKernelApp.exec_PYTHONSTARTUP=False"], own


def _nothing() -> None:
    """Do nothing."""


class ForkedKernel:
    """Manager of a forked kernel: what nbclient needs of a ``KernelManager``, and how the process ended.

    Parameters
    ----------
    prepare : callable, optional
        Called in the child before it is ready, while the parent continues.
    """

    has_kernel = True

    def __init__(self, prepare: Callable[[], None] = _nothing) -> None:
        self._resources = contextlib.ExitStack()
        self.connection_file = self._resources.enter_context(scratch()) / "kernel.json"
        self._log = self._resources.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._client: ForkedKernelClient | None = None
        self.most_printed = math.inf
        self._status: int | None = None
        self._patience = 0.0
        self._write_connection_file()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork beside any thread; those of numeric libraries are prepared for a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _run_child(str(self.connection_file), self._log.fileno(), parent=parent, prepare=prepare)
        self._end = end_handles(self.pid)

    def client(self) -> ForkedKernelClient:
        """Return a client for the kernel, which may be used before the kernel is ready."""
        import zmq

        from analysis.publish.kernel_client import ForkedKernelClient

        self._client = ForkedKernelClient(kernel=self, connection_file=str(self.connection_file))
        self._client.load_connection_file()
        self._client.context.setsockopt(zmq.RECONNECT_IVL, 10)  # ms; the sockets exist only once the kernel is ready
        self._client.limit_output(self.most_printed)
        return self._client

    def is_alive(self) -> bool:
        """True while the process runs; reaps it when it has ended."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status is None

    def interrupt_kernel(self) -> None:
        """Interrupt the running cell."""
        os.kill(self.pid, signal.SIGINT)

    def shutdown_kernel(self, now: bool = False) -> None:
        """Do nothing: `close` ends the kernel, after its log has been read."""

    cleanup_resources = shutdown_kernel

    def end(self) -> None:
        """Ask the kernel to shut down in the ordinary way, with exit handlers and flushed files; `close` waits."""
        from jupyter_core.utils import run_sync

        if self._client is not None and self.is_alive():
            run_sync(self._client.shut_down)(GRACE)
            self._patience = GRACE

    def close(self) -> None:
        """Wait for a kernel that was asked to end, then kill its process group.

        A signal such as Ctrl-C only cuts the wait short.
        """
        with signals_deferred() as signals_delivered:
            try:
                with signals_delivered():
                    give_up = time.monotonic() + self._patience
                    while self.is_alive() and (left := give_up - time.monotonic()) > 0:
                        wait(self._end, left if self._end else 0.01)
            finally:
                self._end_now()

    def _end_now(self) -> None:
        for end, pid in ((os.killpg, self.pid), (os.kill, self.pid)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if end is os.killpg or self.is_alive():
                    end(pid, signal.SIGKILL)
        if self._status is None:
            os.waitpid(self.pid, 0)
            self._status = -signal.SIGKILL
        while self._end:
            os.close(self._end.pop())
        if self._client is not None:
            self._client.stop_channels()
            self._client.context.destroy(linger=0)
            self._client = None
        self._resources.close()

    def last_words(self) -> str:
        """Return where a kernel hangs, or its last output if it died; faulthandler answers SIGUSR1 with a traceback."""
        before = self._read_log()
        if self.is_alive():
            os.kill(self.pid, signal.SIGUSR1)
            give_up = time.monotonic() + PATIENCE
            while self._read_log() == before and time.monotonic() < give_up:
                wait(self._end, 0.01)
        return self._read_log()

    def how_it_ended(self) -> str:
        """Return how the process ended; empty while it runs."""
        return "" if self.is_alive() else ending(self._status)

    def _read_log(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), 100_000, max(0, size - 100_000)).decode(errors="replace")

    def _write_connection_file(self) -> None:
        ports = {f"{channel}_port": n for n, channel in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
        # The @ makes it a name in Linux's abstract namespace: no file is left behind when the process dies.
        where = {"transport": "ipc", "ip": f"@run-reports-{uuid.uuid4()}", **ports}
        signed = {"signature_scheme": "hmac-sha256", "key": str(uuid.uuid4())}
        self.connection_file.write_text(json.dumps({**where, **signed}), encoding="utf-8")


def _run_child(connection_file: str, log: int, *, parent: int, prepare: Callable[[], None]) -> None:
    """Run as the child; never returns."""
    import atexit

    try:
        atexit._clear()  # handlers inherited from the parent are the parent's business
        _set_up_child(log, parent)
        prepare()
        _serve(connection_file)
        atexit._run_exitfuncs()
        os._exit(0)
    except BaseException:
        import traceback

        os.write(log, traceback.format_exc().encode())
    finally:
        os._exit(1)


def _set_up_child(log: int, parent: int) -> None:
    """Detach from the terminal, redirect output to the log, and arrange to die with the parent."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for ends in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ends, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # New streams, since inherited ones may write to a file of the parent.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", closefd=False)  # type: ignore[misc]
    _warn_as_new()
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    faulthandler.enable(log)
    faulthandler.register(signal.SIGUSR1, log, all_threads=True)
    die_with_parent(parent)


def _warn_as_new() -> None:
    """Set the warning filters of a new interpreter; those of the parent may turn warnings into errors."""
    warnings.resetwarnings()
    for kind in (ResourceWarning, ImportWarning, PendingDeprecationWarning, DeprecationWarning):
        warnings.simplefilter("ignore", kind)
    warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")


def _serve(connection_file: str) -> None:
    """Run the kernel until it is asked to end."""
    import asyncio
    import threading

    import ipykernel_launcher
    from ipykernel.kernelapp import IPKernelApp

    arguments, environment = kernel_command(connection_file)
    os.environ.update(environment)
    sys.argv = [str(ipykernel_launcher.__file__), *arguments]
    # The parent's loop, if it has run one, would be one with this: what wakes the one might reach the other alone.
    asyncio.set_event_loop(asyncio.new_event_loop())
    app: Any = IPKernelApp.instance()
    with _without_debugger():
        app.initialize(arguments)
    app.session.pack = _replacing_surrogates(app.session.pack)
    _reset_shell(app.shell)
    app.start()
    # The control thread may still be sending its reply, and needs an output thread that the exit handlers stop.
    app.control_thread.join(GRACE)
    threading._shutdown()  # type: ignore[attr-defined]  # joins non-daemon threads, which os._exit would not


def _replacing_surrogates(pack: Callable[[object], bytes]) -> Callable[[object], bytes]:
    """Return a serializer that replaces lone surrogates, with which a message would not be sent at all."""

    def packed(message: object) -> bytes:
        try:
            return pack(message)
        except UnicodeEncodeError:
            from jupyter_client.jsonutil import json_default

            return json.dumps(message, default=json_default, ensure_ascii=False).encode(errors="replace")

    return packed


def _reset_shell(shell: Any) -> None:
    """Undo the differences between a forked process and a started one."""
    owner = os.getpid()

    def end_others() -> None:
        if os.getpid() != owner:
            os._exit(0)  # a child that the cell forked has reached the end of the cell and must not run the next one

    shell.events.register("post_execute", end_others)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all kernels forked from one process draw the same numbers
    backend = os.environ["MPLBACKEND"]
    if "matplotlib.pyplot" in sys.modules and "inline" in backend:
        # pyplot chose its backend on import, before there was a kernel.
        from IPython.core.pylabtools import activate_matplotlib
        from matplotlib_inline.backend_inline import configure_inline_support

        activate_matplotlib(backend)
        configure_inline_support(shell, backend)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _without_debugger() -> Any:
    """Start a kernel without JupyterLab's debugger, which takes 0.1 s and cannot be reached here."""
    missing = "debugpy" not in sys.modules
    if missing:
        sys.modules["debugpy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if missing:
            del sys.modules["debugpy"]
