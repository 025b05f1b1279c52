"""Read the configuration files that tools and people leave in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.core.errors import LogError
from analysis.core.run import FACTOR_KEYS, Dropped
from analysis.sources.delimited import Delimited
from analysis.sources.raw_log import RawLog
from analysis.sources.sidecar import FOLDER_LOGS
from analysis.sources.table_layout import Layout
from analysis.sources.yaml_files import load_json, load_yaml

_HOLDERS = ("", "args", "training_args", "hyperparameters", "hparams", "config", "train")
_SETTINGS = frozenset(FACTOR_KEYS) | {
    *(
        "per_device_eval_batch_size",
        "gradient_accumulation_steps",
        "warmup_ratio",
        "warmup_steps",
        "weight_decay",
    ),
    *("lr_scheduler_type", "max_steps", "model_name_or_path", "optim", "finetuning_type", "lora_rank"),
}


def load_settings(path: Path) -> tuple[dict[str, Any], str | None]:
    """Read one YAML or JSON file of settings.

    Returns
    -------
    tuple
        The settings, empty if there are none to read; a note if the file is damaged or no mapping.
    """
    try:
        value = load_json(path) if path.suffix == ".json" else load_yaml(path).value
    except LogError as problem:
        return {}, f"settings not read: {problem}"
    if value is None:
        return {}, None
    if not isinstance(value, Mapping):
        return {}, f"settings not read: {path} holds no mapping of names to values"
    return {str(key): item for key, item in value.items()}, None


def named_settings(folder: Path, names: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Read the files of the given names that exist in a folder; return settings, files read, notes."""
    settings: dict[str, Any] = {}
    files, notes = [], []
    for path in (folder / name for name in names):
        if path.is_file():
            found, note = load_settings(path)
            settings = {**found, **settings}
            files += [str(path)] if note is None else []
            notes += [note] if note is not None else []
    return settings, tuple(files), tuple(notes)


def log_with_settings(
    path: Path,
    layout: Layout,
    read: Delimited,
    frame: pd.DataFrame,
    *,
    source: str,
    log: str = "",
    settings: tuple[str, ...] = (),
    dropped: tuple[Dropped, ...] = (),
    notes: tuple[str, ...] = (),
) -> RawLog:
    """Return a delimited log with the settings in files beside it; one called ``log`` is named after its folder."""
    config, files, problems = named_settings(path.parent, settings)
    return RawLog(
        frame,
        source,
        (str(path), *files),
        len(read.frame),
        lines=read.lines,
        columns_read=len(layout.header),
        config=config,
        id=path.resolve().parent.name if path.name == log else None,
        dropped=(*read.dropped, *dropped),
        notes=(*problems, *notes),
    )


_BESIDE = ("config.json", "params.json", "args.json", "hparams.json", "config.yaml", "hparams.yaml", "args.yaml")


def with_settings_beside(log: RawLog, path: Path) -> RawLog:
    """Add the configuration that lies beside a log whose name is the same for every run, if it states none."""
    if path.name not in FOLDER_LOGS or any(key in FACTOR_KEYS for key in log.config):
        return log
    found, files, notes = named_settings(path.parent, _BESIDE)
    if not found:
        return log
    said = tuple(f"settings from {Path(file).name}" for file in files)
    own = (*log.files, *(file for file in files if file not in log.files))
    return replace(log, config={**found, **log.config}, files=own, notes=(*log.notes, *said, *notes))


def any_settings(folder: Path, *, but: str = "") -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Find the file in a folder that holds most training settings, as scripts leave under names of their own.

    A file counts if it has at least two known settings (learning rate, epochs, batch size ...) at its top or
    under a key such as ``args``; the log called ``but`` and what people write beside it or beside checkpoints
    never do. Returns settings, files read, notes.
    """
    best: tuple[int, dict[str, Any], Path] | None = None
    for path in sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name)):
        if path.suffix not in {".yaml", ".yml", ".json"} or not path.is_file():
            continue
        if path.stem == Path(but).stem or path.stem.startswith("checkpoint-"):
            continue
        content, _ = load_settings(path)
        for holder in _HOLDERS:
            settings = content.get(holder) if holder else content
            score = len(_SETTINGS & set(settings)) if isinstance(settings, Mapping) else 0
            if isinstance(settings, Mapping) and score >= 2 and (best is None or score > best[0]):
                best = score, dict(settings), path
    if best is None:
        return {}, (), ()
    settings, notes = _with_batch_size(best[1])
    return settings, (str(best[2]),), (f"settings from {best[2].name}", *notes)


def _with_batch_size(settings: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Add the batch of an optimiser step where a tool keeps only that of a device."""
    each, accumulated = settings.get("per_device_train_batch_size"), settings.get("gradient_accumulation_steps")
    if "batch_size" in settings or not isinstance(each, int) or not isinstance(accumulated, int):
        return settings, ()
    note = "batch_size is per_device_train_batch_size × gradient_accumulation_steps, as on one device"
    return {**settings, "batch_size": each * accumulated}, (note,)
