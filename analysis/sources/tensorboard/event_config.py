"""Hyperparameters of a TensorBoard run: hparams plugin, ``hparams.yaml`` in the folder, text summaries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.core.plain_data import loads
from analysis.sources.tensorboard.event_message import About
from analysis.sources.yaml_files import load_yaml

_CONFIG_TEXTS = re.compile(r"(args|config|hparams|hyperparameters)(/text_summary)?", re.IGNORECASE)
_KEY = re.compile(r"[\w./-]+")
_YAML_FILES = ("hparams.yaml", "args.yaml")


def event_config(folder: Path, about: About) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Return the configuration of a run.

    Returns
    -------
    tuple
        The configuration (the hparams plugin takes precedence over files, files over texts), the files read, and
        notes on files that could not be read.
    """
    config: dict[str, Any] = {}
    files, notes = [], []
    for tag, text in about.texts.items():
        if _CONFIG_TEXTS.fullmatch(tag):
            config.update(parse_config_text(text))
    for name in _YAML_FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            value = load_yaml(path).value
        except LogError as problem:
            notes.append(f"configuration left out: {problem}")
            continue
        if isinstance(value, dict):
            config.update({str(key): item for key, item in value.items()})
            files.append(str(path))
    return {**config, **about.hparams}, tuple(files), tuple(notes)


def parse_config_text(text: str) -> dict[str, Any]:
    """Return the settings in a text summary that is a JSON object (transformers) or a Markdown table (CleanRL).

    >>> parse_config_text("|param|value|\\n|-|-|\\n|learning_rate|0.001|\\n|env_id|Hopper-v4|")
    {'learning_rate': 0.001, 'env_id': 'Hopper-v4'}
    """
    if text.lstrip().startswith("{"):
        try:
            value = loads(text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}
    lines = [line.strip() for line in text.splitlines()]
    rows = [line[1:-1].split("|", 1) for line in lines if line.startswith("|") and line.endswith("|") and len(line) > 2]
    pairs = [(row[0].strip(), row[1].strip()) for row in rows if len(row) == 2]
    named = [(key, item) for key, item in pairs if _KEY.fullmatch(key) and key.strip("-")]
    return {key: plain_value(item) for key, item in named[1:]}


def plain_value(text: str) -> Any:
    """Return a parameter as a number, boolean or None if its text is one, otherwise as text.

    >>> [plain_value(t) for t in ("8", "1e-5", "True", "adam", "0x10", "None")]
    [8, 1e-05, True, 'adam', '0x10', None]
    """
    if text in ("True", "False", "true", "false"):
        return text.lower() == "true"
    if text in ("None", "null"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
