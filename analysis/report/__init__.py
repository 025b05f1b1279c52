"""An `Analysis` in words, tables and figures, and as JSON."""

import analysis.render  # noqa: F401  before matplotlib, of which it says what is not to be seen
