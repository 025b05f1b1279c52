"""Map a binary log into memory, so that its size costs no memory and only what is read is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from analysis.sources.limits import check_size
from analysis.sources.streams import unreadable


def mapped_bytes(path: Path) -> npt.NDArray[np.uint8]:
    """Return the bytes of a file, shape (bytes,).

    Raises
    ------
    LogError
        If it cannot be opened or is larger than allowed.
    """
    try:
        if not check_size(path):
            return np.empty(0, dtype=np.uint8)
        return np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as problem:
        raise unreadable(path, problem) from None
