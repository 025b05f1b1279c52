"""Name the scores that COCO's evaluation prints: ``Average Precision (AP) @[ IoU=0.50:0.95 | ... ] = 0.312``."""

from __future__ import annotations

import re

_LINE = re.compile(
    r"(?:Evaluate )?annotation type \*(?P<type>\w+)\*|IoU metric: (?P<metric>\w+)"
    r"|Average (?:Precision|Recall)\s+\((?P<kind>AP|AR)\) @\[ IoU=(?P<iou>[\d.]+(?::[\d.]+)?)\s*"
    r"\| area=\s*(?P<area>\w+)\s*\| maxDets=\s*(?P<most>\d+)\s*\] = (?P<value>-?[\d.]+)"
)
_WHOLE = "0.50:0.95"
_NAMES = {_WHOLE: "map50_95", "0.50": "map50", "0.75": "map75"}


def with_coco_names(text: str) -> str:
    """Return a text in which each line of COCO's scores is a name and a value; scores without objects (-1) are removed.

    Names of mask and keypoint scores start with the type, those of box scores do not.

    Examples
    --------
    >>> with_coco_names(" Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.512")
    ' map50: 0.512'
    """
    if "@[ IoU=" not in text:
        return text
    of = ""

    def named(found: re.Match[str]) -> str:
        nonlocal of
        if found["kind"] is None:
            kind = found["type"] or found["metric"]
            of = "" if kind == "bbox" else f"{kind}_"
            return ""
        if float(found["value"]) < 0:
            return ""
        area = "" if found["area"] == "all" else f"_{found['area']}"
        own = _NAMES.get(found["iou"], "map") if found["kind"] == "AP" else f"mar_{found['most']}"
        return f"{of}{own}{area}: {found['value']}"

    return _LINE.sub(named, text)
