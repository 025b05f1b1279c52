"""Watch a command from outside: wall time, CPU and memory of all its processes together, over time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.1
"""Seconds between two looks: each costs milliseconds, which the watched processes lack."""


@dataclass(frozen=True)
class Look:
    """One look at a process and all its descendants."""

    when: float
    cpu: float
    memory: float
    largest: float


@dataclass(frozen=True)
class Measured:
    """What a command took: seconds, CPU seconds, and the peak memory of its processes together in MB.

    ``largest`` is the peak memory of any one process.
    """

    wall: float
    cpu: float
    memory: float
    largest: float
    output: str
    looks: tuple[Look, ...]

    def between(self, start: float, end: float) -> tuple[float, float, float]:
        """Give wall time, CPU and peak memory of a stretch, on the clock of `time.monotonic`."""
        inside = [look for look in self.looks if start - INTERVAL <= look.when <= end + INTERVAL]
        if not inside:
            return end - start, 0.0, 0.0
        return end - start, inside[-1].cpu - inside[0].cpu, max(look.memory for look in inside)


def measure(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and watch it.

    Raises
    ------
    SystemExit
        If the command fails: a benchmark of something broken says nothing.
    """
    before = _children_cpu()
    start = time.monotonic()
    looks: list[Look] = []
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            looks.append(_look(root))
            time.sleep(INTERVAL)
        wall = time.monotonic() - start
        output, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors}")
    peak, largest = max(look.memory for look in looks), max(look.largest for look in looks)
    return Measured(wall, _children_cpu() - before, peak, largest, output, tuple(looks))


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _look(root: psutil.Process) -> Look:
    cpu = memory = largest = 0.0
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for process in family:
        try:
            times = process.cpu_times()
            cpu += times.user + times.system + times.children_user + times.children_system
            own = _memory(process)
            memory, largest = memory + own, max(largest, own)
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return Look(time.monotonic(), cpu, memory, largest)


def _memory(process: psutil.Process) -> float:
    """Memory of a process in MB; pages that several processes share count once, in equal parts."""
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except (OSError, ProcessLookupError):
        return float(process.memory_info().rss) / 1e6
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024 / 1e6
