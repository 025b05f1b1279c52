"""What a report says of earlier ones: scored predictions and changes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Score:
    """A prediction held against what happened."""

    run: str
    report: str
    predicted_run: str
    metric: str
    estimate: float
    low: float
    high: float
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    status: Literal["confirmed", "not confirmed", "contradicted", "cannot tell"]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Give the score as the results JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """Something that an earlier report said differently; ``exceeds_noise`` is None where it cannot be told."""

    what: str
    run: str | None
    before: str
    after: str
    exceeds_noise: bool | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the change as the results JSON holds it."""
        return asdict(self)
