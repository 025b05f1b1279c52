"""Name adjacent values of several data sets: ``train/val loss: 0.5/0.6``, ``loss: 0.5 (train), 0.6 (val)``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from analysis.sources.cells import number
from analysis.sources.printed_phases import of_model, phase_word

_SET = r"(?:train(?:ing)?|trn|tr|val(?:id(?:ation)?)?|va|vl|dev|eval(?:uation)?|test(?:ing)?|te)"
_PART = rf"(?<![A-Za-z]){_SET}(?:[ _-](?!{_SET}(?![A-Za-z]))[A-Za-z]\w*)?(?![A-Za-z])"
_STROKE = r"\s*(?:[/|,&+]|-|\band\b|\bvs\.?)\s*"
_SETS = rf"{_PART}(?:{_STROKE}{_PART})+"
_OPENING = r"[\s:=]*[(\[{<]*\s*"
_IN_FRONT = re.compile(
    rf"(?:(?<![A-Za-z])(?P<before>[A-Za-z][\w@-]*)\s*)?[\s:=]*[(\[]?\s*(?P<sets>{_SETS})\s*[)\]]?"
    rf"(?:\s*(?P<after>[A-Za-z][\w@-]*))?{_OPENING}$",
    re.IGNORECASE,
)
_BEHIND = re.compile(rf"%?\s*[(\[]\s*(?P<sets>{_SETS}|{_PART})\s*[)\]]", re.IGNORECASE)
_EACH = re.compile(
    rf"(?<![A-Za-z])(?P<metric>[A-Za-z][\w@-]*)\s*(?:[:=]\s*|\s)[(\[{{]*\s*['\"]?(?P<set>{_SET})['\"]?\s*[:=]?\s*$",
    re.IGNORECASE,
)
_NEXT = re.compile(rf"%?\s*[/,|;]?\s*['\"]?(?P<set>{_SET})['\"]?\s*[:=]?\s*$", re.IGNORECASE)
_BETWEEN = re.compile(r"%?\s*(?:[/|,;&]|->|\s-\s|\band\b|\bvs\.?|\s)\s*", re.IGNORECASE)
_SHORT = {"tr": "train", "trn": "train", "va": "val", "vl": "val", "te": "test"}

Named = Mapping[int, str]


def paired(line: str, slots: Sequence[re.Match[str]]) -> tuple[Named, str]:
    """Return the names, by index, of adjacent numbers for several sets, and the line with their heading blanked.

    Parameters
    ----------
    line : str
    slots : sequence of re.Match
        Its numbers.

    Examples
    --------
    >>> line = "epoch 3 train/val loss: 0.5/0.6"
    >>> paired(line, list(re.finditer(r"[0-9.]+", line)))[0]
    {1: 'train_loss', 2: 'val_loss'}
    """
    named: dict[int, str] = {}
    hidden: list[tuple[int, int]] = []
    end = 0
    for place, slot in enumerate(slots):
        start, end = end, slot.end()
        if place in named:
            continue
        between = line[start : slot.start()]
        heading = _IN_FRONT.search(between)
        if heading is not None and (names := _names(heading["sets"], heading["before"], heading["after"])):
            if _follow(line, slots, place, len(names)):
                named |= dict(enumerate(names, start=place))
                hidden.append((start + heading.start("sets"), start + heading.end("sets")))
        elif (found := _of_each(line, slots, place, between)) and len(set(found.values())) == len(found) > 1:
            named |= found
    named = named or _with_sets_behind(line, slots)
    named |= _as_before(line, slots, named)
    for start, end in hidden:
        line = line[:start] + " " * (end - start) + line[end:]
    return named, line


def sets_of(name: str) -> list[str]:
    """Return the name of each value in a column of several sets, such as ``loss (train / val)``; else an empty list."""
    heading = _IN_FRONT.fullmatch(name.strip())
    return _names(heading["sets"], heading["before"], heading["after"]) if heading else []


def values_of(cell: str) -> list[float]:
    """Return the numbers of a cell with several, such as ``0.5 / 0.6``; else an empty list.

    >>> values_of("0.5 / 0.6"), values_of("5/500"), values_of("0.5")
    ([0.5, 0.6], [], [])
    """
    parts = [number(part) for part in re.split(r"[/|]", cell.strip())]
    if len(parts) < 2 or "." not in cell or any(value is None or value != value for value in parts):
        return []
    return [value for value in parts if value is not None]


def _names(sets: str, before: str | None, after: str | None) -> list[str]:
    """Return the name of each set's value; an empty list if a set occurs twice."""
    parts = [
        re.fullmatch(rf"({_SET})(?:[ _-](.+))?", part, re.IGNORECASE) for part in re.findall(_PART, sets, re.IGNORECASE)
    ]
    words = [_word(part[1]) for part in parts if part is not None]
    own = [part[2] for part in parts if part is not None]
    shared = next((word for word in (*reversed(own), after, before) if word and of_model(word)), "")
    names = [f"{word}_{metric or shared}".rstrip("_") for word, metric in zip(words, own, strict=True)]
    return names if len(set(words)) == len(words) else []


def _word(name: str) -> str:
    return _SHORT.get(name.lower()) or phase_word(name)


def _follow(line: str, slots: Sequence[re.Match[str]], place: int, count: int) -> bool:
    """True if exactly ``count`` numbers from ``place`` follow each other with the same separator."""
    if place + count > len(slots):
        return False
    between = [line[one.end() : other.start()] for one, other in zip(slots[place:], slots[place + 1 :], strict=False)]
    inner = between[: count - 1]
    more = between[count - 1 : count]
    return (
        all(map(_BETWEEN.fullmatch, inner))
        and len({text.strip() for text in inner}) == 1
        and not (more and more[0].strip() == inner[0].strip() != "")
    )


def _as_before(line: str, slots: Sequence[re.Match[str]], named: Named) -> dict[int, str]:
    """Return names for other values that have the same sets in order: ``train/val loss: 0.5/0.6, acc: 0.8/0.7``."""
    first = min(named, default=0)
    sets = [phase_word(named[at]) for at in range(first, first + 4) if at in named]
    sets = sets[: len(set(sets))]
    if len(sets) < 2 or line[slots[first].end() : slots[first + 1].start()].strip() not in ("/", "|"):
        return {}
    found: dict[int, str] = {}
    for place in range(1, len(slots)):
        if place in named or place in found or not _follow(line, slots, place, len(sets)):
            continue
        between = line[slots[place - 1].end() : slots[place].start()]
        between = between.rpartition(")")[2]
        words = re.findall(r"[A-Za-z][\w@-]*", between)
        stroke = "/" in line[slots[place].end() : slots[place + 1].start()]
        if stroke and words and of_model(words[-1]) and not phase_word(between):
            found |= {place + at: f"{word}_{words[-1]}" for at, word in enumerate(sets)}
    return found


def _of_each(line: str, slots: Sequence[re.Match[str]], place: int, between: str) -> dict[int, str]:
    """Return the names of the numbers in ``loss: train 0.5 val 0.6``, by index."""
    first = _EACH.search(between)
    if first is None or not of_model(first["metric"]):
        return {}
    found = {place: f"{_word(first['set'])}_{first['metric']}"}
    for at in range(place + 1, len(slots)):
        more = _NEXT.fullmatch(line[slots[at - 1].end() : slots[at].start()])
        if more is None:
            break
        found[at] = f"{_word(more['set'])}_{first['metric']}"
    return found


def _with_sets_behind(line: str, slots: Sequence[re.Match[str]]) -> dict[int, str]:
    """Return the names of the numbers in ``loss: 0.5 (train), 0.6 (val)`` and ``loss 0.5/0.6 (train/val)``."""
    named: dict[int, str] = {}
    metric = ""
    start = 0
    for place, slot in enumerate(slots):
        words = re.findall(r"[A-Za-z][\w@-]*", line[start : slot.start()])
        metric = next((word for word in reversed(words) if of_model(word)), metric)
        start = slot.end()
        behind = _BEHIND.match(line, start)
        if behind is None or not metric:
            continue
        names = _names(behind["sets"], metric, None)
        first = place + 1 - len(names)
        if names and first >= 0 and _follow(line, slots[: place + 1], first, len(names)) | (len(names) == 1):
            named |= dict(enumerate(names, start=first))
        start = behind.end()
    return named if len(set(named.values())) == len(named) > 1 else {}
