"""LaTeX formulas as MathML for the page and as Typst for the PDF, from one parse.

Only the elements listed here are accepted in either form; text is escaped, and anything unknown is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import escape
from html.parser import HTMLParser
from typing import Any, NamedTuple

from analysis.render.typst import array, literal
from analysis.render.visible_text import legible

_ENVIRONMENTS = "align|equation|gather|multline"
_BLOCK = (
    r"^ {0,3}(?P<display>\$\$(?:[^$\\\n]|\\.|\\?\n(?![ \t]*\n))+?\$\$)[ \t]*(?:\n|$)|"
    rf"^ {{0,3}}(?P<environment>\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}"
    r"(?:[^\n]|\n(?![ \t]*\n))+?\\end\{(?P=name)\})[ \t]*(?:\n|$)"
)
# Single dollar signs as in pandoc: no space inside and no digit after; also no letter before and no code inside.
_INLINE = r"(?P<typed>\$\$(?:[^$\\]|\\[\s\S])+?\$\$|(?<![A-Za-z])\$(?![\s$])(?:[^$\\`]|\\[\s\S])+?(?<!\s)\$(?!\d))"
_ATTRIBUTES = {
    "accent", "accentunder", "display", "displaystyle", "form", "linethickness", "lspace", "mathvariant", "maxsize",
    "minsize", "movablelimits", "rspace", "scriptlevel", "stretchy", "width",
}  # fmt: skip
_VALUE = re.compile(r"[\w.%-]+")
_STYLE = re.compile(r"(?:(?:width|text-align|justify-items|padding-(?:left|right)|margin-left): ?[\w.%-]+(?:;|$))+")
_NUMBERED = re.compile(rf"\\(begin|end)\{{({_ENVIRONMENTS})\}}")
_SPLIT = re.compile(r"\\(begin|end)\{split\}")
_IN_TEXT = re.compile(r"(\\(?:text|mathrm|mbox)\{)([^{}]*)\}")
_MACROS = {"mbox": r"\text{#1}"}
_LONGEST, _DEEPEST = 5000, 40
_UNSEEN = dict.fromkeys((*range(0x2061, 0x2065), 0xFE00))
_FENCES = (*"([{⟨⌈⌊|‖)]}⟩⌉⌋",)
_MOVABLE = (*"∑∏∐⋃⋂⨁⨂⋁⋀⨆",)
_BAR = "\u0332"


class Formula(NamedTuple):
    """A formula in two forms: a ``math`` element and a Typst expression."""

    mathml: str
    typst: str


@dataclass
class _Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Element] = field(default_factory=list)
    text: str = ""

    def style(self, name: str) -> str:
        found = re.search(rf"(?:^|;){name}: ?([^;]+)", self.attributes.get("style", ""))
        return found[1] if found else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [_Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len(self.open) > _DEEPEST:
            raise RecursionError(tag)
        element = _Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].text += data


@cache
def _converter() -> Any:
    from math_core import LatexToMathML

    return LatexToMathML(macros=_MACROS, fancy_error=False)


def formula(typed: str) -> Formula | None:
    r"""Convert a formula.

    Parameters
    ----------
    typed : str
        LaTeX as in Markdown, in single or double dollar signs or as an environment.

    Returns
    -------
    Formula or None
        None if it is not LaTeX, or contains something that cannot be shown in both forms.

    Examples
    --------
    >>> formula(r"$\frac{a}{2}$").mathml
    '<math alttext="$\\frac{a}{2}$"><mfrac><mi>a</mi><mn>2</mn></mfrac></math>'
    >>> formula(r"$\nosuch{a}$")
    """
    from math_core import LatexError

    if len(typed) > _LONGEST:
        return None
    edge = len(typed) - len(typed.lstrip("$"))
    latex = typed[edge : len(typed) - edge]
    latex = _SPLIT.sub(r"\\\1{aligned}", _NUMBERED.sub(r"\\\1{\2*}", legible(latex)))
    latex = _IN_TEXT.sub(lambda found: found[1] + re.sub(r"(?<!\\)_", r"\\_", found[2]) + "}", latex)
    try:
        reader = _Reader()
        reader.feed(_converter().convert_with_local_state(latex, displaystyle=is_display(typed)))
        reader.close()
        (math,) = reader.open[0].children
        markup, body = _markup(math, alttext=" ".join(typed.split())), _row(math)
    except (LatexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return Formula(markup, f"rr-formula({literal(typed)}, {body}, display: {str(is_display(typed)).lower()})")


def is_display(typed: str) -> bool:
    """True for a formula on a line of its own."""
    return typed.startswith(("$$", "\\"))


def _markup(element: _Element, **also: str) -> str:
    """Return an element as checked markup.

    Raises
    ------
    KeyError
        If it contains an element, attribute or value that is not listed.
    """
    if element.tag not in (_TYPST if not also else "math"):
        raise KeyError(element.tag)
    for name, value in element.attributes.items():
        fine = _STYLE.fullmatch(value) if name == "style" else name in _ATTRIBUTES and _VALUE.fullmatch(value)
        if not fine:
            raise KeyError(name)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in (element.attributes | also).items())
    inside = "".join(map(_markup, element.children)) or escape(element.text)
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>"


def _typst(element: _Element) -> str:
    return _TYPST[element.tag](element)


def _row(element: _Element) -> str:
    """Return elements side by side; stretchy delimiters grow with what they enclose."""
    parts = [part for part in map(_typst, element.children) if part != "[]"]
    written = "{" + "; ".join(parts) + "}" if parts else "[]"
    ends = [element.children[0], element.children[-1]] if len(element.children) > 1 else []
    if any(_grows(end) for end in ends) and all(_grows(end) or not end.text.translate(_UNSEEN) for end in ends):
        written = f"math.lr({written})"
    style = element.attributes.get("displaystyle")
    return f"math.{'display' if style == 'true' else 'inline'}({written})" if style else written


def _grows(element: _Element) -> bool:
    return element.tag == "mo" and element.text in _FENCES and element.attributes.get("stretchy") != "false"


def _sign(text: str) -> str:
    # Mathematical letters are escaped, since the text fonts, against which the source is checked, lack bold ones.
    spelled = "".join(f"\\u{{{ord(c):x}}}" if 0x1D400 <= ord(c) <= 0x1D7FF else literal(c)[1:-1] for c in text)
    return f'rr-sign("{spelled}")'


def _letters(element: _Element) -> str:
    text = element.text.translate(_UNSEEN)
    if len(text) != 1:
        return literal(text) if text else "[]"
    return f"math.upright({_sign(text)})" if element.attributes.get("mathvariant") == "normal" else _sign(text)


def _operator(element: _Element) -> str:
    text = element.text.translate(_UNSEEN)
    if not text:
        return _space(element.attributes.get("lspace", ""))
    if len(text) > 1:
        return f'math.class("relation", {literal(text)})'
    if text == "," and element.attributes.get("rspace") == "0":  # {,} in a number
        return literal(text)
    size = element.attributes.get("minsize")
    return f"math.lr(size: {_length(size)}, {_sign(text)})" if size else _sign(text)


def _length(text: str) -> str:
    """Return a length; KeyError if Typst has no such length."""
    if not re.fullmatch(r"-?\d{1,2}(?:\.\d+)?em", text):
        raise KeyError(text)
    return text


def _space(width: str) -> str:
    return f"h({_length(width)})" if width and width != "0" else "[]"


def _text(element: _Element) -> str:
    return "; ".join(map(_typst, element.children)) or literal(element.text)


def _fraction(element: _Element) -> str:
    above, below = map(_typst, element.children)
    if element.attributes.get("linethickness") == "0":
        return f"math.mat(delim: none, ({above},), ({below},))"
    written = f"math.frac({above}, {below})"
    style = element.attributes.get("displaystyle")
    return f"math.{'display' if style == 'true' else 'inline'}({written})" if style else written


def _attached(places: str, kind: str) -> Callable[[_Element], str]:
    def write(element: _Element) -> str:
        base, *others = element.children
        moves = kind == "limits" and base.text in _MOVABLE and base.attributes.get("movablelimits") != "false"
        written = _typst(base) if moves else f"math.{kind}({_typst(base)})"
        attached = ", ".join(f"{place}: {_typst(other)}" for place, other in zip(places, others, strict=True))
        return f"math.attach({written}, {attached})"

    return write


_LINES = {
    ("mover", _BAR): "overline",
    ("munder", _BAR): "underline",
    ("mover", "⏞"): "overbrace",
    ("munder", "⏟"): "underbrace",
}


def _over(element: _Element) -> str:
    base, mark = element.children
    line = _LINES.get((element.tag, mark.text))
    if line:
        return f"math.{line}({_typst(base)})"
    if element.attributes.get("accent") == "true":
        return f'math.accent({_typst(base)}, "\\u{{{ord(mark.text):x}}}")'
    return _attached("t" if element.tag == "mover" else "b", "limits")(element)


def _table(element: _Element) -> str:
    rows = [[cell for cell in row.children if not cell.style("width")] for row in element.children]
    display = element.attributes.get("displaystyle") == "true"
    written = [[f"math.display({_row(cell)})" if display else _row(cell) for cell in row] for row in rows]
    aligns = {cell.style("text-align") or "center" for row in rows for cell in row}
    if any(cell.style("padding-left") == "0" for row in rows for cell in row):  # columns that meet at a sign
        written = [["{" + "; rr-point; ".join(row) + "}"] for row in written]
    align = aligns.pop() if len(aligns) == 1 else "center"
    return f"math.mat(delim: none, align: {align}, {', '.join(map(array, written))})"


_TYPST: dict[str, Callable[[_Element], str]] = {
    "mrow": _row,
    "mpadded": _row,
    "mi": _letters,
    "mn": _letters,
    "mo": _operator,
    "mtext": _text,
    "b": lambda element: f"math.bold({literal(element.text)})",
    "mspace": lambda element: _space(element.attributes.get("width", "")),
    "mfrac": _fraction,
    "msqrt": lambda element: f"math.sqrt({_row(element)})",
    "mroot": lambda element: f"math.root({_typst(element.children[1])}, {_typst(element.children[0])})",
    "msub": _attached("b", "scripts"),
    "msup": _attached("t", "scripts"),
    "msubsup": _attached("bt", "scripts"),
    "munder": _over,
    "mover": _over,
    "munderover": _attached("bt", "limits"),
    "mtable": _table,
    "mtr": _row,
    "mtd": _row,
    "mphantom": lambda element: f"hide({_row(element)})",
}
"""All elements that are accepted."""


def dollars(markdown: Any) -> None:
    """Add ``formula`` to a mistune parser: ``$inline$``, ``$$display$$``, environments without dollar signs.

    The token's ``raw`` is the formula as typed.
    """

    def block(_parser: Any, found: re.Match[str], state: Any) -> int:
        state.append_token({"type": "formula", "raw": found["display"] or found["environment"]})
        return found.end()

    def inline(_parser: Any, found: re.Match[str], state: Any) -> int:
        state.append_token({"type": "formula", "raw": found["typed"]})
        return found.end()

    markdown.block.register("formula", _BLOCK, block, before="list")
    markdown.inline.register("formula", _INLINE, inline, before="codespan")
