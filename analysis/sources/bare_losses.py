"""Name the losses of a log whose columns say on which data they were measured, and nothing else: ``train``, ``val``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.core.metrics import metric
from analysis.sources.phases import phase_of

_FEWEST = 3
"""Values that show whether a curve falls."""


def bare_losses(frame: pd.DataFrame, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return columns such as ``train`` and ``val`` with the names of losses, and a note that says so.

    They are taken for losses only if the log has no other metric of known direction for either, and if the training's
    own falls: a score rises. What else it may be is for the user to say.

    Parameters
    ----------
    frame : pandas.DataFrame
        In the order of writing.
    names : sequence of str
        Its metrics.
    """
    bare = {name: phase for name in names if (phase := phase_of(name)) is not None}
    if not bare or len(set(bare.values())) < len(bare):
        return {}, []
    if any(metric(name).direction != "none" and name not in bare for name in names):
        return {}, []
    first = next((name for name, phase in bare.items() if phase == "train"), next(iter(bare)))
    values = frame[first].dropna().to_numpy(dtype=np.float64)
    few = max(1, len(values) // 5)
    if len(values) < _FEWEST or not np.median(values[-few:]) < np.median(values[:few]):
        return {}, []
    said = {name: f"{phase}_loss" for name, phase in bare.items()}
    one = next(iter(bare))
    note = (
        f"{', '.join(bare)}: nothing says what was measured; taken for {'losses' if len(bare) > 1 else 'a loss'}, as "
        f"{first} falls (if not, say so: columns: {{eval_score: {one}}})"
    )
    return said, [note]
