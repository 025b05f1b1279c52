"""The sentences of a verdict: the result, its basis, its conditions, and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis import statistics as st
from analysis.core.deciding import REWARDS, deciding_order, is_loss
from analysis.core.examples import OVERALL
from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import in_unit, interval, number, p_words, rough, signed_number
from analysis.core.run import Run
from analysis.core.run_facts import place, total_steps
from analysis.core.run_names import display_name, metric_words
from analysis.core.settings import Settings
from analysis.evidence.best_values import best_value
from analysis.evidence.comparability import Gate, factor_names
from analysis.evidence.comparisons import COMPANIONS, Comparison
from analysis.evidence.seed_spread import LOSS_EXAMPLES

ALONE = 0.05
"""p up to which a single comparison by itself counts as a difference."""


LEAST_SEEDS, MOST_SEEDS = 3, 30
"""Least number of seeds per side to ask for, and the number above which no experiment is proposed."""


NAME_ONE = "Name the metric that counts with primary."


def sentence(
    result: str, names: tuple[str, str], primary: Comparison, settings: Settings, *, opposed: Comparison | None = None
) -> str:
    """Return the result in one sentence; ``opposed`` is a metric of the same rank that shows the opposite."""
    who, whom = names
    # The metric is named unless it is the validation loss.
    scope = "" if primary.metric in ("full_valid_loss", "valid_loss") else f" in {metric_words(primary.metric)}"
    kind = " a better model" if primary.seed_source == "none" else " better"
    margin = _margin_words(primary, settings)
    if result == "no evidence of a difference" and seeds_explain(primary, settings.alpha):
        whose = f"the configuration of {who} performs differently from that of {whom}{scope}"
        return f"There is no evidence that {whose}: another seed alone may make such a difference."
    return {
        "improved": f"{who} is{kind} than {whom}{scope}.",
        "regressed": f"{who} is{kind.replace('better', 'worse')} than {whom}{scope}.",
        "mixed": f"{who} against {whom} is mixed: {_opposites(primary, opposed, settings)}.",
        "equivalent": f"{who} and {whom} perform alike, within ±{margin}{scope}.",
        "stability-only change": f"{who} and {whom} differ in noise; no difference in performance is shown.",
        "no evidence of a difference": f"There is no evidence that {who} performs differently from {whom}{scope}.",
        "not comparable": f"{who} and {whom} cannot be compared{scope}: {primary.reason}.",
    }[result]


def _opposites(primary: Comparison, opposed: Comparison | None, settings: Settings) -> str:
    if opposed is None:
        return "performance and noise differ in opposite directions"
    return ", ".join(f"{c.verdict(settings.alpha)} in {metric_words(c.metric)}" for c in (primary, opposed))


def choice(primary: Comparison, opposed: Comparison | None, *, fatal: bool) -> str:
    """Return what the reader of a mixed result has to choose between."""
    if fatal:
        return "the level or the share of runs that survive"
    if opposed is None:
        return "performance or noise"
    return f"{metric_words(primary.metric)} or {metric_words(opposed.metric)}"


def fewer_survive(names: tuple[str, str], primary: Comparison, settings: Settings) -> str:
    """Return the sentence for a better configuration of which more runs died."""
    who, whom = names if primary.verdict(settings.alpha) == "better" else names[::-1]
    return f"{who} is better than {whom} in {metric_words(primary.metric)} where it trains, but more of its runs die."


def seeds_explain(primary: Comparison, alpha: float) -> bool:
    """True if two models differ beyond their own error, but by no more than seeds usually do."""
    return primary.known and primary.p is not None and primary.p <= alpha and not primary.shown(alpha)


def _margin_words(primary: Comparison, settings: Settings) -> str:
    margin = settings.margin_of(primary.metric, primary.level or 0.0)
    scale, unit = shown_scale(primary)
    return f"{number(scale * margin)}{unit}"


def numbers(primary: Comparison, stability: Comparison | None, result: str) -> str:
    """Return the numbers behind the result."""
    metric = metric_of(primary.metric).label
    rests = p_words(primary.p_adjusted) if primary.known else f"without an interval: {primary.result.reason}"
    shown = f"{metric} {_difference(primary)}, {rests}"
    scope = f" ({primary.scope})" if primary.scope != "whole" else ""
    with_noise = stability is not None and result in ("mixed", "equivalent", "stability-only change")
    noise = f"; noise ratio {interval(stability.as_interval())}" if stability is not None and with_noise else ""
    missed = f". {undecided(primary)}" if result in ("no evidence of a difference", "equivalent") else "."
    return shown + scope + noise + missed


def undecided(primary: Comparison) -> str:
    """Return what a comparison without a difference could have shown, and what would settle it."""
    result, (scale, unit) = primary.result, shown_scale(primary)
    if not primary.known:
        return _would_tell(primary)
    if primary.p is not None and not result.low <= 0 <= result.high:
        if primary.seed_sd_limit is not None and primary.seed_sd_limit <= (primary.usual_seed_sd or 0.0):
            return _would_tell(primary)
        if primary.p <= ALONE:
            return "Alone it would count as a difference; among all comparisons of this report it may be chance."
    # The minimum detectable difference treats the error as known, which it is not for a few seeds.
    if primary.mdd is None or primary.mdd < result.half_width:
        return f"Differences up to {rough(scale * max(abs(result.low), abs(result.high)))}{unit} fit the data."
    shown = f"A difference of {rough(scale * primary.mdd)}{unit} would show with 80% power"
    if not metric_of(primary.metric).by_example or primary.metric == OVERALL:
        return f"{shown}."
    n = st.required_size(result.se * math.sqrt(result.n), result.value, paired=True)
    return f"{shown}, one of this size in {n:,} examples." if n is not None else f"{shown}."


def _would_tell(primary: Comparison) -> str:
    """Return what would settle a difference between single runs."""
    scale, unit = shown_scale(primary)
    limit, usual, d = primary.seed_sd_limit, primary.usual_seed_sd, abs(primary.result.value)
    if d == 0:
        return "Both have the same value."
    if limit is None or usual is None:
        level = primary.level if primary.level is not None else 0.5
        wrong = max(min(1 - level, level), 0.01)
        n = examples_needed(wrong, d)
        return f"It would be a difference among {n:,} validation examples or more; state data.n_valid."
    if d <= (floor := 1.96 * primary.result.se):
        return f"That error is at least ±{rough(scale * floor)}{unit}: more examples and several seeds would tell."
    seeds = st.required_size(usual, d) or LEAST_SEEDS
    advice = (
        f"{max(seeds, LEAST_SEEDS)} seeds of each would tell"
        if seeds <= MOST_SEEDS
        else "hardly any number of seeds would show it"
    )
    unstated = primary.metric == "full_valid_loss" and not primary.result.n
    taken = f" (as of {LOSS_EXAMPLES:,} validation examples: state data.n_valid)" if unstated else ""
    size = f"{rough(scale * usual)}{unit}{taken}"
    return f"Seeds alone usually scatter by {size}, enough for a difference of this size: {advice}."


def examples_needed(wrong: float, difference: float) -> int:
    """Return the number of validation examples at which a difference of shares exceeds sampling and usual seed errors.

    ``d >= 1.96 sqrt(2 e/n + 2 e/(2n))`` solved for n, e the error rate.
    """
    return int(1.96**2 * 3 * wrong / difference**2) + 1


def shown_scale(comparison: Comparison) -> tuple[float, str]:
    """Return factor and unit for displaying a comparison: percentage points for differences of fractions."""
    row = metric_of(comparison.metric)
    fraction = row.unit == "fraction" or (row.share and (comparison.level or 0.0) <= 1)
    return (100, " pp") if fraction or comparison.metric in ("oscillation_rate", "valid_accuracy_counts") else (1, "")


def _difference(comparison: Comparison) -> str:
    """Format a difference with its sign and unit, and its interval if known."""
    scale, unit = shown_scale(comparison)
    if comparison.known:
        return interval(comparison.as_interval(), scale=scale, unit=unit, sign=True)
    return signed_number(scale * comparison.result.value) + unit


def seed_condition(primary: Comparison, result: str) -> str:
    """Return a sentence with the scatter of seeds up to which a result of single runs carries over; or empty."""
    limit = primary.seed_sd_limit
    if limit is None or result not in ("improved", "regressed", "mixed"):
        return ""
    scale, unit = shown_scale(primary)
    usual = f" (usual: about {rough(scale * primary.usual_seed_sd)}{unit})" if primary.usual_seed_sd else ""
    holds = f"carries over to the configurations unless seeds scatter by more than {rough(scale * limit)}{unit}{usual}"
    return f"One run each was compared; the result {holds}."


def comparability_condition(primary: Comparison, stability: Comparison | None, result: str) -> str:
    """Return what differs, or what is not stated although the result depends on it; empty if nothing."""
    if result == "no evidence of a difference" and primary.comparable is False:
        return f"{primary.reason[:1].upper()}{primary.reason[1:]}."
    if result in ("no evidence of a difference", "not comparable"):
        return ""
    noisy = stability if result in ("mixed", "equivalent", "stability-only change") else None
    unknown = [c.reason for c in (primary, noisy) if c is not None and c.comparable is None]
    return f"This holds only if both were measured alike: {'; '.join(unknown)}." if unknown else ""


def disagreement(against: Comparison | None, settings: Settings) -> str:
    """Return what another metric of the same data shows; empty without one."""
    if against is None:
        return ""
    return f"But {metric_words(against.metric)} is {against.verdict(settings.alpha)}: {_difference(against)}."


def at_best(candidate: Run, baseline: Run, primary: Comparison) -> str:
    """Return the best values of two runs, for runs that were better before their end; empty for seeds."""
    if primary.seeds is not None or metric_of(primary.metric).split == "train":
        return ""
    ours, theirs = (best_value(run, primary.metric) for run in (candidate, baseline))
    places = [place(run, primary.metric, one.best_step) for run, one in ((candidate, ours), (baseline, theirs))]
    shown = (f"{in_unit(primary.metric, one.best)} ({at})" for one, at in zip((ours, theirs), places, strict=True))
    return f"Each at its best checkpoint: {' against '.join(shown)}; choosing the best flatters both."


def shows_none(asked: Comparison) -> str:
    """Return what the metric that comes first shows, if another one decided."""
    return f"{metric_of(asked.metric).label} shows no difference{f': {_difference(asked)}' if asked.known else ''}."


def undecided_metric(primary: Comparison, compared: Sequence[Comparison], candidate: Run, baseline: Run) -> str:
    """Return why a validation metric did not decide, or which of several did; empty if there is nothing to say."""
    order = deciding_order(c.metric for c in compared if c.metric not in COMPANIONS)
    before = order[: order.index(primary.metric)] if primary.metric in order else order
    split = metric_of(primary.metric).split
    scores = [m for m in order if is_loss(primary.metric) and not is_loss(m) and metric_of(m).split == split]
    asked = [m for m in (*before, *scores) if metric_of(m).validates]
    blind = next((m for m in asked if not any(c.decides for c in compared if c.metric == m)), None)
    if blind is not None:
        why = next((c.result.reason for c in compared if c.metric == blind and c.result.reason), "its error is unknown")
        return f"{metric_of(blind).label} could not decide: {why}."
    word = primary.metric.rsplit("_", 1)[-1]
    alike = [m for m in order if m not in METRICS and metric_of(m).validates and m.endswith(f"_{word}")]
    changes = {c.metric: c.result.value * metric_of(c.metric).sign for c in compared if c.seeds == primary.seeds}
    of_one_kind = [
        m for m in order if m not in METRICS and metric_of(m).validates and is_loss(m) == is_loss(primary.metric)
    ]
    if primary.metric not in (*METRICS, candidate.primary, candidate.best_metric):
        if len(alike) > 1:
            return f"Of {len(alike)} validation sets the first decided; name another with primary."
        if any(changes.get(m, 0.0) * changes[primary.metric] < 0 for m in of_one_kind):
            kind = "losses" if is_loss(primary.metric) else "scores"
            first = f"{metric_words(primary.metric)} decided, as the first logged"
            return f"Of {len(of_one_kind)} validation {kind} {first}; name another with primary."
    if metric_of(primary.metric).validates or primary.metric in REWARDS:
        return ""
    unsaid = primary.metric not in METRICS and metric_of(primary.metric).label == primary.metric
    if split == "run" and unsaid and any(metric_of(m).split == "train" for m in order):
        stated = f"metrics: {{{primary.metric}: {{split: validation}}}}"
        return f"Nothing says on what {primary.metric} was measured; state it ({stated})."
    for run, other in ((candidate, baseline), (baseline, candidate)):
        own = [m for m in run.metrics if metric_of(m).validates and metric_of(m).direction != "none"]
        if own and not {*own} & {*other.metrics}:
            return f"Training data decided: {display_name(other.id)} has no {metric_words(own[0])} to compare."
    return ""


def length(candidate: Run, baseline: Run, matched: Comparison | None, settings: Settings) -> str:
    """Return how the lengths of two runs differ, and their difference at equal length; empty if alike."""
    steps = total_steps(candidate), total_steps(baseline)
    if min(steps) == 0 or max(steps) < 1.1 * min(steps):
        return ""
    planned = candidate.expected_steps or 0
    unfinished = f" of its planned {planned:,}" if planned > 1.1 * steps[0] else ""
    unit = "epochs" if candidate.counts_epochs and baseline.counts_epochs else "steps"
    ran = f"It ran {steps[0]:,}{unfinished} {unit} against {steps[1]:,}."
    if matched is None or not matched.known:
        return ran
    reading = matched.verdict(settings.alpha)
    words = {"better": "it is better", "worse": "it is worse"}.get(reading, "no difference is shown")
    difference = interval(matched.as_interval(), sign=True)
    return f"{ran} At equal length {words} in {metric_words(matched.metric)}: {difference}."


def attribution(pair: Gate, primary: Comparison | None) -> str:
    """Return why no factor can be named as the cause; empty if one can."""
    if not pair.factors:
        return ""
    asked = ["parent", "training_data", "batch_size"]
    if primary is None or primary.comparable is not None:
        asked.append("validation_set")  # else the condition has said it
    why = pair.reason(*asked)
    several = f"{factor_names(pair, 'and')} changed together" if len(pair.factors) > 1 else ""
    seed = "with one run each it may be the seed" if primary is not None and primary.seed_source == "none" else ""
    known = several or (why if pair.attributable != "same" else "")
    reasons = "; ".join(filter(None, [known, seed]))
    if not reasons:
        return ""
    return f"The cause is open: {reasons}."
