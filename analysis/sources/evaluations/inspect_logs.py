"""Logs of inspect_ai: ``.json`` is read directly, ``.eval`` by inspect_ai's own reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError, MissingExtra
from analysis.core.metrics import Direction
from analysis.sources.base import head
from analysis.sources.evaluations.evaluation import Evaluation, Sample, examples_of_samples
from analysis.sources.streams import text_head
from analysis.sources.yaml_files import load_json

_MAGIC = b"PK\x03\x04"
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}


def recognises(path: Path) -> bool:
    """True for a log of inspect_ai in either of its formats."""
    if path.suffix.lower() == ".eval":
        return head(path, 4) == _MAGIC
    start = text_head(path) if path.suffix.lower() == ".json" else ""
    return re.match(r'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:\s*"\w+"\s*,\s*"eval"\s*:', start) is not None


def read(path: Path, *, task: str = "") -> list[Evaluation]:
    """Read the evaluation of one model on one task; the scores of a sample in several epochs are averaged."""
    log = _packed(path) if path.suffix.lower() == ".eval" else load_json(path, setting="RUN_REPORTS_MAX_JSON_MB")
    about = _mapping(log.get("eval"))
    samples = [sample for sample in log.get("samples") or [] if isinstance(sample, Mapping)]
    if not samples:
        raise LogError(f"{path}: a log without samples; evaluate with log_samples, which examples are compared by")
    clusters = _clusters(log)
    name = str(about.get("task") or task)
    scores = [score for sample in samples for score in _scores(sample, clusters)]
    examples, notes = examples_of_samples(scores, where=str(path), task=name, directions=_directions(log, scores))
    if log.get("status") != "success":
        notes.append(f"{name}: the evaluation ended with status '{log.get('status')}'")
    model = str(about["model"]) if about.get("model") else None
    written = str(about.get("created") or "")
    return [Evaluation(tuple(examples), (str(path),), len(samples), model, written, tuple(notes))]


def _packed(path: Path) -> Mapping[str, Any]:
    try:
        reader = import_module("inspect_ai.log")
    except ImportError:
        raise MissingExtra("inspect_ai", "inspect", f"Reading {path.name}") from None
    try:
        log: Mapping[str, Any] = reader.read_eval_log(str(path)).model_dump(mode="json")
    except Exception as problem:
        reason = " ".join(str(problem).split())[:120]
        raise LogError(f"{path}: inspect_ai cannot read it ({reason}); copy it again, or write it as .json") from None
    return log


def _scores(sample: Mapping[str, Any], clusters: Mapping[str, str]) -> Iterator[Sample]:
    """Yield each score of a sample; a scorer with several values yields each under its own name."""
    texts = {"question": _text(sample.get("input")), "target": _text(sample.get("target"))}
    for scorer, score in _mapping(sample.get("scores")).items():
        value, answer = _mapping(score).get("value"), _text(_mapping(score).get("answer"))
        cluster = _mapping(sample.get("metadata")).get(clusters.get(scorer, ""))
        given = {scorer: value}
        if isinstance(value, Mapping):
            given = {f"{scorer}/{name}": inner for name, inner in value.items()}
        for name, inner in given.items():
            number = _LETTERS.get(inner, inner) if isinstance(inner, str) else inner
            yield Sample(sample.get("id"), str(name), number, cluster=cluster, answer=answer, **texts)


def _directions(log: Mapping[str, Any], scores: Sequence[Sample]) -> dict[str, Direction]:
    """Return "higher" for each scorer whose accuracy is reported, by name of the score."""
    scorers = _mapping(log.get("results")).get("scores")
    accurate = {str(s.get("name")) for s in scorers or [] if "accuracy" in _mapping(_mapping(s).get("metrics"))}
    return {s.score: "higher" for s in scores if s.score in accurate or s.score.partition("/")[0] in accurate}


def _clusters(log: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata field by which each scorer with clustered standard errors groups its samples."""
    found = {}
    for score in _mapping(log.get("results")).get("scores") or []:
        for metric in _mapping(_mapping(score).get("metrics")).values():
            cluster = _mapping(_mapping(metric).get("params")).get("cluster")
            if isinstance(cluster, str):
                found[str(score.get("name"))] = cluster
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """Return a text, that of the last message or alternative if there are several."""
    if isinstance(value, list):
        value = value[-1] if value else ""
    if isinstance(value, Mapping):
        value = value.get("content") or value.get("text")
        return _text(value)
    return value if isinstance(value, str) else ""
