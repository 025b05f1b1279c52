"""Which configuration factors differ between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.core.not_settings import is_setting
from analysis.core.run import FACTORS, Run


def factor_values(run: Run) -> dict[str, Any]:
    """Give a run's configuration with the standard factors under their standard names, in a fixed order."""
    keys = {run.factor_key(name): name for name in FACTORS if run.factor_key(name)}
    standard = {name: run.config[key] for key, name in keys.items() if key}
    # Any other spelling of a factor that is already there says the same thing again.
    other = {key: value for key, value in sorted(run.config.items()) if key not in keys}
    return {**{name: standard[name] for name in FACTORS if name in standard}, **other}


def changed_factors(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return the factors that do not have one value in all runs: factor -> run ID -> value (None: not stated).

    What cannot be a cause, such as an output folder or a time of creation, is no factor.
    """
    values = {run.id: factor_values(run) for run in runs}
    names = dict.fromkeys(name for config in values.values() for name in config)
    table = {name: {run_id: config.get(name) for run_id, config in values.items()} for name in names}
    changed = {name: row for name, row in table.items() if len({repr(value) for value in row.values()}) > 1}
    return {name: row for name, row in changed.items() if name in FACTORS or is_setting(name, row.values())}


def without_seed(run: Run) -> Mapping[str, Any]:
    """Return the settings alone, without the seed: runs in which they are equal differ by chance alone."""
    return {k: v for k, v in factor_values(run).items() if k != "seed" and (k in FACTORS or is_setting(k, [v]))}
