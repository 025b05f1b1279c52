"""Split rows with a column for their phase (training, validation) into metrics of each phase."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from analysis.core.run import NOT_METRICS
from analysis.sources.metric_aliases import plain, standard_names

_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "tr", "learn", "fit"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "eval", "evaluation", "evaluate"), "val"),
    **dict.fromkeys(("holdout", "heldout", "held_out"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
"""Prefix of the metrics for each value of such a column."""

PHASE_NAMES = (
    "phase",
    "split",
    "mode",
    "set",
    "stage",
    "subset",
    "partition",
    "part",
    "fold_type",
    "dataset",
    "data_split",
)


def phase_of(value: object) -> str | None:
    """Return "train", "val" or "test" for a word that names the phase, else None.

    >>> phase_of("Validation "), phase_of("warmup")
    ('val', None)
    """
    return _WORDS.get(plain(value).removesuffix("_set")) if isinstance(value, str) else None


_FILE = re.compile(
    r"(?:.*[_-])?(?:([a-z]+)[_-](?:errors?|loss(?:es)?|metrics|results|scores|log|history)|(val\w*|eval\w*))"
)


def phase_of_file(stem: str) -> str | None:
    """Return the phase in the name of a file that holds the metrics of one phase, else None.

    >>> phase_of_file("learn_error"), phase_of_file("val"), phase_of_file("train"), phase_of_file("test_run")
    ('train', 'val', None, None)
    """
    found = _FILE.fullmatch(stem.lower())
    return phase_of(found[1] or found[2]) if found else None


def _phase_in(value: object) -> str | None:
    """Return the only phase named in a text (``train_step``, ``val_epoch_end``), else None.

    >>> _phase_in("train_step"), _phase_in("checkpoint"), _phase_in("train_val_gap")
    ('train', None, None)
    """
    words = plain(value).split("_") if isinstance(value, str) and len(value) < _LONGEST else []
    named = {phase for word in words if (phase := phase_of(word))}
    return named.pop() if len(named) == 1 else None


FLAGS = {
    **dict.fromkeys(("is_train", "is_training", "training", "train"), ("val", "train")),
    **dict.fromkeys(("is_val", "is_valid", "is_validation", "is_eval", "is_test"), ("train", "val")),
}
"""Phases of false and true, by the name of a boolean column."""


def with_flags_as_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a boolean phase column (``is_train``) as words."""
    for name in (name for name in frame.columns if plain(name) in FLAGS):
        said = frame[name].map(lambda value: _BOOLEANS.get(str(value).lower().removesuffix(".0")))
        if said.notna().all() and said.nunique() == 2:
            false, true = FLAGS[plain(name)]
            return frame.assign(**{name: pd.array([true if one else false for one in said], dtype="str")})
    return frame


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


_EVENTS = (*PHASE_NAMES, "event", "event_type", "type", "kind", "log_type", "tag", "key")
"""Columns whose values may contain a phase among other words."""
_LONGEST = 40  # most characters of such a value


def phase_column(texts: Sequence[str], values: dict[str, Sequence[object]]) -> str | None:
    """Return the text column with the phase of each row, or None.

    All its values name phases, or it is called ``phase``, ``split`` ... and one does, or ``event`` ... and two do.
    """
    for name in sorted(texts, key=lambda one: plain(one) not in PHASE_NAMES):
        given = {value for value in values[name] if isinstance(value, str) and value.strip()}
        if plain(name) in _EVENTS and len(given) < 10 and len({*map(_phase_in, given)} - {None}) > 1:
            return name
        enough = any if plain(name) in PHASE_NAMES and len(given) < 10 else all
        if given and enough(map(phase_of, given)):
            return name
    return None


def by_phase(frame: pd.DataFrame, column: str, axes: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with a column for each metric and phase, and notes.

    A metric whose name contains the phase, or that is known by its own name and logged in a single phase (a learning
    rate, an mAP), keeps its name; any other gets the phase as a prefix (``val_loss``).

    Parameters
    ----------
    frame : pandas.DataFrame
    column : str
        Column with the phases.
    axes : sequence of str
        Columns that are not metrics.
    """
    labels = frame[column].ffill().bfill()
    phases = labels.map({value: _phase_in(value) or plain(str(value)) for value in labels.unique()})
    if "val" not in set(phases):  # the only evaluation beside the training is its validation, even if called test
        phases = phases.replace("test", "val")
    found = list(dict.fromkeys(phases.dropna()))
    if not found:
        return frame.drop(columns=column), ()
    rows = {phase: phases == phase for phase in found}
    once: list[str] = []
    parts: dict[str, pd.Series[float]] = {}
    for name in frame.columns:
        if name == column:
            continue
        values = frame[name]
        if name in axes or not pd.api.types.is_numeric_dtype(values):
            parts[name] = values
            continue
        logged = [phase for phase in found if values[rows[phase]].notna().any()] or found[:1]
        if "train" in logged and len(logged) > 1 and _is_of_training(name):
            once.append(name)
            logged = ["train"]
        for phase in logged:
            own = _name(name, phase, alone=len(logged) == 1)
            part = values.where(rows[phase])
            parts[own] = parts[own].combine_first(part) if own in parts else part
    counts = ", ".join(f"{phase} {int(marked.sum())}" for phase, marked in rows.items())
    notes = [f"'{column}' says on which data each row was measured ({counts} rows)"]
    if once:
        notes.append(f"{', '.join(once)}: of the training, read from its rows alone")
    return pd.DataFrame(parts), tuple(notes)


def _is_of_training(name: str) -> bool:
    """True for metrics that belong to the training on any row, such as the learning rate."""
    return "learning_rate" in standard_names([name], source="", chosen={}).values()


def _name(name: str, phase: str, *, alone: bool) -> str:
    words = plain(name).split("_")
    if name in NOT_METRICS or phase_of(words[0]) or phase_of(words[-1]):
        return name
    known = next(iter(standard_names([name], source="", chosen={}).values()), "")
    prefixed = f"{phase}_{name}"
    if _is_of_training(name):
        return name
    if alone and known and not known.startswith(("train_", "valid_", "full_valid_")):
        return name  # measured in one phase only, and known by its own name
    if alone and phase == "train" and not known:
        return name
    return prefixed
