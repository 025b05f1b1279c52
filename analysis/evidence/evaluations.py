"""Evaluations by example: the level of a run on a task, and comparisons of two runs on their common examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from analysis import statistics as st
from analysis.core.examples import OVERALL, Examples, Joined, joined
from analysis.core.metrics import metric as metric_of
from analysis.core.redact import redact_text
from analysis.core.run import FloatArray, Run
from analysis.evidence.comparability import gate
from analysis.statistics import Estimate

MOST_SHOWN = 10
"""Number of examples on which two runs differ that are kept for the report, over all tasks."""

_LONGEST = 240
"""Characters shown of a text."""

_SEED = 0


@dataclass(frozen=True)
class Differing:
    """An example on which two runs differ; texts are redacted and shortened, empty if not logged."""

    metric: str
    id: str
    baseline: float
    candidate: float
    question: str
    target: str
    answers: tuple[str, str]


@dataclass(frozen=True)
class PairedEvaluation:
    """Two runs on one task, or on the mean of their common tasks.

    Attributes
    ----------
    levels : tuple of Estimate
        Of the baseline and the candidate, on the common examples.
    result : Estimate
        Candidate minus baseline.
    bootstrap : Estimate or None
        The same difference with a bootstrap interval.
    n : int
        Number of common examples.
    only : tuple of int
        Numbers of examples of the baseline only, and of the candidate only.
    changed : int
        Number of common IDs with different texts, which are left out.
    won, lost : int or None
        If answers are right or wrong: numbers of examples that only the candidate, or only the baseline, got right.
    clusters : int or None
        Number of clusters of examples.
    required : int or None
        Number of examples that show a difference of this size with 80% power.
    p_adjusted : float or None
        p adjusted for the number of tasks by Holm's method (multi.holm); unadjusted for the mean of tasks.
    """

    baseline: str
    candidate: str
    metric: str
    levels: tuple[Estimate, Estimate]
    result: Estimate
    bootstrap: Estimate | None = None
    n: int = 0
    only: tuple[int, int] = (0, 0)
    changed: int = 0
    won: int | None = None
    lost: int | None = None
    clusters: int | None = None
    required: int | None = None
    p_adjusted: float | None = None

    @property
    def reason(self) -> str:
        """Why the difference is not, or hardly, one on common examples; empty if it is."""
        if self.comparable is None:
            return f"most examples are in one evaluation alone (both have {self.n:,})"
        if self.comparable:
            return ""
        different = f" ({self.changed:,} IDs stand for different texts)" if self.changed else ""
        return f"the evaluations have no example in common{different}"

    @property
    def comparable(self) -> bool | None:
        """False without a common example; None if most of the smaller evaluation has no counterpart; else True."""
        if self.metric != OVERALL and not self.n:
            return False
        others = min(self.only) + self.changed
        return True if self.metric == OVERALL or self.n >= others else None


def example_level(run: Run, metric: str) -> Estimate:
    """Return the level of a run in a metric by example, with its sampling error."""
    if metric == OVERALL:
        parts = [_level(e, None) for e in run.examples.values() if e.may_be_averaged]
        return st.mean_of("examples.mean_of_tasks", parts)
    return _level(run.examples[metric], None)


def paired_losses(first: Run, second: Run, metric: str) -> Estimate | None:
    """Compare two runs by the losses of single examples that their sidecars list in the order of the validation set.

    None unless both have them, in equal number, and state the same validation set (fullval.paired).
    """
    if metric not in first.examples or metric not in second.examples:
        return None
    losses = first.examples[metric].scores, second.examples[metric].scores
    if losses[0].size != losses[1].size or gate(first, second).state("validation_set") != "same":
        return None
    return st.paired_difference(*losses)


def paired_evaluation(first: Run, second: Run, metric: str) -> PairedEvaluation:
    """Compare two runs that both have a metric by example."""
    if metric == OVERALL:
        return _over_tasks(first, second)
    one, two = first.examples[metric], second.examples[metric]
    both = joined(one, two)
    if not both.n:
        levels = _level(one, None), _level(two, None)
        return PairedEvaluation(
            first.id, second.id, metric, levels, _unpaired(*levels), only=both.only, changed=both.changed
        )
    levels = _level(one, both.places[0]), _level(two, both.places[1])
    result = _difference(one, two, both)
    won = lost = None
    if one.is_share and two.is_share:
        scores = _scores(one, two, both)
        won, lost = int((scores[1] > scores[0]).sum()), int((scores[0] > scores[1]).sum())
    groups = _clusters(one, two, both)
    return PairedEvaluation(
        first.id,
        second.id,
        metric,
        levels,
        result,
        n=both.n,
        only=both.only,
        changed=both.changed,
        won=won,
        lost=lost,
        clusters=None if groups is None else int(np.unique(groups).size),
        required=st.required_size(result.se * math.sqrt(both.n), result.value, paired=True),
    )


def evaluations(baseline: Run, candidate: Run) -> tuple[PairedEvaluation, ...]:
    """Compare two runs on each task that both were evaluated on, the mean of tasks first; with bootstrap intervals."""
    common = [m for m in candidate.metrics if metric_of(m).by_example and m in baseline.metrics]
    pairs = [_resampled(baseline, candidate, paired_evaluation(baseline, candidate, m)) for m in common]
    by_holm = iter(st.holm([pair.result.p for pair in pairs if pair.metric != OVERALL]))
    adjusted = [pair.result.p if pair.metric == OVERALL else next(by_holm) for pair in pairs]
    known = [None if math.isnan(p) else p for p in adjusted]
    return tuple(replace(pair, p_adjusted=p) for pair, p in zip(pairs, known, strict=True))


def differing(baseline: Run, candidate: Run) -> tuple[Differing, ...]:
    """Return the examples on which two runs differ most: the largest differences of each task in turn."""
    led = [m for m, e in candidate.examples.items() if e.leads and metric_of(m).by_example]
    tasks = [_differing(baseline.examples[m], candidate.examples[m]) for m in led if m in baseline.examples]
    turns = [task[turn] for turn in range(MOST_SHOWN) for task in tasks if turn < len(task)]
    return tuple(turns[:MOST_SHOWN])


def _over_tasks(first: Run, second: Run) -> PairedEvaluation:
    common = [m for m, e in first.examples.items() if e.may_be_averaged and _averaged(second, m)]
    pairs = [pair for m in common if (pair := paired_evaluation(first, second, m)).n]
    name = "examples.mean_of_tasks"
    if not pairs:
        levels = example_level(first, OVERALL), example_level(second, OVERALL)
        return PairedEvaluation(first.id, second.id, OVERALL, levels, st.unknown(name, "no task in common"))
    result = st.mean_of(name, [pair.result for pair in pairs], tested=True)
    levels = (
        st.mean_of(name, [pair.levels[0] for pair in pairs]),
        st.mean_of(name, [pair.levels[1] for pair in pairs]),
    )
    return PairedEvaluation(first.id, second.id, OVERALL, levels, result, n=sum(pair.n for pair in pairs))


def _averaged(run: Run, metric: str) -> bool:
    return metric in run.examples and run.examples[metric].may_be_averaged


def _level(examples: Examples, places: np.ndarray | None) -> Estimate:
    chosen = slice(None) if places is None else places
    scores = examples.scores[chosen]
    clusters = None if examples.clusters is None else examples.clusters[chosen]
    if examples.is_share:
        return st.share_of_examples(scores, clusters=clusters)
    weights = None if examples.weights is None else examples.weights[chosen]
    return st.example_mean("examples.level", scores, clusters=clusters, weights=weights)


def _difference(one: Examples, two: Examples, both: Joined) -> Estimate:
    clusters = _clusters(one, two, both)
    before, after = _scores(one, two, both)
    if one.is_share and two.is_share and clusters is None:
        return st.paired_shares(before, after)
    weights = _of_either(one.weights, two.weights, both)
    return st.paired_difference(before, after, clusters=clusters, weights=weights, definition="examples.paired")


def _unpaired(one: Estimate, two: Estimate) -> Estimate:
    """Compare the levels of two evaluations without a common example."""
    if one.definition == two.definition == "examples.share":
        return st.share_difference(one, two)
    return st.difference("examples.unpaired", one, two)


def _resampled(first: Run, second: Run, pair: PairedEvaluation) -> PairedEvaluation:
    if pair.metric == OVERALL or not pair.n:
        return pair
    one, two = first.examples[pair.metric], second.examples[pair.metric]
    both = joined(one, two)
    before, after = _scores(one, two, both)
    drawn = st.bootstrap_difference(
        before,
        after,
        rng=np.random.default_rng(_SEED),
        clusters=_clusters(one, two, both),
        weights=_of_either(one.weights, two.weights, both),
    )
    return replace(pair, bootstrap=drawn)


def _scores(one: Examples, two: Examples, both: Joined) -> tuple[FloatArray, FloatArray]:
    return one.scores[both.places[0]], two.scores[both.places[1]]


def _clusters(one: Examples, two: Examples, both: Joined) -> np.ndarray | None:
    return _of_either(one.clusters, two.clusters, both)


def _of_either(one: np.ndarray | None, two: np.ndarray | None, both: Joined) -> np.ndarray | None:
    """Return the values of the first evaluation for the common examples, else of the second; None without any."""
    if one is not None:
        return np.asarray(one[both.places[0]])
    return None if two is None else np.asarray(two[both.places[1]])


def _differing(one: Examples, two: Examples) -> list[Differing]:
    both = joined(one, two)
    scores = _scores(one, two, both)
    size = np.abs(scores[1] - scores[0])
    largest = np.argsort(-size, kind="stable")
    change = (scores[1] - scores[0])[largest]
    ways = [largest[sign * change > 0][:MOST_SHOWN] for sign in (-1, 1)]
    found = []
    for place in [p for turn in zip_longest(*ways) for p in turn if p is not None][:MOST_SHOWN]:
        first, second = int(both.places[0][place]), int(both.places[1][place])
        question, target = (_shown(one.texts[kind], first) or _shown(two.texts[kind], second) for kind in (0, 1))
        answers = _shown(one.texts[2], first), _shown(two.texts[2], second)
        values = float(scores[0][place]), float(scores[1][place])
        found.append(Differing(one.metric, redact_text(str(one.ids[first]))[:80], *values, question, target, answers))
    return found


def _shown(texts: Sequence[str], place: int) -> str:
    """Return a text on one line, redacted first and then shortened, so that no part of a secret is left."""
    if not len(texts):
        return ""
    line = " ".join(redact_text(texts[place]).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
