"""Counters for a log without steps and epochs: tokens, samples, frames; as a last resort time."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from analysis.sources.metric_aliases import plain

_OF_ALL = r"seen|processed|consumed|trained|so_far|total|cumulative|elapsed"
_THINGS = re.compile(
    rf"(?:(?:train|training|num|n|input|global|{_OF_ALL})_)*(?P<what>token|sample|example|image|img|kimg|sequence|frame)s?"
    rf"(?:_(?:{_OF_ALL}))*(?:_\(?(?P<scale>k|m|b|bn|thousand|million|billion)s?\)?)?"
)
_TIME = re.compile(
    r"(?:(?:total|elapsed|wall|wall_clock|relative|train|training|cumulative)_?)*"
    r"(?:time_?|clock_?|elapsed_?|runtime_?)?\(?(?P<unit>s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?)?\)?"
)
_SCALES = {"k": 1e3, "t": 1e3, "m": 1e6, "b": 1e9}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_CUMULATIVE = re.compile(rf"{_OF_ALL}|wall|relative")
PROGRESS = frozenset({"progress", "percent", "percentage", "percent_complete"})
"""Names of columns with the completed share of a run."""
_SHORTS = {"img": "images", "kimg": "images"}
_RISES = 0.9
"""Minimum share of the values that do not fall: several trainings may follow each other."""

Values = npt.NDArray[np.float64]


def counter_unit(name: str) -> tuple[str, float] | None:
    """Return the unit that a column may count, and the factor to that unit; None for other names.

    >>> counter_unit("Tokens seen"), counter_unit("tokens (B)"), counter_unit("elapsed_hours"), counter_unit("tokens/s")
    (('tokens', 1.0), ('tokens', 1000000000.0), ('seconds', 3600.0), None)
    """
    key = plain(name)
    if found := _THINGS.fullmatch(key):
        scale = _SCALES[found["scale"][0]] if found["scale"] else 1e3 if found["what"] == "kimg" else 1.0
        return _SHORTS.get(found["what"], f"{found['what']}s"), scale
    if len(key) > 1 and (found := _TIME.fullmatch(key)):
        return "seconds", float(_SECONDS[(found["unit"] or "s")[0]])
    return ("thousandths of the whole", 10.0) if key in PROGRESS else None


def best_counter(names: Iterable[str]) -> list[str]:
    """Return the names of possible counters, tokens and samples before time.

    >>> best_counter(["loss", "time", "samples"])
    ['samples', 'time']
    """
    units = {name: unit for name in names if (unit := counter_unit(name))}
    return sorted(units, key=lambda name: units[name][0] == "seconds")


def as_steps(name: str, values: Values) -> tuple[Values, str] | None:
    """Return whole steps and their unit if the values of a counter rise from near zero; else None.

    The duration of each step does not, except by chance; a name that says "total" or the like may start higher.
    """
    unit = counter_unit(name)
    if unit is None or len(values) < 3 or not np.isfinite(values).all() or values.min() < 0:
        return None
    apart = np.diff(values)
    up = apart[apart > 0]
    if len(up) < 2 or (apart >= 0).mean() < _RISES:
        return None
    if not _CUMULATIVE.search(plain(name)) and values[0] > 4 * np.median(up):
        return None
    steps = values * unit[1]
    if unit[0] == "seconds":
        steps = np.round(steps)
        if (np.diff(steps)[apart > 0] == 0).any():
            return None
    return (np.round(steps), unit[0]) if np.abs(steps - np.round(steps)).max() < 1e-6 * max(steps.max(), 1) else None
