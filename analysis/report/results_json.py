"""The results JSON: stable keys, unrounded numbers, null for undefined ones; its JSON Schema is beside this file."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import yaml

from analysis.core.plain_data import loads
from analysis.core.run import Run
from analysis.evidence.configurations import Configuration
from analysis.evidence.run_evidence import estimate_json
from analysis.findings.analysis_result import Analysis
from analysis.findings.goal import goal_json
from analysis.heuristics.run_numbers import RuleNumbers
from analysis.render.export import exporters
from analysis.report.summary import summary

VERSION = 1
"""Version of the format; it changes if a key changes its meaning."""

NOTEBOOK = ("report.ipynb", "the executed notebook, re-runnable")
RESULTS = (
    ("training_analysis_results.json", "every number, finding and recommendation"),
    ("training_overview.png", "the deciding metric of the configurations"),
    ("training_analysis_visualization.png", "loss, accuracy, the candidate's curve, volatility"),
    ("training_metrics_comparison.png", "final metrics of all runs"),
)
COMPARISONS = ("training_comparisons.png", "all comparisons against the baseline")
"""Files of a report, besides those of the next runs."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the results."""
    text = Path(__file__).with_name("results.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = loads(text)
    return loaded


def to_json(a: Analysis) -> dict[str, Any]:
    """Return everything in a report as plain JSON values; the same input and date give the same bytes."""
    return {
        "format": VERSION,
        "report_id": a.report_id,
        "title": a.title,
        "date": a.parameters.day.isoformat(),
        "candidate": a.candidate.id,
        "baseline": a.baseline.id if a.baseline else None,
        "curve": a.curve,
        "runs": {run.id: _run(a, run) for run in a.runs},
        "leaders": dict(a.leaders),
        "goal": goal_json(a.goal),
        "verdict": {
            **_both_names("rules_of_thumb", a.rule_verdict.headline),
            **_both_names("rules_of_thumb_detail", plain_json(a.rule_verdict)),
            "evidence": a.verdict.result,
            "evidence_detail": a.verdict.to_json(),
        },
        "summary": plain_json(summary(a)),
        "gate": plain_json(a.gate),
        "comparisons": [comparison.to_json() for comparison in a.comparisons],
        **evaluations_json(a),
        "configurations": [configuration_json(row) for row in a.configurations],
        "seed_groups": seed_groups_json(a),
        "findings": [finding.to_json() for finding in a.findings],
        "recommendations": [plain_json(recommendation.to_json()) for recommendation in a.recommendations],
        "next_runs": [plain_json(run.to_json()) for run in a.next_runs],
        "predictions": [score.to_json() for score in a.predictions],
        "changes": [change.to_json() for change in a.changes],
        "previous": a.previous,
        "settings": a.settings.to_mapping(),
        "muted": list(a.parameters.mute),
        "files": [name for name, _ in files(a)],
    }


def extra_files(a: Analysis) -> dict[str, str]:
    """Return the text files of the report by name: the YAML of the experiment and of each next run."""
    return {**_designs(a), **{run.file: run.to_yaml() for run in a.next_runs}}


def files(a: Analysis) -> list[tuple[str, str]]:
    """Return the files of the report, each with a description."""
    drawn = [COMPARISONS] if a.baseline is not None and any(c.known for c in a.comparisons) else []
    plans = [(name, "the experiment that would settle it") for name in _designs(a)]
    return [
        NOTEBOOK,
        *((row.file, row.content) for row in exporters().values()),
        *RESULTS,
        *drawn,
        *plans,
        *((run.file, f"{run.name}, ready to submit ({run.when})") for run in a.next_runs),
    ]


def _designs(a: Analysis) -> dict[str, str]:
    plan = next((r.value for r in a.recommendations if r.group == "design" and r.value), None)
    return {"next_runs/design.yaml": yaml.safe_dump(plain_json(plan), sort_keys=False, width=100)} if plan else {}


def _run(a: Analysis, run: Run) -> dict[str, Any]:
    provenance = dataclasses.replace(run.provenance, path=Path(run.provenance.path).name or run.provenance.path)
    grade = a.evidence_grades[run.id]
    return {
        "label": run.label,
        "name": run.name,
        "reference": run.reference,
        "config": plain_json(run.config),
        "data": plain_json(run.data),
        "parent": run.parent,
        "parent_known": run.parent_known,
        "group": run.group,
        "goal": run.goal,
        "extra": plain_json(run.extra),
        "provenance": plain_json(provenance),
        "metrics": list(run.metrics),
        "nonfinite": plain_json(run.nonfinite),
        "seams": list(run.seams),
        "notes": list(run.notes),
        **_both_names("rules_of_thumb", rule_numbers_json(a.rules_of_thumb[run.id])),
        "evidence": {**a.evidence[run.id].to_json(), "grades": plain_json(grade)},
    }


def evaluations_json(a: Analysis) -> dict[str, Any]:
    """Return the comparisons by task and the examples that differ most, in the form of the results JSON; or empty."""
    if not a.evaluations:
        return {}
    pairs = [
        {
            **{name: plain_json(getattr(pair, name)) for name in _EVALUATED},
            "baseline_level": estimate_json(pair.levels[0]),
            "candidate_level": estimate_json(pair.levels[1]),
            "difference": estimate_json(pair.result),
            "resampled": estimate_json(pair.bootstrap),
        }
        for pair in a.evaluations
    ]
    return {"evaluations": pairs, "differing_examples": plain_json(a.differing)}


_EVALUATED = ("metric", "n", "only", "changed", "won", "lost", "clusters", "p_adjusted", "required")


def configuration_json(row: Configuration) -> dict[str, Any]:
    """Return a configuration in the form of the results JSON; ``sd`` is None for one run."""
    names = ("name", "runs", "metric", "mean", "sd", "may_be_best")
    return {name: plain_json(getattr(row, name)) for name in names}


def seed_groups_json(a: Analysis) -> list[dict[str, Any]]:
    """Return the spread within each group of seeds in the deciding metric, which later reports pool."""
    sets = {run.data.validation_set for run in a.runs}
    return [
        {"metric": row.metric, "validation_set": next(iter(sets)), "sd": row.sd, "runs": len(row.runs)}
        for row in a.configurations
        if len(row.runs) > 1 and math.isfinite(row.sd) and len(sets) == 1
    ]


def _both_names(key: str, value: Any) -> dict[str, Any]:
    """Return a value under its key and its former key, which readers may use for one more version."""
    return {key: value, key.replace("rules_of_thumb", "document"): value}


def rule_numbers_json(result: RuleNumbers) -> dict[str, Any]:
    """Return the rule-of-thumb numbers of one run in the form of the results JSON."""
    converted: dict[str, Any] = plain_json(result)
    return converted


def plain_json(value: Any) -> Any:
    """Convert dataclasses, tuples, numpy numbers and the like to JSON values; non-finite numbers become None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): plain_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(inner) for inner in value]
    if value is None or isinstance(value, bool | str | int):
        return value
    if hasattr(value, "item"):
        return plain_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
