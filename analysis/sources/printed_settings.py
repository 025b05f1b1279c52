"""Read the settings printed above the values of a training: arguments, command, mapping, ``name: value`` lines."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.core.plain_data import loads
from analysis.core.run import FACTOR_KEYS
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_phases import of_model
from analysis.sources.text_tables import STEPS

KNOWN = frozenset(map(plain, FACTOR_KEYS)) | {
    *(
        "optimizer",
        "optim",
        "scheduler",
        "lr_scheduler",
        "dropout",
        "weight_decay",
        "momentum",
        "warmup",
        "warmup_steps",
    ),
    *("model", "model_name", "arch", "architecture", "backbone", "dataset", "activation", "precision"),
}
"""Names by which a line ``name: value`` is a setting."""

ARMS = frozenset({"arm", "variant", "experiment", "method", "condition", "treatment", "ablation", "algo", "algorithm"})
"""Names that identify one of several trainings in a text."""

_ARGUMENTS = re.compile(
    r"\b(?:\w*(?:Namespace|[Aa]rgs|[Aa]rguments|[Cc]onfig|[Pp]arams|[Ss]ettings|[Oo]ptions))\((.*)\)"
)
_OPENS = re.compile(r"\b\w*(?:Arguments|Args|Config|Params|Settings)\(\s*$|[{]\s*$")
_ARGUMENT = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|[^,()\[\]]+)")
_MAPPING = re.compile(r"\{.*\}")
_COMMAND = re.compile(
    r"(?:^|[\s/$>+])(?:python[\d.]*|torchrun|deepspeed|accelerate launch)\s(?:\S+\s)*?(?:-m\s+\S+|\S+\.py)\s(.*)"
)
_NO_TRAINING = re.compile(r"-m\s+(?:pip|venv|ensurepip|ipykernel|pytest)\b|^\s*usage\b", re.IGNORECASE)
_OVERRIDE = re.compile(r"\+{0,2}([A-Za-z_][\w.]*)=(\S+)")
_OWN_LINE = re.compile(
    r"(?:^|[\s|│\]>])(?P<name>[A-Za-z][\w-]*(?: [A-Za-z][\w-]*)?)\s*[:=|│]\s*"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s,;:|│]+)\s*[|│]?\s*(?:#.*)?$"
)
_IN_BLOCK = re.compile(r"\s*[A-Za-z_]\w*\s*[:=]\s")
_INLINE = re.compile(r"(?<![\w.-])([A-Za-z_]\w*)=([^\s,;()\[\]{}]+)")
_SEED = re.compile(r"\bseed (?:is )?(?:set )?to (\d+)", re.IGNORECASE)
_CODE = re.compile(r"\s*(?:import|from|def|class)\s+\w|\s*@\w")
_MOST = 5000
"""Lines searched above the values of a training."""
_LONGEST = 500
"""Most lines of one mapping."""
_BLOCK = 4
"""Fewest consecutive ``name: value`` lines that are all settings if one of them is a known setting."""
SOON = 200
"""Lines from the first values in which the name of a setting must not occur again."""


def settings_above(lines: Sequence[str], below: Sequence[str] = ()) -> dict[str, Any]:
    """Return the settings in the lines above the values of a training; the last of each name.

    If the lines contain source code, whose assignments are not settings, only a printed ``Namespace(...)`` is read.

    Parameters
    ----------
    lines : sequence of str
        Lines above the values.
    below : sequence of str
        Lines that follow: a name that occurs in them changes during the training.

    Examples
    --------
    >>> settings_above(["$ python train.py --lr 0.1 --amp model.width=64", "Seed set to 3"])
    {'lr': 0.1, 'amp': True, 'model.width': 64, 'seed': 3}
    >>> settings_above(["Config: {'lr': 0.1, 'optim': 'adam'}", "batch size: 32", "dropout: 0.3"], ["dropout: 0.2"])
    {'lr': 0.1, 'optim': 'adam', 'batch_size': 32}
    """
    lines = lines[-_MOST:]
    found: dict[str, Any] = {}
    code = any(map(_CODE.match, lines))
    for line in lines if code else _whole(lines):
        if arguments := _ARGUMENTS.search(line):
            if not code or "Namespace(" in line:
                found |= {key: _value(value) for key, value in _ARGUMENT.findall(arguments[1])}
        elif code:
            continue
        elif (command := _COMMAND.search(line)) and not _NO_TRAINING.search(line):
            found |= _options(command[1])
        elif mapping := _MAPPING.search(line):
            found |= _mapping(mapping[0])
        elif seed := _SEED.search(line):
            found["seed"] = int(seed[1])
    return found if code else {**found, **_stated(lines, below)}


def arms_above(lines: Sequence[str], below: Sequence[str] = ()) -> dict[str, Any]:
    """Return the known settings and arms stated above a training: ``arm=base``, ``Training model: resnet18``."""
    lines = lines[-_MOST:]
    pairs = [pair for line in lines for pair in _INLINE.findall(line)]
    pairs += [(own["name"].split()[-1], own["value"]) for line in lines if (own := _OWN_LINE.search(line))]
    again = _names(below)
    return {plain(name): _value(value) for name, value in pairs if plain(name) in (ARMS | KNOWN) - again}


def _stated(lines: Sequence[str], below: Sequence[str]) -> dict[str, Any]:
    """Return the settings in ``name: value`` lines: known ones, and others in one block with them."""
    own = [_OWN_LINE.search(line) for line in lines]
    blocks: list[list[str]] = [[]]
    for line, found in zip(lines, own, strict=True):
        if found and _IN_BLOCK.match(line):
            blocks[-1].append(plain(found["name"]))
        else:
            blocks.append([])
    beside = {
        name for block in blocks if len(block) >= _BLOCK and KNOWN & {*block} for name in block if not of_model(name)
    }
    named = {plain(found["name"]): _value(found["value"]) for found in own if found}
    return {name: value for name, value in named.items() if name in (KNOWN | beside) - _names(below)}


def _names(lines: Sequence[str]) -> set[str]:
    return {plain(own["name"]) for line in lines if (own := _OWN_LINE.search(line))}


def _whole(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines, with a mapping or call over several lines joined into one."""
    place = 0
    while place < len(lines):
        line = lines[place]
        if _OPENS.search(line):
            closes = "}" if line.rstrip().endswith("{") else ")"
            depth = 0
            for end in range(place, min(place + _LONGEST, len(lines))):
                depth += lines[end].count("{({"[closes == ")"]) - lines[end].count(closes)
                if depth <= 0:
                    line, place = " ".join(lines[place : end + 1]), end
                    break
        yield line
        place += 1


def _options(text: str) -> dict[str, Any]:
    """Return the options of a command: ``--lr 0.1``, ``--lr=0.1``, ``--amp``, Hydra's ``lr=0.1``."""
    try:
        words = shlex.split(text.split(" > ")[0].split(" 2>")[0].split(" | ")[0])
    except ValueError:
        return {}
    found: dict[str, Any] = {}
    name = None
    for word in words:
        if word.startswith("--"):
            name, said, value = word[2:].replace("-", "_").partition("=")
            found[name] = _value(value) if said else True
            name = None if said else name
        elif override := _OVERRIDE.fullmatch(word):
            found[override[1]], name = _value(override[2]), None
        elif re.fullmatch(r"-[A-Za-z]\w*", word):
            name, found[word[1:]] = word[1:], True
        elif name is not None:
            found[name] = _value(word) if found[name] is True else f"{found[name]} {word}"
    return found


def _mapping(text: str) -> Mapping[str, Any]:
    """Return a printed mapping of settings; empty if it cannot be parsed or has a metric or step."""
    try:
        found = loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return {}
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        return {}
    measures = (
        isinstance(value, int | float) and (of_model(name) or plain(name) in STEPS | {"epoch"})
        for name, value in found.items()
    )
    return {} if any(measures) else found


def _value(text: str) -> Any:
    text = text.strip().strip("'\"")
    if text in ("True", "true", "False", "false"):
        return text.lower() == "true"
    if text in ("None", "null"):
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if re.fullmatch(r"[-+]?\d+", text) else number
