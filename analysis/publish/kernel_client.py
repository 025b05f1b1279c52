"""The clients through which nbclient speaks to our kernels."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from queue import Empty
from typing import Any

import traitlets
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel


class _BoundedChannel(AsyncZMQSocketChannel):
    """Outputs of the kernel, of which each stream of a cell is cut off once it is longer than ``most_printed``."""

    most_printed = math.inf

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._printed: Counter[tuple[str, str]] = Counter()

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        message = await super().get_msg(timeout)
        while message["msg_type"] == "stream" and self._is_too_much(message):
            message = await super().get_msg(timeout)
        return message

    def _is_too_much(self, message: dict[str, Any]) -> bool:
        stream = message["parent_header"].get("msg_id", ""), message["content"]["name"]
        before = self._printed[stream]
        self._printed[stream] += len(message["content"]["text"])
        return before > self.most_printed


class KernelClient(AsyncKernelClient):
    """Speaks to a kernel; see `keep_little` for what is special."""

    iopub_channel_class = traitlets.Type(_BoundedChannel)  # type: ignore[assignment]

    def keep_little(self, most_printed: float) -> None:
        """Keep about so many characters of what a cell prints, so that one that never stops fills no memory."""
        self.iopub_channel.most_printed = most_printed


class ForkedKernelClient(KernelClient):
    """Speaks to a forked kernel, which it may do before the kernel is ready."""

    kernel = traitlets.Any()

    def start_channels(self, **_: Any) -> None:  # type: ignore[override]
        """Start all but the heartbeat, which is a thread: the process itself can be asked whether it lives."""
        super().start_channels(hb=False)

    async def is_alive(self) -> bool:
        """True while the kernel's process runs."""
        return bool(self.kernel.is_alive())

    async def shut_down(self, timeout: float) -> None:
        """Ask the kernel to end; wait until it says that it will, but not longer than ``timeout`` seconds."""
        with contextlib.suppress(TimeoutError):
            await self.shutdown(reply=True, timeout=timeout)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers.

        Raises
        ------
        RuntimeError
            If it has not within ``timeout`` seconds, or has died.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            self.kernel_info()
            try:
                await self.shell_channel.get_msg(timeout=min(1.0, max(0.0, deadline - time.monotonic())))
                await self.iopub_channel.get_msg(timeout=0.2)
                return
            except Empty:
                if not await self.is_alive():
                    raise RuntimeError("Kernel died before replying to kernel_info") from None
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds") from None
