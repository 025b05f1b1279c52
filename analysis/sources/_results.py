"""Tell results from settings: scripts keep both in one file, but nothing can be trained with a result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from analysis.core.plain_data import is_number
from analysis.core.run import FACTOR_KEYS
from analysis.sources.metric_aliases import plain

_SECTIONS = re.compile(
    r"((final|best|train|training|eval|evaluation|val|validation|test)_)?(metrics?|results?|scores?|summary|history)"
    r"|log_history|best|final"
)
_SPLIT = r"(?:train|training|eval|evaluation|val|valid|validation|test|dev|best|final|last)"
_QUANTITY = (
    r"(?:loss|perplexity|ppl|acc|accuracy|f1|precision|recall|auc|auroc|iou|miou|dice|map|mse|rmse|mae|error"
    r"|error_rate|success_rate|bleu|rouge\w*|meteor|wer|cer|score|reward|return|metric|kl|margin|margins)"
)
_MEASURED = re.compile(
    rf"{_SPLIT}_(?:\w+_)?{_QUANTITY}(?:_\d+)*|best_(?:epoch|step|iter|iteration|round|val|valid|dev|test|trial)"
)
_SPENT = re.compile(
    rf"(?!max|min|target|limit)(?:(?:{_SPLIT}_(?:\w+_)?)?runtime|\w+_per_sec(?:ond)?)|total_flos"
    r"|(?:elapsed|remaining|wall|wall_clock|total|train|training)_?time(?:_(?:s|sec|seconds|min|minutes|h|hours))?"
    r"|peak_(?:gpu_)?mem\w*|(?:max_)?(?:gpu_)?mem\w*_(?:allocated|reserved)(?:_\w+)?"
)
_DURATION = re.compile(
    r"(?:\d+ days?, )?\d+:\d\d(?::\d\d(?:[.,]\d+)?)?"
    r"|(?:\d+(?:\.\d+)? ?(?:d|days?|h|hrs?|hours?|m|min|mins|minutes?|s|sec|secs|seconds?|ms)(?:[ ,]+(?=\d)|(?=\d)|$))+"
)
_MARK = re.compile(rf"{_SPLIT}_(?:\w+_)?best|done|finished|completed|converged")  # skorch, Ray: marks of a row
_IN_SECTION = re.compile(rf"{_QUANTITY}|epoch|step|global_step")
_BESIDE = re.compile(r"loss|perplexity|acc|accuracy|f1|score|reward|epoch|step|global_step")
_STATED = frozenset(FACTOR_KEYS)


def without_results(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Leave what a training gave, and what it took, out of its settings.

    A result is a number whose name says so (``eval_loss``, ``best_val_acc``, ``train_runtime``,
    ``samples_per_second``); beside one also a number called ``loss`` or ``epoch``; and all numbers of a
    section such as ``metrics`` or ``results`` that holds one. A time taken counts as text too (``4m 52s``). What
    `FACTOR_KEYS` names is a setting anywhere.

    Parameters
    ----------
    config : Mapping[str, Any]
        Flat: dots or slashes part the sections of a key.

    Returns
    -------
    tuple
        The settings; the names of the results.

    Examples
    --------
    >>> without_results({"beta": 0.1, "loss_weight": 2, "metrics.train_loss": 0.5, "metrics.epoch": 1.98})
    ({'beta': 0.1, 'loss_weight': 2}, ['metrics.train_loss', 'metrics.epoch'])
    """
    numbers = {key: _place(key) for key, value in config.items() if is_number(value)}
    named = {key for key, (_, name) in numbers.items() if _MEASURED.fullmatch(name) or _SPENT.fullmatch(name)}
    taken = [key for key, value in config.items() if _is_duration(value) and _SPENT.fullmatch(_place(key)[1])]
    taken += [key for key, value in config.items() if isinstance(value, bool) and _MARK.fullmatch(_place(key)[1])]
    holders = {numbers[key][0] for key in named}
    sections = {place for place, name in numbers.values() if _is_section(place) and _IN_SECTION.fullmatch(name)}
    sections |= {place for place in holders if _is_section(place)}
    results = [
        key
        for key, (place, name) in numbers.items()
        if name not in _STATED
        and (key in named or place in sections or (place in holders and _BESIDE.fullmatch(name) is not None))
    ]
    results += taken
    return {key: value for key, value in config.items() if key not in results}, results


def _place(key: str) -> tuple[str, str]:
    """Part the sections of a key from its own name, both in the form in which names are compared."""
    *sections, name = re.split(r"[./]", key)
    return "/".join(map(plain, sections)), plain(name)


def _is_section(place: str) -> bool:
    return any(_SECTIONS.fullmatch(name) for name in place.split("/"))


def _is_duration(value: Any) -> bool:
    """True for text that says how long something took.

    >>> [_is_duration(text) for text in ("4m 52s", "1 day, 0:04:52", "300 ms", "fast", "m")]
    [True, True, True, False, False]
    """
    return isinstance(value, str) and _DURATION.fullmatch(value.strip()) is not None
