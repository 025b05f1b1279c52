"""A check as GitHub-flavoured Markdown: a comment on a pull request that later checks can replace."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.core.blocks import Tone
from analysis.core.errors import UsageError
from analysis.core.number_format import count, p_value
from analysis.evidence.criteria import CriterionResult
from analysis.findings.analysis_result import Analysis
from analysis.publish.check import Checked, problems
from analysis.render.glyphs import TONES
from analysis.render.markdown import escape
from analysis.report.summary import differences

_MARKER = re.compile(r"[A-Za-z0-9._-]{1,60}")
_ACTIVE = re.compile(r"\\?@|\\?#(?=\d)|(?i:GH-)(?=\d)|(?i:www\.)|(?i:[a-z]{2,10}:)(?=//)")
_LONGEST = 400
_OUTCOMES: dict[str, tuple[Tone, str]] = {
    "passed": ("good", "Passed"),
    "failed": ("bad", "Failed"),
    "cannot tell": ("unknown", "Cannot tell"),
}
_STATES: dict[str, Tone] = {"met": "bad", "not met": "good", "cannot tell": "unknown"}


def to_markdown(checked: Checked, *, marker: str = "check") -> str:
    """Return a check as a comment in Markdown.

    Parameters
    ----------
    checked : Checked
    marker : str
        Part of the hidden first line, ``<!-- run-report:check -->``, by which the comment is found again.

    Raises
    ------
    UsageError
        If the marker is not made of letters, digits, ``.``, ``_`` and ``-``.
    """
    if not _MARKER.fullmatch(marker):
        raise UsageError(f"--marker: {marker!r} must be up to 60 letters, digits, '.', '_' or '-'")
    a = checked.analysis
    parts = [
        f"<!-- run-report:{marker} -->\n{_headline(checked)}",
        _verdict(a),
        _conditions(checked),
        _criteria(checked.criteria),
        _differences(a),
        _problems(a),
        _not_comparable(a),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def inert(text: str) -> str:
    """Return a text in which nothing is Markdown, a mention, a reference to an issue or a link.

    GitHub looks for the last three after it has removed backslashes, so a zero-width space is inserted.

    Examples
    --------
    >>> inert("*ping* @octocat, #7")
    '\\\\*ping\\\\* @&#8203;octocat, #&#8203;7'
    """
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return _ACTIVE.sub(lambda found: found[0].removeprefix("\\") + "&#8203;", escape(short))


def _headline(checked: Checked) -> str:
    a = checked.analysis
    tone, word = _OUTCOMES[checked.outcome]
    state = "cannot tell" if checked.outcome == "cannot tell" else "met"
    found = [inert(c.name) for c in checked.conditions if c.state == state]
    which = f" ({', '.join(found)})" if found else ""
    against = f" against {inert(a.title_of(a.baseline.id))}" if a.baseline else ""
    if checked.history:
        against = f" against {inert(checked.history)}"
    return f"### {TONES[tone].glyph} {word}{which}: {inert(a.title_of(a.candidate.id))}{against}"


def _verdict(a: Analysis) -> str:
    v = a.verdict
    said = [f"**{v.result.capitalize()}.**", *(inert(part) for part in (v.sentence, v.numbers, v.condition) if part)]
    return " ".join(said)


def _conditions(checked: Checked) -> str:
    """Return a table of the conditions without numbers; the others have another table."""
    numeric = {t.asked.text for t in checked.criteria}
    rows = [(c.name.capitalize(), _state(c.state), inert(c.why)) for c in checked.conditions if c.name not in numeric]
    return _table(("Condition", "", "What was found"), rows) if rows else ""


def _criteria(criteria: Sequence[CriterionResult]) -> str:
    rows = [
        (
            inert(t.asked.text),
            inert(t.shown() or "none"),
            inert(p_value(t.p)) if t.p is not None else "",
            _state(t.state),
            inert("; ".join(filter(None, (t.scope_words(), t.takes)))),
        )
        for t in criteria
    ]
    head = ("Fails if", "Value, 95% interval", "One-sided p", "", "Speaks of")
    return _table(head, rows, align="lrrll") if rows else ""


def _state(state: str) -> str:
    return f"{TONES[_STATES[state]].glyph} {state}"


def _differences(a: Analysis) -> str:
    rows = [
        (
            inert(d.label),
            f"{inert(d.shown)} {inert(d.interval)}",
            inert(d.p),
            f"{TONES[d.tone].glyph} {d.reading}".strip() + (f" ({inert(d.note)})" if d.note else ""),
        )
        for d in differences(a)
    ]
    if not rows:
        return ""
    return _table(("Metric", "Difference, 95% interval", "p after Holm", "Reading"), rows, align="lrrl")


def _problems(a: Analysis) -> str:
    found = problems(a)
    if not found:
        return ""
    lines = [f"- {inert(f.sentence)}. {inert(f.cause)} **What to do:** {inert(f.remedy)}" for f in found]
    return "\n".join([f"**{count(len(found), 'problem')} found**\n", *lines])


def _not_comparable(a: Analysis) -> str:
    if a.gate is None:
        return ""
    lines = [
        f"- {inert(check.text)}" + (" (cannot tell)" if check.state == "cannot tell" else "")
        for check in a.gate.failed()
    ]
    if a.verdict.attribution:
        lines.append(f"- {inert(a.verdict.attribution)}")
    if not lines:
        return ""
    return "\n".join(["**What the two runs do not have in common, or nothing tells**\n", *lines])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, align: str = "") -> str:
    rules = ["--:" if side == "r" else ":--" for side in align.ljust(len(head), "l")]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, tuple(rules), *rows))
