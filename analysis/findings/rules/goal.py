"""Rule about the stated goal: what the comparisons say about it."""

from __future__ import annotations

from analysis.core.blocks import Status
from analysis.core.rich_text import Rich, join, rich, text
from analysis.core.run_names import metric_words
from analysis.evidence.comparisons import Comparison
from analysis.evidence.verdict_words import shown_scale
from analysis.findings.analysis_result import Analysis
from analysis.findings.finding import Finding
from analysis.findings.goal import Criterion
from analysis.findings.rules.build import difference_words, sentence


def achieved(a: Analysis) -> list[Finding]:
    """Check the claim that the goal was achieved, or not, by the comparisons behind each criterion."""
    if a.goal is None or not a.goal.criteria or a.baseline is None:
        return []
    found = judge_criteria(a)
    clauses, met = [words for words, _ in found], [value for _, value in found]
    shown = False if False in met else True if all(met) else None
    claimed = a.goal.achieved
    status: Status
    if claimed is None or any(value is None and not known for value, known in zip(met, _known(a), strict=True)):
        status = "cannot tell"
    elif shown is None:
        status = "not supported"
    else:
        status = "supported" if shown == claimed else "contradicted"
    return [
        Finding(
            "goal.achieved",
            "goal.achieved",
            "summary",
            sentence(join(clauses, "; ")),
            status,
            rich("The stated goal was {state}", state="achieved" if claimed else "not achieved")
            if claimed is not None
            else (),
            definition="verdict.evidence",
            runs=(a.baseline.id, a.candidate.id),
        )
    ]


def judge_criteria(a: Analysis) -> list[tuple[Rich, bool | None]]:
    """Return for each criterion of the goal what the evidence says, and whether it is met (None: undecided)."""
    assert a.goal is not None
    if a.baseline is None:
        return [_tested(c) if c.tested else (c.shown, None) for c in a.goal.criteria]
    return [_tested(c) if c.tested else _judged(a, c.name, c.met) for c in a.goal.criteria]


def _compared(a: Analysis, criterion: str) -> Comparison | None:
    """Return the comparison that decides a criterion; None if there is none."""
    assert a.baseline is not None
    chosen = {"performance": a.verdict.primary, "stability": a.verdict.stability}
    if criterion == "training":
        return a.comparison(a.baseline.id, a.candidate.id, a.curve)
    return chosen.get(criterion)


def _known(a: Analysis) -> list[bool]:
    """Return for each criterion True if a usable comparison exists; the number of steps needs none."""
    assert a.goal is not None
    return [c.met is not None if c.tested else _is_known(a, c.name) for c in a.goal.criteria]


def _is_known(a: Analysis, name: str) -> bool:
    compared = _compared(a, name)
    return name == "efficiency" or (compared is not None and compared.known and compared.comparable is True)


def _tested(criterion: Criterion) -> tuple[Rich, bool | None]:
    """Return the result of a numeric criterion in words, and whether it is met."""
    state = {True: "is met", False: "is not met", None: "is undecided"}[criterion.met]
    return rich("{asked} {state}: {shown}", asked=criterion.asked, state=state, shown=criterion.shown), criterion.met


def _judged(a: Analysis, criterion: str, by_rules: bool | None) -> tuple[Rich, bool | None]:
    """Return the numbers behind a criterion in words, and whether the evidence meets it (None: undecided)."""
    if criterion == "efficiency":
        return text("the number of steps is a fact"), by_rules
    compared = _compared(a, criterion)
    if compared is None or not compared.known:
        return rich("{criterion} cannot be compared", criterion=criterion), None
    scale, unit = shown_scale(compared)
    numbers = f"{metric_words(compared.metric)}: {difference_words(compared, scale=scale, unit=unit)}"
    if compared.comparable is not True:
        return rich(
            "{criterion} cannot be judged ({why}; {n})", criterion=criterion, why=compared.reason, n=numbers
        ), None
    verdict = compared.verdict(a.settings.alpha)
    equivalent = compared.equivalence_p is not None and compared.equivalence_p <= a.settings.alpha
    if verdict in ("better", "worse"):
        so, met = f"is {verdict}", verdict == "better"
    elif equivalent:
        so, met = "is equivalent", criterion == "stability"
    else:
        so, met = "is not shown to differ", None
    return rich("{criterion} {so} ({n})", criterion=criterion, so=so, n=numbers), met
