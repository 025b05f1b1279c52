"""Read what a run printed and W&B kept (``files/output.log``), for a run without a history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from analysis.core.errors import LogError
from analysis.sources import printed
from analysis.sources.adjacent_config import load_settings
from analysis.sources.base import Columns
from analysis.sources.raw_log import RawLog

OUTPUT = "output.log"
_ABOUT = ("wandb_version", "_wandb")


def load_printed(path: Path, columns: Columns) -> list[RawLog]:
    """Read the printed log in a run's ``files`` folder, with the configuration beside it; it is called after the run.

    Raises
    ------
    LogError
        If no line of it has a step and values.
    """
    folder = path.parent.parent
    stated, _ = load_settings(path.parent / "config.yaml") if (path.parent / "config.yaml").is_file() else ({}, None)
    config = {
        key: value.get("value") if isinstance(value, Mapping) else value
        for key, value in stated.items()
        if key not in _ABOUT
    }
    logs = printed.load(path, columns=columns)
    name = folder.name.rsplit("-", 1)[-1]
    ids = [name if log.id is None else f"{name}_{place}" for place, log in enumerate(logs, start=1)]
    note = "the run has no history: read from what it printed"
    return [
        replace(log, id=run_id, config={**config, **log.config}, notes=(*log.notes, note))
        for run_id, log in zip(ids, logs, strict=True)
    ]


def noted(log: RawLog, problem: LogError) -> RawLog:
    """Return a log with a note that says what is missing."""
    return replace(log, notes=(*log.notes, str(problem)))
