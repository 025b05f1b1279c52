"""Read printed logs of any tool by their structure: lines that repeat, with changing numbers and a step or epoch.

A line is reduced to its wording (every number replaced); wordings that name a step, iteration or epoch and a
value are read, all lines of one wording at once. Values on a line without an axis belong to the step before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import metric
from analysis.core.run import Dropped
from analysis.sources.arrange import arrange
from analysis.sources.axes import set_axes
from analysis.sources.base import Columns, bare_name
from analysis.sources.cells import AMBIGUOUS, scale_of
from analysis.sources.json_logs import is_json, is_one_value
from analysis.sources.metric_aliases import plain
from analysis.sources.other_languages import in_english
from analysis.sources.printed_axes import with_axis
from analysis.sources.printed_bars import one_an_epoch
from analysis.sources.printed_coco import with_coco_names
from analysis.sources.printed_counters import by_other_counter
from analysis.sources.printed_ends import (
    lines_of_the_best,
    results_at_the_end,
    results_beside_tables,
    with_results_below,
)
from analysis.sources.printed_lines import (
    NUMBER,
    Form,
    clean,
    form_of,
    has_decimal_commas,
    holds_lists,
    with_points,
)
from analysis.sources.printed_lists import lists_in, shortened_in
from analysis.sources.printed_phases import HELD_OUT, of_model, phase_word
from analysis.sources.printed_sections import (
    by_section,
    signature,
    with_short_names,
    without_constants,
    without_repeats,
)
from analysis.sources.printed_series import apart, as_one_kind
from analysis.sources.printed_wordings import Wordings
from analysis.sources.raw_log import RawLog
from analysis.sources.rows import merge_rows
from analysis.sources.several_runs import named_apart, parted
from analysis.sources.sidecar import run_stem
from analysis.sources.streams import text_head, whole_text
from analysis.sources.text_tables import is_delimited, is_header, tables_in

DOCUMENTS = (".ipynb", ".md")
"""Suffixes of files that hold more prose than values."""

NAME = "printed"
SCHEME = ""

MOST = "RUN_REPORTS_MAX_PRINTED_MB"
"""Setting that limits the size of a text that is read as a whole."""
_SUFFIXES = ("", ".log", ".txt", ".out", ".err", ".stdout", ".md", ".csv", ".jsonl")
_SNIFFED, _TABLE = (1 << 19, 1 << 24), 1 << 16
"""Characters read to recognise a log (the second if the first, perhaps source code, hold no values), or a table."""
_SUMMARY = "train_runtime"  # Hugging Face's last line: means over the whole run
_LONGEST = 20_000  # characters of a line of values
_HEADING = 100  # characters of a heading


def recognises(path: Path) -> bool:
    """True for text in which lines of values repeat with a rising step or epoch."""
    if not path.is_file() or _suffix(path) not in _SUFFIXES:
        return False
    start = text_head(path, _SNIFFED[0])
    if _is_other(path, start):
        return False
    return _is_log(path, start) or (path.stat().st_size > _SNIFFED[0] and _is_log(path, text_head(path, _SNIFFED[1])))


def _is_other(path: Path, text: str) -> bool:
    """True if a text starts with JSON or a table, which a source of its own reads faster."""
    text, _ = in_english(text)
    if is_json(text.lstrip("\ufeff \r\n").partition("\n")[0]):
        return True
    if _is_tabular(path):
        lines = _lines(text[:_TABLE])[:50]
        return form_of(lines[0]) is None and is_header(lines)
    return _suffix(path) in (".txt", ".log") and is_delimited(_lines(text)[0])


def _is_log(path: Path, text: str) -> bool:
    text, _ = in_english(text)
    if not text.strip("\ufeff \r\n") or is_one_value(text):
        return False
    return _holds_values(text, _lines(text[:_TABLE])[:50] if _is_tabular(path) else _lines(text), path)


def _suffix(path: Path) -> str:
    return Path(bare_name(path)).suffix


def _is_tabular(path: Path) -> bool:
    return bare_name(path).endswith((".csv", ".jsonl"))


def holds_values(text: str, path: Path) -> bool:
    """True if a text holds values by step, in lines, tables or lists."""
    text, _ = in_english(text)
    return _holds_values(text, _lines(text), path)


def _holds_values(text: str, lines: list[str], path: Path) -> bool:
    wordings, tables = _tables(text, lines)
    return any(len(table) > 1 for table in tables) or len(_values(lines, wordings, {}, path)[0]) >= 2


def _tables(text: str, lines: list[str]) -> tuple[Wordings, list[pd.DataFrame]]:
    """Return the wordings of the lines, empty for those of tables and lists, and these tables and lists in order."""
    wordings = Wordings(lines)
    tables = tables_in(lines, wordings)
    text = text.replace("\r", "\n")
    lists, taken = lists_in(text)
    taken |= {row for rows in shortened_in(text).values() for row in rows}
    for row in (row for row in {*taken, *(row for table in tables for row in table.index)} if row < len(lines)):
        wordings[row] = ""
    return wordings, sorted([*tables, *lists], key=lambda table: int(table.index[0]))


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Return the logs of a printed text, one for each training in it, read from its lines of values or its tables."""
    logs = logs_of(whole_text(path, MOST), path, columns)
    if not logs:
        raise LogError(f"{path}: no lines with a step and values; write a table with step,train_loss and give that")
    return logs


def logs_of(text: str, path: Path, columns: Columns) -> list[RawLog]:
    """Return a log for each training in a text, from its tables or its lines: whichever has more rows.

    Parameters
    ----------
    text : str
    path : Path
        File that contains the text.
    columns : Columns
        The user's names for the axes and metrics.
    """
    text, translated = in_english(text)
    lines = _lines(text)
    commas = ("numbers are printed with decimal commas",) if has_decimal_commas(text) else ()
    wordings, tables = _tables(text, lines)
    shortened = [*shortened_in(text)]
    listed = not any("listed" in one.attrs for one in tables) and holds_lists(text)
    del text  # the lines hold a second copy
    unclear: dict[str, int] = {}
    table, total, counted = _values(lines, wordings, unclear, path)
    long = [one for one in tables if len(one) > 1]
    in_tables = sum(map(len, long))
    if not in_tables and table.empty:
        return []
    by_lines = in_tables <= len(table)
    parts, results = (parted(table, lines), ()) if by_lines else with_results_below(long, lines)
    used = sum(map(len, parts))
    passed = sum(1 for line in lines if line.strip()) - sum(part.attrs.get("lines", len(part)) for part in parts)
    what = "lines of values" if by_lines else "rows of tables"
    means = ("of lists of numbers the mean is read",) if listed else ()
    notes = (
        *translated,
        *commas,
        *means,
        *(results or counted * (by_lines or table.empty)),
        f"printed log: {used} {what} read, {passed} other lines passed over",
    )
    if by_lines and in_tables:
        notes += (f"tables of {in_tables} rows beside the {used} lines of values are not read",)
    if not by_lines and len(table):
        notes += (f"{len(table)} lines of values beside the tables of {used} rows are not read",)
    notes += tuple(
        f"'{name}' is not read: only the ends of the list were printed, with ... between" for name in shortened
    )
    notes += tuple(f"a table of one row is left out: {_row(one)}" for one in tables if len(one) == 1)
    log = RawLog(table, NAME, (str(path),), used, lines=len(lines), notes=notes)
    if by_lines:
        if (size := table.attrs.get("n_valid")) is not None:
            log = replace(log, n_valid=size, notes=(*notes, f"validation set of {size:,} examples: counts are printed"))
        lost = tuple(Dropped(name, count, AMBIGUOUS) for name, count in unclear.items())
        logs = [[_of_lines(replace(log, frame=part, expected_steps=total), columns)] for part in parts]
        logs[0][0] = replace(logs[0][0], dropped=(*lost, *logs[0][0].dropped))
    else:
        logs = [
            arrange(
                replace(log, frame=part.reset_index(drop=True), notes=(*part.attrs.get("notes", ()), *notes)), columns
            )
            for part in parts
        ]
    return named_apart(logs, parts, lines, run_stem(path))


def _of_lines(log: RawLog, columns: Columns) -> RawLog:
    frame, lost, notes = set_axes(log.frame, columns=columns, where=log.files[0], numbered=True)
    frame, merged = merge_rows(frame)
    return replace(
        log, frame=frame, rows_read=len(log.frame), dropped=(*log.dropped, *lost, *merged), notes=(*notes, *log.notes)
    )


def _row(table: pd.DataFrame) -> str:
    return ", ".join(f"{name} {cell}" for name, cell in table.iloc[0].items())[:200]


def _lines(text: str) -> list[str]:
    text = with_points(text) if has_decimal_commas(text) else text
    lines = clean(with_coco_names(text).lstrip("\ufeff")).replace("\r", "\n").replace("\b", "").split("\n")
    return [line if len(line) < _LONGEST else "" for line in lines]


def _values(
    lines: list[str], wordings: Wordings, unclear: dict[str, int], path: Path
) -> tuple[pd.DataFrame, int | None, tuple[str, ...]]:
    """Return the rows of all lines of values in order, the planned number of steps if known, and notes.

    Values that may have thousands or decimals (``loss 2,971``) are left out and counted in ``unclear``. In a document,
    where most lines are prose, a wording or the values that it names must occur more than once.
    """
    groups: dict[str, list[int]] = {}
    best = lines_of_the_best(lines, wordings)
    for number, wording in enumerate(wordings):
        if number not in best and ("\0" in wording or 0 < len(wording) < _HEADING):
            groups.setdefault(wording, []).append(number)
    found = ((wording, form_of(lines[places[0]])) for wording, places in groups.items() if "\0" in wording)
    forms = {wording: form for wording, form in found if form}
    others = {wording: places for wording, places in groups.items() if wording not in forms}
    kinds = []
    for wording, places, form in by_section([(one, groups[one], form) for one, form in forms.items()], others, lines):
        forms[wording] = _of_phase(form, lines, places[0], forms)
        kinds.append((wording, places, forms[wording]))
    kinds, drawn = one_an_epoch(with_short_names(without_repeats(kinds)), wordings)
    if kinds and not any(_has_axis(form) for _, _, form in kinds):
        kinds, counted = by_other_counter(kinds, lines)
    else:
        counted = ()
    counts: Counter[tuple[str, ...]] = Counter()
    for _, places, form in kinds:
        counts[signature(form)] += len(places)
    kinds = without_constants(kinds, wordings)
    if path.suffix.lower() in DOCUMENTS:
        firm = {signature(form) for _, places, form in kinds if len(places) > 1}
        kinds = [kind for kind in kinds if signature(kind[2]) in firm]
        if not any(of_model(name) for _, _, form in kinds for name, _ in form.metrics):
            return pd.DataFrame(), None, ()
    axes = {_axis(form) for _, _, form in kinds if counts[signature(form)] > 1}
    blocks, totals, single = [], [], []
    for wording, places, form in as_one_kind(kinds, _SUMMARY):
        repeats = counts[signature(form)] > 1
        if _has_axis(form) and not repeats:  # a single line of its kind among other lines with an axis
            measures = not form.metrics or any(of_model(name) for name, _ in form.metrics)
            repeats = measures and _axis(form) in axes
        if repeats and _SUMMARY not in wording:
            block, total = _block(wordings, places, form, unclear, wording)
            blocks.append((wording, block))
            totals.append(total)
        elif not _has_axis(form):
            single.append((wording, places, form))
    if not blocks:
        return pd.DataFrame(), None, results_beside_tables(single, lines)
    bars = any(form.bar and form.total is not None for _, _, form in kinds)
    trainings, last = list[pd.DataFrame](), max(int(block.index[-1]) for _, block in blocks if len(block))
    if any(places[0] < last for _, places, form in single if form.phase not in ("", "train")):
        trainings = parted(with_axis(pd.concat(apart(blocks)).sort_index(kind="stable"), bars)[0], lines)
    final, blocks, told = results_at_the_end(single, blocks, lines, trainings)
    blocks += [(wording, _block(wordings, places, form, unclear, wording)[0]) for wording, places, form in final]
    table, notes = with_axis(pd.concat(apart(blocks)).sort_index(kind="stable"), bars)
    sizes = {size for _, block in blocks for name, size in block.attrs["counted"].items() if _held_out(name)}
    table.attrs["n_valid"] = sizes.pop() if len(sizes) == 1 else None
    planned = {total for total in totals if total is not None}
    restarts = "epoch" in table and "step" in table
    return (
        table,
        planned.pop() if len(planned) == 1 and not restarts else None,
        (*counted, *drawn, *notes, *told, *best.values()),
    )


def _of_phase(form: Form, lines: list[str], place: int, forms: Mapping[str, Form]) -> Form:
    """Return the form of an evaluation's results, its values prefixed with the phase of the non-empty line above."""
    if _has_axis(form) or form.phase or any(phase_word(name) for name, _ in form.metrics):
        return form
    before = next((line for line in reversed(lines[max(place - 3, 0) : place]) if line.strip()), "")
    wording = NUMBER.sub("\0", before)
    above = forms[wording].phase if wording in forms else phase_word(before) if len(before) < _HEADING else ""
    if above in ("", "train"):
        return form
    own = HELD_OUT if above != "test" else ()
    metrics = tuple(
        (f"{above}_{name}" if of_model(name) and plain(name) not in own else name, at) for name, at in form.metrics
    )
    return replace(form, metrics=metrics, phase=above)


def _block(
    wordings: Wordings, places: list[int], form: Form, unclear: dict[str, int], wording: str
) -> tuple[pd.DataFrame, int | None]:
    """Return the values of all lines of one wording, indexed by line number, and the planned number of steps."""
    wanted = {**dict(form.metrics), "\0step": form.step, "\0epoch": form.epoch, "\0total": form.total}
    values, pieces = wordings.numbers(wording, places, form.slots), wording.split("\0")
    judged = {name: at for name, at in form.metrics if metric(name).direction != "none"}
    ambiguous = [name for name, at in judged.items() if wordings.is_ambiguous(places, at, values[at])]
    unclear |= {name: unclear.get(name, 0) + len(places) for name in ambiguous}
    named = {name: at for name, at in wanted.items() if at is not None and name not in ambiguous}
    data = {name: values[at] * scale_of(pieces[at + 1]) for name, at in named.items()}
    if form.each is not None:
        data["\0step"] = np.round(data["\0step"] * form.each)
    counted: dict[str, int] = {}
    for name in (name for name, at in named.items() if at in form.shares):
        whole = values[named[name] + 1]
        if whole[0] > 0 and (whole == whole[0]).all() and (data[name] <= whole).all():
            data[name] = data[name] / whole
            counted[name] = int(whole[0])
    if form.total is not None and not form.bar and form.epoch is None and _is_epoch(data["\0step"], data["\0total"]):
        data["\0epoch"], data["\0step"] = data["\0step"], data.pop("\0total")
        form = replace(form, total=None)
    frame = pd.DataFrame(data, index=places)
    frame.attrs["counted"] = counted
    if form.bar and form.total is not None:
        frame = frame[frame["\0step"] == frame["\0total"]]  # a bar shows running values: the last is the epoch's
        frame = frame.drop(columns=["\0step", "\0total"])
        return frame, None
    totals = set(data["\0total"]) if form.total is not None else set()
    return frame, int(totals.pop()) if len(totals) == 1 else None


def _is_epoch(steps: np.ndarray[Any, Any], totals: np.ndarray[Any, Any]) -> bool:
    """True if the counts are epochs and the totals batches in them: ``3/100``, ``3/200``, ``4/100``."""
    same, rises = steps[1:] == steps[:-1], totals[1:] > totals[:-1]
    return bool(same.any() and not same.all() and rises[same].all() and (steps[1:] >= steps[:-1]).all())


def _held_out(name: str) -> bool:
    return phase_word(name) not in ("", "train") or metric(plain(name)).validates


def _has_axis(form: Form) -> bool:
    return form.step is not None or form.epoch is not None


def _axis(form: Form) -> tuple[bool, bool]:
    return form.step is not None, form.epoch is not None
