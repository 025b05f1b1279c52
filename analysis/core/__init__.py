"""Foundations that all other parts import: runs, metrics, settings, parameters, blocks and errors."""
