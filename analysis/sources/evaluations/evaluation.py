"""An evaluation as read: from rows, one an example, to checked `Examples`, and the columns of a run that they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.core.errors import LogError
from analysis.core.examples import OVERALL, Examples, LeftOut
from analysis.core.metrics import Direction, stated_name
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count
from analysis.core.redact import redact_text
from analysis.core.run import LARGEST, Run

LONGEST_TEXT = 4_000
"""Characters of a question or an answer that are kept: a secret in what is shown of it is still whole."""

_TEXTS = ("question", "target", "answer")

MOST_TEXT = 60_000_000
"""Characters of all texts of a task beyond which none is kept: what was asked is then known by its hash alone."""

_HIGHER = frozenset(
    ["score", "correct", "is_correct", "correctness", "passed", "pass", "win", "quality", "grade", "mark", "rating"]
)

_TRUTHS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "correct": 1.0, "incorrect": 0.0, "c": 1.0, "i": 0.0}


@dataclass(frozen=True)
class Evaluation:
    """What was read of one model: its scores on one task or several.

    ``model`` is None where nothing names it; ``written`` orders evaluations of one task, of which the last counts.
    """

    examples: tuple[Examples, ...]
    files: tuple[str, ...]
    rows: int
    model: str | None = None
    written: str = ""
    notes: tuple[str, ...] = ()


def direction_of(score: str, samples: Sequence[Sample] = ()) -> Direction:
    """Return which way is better in a score, by its name, or if all there is are right and wrong answers."""
    said = metric_of(score).direction
    judged = bool(samples) and all(isinstance(s.value, bool) or s.value in (0.0, 0.5, 1.0, None) for s in samples)
    return "higher" if score in _HIGHER or (said == "none" and judged) else said


def examples_of(
    rows: pd.DataFrame,
    score: str,
    *,
    where: str,
    task: str = "",
    direction: Direction | None = None,
    leads: bool = True,
) -> Examples | None:
    """Make checked examples of rows; None where no row has both an ID and a score.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``id`` as text (missing where there is none), numbers under ``score`` (NaN or beyond `LARGEST`: not scored), and
        as far as known ``cluster``, ``weight``, ``question``, ``target``, ``answer``, and ``asked``, which tells the
        question where its text does not.
    score : str
        The column to take, by which the metric is called.
    where : str
        The file, for messages.

    Raises
    ------
    LogError
        If no row has an ID, or a weight is not positive.
    """
    values = rows[score].to_numpy(dtype=np.float64)
    named, scored = (rows["id"].notna() & (rows["id"] != "")).to_numpy(dtype=bool), np.abs(values) <= LARGEST
    if not named.any():
        raise LogError(
            f"{where}: no example has an ID, and evaluations are never compared by their order; add a column 'id'"
        )
    kept = rows[named & scored]
    heaviest = kept["weight"].max() if "weight" in kept and len(kept) else 1.0
    if not heaviest < np.inf or ("weight" in kept and not (kept["weight"] > 0).all()):
        raise LogError(f"{where}: 'weight' must be a positive number in every row; correct it, or leave the column out")
    kept, questions, repeated, ambiguous = _once(kept, score, _asked(kept))
    if kept.empty:
        return None
    scores = kept[score].to_numpy(dtype=np.float64)
    way = direction or direction_of(score)
    share = way == "higher" and bool(scores.min() >= 0 and scores.max() <= 1)
    name = redact_text("/".join(filter(None, (task.strip(), score.strip()))))
    return Examples(
        stated_name(name, direction=way, split="examples", unit="share" if share else ""),
        kept["id"].to_numpy(dtype=object),
        scores,
        clusters=pd.factorize(kept["cluster"], use_na_sentinel=False)[0] if "cluster" in kept else None,
        weights=kept["weight"].to_numpy(dtype=np.float64) / heaviest if "weight" in kept else None,
        questions=questions,
        texts=tuple(_texts(kept, name) for name in _TEXTS),  # type: ignore[arg-type]
        leads=leads,
        left_out=LeftOut(int((~named).sum()), int((named & ~scored).sum()), repeated, ambiguous),
    )


def as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return cells as text, None where there is none; whole numbers without a point, so that 7.0 and 7 are one ID."""
    cells = column.astype(object).tolist()
    kind = pd.api.types.infer_dtype(cells, skipna=False)
    if kind == "integer":
        cells = list(map(str, cells))
    elif kind != "string":
        cells = list(map(_word, cells))
    return pd.Series(cells, index=column.index, dtype=object)


def _word(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def score_of(value: Any) -> float | None:
    """Return a score as a number, NaN where there is none; None for what is no score.

    Examples
    --------
    >>> score_of(True), score_of("C"), score_of("0.5"), score_of(None), score_of("n/a"), score_of([1])
    (1.0, 1.0, 0.5, nan, None, None)
    """
    if value is None or value == "":
        return math.nan
    if isinstance(value, str):
        value = _TRUTHS.get(value.strip().lower(), value)
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (ValueError, TypeError):
        return None


def columns_of(examples: Iterable[Examples]) -> dict[str, float]:
    """Return the value of each metric of a run, the mean of several tasks first."""
    examples = list(examples)
    averaged = [e.mean for e in examples if e.may_be_averaged]
    overall = {OVERALL: float(np.mean(averaged))} if len(averaged) > 1 else {}
    return {**overall, **{e.metric: e.mean for e in examples}}


def own_names(columns: Iterable[str]) -> dict[str, str]:
    """Return the short name of each metric, by which people call it, to the name that says all."""
    return {metric_of(name).label: name for name in columns}


def in_one_unit(runs: Sequence[Run]) -> list[Run]:
    """Call a score alike in all runs: no share where one of them goes beyond 1, as marks from 0 to 5 may or may not."""
    beyond = {metric_of(m).label for run in runs for m in run.examples if not metric_of(m).share}
    return [
        _as_marks(run, [m for m in run.examples if metric_of(m).share and metric_of(m).label in beyond]) for run in runs
    ]


def _as_marks(run: Run, metrics: Sequence[str]) -> Run:
    if not metrics:
        return run
    other = {m: stated_name(metric_of(m).label, direction=metric_of(m).direction, split="examples") for m in metrics}
    examples = [replace(e, metric=other.get(m, m)) if m in other else e for m, e in run.examples.items()]
    renamed = {own: other.get(m, m) for own, m in run.provenance.renamed.items()}
    return replace(
        run,
        frame=run.frame.rename(columns=other),
        examples={e.metric: e for e in examples},
        provenance=replace(run.provenance, renamed=renamed),
        primary=other.get(run.primary, run.primary) if run.primary else None,
    )


def notes_of(examples: Sequence[Examples]) -> list[str]:
    """Say what was left out of the examples of a run, or taken together."""
    said = []
    for e in examples:
        label, lost = metric_of(e.metric).label, e.left_out
        parts = [
            (lost.unnamed, f"{count(lost.unnamed, 'example')} without an ID left out"),
            (lost.unscored, f"{count(lost.unscored, 'example')} without a score left out"),
            (lost.repeated, f"{count(lost.repeated, 'further answer')} to an ID that came before: the mean counts"),
            (lost.ambiguous, f"{count(lost.ambiguous, 'example')} left out whose ID stands for several texts"),
        ]
        told = "; ".join(words for number, words in parts if number)
        said.append(f"{label}: {count(e.ids.size, 'example')}" + (f"; {told}" if told else ""))
    return said


def _asked(rows: pd.DataFrame) -> npt.NDArray[np.uint64] | None:
    """Return a hash of what each row asked, 0 where that is not known; None where no row says it."""
    column = next((name for name in ("asked", "question") if name in rows), None)
    if column is None:
        return None
    texts = rows[column].fillna("").to_numpy(dtype=object)
    hashes = np.asarray(pd.util.hash_array(texts, categorize=False))
    hashes[texts == ""] = 0
    return hashes


def _once(
    rows: pd.DataFrame, score: str, questions: npt.NDArray[np.uint64] | None
) -> tuple[pd.DataFrame, npt.NDArray[np.uint64] | None, int, int]:
    """Take the rows of each ID together: the mean of their scores; an ID of several texts is left out.

    Returns
    -------
    tuple
        Rows, hashes of their questions, how many rows were taken into an earlier one, how many were left out.
    """
    again = rows["id"].duplicated(keep=False).to_numpy()
    if not again.any():
        return rows, questions, 0, 0
    ambiguous = np.zeros(len(rows), dtype=bool)
    if questions is not None:
        known = pd.Series(questions).where(questions != 0)
        kinds = known.groupby(rows["id"].to_numpy()).transform("nunique").to_numpy()
        ambiguous = kinds > 1
    left = rows[~ambiguous]
    first = ~left["id"].duplicated().to_numpy()
    means = left.groupby("id", sort=False)[score].mean()
    kept = left[first]
    kept = kept.assign(**{score: means.loc[kept["id"]].to_numpy()})
    hashes = None if questions is None else questions[~ambiguous][first]
    return kept, hashes, int((~first).sum()), int(ambiguous.sum())


def _texts(rows: pd.DataFrame, name: str) -> Sequence[str]:
    if name not in rows or rows[name].str.len().sum() > MOST_TEXT:
        return ()
    return [text[:LONGEST_TEXT] for text in rows[name].fillna("").tolist()]


@dataclass(frozen=True, slots=True)
class Sample:
    """One score of one example, as a tool writes it; ``variant`` tells scores of one name apart."""

    id: Any
    score: str
    value: Any
    variant: str = ""
    question: str = ""
    target: str = ""
    answer: str = ""
    asked: str = ""
    cluster: Any = None


def examples_of_samples(
    samples: Sequence[Sample], *, where: str, task: str, directions: Mapping[str, Direction] = MappingProxyType({})
) -> tuple[list[Examples], list[str]]:
    """Make checked examples of the scores of one task, the first of them leading; return them with notes.

    A score that is no number by example is left out, and so is one of which nobody can tell which way is better.
    """
    by_name: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        by_name.setdefault((sample.score, sample.variant), []).append(sample)
    variants = {score: sum(name == score for name, _ in by_name) for score, _ in by_name}
    found: list[Examples] = []
    notes: list[str] = []
    for (score, variant), own in by_name.items():
        name = f"{score},{variant}" if variants[score] > 1 else score
        direction = directions.get(score) or direction_of(score, own)
        values = [score_of(sample.value) for sample in own]
        if any(value is None for value in values) or direction == "none":
            why = "nobody can tell which way is better" if direction == "none" else "no number for each example"
            notes.append(f"{task}/{name}: left out, {why}")
            continue
        rows = pd.DataFrame({text: [getattr(sample, text) or None for sample in own] for text in _TEXTS})
        rows["id"], rows[name] = as_text(pd.Series([s.id for s in own], dtype=object)), values
        if any(sample.asked for sample in own):
            rows["asked"] = [sample.asked or None for sample in own]
        if any(sample.cluster is not None for sample in own):
            rows["cluster"] = as_text(pd.Series([s.cluster for s in own], dtype=object))
        examples = examples_of(rows, name, where=where, task=task, direction=direction, leads=not found)
        found += [examples] if examples is not None else []
    return found, notes
