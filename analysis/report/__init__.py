"""An `Analysis` in words, tables and figures, and as JSON."""
