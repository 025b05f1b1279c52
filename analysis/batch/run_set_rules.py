"""Rules for run sets: compare every run of a folder, glob or experiment with its parent, the best, or one run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from analysis.core.errors import RunNotFound, UsageError

if TYPE_CHECKING:
    from analysis.core.run import Run
    from analysis.evidence.run_evidence import RunEvidence
    from analysis.sources.group_members import Member

EVERY, EVERY_NEW = "every", "every_new"
KEYS = (EVERY, EVERY_NEW, "against", "by")
WORDS = ("parent", "best")
"""Values of ``against`` that are not a run."""

FOUND = ("run_ids", "candidate", "baseline")
"""Parameters that a rule determines, and that must not be given beside it."""

RUN = "{run}"
"""Placeholder for the run's ID in ``report_id`` and ``title``."""


@dataclass(frozen=True)
class Ruled:
    """A report that a rule asks for: its parameters, and for ``every_new`` the hash of the run's log."""

    values: Mapping[str, Any]
    once: str | None


def is_rule(values: Mapping[str, Any]) -> bool:
    """True if an entry of a file is a rule."""
    return EVERY in values or EVERY_NEW in values


def similar_key(key: str) -> str | None:
    """Return the key of a rule that an unknown key resembles, or None."""
    return next(iter(get_close_matches(key, KEYS, n=1)), None)


def expand(values: Mapping[str, Any]) -> Iterator[Ruled]:
    """Find the runs that a rule covers, and yield the parameters of a report on each.

    A run whose log cannot be read gets a report without an opponent, which fails with the reason.

    Parameters
    ----------
    values : Mapping[str, Any]
        The rule's keys (`KEYS`), and the parameters that all its reports share.

    Raises
    ------
    AnalysisError
        For a missing or invalid key, or a reference without runs.
    """
    from analysis.core.run_names import folder_name

    _check(values)
    shared = {key: value for key, value in values.items() if key not in KEYS}
    found = _members(values.get(EVERY) or values[EVERY_NEW], shared)
    opponent = _opponents(values, found, shared)
    for member in found:
        other = opponent(member) if member.run is not None else None
        names = {"report_id": folder_name(str(shared.get("report_id", RUN)).replace(RUN, member.id))}
        if isinstance(shared.get("title"), str):
            names["title"] = shared["title"].replace(RUN, member.id)
        run_ids = [member.reference] if other is None else [other.reference, member.reference]
        once = member.run.provenance.sha256 if EVERY_NEW in values and member.run is not None else None
        yield Ruled({**shared, **names, "run_ids": run_ids}, once)


def _check(values: Mapping[str, Any]) -> None:
    if EVERY in values and EVERY_NEW in values:
        raise UsageError(f"'{EVERY_NEW}' and '{EVERY}' cannot both be given; keep one")
    given = next(key for key in (EVERY, EVERY_NEW) if key in values)
    if not _references(values[given]):
        raise UsageError(f"'{given}' must be a folder, a pattern such as mlflow:exp/*, or a list of them")
    for key in ("against", "by"):
        if key in values and not (isinstance(values[key], str) and values[key].strip()):
            raise UsageError(f"'{key}' must be text, got {values[key]!r}")
    if "against" not in values:
        raise UsageError(f"'{given}' needs a key 'against' beside it: parent, best, or a run")
    if "by" in values and values["against"] != "best":
        raise UsageError("'by' names the metric by which a run is the best; it goes with 'against: best' alone")
    for key in FOUND:
        if key in values:
            raise UsageError(f"'{key}' cannot be given beside '{given}', which finds the runs; leave it out")
    if RUN not in str(values.get("report_id", RUN)):
        raise UsageError(f"'report_id' would be the same for every run; put {RUN} into it, as in '{RUN}-against-best'")


def _references(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return listed if all(isinstance(one, str) and one.strip() for one in listed) else []


def _members(references: Any, shared: Mapping[str, Any]) -> tuple[Member, ...]:
    from analysis.core.parameters import check_parameters
    from analysis.sources.group_members import members
    from analysis.sources.remote import find_folder

    listed = _references(references)
    request = check_parameters({**shared, "report_id": None, "run_ids": listed})
    return members(listed, runs_dir=find_folder(request.runs_dir), columns=request.columns)


def _opponents(
    values: Mapping[str, Any], found: Sequence[Member], shared: Mapping[str, Any]
) -> Callable[[Member], Member | None]:
    """Return the function that maps a run to the run it is compared with, or None."""
    if values["against"] == "parent":
        return lambda member: _parent(member, found)
    if values["against"] == "best":
        return _Rankings(found, values.get("by"), shared).best_opponent
    try:
        fixed = _members(values["against"], shared)
    except RunNotFound as error:
        near = get_close_matches(values["against"], WORDS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise UsageError(f"'against': {error}{hint}") from None
    if len(fixed) != 1:
        raise UsageError(f"'against' must lead to one run, {values['against']} leads to {len(fixed)}; give one of them")
    return lambda member: None if _same(member, fixed[0]) else fixed[0]


def _parent(member: Member, found: Sequence[Member]) -> Member | None:
    """Return the run's parent; if folders are part of the IDs, one in the run's own folder is preferred."""
    parent = member.run.parent if member.run is not None else None
    folders = member.id.rpartition("/")[0]
    known = {other.id: other for other in found if other is not member}
    return (known.get(f"{folders}/{parent}") or known.get(parent)) if parent is not None else None


def _same(one: Member, other: Member) -> bool:
    return one.run is not None and other.run is not None and one.run.provenance.path == other.run.provenance.path


class _Rankings:
    """Rankings of the runs of a rule by metric, from which the best opponent is chosen."""

    def __init__(self, found: Sequence[Member], by: str | None, shared: Mapping[str, Any]) -> None:
        from analysis.core.metrics import metric as metric_of
        from analysis.core.parameters import check_parameters
        from analysis.core.settings import Settings

        request = check_parameters({**shared, "report_id": None, "run_ids": ["any"]})
        self._primary, self._goal = Settings.from_mapping(request.settings).primary, request.goal

        self._readable = [(member, member.run) for member in found if member.run is not None]
        self._by = by
        self._evidence: dict[str, RunEvidence] = {}
        self._rankings: dict[str, list[tuple[Member, Run]]] = {}
        logged = sorted({name for _, run in self._readable for name in run.metrics})
        if by is not None and by not in logged:
            raise UsageError(f"'by' is '{by}', which no run logged; they have {', '.join(logged)}")
        if by is not None and metric_of(by).direction == "none":
            raise UsageError(f"'by' is '{by}', of which neither high nor low is better; choose another metric")

    def best_opponent(self, member: Member) -> Member | None:
        """Return the best of the other runs in the metric that decides the report on this one, or None.

        Runs that validated on another set, and runs without a level (ended as NaN), are skipped.
        """
        from analysis.core.deciding import deciding_order
        from analysis.evidence.comparability import gate, requirements
        from analysis.evidence.configurations import preferred_metrics

        run = member.run
        if run is None:
            return None
        logged = {*run.metrics, *run.nonfinite}
        order = deciding_order(logged, preferred_metrics([run], self._primary, self._goal or run.goal))
        metric = self._by or next(iter(order), None)
        if metric is None:
            return None
        comparable = (
            other
            for other, log in self._ranking(metric)
            if other is not member and gate(log, run).state(*requirements(metric)) != "different"
        )
        return next(comparable, None)

    def _ranking(self, metric: str) -> list[tuple[Member, Run]]:
        """Return the runs that have a level in a metric, best first; ties keep their order."""
        from analysis.core.metrics import metric as metric_of

        if metric not in self._rankings:
            sign = metric_of(metric).sign
            levels = [self._level(log, metric) for _, log in self._readable]
            known = [
                (sign * level, one) for level, one in zip(levels, self._readable, strict=True) if level is not None
            ]
            self._rankings[metric] = [one for _, one in sorted(known, key=lambda pair: pair[0])]
        return self._rankings[metric]

    def _level(self, run: Run, metric: str) -> float | None:
        from analysis.evidence.run_evidence import run_evidence
        from analysis.findings.earlier_reports import observed_level

        if run.id not in self._evidence:
            self._evidence.update(run_evidence([run]))
        level = observed_level(self._evidence[run.id], metric)
        return float(level.value) if level is not None and math.isfinite(level.value) else None
