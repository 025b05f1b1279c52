"""From blocks to what a notebook shows: each block in every format, so that each exporter picks its own."""

import logging

from analysis.render.mimebundle import DATA, KEY, TYPST, metadata, mimebundle
from analysis.render.notebook import NotebookStyle, Shown, show

__all__ = ["DATA", "KEY", "TYPST", "NotebookStyle", "Shown", "metadata", "mimebundle", "show"]

# Where its cache cannot be kept, matplotlib says so, in words that differ each time and that a notebook would hold.
logging.getLogger("matplotlib").addFilter(lambda record: record.levelno >= logging.ERROR)
