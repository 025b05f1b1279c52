"""What people write beside a log: ``<run>.yaml``, or the fine-tuning job's JSON as the API returns it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.sources.base import bare_name
from analysis.sources.raw_log import RawLog
from analysis.sources.yaml_files import Document, load_json, load_yaml

LOG_SUFFIXES = (
    *(".csv", ".tsv", ".txt", ".log", ".json", ".jsonl", ".ndjson", ".ipynb", ".md"),
    *(".parquet", ".pq", ".wandb", ".db", ".sqlite", ".gz", ".zip"),
)
"""File endings that a run's name does without."""


FOLDER_LOGS = frozenset(
    {
        *("trainer_state.json", "trainer_log.jsonl", "metrics.csv", "results.csv", "progress.csv", "result.json"),
        *("metrics.json", "history.json", "scalars.json", "evaluations.npz"),
        *("metrics.jsonl", "logging.jsonl", "log.jsonl"),
    }
)
"""Names under which a tool keeps the log of every run, in a folder called after the run."""


@dataclass(frozen=True)
class Sidecar:
    """What stands beside a log; None and empty where nobody wrote anything.

    ``assumed`` are metrics, and ``primary``, that were said of many runs at once.
    """

    files: tuple[Path, ...] = ()
    label: str | None = None
    name: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    n_train: int | None = None
    n_valid: int | None = None
    validation_set: str | None = None
    training_set: str | None = None
    example_losses: Path | None = None
    evaluations: tuple[Path, ...] = ()
    expected_steps: int | None = None
    parent: str | None = None
    parent_known: bool = False
    goal: str | None = None
    group: str | None = None
    primary: str | None = None
    seed_sd: float | Mapping[str, float] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    assumed: frozenset[str] = frozenset()


_TUNED = re.compile(r"^ft:|\.ft-[0-9a-f]{8}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_text_mapping(value: Any) -> bool:
    return _is_mapping(value) and all(isinstance(item, str) for item in value.values())


def _is_text_or_list(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and bool(value) and all(map(_is_text, value)))


def _is_spread(value: Any) -> bool:
    given = list(value.values()) if _is_mapping(value) else [value]
    return all(isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < math.inf for one in given)


_TEXT = (_is_text, 'text; put it in quotes, for example "run_3"')
_COUNT = (_is_count, "a whole number that is not negative, for example 560")
_MAPPING = (_is_mapping, "a mapping, for example {batch_size: 64}")

KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "label": _TEXT,
    "name": _TEXT,
    "config": _MAPPING,
    "data": _MAPPING,
    "expected_steps": _COUNT,
    "parent": _TEXT,
    "goal": _TEXT,
    "group": _TEXT,
    "primary": _TEXT,
    "evaluations": (_is_text_or_list, "a file, folder or pattern beside the sidecar, or a list of them"),
    "seed_sd": (_is_spread, "a positive number, or one for each metric, for example {full_valid_loss: 0.004}"),
    "columns": (
        _is_text_mapping,
        "a mapping from standard name to column, for example {train_loss: my_loss}",
    ),
    "metrics": (_is_mapping, "a mapping from column to what it is, for example {my_score: {direction: higher}}"),
    "data.n_train": _COUNT,
    "data.n_valid": _COUNT,
    "data.validation_set": _TEXT,
    "data.training_set": _TEXT,
    "data.example_losses": (_is_text, "the name of a file beside the sidecar, for example losses.csv"),
}
"""The keys of a sidecar and what each must be; null counts as not given, except for ``parent``."""


def sidecar_places(path: Path) -> list[Path]:
    """Return the files that are the sidecars of a log if they exist, in the order in which they count.

    For ``runs/a.csv.gz`` these are ``runs/a.yaml``, ``.yml`` and ``.json``; for a log that every run of a
    tool calls the same, as ``out/a/trainer_state.json``, also ``out/a.yaml`` and so on.
    """
    logs = [_with_name(path)] + ([_with_name(path.parent)] if path.name in FOLDER_LOGS else [])
    stems = [log.with_name(run_stem(log)) for log in logs if log.name]
    return [stem.with_name(stem.name + ending) for stem in stems for ending in (".yaml", ".yml", ".json")]


def sidecar_to_write(path: Path) -> Path:
    """Return the sidecar that is read however a log is asked for: by its file or by the folder it is in.

    >>> sidecar_to_write(Path("runs/a.csv.gz")).as_posix(), sidecar_to_write(Path("out/a/metrics.csv")).as_posix()
    ('runs/a.yaml', 'out/a.yaml')
    """
    return sidecar_places(path)[-3]


def find_sidecars(*paths: Path) -> list[Path]:
    """Return the sidecars that exist of a log that goes by these paths, those of the first path first."""
    candidates = dict.fromkeys(place for path in paths for place in sidecar_places(path))
    return [c for c in candidates if c not in paths and c.is_file() and (c.suffix != ".json" or is_job(c))]


def own_path(raw: RawLog, path: Path, beside: Sequence[RawLog]) -> Path:
    """Return the path of one run of those that a path holds: its own folder or file, else ``path#id``."""
    if len(beside) == 1 and not raw.uri:
        return path
    own = raw.uri or next(iter(raw.files), "")
    if own and Path(own).exists() and sum(own in other.files[:1] for other in beside) <= 1:
        return Path(own)
    path = _with_name(path)
    return path.parent / re.sub(r'[<>:"/\\|?*]', "_", f"{path.name}#{raw.id}")


def _with_name(path: Path) -> Path:
    return path if path.name not in ("", "..") else path.resolve()


def run_stem(path: Path) -> str:
    """Return the name of a file without the endings a log can have, of a folder as it is.

    >>> run_stem(Path("runs/step_metrics (1).csv.gz")), run_stem(Path("lr0.5.csv"))
    ('step_metrics (1)', 'lr0.5')
    """
    rotated = len(bare_name(path)) < len(path.name.removesuffix(".gz")) and not path.is_dir()
    name = path.name[: len(bare_name(path))] if rotated else path.name
    while not path.is_dir() and Path(name).suffix.lower() in LOG_SUFFIXES and Path(name).stem:
        name = Path(name).stem
    return name


def load_sidecar(paths: list[Path]) -> Sidecar:
    """Read sidecar files into one; what an earlier file says wins.

    Raises
    ------
    LogError
        If a file cannot be read, or a known key has the wrong type (with its line).
    """
    merged: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for path in paths:
        fields = job_fields(load_json(path)) if path.suffix == ".json" else fields_of(load_yaml(path))
        config = {**fields.pop("config", {}), **config}
        merged = {**fields, **merged}
    return Sidecar(files=tuple(paths), config=config, **merged)


def fields_of(document: Document, *, within: str = "") -> dict[str, Any]:
    """Return the fields of `Sidecar` that a document gives; ``within`` is where in its file it stands.

    Raises
    ------
    LogError
        If a key has the wrong type or is nearly one that is known (with its line).
    """
    value = document.value
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise LogError(f"{document.path}:1: a sidecar is a mapping of keys such as label, config, data; rewrite it")
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, item in value.items():
        if key not in KEYS or "." in key:
            _check_spelling(document, str(key), [known for known in KEYS if "." not in known], within)
            extra[str(key)] = item
        elif item is not None:
            _check(document, key, item, within)
            fields[key] = item
    if "evaluations" in fields:
        given = fields["evaluations"]
        fields["evaluations"] = tuple(document.path.parent / name for name in ([given] if _is_text(given) else given))
    for key, item in fields.pop("data", {}).items():
        if f"data.{key}" not in KEYS:
            _check_spelling(document, f"data.{key}", [known for known in KEYS if "." in known], within)
            extra[f"data.{key}"] = item
        elif item is not None:
            _check(document, f"data.{key}", item, within)
            fields[key] = document.path.parent / item if key == "example_losses" else item
    if "parent" in value:
        fields["parent_known"] = True
    for name, said in fields.get("metrics", {}).items():
        _check_metric(document, str(name), said, within)
    return {**fields, "extra": extra} if extra else fields


def _check(document: Document, key: str, value: Any, within: str) -> None:
    fits, wanted = KEYS[key]
    if not fits(value):
        kind = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}.get(type(value), "a number")
        raise LogError(f"{document.where(within + key)}: '{key}' must be {wanted}; got {kind}")


def _check_spelling(document: Document, key: str, known: Sequence[str], within: str) -> None:
    """Raise for a key that is a letter or two off a known one; any other unknown key is somebody's own."""
    near = get_close_matches(key, known, n=1, cutoff=0.74)
    if near:
        raise LogError(
            f"{document.where(within + key)}: unknown key '{key}'; did you mean '{near[0]}'? correct it, or give it "
            "another name"
        )


STATED: Mapping[str, tuple[str, ...]] = {
    "direction": ("lower", "higher", "none"),
    "split": ("train", "validation", "minibatch validation", "run"),
    "unit": ("fraction", "share", "percent"),
}
"""What can be stated of a metric, and how; its ``name`` is text."""


def _check_metric(document: Document, name: str, said: Any, within: str) -> None:
    where = f"{document.where(within + f'metrics.{name}')}: metric '{name}'"
    if not isinstance(said, Mapping):
        raise LogError(f"{where} must be a mapping, for example {{direction: higher, split: validation}}")
    for key, value in said.items():
        if key == "name" and isinstance(value, str):
            continue
        allowed = STATED.get(key)
        if allowed is None:
            raise LogError(f"{where} has the unknown key '{key}'; known are name, {', '.join(STATED)}")
        if value not in allowed:
            raise LogError(f"{where}: '{key}' must be one of {', '.join(allowed)}; got {str(value)[:40]!r}")


def is_job(path: Path) -> bool:
    """True if a JSON file is a fine-tuning job as OpenAI or Azure OpenAI returns it."""
    try:
        value = load_json(path)
    except LogError:
        return False
    return isinstance(value, Mapping) and bool(
        str(value.get("object", "")).startswith(("fine_tuning", "fine-tune"))
        or ("hyperparameters" in value and {"training_file", "fine_tuned_model", "model"} & set(value))
    )


def job_fields(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a fine-tuning job says about a run, under the names of `Sidecar`.

    Hyperparameters are read where the API keeps them, nested under ``method`` too; a model that is itself
    fine-tuned (``ft:...``, at Azure ``<model>.ft-...``) is the parent, any other is a base model.
    """
    method = job.get("method") if isinstance(job.get("method"), Mapping) else {}
    kind = method.get("type") if isinstance(method, Mapping) else None
    nested = method.get(kind) if isinstance(method, Mapping) and isinstance(kind, str) else None
    config: dict[str, Any] = {}
    for holder in (job, nested):
        given = holder.get("hyperparameters") if isinstance(holder, Mapping) else None
        if isinstance(given, Mapping):
            config.update({str(k): v for k, v in given.items() if v is not None})
    config.update({key: job[key] for key in ("model", "seed") if job.get(key) is not None})
    if kind is not None:
        config["method"] = kind
    fields: dict[str, Any] = {"config": config}
    model = job.get("model")
    if isinstance(model, str):
        fields["parent_known"] = True
        fields["parent"] = model if _TUNED.search(model) else None
    for ours, theirs in (("training_set", "training_file"), ("validation_set", "validation_file")):
        if isinstance(job.get(theirs), str):
            fields[ours] = job[theirs]
    name = job.get("user_provided_suffix") or job.get("suffix") or job.get("fine_tuned_model")
    if isinstance(name, str):
        fields["name"] = name
    extra = {f"job {key}": job[key] for key in ("id", "fine_tuned_model", "trained_tokens", "status") if job.get(key)}
    return {**fields, "extra": extra}
