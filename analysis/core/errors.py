"""Errors that a user can cause; each message is one line that says what, where and what to do."""

from __future__ import annotations


class AnalysisError(Exception):
    """The input is wrong; the message is one line that can be shown without a traceback."""


class UsageError(AnalysisError):
    """A parameter, option or run-set key is unknown, missing or of the wrong type."""


class RunNotFound(AnalysisError):
    """A run reference matches nothing, or more than one thing."""


class LogError(AnalysisError):
    """A log or its sidecar cannot be read; the message starts with ``file:line:`` where known."""


class MissingExtra(AnalysisError):
    """An optional dependency is absent; the message names the exact pip command."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed: pip install 'run-reports[{extra}]'"
        )
