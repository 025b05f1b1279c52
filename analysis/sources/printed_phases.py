"""Prefix the values of a printed line with their phase, by the words ``train``, ``val`` ... in the line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from analysis.core.metrics import METRICS, metric
from analysis.sources.metric_aliases import plain

PHASE = re.compile(
    r"(?<![A-Za-z])(train(?:ing)?|val(?:i(?:d(?:ation|ating|ate)?)?)?|eval(?:uation|uating|uate)?|dev|test(?:ing)?)"
    r"(?![A-Za-z]|\.py|\.\s*$|-\d|\s+[\d.]+m?s\b)",  # not a file, state, run name or time
    re.IGNORECASE,
)
_AVERAGED = re.compile(r"\s*\(\s*[-+.\deE]+%?\s*\)")
HELD_OUT = {name for row in METRICS.values() if row.validates for name in row.names}
"""Names of metrics that are only measured on held-out data."""

Named = Sequence[tuple[str, int]]


def phase_word(text: str) -> str:
    """Return the first phase named in a text: "train", "val", "eval" or "test"; empty if there is none."""
    found = PHASE.search(text)
    if found is None:
        return ""
    word = found[1].lower()
    return "test" if word.startswith("test") else {"t": "train", "e": "eval"}.get(word[0], "val")


def with_phases(line: str, slots: Sequence[re.Match[str]], named: Named) -> tuple[list[tuple[str, int]], str]:
    """Return the names, prefixed with their phase where it is missing, and the phase of the whole line, or "".

    A word of its own (``[valid] loss=2, acc=0.5``) applies to what follows, or to the whole line if it is the only one;
    one in a name (``train loss 2 acc 0.5 val loss 3 acc 0.4``) applies to what follows, up to the next.

    >>> line = "train loss 2.0 acc 0.5 val loss 3.0 acc 0.4"
    >>> named = [("train loss", 0), ("acc", 1), ("val loss", 2), ("acc", 3)]
    >>> with_phases(line, list(re.finditer(r"[0-9.]+", line)), named)[0]
    [('train loss', 0), ('train_acc', 1), ('val loss', 2), ('val_acc', 3)]
    """
    places = {at: line.rfind(name, 0, slots[at].start()) for name, at in named}
    inside = [range(places[at], places[at] + len(name)) for name, at in named]
    words = [(found.start(), phase_word(found[0])) for found in PHASE.finditer(line)]
    alone = [(start, word) for start, word in words if not any(start in name for name in inside)]
    sole = {word for _, word in alone}
    taken = {plain(name) for name, _ in named}
    shown: list[tuple[str, int]] = []
    said = set()
    for name, at in named:
        own = phase_word(name)
        before = [word for start, word in alone if start < places[at]]
        said_of = [word for word in before if word != "eval"]  # Dev: Evaluation - loss: 0.5
        word = (
            (said_of if before[-1:] == ["eval"] and said_of else before)[-1]
            if before
            else sole.copy().pop()
            if len(sole) == 1
            else ""
        )
        alike = sum(plain(other) == plain(name) for other, _ in named)
        if not word and not own and alike >= min(len({word for _, word in words} - {"eval"}), 2):
            word = next((word for start, word in reversed(words) if start < places[at]), "")
            word = "" if plain(f"{word}_{name}") in taken else word
        if of_model(name):
            said.add(own or word)
        bare = own or not of_model(name) or (word in ("val", "eval") and plain(name) in HELD_OUT)
        shown.append((f"{word}_{name}" if word and not bare else name, at))
    whole = said.pop() if len(said) == 1 else sole.pop() if len(sole) == 1 and not said else ""
    return _unlike(shown), whole


def _unlike(named: Named) -> list[tuple[str, int]]:
    """Return the names with repeated ones numbered."""
    seen: Counter[str] = Counter()
    shown = []
    for name, at in named:
        seen[name] += 1
        shown.append((name if seen[name] == 1 else f"{name} ({seen[name]})", at))
    return shown


def averaged(line: str, slots: Sequence[re.Match[str]], named: Named) -> list[tuple[str, int]]:
    """Return names with the indices of running means, the second number of ``Loss 0.5 (0.6)``, where there is one."""
    return [
        (name, at + 1 if _AVERAGED.match(line, slots[at].end()) and at + 1 < len(slots) else at) for name, at in named
    ]


def of_model(name: str) -> bool:
    """True if a name is that of a metric with a direction: not a count, a time or a setting."""
    return metric(name.replace(" ", "_")).direction != "none"
