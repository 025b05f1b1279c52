"""Scores by example in any CSV, JSON lines, JSON or Parquet file: ``id, score[, cluster, weight, task]``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.core.errors import LogError, MissingExtra
from analysis.core.examples import Examples
from analysis.sources.base import bare_name, head
from analysis.sources.delimited import read_delimited
from analysis.sources.evaluations.evaluation import Evaluation, as_text, examples_of, score_of
from analysis.sources.jsonl import json_lines
from analysis.sources.limits import check_cells
from analysis.sources.metric_aliases import plain
from analysis.sources.parquet import MAGIC
from analysis.sources.streams import text_head
from analysis.sources.table_layout import sniff
from analysis.sources.yaml_files import load_json

STRONG_IDS = (
    *("example_id", "sample_id", "doc_id", "question_id", "item_id", "instance_id", "prompt_id", "problem_id"),
    *("qid", "uid", "guid"),
)
"""Column names that only a table with a row per example has."""

_ROLES: Mapping[str, tuple[str, ...]] = {
    "id": (*STRONG_IDS, "id", "idx", "index", "key"),
    "cluster": (
        "cluster",
        "cluster_id",
        "passage_id",
        "passage",
        "document_id",
        "article_id",
        "context_id",
        "group_id",
    ),
    "weight": ("weight", "sample_weight"),
    "task": ("task", "task_name", "subset", "subject", "dataset", "benchmark"),
    "model": ("model", "model_name", "run", "run_name", "system"),
    "question": ("question", "input", "prompt", "text", "query", "problem"),
    "target": ("target", "label", "reference", "expected", "gold", "ideal", "ground_truth", "answer_key"),
    "answer": ("prediction", "predicted", "pred", "output", "response", "completion", "answer", "generated"),
}
"""Column names of each role; if a table has several names of one role, the first in this order counts."""

_RIGHT = ("correct", "is_correct", "correctness", "exact_match", "em", "passed")
_SCORES = (
    *("score", *_RIGHT, "acc", "accuracy", "acc_norm", "f1", "success", "win", "rating", "grade", "quality"),
    *("reward", "bleu", "rouge", "rouge1", "rouge2", "rougel", "chrf", "meteor", "bertscore"),
    *("loss", "nll", "cross_entropy", "error", "perplexity", "wer", "cer"),
)
"""Column names of scores; the first that a table has is its leading score."""

_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
_TRAINING_COLUMNS = frozenset(
    {"step", "steps", "global_step", "epoch", "epochs", "iteration", "iter", "learning_rate", "lr"}
)


def is_of_examples(names: Sequence[str]) -> bool:
    """True if columns can only be those of scores by example.

    A name such as ``question_id`` is enough. A bare ``id`` may be that of a run and ``index`` a step: with these, every
    column must be known, and one must be specific to examples.

    Examples
    --------
    >>> is_of_examples(["question_id", "score", "language"]), is_of_examples(["id", "score"])
    (True, True)
    >>> is_of_examples(["id", "score", "lr"]), is_of_examples(["index", "loss"]), is_of_examples(["step", "score"])
    (False, False, False)
    """
    known = {plain(name) for name in names}
    if known & _TRAINING_COLUMNS or not _scored(known):
        return False
    if known & {*STRONG_IDS}:
        return True
    roles = {role for role, own in _ROLES.items() if known & {*own}}
    telling = bool(known & {*_RIGHT} or roles & {"question", "cluster"} or roles >= {"target", "answer"})
    all_known = known <= {name for own in _ROLES.values() for name in own} | {*_SCORES}
    return all_known and (("id" in known and "score" in known) or ("id" in roles and telling)) and "model" not in roles


def _scored(known: set[str]) -> bool:
    roles = {role for role, own in _ROLES.items() if known & {*own}}
    return bool(known & {*_SCORES}) or roles >= {"target", "answer"}


def recognises(path: Path) -> bool:
    """True for a file whose columns can only be those of scores by example."""
    if not path.is_file() or not bare_name(path).endswith(_SUFFIXES):
        return False
    return is_of_examples(_columns(path))


def read(path: Path, *, task: str = "") -> list[Evaluation]:
    """Read a file of scores by example; return one evaluation per model.

    Parameters
    ----------
    task : str
        Name of the task, for tables without a column of tasks.

    Raises
    ------
    LogError
        If there is no column of IDs or none of scores, or a score is not a number.
    """
    rows, scores = _rows(path)
    models = [None] if "model" not in rows else list(dict.fromkeys(rows["model"].dropna()))
    found = []
    for model in models:
        own = rows if model is None else rows[rows["model"] == model]
        tasks = (
            [(task, own)]
            if "task" not in own
            else [(str(name), part) for name, part in own.groupby("task", sort=False)]
        )
        examples = [e for name, part in tasks for e in _of_task(part, scores, where=str(path), task=name)]
        if examples:
            found.append(
                Evaluation(tuple(examples), (str(path),), len(own), model=None if model is None else str(model))
            )
    if not found:
        raise LogError(
            f"{path}: no example has a score; give a number, or true and false, in {' or '.join(scores[:3])}"
        )
    return found


def _of_task(rows: pd.DataFrame, scores: Sequence[str], *, where: str, task: str) -> Iterator[Examples]:
    leads = True
    for score in scores:
        found = examples_of(rows, score, where=where, task=task, leads=leads)
        if found is not None:
            yield found
            leads = False


def _columns(path: Path) -> list[str]:
    """Return the column names of a file from its first bytes; empty if they cannot be determined."""
    if head(path, 4) == MAGIC:
        try:
            return list(import_module("pyarrow.parquet").read_schema(path).names)
        except Exception:
            return []
    name = bare_name(path)
    if name.endswith((".csv", ".tsv")):
        layout = sniff(path)
        return list(layout.header) if layout is not None else []
    start = text_head(path).lstrip("\ufeff \r\n\t")
    first = start.lstrip("[ \r\n\t") if name.endswith(".json") else start
    try:
        value, _ = _DECODER.raw_decode(first)
    except (ValueError, RecursionError):
        return []
    return list(value) if isinstance(value, dict) else []


_DECODER = json.JSONDecoder()


def _rows(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a file into a table with the column names of `_ROLES`; return it with the names of its scores."""
    if head(path, 4) == MAGIC:
        table = _from_parquet(path)
    elif bare_name(path).endswith((".jsonl", ".ndjson", ".json")):
        table = _from_json(path)
    else:
        table = _from_text(path)
    chosen, scores = _chosen(path, [str(name) for name in table.columns])
    rows = pd.DataFrame({role: table[column] for role, column in chosen.items()})
    for role in rows.columns:
        rows[role] = table[chosen[role]] if role == "weight" else as_text(table[chosen[role]])
    rows["id"] = rows["id"].str.strip()
    for name in scores:
        rows[plain(name)] = table[name]
    if not scores:
        right = rows["answer"].str.strip() == rows["target"].str.strip()
        rows["exact_match"] = right.astype(np.float64).where(rows["answer"].notna() & rows["target"].notna())
        return rows, ["exact_match"]
    return rows, [plain(name) for name in scores]


def _chosen(path: Path, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the column of each role, and the columns of scores, the leading one first."""
    by_name = {plain(name): name for name in reversed(names)}
    chosen = {
        role: by_name[own]
        for role, wanted in _ROLES.items()
        if (own := next((w for w in wanted if w in by_name), None))
    }
    if "target" not in chosen and "answer" in by_name and chosen.get("answer") not in (None, by_name["answer"]):
        chosen["target"] = by_name["answer"]
    scores = [by_name[name] for name in _SCORES if name in by_name]
    shown = ", ".join(map(str, names[:12]))
    if "id" not in chosen:
        raise LogError(f"{path}: no column of IDs, by which examples are joined; call it 'id' (there are {shown})")
    if not scores and not {"target", "answer"} <= chosen.keys():
        raise LogError(
            f"{path}: no scores by example; add a column 'score', 'correct' or 'loss', or both 'prediction' and "
            f"'label' (there are {shown})"
        )
    return chosen, scores


def _wanted(names: Sequence[str]) -> list[str]:
    known = {name for own in _ROLES.values() for name in own} | {*_SCORES}
    return [name for name in names if plain(name) in known]


def _scored_column(cells: Sequence[Any], lines: Sequence[int], path: Path, name: str) -> Any:
    try:
        values = np.array(cells, dtype=np.float64)  # the fast path: numbers, booleans and None
    except (ValueError, TypeError, OverflowError):
        values = np.empty(0)
    if values.shape == (len(cells),):
        return values
    values = np.empty(len(cells))
    for place, cell in enumerate(cells):
        value = score_of(cell)
        if value is None:
            raise LogError(
                f"{path}:{lines[place]}: '{name}' must be a number, or true or false, got {str(cell)[:40]!r}; correct "
                "it, or leave it empty where there is no score"
            )
        values[place] = value
    return values


def _from_text(path: Path) -> pd.DataFrame:
    layout = sniff(path)
    if layout is None:
        raise LogError(f"{path}: no header line; a table of scores starts with a line that names its columns")
    wanted = _wanted(layout.header)
    measured = [name for name in wanted if plain(name) in (*_SCORES, *_ROLES["weight"])]
    numbers = [name for name in measured if not layout.is_text(name)]
    texts = [name for name in wanted if name not in numbers]
    frame = read_delimited(path, layout, numbers=numbers, texts=texts).frame
    for name in set(measured) - set(numbers):
        cells = frame[name].astype(object).where(frame[name].notna(), None).tolist()
        frame[name] = _scored_column(
            cells, range(layout.first_line + 1, layout.first_line + 1 + len(cells)), path, name
        )
    return frame


def _from_json(path: Path) -> pd.DataFrame:
    lines, rows = _json_rows(path)
    names = list(dict.fromkeys(name for row in rows[:100] for name in row))
    columns: dict[str, Any] = {}
    for name in _wanted(names):
        cells = [row.get(name) for row in rows]
        if plain(name) in (*_SCORES, *_ROLES["weight"]):
            columns[name] = _scored_column(cells, lines, path, name)
        else:
            columns[name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(columns) if columns else pd.DataFrame(columns=names)


def _json_rows(path: Path) -> tuple[list[int], list[Mapping[str, Any]]]:
    if path.name.lower().endswith(".json"):
        value = load_json(path, setting="RUN_REPORTS_MAX_JSON_MB")
        held = next((v for v in value.values() if isinstance(v, list)), None) if isinstance(value, dict) else value
        if isinstance(held, list) and held and all(isinstance(row, dict) for row in held):
            return [1] * len(held), held
        raise LogError(f'{path}: no list of objects, one an example; write {{"id": ..., "score": ...}} for each')
    found = [(number, row) for number, row, cut in json_lines(path) if not cut]
    if not found:
        raise LogError(f"{path}: the file is empty; write an object a line, one an example")
    return [number for number, _ in found], [row for _, row in found]


def _from_parquet(path: Path) -> pd.DataFrame:
    try:
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "Reading a Parquet file") from None
    try:
        wanted = _wanted(pq.read_schema(path).names)
        check_cells(path, pq.read_metadata(path).num_rows, len(wanted))
        table: pd.DataFrame = pq.read_table(path, columns=wanted).to_pandas(integer_object_nulls=True)
    except (pa.ArrowException, OSError) as problem:
        raise LogError(
            f"{path}: damaged Parquet file ({' '.join(str(problem).split())[:120]}); write it again"
        ) from None
    for name in wanted:
        if plain(name) in (*_SCORES, *_ROLES["weight"]) and not pd.api.types.is_float_dtype(table[name]):
            table[name] = _scored_column(table[name].astype(object).tolist(), range(len(table)), path, name)
    return table
