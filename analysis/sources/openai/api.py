"""Fine-tuning jobs of OpenAI and Azure OpenAI, by ID: ``openai:ftjob-...`` or the bare ``ftjob-...``.

The job gives hyperparameters, seed and file IDs; its result file (plain or base64) the metrics. What that file
lacks (full validation, times, or all of it while the job runs) comes from the job's events and checkpoints.
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
    """Always False: no file is a job, and result files belong to the source of CSVs."""
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
    """Tell the bare ID of a fine-tuning job."""
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
    said = _from_events(job)
    if result is None and said.empty:
        raise _no_metrics(job)
    status, notes = str(job.about.get("status")), []
    if status != "succeeded":
        notes.append(f"the job's status is {status}")
    if result is None:
        notes.append("there is no result file (yet): metrics are from the job's events and checkpoints")
        frame = said
        content = said.to_csv(index=False).encode()
        result = RawLog(
            frame, NAME, (), len(frame), size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
    else:
        frame = _completed(result.frame, said)
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
    """Download and read the result file (the last, if there are several), None if there is none."""
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
    """Collect metrics events and checkpoints as one row a step; later ones fill what earlier ones lack."""
    rows: dict[int, dict[str, float]] = {}
    times: dict[int, float] = {}
    for event in job.events:
        data = event.get("data")
        if event.get("type") == "metrics" and isinstance(data, Mapping):
            step = _whole(data.get("step"))
            if step is not None:
                rows.setdefault(step, {}).update(_metrics(data))
                times.setdefault(step, float(event.get("created_at") or 0))
    for checkpoint in job.checkpoints:
        step = _whole(checkpoint.get("step_number"))
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


def _completed(frame: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that the result file lacks or leaves empty, at the steps that it has."""
    if said.empty:
        return frame
    at_step = said.set_index("step").reindex(frame["step"])
    covered = standard_names(map(str, frame.dropna(axis="columns", how="all")), source=NAME, chosen={})
    present = {*covered, *covered.values()}
    lacking = [name for name in at_step if name not in present and (name not in frame or frame[name].isna().all())]
    return frame.assign(**{str(name): at_step[name].array for name in lacking if at_step[name].notna().any()})


def _metrics(data: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers among an event's data, infinity for those that are not finite."""
    numbers = {str(name): float(value) for name, value in data.items() if is_number(value) and name not in _NOT_METRICS}
    return {name: value if np.isfinite(value) else np.inf for name, value in numbers.items()}


def _total_steps(job: Job) -> int | None:
    """Return the number of steps the job planned, which its events repeat."""
    plans = (event["data"].get("total_steps") for event in job.events if isinstance(event.get("data"), Mapping))
    return next((plan for plan in map(_whole, plans) if plan), None)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return int(value)


def _no_metrics(job: Job) -> LogError:
    status, error = job.about.get("status"), job.about.get("error")
    said = error.get("message") if isinstance(error, Mapping) else None
    if said:
        return LogError(f"openai:{job.about['id']}: the job {status}: {redact_text(' '.join(str(said).split()))[:200]}")
    hints = {"failed": "start it again", "cancelled": "start it again", "succeeded": "its result file is gone"}
    hint = hints.get(str(status), "try again once it has trained some steps")
    return LogError(f"openai:{job.about['id']}: the job is {status} and has no metrics; {hint}")
