"""Rendering of blocks for notebooks: each block in every format, from which each exporter picks its own."""

import logging

from analysis.render.mimebundle import DATA, KEY, TYPST, metadata, mimebundle
from analysis.render.notebook import NotebookStyle, Shown, show

__all__ = ["DATA", "KEY", "TYPST", "NotebookStyle", "Shown", "metadata", "mimebundle", "show"]

# Without a writable cache matplotlib warns with a random path, which would make notebooks differ.
logging.getLogger("matplotlib").addFilter(lambda record: record.levelno >= logging.ERROR)
