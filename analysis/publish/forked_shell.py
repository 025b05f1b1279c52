"""The shell inside a forked child: runs cells as a kernel does, sends their outputs through a pipe."""

from __future__ import annotations

import io
import json
import numbers
import os
import sys
from base64 import b64encode
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

Send = Callable[..., None]


def answer(pipe: Connection) -> None:
    """Run every cell that arrives, until the other end closes.

    Raises
    ------
    EOFError
        When there will be no more cells.
    """
    shell, owner = _start(_sender(pipe)), os.getpid()
    while True:
        source = pipe.recv_bytes().decode()
        result = shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        if os.getpid() != owner:
            os._exit(0)  # a process that the cell forked has come to the cell's end; the next is not its business
        sys.stdout.flush()
        sys.stderr.flush()
        shell.send("done", execution_count=result.execution_count, success=bool(result.success))


def _start(send: Send) -> _Shell:
    # As in a kernel: figures left open at the end of a cell are shown.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    config = Config()
    config.HistoryManager.enabled = False
    _Shell.send = staticmethod(send)
    shell: _Shell = _Shell.instance(config=config)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].switch_backend(os.environ["MPLBACKEND"])
    sys.stdout, sys.stderr = _Stream("stdout", send), _Stream("stderr", send)
    return shell


def _sender(pipe: Connection) -> Send:
    owner = os.getpid()

    def send(type: str, /, **content: Any) -> None:
        # A process that a cell forked has copies of everything; its outputs belong to no cell.
        if os.getpid() == owner:
            message = json.dumps({"type": type, **content}, default=_plain, ensure_ascii=False)
            pipe.send_bytes(message.encode(errors="replace"))  # half a surrogate pair is no text that a file can hold

    return send


def _plain(value: object) -> object:
    """Give the JSON form that a kernel would give: bytes as base64, numpy's numbers as numbers."""
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"an output holds a {type(value).__name__}, which JSON cannot carry")


class _Stream(io.TextIOBase):
    """What is printed, sent on when flushed or long."""

    def __init__(self, name: str, send: Send) -> None:
        self.name, self._send, self._parts = name, send, [""]

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self._parts.append(text)
        if len(self._parts) > 1000:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text, self._parts = "".join(self._parts), [""]
        if text:
            self._send("output", output={"output_type": "stream", "name": self.name, "text": text})


class _Publisher(DisplayPublisher):
    """Sends what `display` shows."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *_: object,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **__: object,
    ) -> None:
        _flush()
        assert self.shell is not None
        self.shell.send(
            "output",
            output={"output_type": "display_data", "data": data, "metadata": metadata or {}},
            display_id=(transient or {}).get("display_id"),
            update=update,
        )

    def clear_output(self, wait: bool = False) -> None:
        _flush()
        assert self.shell is not None
        self.shell.send("clear", wait=wait)


class _Hook(DisplayHook):
    """Sends the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """Show no prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        _flush()
        assert self.shell is not None
        output = {"output_type": "execute_result", "data": format_dict, "metadata": md_dict or {}}
        self.shell.send("output", output={**output, "execution_count": self.prompt_count})

    def finish_displayhook(self) -> None:
        """Print no newline."""


class _Shell(InteractiveShell):
    """An interactive shell that speaks to a notebook instead of a terminal."""

    send: Send
    display_pub_class = _Publisher
    displayhook_class = _Hook

    def enable_gui(self, gui: str | None = None) -> None:
        """Have no window system, whichever a magic asks for."""

    def ask_exit(self) -> None:
        """End at once: ``exit()`` and ``quit()`` leave no answer to the cells that follow."""
        os._exit(0)

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        _flush()
        error = {"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": stb}
        self.send("output", output=error)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
