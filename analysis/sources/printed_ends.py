"""Place results that are printed once, after the last step of a training: ``Test acc: 0.91``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_lines import NUMBER, Form, form_of
from analysis.sources.printed_phases import of_model, phase_word
from analysis.sources.printed_sections import Kind

_FINAL = re.compile(r"^(?:final|overall)[ _]", re.IGNORECASE)
_SUMMARY = re.compile(r"\b(?:best|train_runtime)\b", re.IGNORECASE)
_BEST = re.compile(r"\bbest (?:iteration|epoch|step|round)\b[^\d]*:\s*$", re.IGNORECASE)
_TOLD = 5
_BELOW = 200  # lines below a table
_SHOWN = 60  # characters of a line in a note

Block: TypeAlias = tuple[str, pd.DataFrame]
"""Wording of the lines, and their values indexed by line number."""


def lines_of_the_best(lines: Sequence[str], wordings: Sequence[str]) -> dict[int, str]:
    """Return a note for each line that repeats the best step below a heading (LightGBM), by line number."""
    found = {}
    for place, wording in enumerate(wordings[:-1]):
        if "\0" not in wording and "\0" in wordings[place + 1] and _BEST.search(wording):
            found[place + 1] = f"{_line(lines, place + 1)} says what the best step was: not read as a row"
    return found


def results_at_the_end(
    single: Sequence[Kind], blocks: Sequence[Block], lines: Sequence[str], trainings: Sequence[pd.DataFrame] = ()
) -> tuple[list[Kind], list[Block], tuple[str, ...]]:
    """Return the single lines that hold results at the end of a training, the remaining blocks, and notes.

    Such a line names held-out data, comes after all steps, and no other value of that name was measured. Notes list
    other lines that look like results and are not read.

    Parameters
    ----------
    single : sequence of Kind
        Lines of values without an axis that occur once.
    blocks : sequence of Block
        Values read so far.
    lines : sequence of str
        All lines of the text.
    trainings : sequence of pandas.DataFrame
        Rows of each training indexed by line number, if there are several.
    """
    counted = [block for _, block in blocks if "\0step" in block or "\0epoch" in block]
    ends = [max((int(block.index[-1]) for block in counted if len(block)), default=len(lines))]
    bounds = [0, len(lines)]
    if len(trainings) > 1:
        bounds[1:1] = [int(part.index[0]) for part in trainings[1:]]
        ends = [int(part.index[-1]) for part in trainings]
    taken, notes, left = list[Kind](), list[str](), list(blocks)
    for (start, behind), end in zip(pairwise(bounds), ends, strict=True):
        own = [
            (wording, [place for place in places if start <= place < behind], form) for wording, places, form in single
        ]
        results, left, told = _of_training([kind for kind in own if kind[1]], left, lines, range(end, behind))
        taken += results
        notes += told
    more = (f"{len(notes) - _TOLD} more results stand without a step",) if len(notes) > _TOLD else ()
    return taken, left, (*notes[:_TOLD], *more)


def _of_training(
    single: Sequence[Kind], blocks: Sequence[Block], lines: Sequence[str], behind: range
) -> tuple[list[Kind], list[Block], list[str]]:
    """Return the same for one training; ``behind`` is the range from its last line with a step to the next training."""
    several = [one for one in blocks if _several(one[1], behind.start) and one[1].index[-1] in behind]
    left = [one for one in blocks if not any(one is other for other in several)]
    measured = {_what(str(name)) for _, block in left for name in block.columns}
    given = [_what(str(name)) for _, block in several for name in block.columns]
    values: dict[tuple[str, str], list[str]] = {}
    for _, places, form in single:
        for name, value in _results(form, lines[places[0]]):
            values.setdefault(_what(name), []).append(value)
    given += [what for what, said in values.items() for _ in (said[:1] if _agree(said) else said)]
    notes = [f"{len(block)} lines such as {_line(lines, int(block.index[0]))} {_SEVERAL}" for _, block in several]
    taken: list[Kind] = []
    for wording, places, form in single:
        names, shown = [name for name, _ in _results(form)], _line(lines, places[0])
        if not any(of_model(name) for name, _ in form.metrics) or (places[0] < behind.start and not names):
            continue
        if form.so_far or _SUMMARY.search(wording) or not names:
            notes += [f"{shown} is not read: no step, and no measurement of held-out data at the end"]
        elif any(given.count(_what(name)) > 1 for name in names):
            notes.append(f"{shown} {_SEVERAL}")
        elif any(_what(name) in measured for name in names):
            notes.append(f"{shown} is not read: it has no step, and the same was measured at steps before")
        elif places[0] < behind.start:
            notes.append(f"{shown} is not read: it has no step, and stands once, before the end of the run")
        else:
            new = [name for name in names if values.pop(_what(name), None)]
            if new:
                notes.append(
                    f"{shown} stands once, behind the last step: taken for a measurement at the end of the run"
                )
                metrics = tuple((_FINAL.sub("", name), at) for name, at in form.metrics if name in new)
                taken.append((wording, places, replace(form, metrics=metrics)))
    return taken, left, notes


def _agree(values: Sequence[str]) -> bool:
    """True if printed values are equal to the decimals of the shortest, at least two: 0.47 and 0.4712."""
    written = sorted((float(value.replace(",", "")), len(value.partition(".")[2])) for value in values)
    fewest = min(digits for _, digits in written)
    return written[-1][0] - written[0][0] <= 0.51 * 10.0**-fewest and fewest > 1


def results_beside_tables(single: Sequence[Kind], lines: Sequence[str]) -> tuple[str, ...]:
    """Return notes that single results on held-out data, beside tables, are not read."""
    places = [places[0] for _, places, form in single if _results(form)][:_TOLD]
    return tuple(f"{_line(lines, place)} is not read: it has no step, and stands beside a table" for place in places)


def results_below(table: pd.DataFrame, lines: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with the held-out results of the text lines below it in its last row, and notes."""
    found: dict[str, list[float]] = {}
    known = {_what(str(name)) for name in table.columns}
    for line in lines:
        form = form_of(line)
        bare = form is not None and form.step is None and form.epoch is None and not form.so_far
        for name, value in _results(form, line) if form and bare and not _SUMMARY.search(line) else ():
            found.setdefault(_FINAL.sub("", name), []).append(float(value.replace(",", "")))
    single = {name: values[0] for name, values in found.items() if len(values) == 1 and _what(name) not in known}
    if not single or not len(table):
        return table, ()
    last = np.arange(len(table)) == len(table) - 1
    notes = (
        f"'{name}' {value:g} stands below the rows: taken for a measurement at the end"
        for name, value in single.items()
    )
    return table.assign(**{name: np.where(last, value, np.nan) for name, value in single.items()}), tuple(notes)


def with_results_below(
    tables: Sequence[pd.DataFrame], lines: Sequence[str]
) -> tuple[list[pd.DataFrame], tuple[str, ...]]:
    """Return printed tables (indexed by line number) with the results below each in its last row, and notes."""
    kept, told = list(tables), list[str]()
    ends = [*(int(table.index[0]) for table in tables[1:]), len(lines)]
    for place, (table, end) in enumerate(zip(tables, ends, strict=True)):
        last = int(table.index[-1]) + 1
        if "listed" not in table.attrs:
            kept[place], notes = results_below(table, lines[last : min(end, last + _BELOW)])
            told += notes
    return kept, tuple(told)


_SEVERAL = "behind the last step: ambiguous, as several have that name; not read"


def _several(block: pd.DataFrame, end: int) -> bool:
    """True if all lines of a wording come after the last step and only values of the model differ between them."""
    if "\0step" in block or "\0epoch" in block or len(block) < 2 or block.index[0] < end:
        return False
    return all(of_model(str(name)) for name in block.columns if block[name].nunique(dropna=False) > 1) and bool(
        (block.nunique(dropna=False) > 1).any()
    )


def _line(lines: Sequence[str], place: int) -> str:
    return f"'{' '.join(lines[place].split())[:_SHOWN]}'"


def _results(form: Form, line: str | None = None) -> list[tuple[str, str]]:
    """Return the names of a line's values on held-out data, and the values as written (empty without the line)."""
    numbers = NUMBER.findall(line) if line is not None else []
    named = [(name, at) for name, at in form.metrics if of_model(name)]
    held = [(n, at) for n, at in named if phase_word(n) not in ("", "train") or metric(plain(n)).validates]
    return [(name, numbers[at] if at < len(numbers) else "") for name, at in held]


def _what(name: str) -> tuple[str, str]:
    """Return the phase in the name of a value, and the name without it."""
    words = [word for word in plain(_FINAL.sub("", name)).split("_") if word and not phase_word(word)]
    return phase_word(name).replace("eval", "val"), "_".join(words).replace("accuracy", "acc")
