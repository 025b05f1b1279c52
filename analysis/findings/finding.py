"""`Finding`: one statement of the report with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analysis.core.blocks import Status, Tone
from analysis.core.rich_text import Rich, plain


@dataclass(frozen=True)
class Finding:
    """What the logs say about one claim.

    Attributes
    ----------
    id : str
        Unique in a report: the ID of the rule and of the runs it is about.
    rule : str
        Stable ID of the rule that made it (a key of ``RULES``), as used by ``mute``.
    section : str
        ID of the section that shows it.
    text : Rich
        What the logs support, in one or two sentences.
    status : Status
        Status of the claim if there is one, else of the text.
    claim : Rich
        What the rules of thumb say, or empty.
    estimate, low, high : float or None
        The number behind the status with its 95% interval, in ``unit``.
    p, p_adjusted : float or None
        Two-sided p-value, plain and after Holm's adjustment over the report's family of tests.
    n : float or None
        Number of observations (or effective observations) behind the estimate.
    definition : str or None
        Key of ``DEFINITIONS``.
    runs : tuple[str, ...]
        Run IDs, baseline before candidate.
    steps : tuple[int, int] or None
        First and last step used.
    cause, remedy : str
        For problems: why it happens, and what to do.
    """

    id: str
    rule: str
    section: str
    text: Rich
    status: Status
    claim: Rich = ()
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    p: float | None = None
    p_adjusted: float | None = None
    n: float | None = None
    definition: str | None = None
    runs: tuple[str, ...] = ()
    steps: tuple[int, int] | None = None
    tone: Tone = "neutral"
    cause: str = ""
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """The text without styles."""
        return plain(self.text)

    def to_json(self) -> dict[str, Any]:
        """Return the finding in the form of the results JSON."""
        return {
            "id": self.id,
            "rule": self.rule,
            "section": self.section,
            "sentence": self.sentence,
            "claim": plain(self.claim) or None,
            "status": self.status,
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "unit": self.unit or None,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "n": self.n,
            "definition": self.definition,
            "runs": list(self.runs),
            "steps": list(self.steps) if self.steps else None,
            "cause": self.cause or None,
            "remedy": self.remedy or None,
        }


def judge_claim(claimed: float, low: float, high: float) -> Status:
    """Return the status of a claimed effect, given the interval of the data.

    Supported if the interval is wholly on the claimed side of zero; contradicted if it includes zero but excludes
    the claimed size, or is wholly on the other side; else not supported: the data allow the claim and its opposite.

    Examples
    --------
    >>> judge_claim(0.5, 0.2, 0.9), judge_claim(0.5, -0.1, 0.9), judge_claim(0.5, -0.1, 0.2)
    ('supported', 'not supported', 'contradicted')
    """
    if claimed < 0:
        claimed, low, high = -claimed, -high, -low
    if high < claimed and not low > 0:
        return "contradicted"
    if high < 0:
        return "contradicted"
    return "supported" if low > 0 else "not supported"
