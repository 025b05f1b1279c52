"""Progress of a batch: a bar for a person, one line of JSON per event for a program."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any, TextIO

from analysis.render.visible_text import legible

_WIDTH = 24


class Progress:
    """Shows the progress of a batch: a bar on a terminal, otherwise a line per report.

    tqdm would start a monitor thread, beside which forking is not safe.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._start, self._total = time.monotonic(), 0
        self._running: list[str] = []
        self._counts = {"done": 0, "skipped": 0, "failed": 0}

    def __call__(self, event: dict[str, Any]) -> None:
        """Show an event of `analysis.batch.run_batch.run_batch`."""
        kind = event["event"]
        if kind == "begin":
            self._total = event["reports"]
        elif kind == "start":
            self._running.append(event["report"])
        elif kind in self._counts:
            self._counts[kind] += 1
            self._running = [name for name in self._running if name != event["report"]]
        self._show(event)

    def _show(self, event: dict[str, Any]) -> None:
        live = self._stream.isatty()
        line = legible(sentence(event))
        if line and (not live or event["event"] in ("failed", "waiting", "end")):
            print(f"\r\x1b[K{line}" if live else line, file=self._stream)
        if live and event["event"] != "end":
            print(f"\r\x1b[K{self._bar()}", end="", file=self._stream)
        self._stream.flush()

    def _bar(self) -> str:
        finished = sum(self._counts.values())
        filled = round(_WIDTH * finished / max(1, self._total))
        parts = [f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {finished}/{self._total}"]
        parts += [f"{self._counts[kind]} {kind}" for kind in ("failed", "skipped") if self._counts[kind]]
        if self._counts["done"]:
            pace = (time.monotonic() - self._start) / self._counts["done"]
            parts.append(f"{clock(pace * (self._total - finished))} left")
        parts.append(legible(", ".join(self._running)))
        # The carriage return clears one row only, so that a wrapped bar would leave its first rows behind.
        return "  ".join(parts)[: shutil.get_terminal_size().columns - 1]


class JsonLines:
    """Writes each event as one line of JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: dict[str, Any]) -> None:
        """Write an event."""
        print(json.dumps(event, ensure_ascii=False), file=self._stream, flush=True)


def sentence(event: dict[str, Any]) -> str:
    """Return an event as a sentence; empty for events that only the bar shows.

    Examples
    --------
    >>> sentence({"event": "done", "report": "run_4", "seconds": 2.04, "verdict": "improved"})
    'run_4: improved (2.0 s)'
    """
    kind = event["event"]
    if kind == "done":
        return f"{event['report']}: {event.get('verdict') or 'done'} ({event['seconds']:.1f} s)"
    if kind == "retried":
        return f"{event['report']}: its worker was lost; it is made again by another"
    if kind == "waiting":
        return "the cluster has no worker; waiting for one"
    if kind == "skipped":
        return f"{event['report']}: unchanged, skipped"
    if kind == "failed":
        said = f"{event['report']}: FAILED: {event['error']}"
        return said + (f" (log: {event['log']})" if "log" in event else f" (asked for in {event['where']})")
    if kind == "end":
        counts = ", ".join(f"{event[name]} {name}" for name in ("done", "skipped", "failed"))
        return f"{counts} in {clock(event['seconds'])}"
    return ""


def clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds.

    Examples
    --------
    >>> clock(7), clock(3723)
    ('0:07', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
