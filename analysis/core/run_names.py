"""Names of runs, metrics and settings in the report, and names of the next runs and of files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from analysis.core.metrics import METRICS
from analysis.core.metrics import metric as metric_of

_NUMBERED = re.compile(r"(?P<word>run|exp|experiment|trial|job|model|version|try|fold|seed)[ _-]?(?P<number>\d+)", re.I)
"""IDs with a running number; after any other word the number may be a setting, so that no next ID follows."""
_DRAWN = re.compile(r"(?P<start>[0-9a-f]{8})(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def display_name(run_id: str) -> str:
    """Return a run ID for display: ``run_4`` as ``Run 4``, of 32 random digits (MLflow's) the first eight.

    Examples
    --------
    >>> display_name("run_4"), display_name("dropout03"), display_name("accd6293ebe042678e8731540874824b")
    ('Run 4', 'dropout03', 'accd6293')
    """
    if drawn := _DRAWN.fullmatch(run_id):
        return drawn["start"]
    match = _NUMBERED.fullmatch(run_id)
    return f"{match['word'].capitalize()} {int(match['number'])}" if match else run_id


def is_random(run_id: str) -> bool:
    """True if an ID is 32 random hexadecimal digits, as MLflow draws them, or a UUID.

    Examples
    --------
    >>> is_random("accd6293ebe042678e8731540874824b"), is_random("run_4")
    (True, False)
    """
    return _DRAWN.fullmatch(run_id) is not None


_LONG, _WORTH = 20, 10
"""Names longer than the first number of characters are shortened if that saves at least the second."""

_JOINTS = re.compile(r"([\s_\-/@]+)")


@lru_cache(maxsize=64)
def short_names(run_ids: tuple[str, ...]) -> Mapping[str, str]:
    """Return display names by run ID; of long ones, the beginning and the end that all share is left out.

    Examples
    --------
    >>> list(short_names(("sweep_bs128_lr0p001_1777", "sweep_bs128_lr0p03_1777")).values())
    ['lr0p001', 'lr0p03']
    >>> list(short_names(("run_2", "run_3")).values())
    ['Run 2', 'Run 3']
    """
    names = {run_id: display_name(run_id) for run_id in run_ids}
    if len(names) < 2 or max(map(len, names.values())) <= _LONG:
        return names
    parts = [_JOINTS.split(run_id) for run_id in names]
    most = min(map(len, parts)) - 1
    start = next((i for i in range(most) if len({p[i] for p in parts}) > 1), most)
    # Cut only whole pieces: the joints between them are at odd indices.
    start -= start % 2
    end = next((i for i in range(most - start) if len({p[-1 - i] for p in parts}) > 1), most - start)
    end -= end % 2
    short = {run_id: "".join(p[start : len(p) - end]) for run_id, p in zip(names, parts, strict=True)}
    gained = len(run_ids[0]) - len(short[run_ids[0]]) >= _WORTH
    return short if gained and all(short.values()) and len(set(short.values())) == len(short) else names


def shared_parts(run_ids: tuple[str, ...]) -> str:
    """Return what `short_names` leaves out, as ``sweep_…_1777``; empty if it leaves out nothing.

    Examples
    --------
    >>> shared_parts(("sweep_bs128_lr0p001_1777", "sweep_bs128_lr0p03_1777")), shared_parts(("a", "b"))
    ('sweep_bs128_…_1777', '')
    """
    first, short = run_ids[0], short_names(run_ids)[run_ids[0]]
    if short == display_name(first):
        return ""
    before, _, after = first.partition(short)
    return f"{before}…{after}"


_AMONG: ContextVar[Mapping[str, str] | None] = ContextVar("_AMONG", default=None)


@contextmanager
def named_among(names: Mapping[str, str]) -> Iterator[None]:
    """Make `name_among` use these names, by run ID, within the context."""
    token = _AMONG.set(names)
    try:
        yield
    finally:
        _AMONG.reset(token)


def name_among(run_id: str) -> str:
    """Return the name of a run set by `named_among`, else its display name."""
    return (_AMONG.get() or {}).get(run_id) or display_name(run_id)


COMPARED = {
    "oscillation_rate": "Oscillation rate",
    "noise": "Noise ratio",
    "noise_per_example": "Noise ratio, per example",
    "valid_accuracy_counts": "Last validation accuracy, counted",
}
"""Labels of quantities that are compared but not logged, by name."""


def metric_name(metric: str) -> str:
    """Return the label of a compared metric.

    Examples
    --------
    >>> metric_name("full_valid_loss"), metric_name("noise"), metric_name("eval/my_loss")
    ('Full validation loss', 'Noise ratio', 'eval/my_loss')
    """
    return COMPARED.get(metric) or metric_of(metric).label


def metric_words(metric: str) -> str:
    """Return the name of a metric inside a sentence: a label of ours in lower case except for abbreviations.

    Examples
    --------
    >>> metric_words("train_loss"), metric_words("map50"), metric_words("kl"), metric_words("TotalF1")
    ('train loss', 'mAP 50', 'KL divergence', 'TotalF1')
    """
    name = metric_name(metric)
    ours = (metric in METRICS or metric in COMPARED) and name[1:2].islower()
    return name[0].lower() + name[1:] if ours else name


def folder_name(run_id: str) -> str:
    """Return the name of a report's folder for a run ID: safe characters only, at most 100.

    Examples
    --------
    >>> folder_name("exp/2019-04-12_15:38:13")
    'exp-2019-04-12_15-38-13'
    """
    return _safe(run_id)[:100] or "report"


def file_stem(run_id: str) -> str:
    """Return a file name without suffix for a proposed run; the end of the ID, which makes it unique, is kept.

    Examples
    --------
    >>> file_stem("2019-04-12_15:38:13-next-1"), file_stem("a" * 300 + "-next-2")[-10:]
    ('2019-04-12_15-38-13-next-1', 'aaa-next-2')
    """
    return _safe(run_id)[-100:].lstrip(".-") or "run"


def _safe(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text).strip(".-")


def next_ids(run_ids: Sequence[str], candidate: str, count: int) -> list[str]:
    """Return IDs for the proposed next runs.

    Examples
    --------
    >>> next_ids(["run_2", "run_4"], "run_4", 2), next_ids(["resnet18"], "resnet18", 1)
    (['run_5', 'run_6'], ['resnet18-next-1'])
    """
    match = _NUMBERED.fullmatch(candidate)
    if not match:
        return [f"{candidate}-next-{number}" for number in range(1, count + 1)]
    stem = candidate[: match.start("number")]
    numbers = [int(r[len(stem) :]) for r in run_ids if r.startswith(stem) and r[len(stem) :].isdigit()]
    return [f"{stem}{max(numbers) + step}" for step in range(1, count + 1)]


def short_value(value: Any) -> str:
    """Format a config value: 0.75, 2e-05, 64, none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


FACTOR_NAMES = {
    "learning_rate": ("Learning Rate", "lr"),
    "n_epochs": ("Epoch Count", "epochs"),
    "batch_size": ("Batch Size", "batch"),
    "seed": ("Seed", "seed"),
}


def setting_words(factor: str, value: Any) -> str:
    """Format a setting in words.

    Examples
    --------
    >>> setting_words("learning_rate", 0.75), setting_words("n_epochs", 2), setting_words("weight_decay", 0.1)
    ('lr 0.75', '2 epochs', 'weight decay 0.1')
    >>> setting_words("optimizer", None), setting_words("amp", True)
    ('no optimizer', 'amp true')
    """
    name = factor_short(factor).replace("_", " ")
    if factor == "n_epochs" and isinstance(value, int):
        return "1 epoch" if value == 1 else f"{value} epochs"
    return f"no {name}" if value is None else f"{name} {short_value(value)}"


def factor_title(factor: str) -> str:
    """Return the heading of a factor: a fixed one for standard factors, else the config key in title case."""
    if factor in FACTOR_NAMES:
        return FACTOR_NAMES[factor][0]
    return factor.replace("_", " ").replace(".", " ").strip().title()


def factor_short(factor: str) -> str:
    """Return the short name of a factor in column heads, such as ``lr`` in ``Run 3 (lr=0.5)``."""
    return FACTOR_NAMES[factor][1] if factor in FACTOR_NAMES else factor
