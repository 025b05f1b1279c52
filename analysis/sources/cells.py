"""Read numbers that a log contains as text: ``40 %``, ``1,000``, ``tensor(1.6, device='cuda:0')``, ``5/500``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from analysis.core.metrics import metric
from analysis.core.run import Dropped

BLANK = frozenset({"", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "none", "-", "--", "No log", "No Log"})
"""Texts that tools write for "not logged"."""

AMBIGUOUS = "ambiguous: a comma before three digits may part thousands or decimals; write decimals with a point"
_NOT_A_NUMBER = re.compile(
    r"[+-]?(nan|inf(inity)?|∞)|-?1\.#(ind|qnan|inf)\w*|#(num|div/0|value|ref|name\?)!?", re.IGNORECASE
)
_DECIMAL = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SPACED = re.compile(r"[+-]?\d{1,3}(?:(?:[ \u00a0\u202f]\d{3})+|(?:['’]\d{3})+|(?:\.\d{3}){2,})(?:[.,]\d+)?")
"""1 000, 1'000 and 1.000.000, whose separators cannot be decimal marks."""
_POINTED = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")
DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:[.' \u00a0\u202f]\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?(?:\s*%)?")
_WRAPPED = re.compile(
    # The repr of a framework's scalar: tensor(1.6, device='cuda:0'), np.float32(0.5), <tf.Tensor: shape=(), numpy=1.5>
    rf"(?:[A-Za-z_][\w.]*)\(\[?\s*({_DECIMAL}|[+-]?nan|[+-]?inf)\s*\]?\s*(?:,[^()]*(?:\([^()]*\)[^()]*)*)?\)"
    rf"|<tf\.\w+:.*\bnumpy=({_DECIMAL}|nan|inf)\b.*>|\[\s*({_DECIMAL}|nan|inf)\s*\]",
    re.IGNORECASE,
)
FORTRAN = re.compile(r"(?<=[\d.])D(?=[+-]\d{2,3}(?!\d))")
"""The D that Fortran writes for the E of a number: 0.19D+01."""
_SPREAD = re.compile(rf"({_DECIMAL})\s*%?\s*(?:(?:±|\+/-|\+-)\s*{_DECIMAL}\s*%?|\(\s*±?\s*{_DECIMAL}\s*%?\))")
_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_SCALED = re.compile(rf"({_DECIMAL})\s?([kKMGBT])")
_COUNTS = re.compile(r"step|iter|token|sample|example|image", re.IGNORECASE)
_NUMBER = re.compile(f"({_DECIMAL})")
_PERCENT = re.compile(rf"({_DECIMAL})\s*%")
_OF_TOTAL = re.compile(r"(\d[\d,]*)\s*/\s*\d[\d,]*")
_VECTOR = re.compile(rf"[\[(]\s*({_DECIMAL}(?:[\s,]+{_DECIMAL})+)\s*[\])]")


def number(cell: str) -> float | None:
    """Return the number in a cell: NaN if blank, infinity for a written nan or inf, None for other text.

    >>> number("tensor(1.6, device='cuda:0')"), number("40 %"), number("12,000"), number("soon")
    (1.6, 40.0, 12000.0, None)
    """
    cell = cell.strip()
    if cell in BLANK:
        return np.nan
    try:
        value = float(cell)
    except ValueError:
        return _written(cell)
    return value if np.isfinite(value) else np.inf


def _written(cell: str) -> float | None:
    if _NOT_A_NUMBER.fullmatch(cell):
        return np.inf
    if _GROUPED.fullmatch(cell):
        return float(cell.replace(",", ""))
    if _SPACED.fullmatch(cell):
        whole, _, decimals = cell.partition(",")
        parted = whole if "." in whole and whole.count(".") < 2 else whole.replace(".", "")
        return float(re.sub(r"[ \u00a0\u202f'’]", "", parted) + (f".{decimals}" if decimals else ""))
    if "\u2212" in cell:  # typographic minus sign
        return number(cell.replace("\u2212", "-"))
    if found := _PERCENT.fullmatch(cell):
        return float(found[1])
    if (found := _SPREAD.fullmatch(cell)) or (
        FORTRAN.search(cell) and (found := _NUMBER.fullmatch(FORTRAN.sub("E", cell)))
    ):
        return float(found[1])
    if found := _WRAPPED.fullmatch(cell):
        return number(next(group for group in found.groups() if group))
    return None


def of_total(cell: str) -> float | None:
    """Return the count in ``5/500``, None for anything else.

    >>> of_total("5/500"), of_total("7")
    (5.0, None)
    """
    found = _OF_TOTAL.fullmatch(cell.strip())
    return float(found[1].replace(",", "")) if found else None


def vector(cell: str) -> list[float] | None:
    """Return the numbers of ``[0.1 0.2]``, None for anything else."""
    found = _VECTOR.fullmatch(cell.strip())
    return [float(part) for part in re.split(r"[\s,]+", found[1].strip())] if found else None


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """True if cells have commas that can only be decimal, as in ``0,91``; ``1,234`` alone is ambiguous."""
    commas = [cell.strip() for cell in cells if "," in cell]
    return any(not _GROUPED.fullmatch(cell) or cell.lstrip("+-").startswith("0") for cell in commas) and all(
        DECIMAL_COMMA.fullmatch(cell) for cell in commas
    )


def has_points_in_thousands(cells: Sequence[str], *, beside_commas: bool) -> bool:
    """True if all points of a column separate thousands (``1.000``), by a ``1.000.000`` or by decimal commas elsewhere.

    >>> has_points_in_thousands(["900", "1.000"], beside_commas=True)
    True
    """
    dotted = [cell for cell in cells if "." in cell]
    certain = beside_commas or any(cell.count(".") > 1 for cell in dotted)
    return bool(dotted) and certain and all(map(_POINTED.fullmatch, dotted))


def with_point(cell: str) -> str:
    """Return a cell of a column with decimal commas in Python's notation.

    >>> with_point("1.234,5"), with_point("1.234"), with_point("0.5")
    ('1234.5', '1234', '0.5')
    """
    if "," in cell or _POINTED.fullmatch(cell.strip()):
        cell = re.sub(r"(?<=\d)[.' \u00a0\u202f](?=\d{3})", "", cell)
    return cell.replace(",", ".")


def is_ambiguous(cells: Sequence[str]) -> bool:
    """True if every cell can be read with thousands or with decimals (``1,234``)."""
    shape = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
    return bool(cells) and all(shape.fullmatch(cell.strip()) for cell in cells)


def is_number_like(cells: Sequence[str]) -> bool:
    """True if most cells of a text column contain a number in a known form."""
    if not cells:
        return False
    if has_decimal_commas(cells):
        return True
    readable = sum(_any_form(cell) is not None for cell in cells)
    return readable > len(cells) / 2


def _any_form(cell: str) -> float | None:
    for read in (number, of_total):
        if (value := read(cell)) is not None:
            return value
    values = vector(cell)
    return float(np.mean(values)) if values else None


def numbers(
    name: str, cells: Sequence[str | None]
) -> tuple[npt.NDArray[np.float64] | None, tuple[Dropped, ...], tuple[str, ...]]:
    """Read a column of text as numbers.

    Returns
    -------
    tuple
        Numbers, shape (cells,), NaN where blank or text, or None if the column is ambiguous or mostly text; dropped
        values; notes on how the cells were read.
    """
    if _COUNTS.search(name):
        cells = [_scaled(cell) if isinstance(cell, str) else cell for cell in cells]
    written = (cell for cell in cells if isinstance(cell, str) and cell.strip() not in BLANK)
    given = list(islice(written, 500))
    if not is_number_like(given):
        return None, (), ()
    given += written
    if metric(name).direction != "none" and is_ambiguous(given):  # a count is not written with decimals
        return None, (Dropped(name, len(given), AMBIGUOUS),), ()
    commas = has_decimal_commas(given[:500])
    known: dict[str, float | None] = {}
    values, failed = np.full(len(cells), np.nan), 0
    for place, cell in enumerate(cells):
        if not isinstance(cell, str):
            continue
        if cell not in known:
            known[cell] = _any_form(with_point(cell) if commas else cell)
        value = known[cell]
        if value is None:
            failed += 1
        else:
            values[place] = value
    lost = (Dropped(name, failed, "text where the column holds numbers"),) if failed else ()
    return values, lost, _how(name, given[0], commas)


def scale_of(behind: str) -> float:
    """Return the factor of a letter directly after a number, as in ``1.2k``; 1 without one."""
    return _SCALES.get(behind[:1], 1.0) if behind and not behind[1:2].isalnum() else 1.0


def _scaled(cell: str) -> str:
    """Return a cell such as ``1.2M`` in digits, any other unchanged."""
    found = _SCALED.fullmatch(cell.strip())
    return f"{float(found[1]) * _SCALES[found[2]]:.15g}" if found else cell


def _how(name: str, cell: str, commas: bool) -> tuple[str, ...]:
    shown = cell.strip()[:40]
    if commas:
        return (f"'{name}' is written with decimal commas",)
    if (found := vector(cell)) is not None:
        return (f"'{name}' holds lists of numbers ({len(found)} in the first): their mean is read",)
    return (f"'{name}' is text that holds a number, such as '{shown}': the number is read",)
