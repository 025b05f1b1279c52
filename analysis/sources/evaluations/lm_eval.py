"""lm-evaluation-harness: ``results_<time>.json``, and ``samples_<task>_<time>.jsonl`` of ``--log_samples``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.core.errors import LogError
from analysis.core.examples import Examples
from analysis.core.metrics import Direction
from analysis.sources.evaluations.evaluation import Evaluation, Sample, examples_of_samples
from analysis.sources.jsonl import json_lines
from analysis.sources.streams import text_head
from analysis.sources.yaml_files import load_json

_SAMPLES = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl")
_RESULTS = re.compile(r"results_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+)\.json")
_QUESTIONS = ("question", "query", "problem", "input", "text", "sentence", "prompt", "premise", "ctx")


def recognises(path: Path) -> bool:
    """True for the samples or the results of lm-evaluation-harness."""
    if _SAMPLES.fullmatch(path.name):
        return '"doc_id"' in text_head(path)
    return bool(_RESULTS.fullmatch(path.name)) and re.match(r'\s*\{\s*"results"\s*:', text_head(path)) is not None


def read(path: Path, *, task: str = "") -> list[Evaluation]:
    """Read results with the sample files of the same time, or the samples of one task."""
    named = _RESULTS.fullmatch(path.name) or _SAMPLES.fullmatch(path.name)
    assert named is not None
    results = path.with_name(f"results_{named['time']}.json")
    samples = [path]
    if path == results:
        samples = sorted(path.parent.glob(f"samples_*_{named['time']}.jsonl"))
    if not samples:
        raise LogError(f"{path}: results without samples, which are compared here; run lm_eval with --log_samples")
    about = load_json(results, setting="RUN_REPORTS_MAX_JSON_MB") if results.is_file() else {}
    return [_evaluation(samples, about if isinstance(about, Mapping) else {}, written=named["time"], results=results)]


def _evaluation(paths: Sequence[Path], about: Mapping[str, Any], *, written: str, results: Path) -> Evaluation:
    examples: list[Examples] = []
    notes: list[str] = []
    rows = 0
    for path in paths:
        named = _SAMPLES.fullmatch(path.name)
        assert named is not None
        lines = [row for _, row, cut in json_lines(path) if not cut]
        own, left = examples_of_samples(
            [sample for row in lines for sample in _samples(row)],
            where=str(path),
            task=named["task"],
            directions=_directions(about, named["task"]),
        )
        examples, notes, rows = [*examples, *own], [*notes, *left], rows + len(lines)
    config = about.get("config")
    model = about.get("model_name") or (config.get("model") if isinstance(config, Mapping) else None)
    files = (*([str(results)] if about else []), *map(str, paths))
    return Evaluation(tuple(examples), files, rows, str(model) if model else None, written, tuple(notes))


def _directions(about: Mapping[str, Any], task: str) -> dict[str, Direction]:
    """Return the direction of each metric of a task from ``higher_is_better`` in the results."""
    said = about.get("higher_is_better")
    own = said.get(task) if isinstance(said, Mapping) else None
    if not isinstance(own, Mapping):
        return {}
    return {str(name): "higher" if up else "lower" for name, up in own.items() if isinstance(up, bool)}


def _samples(row: Mapping[str, Any]) -> list[Sample]:
    """Return the scores of one line; each filter of the answer makes its own metric."""
    doc = row.get("doc")
    asked = next((doc[n] for n in _QUESTIONS if isinstance(doc.get(n), str)), "") if isinstance(doc, Mapping) else ""
    answers, way = row.get("filtered_resps"), str(row.get("filter") or "none")
    answer = answers[0] if isinstance(answers, list) and answers and isinstance(answers[0], str) else ""
    names = row.get("metrics") if isinstance(row.get("metrics"), list) else []
    return [
        Sample(
            row.get("doc_id"),
            str(name),
            row.get(str(name)),
            variant="" if way == "none" else way,
            question=asked,
            asked=str(row.get("doc_hash") or ""),
            target=str(row.get("target") or ""),
            answer=answer,
        )
        for name in names or []
    ]
