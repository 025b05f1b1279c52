"""The evidence's overall result and grades: pure functions of comparisons, never of single points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from analysis.arms import arms
from analysis.blocks import Tone
from analysis.comparability import Gate, factor_names
from analysis.compare import COMPANIONS, Comparison
from analysis.document import ended_nonfinite
from analysis.evidence import RunEvidence
from analysis.metrics import judged
from analysis.metrics import metric as metric_of
from analysis.naming import display_name, metric_name, metric_words
from analysis.schema import Run
from analysis.settings import Settings
from analysis.tables import interval, listed, number, p_value

RESULTS: Mapping[str, Tone] = {
    "improved": "good",
    "regressed": "bad",
    "mixed": "warning",
    "equivalent": "neutral",
    "stability-only change": "warning",
    "no evidence of a difference": "neutral",
    "insufficient data": "unknown",
}
"""The seven results, and how each is meant."""

LOSSES = ("full_valid_loss", "valid_loss", "train_loss")
"""What a run that ended as NaN or infinite died of."""

REWARDS = ("eval_reward", "reward")
PRIMARY = (*REWARDS, *LOSSES)
"""What "performance" is: the first of these that both runs have with an interval, else any judged metric.

Whoever logs a reward trains for it; the loss beside it only carries the gradient, and may rise as the reward does.
"""


@dataclass(frozen=True)
class Verdict:
    """The overall result with the comparisons behind it.

    ``sentence`` is for a reader in a hurry; ``numbers`` are what it rests on, ``condition`` what it takes to
    hold, ``attribution`` what cannot be concluded from it.
    """

    result: str
    headline: str
    sentence: str
    tone: Tone
    numbers: str = ""
    condition: str = ""
    attribution: str = ""
    primary: Comparison | None = None
    stability: Comparison | None = None
    attributable: str = "cannot tell"
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the verdict's details as the results JSON holds them."""
        return {
            "result": self.result,
            "sentence": self.sentence,
            "numbers": self.numbers,
            "condition": self.condition,
            "attribution": self.attribution,
            "primary": self.primary.to_json() if self.primary else None,
            "stability": self.stability.to_json() if self.stability else None,
            "attributable": self.attributable,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class EvidenceGrade:
    """What the evidence lets one say of a run; ``group`` 1 is beaten by none, None is not ranked."""

    stability: str
    stability_why: str
    performance: str
    performance_why: str
    group: int | None = None


def judge(
    candidate: Run,
    baseline: Run | None,
    compared: Sequence[Comparison],
    pair: Gate | None,
    settings: Settings,
    *,
    diverged: Mapping[str, str] = MappingProxyType({}),
) -> Verdict:
    """Decide the overall result of the candidate against the baseline.

    ``diverged`` says of runs, by ID, how they diverged: that decides where no comparison can.
    """
    if baseline is None or pair is None:
        sentence = f"There is nothing to compare {display_name(candidate.id)} with; the report describes one run."
        return Verdict("insufficient data", "SINGLE RUN", sentence, "unknown")
    primary, stability = primary_comparison(compared), stability_comparison(compared)
    names = display_name(candidate.id), display_name(baseline.id)
    ended = [_ended_badly(run) for run in (candidate, baseline)]
    if (ended[0] is None) == (ended[1] is None) and primary is None:
        ended = [_took_off(run, diverged) for run in (candidate, baseline)]
    if (ended[0] is None) != (ended[1] is None):
        result, comparative = ("improved", "better") if ended[0] is None else ("regressed", "worse")
        sentence = f"{names[0]} is {comparative} than {names[1]}: {ended[0] or ended[1]}."
        return Verdict(result, result.upper(), sentence, RESULTS[result], attribution=_attribution(pair))
    if primary is None:
        blind = next((c for c in compared if c.result.reason and c.metric not in COMPANIONS), None)
        why = _unshared(candidate, baseline)
        why = f"{metric_name(blind.metric)} has no interval ({blind.result.reason})" if blind else why
        sentence = f"The logs do not suffice to compare {names[0]} with {names[1]}: {why}."
        return Verdict("insufficient data", "INSUFFICIENT DATA", sentence, "unknown", reason=why)
    if primary.seeds is not None:
        names = _arm_name(candidate, primary.seeds[1]), _arm_name(baseline, primary.seeds[0])
    result = _result(primary, stability, settings)
    shared = judged(metric for metric in candidate.metrics if metric in baseline.metrics)
    reason = ""
    if primary.comparable is False and result in ("improved", "regressed", "mixed"):
        result, reason = "insufficient data", f"not comparable: {primary.reason}"
    elif primary.comparable is False and result == "equivalent":
        result = "no evidence of a difference"
    return Verdict(
        result,
        result.upper(),
        _sentence(result, names, primary, settings),
        RESULTS[result],
        _numbers(primary, stability, result),
        " ".join(filter(None, (_unvalidated(primary, compared, shared), _condition(primary, stability, result)))),
        _attribution(pair),
        primary,
        stability,
        {"same": "yes", "different": "no", "cannot tell": "cannot tell"}[pair.attributable],
        reason or pair.reason(),
    )


def _unshared(candidate: Run, baseline: Run) -> str:
    """Say why no metric was compared: none is judged in both, or none of those has independent points enough."""
    shared = judged(name for name in candidate.metrics if name in baseline.metrics)
    return f"{metric_name(shared[0])} has no interval in either run" if shared else "no shared metric"


def died(run: Run) -> bool:
    """Tell whether a loss of a run ended as NaN or infinite."""
    return any(ended_nonfinite(run, metric) for metric in LOSSES)


def _ended_badly(run: Run) -> str | None:
    return f"the loss of {display_name(run.id)} ended as NaN or infinite" if died(run) else None


def _took_off(run: Run, diverged: Mapping[str, str]) -> str | None:
    """Say how a run diverged; None if it did not, or logs a reward, beside which a loss may rise."""
    if run.id not in diverged or {*REWARDS} & {*run.metrics}:
        return None
    return f"{display_name(run.id)} diverged; {diverged[run.id]}"


def _arm_name(run: Run, seeds: int) -> str:
    return f"{display_name(run.group or run.id)} ({seeds} seeds)"


def primary_comparison(compared: Sequence[Comparison]) -> Comparison | None:
    """Choose the comparison of performance; comparisons between seeds come before those of single runs."""
    wanted = [*PRIMARY, *judged(dict.fromkeys(c.metric for c in compared if c.metric not in COMPANIONS))]
    known = sorted(
        (c for c in compared if c.known and c.metric in wanted),
        key=lambda c: (c.definition != "seeds.diff", wanted.index(c.metric)),
    )
    return known[0] if known else None


def stability_comparison(compared: Sequence[Comparison]) -> Comparison | None:
    """Choose the comparison of noise; per example where the batch sizes differ."""
    wanted = {"noise": 1, "noise_per_example": 0}
    known = [c for c in compared if c.known and c.metric in wanted]
    return min(known, key=lambda c: (c.definition != "seeds.diff", wanted[c.metric]), default=None)


def evidence_grades(
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
    compared: Sequence[Comparison],
    problems: Mapping[str, set[str]],
    settings: Settings,
) -> dict[str, EvidenceGrade]:
    """Grade each run by its excess noise, and by which comparisons separate it from others.

    ``problems`` maps run IDs to the kinds of problems that detectors found ("divergence", "spikes").
    """
    groups = _performance_groups(runs, compared, settings)
    grades = {}
    for run in runs:
        letter, why = _noise_grade(evidence[run.id], problems.get(run.id, set()), settings)
        performance, performance_why, group = groups[run.id]
        grades[run.id] = EvidenceGrade(letter, why, performance, performance_why, group)
    return grades


def _result(primary: Comparison, stability: Comparison | None, settings: Settings) -> str:
    p = primary.verdict(settings.alpha)
    usable = stability is not None and stability.comparable is not False
    s = stability.verdict(settings.alpha) if stability is not None and usable else "no difference"
    if p == "better":
        return "mixed" if s == "worse" else "improved"
    if p == "worse":
        return "mixed" if s == "better" else "regressed"
    if s in ("better", "worse"):
        return "stability-only change"
    tests = [primary.equivalence_p, stability.equivalence_p if stability is not None and usable else None]
    passed = all(value is not None and value <= settings.alpha for value in tests)
    return "equivalent" if passed else "no evidence of a difference"


def _sentence(result: str, names: tuple[str, str], primary: Comparison, settings: Settings) -> str:
    who, whom = names
    # Of the validation loss it goes without saying; of anything else it must be said.
    scope = "" if primary.metric in LOSSES[:2] else f" in {metric_words(primary.metric)}"
    return {
        "improved": f"{who} is better than {whom}{scope}.",
        "regressed": f"{who} is worse than {whom}{scope}.",
        "mixed": f"{who} against {whom} is mixed: performance and noise differ in opposite directions.",
        "equivalent": f"{who} and {whom} perform alike, within ±{settings.equivalence_margin:g} of loss.",
        "stability-only change": f"{who} is not shown to perform differently from {whom}, but their noise does differ.",
        "no evidence of a difference": f"There is no evidence that {who} performs differently from {whom}{scope}.",
        "insufficient data": f"{who} and {whom} cannot be compared: {primary.reason or 'too few points'}.",
    }[result]


def _numbers(primary: Comparison, stability: Comparison | None, result: str) -> str:
    metric = metric_of(primary.metric).label
    p = p_value(primary.p_adjusted)
    scale, unit = shown_scale(primary)
    difference = interval(primary.as_interval(), scale=scale, unit=unit, sign=True)
    shown = f"{metric} {difference}, p {p if p[0] == '<' else '= ' + p} after Holm"
    scope = "" if primary.scope == "whole" else f" ({primary.scope})"
    noise = f"; noise ratio {interval(stability.as_interval())}" if stability else ""
    missed = f". {undecided(primary)}"
    return shown + scope + noise + (missed if result in ("no evidence of a difference", "equivalent") else ".")


def undecided(primary: Comparison) -> str:
    """Say what a comparison that shows no difference could have shown."""
    result, (scale, unit) = primary.result, shown_scale(primary)
    if primary.p is not None and not result.low <= 0 <= result.high:
        return "Alone it would count as a difference; among all comparisons of this report it may be chance."
    # The 2.8 standard errors take the error as known, which that of a few seeds is not.
    if primary.mdd is None or primary.mdd < result.half_width:
        return f"Differences up to {number(scale * max(abs(result.low), abs(result.high)))}{unit} fit the data."
    return f"A difference of {number(scale * primary.mdd)}{unit} would have been found four times out of five."


def shown_scale(primary: Comparison) -> tuple[float, str]:
    """Give the factor and unit to show a comparison in: a fraction in percentage points."""
    return (100, " pp") if metric_of(primary.metric).unit == "fraction" else (1, "")


def _condition(primary: Comparison, stability: Comparison | None, result: str) -> str:
    """Say what nobody stated and the result needs: the same validation set, or for noise the same batch size."""
    if result in ("no evidence of a difference", "insufficient data"):
        return ""
    noisy = stability if result in ("mixed", "equivalent", "stability-only change") else None
    unknown = [c.reason for c in (primary, noisy) if c is not None and c.comparable is None]
    return f"This holds only if both were measured alike: {'; '.join(unknown)}." if unknown else ""


def _unvalidated(primary: Comparison, compared: Sequence[Comparison], shared: Sequence[str]) -> str:
    """Name the validation that should have decided and has no interval: any, or one that says more than the primary.

    ``shared`` are the judged metrics that both runs log, those that say most first.
    """
    known = {c.metric for c in compared if c.known}
    blind = [m for m in shared if metric_of(m).split.endswith("validation") and m not in known]
    if metric_of(primary.metric).split.endswith("validation"):
        foremost = primary.metric in PRIMARY or primary.metric not in shared
        blind = [] if foremost else [m for m in blind if shared.index(m) < shared.index(primary.metric)]
    if not blind:
        return ""
    why = next((c.result.reason for c in compared if c.metric == blind[0] and c.result.reason), "too few points")
    return f"{metric_of(blind[0]).label} could not decide, as it has no interval: {why}."


def _attribution(pair: Gate) -> str:
    if pair.attributable == "same" or not pair.factors:
        return ""
    why = pair.reason("parent", "training_data", "batch_size", "validation_set")
    several = len(pair.factors) > 1
    reasons = "; ".join(filter(None, ["several factors changed at once" if several else "", why]))
    verb = "No result can" if pair.attributable == "different" else "It cannot be told whether a result can"
    return f"{verb} be put down to {factor_names(pair)}: {reasons}."


def _noise_grade(evidence: RunEvidence, problems: set[str], settings: Settings) -> tuple[str, str]:
    if problems & {"divergence", "nonfinite"}:
        return "F", "diverged"
    excess = evidence.excess_noise
    if excess is None or not excess.known:
        return "–", "no minibatch validation to hold the noise against"
    why = f"excess noise {interval(excess)}"
    for grade, bound in reversed(settings.excess_noise_bounds):
        if excess.low > bound:
            return grade, why
    return ("B", why + ", spikes") if "spikes" in problems else ("A", why)


def _performance_groups(
    runs: Sequence[Run], compared: Sequence[Comparison], settings: Settings
) -> dict[str, tuple[str, str, int | None]]:
    """Put runs that no significant difference separates, directly or through others, into one group.

    Runs of one configuration stay together: between configurations with several seeds only these are compared.
    """
    first = primary_comparison(compared)
    metric = first.metric if first is not None else None
    dead = {run.id for run in runs if died(run)}
    replicated = [set(arm.runs) - dead for arm in arms(runs) if len(set(arm.runs) - dead) > 1]
    seeds = {run_id: arm for arm in replicated for run_id in arm}
    usable = [
        c
        for c in compared
        if c.metric == metric and c.known and c.comparable is not False and not {c.baseline, c.candidate} & dead
        if c.definition == "seeds.diff" or not {c.baseline, c.candidate} <= seeds.keys()
    ]
    groups: dict[str, set[str]] = {run.id: seeds.get(run.id, {run.id}) for run in runs}
    for c in usable:
        if c.verdict(settings.alpha) == "no difference":
            merged = groups[c.baseline] | groups[c.candidate]
            groups.update(dict.fromkeys(merged, merged))
    known = {other for c in usable for run_id in (c.baseline, c.candidate) for other in groups[run_id]}
    beaten = {
        run_id: len({id(groups[_winner(c)]) for c in usable if _loses(groups[run_id], c, settings)}) for run_id in known
    }
    barred = [c for c in compared if c.metric == metric and c.comparable is False]
    shown: dict[str, tuple[str, str, int | None]] = {}
    for run in runs:
        if run.id not in known:
            reasons = [c.reason for c in barred if run.id in (c.baseline, c.candidate)]
            # What a comparison lacks may be the other run's fault where that one died.
            pairs = [c for c in compared if run.id in (c.baseline, c.candidate)]
            few = [c.result.reason for c in pairs if c.result.reason and not {c.baseline, c.candidate} & dead]
            why = min(reasons, default=next(iter(few), "nothing to compare"))
            why = "its loss ended as NaN or infinite" if run.id in dead else why
            shown[run.id] = "–", f"not ranked: {why}", None
        else:
            place = beaten[run.id]
            tied = [display_name(other.id) for other in runs if other.id in groups[run.id] - {run.id}]
            why = (
                f"tied with {listed(tied) if len(tied) < 4 else f'{len(tied)} others'}"
                if tied
                else "separated from all"
            )
            shown[run.id] = f"group {place + 1}", why, place + 1
    return shown


def _winner(comparison: Comparison) -> str:
    change = comparison.result.value
    candidate = (change < 0) == (comparison.direction == "lower")
    return comparison.candidate if candidate else comparison.baseline


def _loses(group: set[str], comparison: Comparison, settings: Settings) -> bool:
    if comparison.verdict(settings.alpha) not in ("better", "worse"):
        return False
    winner = _winner(comparison)
    loser = comparison.baseline if winner == comparison.candidate else comparison.candidate
    return loser in group and winner not in group
