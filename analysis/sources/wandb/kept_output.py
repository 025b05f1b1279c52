"""The console log that W&B keeps of a run (``files/output.log``), read if the run has no history."""

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
_INTERNAL_KEYS = ("wandb_version", "_wandb")


def load_printed(path: Path, columns: Columns) -> list[RawLog]:
    """Read the console log in a run's ``files`` folder, with the ``config.yaml`` beside it; its ID is that of the run.

    Raises
    ------
    LogError
        If no line has a step and values.
    """
    folder = path.parent.parent
    stated, _ = load_settings(path.parent / "config.yaml") if (path.parent / "config.yaml").is_file() else ({}, None)
    config = {
        key: value.get("value") if isinstance(value, Mapping) else value
        for key, value in stated.items()
        if key not in _INTERNAL_KEYS
    }
    logs = printed.load(path, columns=columns)
    name = folder.name.rsplit("-", 1)[-1]
    ids = [name if log.id is None else f"{name}_{place}" for place, log in enumerate(logs, start=1)]
    note = "the run has no history: read from what it printed"
    return [
        replace(log, id=run_id, config={**config, **log.config}, notes=(*log.notes, note))
        for run_id, log in zip(ids, logs, strict=True)
    ]


def with_note(log: RawLog, problem: LogError) -> RawLog:
    """Return a log with a problem added to its notes."""
    return replace(log, notes=(*log.notes, str(problem)))
