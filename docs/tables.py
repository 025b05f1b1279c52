"""Write the tables in the documentation that repeat what the code says: ``python docs/tables.py``.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. A test fails where one is out of date.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import runpy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from analysis.core.metrics import METRICS
from analysis.core.parameters import Parameters
from analysis.core.settings import Settings
from analysis.findings.rules import RULES
from analysis.report.results_json import schema
from analysis.sources import SOURCES
from analysis.sources.limits import LIMITS
from analysis.sources.metric_aliases import BY_SOURCE, common
from analysis.statistics.detectors import DETECTORS

DOCS = Path(__file__).parent
_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NUMBERS = ("estimate", "counted")
_OTHER_SYSTEMS = {"appnope": "BSD-2-Clause", "colorama": "BSD-3-Clause", "pywinpty": "MIT"}
"""Licences of packages that only macOS or Windows have."""
LICENCES = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    **{name: name for name in ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT")},
    **{name: name for name in ("MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib")},
}
"""Licences that a package we need may have, by the names that packages give them."""


def updated(text: str) -> str:
    """Give a page with its tables as the code has them now."""
    return _MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_in_line, row))} |\n" for row in lines)


def _in_line(cell: str) -> str:
    return " ".join(cell.replace("|", r"\|").split())


def _code(name: str) -> str:
    return f"`{name}`"


def _first_sentence(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].split("\n")[0].replace("``", "`")


def parameters() -> str:
    """List what can be asked of a report."""
    fields = dataclasses.fields(Parameters)
    rows = ((_code(f.name), f.metadata["kind"], f.metadata["help"]) for f in fields)
    return _table(("parameter", "kind", "meaning"), rows)


def settings() -> str:
    """List thresholds and ladders with their defaults."""
    told = dict(_attributes(Settings.__doc__ or ""))
    rows = ((_code(name), _default(value), told[name]) for name, value in Settings().to_mapping().items())
    return _table(("setting", "default", "meaning"), rows)


def _attributes(docstring: str) -> Iterator[tuple[str, str]]:
    body = docstring.split("----------\n")[1]
    for found in re.finditer(r"^    (\w[\w, ]*) : .*\n((?:        .*\n)+)", body, re.MULTILINE):
        for name in found[1].split(", "):
            yield name, found[2].replace("``", "`")


def _default(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{grade} {bound:g}" for grade, bound in value.items())
    if isinstance(value, str):
        return f"`{value}`" if value else "–"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def rules() -> str:
    """List what `mute` takes."""
    found = [(_code(name), _first_sentence(rule.__doc__)) for name, rule in RULES.items()]
    found += [(_code(name), f"Detector: {detector.title.lower()}") for name, detector in DETECTORS.items()]
    return _table(("ID", "what it does"), found)


def metrics() -> str:
    """List the metrics that are judged, and the names under which logs have them."""
    rows = (
        (_code(name), METRICS[name].direction, ", ".join(_code(other) for other in known if other != name))
        for name, known in common().items()
        if name in METRICS
    )
    return _table(("standard name", "better", "also found as"), rows)


def exceptions() -> str:
    """List where a name means something else in one tool."""
    rows = (
        (source, _code(name), ", ".join(map(_code, known)))
        for source, table in BY_SOURCE.items()
        for name, known in table.items()
    )
    return _table(("source", "standard name", "found as"), rows)


def sources() -> str:
    """List the sources, in the order in which they are asked."""
    rows = ((s.NAME, _code(f"{s.SCHEME}:") if s.SCHEME else "", _first_sentence(s.__doc__)) for s in SOURCES)
    return _table(("source", "scheme", "what it reads"), rows)


def _measured(name: str) -> list[dict[str, str]]:
    """Read one of the files that ``run-reports calibrate --out docs/calibration`` writes."""
    with (DOCS / "calibration" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _by_correlation(section: str) -> str:
    cells = [cell for cell in _measured("calibration") if cell["section"] == section]
    strengths = dict.fromkeys(cell["rho"] for cell in cells)
    rows: dict[str, list[str]] = {}
    for cell in cells:
        ours = cell["wanted_low"] or cell["wanted_high"]
        name = f"{cell['rule']} ({cell['lengths']})"
        rate = f"{float(cell['rate']):.3f}{_mark(cell)}"
        rows.setdefault(f"**{name}**" if ours and section == "false positives" else name, []).append(rate)
    head = f"of {max(int(cell['simulations']) for cell in cells):,} simulations, by autocorrelation"
    return _table((head, *strengths), ((name, *rates) for name, rates in rows.items()))


def false_positives() -> str:
    """List how often each rule calls equal runs different, by autocorrelation."""
    return _by_correlation("false positives")


def coverage() -> str:
    """List how often 95% intervals hold the truth, and how often one is given."""
    return _by_correlation("coverage")


def power() -> str:
    """List how often a shift is found."""
    return _by_correlation("power")


def detectors() -> str:
    """List how often each problem is found, and how often one is raised where there is none."""
    return _by_correlation("detectors")


def equal_worlds() -> str:
    """List the worlds of equal runs, those that differ in a number alone as one row with the mean and the worst."""
    kinds: dict[str, list[dict[str, str]]] = {}
    measured = _measured("worlds")
    for world in measured:
        if world["true_result"] == "equal":
            kinds.setdefault(re.sub(r"\d[\d,]*(\.\d+)?", "…", world["world"]), []).append(world)
    shares = ("false winner", "false stability", "false cause", "false claim", "best lost")
    rows = (
        (
            worlds[0]["world"] if len(worlds) == 1 else kind,
            str(len(worlds)),
            *(_mean_and_worst([float(world[share]) for world in worlds]) for share in shares[:-1]),
            _mean_and_worst([float(world[shares[-1]]) for world in worlds]) + _mark(*worlds),
        )
        for kind, worlds in kinds.items()
    )
    return _table((f"equal runs, {measured[0]['reports']} reports a world", "worlds", *shares), rows)


def _mark(*measured: Mapping[str, str]) -> str:
    return "" if all(one["holds"] == "True" for one in measured) else " !"


def _mean_and_worst(shares: list[float]) -> str:
    mean, worst = (f"{100 * share:.1f}" for share in (sum(shares) / len(shares), max(shares)))
    return mean if len(shares) == 1 else f"{mean} ({worst})"


def different_worlds() -> str:
    """List the worlds with a real difference, and how often it is decided rightly, wrongly, or not at all."""
    shares = ("right", "wrong", "best lost", "mute")
    rows = (
        (
            world["world"],
            world["true_result"],
            f"{100 * float(world['right']):.1f}{_mark(world)}",
            *(f"{100 * float(world[share]):.1f}" for share in shares[1:]),
        )
        for world in _measured("worlds")
        if world["true_result"] != "equal"
    )
    return _table(("a real difference", "truth", *shares), rows)


def ten_pairs() -> str:
    """List ten pairs of known truth, and what each way of reading them says."""
    comparison = runpy.run_path(str(DOCS / "comparison.py"), run_name="comparison")
    return _table(("the second run", "truth", *comparison["WAYS"]), comparison["rows"]())


def keys() -> str:
    """List the keys of the results JSON."""
    return _table(("key", "meaning"), ((_code(path), text) for path, text in _walk(schema(), "") if path))


def _walk(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Follow a schema downwards, not into numbers with an interval: these have the same keys everywhere."""
    shape, name = _resolved(node)
    yield path, node.get("description") or shape.get("description", "")
    if name in _NUMBERS or (name == "comparison" and not path.startswith("comparisons")):
        return
    for key, below in shape.get("properties", {}).items():
        yield from _walk(below, f"{path}.{key}" if path else key)
    for key, mark in (("items", "[]"), ("additionalProperties", ".<id>")):
        below = shape.get(key)
        if isinstance(below, Mapping) and "properties" in _resolved(below)[0] and _resolved(below)[1] not in _NUMBERS:
            yield from list(_walk(below, f"{path}{mark}"))[1:]


def _resolved(node: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Follow a reference, and take of several forms the one that is not null."""
    forms = [form for form in node.get("anyOf", ()) if form.get("type") != "null"]
    if forms:
        return _resolved(forms[0])
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        return _resolved(schema()["$defs"][name])[0], name
    return node, ""


def limits() -> str:
    """List the limits on what is read."""
    return _table(
        ("limit", "default", "of what"), ((_code(name), f"{most:,}", of) for name, (most, of) in LIMITS.items())
    )


def licences() -> str:
    """List the licences of all that requirements.txt installs."""
    packages = defaultdict(list)
    for name in re.findall(
        r"^([\w.-]+)==", (DOCS.parent / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    ):
        packages[" ".join(LICENCES.get(word, word) for word in licence(name))].append(name)
    return _table(("licence", "packages"), ((name, ", ".join(packages[name])) for name in sorted(packages)))


def licence(package: str) -> list[str]:
    """Return the names of a package's licences, with AND or OR between them."""
    if package in _OTHER_SYSTEMS:
        return [_OTHER_SYSTEMS[package]]
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return [f"unknown: {package} is not installed"]
    classifiers = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier", ()) if c.startswith("License :: ")]
    named = " AND ".join(c for c in classifiers if c != "OSI Approved")
    return re.split(" (AND|OR) ", told.get("License-Expression") or named or told.get("License") or "unknown")


TABLES: Mapping[str, Callable[[], str]] = {
    table.__name__: table
    for table in (
        *(parameters, settings, rules, metrics, exceptions, sources, keys, limits, licences),
        *(false_positives, coverage, power, detectors, equal_worlds, different_worlds, ten_pairs),
    )
}


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        page.write_text(updated(text), encoding="utf-8", newline="\n")
