"""Seeds and folds that only the names of runs tell: ``lr0.1_seed0`` and ``lr0.1_seed1`` are one configuration."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.core.run import Run

_REPEATED = re.compile(
    r"(?:^|(?<=[\W_]))(?P<what>rng|seed|fold|rep(?:eat|lica|licate|etition)?)[_=-]?(?P<number>\d{1,10})(?![^\W_])",
    re.IGNORECASE,
)


def seeded_by_name(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Take the seed or fold from the name of each run that states none, where another run is named alike but for it.

    Runs that state no configuration at all, and folds, form a group of the rest of the name; of others their
    configuration says whether they belong together.
    """
    named: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for place, run in enumerate(runs):
        found = list(_REPEATED.finditer(run.id))
        if len(found) == 1 and run.group is None and run.factor("seed") is None:
            rest = run.id[: found[0].start()].strip("_-/. ") + run.id[found[0].end() :]
            what = "fold" if found[0]["what"].lower() == "fold" else "seed"
            named[what, rest.strip("_-/. ")].append((place, int(found[0]["number"])))
    result = list(runs)
    for (what, rest), members in named.items():
        if len({number for _, number in members}) < 2:
            continue
        for place, number in members:
            run = runs[place]
            own = what == "fold" or not run.config
            group = (rest or Path(run.provenance.path).resolve().parent.name) if own else None
            note = f"{what} {number}, as the name says" + (f"; one of {len(members)} of {group}" if group else "")
            config = {**run.config, what: number}
            result[place] = replace(run, config=config, group=group, notes=(*run.notes, note))
    return tuple(result)


def perhaps_seeds(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return runs whose names may number repetitions, by the rest of the name: two lots or more of alike numbers.

    ``old_1, old_2, new_1, new_2`` may be two configurations; ``run_1, run_2, run_3`` may be three.
    """
    lots: dict[str, dict[str, str]] = defaultdict(dict)
    for run in runs:
        found = re.fullmatch(r"(.*?[^\W\d_].*?)[_\W](\d+)", run.id)
        if found is not None and run.group is None and not run.config:
            lots[found[1]][found[2]] = run.id
    several = {rest: numbered for rest, numbered in lots.items() if len(numbered) > 1}
    return {
        rest: [*numbered.values()]
        for rest, numbered in several.items()
        if sum(other.keys() == numbered.keys() for other in several.values()) > 1
    }
