"""Use tokens, samples or time as the steps of printed lines that have neither a step nor an epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.sources.cells import scale_of
from analysis.sources.other_counters import as_steps, best_counter, counter_unit
from analysis.sources.printed_lines import NUMBER, Form
from analysis.sources.printed_sections import Kind

_TIME = re.compile(r"\s?(ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b")


def by_other_counter(kinds: Sequence[Kind], lines: Sequence[str]) -> tuple[list[Kind], tuple[str, ...]]:
    """Return lines with their best counter as the step, and a note with its unit; unchanged if none counts up.

    Parameters
    ----------
    kinds : sequence of Kind
        Lines without an axis.
    lines : sequence of str
        All lines of the text.
    """
    names = best_counter(dict.fromkeys(name for _, _, form in kinds for name, _ in form.metrics))
    for name in names:
        own = [(places, at) for _, places, form in kinds for other, at in form.metrics if other == name]
        units = {_unit(lines[places[0]], at) for places, at in own}
        if len(units) > 1:
            continue  # 59 s, 1 min
        each = units.pop()
        values = sorted((place, each * _value(lines[place], at)) for places, at in own for place in places)
        found = as_steps(name, np.array([value for _, value in values]))
        if found is not None:
            note = f"neither step nor epoch is printed: steps are {found[1]}, by '{name}'"
            return [(wording, places, _counted(form, name, each)) for wording, places, form in kinds], (note,)
    return list(kinds), ()


def _unit(line: str, at: int) -> float:
    """Return the seconds in the unit after a number (``elapsed 3 min``); 1 without a unit."""
    found = _TIME.match(line, list(NUMBER.finditer(line))[at].end())
    return {"m": 1e-3 if found[1] == "ms" else 60.0, "h": 3600.0, "d": 86400.0}.get(found[1][0], 1.0) if found else 1.0


def _value(line: str, at: int) -> float:
    slot = list(NUMBER.finditer(line))[at]
    return float(slot.group().replace(",", "")) * scale_of(line[slot.end() :])


def _counted(form: Form, name: str, each: float) -> Form:
    """Return a form in which one of its values is the step."""
    step = dict(form.metrics).get(name)
    unit = counter_unit(name)
    if step is None or unit is None:
        return form
    return replace(form, step=step, each=each * unit[1], metrics=tuple(own for own in form.metrics if own[0] != name))
