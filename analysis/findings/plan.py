"""Recommendations, predictions and next runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import yaml

from analysis.core.redact import REDACTED
from analysis.core.rich_text import Rich, plain
from analysis.core.run import FACTORS, Run
from analysis.core.run_names import display_name, file_stem


@dataclass(frozen=True)
class Recommendation:
    """One piece of advice, by a rule of thumb or based on evidence."""

    id: str
    basis: Literal["heuristic", "evidence"]
    group: Literal["action", "optimization", "design"]
    title: Rich
    points: tuple[Rich, ...]
    value: Any = None

    def to_json(self) -> dict[str, Any]:
        """Return the recommendation in the form of the results JSON."""
        return {
            "id": self.id,
            "basis": self.basis,
            "group": self.group,
            "title": plain(self.title),
            "points": [plain(point) for point in self.points],
            "value": self.value,
        }


@dataclass(frozen=True)
class Prediction:
    """The interval that a metric of a next run should fall in if the report is right."""

    metric: str
    definition: str
    estimate: float
    low: float
    high: float
    basis: str

    def to_json(self) -> dict[str, Any]:
        """Return the prediction in the form of the results JSON and of the next-run file."""
        return {
            "metric": self.metric,
            "definition": self.definition,
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "basis": self.basis,
        }


@dataclass(frozen=True)
class NextRun:
    """A run to submit next; ``config`` uses the keys of the tool that wrote the candidate's log.

    ``data`` is what the candidate's sidecar states about its data, which the run is to use again.
    """

    id: str
    name: str
    config: Mapping[str, Any]
    basis: Literal["heuristic", "evidence"]
    when: str
    expected_outcome: str
    parent: str | None = None
    parent_known: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    expected_steps: int | None = None
    group: str | None = None
    notes: tuple[str, ...] = ()
    predictions: tuple[Prediction, ...] = field(default=())

    @property
    def file(self) -> str:
        """Path of its YAML relative to the report; runs that only a rule of thumb suggests are marked."""
        rule = "rule_of_thumb_" if self.basis == "heuristic" else ""
        return f"next_runs/{rule}{file_stem(self.id)}.yaml"

    def to_json(self) -> dict[str, Any]:
        """Return the run in the form of the results JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "basis": self.basis,
            "when": self.when,
            "config": dict(self.config),
            "expected_outcome": self.expected_outcome,
            "parent": self.parent,
            "data": dict(self.data),
            "expected_steps": self.expected_steps,
            "group": self.group,
            "notes": list(self.notes),
            "predictions": [prediction.to_json() for prediction in self.predictions],
            "file": self.file,
        }

    def to_yaml(self) -> str:
        """Return the YAML to submit, which also serves as the sidecar of the finished log; without secrets."""
        secret = [key for key, value in self.config.items() if REDACTED in str(value)]
        config = {key: value for key, value in self.config.items() if key not in secret}
        sidecar: dict[str, Any] = {"label": self.name, "config": config}
        if self.data:
            sidecar["data"] = dict(self.data)
        if self.parent_known or self.parent is not None:
            sidecar["parent"] = self.parent
        for key in ("expected_steps", "group"):
            if getattr(self, key) is not None:
                sidecar[key] = getattr(self, key)
        sidecar["expected_outcome"] = self.expected_outcome
        if self.predictions:
            sidecar["predictions"] = [_rounded(prediction.to_json()) for prediction in self.predictions]
        comments = [f"{self.name}: {self.when}", "Put beside the finished log as its sidecar.", *self.notes]
        if secret:
            comments.append(f"Secrets are not kept; give them anew where the run is started: {', '.join(secret)}.")
        head = "".join(f"# {' '.join(line.split())}\n" for line in comments)
        return head + yaml.safe_dump(sidecar, sort_keys=False, allow_unicode=True, width=100)


def planned_run(
    run_id: str,
    run: Run,
    config: dict[str, Any],
    basis: Literal["heuristic", "evidence"],
    when: str,
    outcome: str,
    *,
    notes: tuple[str, ...] = (),
) -> NextRun:
    """Return a plan with a configuration and everything else as in ``run``."""
    return NextRun(
        id=run_id,
        name=display_name(run_id),
        config=config,
        basis=basis,
        when=when,
        expected_outcome=outcome,
        parent=run.parent,
        parent_known=run.parent_known,
        data={key: value for key, value in asdict(run.data).items() if value is not None},
        expected_steps=replace(run, config=config).expected_from_data,
        notes=notes,
    )


def changed_config(run: Run, **factors: Any) -> dict[str, Any]:
    """Return a run's configuration with standard factors changed, under the keys of its tool."""
    config = dict(run.config)
    for factor, value in factors.items():
        if value is not None:
            whole = isinstance(value, float) and value.is_integer() and factor == "n_epochs"
            config[run.factor_key(factor) or factor] = int(value) if whole else value
    before, after, steps = run.factor("n_epochs"), factors.get("n_epochs"), config.get("max_steps")
    if after is not None and isinstance(steps, int) and steps > 0 and isinstance(before, int | float) and before > 0:
        config["max_steps"] = math.ceil(round(steps * after / before, 6))  # tools prefer steps if both are given
    return config


def with_seed(runs: Sequence[Run], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with a new seed under each key for seeds, and without keys that are None."""
    stated = {key for key in config if _states_seed(key)} or {"seed"}
    tried = [v for run in runs for key, v in run.config.items() if _states_seed(key) and isinstance(v, int)]
    return {
        **{key: value for key, value in config.items() if value is not None},
        **dict.fromkeys(stated, max(tried, default=0) + 1),
    }


def _states_seed(key: str) -> bool:
    return key.rsplit(".", 1)[-1] in FACTORS["seed"]


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Round floats to six digits: the file is for people, the results JSON has all digits."""
    return {key: float(f"{v:.6g}") if isinstance(v, float) else v for key, v in values.items()}
