"""Keep one row of the bars that Keras draws in an epoch, and recognise the bar of ``evaluate`` after them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.sources.printed_phases import of_model, phase_word
from analysis.sources.printed_sections import Kind
from analysis.sources.printed_wordings import Wordings

_HEADING = re.compile(r"\s*epoch[ :]+\0\s*(?:/|of)\s*\0\s*", re.IGNORECASE)


@dataclass(frozen=True)
class _Bar:
    """Line of a full bar: its number, the total of batches, whether it has metrics, and validation metrics."""

    place: int
    total: float
    measures: bool
    validates: bool


def one_an_epoch(kinds: Sequence[Kind], wordings: Wordings) -> tuple[list[Kind], tuple[str, ...]]:
    """Return the lines with one full bar per epoch, the bar of an evaluation after it named as test data, and notes.

    Keras first draws a full bar with running values, then another with the values of the epoch and its validation.

    Parameters
    ----------
    kinds : sequence of Kind
    wordings : Wordings
        Those of all lines.
    """
    if any(form.bar and "ETA" not in wording for wording, _, form in kinds):
        kinds = [kind for kind in kinds if not kind[2].bar or "ETA" not in kind[0]]
    headings = sorted(place for wording, places, _ in kinds if _HEADING.fullmatch(wording) for place in places)
    bars = _full_bars(kinds, wordings) if headings else []
    epochs: dict[int, list[_Bar]] = {}
    for bar in bars:
        epochs.setdefault(int(np.searchsorted(headings, bar.place)), []).append(bar)
    fewest = min(map(len, epochs.values()), default=0)
    kept, behind, several = set[int](), set[int](), 0
    for own in epochs.values():
        each = _of_epoch(own, fewest)
        kept.add(own[each - 1].place)
        rest = own[each:]
        evaluations = [bar for bar in (rest[each - 1 :: each] if len(rest) % each == 0 else rest) if bar.measures]
        behind |= {bar.place for bar in evaluations} if len(evaluations) == 1 else set()
        several += len(evaluations) if len(evaluations) > 1 else 0
    passed = {bar.place for bar in bars} - kept
    if not passed:
        return list(kinds), ()
    parts = []
    for wording, places, form in kinds:
        tested = [(f"test_{name}" if of_model(name) else name, at) for name, at in form.metrics]
        test = replace(form, step=None, total=None, bar=False, phase="test", metrics=tuple(tested))
        parts.append((wording, [place for place in places if place not in passed], form))
        parts.append((wording, [place for place in places if place in behind], test))
    notes = [
        "a full bar behind that of its epoch, as Keras' evaluate draws it, is taken for test data" if behind else "",
        f"{several} full bars behind that of their epoch are not read: several follow one epoch" if several else "",
    ]
    return [part for part in parts if part[1]], tuple(filter(None, notes))


def _full_bars(kinds: Sequence[Kind], wordings: Wordings) -> list[_Bar]:
    bars = []
    for wording, places, form in kinds:
        if not form.bar or form.step is None or form.total is None:
            continue
        counted = wordings.numbers(wording, places, {form.step, form.total})
        full = np.flatnonzero(counted[form.step] == counted[form.total])
        own = [name for name, _ in form.metrics if of_model(name)]
        said = bool(own), any(phase_word(name) not in ("", "train") for name in own)
        bars += [_Bar(places[at], float(counted[form.total][at]), *said) for at in full.tolist()]
    return sorted(bars, key=lambda bar: bar.place)


def _of_epoch(bars: Sequence[_Bar], fewest: int) -> int:
    """Return how many of the bars below a heading belong to the epoch itself: up to its validation, if it has one."""
    validated = [number for number, bar in enumerate(bars, start=1) if bar.validates]
    others = next((number for number, bar in enumerate(bars) if bar.total != bars[0].total), len(bars))
    return validated[-1] if validated else min(others, fewest)
