"""Fine-tuning jobs of OpenAI and Azure OpenAI, by ID: ``openai:ftjob-...`` or the bare ``ftjob-...``.

The job has hyperparameters, seed and file IDs, its result file (plain or base64) the metrics. Metrics missing there
(full validation, times, everything while the job runs) come from the job's events and checkpoints.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError, RunNotFound
from analysis.core.plain_data import is_number
from analysis.core.redact import redact_text
from analysis.core.scratch import scratch
from analysis.sources._points import timestamps
from analysis.sources.base import Columns
from analysis.sources.metric_aliases import standard_names
from analysis.sources.openai import results_file
from analysis.sources.openai.job import Job, download, fetch_job
from analysis.sources.raw_log import RawLog
from analysis.sources.sidecar import job_fields

NAME = "openai api"
SCHEME = "openai"

_JOB = re.compile(r"ftjob-[A-Za-z0-9_-]+")
_NOT_METRICS = frozenset({"step", "total_steps", "epoch", "total_epochs"})


def recognises(path: Path) -> bool:
    """Always False: jobs are not files, and `results_file` reads result files."""
    return False


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Refuse a path.

    Raises
    ------
    LogError
        Always: only jobs are read here.
    """
    raise LogError(f"{path}: openai: takes the ID of a job, openai:ftjob-...; give the path without 'openai:'")


def claims(reference: str) -> bool:
    """True for the bare ID of a fine-tuning job."""
    return _JOB.fullmatch(reference) is not None


def fetch(reference: str, *, runs_dir: Path, columns: Columns) -> list[RawLog]:
    """Read a job.

    Raises
    ------
    RunNotFound
        If no configured API knows it.
    LogError
        If there is no key, an API refuses or does not answer, or the job has no metrics yet.
    MissingExtra
        If the client is not installed.
    """
    if not claims(reference):
        raise RunNotFound(f"openai:{redact_text(reference)}: give the ID of a fine-tuning job, openai:ftjob-...")
    job = fetch_job(reference)
    result = _result(job, columns)
    from_events = _from_events(job)
    if result is None and from_events.empty:
        raise _no_metrics(job)
    status, notes = str(job.about.get("status")), []
    if status != "succeeded":
        notes.append(f"the job's status is {status}")
    if result is None:
        notes.append("there is no result file (yet): metrics are from the job's events and checkpoints")
        frame = from_events
        content = from_events.to_csv(index=False).encode()
        result = RawLog(
            frame, NAME, (), len(frame), size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
    else:
        frame = _completed(result.frame, from_events)
    fields = job_fields(job.about)
    fields.pop("extra", None)
    return [
        replace(
            result,
            frame=frame,
            source=NAME,
            files=(),
            id=str(job.about["id"]),
            uri=job.uri,
            expected_steps=_total_steps(job),
            ended=status in ("succeeded", "failed", "cancelled"),
            notes=(*result.notes, *notes),
            **fields,
        )
    ]


def _result(job: Job, columns: Columns) -> RawLog | None:
    """Download and read the result file, the last if there are several; None if there is none."""
    shown = f"openai:{job.about['id']}"
    files = job.about.get("result_files") or []
    with scratch() as folder:
        for file_id in files[-1:]:
            path = folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', str(file_id))}.csv"
            download(job, str(file_id), path)
            try:
                (log,) = results_file.load(path, columns=columns)
            except LogError as problem:
                raise LogError(str(problem).replace(str(path), f"{shown}/{file_id}")) from None
            content = path.read_bytes()
            return replace(log, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    return None


def _from_events(job: Job) -> pd.DataFrame:
    """Return events and checkpoints as one row per step; values of events take precedence."""
    rows: dict[int, dict[str, float]] = {}
    times: dict[int, float] = {}
    for event in job.events:
        data = event.get("data")
        if event.get("type") == "metrics" and isinstance(data, Mapping):
            step = _as_int(data.get("step"))
            if step is not None:
                rows.setdefault(step, {}).update(_metrics(data))
                times.setdefault(step, float(event.get("created_at") or 0))
    for checkpoint in job.checkpoints:
        step = _as_int(checkpoint.get("step_number"))
        if step is not None:
            known = rows.setdefault(step, {})
            rows[step] = {**_metrics(checkpoint.get("metrics") or {}), **known}
            times.setdefault(step, float(checkpoint.get("created_at") or 0))
    rows = {step: row for step, row in sorted(rows.items()) if row}
    if not rows:
        return pd.DataFrame()
    names = dict.fromkeys(name for row in rows.values() for name in row)
    table = {name: [row.get(name, np.nan) for row in rows.values()] for name in names}
    stamps = timestamps(np.array([times[step] for step in rows]))
    return pd.DataFrame({"step": list(rows), "timestamp": stamps, **table})


def _completed(frame: pd.DataFrame, from_events: pd.DataFrame) -> pd.DataFrame:
    """Return the result file's table with the missing or empty columns added, at its own steps."""
    if from_events.empty:
        return frame
    at_step = from_events.set_index("step").reindex(frame["step"])
    covered = standard_names(map(str, frame.dropna(axis="columns", how="all")), source=NAME, chosen={})
    present = {*covered, *covered.values()}
    lacking = [name for name in at_step if name not in present and (name not in frame or frame[name].isna().all())]
    return frame.assign(**{str(name): at_step[name].array for name in lacking if at_step[name].notna().any()})


def _metrics(data: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers in an event's data, with infinity for NaN and infinities."""
    numbers = {str(name): float(value) for name, value in data.items() if is_number(value) and name not in _NOT_METRICS}
    return {name: value if np.isfinite(value) else np.inf for name, value in numbers.items()}


def _total_steps(job: Job) -> int | None:
    """Return the planned number of steps, which is part of the job's events."""
    plans = (event["data"].get("total_steps") for event in job.events if isinstance(event.get("data"), Mapping))
    return next((plan for plan in map(_as_int, plans) if plan), None)


def _as_int(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return int(value)


def _no_metrics(job: Job) -> LogError:
    status, error = job.about.get("status"), job.about.get("error")
    message = error.get("message") if isinstance(error, Mapping) else None
    if message:
        return LogError(
            f"openai:{job.about['id']}: the job {status}: {redact_text(' '.join(str(message).split()))[:200]}"
        )
    hints = {"failed": "start it again", "cancelled": "start it again", "succeeded": "its result file is gone"}
    hint = hints.get(str(status), "try again once it has trained some steps")
    return LogError(f"openai:{job.about['id']}: the job is {status} and has no metrics; {hint}")
