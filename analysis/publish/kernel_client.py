"""The clients by which nbclient talks to our kernels."""

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
    """Channel for outputs that drops each stream of a cell after ``most_printed`` characters."""

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
    """Client of a kernel whose printed output can be limited."""

    iopub_channel_class = traitlets.Type(_BoundedChannel)  # type: ignore[assignment]

    def limit_output(self, most_printed: float) -> None:
        """Keep about this many characters per stream of a cell, so that endless output does not fill the memory."""
        self.iopub_channel.most_printed = most_printed


class ForkedKernelClient(KernelClient):
    """Client of a forked kernel, which may be used before the kernel is ready."""

    kernel = traitlets.Any()

    def start_channels(self, **_: Any) -> None:  # type: ignore[override]
        """Start all channels except the heartbeat, which needs a thread; the process itself is polled instead."""
        super().start_channels(hb=False)

    async def is_alive(self) -> bool:
        """True while the kernel's process runs."""
        return bool(self.kernel.is_alive())

    async def shut_down(self, timeout: float) -> None:
        """Ask the kernel to shut down, and wait at most ``timeout`` seconds for its reply."""
        with contextlib.suppress(TimeoutError):
            await self.shutdown(reply=True, timeout=timeout)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers.

        Raises
        ------
        RuntimeError
            If it does not within ``timeout`` seconds, or has died.
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
