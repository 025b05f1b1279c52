"""Name printed values by the heading above them: ``Training``, ``Running validation``, ``Test set:``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from analysis.sources.metric_aliases import plain
from analysis.sources.printed_lines import Form
from analysis.sources.printed_phases import of_model, phase_word
from analysis.sources.printed_wordings import Wordings

Kind: TypeAlias = tuple[str, list[int], Form]
"""Lines of one wording: the wording, the line numbers, and the meaning of the numbers in them."""

_HEADING = re.compile(
    r"(?:^|[\s\-=*#>:|\]\[(])(train\w*|valid\w*|val|eval\w*|dev|test(?:ing)?)"
    r"(?:\s+(?:set|results?|metrics?|phase|stats|summary|data|error|performance))*[\s\W]*$",
    re.IGNORECASE,
)
_NEAR = 12
"""Lines below a heading to which it may apply."""
_MOST_WORDS = 50
"""Different words before one name that may belong to the name."""
_MOST = 0.8
"""Minimum share of the lines of one wording that are below a heading."""


def by_section(kinds: Sequence[Kind], others: Mapping[str, list[int]], lines: Sequence[str]) -> list[Kind]:
    """Return the lines, with those of one wording split by the phase of their heading and named by it.

    Parameters
    ----------
    kinds : sequence of Kind
    others : mapping of str to list of int
        Numbers of the lines without values, by their wording.
    lines : sequence of str
        All lines of the text.
    """
    found: dict[int, str] = {}
    for places in others.values():
        heading = _HEADING.search(lines[places[0]])
        if heading:
            found |= dict.fromkeys(places, phase_word(heading[1]))
    if not found:
        return list(kinds)
    heads = np.array(sorted(found))
    counted = np.array(sorted(place for _, places, form in kinds if _has_axis(form) for place in places))
    return [own for kind in kinds for own in _parted(kind, heads, found, counted)]


def without_repeats(kinds: Sequence[Kind]) -> list[Kind]:
    """Return lines without those that repeat the best or saved values, unless only these have the value of a step."""
    if not any(form.so_far for _, _, form in kinds):
        return list(kinds)
    counted = np.array(sorted(place for _, places, form in kinds if _has_axis(form) for place in places))
    steps: dict[tuple[str, str], set[int]] = {}
    for _, places, form in kinds:
        for name, _ in form.metrics if not form.so_far else ():
            steps.setdefault(_kind_of(name), set()).update(np.searchsorted(counted, places, side="right").tolist())
    kept = []
    for wording, places, form in kinds:
        said = [steps[kind] for name, _ in form.metrics if (kind := _kind_of(name)) in steps]
        own = np.searchsorted(counted, places, side="right").tolist()
        if (
            not form.so_far
            or len(places) == 1
            or (said and 2 * sum(step in set().union(*said) for step in own) < len(own))
        ):
            kept.append((wording, places, form))
    return kept


def _kind_of(name: str) -> tuple[str, str]:
    """Return the phase in the name of a value, and the last word of the name."""
    return phase_word(name).replace("eval", "val"), plain(name).rpartition("_")[2]


def without_constants(kinds: Sequence[Kind], wordings: Wordings) -> list[Kind]:
    """Return lines without those that have no metric and the same step throughout: they count nothing."""
    seen: dict[tuple[str, ...], set[tuple[float, ...]]] = {}
    for wording, places, form in kinds:
        if _has_axis(form) and not any(of_model(name) for name, _ in form.metrics):
            slots = [at for at in (form.epoch, form.step) if at is not None]
            values = wordings.numbers(wording, places, slots)
            seen.setdefault(signature(form), set()).update(zip(*(values[at] for at in slots), strict=True))
    constant = {signature for signature, values in seen.items() if len(values) == 1}
    return [kind for kind in kinds if signature(kind[2]) not in constant or len(kind[1]) == 1]


def with_short_names(kinds: Sequence[Kind]) -> list[Kind]:
    """Return lines whose names lose the words before them if these vary from line to line, as file names do."""
    longer: dict[str, set[str]] = {}
    for _, _, form in kinds:
        for name, _ in form.metrics:
            before, _, last = name.rpartition(" ")
            longer.setdefault(last, set()).update([before] if before else [])
    varying = {last for last, before in longer.items() if len(before) > _MOST_WORDS}
    if not varying:
        return list(kinds)
    return [(wording, places, replace(form, metrics=_short(form, varying))) for wording, places, form in kinds]


def _short(form: Form, varying: set[str]) -> tuple[tuple[str, int], ...]:
    last = [(name.rpartition(" ")[2], name, at) for name, at in form.metrics]
    return tuple((short if short in varying else name, at) for short, name, at in last)


def _parted(
    kind: Kind, heads: np.ndarray[tuple[int], np.dtype[np.int64]], found: Mapping[int, str], counted: np.ndarray
) -> list[Kind]:
    wording, places, form = kind
    named = [name for name, _ in form.metrics if of_model(name)]
    if form.phase or not named or any(map(phase_word, named)):
        return [kind]
    own = np.array(places)
    above = np.searchsorted(heads, own) - 1
    near = (above >= 0) & (own - heads[above] <= _NEAR)
    if not _has_axis(form) and len(counted):  # no step may start in between
        last = np.searchsorted(counted, own) - 1
        near &= (last < 0) | (counted[last] < heads[above])
    phases = [found[int(heads[at])] if is_near else "" for at, is_near in zip(above, near, strict=True)]
    known = {phase for phase in phases if phase}
    if known <= {"train"} or near.mean() < (1 if _has_axis(form) else _MOST):
        return [kind]
    if _has_axis(form) and not _is_bar(form) and len(known) < 2:
        return [kind]
    return [
        (wording, [at for at, said in zip(places, phases, strict=True) if said == phase], _of_phase(form, phase))
        for phase in sorted(set(phases))
    ]


def _of_phase(form: Form, phase: str) -> Form:
    if not phase:
        return form
    metrics = tuple((f"{phase}_{name}" if of_model(name) else name, at) for name, at in form.metrics)
    form = replace(form, metrics=metrics, phase=phase)
    return form if phase == "train" or not _is_bar(form) else replace(form, step=None, total=None, bar=False)


def _is_bar(form: Form) -> bool:
    return form.step is not None and form.total == form.step + 1


def _has_axis(form: Form) -> bool:
    return form.step is not None or form.epoch is not None


def signature(form: Form) -> tuple[str, ...]:
    """Return the signature of a kind of line: which axes it has, and the names of its values."""
    return (str(form.step is not None), str(form.epoch is not None), *(name for name, _ in form.metrics))
