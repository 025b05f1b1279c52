"""W&B runs: offline ``.wandb`` files, CSV exports, and runs on a server (``wandb:entity/project/id`` or URL).

A path is a ``.wandb`` file, its run folder, a ``wandb`` folder of several runs, or a CSV: a run's history from
the API, a chart, or the table of runs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.core.errors import LogError
from analysis.core.run import Dropped
from analysis.sources import printed
from analysis.sources._points import points_table
from analysis.sources.base import Columns, bare_name, head
from analysis.sources.raw_log import RawLog
from analysis.sources.streams import mapped_bytes
from analysis.sources.table_layout import sniff
from analysis.sources.wandb.cloud import fetch_runs, is_run_url
from analysis.sources.wandb.export import NAME, kind, load_export
from analysis.sources.wandb.kept_output import OUTPUT, load_printed, with_note
from analysis.sources.wandb.log import MAGIC, Damage, WandbLog, records
from analysis.sources.wandb.steps import training_steps

SCHEME = "wandb"


def recognises(path: Path) -> bool:
    """True for a ``.wandb`` file, a folder of such files, or an exported CSV."""
    if path.is_dir():
        return bool(_files(path)) or bool(_outputs(path))
    if head(path, len(MAGIC)) == MAGIC or path.suffix == ".wandb":
        return path.is_file()
    if not bare_name(path).endswith(".csv"):
        return False
    layout = sniff(path, delimiter=",")
    return layout is not None and kind(layout) is not None


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Read an offline file, the runs of a folder, or an exported CSV.

    Raises
    ------
    LogError
        If no run has a number in its history.
    """
    if path.is_file():
        if head(path, len(MAGIC)) == MAGIC or path.suffix == ".wandb":
            return [_load_offline(path, columns)]
        return load_export(path, columns)
    logs: list[RawLog] = []
    problems: list[LogError] = []
    for file in _files(path) or _outputs(path):
        try:
            logs += [_load_offline(file, columns)] if file.suffix == ".wandb" else load_printed(file, columns)
        except LogError as problem:
            kept = file.parent / "files" / OUTPUT
            if file.suffix == ".wandb" and printed.recognises(kept):
                logs += [with_note(log, problem) for log in load_printed(kept, columns)]
            else:
                problems.append(problem)
    if not logs:
        raise problems[0] if problems else LogError(f"{path}: no .wandb file here; give a run's folder")
    unread = tuple(f"a run beside it cannot be read: {problem}" for problem in problems)
    return [replace(log, notes=(*log.notes, *unread)) for log in logs]


def claims(reference: str) -> bool:
    """True for the URL of a run's page on wandb.ai or on the server of ``WANDB_BASE_URL``."""
    return is_run_url(reference)


def fetch(reference: str, *, runs_dir: Path, columns: Columns) -> list[RawLog]:
    """Read a run, or all of a project, from a W&B server.

    Raises
    ------
    MissingExtra, RunNotFound, LogError
        See `analysis.sources.wandb.cloud.fetch_runs`.
    """
    logs = []
    for log, about in fetch_runs(reference):
        raw = _raw_log(log, about.uri, columns)
        state = () if about.state == "finished" else (f"W&B has the run as {about.state}",)
        ended = about.state not in ("running", "pending", "preempting") if about.state else None
        fetched = replace(raw, uri=about.uri, sha256=about.sha256, size_bytes=about.size_bytes, ended=ended)
        logs.append(replace(fetched, notes=(*raw.notes, *state)))
    return logs


def _files(folder: Path) -> list[Path]:
    """Return the ``.wandb`` files of a run folder, or of the run folders in a ``wandb`` folder."""
    try:
        found = sorted(folder.glob("*.wandb")) or sorted(folder.glob("*run-*/*.wandb"))
    except OSError:
        return []
    seen: dict[Path, Path] = {}
    for file in found or sorted(folder.glob("wandb/*run-*/*.wandb")):
        seen.setdefault(file.resolve(), file)  # latest-run is a symbolic link to another run folder
    return list(seen.values())


def _outputs(folder: Path) -> list[Path]:
    """Return the console logs that W&B kept of the runs in a folder, for folders without ``.wandb`` files."""
    found = (sorted(folder.glob(f"{place}files/{OUTPUT}")) for place in ("", "*run-*/", "wandb/*run-*/"))
    outputs = next((paths for paths in found if paths), [])
    beside = [path for path in outputs if (path.parent / "wandb-metadata.json").is_file()]
    return list({path.resolve(): path for path in beside}.values())


def _load_offline(path: Path, columns: Columns) -> RawLog:
    log, damage = WandbLog(), Damage()
    content = mapped_bytes(path)
    if bytes(content[: len(MAGIC)]) != MAGIC:
        raise LogError(f"{path}: not a .wandb file, it does not start with ':W&B'; copy it again")
    for record in records(content.data, damage):
        log.add_record(record)
    raw = _raw_log(log, str(path), columns)
    notes = list(raw.notes)
    if damage.cut_off:
        notes.append("the file ends within a record; what is before it was read")
    if log.exit_code is None:
        notes.append("the log has no end: the run was still going or was killed")
    elif log.exit_code:
        notes.append(f"the run ended with exit code {log.exit_code}")
    lost = damage.fragments + log.malformed
    dropped = (Dropped("record", lost, "damaged (checksum or content)"),) if lost else ()
    return replace(raw, files=(str(path),), dropped=(*raw.dropped, *dropped), notes=tuple(notes))


def _raw_log(log: WandbLog, where: str, columns: Columns) -> RawLog:
    if not log.value:
        skipped = f", only {', '.join(list(log.skipped)[:5])}" if log.skipped else ""
        raise LogError(f"{where}: no number in the history{skipped}; log one with run.log, for example a loss")
    table = points_table(
        Path(where),
        list(log.names),
        tag=np.frombuffer(log.tag, dtype=np.int64),
        step=np.frombuffer(log.step, dtype=np.int64),
        seconds=np.frombuffer(log.seconds, dtype=np.float64),
        value=np.frombuffer(log.value, dtype=np.float64),
    )
    defined = sorted(log.step_metrics, key=lambda name: -log.step_metrics[name])
    frame, dropped, notes = training_steps(table.frame, columns, defined)
    not_numbers = tuple(Dropped(name, count, "not a number") for name, count in log.skipped.items())
    config: dict[str, Any] = dict(log.config)
    if log.run.get("group"):
        config.setdefault("wandb_group", log.run["group"])
    return RawLog(
        frame=frame,
        source=NAME,
        files=(),
        rows_read=log.rows,
        config=config,
        name=log.run.get("name"),
        label=log.run.get("name"),
        id=log.run.get("id"),
        parent=log.branch,
        parent_known=log.branch is not None,
        seams=table.seams,
        dropped=(*table.dropped, *dropped, *not_numbers),
        notes=(*table.notes, *notes),
    )


__all__ = ["NAME", "SCHEME", "claims", "fetch", "load", "recognises"]
