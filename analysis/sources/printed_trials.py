"""Read the printed trials of a hyperparameter search (Optuna's log): each is a run with parameters and a value.

``Trial 3 finished with value: 0.91 and parameters: {'lr': 0.01}. Best is trial 0 with value: 0.93.``
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.core.errors import LogError
from analysis.core.metrics import metric, stated_name
from analysis.sources.base import Columns
from analysis.sources.cells import number
from analysis.sources.raw_log import RawLog
from analysis.sources.streams import open_lines, text_head

NAME = "printed trials"
SCHEME = ""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|-?inf"
_TRIAL = re.compile(
    rf"\btrial\s*#?(?P<trial>\d+)\b[^{{}}]*?(?P<name>[A-Za-z]\w*)\s*[:=]\s*(?P<values>{_NUMBER}|\[[^\[\]]*\])"
    rf"[^{{}}]*?(?P<parameters>\{{[^{{}}]*\}})(?:.*\bwith value:?\s*(?P<best>{_NUMBER}))?",
    re.IGNORECASE,
)
_WITHOUT = re.compile(r"\btrial\s*#?\d+\b.*\b(?:pruned|failed)\b", re.IGNORECASE)


def recognises(path: Path) -> bool:
    """True if a text has at least two lines with the value and parameters of a trial."""
    if not path.is_file() or path.suffix.lower() not in ("", ".log", ".txt", ".out", ".err", ".md"):
        return False
    return sum(map(bool, map(_TRIAL.search, text_head(path).splitlines()))) > 1


def load(path: Path, *, columns: Columns) -> list[RawLog]:
    """Return a log for each trial with a value; the direction of the metric follows from the best values so far."""
    trials: dict[int, tuple[str, list[float], Mapping[str, Any]]] = {}
    best: list[float] = []
    without = lines = 0
    with open_lines(path) as stream:
        for lines, line in enumerate(stream, start=1):  # noqa: B007
            found = _TRIAL.search(line)
            if found is None:
                without += bool(_WITHOUT.search(line))
                continue
            values = [value for cell in re.findall(_NUMBER, found["values"]) if (value := number(cell)) is not None]
            trials[int(found["trial"])] = (found["name"], values, _parameters(found["parameters"]))
            best += [float(found["best"])] if found["best"] and len(values) == 1 else []
    if not trials:
        raise LogError(f"{path}: no line gives the value and the parameters of a trial; give the log of the search")
    direction = _direction([values[0] for _, values, _ in trials.values()], best)
    left_out = (f"{without} trials were pruned or failed, without a value: left out",) if without else ()
    logs: list[RawLog] = []
    for trial, (name, values, parameters) in trials.items():
        names = [name] if len(values) == 1 else [f"{name}_{place}" for place in range(len(values))]
        names = [stated_name(own, direction=direction) if metric(own).direction == "none" else own for own in names]
        frame = pd.DataFrame([{"step": 1, **dict(zip(names, values, strict=True))}])
        notes = (f"trial {trial} of a search, as it was printed", *(left_out if not logs else ()))
        logs.append(
            RawLog(frame, NAME, (str(path),), 1, lines, config=parameters, id=f"trial_{trial}", ended=True, notes=notes)
        )
    return logs


def _parameters(text: str) -> Mapping[str, Any]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _direction(values: list[float], best: list[float]) -> str:
    """Return "higher" or "lower" if the last best value is the highest or the lowest of all; else "none"."""
    if not best or min(values) == max(values):
        return "none"
    return "higher" if best[-1] == max(values) else "lower" if best[-1] == min(values) else "none"
