"""A finding: one sentence of the report with everything that backs it."""

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
        Unique in a report: the rule's ID and the runs it speaks of.
    rule : str
        Stable ID of the rule that made it (a key of ``RULES``); what ``mute`` takes.
    section : str
        ID of the section that shows it.
    text : Rich
        What the logs support, in one or two sentences.
    status : Status
        Of the claim if there is one, else of the text.
    claim : Rich
        What the rules of thumb would have written, empty where they say nothing.
    estimate, low, high : float or None
        The number behind the status with its 95% interval, in ``unit``.
    p, p_adjusted : float or None
        Two-sided p-value, plain and after Holm's adjustment over the report's family of tests.
    n : float or None
        Observations (or effective observations) behind the estimate.
    definition : str or None
        Key of ``DEFINITIONS``.
    runs : tuple[str, ...]
        Run IDs, baseline before candidate.
    steps : tuple[int, int] or None
        First and last step that was used.
    cause, remedy : str
        For problems that stand: why it happens, what to do.
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
        """Give the finding as the results JSON holds it."""
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
    """Judge a claimed effect by the interval the data give.

    Supported if the interval lies wholly on the side of zero that the claim names;
    contradicted if it includes zero but excludes the claimed size, or lies on the other side; else not supported:
    the data allow the claim and its opposite alike.

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
