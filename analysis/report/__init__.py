"""An `Analysis` in words, tables and figures, and as JSON."""

import analysis.render  # noqa: F401  before matplotlib, whose warnings it filters
