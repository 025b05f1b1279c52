"""Formatting of numbers: the only place where the report does it."""

from __future__ import annotations

import math
from typing import Protocol

from analysis.core.blocks import Cell, Tone
from analysis.core.metrics import metric as metric_of
from analysis.core.rich_text import rich, text

MISSING = "no number"
MINUS = "−"


class Interval(Protocol):
    """Anything with an estimate and its 95% bounds."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def cell(value: str, minor: str = "", *, tone: Tone = "neutral", bold: bool = False) -> Cell:
    """Return a cell of plain text, with an optional smaller line beneath."""
    return Cell(rich("**{v}**", v=value) if bold else text(value), text(minor), tone)


def loss(value: float | None) -> str:
    """Format a loss: three decimals, more if the loss is small.

    Examples
    --------
    >>> loss(0.3144), loss(0.01), loss(None), loss(1234.5)
    ('0.314', '0.0100', 'no number', '1234.5')
    """
    if value is None:
        return MISSING
    size = abs(value)
    if size >= 1000:
        return signed_minus(f"{value:.1f}" if size < 1e6 else f"{value:.3g}")
    return signed_minus(f"{value:.3f}" if size >= 0.1 or size == 0 else f"{value:#.3g}")


def percent(fraction: float | None, digits: int = 2) -> str:
    """Format a fraction in percent.

    Examples
    --------
    >>> percent(0.875), percent(None)
    ('87.50%', 'no number')
    """
    return MISSING if fraction is None else signed_minus(f"{fraction * 100:.{digits}f}%")


def in_unit(metric: str, value: float | None) -> str:
    """Format a value of a metric: a fraction in percent, anything else as a loss.

    Examples
    --------
    >>> in_unit("map50", 0.9578), in_unit("valid_loss", 0.02036)
    ('95.78%', '0.0204')
    """
    return percent(value) if metric_of(metric).unit == "fraction" else loss(value)


def signed(value: float | None, digits: int = 1, unit: str = "") -> str:
    """Format a change with its sign.

    Examples
    --------
    >>> signed(-5.21, 1, "%"), signed(4.17, 2, " pp"), signed(0.0, 1)
    ('−5.2%', '+4.17 pp', '0.0')
    """
    if value is None:
        return "–"
    shown = f"{value:+,.{digits}f}"
    if not float(shown.replace(",", "")):
        shown = f"{0:.{digits}f}"
    return signed_minus(shown) + unit


def signed_minus(number: str) -> str:
    """Replace the hyphen by a minus sign, which is as wide as a plus sign."""
    return number.replace("-", MINUS)


_TINY = 1e-5
"""Smaller numbers keep at most one significant digit in six decimals."""


def decimals_for(width: float, most: int = 6) -> int:
    """Return the decimals that show half the width of an interval with two significant digits; at most ``most``.

    Examples
    --------
    >>> decimals_for(0.0188), decimals_for(10.0), decimals_for(0.0)
    (3, 0, 6)
    """
    if not width > 0 or not math.isfinite(width):
        return most
    return min(most, max(0, 1 - math.floor(math.log10(width))))


def interval(estimate: Interval | None, *, scale: float = 1.0, unit: str = "", sign: bool = False) -> str:
    """Format an estimate with its interval on one line: ``0.305 [0.300, 0.310]``."""
    if estimate is None:
        return "–"
    main, minor = interval_parts(estimate, scale=scale, unit=unit, sign=sign)
    return f"{main} {minor}" if minor else main


def interval_parts(estimate: Interval, *, scale: float = 1.0, unit: str = "", sign: bool = False) -> tuple[str, str]:
    """Format an estimate and its interval as two texts, with decimals that suit the width."""
    value, low, high = (x * scale for x in (estimate.value, estimate.low, estimate.high))
    if not math.isfinite(value):
        return "–", ""
    bounded = math.isfinite(low) and math.isfinite(high)
    digits = decimals_for((high - low) / 2) if bounded else 3
    # The slope per step of a run of millions of steps vanishes in six decimals.
    tiny = bounded and 0 < max(abs(value), abs(low), abs(high)) < _TINY
    form = f"{{:{'+' if sign else ''}{'.1e' if tiny else f'.{digits}f'}}}"
    main, *ends = (_without_signed_zero(form.format(x)) for x in (value, low, high))
    return main + unit, f"[{ends[0]}, {ends[1]}]" if bounded else ""


def _without_signed_zero(shown: str) -> str:
    """Set a true minus sign, and no sign before a number that rounds to zero."""
    return signed_minus(shown if float(shown) else shown.lstrip("+-"))


def interval_cell(estimate: Interval | None, *, scale: float = 1.0, unit: str = "", sign: bool = False) -> Cell:
    """Return a cell with an estimate, its interval as the smaller line."""
    if estimate is None:
        return Cell(text("–"))
    main, minor = interval_parts(estimate, scale=scale, unit=unit, sign=sign)
    return Cell(text(main), text(minor))


def p_value(p: float | None) -> str:
    """Format a p-value.

    Examples
    --------
    >>> p_value(0.8912), p_value(0.00001), p_value(0.034), p_value(0.998), p_value(None)
    ('.89', '< .001', '.034', '> .99', '–')
    """
    if p is None or math.isnan(p):
        return "–"
    if p < 0.001:
        return "< .001"
    if p > 0.995:
        return "> .99"
    return f"{p:.3f}"[1:] if p < 0.1 else f"{p:.2f}"[1:]


def p_words(p: float | None) -> str:
    """Format a p-value as ``p = .03`` or ``p < .001``."""
    shown = p_value(p)
    return f"p {shown}" if shown.startswith(("<", ">")) else f"p = {shown}"


def number(value: float | None) -> str:
    """Format any number with four significant digits.

    Examples
    --------
    >>> number(2e-05), number(64), number(0.123456), number(12345)
    ('2e−05', '64', '0.1235', '12345')
    """
    if value is None:
        return "–"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e9):
        return signed_minus(str(int(value)))
    return signed_minus(f"{value:.4g}")


def signed_number(value: float) -> str:
    """Format a change of any size with its sign and three significant digits."""
    return signed_minus(f"{value:+.3g}") if value else "0"


def rough(value: float) -> str:
    """Format a size with two significant digits.

    Examples
    --------
    >>> rough(0.01234), rough(204.3), rough(57.0)
    ('0.012', '200', '57')
    """
    return number(float(f"{value:.2g}"))


def count(number_of: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun.

    Examples
    --------
    >>> count(1, "epoch"), count(3, "epoch"), count(2, "fully", "fully")
    ('1 epoch', '3 epochs', '2 fully')
    """
    return f"{number_of:,} {one if number_of == 1 else many or one + 's'}"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Join names as in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else "none"
