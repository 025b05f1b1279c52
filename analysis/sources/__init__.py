"""Log sources: one module each, listed in `SOURCES`; `load_runs` turns run references into runs.

A new source is one module with the names that `analysis.sources.base` states, and one entry here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.core.errors import AnalysisError, RunNotFound
from analysis.core.metrics import METRICS, Metric
from analysis.core.plugins import plugins
from analysis.core.redact import redact_text, without_secrets
from analysis.core.run import Run
from analysis.sources import (
    clearml,
    dvclive,
    evaluations,
    hf_trainer,
    json_logs,
    jsonl,
    keras,
    lightning_csv,
    llama_factory,
    mlflow,
    notebook,
    numbered_json,
    optuna,
    printed,
    printed_trials,
    sb3,
    table,
    tensorboard,
    trackio,
    ultralytics,
    wandb,
    wrapped_lines,
)
from analysis.sources.base import Source
from analysis.sources.local_copies import Nearby, nearby
from analysis.sources.openai import api, results_file
from analysis.sources.percent import as_fractions
from analysis.sources.reference import Finder, Found, reader_failed
from analysis.sources.seeds_in_names import seeded_by_name
from analysis.sources.sidecar import FOLDER_LOGS, run_stem, sidecar_to_write
from analysis.sources.to_run import finish

SOURCES: tuple[Source, ...] = (
    results_file,
    api,
    mlflow,
    trackio,
    clearml,
    optuna,
    hf_trainer,
    llama_factory,
    lightning_csv,
    ultralytics,
    sb3,
    dvclive,
    keras,
    wandb,
    tensorboard,
    evaluations,
    notebook,
    wrapped_lines,
    printed,
    printed_trials,
    numbered_json,
    json_logs,
    jsonl,
    table,
)
"""Every source, the particular before the general: the first that recognises a path loads it."""


def known_sources() -> tuple[Source, ...]:
    """Return every source, those of plug-ins before ours; and add the metrics of plug-ins to `METRICS`.

    Raises
    ------
    PluginError
        If one of a plug-in cannot be loaded.
    """
    METRICS.update({row.name: row for row in plugins("metrics", Metric).values()})
    return (*plugins("sources", Source).values(), *SOURCES)


def resolve(reference: str, *, runs_dir: Path | str, columns: Mapping[str, str] | None = None) -> list[Run]:
    """Load the run or runs that a reference leads to.

    Parameters
    ----------
    reference : str
        A name in the runs folder, a path, a glob, ``scheme:...``, a native ID or a URL, each optionally
        behind ``label=``. An existing path wins over any syntax.
    runs_dir : Path or str
        Where names are looked up: a folder, or the URL of one.
    columns : Mapping[str, str], optional
        Standard name to the log's own column name.

    Raises
    ------
    RunNotFound
        If it leads to nothing, or to two things of one name (the message lists them).
    LogError
        If a log or sidecar cannot be read.
    """
    given = dict(columns or {})
    with without_secrets(), nearby(reference, runs_dir) as near:
        found, label = Finder(known_sources(), near.runs_dir, given).find(near.reference)
        if not found:
            raise RunNotFound(f"'{reference}' holds no run; check it")
        runs = [as_shown(finished(one, reference, given), near) for one in found]
    if label is not None:
        label = redact_text(label)
        runs = [replace(run, label=label if len(runs) == 1 else f"{label} {run.id}") for run in runs]
    return runs


def load_runs(
    references: Iterable[str], *, runs_dir: Path | str, columns: Mapping[str, str] | None = None
) -> tuple[Run, ...]:
    """Load all runs of a set; runs of one name are told apart by their folders.

    Raises
    ------
    RunNotFound
        As `resolve`, and where the same log is given twice.
    LogError
        As `resolve`.
    """
    logs, left_out = logs_among(references, runs_dir)
    runs = [run for reference in logs for run in resolve(reference, runs_dir=runs_dir, columns=columns)]
    if left_out:
        runs[0] = replace(runs[0], notes=(*runs[0].notes, redact_text(told_of(left_out))))
    return distinct_runs(evaluations.in_one_unit(runs))


def logs_among(references: Iterable[str], runs_dir: Path | str) -> tuple[list[str], list[str]]:
    """Part references into those that are read, and paths of files that a shell's ``runs/*`` takes along.

    Where nothing else is given they are read, to be refused.
    """
    given = list(references)
    finder = Finder(known_sources(), Path(runs_dir), {})
    beside = [reference for reference in given if finder.lies_beside(reference)]
    if len(beside) == len(given):
        return given, []
    return [reference for reference in given if reference not in beside], beside


def told_of(left_out: Sequence[str]) -> str:
    """Say which of the files that were given are no logs."""
    more = f" and {len(left_out) - _TOLD} more" if len(left_out) > _TOLD else ""
    return f"given beside the logs, no logs, left out: {', '.join(left_out[:_TOLD])}{more}"


_TOLD = 12


def finished(found: Found, reference: str, columns: Mapping[str, str]) -> Run:
    """Make a run of a log that was found."""
    path = found.path
    raw = found.raw if path is None or found.raw.uri else replace(found.raw, uri=str(path))
    run_id = found.id or raw.id or _by_place(path or Path(raw.files[0]))
    try:
        run = finish(raw, run_id=run_id, reference=reference, sidecar=found.sidecar, columns=columns)
    except (AnalysisError, MemoryError):
        raise
    except Exception as problem:
        raise reader_failed(path or Path(raw.files[0]), raw.source, problem) from None
    return replace(run, sidecar=redact_text(str(sidecar_to_write(found.places[0]))))


def _by_place(path: Path) -> str:
    """Name a run by its file; by the folder where a tool calls the logs of all runs the same."""
    return path.resolve().parent.name if path.name in FOLDER_LOGS else run_stem(path)


def as_shown(run: Run, near: Nearby) -> Run:
    """Name the URL of a log where its copy is named."""
    path = redact_text(near.shown(run.provenance.path))
    return replace(
        run,
        provenance=replace(run.provenance, path=path),
        sidecar=near.shown(run.sidecar),
        notes=tuple(map(near.shown, run.notes)),
    )


def distinct_runs(runs: list[Run]) -> tuple[Run, ...]:
    """Tell runs of one ID apart by their file and as many folders as it takes; write units and seeds alike in all."""
    for place, run in enumerate(runs):
        if any(run.id == other.id and _place(run) == _place(other) for other in runs[:place]):
            raise RunNotFound(f"run '{run.provenance.path}' is given twice; leave one out")
    beside = Counter((run.id, _folders(run)) for run in runs)
    runs = [replace(run, id=_in_file(run)) if beside[run.id, _folders(run)] > 1 else run for run in runs]
    named = list(runs)
    counts: Counter[str] = Counter()
    for depth in range(1, 10):
        counts = Counter(run.id for run in named)
        if max(counts.values(), default=1) == 1:
            return seeded_by_name(as_fractions(named))
        named = [
            replace(run, id="/".join([*_folders(first)[-depth:], first.id])) if counts[run.id] > 1 else run
            for run, first in zip(named, runs, strict=True)
        ]
    twice = next(run for run in named if counts[run.id] > 1)
    raise RunNotFound(f"two runs are called '{twice.id}' and nothing tells them apart; leave one out")


def _place(run: Run) -> Path:
    """Return where a run lies, however the path to it was written."""
    path = Path(run.provenance.path)
    return path.resolve() if path.exists() else path


def _in_file(run: Run) -> str:
    """Name a run by its file, and by its own name in it if it has one."""
    path = Path(run.provenance.path)
    return path.name if run_stem(path) == run.id else f"{path.name}/{run.id}"


def _folders(run: Run) -> tuple[str, ...]:
    """Folders of a run's path, without the one that is its name."""
    path = Path(run.provenance.path)
    folders = path.parts[bool(path.anchor) : -1]
    return folders[:-1] if folders and folders[-1] == run.id else folders


__all__ = ["SOURCES", "known_sources", "load_runs", "logs_among", "resolve", "told_of"]
