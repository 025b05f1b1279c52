"""Logs of OpenAI's evals: a specification, then one event per line; ``match`` and ``metrics`` score a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.sources.evaluations.evaluation import Evaluation, Sample, examples_of_samples
from analysis.sources.jsonl import json_lines
from analysis.sources.streams import text_head


def recognises(path: Path) -> bool:
    """True for JSON lines that begin with the specification of an evaluation."""
    if not path.is_file() or path.suffix.lower() not in (".jsonl", ".log"):
        return False
    start = text_head(path).lstrip().partition("\n")[0]
    return start.startswith('{"spec"') and '"eval_name"' in start


def read(path: Path, *, task: str = "") -> list[Evaluation]:
    """Read the evaluation of one model on one task."""
    rows = [row for _, row, cut in json_lines(path) if not cut]
    spec = rows[0].get("spec") if rows else None
    spec = spec if isinstance(spec, Mapping) else {}
    samples = list(_samples(rows))
    name = str(spec.get("eval_name") or task)
    examples, notes = examples_of_samples(samples, where=str(path), task=name)
    models = spec.get("completion_fns")
    model = str(models[0]) if isinstance(models, list) and models else None
    written = str(spec.get("created_at") or "")
    return [Evaluation(tuple(examples), (str(path),), len(rows), model, written, tuple(notes))]


def _samples(rows: list[Mapping[str, Any]]) -> Iterator[Sample]:
    """Yield the scores of each sample, with question and answer from the ``sampling`` event before them."""
    asked: dict[Any, tuple[str, str]] = {}
    for row in rows:
        data, sample = row.get("data"), row.get("sample_id")
        if not isinstance(data, Mapping):
            continue
        if row.get("type") == "sampling":
            asked[sample] = _last_text(data.get("prompt")), _last_text(data.get("sampled"))
        question, answer = asked.get(sample, ("", ""))
        texts = {"question": question, "answer": answer, "target": _last_text(data.get("expected"))}
        if row.get("type") == "match":
            yield Sample(sample, "correct", data.get("correct"), **texts)
        elif row.get("type") == "metrics":
            numbers = ((k, v) for k, v in data.items() if isinstance(v, bool | int | float))
            yield from (Sample(sample, str(name), value, **texts) for name, value in numbers)


def _last_text(value: Any) -> str:
    """Return a text, that of the last message or alternative for a list."""
    if isinstance(value, list):
        value = value[-1] if value else ""
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) else ""
