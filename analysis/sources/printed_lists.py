"""Read printed lists of values: ``train_losses = [2.3, 2.1, ...]``, ``{'loss': [...]}``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.axis_names import AXIS_NAMES
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_phases import of_model, phase_word

_NUMBER = r"(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf|None|null)"
_SCALAR = rf"(?P<open>(?:\w+\.)?(?:float\d*|tensor)\(\s*)?(?P<value>{_NUMBER})(?(open)\s*(?:,[^()\n]*)?\))"
_VALUE = re.compile(_SCALAR)
_PAIR = re.compile(rf"[(\[]\s*(?P<step>\d+)\s*,\s*{_SCALAR}\s*[)\]]")
_BETWEEN = re.compile(r"[\s,]+|\s*(?=\])")
_OPENS = re.compile(r"[:=]\s*(?:(?:np\.|torch\.)?(?:array|tensor|deque)\()?\s*\[\s*(?=[-+\d.(\[ntfiN])")
_NAME = re.compile(r"['\"]?([^\W\d][\w./@ ()-]*?)['\"]?\s*$")
_SHORTENED = re.compile(r"[:=]\s*(?:(?:np\.|torch\.)?(?:array|tensor)\()?\[(?=\s*[-+\d])[-+\d.eE\s,]*?(?<=[\s,])\.\.\.")
"""A long array as numpy and torch print it: only its ends."""
_LONGEST = 60  # characters of a name
_COUNTED = re.compile(r"\b(?:epoch|step|iter\w*|round)\W{0,3}\d", re.IGNORECASE)
_WORDS = re.compile(r"[_ ]?(?:history|hist|list|curve|values?|log)$|^(?:all|list of|history of)[_ ]", re.IGNORECASE)
_LEAST = 3
_MOST_LINES = 50_000
"""Lines up to which a text is searched for lists: a longer log has its values in its lines."""


@dataclass(frozen=True)
class PrintedList:
    """A named list: its values, their steps if printed as pairs, and its lines.

    ``several``: the name itself is that of a list over steps, such as ``accs`` or ``acc_history``.
    """

    name: str
    values: list[float]
    steps: list[float]
    lines: range
    several: bool


def lists_in(text: str) -> tuple[list[pd.DataFrame], set[int]]:
    """Return the tables made of lists, and the numbers of all lines that lists occupy.

    A row is a place in the lists, or the step paired with a value; a repeated name starts another table. Lists that are
    not as long as most are left out: the steps of their values are unknown.

    Parameters
    ----------
    text : str
        As printed. A list on a line that names a step or an epoch is a value of that step.
    """
    if "[" not in text or text.count("\n") > _MOST_LINES:
        return [], set()
    tables, taken = [], set()
    for group in _groups(_found(text)):
        taken |= {line for one in group for line in one.lines}
        if any(of_model(one.name) for one in group) and (len(group) > 1 or _is_history(group[0])):
            tables.append(_table(group))
    return [table for table in tables if len(table)], taken


def shortened_in(text: str) -> dict[str, range]:
    """Return the metrics whose list was printed with an ellipsis, and the numbers of its lines.

    >>> shortened_in("val_losses: [2.5 2.4 ... 0.4 0.3], sizes: [1 2 ... 3]")
    {'val_losses': range(0, 1)}
    """
    shown: dict[str, range] = {}
    for found in _SHORTENED.finditer(text) if "..." in text and text.count("\n") <= _MOST_LINES else ():
        line = text.rfind("\n", 0, found.start()) + 1
        named = _NAME.search(text, max(line, found.start() - _LONGEST), found.start())
        if named and of_model(_WORDS.sub("", named[1])):
            first, end = text.count("\n", 0, line), max(text.find("]", found.end()), found.end())
            shown[named[1]] = range(first, first + text.count("\n", line, end) + 1)
    return shown


def _is_history(one: PrintedList) -> bool:
    """True if a single list is one over steps: a single list of scores may be per class."""
    return one.several or one.steps != [] or metric(plain(one.name)).direction == "lower"


def _found(text: str) -> Iterator[PrintedList]:
    place = 0
    while (opens := _OPENS.search(text, place)) is not None:
        place = opens.end()
        values: list[float] = []
        steps: list[float] = []
        item = _PAIR if text[place] in "([" else _VALUE
        while (found := item.match(text, place)) and (between := _BETWEEN.match(text, found.end())):
            values.append(_number(found["value"]))
            steps += [float(found["step"])] if item is _PAIR else []
            place = between.end()
        line = text.rfind("\n", 0, opens.start()) + 1
        named = _NAME.search(text, max(line, opens.start() - _LONGEST), opens.start())
        if len(values) < _LEAST or text[place : place + 1] != "]" or named is None:
            continue
        name = _WORDS.sub("", named[1].strip(" ("))
        several = named[1].endswith("s") or _WORDS.search(named[1]) is not None
        above = phase_word(text[text.rfind("\n", 0, max(line - 1, 0)) + 1 : line])  # History (metrics, evaluate):
        if above not in ("", "train") and not phase_word(name):
            name = f"{above}_{name}"
        first, last = text.count("\n", 0, line), text.count("\n", 0, place)
        if not _COUNTED.search(text, line, opens.end()) and (
            of_model(name) or plain(name) in AXIS_NAMES | {"lr", "learning_rate"}
        ):
            yield PrintedList(name, values, steps, range(first, last + 1), several)


def _number(cell: str) -> float:
    if cell in ("None", "null"):
        return np.nan
    value = float(cell)
    return value if np.isfinite(value) else np.inf


def _groups(found: Iterator[PrintedList]) -> Iterator[list[PrintedList]]:
    """Yield the lists of each training; a repeated name starts the next."""
    group: list[PrintedList] = []
    for one in found:
        if any(one.name == other.name for other in group):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _table(group: Sequence[PrintedList]) -> pd.DataFrame:
    """Return a table with the lists as columns; all rows are indexed by the first line of the first list."""
    notes: list[str] = []
    paired = [one for one in group if one.steps]
    if paired:
        columns = [pd.Series(one.values, index=one.steps, name=one.name).groupby(level=0).last() for one in paired]
        frame = pd.concat(columns, axis=1).sort_index().rename_axis("step").reset_index()
        kept = paired
    else:
        lengths = Counter(len(one.values) for one in group if of_model(one.name))
        most = max(lengths, key=lambda length: (lengths[length], length))
        kept = [one for one in group if len(one.values) == most]
        frame = pd.DataFrame({one.name: one.values for one in kept})
        if not any(plain(one.name) in AXIS_NAMES for one in kept):
            frame.insert(0, "step", np.arange(1, most + 1, dtype=np.float64))
            notes.append("steps are places in the lists that were printed")
    notes += [
        f"'{one.name}' is not read: a list of {len(one.values)} values beside lists of {len(kept[0].values)}, "
        "and nothing says at which steps they were measured"
        for one in group
        if one not in kept
    ]
    frame.index = pd.Index([group[0].lines.start] * len(frame))
    frame.attrs |= {"notes": tuple(notes), "listed": True, "lines": len({line for one in kept for line in one.lines})}
    return frame
