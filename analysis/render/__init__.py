"""From blocks to what a notebook shows: each block in every format, so that each exporter picks its own."""

from analysis.render.mimebundle import DATA, KEY, TYPST, metadata, mimebundle
from analysis.render.notebook import NotebookStyle, Shown, show

__all__ = ["DATA", "KEY", "TYPST", "NotebookStyle", "Shown", "metadata", "mimebundle", "show"]
