"""`Settings`: every threshold and ladder of the report, which a YAML file can override."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.core.errors import UsageError
from analysis.core.metrics import metric as metric_of

Ladder = tuple[tuple[str, float], ...]
"""Grades from best to worst, each with its bound; below (or above) the last bound the grade is F."""

POINTS: Mapping[str, float] = {
    "A+": 4.3,
    "A": 4.0,
    "A-": 3.7,
    "B+": 3.3,
    "B": 3.0,
    "B-": 2.7,
    "C+": 2.3,
    "C": 2.0,
    "C-": 1.7,
    "D+": 1.3,
    "D": 1.0,
    "D-": 0.7,
    "F": 0.0,
}
"""Points of each grade, for averages."""


@dataclass(frozen=True)
class Settings:
    """Thresholds of the rules of thumb and of the evidence.

    Attributes
    ----------
    stability_ladder : Ladder
        Upper bounds of count / smallest count.
    performance_ladder : Ladder
        Lower bounds of the last validation accuracy, a fraction.
    more_oscillations_pct : float
        Growth of oscillations, in percent, from which a rule of thumb calls stability worse.
    efficient_pct, inefficient_pct : float
        Steps over the expected number, in percent: up to the first "Excellent", above the second "Poor".
    gap_moderate_pp, gap_high_pp : float
        Validation minus training accuracy, in percentage points, at which the rule-of-thumb
        "overfitting risk" becomes Moderate and High.
    flat_epoch_pct : float
        Change within an epoch, in percent, up to which it is neither Good nor Poor.
    alpha : float
        Error rate of the verdict, and family-wise error rate of all other tests of a report (Holm's adjustment).
    primary : str
        The metric that decides; if empty, see `analysis.core.deciding.deciding_order`.
    seed_sd : float or Mapping[str, float]
        Known standard deviation between runs that differ only in the seed: of the deciding metric, or by
        metric; 0: unknown.
    equivalence_margin : float or Mapping[str, float]
        Difference that is too small to matter, in the unit of the metric, for all metrics or by metric. 0: for shares
        0.01, at most a tenth of the distance to the nearer bound; for losses and other unbounded metrics 0.01, at
        most 5% of their level.
    noise_equivalence_ratio : float
        Factor up to which noises count as equal, on top of the ratio of the levels of the two losses.
    patience_steps : int
        Patience of the rule of thumb for early stopping, in steps.
    strict : bool
        Never give a window mean a narrower interval than 8 batch means do: wider if slow drift hides under noise.
    excess_noise_bounds : Ladder
        Evidence grade of stability: letter by the lower bound of the ratio of train noise to validation noise.
    """

    stability_ladder: Ladder = (
        ("A+", 1.0),
        ("A", 1.1),
        ("A-", 1.2),
        ("B+", 1.3),
        ("B", 1.4),
        ("B-", 1.5),
        ("C+", 1.6),
        ("C", 1.8),
        ("C-", 2.0),
        ("D+", 2.1),
        ("D", 2.2),
        ("D-", 2.4),
    )
    performance_ladder: Ladder = (
        ("A+", 0.90),
        ("A", 0.86),
        ("A-", 0.855),
        ("B+", 0.85),
        ("B", 0.8475),
        ("B-", 0.845),
        ("C+", 0.844),
        ("C", 0.84),
        ("C-", 0.835),
        ("D+", 0.83),
        ("D", 0.82),
        ("D-", 0.80),
    )
    more_oscillations_pct: float = 10.0
    efficient_pct: float = 10.0
    inefficient_pct: float = 50.0
    gap_moderate_pp: float = 3.0
    gap_high_pp: float = 6.0
    flat_epoch_pct: float = 0.5
    alpha: float = 0.05
    primary: str = ""
    seed_sd: float | Mapping[str, float] = 0.0
    equivalence_margin: float | Mapping[str, float] = 0.0
    noise_equivalence_ratio: float = 1.25
    patience_steps: int = 20
    strict: bool = False
    excess_noise_bounds: Ladder = (("B", 1.0), ("C", 1.25), ("D", 1.5))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any] | None) -> Settings:
        """Return the defaults with some values replaced, after a check of names and types.

        Raises
        ------
        UsageError
            For an unknown name (the known ones are listed) or a value of the wrong kind.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        changed: dict[str, Any] = {}
        for name, value in (values or {}).items():
            if name not in fields:
                raise UsageError(f"settings: unknown key '{name}'; known keys: {', '.join(fields)}")
            changed[name] = _converted(name, value, getattr(cls, name))
        return cls(**changed)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values, ladders as mappings, which `from_mapping` accepts."""
        values = dataclasses.asdict(self)
        return {name: dict(v) if isinstance(v, tuple | Mapping) else v for name, v in values.items()}

    def margin_of(self, metric: str, level: float) -> float:
        """Return the equivalence margin of a metric at a level: the difference that is too small to matter."""
        given = self.equivalence_margin
        stated = given.get(metric, 0.0) if isinstance(given, Mapping) else given
        size = abs(level)
        if stated or not metric_of(metric).bounded:
            return stated or min(0.01, 0.05 * size)
        whole = 100 if 1 < size < math.inf else 1  # a share in percent
        return min(0.01 * whole, 0.1 * min(size, whole - size)) if size < whole else 0.01


BY_METRIC = ("seed_sd", "equivalence_margin")
"""Settings that may have one value per metric."""


def _converted(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, Mapping) or not all(_number(bound) for bound in value.values()):
            raise UsageError(
                f"settings: '{name}' must be a mapping of grades to numbers, got {value!r}; "
                f"for example {{{default[0][0]}: {default[0][1]}}}"
            )
        unknown = [grade for grade in value if str(grade) not in POINTS]
        if unknown:
            raise UsageError(f"settings: '{name}' has no grade '{unknown[0]}'; grades: {', '.join(POINTS)}")
        ladder = tuple((grade, float(value[grade])) for grade in POINTS if grade in value)
        rising = default[-1][1] > default[0][1]
        bounds = [bound for _, bound in ladder]
        if bounds != sorted(bounds, reverse=not rising):
            way = "rise" if rising else "fall"
            raise UsageError(f"settings: the bounds of '{name}' must {way} from {ladder[0][0]} to {ladder[-1][0]}")
        return ladder
    if isinstance(default, str):
        if not isinstance(value, str):
            raise UsageError(f"settings: '{name}' must be the name of a metric, got {value!r}")
        return value
    if name in BY_METRIC and isinstance(value, Mapping):
        if not all(isinstance(key, str) and _number(bound) and bound >= 0 for key, bound in value.items()):
            raise UsageError(f"settings: '{name}' must map metrics to numbers, got {value!r}")
        return {key: float(bound) for key, bound in value.items()}
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"settings: '{name}' must be true or false, got {value!r}")
        return value
    if not _number(value) or (isinstance(default, int) and value != int(value)):
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise UsageError(f"settings: '{name}' must be {kind}, got {value!r}")
    return type(default)(value)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
