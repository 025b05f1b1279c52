"""Configuration factors and their differences between runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.core.run import FACTORS, Run


def factor_values(run: Run) -> dict[str, Any]:
    """Return a run's configuration with the standard factors under their standard names, in a fixed order."""
    keys = {run.factor_key(name): name for name in FACTORS if run.factor_key(name)}
    standard = {name: run.config[key] for key, name in keys.items() if key}
    # Other spellings of a factor are duplicates of the one chosen.
    other = {key: value for key, value in sorted(run.config.items()) if key not in keys}
    return {**{name: standard[name] for name in FACTORS if name in standard}, **other}


def changed_factors(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return the factors that do not have one value in all runs: factor -> run ID -> value (None: not stated).

    Entries that cannot affect a training, such as an output folder or a time of creation, are left out.
    """
    values = {run.id: factor_values(run) for run in runs}
    names = dict.fromkeys(name for config in values.values() for name in config)
    table = {name: {run_id: config.get(name) for run_id, config in values.items()} for name in names}
    changed = {name: row for name, row in table.items() if len({repr(value) for value in row.values()}) > 1}
    return {name: row for name, row in changed.items() if name in FACTORS or is_setting(name, row.values())}


def without_seed(run: Run) -> Mapping[str, Any]:
    """Return a run's settings without the seed; runs with equal ones differ by chance alone."""
    return {k: v for k, v in factor_values(run).items() if k != "seed" and (k in FACTORS or is_setting(k, [v]))}


def _bag(words: str) -> frozenset[str]:
    return frozenset(words.split())


_INPUT = _bag(
    "model base data dataset corpus train training valid validation tokenizer vocab pretrained init "
    "initial resume teacher env environment task backbone encoder decoder adapter reward prompt template "
    "recipe algo algorithm optimizer scheduler loss"
)
"""Inputs of a training: their name, ID or path is the setting itself (``model_path``, ``env_id``)."""

_NAMED = _bag(
    "run experiment exp job project group trial display wandb mlflow comet neptune clearml session study version"
)
"""Things that have a name or a number only for people (``experiment``, ``job_name``, ``version``)."""

_ALWAYS = _bag(
    "uuid guid hash sha sha1 sha256 md5 checksum commit timestamp datetime hostname host username user "
    "pid author entity organization organisation org notes note tags comment description suffix url uri "
    "cwd hostnames port elapsed remaining"
)
_PLACE = _bag("dir directory folder path root file filename")
_OUTPUT = _bag("output out log logs logging save saving result results cache work working tensorboard tb")
_OFTEN = _bag(
    "log logging save saving eval evaluation evaluate val valid validation checkpoint checkpoints ckpt "
    "print report summary"
)
_HOW_OFTEN = _bag("steps every interval freq frequency period strategy limit level to")
_MOMENT = _bag("time date created started finished updated at start end begin")
_RANKED = _bag("local global node process")

_UNNAMED = _bag("ckpt checkpoint last latest state epoch step iter iteration pt pth bin safetensors true false")
"""Words of a checkpoint name that does not identify a model (``ckpt_1.pt``)."""

_LAST_PART = re.compile(r".*[/\\]|\d+")
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d[T _-]?\d\d[:.\-]?\d\d([:.\-]?\d\d.*)?$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}$", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+]*://", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(/|~/|[A-Za-z]:[\\/]|\\\\)\S")
_DEVICE = re.compile(r"(cuda|gpu|xpu|hip)?:?\d+(,\d+)*$|cuda$|gpu$", re.IGNORECASE)
_EPOCH_SECONDS = (1e8, 1e14)
"""Range of seconds, or milliseconds, since 1970 that are taken for a time of the last decades."""


def is_setting(key: str, values: Iterable[Any]) -> bool:
    """True if a configuration entry can affect a training, by the words of its key and the form of its values.

    An input of a training is a setting whatever its form: two data paths may be two data sets.

    Examples
    --------
    >>> is_setting("model_path", ["bert-base", "bert-large"]), is_setting("output_dir", ["out/1", "out/2"])
    (True, False)
    >>> is_setting("logging_steps", [10, 50]), is_setting("warmup_steps", [10, 50])
    (False, True)
    """
    words = _words(key)
    stated = [value for value in values if value is not None]
    if words[:1] == ("resume",) and all({*_words(_LAST_PART.sub("", str(value)))} <= _UNNAMED for value in stated):
        return False  # an interrupted run that continues from its own checkpoint
    return not (_key_is_no_setting(words) or (not _INPUT & set(words) and _values_are_no_setting(words, stated)))


def _key_is_no_setting(words: tuple[str, ...]) -> bool:
    """True if the words of a key alone rule out that it is a setting."""
    if not words:
        return False
    bag, last = set(words), words[-1]
    rest = bag - {last}
    if "seed" in (last, words[0]) or (words[0] in _OFTEN and bag & _HOW_OFTEN):
        return True
    if last in _PLACE and rest & _OUTPUT:
        return True
    if last == "rank" and rest & _RANKED:
        return True
    if bag & {"device", "devices", "gpu", "gpus", "cuda"} and (
        last in ("id", "ids", "index") or (last == "devices" and "visible" in bag)
    ):
        return True
    if bag & _INPUT:
        return False
    return last in ("id", "ids") or bool(bag & _ALWAYS) or bag - {"name", "number"} <= _NAMED


def _values_are_no_setting(words: tuple[str, ...], stated: list[Any]) -> bool:
    """True if all values look like an identifier, a path or URL, a device or a time."""
    if not stated:
        return False
    moment = bool(set(words) & _MOMENT)
    if moment and all(isinstance(value, int | float) and not isinstance(value, bool) for value in stated):
        return all(_EPOCH_SECONDS[0] < value < _EPOCH_SECONDS[1] for value in stated)
    texts = [str(value).strip() for value in stated]
    if words[-1:] in (("device",), ("gpu",)):
        return all(_DEVICE.match(one) for one in texts)
    return all(isinstance(value, str) for value in stated) and all(
        _identifies(one) or (moment and _DAY.match(one)) for one in texts
    )


def _identifies(one: str) -> bool:
    shapes = (_ISO, _UUID, _URL, _ABSOLUTE)
    return any(shape.match(one) for shape in shapes) or (bool(_HEX.match(one)) and not _is_number(one))


def _is_number(one: str) -> bool:
    try:
        float(one)
    except ValueError:
        return False
    return True


def _words(key: str) -> tuple[str, ...]:
    """Return the words of a key in lower case, split at dots, underscores and capitals."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    return tuple(re.findall(r"[a-z]+\d*|\d+", spaced.lower()))
