"""Split printed lines into the numbers that change and the words that repeat, and name the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.sources.metric_aliases import plain
from analysis.sources.text_tables import EPOCHS, STEPS

NUMBER = re.compile(
    r"(?=[-+.\dnNiI])(?:"  # spares every other place the look at all the forms
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]+\d\d:\d\d:\d\d(?:[.,]\d+)?)?|(?<![\w.])\d+:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\w.])"
    r"|(?<![\w.@])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?<![\w.])[-+]?(?:nan|NaN|NAN|inf|Inf|[Ii]nfinity)(?=ms\b|\b)"
    r")"
)
"""A date, a time of day or a duration (neither is a value), or a number."""

_GLOBAL = frozenset({"num_updates", "global_step"})
"""Counters of the whole run: they stand above any other on the line (fairseq's ``update`` is a fraction of epochs)."""

_NO_METRICS = frozenset({"v_num", "time", "eta"})

_NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[█▏▎▍▌▋▊▉━╸╺]+|(?<=\[)[=>.#\-]{5,}(?=\])")
_BARS = "█▏▎▍▌▋▊▉━╸╺"
_BRACKETED_BAR = re.compile(r"\[[=>.#\-]{5}")
_MOMENT = re.compile(r"\d{4}[-/]\d\d|[^:]*:")
_NAME = re.compile(
    r"(?P<name>(?:[A-Za-z_][\w./@'%-]* ){0,2}[A-Za-z_][\w./@'%()-]*)['\"]?\s*(?P<mark>[:=]|\s)\s*['\"\[(]{0,2}$"
)
_PHASE = re.compile(r"\b(train(?:ing)?|val(?:id(?:ation)?)?|eval(?:uation)?|dev|test)\b", re.IGNORECASE)
_CODE = re.compile(
    r"\{[A-Za-z_(]|^\s*(?:def|class|import|from|for|if|elif|while|return|assert|with)\b|^\s*(?:print\w*\(|#|@)"
)


@dataclass(frozen=True)
class Form:
    """What the numbers of all lines of one wording mean: places in the line by name."""

    step: int | None
    epoch: int | None
    total: int | None
    bar: bool
    metrics: tuple[tuple[str, int], ...]
    phase: str = ""


def clean(text: str) -> str:
    """Return text without colours and progress bars."""
    # Most texts have none, and are spared the search for all of them at once.
    if "\x1b" in text or any(mark in text for mark in _BARS) or _BRACKETED_BAR.search(text):
        return _NOISE.sub("", text)
    return text


_BEHIND = r"(?=,?(?:[\s;|%)\]}A-Za-z/]|$))"
_COMMA = re.compile(rf"(?<=[\s:=])[-+]?\d+,(?:\d{{1,2}}|\d{{4,}}|\d+[eE][-+]?\d+){_BEHIND}", re.MULTILINE)
_ANY_COMMA = re.compile(rf"(?<=[\s:=])([-+]?\d+),(\d+(?:[eE][-+]?\d+)?){_BEHIND}", re.MULTILINE)
_POINT = re.compile(r"(?<=[\s:=])[-+]?\d*\.\d+")
_SAMPLE = 200_000  # characters


def has_decimal_commas(text: str) -> bool:
    """True if numbers are printed with decimal commas: in a text that has hardly any with a point.

    >>> has_decimal_commas("loss: 0,5123 acc: 0,91\\nloss: 0,4\\n"), has_decimal_commas("loss: 0.5, step: 1,000\\n")
    (True, False)
    """
    sample = text[:_SAMPLE]
    commas = len(_COMMA.findall(sample))
    return commas > 1 and 10 * len(_POINT.findall(sample)) < commas


def with_points(text: str) -> str:
    """Return a text with its decimal commas as points."""
    return _ANY_COMMA.sub(r"\1.\2", text)


def cells_of(lines: Sequence[str], wording: str) -> list[tuple[str, ...]] | None:
    """Return the numbers of lines of one wording, by a pattern made of it; None where that is not sure to find them.

    It does what `NUMBER` finds in them, in half the time.
    """
    pieces = wording.split("\0")
    if any(not piece or piece[0] not in _ENDS for piece in pieces[1:-1]) or (pieces[-1] and pieces[-1][0] not in _ENDS):
        return None
    kinds = [_ANY if _MOMENT.match(slot[0]) else _PLAIN for slot in NUMBER.finditer(lines[0])]
    if len(kinds) != len(pieces) - 1:
        return None
    pattern = "".join(re.escape(piece) + kind for piece, kind in zip(pieces, [*kinds, ""], strict=True))
    found = re.findall(f"^{pattern}$", "\n".join(lines), re.MULTILINE)
    if len(found) != len(lines):
        return None
    return found if len(kinds) > 1 else [(cell,) for cell in found]


_ENDS = frozenset(" |/;)]}%\t'\"=msxkKMGB")
_PLAIN = r"([-+]?(?:\d[\d.,]*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?[A-Za-z]+)"
_ANY = r"([^\n]+?)"


def form_of(line: str) -> Form | None:
    """Return what the numbers of a line mean, or None if it is no line of values.

    >>> form_of("step:10/200 val_loss:3.2").metrics
    (('val_loss', 2),)
    """
    if _CODE.search(line):
        return None
    slots = list(NUMBER.finditer(line))
    step = epoch = total = bar = bracketed = None
    named: list[tuple[str, int]] = []
    end = 0
    for place, slot in enumerate(slots):
        between, end = line[end : slot.start()], slot.end()
        if _MOMENT.match(slot.group()):
            continue
        if between.strip() in ("/", "of") and place:
            if place - 1 == step:
                total = place
            elif bar is None and not any(place - 1 == at for _, at in named) and place - 1 != epoch:
                bar, total = place - 1, place if step is None else total
            continue
        name = _name(between, first=place == 0)
        key = re.sub(r"\(.*\)$", "", plain(name)) if name else ""  # MMEngine's Epoch(train)
        last = key.rsplit("_", 1)[-1] if " " in (name or "") else key
        if last in STEPS:
            if step is None or last in _GLOBAL:
                step, total = place, None
        elif last in EPOCHS:
            epoch = place if epoch is None else epoch
        elif key in _NO_METRICS:
            continue
        elif name:
            named.append((name, place))
        elif place == 0 and not between.strip(" \t[(#") and line[end : end + 1] in (" ", ":", "]", "\t"):
            step = place
        elif not named and slot.group().isdecimal() and between.endswith("[") and line[end : end + 1] == "]":
            bracketed = place if bracketed is None else bracketed
    if step is None and epoch is None and bar is None:
        step = bracketed  # behind what a logger puts in front, as XGBoost's rounds
    front = bar == 0
    if bar is not None and (step is None or step == bar):
        step, total = bar, bar + 1
    phase = _PHASE.search(line)
    word = ""
    own = {name: _PHASE.search(name.replace("_", " ")) for name, _ in named}
    stated = {found[1].lower() for found in own.values() if found}
    if phase and stated <= {phase[1].lower()}:
        word = {"t": "train", "e": "eval"}.get(phase[1][0].lower(), "val")
        word = "test" if phase[1].lower() == "test" else word
        if word != "train" and step is not None and total == step + 1 and _counts_evaluation(line, slots, step, bar):
            step = total = None
            front = False
        named = [(f"{word}_{name}" if _of_model(name) and not own[name] else name, place) for name, place in named]
    if step is None and epoch is None and not any(_of_model(name) for name, _ in named):
        return None
    return Form(step, epoch, total, front, tuple(named), word)


def _counts_evaluation(line: str, slots: list[re.Match[str]], step: int, bar: int | None) -> bool:
    """True if a count says how far an evaluation is: ``Epoch(val) [1][50/100]``, ``Test: [50/100]``."""
    before = line[: slots[step].start()]
    named = re.search(r"\((\w+)\)\W*$", before)
    return (bar == step and _PHASE.search(before) is not None) or (named is not None and bool(_PHASE.search(named[1])))


def _name(between: str, *, first: bool) -> str | None:
    found = _NAME.search(between)
    if not found:
        return None
    name = found["name"].strip("'")
    if not first and found["mark"].isspace() and between[:1].isalpha() and between.startswith(name):
        name = name.partition(" ")[2]  # the unit of the number before
    if found["mark"].isspace() and len(name.split()) > 1:
        name = " ".join(name.split()[-2:])
    return name.strip().removesuffix(" is").removesuffix("'s") or None


def _of_model(name: str) -> bool:
    return bool(re.search(r"loss|acc|ppl|perplexity|rmse|error|auc|f1|bleu", name, re.IGNORECASE))
