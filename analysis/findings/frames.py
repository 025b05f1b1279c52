"""An analysis as tidy tables, for work in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.core.config_factors import factor_values
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import count
from analysis.core.run_facts import total_steps

if TYPE_CHECKING:
    from analysis.findings.analysis_result import Analysis

_COMPARED = ("ratio", "seed_source", "seed_sd_limit", "comparable", "reason", "scope")
_EVALUATED = ("p_adjusted", "won", "lost", "clusters", "required", "comparable", "reason")


@dataclass(frozen=True)
class Frames:
    """Tables of an `Analysis`, with 95% intervals.

    The column ``unit`` is that of levels and differences: "fraction" is a share between 0 and 1, "ratio" candidate over
    baseline, and "" the unit in which the metric was logged.
    """

    a: Analysis

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run, indexed by its ID: label, source, configuration, steps, validation examples, all factors."""
        configuration = {run_id: c.name for c in self.a.configurations for run_id in c.runs}
        rows = {
            run.id: {
                "label": run.label,
                "source": run.provenance.source,
                "configuration": configuration.get(run.id),
                "steps": total_steps(run),
                "n_valid": run.n_valid,
                **factor_values(run),
            }
            for run in self.a.runs
        }
        return _indexed(rows)

    @property
    def metrics(self) -> pd.DataFrame:
        """One row per logged value: run, step, epoch (if logged), metric, value."""
        parts = []
        for run in self.a.runs:
            kept = [name for name in ("step", "epoch") if name in run.frame]
            long = run.frame.melt(kept, list(run.metrics), "metric", "value").dropna(subset="value")
            parts.append(long.assign(run=run.id))
        order = ["run", "step", "epoch", "metric", "value"]
        found = pd.concat(parts, ignore_index=True)
        return found[[name for name in order if name in found]]

    @property
    def levels(self) -> pd.DataFrame:
        """One row per run and metric: the level at the end of the run with its interval, NaN if unknown."""
        return pd.DataFrame(
            {
                "run": run_id,
                "metric": name,
                "better": metric_of(name).direction,
                "unit": metric_of(name).unit,
                **_estimate(level),
            }
            for run_id, evidence in self.a.evidence.items()
            for name, level in evidence.window.items()
        )

    @property
    def configurations(self) -> pd.DataFrame:
        """One row per configuration, best first: mean and sd of the deciding metric, and whether it may be the best."""
        rows = {
            c.name: {
                "runs": list(c.runs),
                "n": len(c.runs),
                "metric": c.metric,
                "unit": metric_of(c.metric).unit,
                "mean": c.mean,
                "sd": c.sd,
                "may_be_best": c.may_be_best,
            }
            for c in self.a.configurations
        }
        return _indexed(rows)

    @property
    def comparisons(self) -> pd.DataFrame:
        """One row per comparison: candidate minus baseline (or over it if ``ratio``), interval, p, adjusted p."""
        return pd.DataFrame(
            {
                "baseline": c.baseline,
                "candidate": c.candidate,
                "metric": c.metric,
                "unit": "ratio" if c.ratio else metric_of(c.metric).unit,
                **_estimate(c.result),
                "p_adjusted": c.p_adjusted,
                **{name: getattr(c, name) for name in _COMPARED},
            }
            for c in self.a.comparisons
        )

    @property
    def evaluations(self) -> pd.DataFrame:
        """One row per task evaluated by example: both levels, and candidate minus baseline on the common examples."""
        return pd.DataFrame(
            {
                "baseline": e.baseline,
                "candidate": e.candidate,
                "task": e.metric,
                "unit": metric_of(e.metric).unit,
                "level_baseline": e.levels[0].value,
                "level_candidate": e.levels[1].value,
                **_estimate(e.result),
                **{name: getattr(e, name) for name in _EVALUATED},
            }
            for e in self.a.evaluations
        )

    @property
    def findings(self) -> pd.DataFrame:
        """One row per finding, indexed by its ID: what the logs say about a claim, with status, number and interval."""
        return _indexed({f.id: {k: v for k, v in f.to_json().items() if k != "id"} for f in self.a.findings})


def changes_between(before: Analysis, after: Analysis) -> pd.DataFrame:
    """Return what two analyses of the same runs state differently: part, id, what, before, after."""
    states = [_statements(a) for a in (before, after)]
    rows = [(*place, *(one.get(place) for one in states)) for place in dict.fromkeys([*states[0], *states[1]])]
    table = pd.DataFrame(rows, columns=["part", "id", "what", "before", "after"], dtype=object)
    return table[[a != b for a, b in zip(table["before"], table["after"], strict=True)]].reset_index(drop=True)


def _statements(a: Analysis) -> dict[tuple[str, str, str], Any]:
    """Return the conclusions of an analysis by part, ID and kind of statement."""
    verdict = {"result": a.verdict.result, "sentence": a.verdict.sentence, "scope": a.verdict.scope or None}
    statements: dict[tuple[str, str, str], Any] = {
        ("verdict", "verdict", what): value for what, value in verdict.items()
    }
    statements |= {("configuration", c.name, "may be the best"): c.may_be_best for c in a.configurations}
    for finding in a.findings:
        statements["finding", finding.id, "status"] = finding.status
        statements["finding", finding.id, "sentence"] = finding.sentence
    return statements


def summary(a: Analysis) -> str:
    """Return a summary in at most ten lines: what was compared, the result, the next run, the names of the tables."""
    names = [a.name(run.id) for run in a.runs]
    best = [c.name for c in a.configurations if c.may_be_best]
    lines = (
        a.title,
        f"{count(len(names), 'run')}: {', '.join(names[:6])}{', …' if len(names) > 6 else ''}",
        f"{a.verdict.headline}: {a.verdict.sentence}",
        a.verdict.numbers,
        a.verdict.condition,
        f"May be the best: {'; '.join(best[:6])}{'; …' if len(best) > 6 else ''}" if len(a.configurations) > 1 else "",
        f"Next run: {a.next_runs[0].name}" if a.next_runs else "",
        "Tables: .frames.runs .metrics .levels .configurations .comparisons .evaluations .findings",
    )
    return "\n".join(line for line in lines if line)


def _estimate(e: Any) -> dict[str, Any]:
    return {"value": e.value, "low": e.low, "high": e.high, "p": e.p, "n": e.n, "definition": e.definition}


def _indexed(rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict({key: dict(row) for key, row in rows.items()}, orient="index")
