"""The pipeline from run IDs to an `Analysis`: everything a report says, computed before anything is rendered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.core.deciding import judged_metrics
from analysis.core.errors import LogError, UsageError
from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import decimals_for, signed_minus
from analysis.core.parameters import Parameters, check_parameters
from analysis.core.run import Run, find_run
from analysis.core.run_facts import curve_metric
from analysis.core.run_names import display_name, metric_words
from analysis.core.settings import BY_METRIC, Settings
from analysis.evidence.comparability import gate
from analysis.evidence.comparisons import Comparison, adjusted, comparisons, step_matched
from analysis.evidence.configurations import (
    best_run,
    configuration_names,
    configurations,
    deciding_metric,
    preferred_metrics,
)
from analysis.evidence.criteria import Facts
from analysis.evidence.evaluations import differing, evaluations
from analysis.evidence.grades import evidence_grades, ranks_configurations
from analysis.evidence.group_comparisons import between_groups
from analysis.evidence.run_evidence import RunEvidence, observed, run_evidence
from analysis.evidence.seed_groups import SeedGroup, group_levels, group_of, seed_groups
from analysis.evidence.seed_outcomes import SeedOutcomes, outcomes
from analysis.evidence.seed_spread import seed_spread
from analysis.evidence.verdict import decide, deciding_comparison, stability_comparison
from analysis.evidence.verdict_words import LEAST_SEEDS
from analysis.findings.analysis_result import Analysis
from analysis.findings.earlier_reports import changes_since, load_reports, score_predictions, series_of
from analysis.findings.frames import changes_between
from analysis.findings.goal import read_goal
from analysis.findings.recommend import recommend
from analysis.findings.remote_catalogue import reports_nearby
from analysis.findings.results_file import Report
from analysis.findings.rules import RENAMED, RULES, find_all
from analysis.heuristics.run_numbers import leaders, rule_numbers
from analysis.heuristics.verdict import rule_verdict
from analysis.sources import load_runs
from analysis.sources.describe import quoted
from analysis.sources.remote import find_folder
from analysis.statistics.detectors import DETECTORS, Detection, detect


def _shows_parameters(function: Callable[..., Analysis]) -> Callable[..., Analysis]:
    """Set a signature with the parameters of a report instead of ``**parameters``, for completion and `help`."""
    kinds = [p.replace(kind=p.KEYWORD_ONLY) for p in inspect.signature(Parameters).parameters.values()]
    function.__signature__ = inspect.Signature(kinds, return_annotation=Analysis)  # type: ignore[attr-defined]
    return function


@_shows_parameters
def analyze(**parameters: Any) -> Analysis:
    """Compare training runs.

    Parameters
    ----------
    **parameters : Any
        Fields of `analysis.core.parameters.Parameters`, as in the template notebook.

    Returns
    -------
    Analysis
        All numbers, findings and recommendations of the report.

    Raises
    ------
    AnalysisError
        For a parameter, reference or log that cannot be used; the message is one line.

    Examples
    --------
    >>> analyze(run_ids=["run_2"], baselin="run_1")
    Traceback (most recent call last):
    ...
    analysis.core.errors.UsageError: parameter 'baselin' is unknown (did you mean 'baseline'?); known parameters: \
run_ids, candidate, baseline, goal, title, report_id, runs_dir, reports_dir, previous, date, settings, columns, mute
    """
    return _analyze(*load(parameters))


def rejudge(a: Analysis, **changes: Any) -> pd.DataFrame:
    """Repeat an analysis of the same runs with other settings or parameters, and return what changes.

    Parameters
    ----------
    a : Analysis
        Result of `analyze`; it is not modified.
    **changes : Any
        Parameters of `analyze` except ``run_ids``, ``runs_dir`` and ``columns``, as logs are not read again;
        ``settings`` are merged into those of ``a``.

    Returns
    -------
    pandas.DataFrame
        One row per change, with the columns ``part`` (verdict, configuration, finding), ``id``, ``what``, ``before``
        and ``after``; a value that does not exist is None. Empty if nothing changes.

    Raises
    ------
    UsageError
        For an unknown parameter or setting, or one of the three that determine how logs are read.
    """
    for name in ("run_ids", "runs_dir", "columns"):
        if name in changes:
            raise UsageError(f"'{name}' says how logs are read, which are not read again; use analyze")
    if "settings" in changes:
        settings = check_parameters({"run_ids": ["-"], "settings": changes["settings"]}).settings
        changes["settings"] = {**(a.parameters.settings or {}), **(settings or {})}
    request = check_parameters({**a.parameters.to_mapping(), **changes})
    _check_muted(request)
    return changes_between(a, _analyze(request, Settings.from_mapping(request.settings), a.runs))


def _analyze(request: Parameters, settings: Settings, runs: Sequence[Run]) -> Analysis:
    """Analyze loaded runs, with the earlier reports about them."""
    series = series_of(request, runs, find_run(runs, request.candidate, "candidate") or runs[-1])
    earlier = reports_nearby(find_folder(request.reports_dir), before=request.day, series=series, runs=runs)
    with earlier as folder:
        reports = load_reports(folder, before=request.day, series=series, runs=runs)
    return analyze_runs(runs, request, settings, reports=reports)


def load(parameters: Mapping[str, Any]) -> tuple[Parameters, Settings, tuple[Run, ...]]:
    """Check parameters and load the runs that they name; raise the errors of `analyze`."""
    request = check_parameters(parameters)
    settings = Settings.from_mapping(request.settings)
    _check_muted(request)
    runs = load_runs(request.run_ids, runs_dir=find_folder(request.runs_dir), columns=request.columns)
    _check_judgeable(runs)
    return request, settings, runs


def analyze_runs(
    runs: Sequence[Run], request: Parameters, settings: Settings, *, reports: Sequence[Report] = ()
) -> Analysis:
    """Analyze loaded runs: a pure function of its arguments."""
    settings = _by_standard_names(settings, runs)
    if settings.primary:
        runs = [replace(run, primary=run.metric_named(settings.primary)) for run in runs]
    rules, evidence = rule_numbers(runs, settings), run_evidence(runs, strict=settings.strict)
    detections = {run.id: detect(observed(run, evidence[run.id]), muted=request.mute) for run in runs}
    broken = {
        r: f"{display_name(r)} is broken: {statement}" for r, statement in _raised(detections, "det.broken").items()
    }
    evidence = {r: e.without_training(broken[r]) if r in broken else e for r, e in evidence.items()}
    candidate = find_run(runs, request.candidate, "candidate") or runs[-1]
    preferred = preferred_metrics([*runs, candidate], settings.primary, request.goal or candidate.goal)
    ranking = deciding_metric(runs, evidence, preferred)
    groups = seed_groups(runs)
    baseline = _baseline(runs, candidate, request.baseline, ranking, groups, evidence)
    base_id = baseline.id if baseline else None
    metrics = tuple(dict.fromkeys(name for run in runs for name in evidence[run.id].window))
    past = [group for report in reports for group in report.get("seed_groups", ())]
    spread = seed_spread(groups, metrics, runs, evidence, settings, primary=ranking, earlier=past)
    named = {"baseline": base_id, "candidate": candidate.id}
    raw = (*between_groups(groups, runs, evidence, spread, **named), *comparisons(runs, evidence, spread, **named))
    pair = gate(baseline, candidate) if baseline else None
    curve = curve_metric(runs)
    matched = step_matched(baseline, candidate, evidence, curve) if baseline else None
    raw = (*raw, *([matched] if matched else []))
    between = [c for c in raw if _compares_pair(c, base_id, candidate.id, groups)]
    sides = [evidence[run.id].window for run in (candidate, baseline) if run is not None]
    estimated = {m for m in sides[0] if all(m in side and side[m].known for side in sides)}
    first = [deciding_comparison(between, preferred, estimated), stability_comparison(between), matched]
    ranked_by = first[0].metric if first[0] is not None else ranking
    seeded = {run_id for group in groups if len(group.runs) > 1 for run_id in group.runs}
    ranks = [c for c in raw if c.metric == ranked_by and ranks_configurations(c, seeded)]
    compared = adjusted(raw, settings, [c for c in first if c is not None], ranks)
    between = [c for c in compared if _compares_pair(c, base_id, candidate.id, groups)]
    matched = next((c for c in compared if c.definition == "loss.step_matched"), None)
    verdict = decide(
        candidate,
        baseline,
        between,
        pair,
        settings,
        preferred=preferred,
        estimated=estimated,
        matched=matched,
        diverged=_raised(detections, "det.divergence"),
        broken=broken,
        config_names=_config_names(groups, runs),
        past_best=_raised(detections, "det.early_stopping"),
        ends=_ends(groups, candidate, baseline, ranking, runs, evidence),
        repeated=_repeated(groups, ranking, runs, evidence) if request.baseline is None else "",
    )
    deciding = verdict.primary.metric if verdict.primary is not None else ranking
    if len(groups) == 2:  # one pair: what decides between them ranks them
        ranking = deciding
    facts = Facts(tuple(runs), evidence, candidate, baseline, pair, curve, settings, spread, tuple(between))
    numbers = Analysis(
        parameters=request,
        settings=settings,
        runs=tuple(runs),
        candidate=candidate,
        baseline=baseline,
        curve=curve,
        rules_of_thumb=rules,
        leaders=leaders(rules),
        rule_verdict=rule_verdict(rules[candidate.id], rules[base_id] if base_id else None, settings),
        goal=read_goal(request.goal or candidate.goal, rules, candidate.id, base_id, settings, facts),
        evidence=evidence,
        detections=detections,
        comparisons=compared,
        gate=pair,
        verdict=verdict,
        evidence_grades=evidence_grades(runs, evidence, compared, deciding, _problems(detections), settings),
        configurations=configurations(groups, runs, ranking, evidence, compared, settings.alpha) if ranking else (),
        seed_spread=spread,
        evaluations=evaluations(baseline, candidate) if baseline else (),
        differing=differing(baseline, candidate) if baseline else (),
    )
    return _conclude(numbers, reports)


def _conclude(numbers: Analysis, reports: Sequence[Report]) -> Analysis:
    """Return the analysis with recommendations, findings and history, each derived from the parts before it."""
    advice, next_runs = recommend(numbers)
    advised = replace(numbers, recommendations=advice, next_runs=next_runs)
    found = replace(advised, findings=find_all(advised))
    scores = score_predictions(found.runs, found.evidence, reports)
    previous, changes = changes_since(found, reports)
    return replace(found, predictions=scores, changes=changes, previous=previous)


def _config_names(groups: Sequence[SeedGroup], runs: Sequence[Run]) -> dict[str, str]:
    """Return the name of each run's configuration, by run ID."""
    names = configuration_names(groups, {run.id: run for run in runs})
    return {run_id: names[group.name] for group in groups for run_id in group.runs}


def _ends(
    groups: Sequence[SeedGroup],
    candidate: Run,
    baseline: Run | None,
    metric: str | None,
    runs: Sequence[Run],
    evidence: Mapping[str, RunEvidence],
) -> tuple[SeedOutcomes, SeedOutcomes] | None:
    """Return the outcomes of the seeds of the candidate's and the baseline's configuration; None if they are one."""
    if baseline is None or metric is None:
        return None
    one, two = (group_of(groups, run.id) for run in (candidate, baseline))
    return None if one is two else (outcomes(one, metric, runs, evidence), outcomes(two, metric, runs, evidence))


def _repeated(
    groups: Sequence[SeedGroup], metric: str | None, runs: Sequence[Run], evidence: Mapping[str, RunEvidence]
) -> str:
    """Return a sentence on the seeds of the only configuration; empty if there are others or too few seeds."""
    if len(groups) > 1 or metric is None or len(levels := group_levels(groups[0], metric, evidence)) < LEAST_SEEDS:
        return ""
    scale, unit = (100, "%") if metric_of(metric).unit == "fraction" else (1, "")
    mean, sd = scale * float(levels.mean()), scale * float(levels.std(ddof=1))
    digits = decimals_for(sd)
    spread = f"{signed_minus(f'{mean:.{digits}f}')}{unit} ± {sd:.{digits}f}"
    words = f"{len(levels)} seeds of one configuration: {metric_words(metric)} {spread} (mean ± sd)."
    return f"{words} {outcomes(groups[0], metric, runs, evidence).words('it')}".strip()


def _raised(detections: Mapping[str, Sequence[Detection]], detector: str) -> dict[str, str]:
    """Return the statements of a detector on the runs for which it was raised, by run ID."""
    return {
        run_id: d.statement
        for run_id, results in detections.items()
        for d in results
        if d.id == detector and d.status == "raised"
    }


def _problems(detections: Mapping[str, Sequence[Detection]]) -> dict[str, set[str]]:
    return {
        run_id: {d.id.removeprefix("det.") for d in results if d.status == "raised" and d.problem}
        for run_id, results in detections.items()
    }


def _check_judgeable(runs: Sequence[Run]) -> None:
    """Raise `LogError` for a run without a metric of known direction: its report would be empty."""
    for run in runs:
        if not judged_metrics((*run.metrics, *run.nonfinite)):
            logged = ", ".join(run.metrics[:8]) or "nothing"
            example = next((name for name in run.metrics if name not in METRICS), "my_score")
            raise LogError(
                f"{run.provenance.path}: nobody can tell which way is better in any of its metrics (it has {logged}); "
                f"state it of the one that counts: metrics: {{{quoted(example)}: {{direction: higher}}}}, or lower, "
                f"in {run.sidecar}"
            )


def _check_muted(request: Parameters) -> None:
    known = {*RULES, *DETECTORS, *RENAMED}
    for rule_id in request.mute:
        if rule_id not in known:
            raise UsageError(f"parameter 'mute' names '{rule_id}', which is no rule; known: {', '.join(sorted(known))}")


def _by_standard_names(settings: Settings, runs: Sequence[Run]) -> Settings:
    """Return the settings with metrics under the standard names that the runs use.

    Raises
    ------
    UsageError
        If no run logged a named metric. One known name per mapping is enough, since settings serve many run sets.
    """
    standard: dict[str, str] = {}
    named = {"primary": [settings.primary] if settings.primary else []}
    named |= {key: list(value) for key in BY_METRIC if isinstance(value := getattr(settings, key), Mapping)}
    for key, names in named.items():
        found = {name: own for name in names for run in runs if (own := run.metric_named(name))}
        if names and not found:
            logged = ", ".join(dict.fromkeys(name for run in runs for name in run.metrics))
            raise UsageError(f"settings: '{key}' is '{names[0]}', which no run logged; they have {logged}")
        standard |= found
    changed: dict[str, Any] = {
        key: {standard.get(name, name): value for name, value in getattr(settings, key).items()}
        for key in BY_METRIC
        if key in named
    }
    return replace(settings, **changed)


def _compares_pair(c: Comparison, baseline: str | None, candidate: str, groups: Sequence[SeedGroup]) -> bool:
    """True if a comparison is between the two runs, or between the groups that they belong to."""
    if baseline is None or c.definition == "loss.step_matched":
        return False
    if c.seeds is None:
        return (c.baseline, c.candidate) == (baseline, candidate)
    return c.baseline in group_of(groups, baseline).runs and c.candidate in group_of(groups, candidate).runs


def _baseline(
    runs: Sequence[Run],
    candidate: Run,
    requested: str | None,
    metric: str | None,
    groups: Sequence[SeedGroup],
    evidence: Mapping[str, RunEvidence],
) -> Run | None:
    """Return the requested run, otherwise the candidate's parent, otherwise the best other run in the deciding metric.

    Another seed of the candidate's configuration is chosen only if there is no other configuration.
    """
    if requested is not None:
        chosen = find_run(runs, requested, "baseline")
        if chosen is candidate:
            raise UsageError(f"parameter 'baseline' is the candidate itself ('{requested}'); choose another run")
        return chosen
    others = [run for run in runs if run is not candidate]
    parent = next((run for run in others if run.id == candidate.parent), None)
    if parent is not None:
        return parent
    seeds = group_of(groups, candidate.id).runs
    strangers = [run for run in others if run.id not in seeds] or others
    best = best_run(strangers, candidate, metric, evidence) if metric is not None else None
    return best or next(iter(strangers), None)
