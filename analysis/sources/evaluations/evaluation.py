"""Evaluations: from rows, one per example, to checked `Examples` and the columns of a run."""

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
"""Characters kept of a question or an answer: more than reports show, so that secrets in it are whole and redacted."""

_TEXTS = ("question", "target", "answer")

MOST_TEXT = 60_000_000
"""Characters of one kind of text in a task beyond which none are kept; questions are then known by hash only."""

_HIGHER = frozenset(
    ["score", "correct", "is_correct", "correctness", "passed", "pass", "win", "quality", "grade", "mark", "rating"]
)

_TRUTHS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "correct": 1.0, "incorrect": 0.0, "c": 1.0, "i": 0.0}


@dataclass(frozen=True)
class Evaluation:
    """The scores of one model on one task or several.

    ``model`` is None if it is not named; evaluations of one task are ordered by ``written``, and the last counts.
    """

    examples: tuple[Examples, ...]
    files: tuple[str, ...]
    rows: int
    model: str | None = None
    written: str = ""
    notes: tuple[str, ...] = ()


def direction_of(score: str, samples: Sequence[Sample] = ()) -> Direction:
    """Return the direction of a score by its name; higher is better if all samples are right or wrong answers."""
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
    """Return checked examples made from rows; None if no row has both an ID and a score.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``id`` (text or missing), ``score`` (numbers; NaN or beyond `LARGEST` means not scored), and optionally
        ``cluster``, ``weight``, ``question``, ``target``, ``answer`` and ``asked``, which identifies the question
        instead of its text.
    score : str
        Column of scores, which also names the metric.
    where : str
        Name of the file, for messages.

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
    kept, questions, repeated, ambiguous = _merge_repeated(kept, score, _question_hashes(kept))
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
    """Return cells as text, None if missing; whole numbers lose their point, so that 7.0 and 7 are one ID."""
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
    """Return a score as a number, NaN if it is missing; None if the value is not a score.

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
    """Return the value of each metric of a run; first, if there are several tasks, their mean."""
    examples = list(examples)
    averaged = [e.mean for e in examples if e.may_be_averaged]
    overall = {OVERALL: float(np.mean(averaged))} if len(averaged) > 1 else {}
    return {**overall, **{e.metric: e.mean for e in examples}}


def own_names(columns: Iterable[str]) -> dict[str, str]:
    """Return a mapping from the short label of each metric to its full name."""
    return {metric_of(name).label: name for name in columns}


def in_one_unit(runs: Sequence[Run]) -> list[Run]:
    """Rename scores so that all runs agree: a score that exceeds 1 in any run, as marks from 0 to 5, is no share."""
    beyond = {metric_of(m).label for run in runs for m in run.examples if not metric_of(m).share}
    return [
        _without_share(run, [m for m in run.examples if metric_of(m).share and metric_of(m).label in beyond])
        for run in runs
    ]


def _without_share(run: Run, metrics: Sequence[str]) -> Run:
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
    """Return notes on the examples of a run that were left out or merged."""
    said = []
    for e in examples:
        label, lost = metric_of(e.metric).label, e.left_out
        parts = [
            (lost.unnamed, f"{count(lost.unnamed, 'example')} without an ID left out"),
            (lost.unscored, f"{count(lost.unscored, 'example')} without a score left out"),
            (lost.repeated, f"{count(lost.repeated, 'further answer')} to an ID that came before: the mean counts"),
            (lost.ambiguous, f"{count(lost.ambiguous, 'example')} left out whose ID stands for several texts"),
        ]
        omitted = "; ".join(words for number, words in parts if number)
        said.append(f"{label}: {count(e.ids.size, 'example')}" + (f"; {omitted}" if omitted else ""))
    return said


def _question_hashes(rows: pd.DataFrame) -> npt.NDArray[np.uint64] | None:
    """Return a hash of each row's question, 0 if unknown, shape (rows,); None without a column of questions."""
    column = next((name for name in ("asked", "question") if name in rows), None)
    if column is None:
        return None
    texts = rows[column].fillna("").to_numpy(dtype=object)
    hashes = np.asarray(pd.util.hash_array(texts, categorize=False))
    hashes[texts == ""] = 0
    return hashes


def _merge_repeated(
    rows: pd.DataFrame, score: str, questions: npt.NDArray[np.uint64] | None
) -> tuple[pd.DataFrame, npt.NDArray[np.uint64] | None, int, int]:
    """Merge the rows of each ID, with the mean of their scores; an ID with several questions is left out.

    Returns
    -------
    tuple
        Rows, hashes of their questions, number of rows merged into an earlier one, number of rows left out.
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
    """One score of one example, as a tool writes it; ``variant`` distinguishes scores of the same name."""

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
    """Return checked examples made from the scores of one task, the first one leading, and notes.

    A score without a number for each example is left out, and so is a score of unknown direction.
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
