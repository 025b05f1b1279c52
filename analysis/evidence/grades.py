"""Evidence grades of a run: a letter by its excess noise, and a group by the comparisons that separate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from analysis.core.number_format import interval, listed
from analysis.core.run import Run
from analysis.core.run_facts import died
from analysis.core.run_names import display_name
from analysis.core.settings import Settings
from analysis.evidence.comparisons import Comparison
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.seed_groups import seed_groups


@dataclass(frozen=True)
class EvidenceGrade:
    """Evidence grades of one run; ``group`` 1 is beaten by no other, None is not ranked."""

    stability: str
    stability_why: str
    performance: str
    performance_why: str
    group: int | None = None


def evidence_grades(
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
    compared: Sequence[Comparison],
    metric: str | None,
    problems: Mapping[str, set[str]],
    settings: Settings,
) -> dict[str, EvidenceGrade]:
    """Return the grades of each run by ID: for its excess noise, and for the comparisons that separate it from others.

    ``metric`` is the deciding one; ``problems`` maps run IDs to what detectors found ("divergence", "spikes").
    """
    groups = _performance_groups(runs, compared, metric, settings)
    grades = {}
    for run in runs:
        letter, why = _noise_grade(evidence[run.id], problems.get(run.id, set()), settings)
        performance, performance_why, group = groups[run.id]
        grades[run.id] = EvidenceGrade(letter, why, performance, performance_why, group)
    return grades


def _noise_grade(evidence: RunEvidence, problems: set[str], settings: Settings) -> tuple[str, str]:
    if problems & {"divergence", "nonfinite"}:
        return "F", "diverged"
    excess = evidence.excess_noise
    if excess is None or not excess.known:
        why = excess.reason if excess is not None else ""
        return "–", why or "no minibatch validation to hold the noise against"
    why = f"excess noise {interval(excess)}"
    for grade, bound in reversed(settings.excess_noise_bounds):
        if excess.low > bound:
            return grade, why
    return ("B", why + ", spikes") if "spikes" in problems else ("A", why)


def ranks_configurations(c: Comparison, seeded: Set[str]) -> bool:
    """True if a comparison may rank configurations: one of groups, or of runs not both in ``seeded`` groups."""
    return c.seeds is not None or not {c.baseline, c.candidate} <= seeded


def _performance_groups(
    runs: Sequence[Run], compared: Sequence[Comparison], metric: str | None, settings: Settings
) -> dict[str, tuple[str, str, int | None]]:
    """Return grade, reason and group of each run; runs linked by comparisons without a difference share a group.

    Runs of one configuration stay together; configurations with several seeds are compared only as groups.
    """
    dead = {run.id for run in runs if died(run)}
    replicated = [set(arm.runs) - dead for arm in seed_groups(runs) if len(set(arm.runs) - dead) > 1]
    seeds = {run_id: arm for arm in replicated for run_id in arm}
    usable = [
        c
        for c in compared
        if c.metric == metric and c.decides and c.comparable is not False and not {c.baseline, c.candidate} & dead
        if ranks_configurations(c, seeds.keys())
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
            # A comparison with a dead run says nothing about why this run is not ranked.
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
