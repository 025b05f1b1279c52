"""Decisions to keep, discard or rerun a candidate, which share one error rate in a ledger."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from analysis import statistics as st
from analysis.core.errors import UsageError
from analysis.core.number_format import interval, p_value, signed_minus
from analysis.core.plain_data import loads
from analysis.core.run_facts import died
from analysis.core.run_names import metric_words
from analysis.evidence.comparisons import Comparison
from analysis.evidence.seed_groups import SeedGroup, group_of, seed_groups
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.publish.check import Checked, check, no_comparison, unstated
from analysis.publish.ledger import locked_ledger

FORMAT = 1
MOST_SEEDS = 5
"""Default of the number of seeds per configuration up to which more are asked for."""

_UNKNOWN_SPREAD = 3
"""Seeds to ask for if their scatter is unknown: the fewest that estimate it usefully."""


@dataclass(frozen=True)
class Decision:
    """A decision as in its line of the ledger; `schema` describes each field."""

    format: int
    decision: Literal["keep", "discard", "rerun"]
    reason: str
    seeds: int | None = None
    _: KW_ONLY
    candidate: str
    baseline: str
    metric: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    seed_source: str | None = None
    verdict: str
    test: int | None = None
    p: float | None = None
    level: float | None = None
    alpha: float
    id: str


def schema() -> dict[str, Any]:
    """Return the JSON Schema of decisions."""
    loaded: dict[str, Any] = loads(Path(__file__).with_name("decision.schema.json").read_text(encoding="utf-8"))
    return loaded


def decide(
    candidate: str,
    baseline: str,
    ledger: Path,
    *,
    others: Sequence[str] = (),
    most_seeds: int = MOST_SEEDS,
    trust_unstated: bool = False,
    parameters: Mapping[str, Any] | None = None,
) -> Decision:
    """Decide whether to keep, discard or rerun a candidate, and append the decision to the ledger.

    The comparison of the verdict decides, at the level of `analysis.statistics.online_level` for this test. A request
    with the same logs and options returns the decision in the ledger, without a second test.

    Parameters
    ----------
    candidate, baseline : str
        References of one run each.
    ledger : pathlib.Path
        JSON lines, one per decision; created if it does not exist.
    others : sequence of str
        Further runs, such as other seeds of the two.
    most_seeds : int
        Number of seeds per configuration up to which more are asked for.
    trust_unstated : bool
        As for `analysis.publish.check.check`.
    parameters : Mapping[str, Any], optional
        Further parameters of `analysis.pipeline.analyze`.

    Raises
    ------
    AnalysisError
        If a run cannot be read, the validation set is not stated, or the ledger cannot be used.
    """
    if "://" in str(ledger) or ":/" in str(ledger)[2:]:  # Path merges the two slashes
        raise UsageError(f"--ledger: {ledger} must be a file of this machine, which can be locked")
    if most_seeds < 2:
        raise UsageError(f"--max-seeds: {most_seeds} must be 2 or more")
    checked = check(
        candidate,
        baseline,
        fail_on=("regressed", "diverged"),
        trust_unstated=trust_unstated,
        others=others,
        parameters=parameters,
    )
    obstacle = no_comparison(checked.analysis, trust_unstated)
    if obstacle and obstacle == unstated(checked.analysis):
        raise UsageError(f"nothing can be decided: {obstacle}")
    asked, alpha = _id(checked, most_seeds), checked.analysis.settings.alpha
    with locked_ledger(ledger, f'{{"format": {FORMAT}, "decision": ', _is_decision) as book:
        known = next((line for line in book.lines if line["id"] == asked), None)
        if known is not None:
            return Decision(**known)
        _same_alpha(book.lines, alpha, ledger)
        tests = [line for line in book.lines if line["test"] is not None]
        kept = [number for number, line in enumerate(tests, 1) if line["decision"] == "keep"]
        levels = [st.online_level(len(tests) + number, kept, alpha) for number in (1, 2)]
        decision = _decided(checked, obstacle, len(tests) + 1, levels, most_seeds, asked)
        book.append(dataclasses.asdict(decision))
    return decision


def _is_decision(line: Mapping[str, Any]) -> bool:
    names = {field.name for field in dataclasses.fields(Decision)}
    return set(line) == names and line["format"] == FORMAT and line["decision"] in ("keep", "discard", "rerun")


def _same_alpha(lines: Sequence[Mapping[str, Any]], alpha: float, ledger: Path) -> None:
    other = next((line["alpha"] for line in lines if line["alpha"] != alpha), None)
    if other is not None:
        raise UsageError(
            f"{ledger}: begun with alpha {other}, and this is {alpha}; set one alpha, or begin another ledger"
        )


def _id(checked: Checked, most_seeds: int) -> str:
    """Return a digest of the logs, of the statements about them, and of the options."""
    a = checked.analysis
    stated = {run.id: (sorted(run.config.items()), run.data, run.group, run.parent, run.seed_sd) for run in a.runs}
    logs = sorted((r.provenance.sha256, r is a.candidate, r is a.baseline, repr(stated[r.id])) for r in a.runs)
    asked = (logs, a.settings.to_mapping(), sorted(a.parameters.mute), most_seeds)
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _decided(
    checked: Checked, obstacle: str, test: int, levels: Sequence[float], most_seeds: int, asked: str
) -> Decision:
    """Return the decision at the first level; the second one is that of a rerun of the same.

    Every look at a comparison spends a level, even if nothing can be kept by it: a candidate that is rerun because of
    it comes back with the same values, and with luck on its side.
    """
    a, primary = checked.analysis, checked.analysis.verdict.primary
    blank = Decision(
        FORMAT,
        "discard",
        obstacle or _why(checked),
        candidate=a.candidate.id,
        baseline=str(a.reference_id),
        verdict=a.verdict.result,
        alpha=a.settings.alpha,
        id=asked,
    )
    if primary is None:
        if a.verdict.result != "improved" or checked.fails or a.baseline is None:
            return blank
        if died(a.baseline):
            return replace(blank, decision="keep")
        return replace(blank, decision="rerun", seeds=min(_UNKNOWN_SPREAD, most_seeds))
    r = primary.result
    found = replace(
        blank,
        metric=primary.metric,
        estimate=r.value,
        low=r.low if r.known else None,
        high=r.high if r.known else None,
        seed_source=primary.seed_source or None,
    )
    if obstacle or primary.comparable is False:
        return found
    found = replace(found, test=test, level=levels[0])
    better = (r.value < 0) == (primary.direction == "lower") and r.value != 0
    if primary.seed_source != "none" and primary.p is not None:
        found = replace(found, p=primary.p / 2 if better else 1 - primary.p / 2)
    if checked.fails:
        return found
    said = f"{metric_words(primary.metric)} {_shown(primary)}"
    if found.p is not None:
        if better and primary.verdict(min(2 * levels[0], a.settings.alpha)) == "better":
            return replace(found, decision="keep", reason=f"{said}: better, {_allowed(found)}")
        said = f"{said}: not shown to be better, {_allowed(found)}"
    if not better:
        return replace(found, reason=said if found.p is not None else f"{said}: not better")
    return _rerun(replace(found, reason=said), a, primary, levels[1], most_seeds)


def _rerun(found: Decision, a: Analysis, primary: Comparison, level: float, most_seeds: int) -> Decision:
    """Return a decision to rerun if an allowed number of seeds would show the observed difference."""
    groups = seed_groups(a.runs)
    ours, theirs = (len(group_of(groups, run).runs) for run in (found.candidate, found.baseline))
    spread = a.seed_spread.of(primary.metric)
    sd = spread.sd if spread is not None else primary.usual_seed_sd
    stated = spread is not None and spread.source == "stated"
    wanted = _UNKNOWN_SPREAD if sd is None else _seeds(abs(primary.result.value), sd, level, ours, theirs, stated)
    why = "" if found.p is not None else "; what ran does not show how much seeds scatter"
    why += _unrelated(a, groups)
    if wanted is None or wanted > most_seeds:
        told = "more than 1,000 seeds of each" if wanted is None else f"about {wanted} seeds of each"
        return replace(found, reason=f"{found.reason}{why}; {told} would show it, and {most_seeds} are allowed")
    advice = f"run each configuration with {wanted} seeds, and decide again with all of them"
    return replace(found, decision="rerun", seeds=wanted, reason=f"{found.reason}{why}; {advice}")


def _unrelated(a: Analysis, groups: Sequence[SeedGroup]) -> str:
    """Return a hint if the statements make both runs seeds of one configuration, or further runs seeds of neither."""
    ours, theirs = (group_of(groups, run.id) for run in (a.candidate, a.baseline or a.candidate))
    if ours == theirs:
        return "; both are seeds of one configuration by what is stated: state the change in config, or as group"
    if len(ours.runs) == len(theirs.runs) == 1 < len(a.runs) - 1:
        return "; the further runs are seeds of neither by what is stated: state config with its seed, or group"
    return ""


def _seeds(effect: float, sd: float, level: float, ours: int, theirs: int, stated: bool) -> int | None:
    """Return the seeds per configuration that show an effect one-sided with 80% power; None for more than 1,000."""
    for k in range(max(ours + 1, 2), 1001):
        n = max(theirs, k)
        df = float("inf") if stated else k + n - 2
        reach = (st.t_quantile(1 - level, df) + st.t_quantile(0.8, df)) * sd * (1 / k + 1 / n) ** 0.5
        if reach <= effect:
            return k
    return None


def _why(checked: Checked) -> str:
    """Return the reasons of the conditions against the candidate, else the sentence of the verdict."""
    said = [c.why for c in checked.conditions if c.state == "met"] or [
        c.why for c in checked.conditions if c.state == "cannot tell"
    ]
    return "; ".join(said).removesuffix(".") or checked.analysis.verdict.sentence.removesuffix(".")


def _shown(primary: Comparison) -> str:
    scale, unit = shown_scale(primary)
    if not primary.known:
        return signed_minus(f"{scale * primary.result.value:+.4g}{unit}")
    return interval(primary.result, scale=scale, unit=unit, sign=True)


def _allowed(found: Decision) -> str:
    p = p_value(found.p)
    return f"one-sided p {p if p[0] == '<' else '= ' + p} where {found.level:.2g} was allowed"
