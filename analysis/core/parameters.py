"""Parameters of a report: the same for the template, `analyze` and the command line, checked in one place."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from analysis.core.errors import UsageError
from analysis.core.plain_data import line_of, load_yaml, read_text, yaml_problem

_HELP = "help"
_REPORT_ID = re.compile(r"\w[\w.-]{0,99}")


def _parameter(kind: str, text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"kind": kind, _HELP: text})


@dataclass(frozen=True)
class Parameters:
    """The parameters of one report. Field metadata holds the kind of value and its help text."""

    run_ids: tuple[str, ...] = _parameter("names", "The runs to compare, oldest first: IDs, paths or references", ())
    candidate: str | None = _parameter("text", "The run the report is about; default: the last of run_ids")
    baseline: str | None = _parameter("text", "The run it is held against; default: its parent, else the best other")
    goal: str | None = _parameter("text", "What the candidate was to achieve; default: the goal in its sidecar")
    title: str | None = _parameter("text", "Title of the report; default: made from the candidate")
    report_id: str | None = _parameter("text", "Name of the output folder; default: the candidate's ID")
    runs_dir: str = _parameter("text", "Folder in which run IDs are looked up", "runs")
    reports_dir: str = _parameter(
        "text", "Folder of earlier reports: predictions are scored, changes are told", "reports"
    )
    previous: str | None = _parameter(
        "text", "Earlier results JSON to compare with; default: newest about the same runs; 'none'"
    )
    date: str | None = _parameter("date", "Date of the report, YYYY-MM-DD; default: today")
    settings: Mapping[str, Any] | None = _parameter("mapping", "Thresholds and ladders to override, or a YAML file")
    columns: Mapping[str, str] | None = _parameter(
        "mapping", "Log columns by standard name, e.g. {train_loss: my_loss}"
    )
    mute: tuple[str, ...] = _parameter("names", "IDs of rules and detectors not to be reported", ())

    def to_mapping(self) -> dict[str, Any]:
        """Return the parameters that are set as plain values, which `check_parameters` accepts."""
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
        return {k: dict(v) if isinstance(v, Mapping) else v for k, v in plain.items() if v not in (None, [])}

    @property
    def day(self) -> datetime.date:
        """The date of the report."""
        return datetime.date.fromisoformat(self.date) if self.date else datetime.date.today()


KINDS: Mapping[str, str] = {f.name: str(f.metadata["kind"]) for f in dataclasses.fields(Parameters)}


def check_parameters(values: Mapping[str, Any]) -> Parameters:
    """Convert raw values (from papermill, a YAML file or the command line) to parameters.

    An empty string or None means "not given"; a list may come as text such as ``"[run_2, run_3]"``.

    Raises
    ------
    UsageError
        For an unknown name (the known ones are listed, the nearest first), a value of the wrong kind,
        or no run at all.
    """
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in KINDS:
            raise UsageError(unknown_parameter(name))
        if value is None or value == "":
            continue
        checked[name] = _CHECKS[KINDS[name]](name, value)
        _check_letters(name, checked[name])
    if not checked.get("run_ids"):
        raise UsageError("parameter 'run_ids' is empty; give at least one run ID, for example [run_2, run_3]")
    if "report_id" in checked and not _REPORT_ID.fullmatch(checked["report_id"]):
        raise UsageError(
            f"parameter 'report_id' must be a folder name of letters, digits, '.', '_' and '-', "
            f"got {checked['report_id']!r}"
        )
    for standard, column in checked.get("columns", {}).items():
        if not isinstance(column, str):
            raise UsageError(
                f"parameter 'columns' must name a log column for '{standard}', as in {{train_loss: my_loss}}; "
                f"got {column!r}"
            )
    return Parameters(**checked)


def unknown_parameter(name: str) -> str:
    """Return the error message for a parameter that does not exist."""
    near = difflib.get_close_matches(name, KINDS, n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"parameter '{name}' is unknown{hint}; known parameters: {', '.join(KINDS)}"


def load_mapping(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises
    ------
    UsageError
        If the file is missing, is not YAML or holds no mapping.
    """
    try:
        content = load_yaml(read_text(path))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such {what}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the {what} cannot be read: {getattr(error, 'strerror', error)}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}{line_of(error)}: not valid YAML: {yaml_problem(error)}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a {what} must be a mapping of names to values")
    return {str(key): value for key, value in content.items()}


def _check_letters(name: str, value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"parameter '{name}' holds what is no letter in UTF-8, got {value!r:.200}; rename the file or write it anew"
        ) from None


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    raise UsageError(f"parameter '{name}' must be text, got {type(value).__name__} {value!r}")


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = load_yaml(value) if value.lstrip().startswith("[") else value.replace(",", " ").split()
        except yaml.YAMLError:
            raise UsageError(f"parameter '{name}' must be a list such as [run_2, run_3], got {value!r:.200}") from None
    if not isinstance(value, list | tuple) or not all(
        isinstance(v, str | int) and not isinstance(v, bool) for v in value
    ):
        raise UsageError(f"parameter '{name}' must be a list of names such as [run_2, run_3], got {value!r}")
    return tuple(str(v) for v in value)


def _date(name: str, value: Any) -> str:
    try:
        return datetime.date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise UsageError(f"parameter '{name}' must be a date such as 2025-09-11, got {value!r}") from None


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            written = value.lstrip().startswith("{")
            value = load_yaml(value) if written else load_mapping(Path(value), f"{name} file")
        except yaml.YAMLError:
            raise UsageError(f"parameter '{name}' must be YAML such as '{{name: value}}', got {value!r:.200}") from None
    if not isinstance(value, Mapping):
        raise UsageError(f"parameter '{name}' must be a mapping or a YAML file, got {type(value).__name__} {value!r}")
    return {str(key): inner for key, inner in value.items()}


_CHECKS: Mapping[str, Any] = {"text": _text, "names": _names, "date": _date, "mapping": _mapping}
