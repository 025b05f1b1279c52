"""Why a file that exists is no log, and what to give in its place."""

from __future__ import annotations

from pathlib import Path

from analysis.core.errors import LogError
from analysis.sources.json_logs import is_one_value
from analysis.sources.limits import check_size
from analysis.sources.printed_lines import form_of
from analysis.sources.printed_lists import shortened_in
from analysis.sources.streams import GZIP, text_head, unreadable
from analysis.sources.yaml_files import load_json

_JSON = "RUN_REPORTS_MAX_JSON_MB"
_PACKED = (b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
"""How archives and packed files of zip, bzip2, xz, Zstandard, 7-Zip and RAR begin."""
_LOGS = frozenset(
    {
        *(".csv", ".tsv", ".log", ".out", ".err", ".stdout", ".jsonl", ".ndjson", ".parquet", ".pq", ".wandb"),
        *(".db", ".sqlite", ".gz", ".zip", ".npz"),
    }
)
"""Endings of what is a log or a damaged one."""


def lies_beside(path: Path) -> bool:
    """True for an existing file that can be no log, if no source recognises it: a sidecar, a plot, a config.json."""
    if not path.is_file() or path.suffix.lower() in _LOGS:
        return False
    try:
        if path.suffix.lower() == ".json":
            load_json(path, setting=_JSON)  # a damaged one may have been a log
        with path.open("rb") as stream:
            return bool(stream.read(4096).strip())
    except (LogError, OSError):
        return False


def not_a_log(path: Path) -> LogError:
    """Return the error for an existing file that no source recognises: what it seems to be, what to give instead."""
    try:
        check_size(path)
        if path.suffix.lower() == ".json":
            check_size(path, _JSON)
        with path.open("rb") as stream:
            start = stream.read(4096)
    except OSError as problem:
        return unreadable(path, problem)
    except LogError as problem:
        return problem
    if not start.strip():
        return LogError(f"{path}: the file is empty; a log needs a header and at least one step")
    if (folder := _mlflow_folder(path)) is not None:
        return LogError(f"{path}: one file of MLflow's store; give the folder of the run, {folder}")
    if start.startswith(GZIP) and not text_head(path):
        return LogError(f"{path}: damaged gzip data, or no text in it; copy the log again")
    if start.startswith(GZIP):
        return LogError(f"{path}: no source knows what is packed in this file; unpack it with gunzip, and give that")
    if is_one_value(text_head(path)):
        try:
            load_json(path, setting=_JSON)
        except LogError as problem:
            return problem
    if path.suffix.lower() == ".json" and start.lstrip().startswith(b"["):
        return LogError(f"{path}: one list, not a log of steps; write an object a line, and call the file .jsonl")
    if path.suffix.lower() == ".ipynb":
        said = "a notebook of which no cell printed the steps of a training"
        return LogError(f"{path}: {said}; run it, save it with its outputs, and give it again")
    if path.suffix.lower() in {".yaml", ".yml", ".json", ".toml"}:
        return LogError(f"{path}: settings or a summary, not a log of steps; give the log it belongs to")
    if start.startswith(_PACKED):
        return LogError(f"{path}: a packed file or archive that is not read; unpack it, and give what was in it")
    if b"\0" in start:
        return LogError(f"{path}: a binary file that no source knows; give the log itself or the folder it is in")
    if shortened := shortened_in(text_head(path)):
        said = f"of {', '.join([*shortened][:3])} only the ends were printed, with ... between them"
        return LogError(f"{path}: {said}; print it whole: numpy.set_printoptions(threshold=10**9)")
    if any(form is not None and form.metrics for form in map(form_of, text_head(path).splitlines()[:1000])):
        said = "lines of values without a step or an epoch"
        return LogError(f"{path}: {said}; print the step on each line, or write a table with step,train_loss")
    return LogError(
        f"{path}: no source knows this file; a table needs an ending such as .csv and a header line with column names"
    )


_AIM = (
    "import aim, pandas; pandas.concat(m.dataframe(include_run=True).assign(metric='/'.join([m.name, "
    "*map(str, m.context.to_dict().values())])) for m in aim.Repo('.').query_metrics().iter()).to_csv('runs.csv')"
)


def no_log_in(folder: Path) -> LogError:
    """Return the error for a folder in which no source finds a log."""
    if any((place / "run_metadata.sqlite").is_file() for place in (folder, folder / ".aim")):
        command = f'python -c "{_AIM}"'
        return LogError(
            f"{folder}: Aim's store, which Aim alone can read; where Aim is installed, export it: {command}"
        )
    return LogError(f"{folder}: a folder without a log; give the folder that a tool logged to, or the log file")


def _mlflow_folder(path: Path) -> Path | None:
    """Return the run or experiment that a file of MLflow's store belongs to."""
    kinds = ("metrics", "params", "tags")
    folders = [folder.parent for folder in path.parents if folder.name in kinds]
    if path.name == "meta.yaml":
        folders.append(path.parent)
    return next((folder for folder in folders if (folder / "meta.yaml").is_file()), None)
