"""Rich text: emphasis and links, built so that data can never turn into markup.

Markup lives only in the literal template; values are inserted afterwards, as plain text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby

_TOKEN = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|\*(?P<italic>[^*]+?)\*|`(?P<code>[^`]+)`|\[(?P<label>[^\]]+)\]\((?P<href>[^)]+)\)"
)
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Span:
    """A stretch of text in one style; ``href`` makes it a link (``#id`` stays inside the report)."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    href: str | None = None


Rich = tuple[Span, ...]


def rich(template: str, /, **values: object) -> Rich:
    """Build styled text from a template.

    Parameters
    ----------
    template : str
        Text in which ``**bold**``, ``*italic*``, `` `code` `` and ``[label](#target)`` are markup
        and ``{name}`` is replaced by a value. Styles nest one inside the other.
    **values : object
        Inserted literally: markup characters in them have no effect. A value that is itself
        rich text keeps its own spans, in addition to the surrounding style.

    Raises
    ------
    KeyError
        If the template names a value that is not given.

    Examples
    --------
    >>> plain(rich("**{run}** ran {n} steps", run="*run* 4", n=560))
    '*run* 4 ran 560 steps'
    >>> rich("**{run}**", run="a*b*")
    (Span(text='a*b*', bold=True, italic=False, code=False, href=None),)
    """
    return tuple(span for span in _parse(template, Span(""), values) if span.text)


def plain(text: Rich) -> str:
    """Return the text without its styles.

    Examples
    --------
    >>> plain(rich("a **b** [c](#d)"))
    'a b c'
    """
    return "".join(span.text for span in text)


def text(value: object) -> Rich:
    """Return a value as unstyled text; markup characters in it have no effect.

    Examples
    --------
    >>> plain(text("**not bold**"))
    '**not bold**'
    """
    return (Span(str(value)),) if str(value) else ()


def join(parts: list[Rich] | tuple[Rich, ...], separator: str = " ") -> Rich:
    """Concatenate pieces of rich text, with a plain separator between those that are not empty."""
    spans: list[Span] = []
    for part in parts:
        if part and spans:
            spans.append(Span(separator))
        spans.extend(part)
    return tuple(spans)


def merged(text: Rich) -> Rich:
    """Merge neighbouring spans of one style, so that no markup is repeated between them.

    Examples
    --------
    >>> merged(rich("[Epoch {k} fell](#a) again", k=2))
    (Span(text='Epoch 2 fell', bold=False, italic=False, code=False, href='#a'), Span(text=' again', bold=False, \
italic=False, code=False, href=None))
    """
    runs = groupby(text, lambda span: replace(span, text=""))
    return tuple(replace(style, text="".join(span.text for span in alike)) for style, alike in runs)


def _parse(template: str, style: Span, values: dict[str, object]) -> list[Span]:
    spans: list[Span] = []
    position = 0
    for match in _TOKEN.finditer(template):
        spans += _fill(template[position : match.start()], style, values)
        position = match.end()
        kind = match.lastgroup
        if kind == "bold":
            spans += _parse(match["bold"], replace(style, bold=True), values)
        elif kind == "italic":
            spans += _parse(match["italic"], replace(style, italic=True), values)
        elif kind == "code":
            spans += _fill(match["code"], replace(style, code=True), values)
        else:
            href = _FIELD.sub(lambda field: str(values[field[1]]), match["href"])
            spans += _parse(match["label"], replace(style, href=href), values)
    return spans + _fill(template[position:], style, values)


def _fill(literal: str, style: Span, values: dict[str, object]) -> list[Span]:
    spans: list[Span] = []
    for index, piece in enumerate(_FIELD.split(literal)):
        if index % 2 == 0:
            spans.append(replace(style, text=piece))
            continue
        value = values[piece]
        if isinstance(value, tuple):
            spans += [
                replace(
                    span,
                    bold=span.bold or style.bold,
                    italic=span.italic or style.italic,
                    code=span.code or style.code,
                    href=span.href or style.href,
                )
                for span in value
            ]
        else:
            spans.append(replace(style, text=str(value)))
    return spans
