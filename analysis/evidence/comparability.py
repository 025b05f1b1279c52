"""Comparability of two runs, and whether a difference between them can be attributed to a factor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.core.config_factors import changed_factors
from analysis.core.deciding import REWARDS, is_loss
from analysis.core.metrics import metric as metric_of
from analysis.core.number_format import listed
from analysis.core.run import Run
from analysis.core.run_facts import total_steps
from analysis.core.run_names import display_name, factor_title, short_value

State = Literal["same", "different", "cannot tell"]


@dataclass(frozen=True)
class Check:
    """One thing that must be the same in both runs; ``text`` says what was found."""

    id: str
    state: State
    text: str


@dataclass(frozen=True)
class Gate:
    """All checks between two runs.

    A difference in a validation metric needs one validation set. Attributing a difference to a configuration factor
    needs the same parent, training data, batch size and validation set, and only one factor changed.

    Attributes
    ----------
    other_losses, other_training, other_rewards : str
        Why a loss, a metric of training data, or a reward is not the same quantity in both runs; empty if nothing says
        so.
    """

    baseline: str
    candidate: str
    checks: tuple[Check, ...]
    factors: tuple[str, ...]
    other_losses: str = ""
    other_training: str = ""
    other_rewards: str = ""

    def state(self, *ids: str) -> State:
        """Return the worst state of some checks: different, then cannot tell, then same."""
        states = [check.state for check in self.checks if check.id in ids]
        return next((s for s in ("different", "cannot tell") if s in states), "same")

    def failed(self, *ids: str) -> tuple[Check, ...]:
        """Return the checks that are not "same", among some or all."""
        return tuple(c for c in self.checks if c.state != "same" and (not ids or c.id in ids))

    @property
    def attributable(self) -> State:
        """State of the checks for attributing a difference to one factor; never "same" if anything is unknown."""
        if len(self.factors) > 1:
            return "different"
        return self.state(*ATTRIBUTION)

    def reason(self, *ids: str) -> str:
        """Return what the failed checks found, joined; empty if none failed."""
        texts = [check.text for check in self.failed(*ids)]
        unstated = [found["what"] for text in texts if (found := _UNSTATED.match(text))]
        if len(unstated) > 1:
            texts = [text for text in texts if not _UNSTATED.match(text)]
            texts.append(f"the {listed(unstated)} are not stated")
        return "; ".join(texts)


_UNSTATED = re.compile(r"the (?P<what>.+?) (?:is|are) not stated")

REMEDIES = {
    "validation_set": "name the validation set in both sidecars: data.validation_set, data.n_valid",
    "batch_size": "state config.batch_size",
    "parent": "state parent: the run that each started from, or null for the base model",
    "training_data": "name the training data in both sidecars: data.training_set, data.n_train",
    "windows": "evaluate both in windows of one length",
}
"""What to do so that a check can be made, by ID of the check."""

NOT_VALIDATED = "log a validation loss on one frozen set, at least once an epoch (valid_loss, full_valid_loss)"
_NOT_EVALUATED = "log the reward of evaluation episodes beside that of training ones, dozens at a time (eval_reward)"


def to_validate(curve: str) -> str:
    """Return the advice on what to log so that a run whose report follows ``curve`` is validated.

    Examples
    --------
    >>> to_validate("reward") == to_validate("train_loss")
    False
    """
    return _NOT_EVALUATED if curve == "reward" else NOT_VALIDATED


def remedy(failed: tuple[Check, ...]) -> str:
    """Return the advice on how to make undecided checks possible; empty if there are none.

    Examples
    --------
    >>> remedy((Check("batch_size", "cannot tell", "the batch size is not stated"),))
    'State config.batch_size.'
    """
    open_ = [check for check in failed if check.state == "cannot tell" and check.id in REMEDIES]
    advice = "; ".join(NOT_VALIDATED if check.text == _NO_VALIDATION else REMEDIES[check.id] for check in open_)
    return advice[:1].upper() + advice[1:] + "." if advice else ""


_NO_VALIDATION = "no validation was logged"
_OTHER_DATA = "the training data differ"

ATTRIBUTION = ("parent", "training_data", "batch_size", "validation_set", "windows")
"""Checks that a claim about the effect of a factor needs."""


def gate(baseline: Run, candidate: Run) -> Gate:
    """Check everything that must be the same in two runs that are compared."""
    factors = tuple(f for f in changed_factors([baseline, candidate]) if f != "seed")
    checks = (
        _validation_set(baseline, candidate),
        _equal(baseline, candidate, "batch_size", "batch size"),
        _parent(baseline, candidate),
        _training_data(baseline, candidate),
        _cadence(baseline, candidate),
        _steps(baseline, candidate),
        *_windows(baseline, candidate),
    )
    pair = baseline, candidate
    return Gate(
        *(baseline.id, candidate.id, checks, factors),
        other_losses=_objectives_differ(*pair) or _settings_differ("losses", *pair) or _tokenizers_differ(*pair),
        other_training=_settings_differ("training", *pair),
        other_rewards=_settings_differ("environments", *pair),
    )


def requirements(metric: str) -> tuple[str, ...]:
    """Return the IDs of the checks that a metric needs to be the same quantity in both runs.

    None for an evaluation by example, where the examples themselves are compared.
    """
    if metric in REWARDS:
        return ()  # the environment is the same unless stated otherwise
    windows = ("windows",) if is_loss(metric) else ()
    if metric_of(metric).validates:
        return () if metric_of(metric).by_example else ("validation_set", *windows)
    if metric in ("oscillation_rate", "noise"):
        return ("batch_size",)
    return windows


def other_quantity(metric: str, pair: Gate) -> str:
    """Return why a metric is not the same quantity in both runs; empty if nothing says so.

    Reasons are training data of another name, another regularisation during training, another kind of loss, or
    another environment of a reward.
    """
    row = metric_of(metric)
    if pair.other_losses and is_loss(metric):
        return pair.other_losses
    if pair.other_rewards and (metric in REWARDS or metric == "episode_length"):
        return pair.other_rewards
    if row.split != "train" and metric not in ("oscillation_rate", "noise", "noise_per_example"):
        return ""
    other_data = next((check.text for check in pair.checks if check.text == _OTHER_DATA), "")
    return other_data or (pair.other_training if row.split == "train" else "")


def to_measure_alike(metric: str, pair: Gate) -> str:
    """Return the advice for a metric that is not the same quantity in both runs."""
    if not other_quantity(metric, pair):
        return "Evaluate both on one validation set"
    if metric in REWARDS:
        return "Evaluate both in one environment"
    if metric_of(metric).split == "train":
        return NOT_VALIDATED[0].upper() + NOT_VALIDATED[1:]
    if pair.other_losses.startswith(_KINDS["tokens"][0]):
        return "Evaluate both in bits per byte, or by a score on a task"
    return "Evaluate both with one loss, or log a score beside it, such as an accuracy"


_TERMS = (
    r"kl|aux|recon\w*|perceptual|adv|gan|cycle|identity|commitment|b?ce|mse|l1|dice|seg|cls|box|obj|ent(ropy)?|vf|kd"
)
_KINDS = {
    "losses": (
        "the losses differ",
        rf"loss|loss_?(fn|func|function|type|name|weights?)|criterion|(loss_)?reduction|label_smoothing(_factor)?"
        rf"|class_weights?|pos_weight|focal_(gamma|alpha)|commitment_cost|lambda_\w+|(\w+_)?loss_(weight|coeff?|lambda)"
        rf"|({_TERMS})_(weight|coeff?|lambda|gain)",
    ),
    "training": (
        "what is on in training alone differs",
        r"(\w+_)?p?drop(_?out)?(_\w+)?|drop_path(_rate)?|stochastic_depth\w*|mixup(_\w+)?|cutmix(_\w+)?",
    ),
    "environments": ("the environments differ", r"env|env_?(id|name)|environment|environment_name|game|map_name"),
    "tokens": ("the losses are by tokens of different kinds", r"tokenizer|tokenizer_(name|type|path|name_or_path)"),
}
"""Message and setting names by kind: the definition of the loss, regularisation during training only, the environment
of a reward, the tokens that a loss is averaged over."""

_PADDED = 128
"""Vocabularies are padded to multiples of at most this: 50,257 and 50,304 tokens may be of one tokenizer."""

_PREFERENCES = re.compile(r"(?:eval_|train/)?(?:rewards/(?:accuracies|chosen|rejected)|logps/\w+)|reward_margin")


_LENGTHS = re.compile(
    r"block_size|n_ctx|(?:context|ctx)_?(?:len(?:gth)?|size|window)|(?:max_)?seq(?:uence)?_?len(?:gth)?|cutoff_len"
    r"|(?:model_)?max_length|max_len",
    re.IGNORECASE,
)


def _windows(one: Run, two: Run) -> list[Check]:
    """Return a failed check if two runs state different context lengths, which may be their evaluation windows."""
    for key, value in one.config.items():
        other = two.config.get(key)
        lengths = [length for length in (value, other) if isinstance(length, int) and not isinstance(length, bool)]
        if _LENGTHS.fullmatch(re.split(r"[./]", key)[-1]) and len(lengths) == 2 and lengths[0] != lengths[1]:
            text = f"in windows of one length, not {lengths[0]:,} and {lengths[1]:,}, as that alone moves a loss"
            return [Check("windows", "cannot tell", text)]
    return []


def _settings_differ(kind: str, one: Run, two: Run) -> str:
    """Return how the first setting of a kind differs that both runs state; empty if none does."""
    said, names = _KINDS[kind]
    for key in one.config:
        name, values = re.split(r"[./]", key)[-1], (one.config[key], two.config.get(key))
        if None in values or "" in values or not re.fullmatch(names, name, re.I):
            continue
        first, second = map(short_value, values)
        if first != second:
            return f"{said} ({'' if isinstance(values[0], str) else f'{name} '}{first} and {second})"
    return ""


def _tokenizers_differ(one: Run, two: Run) -> str:
    """Return why the losses are means over tokens of different tokenizers; empty if nothing says so."""
    if said := _settings_differ("tokens", one, two):
        return said
    sizes = [run.config.get("vocab_size") for run in (one, two)]
    if any("tokenizer" in key for key in one.config) or not all(isinstance(size, int) for size in sizes):
        return ""
    padded = {-(-int(size) // _PADDED) for size in sizes if isinstance(size, int)}
    return f"{_KINDS['tokens'][0]} (vocabularies of {sizes[0]} and {sizes[1]})" if len(padded) > 1 else ""


def _objectives_differ(one: Run, two: Run) -> str:
    """Return why the losses differ in kind: only one run learns from preferences, or for a reward; else empty."""
    learns = [
        ("from preferences", [any(map(_PREFERENCES.fullmatch, run.metrics)) for run in (one, two)]),
        ("for a reward", [bool({*REWARDS} & {*run.metrics}) for run in (one, two)]),
    ]
    for what, (first, second) in learns:
        if first != second:
            return f"only {display_name((one if first else two).id)} is trained {what}: its loss is of another kind"
    return ""


def _validation_set(one: Run, two: Run) -> Check:
    if not any(metric_of(metric).validates for run in (one, two) for metric in run.metrics):
        if all({*REWARDS} & {*run.metrics} for run in (one, two)):
            return Check("validation_set", "same", "rewards are measured in the environment")
        return Check("validation_set", "cannot tell", _NO_VALIDATION)
    sets, sizes = (one.data.validation_set, two.data.validation_set), (one.data.n_valid, two.data.n_valid)
    if all(sets):
        if sets[0] == sets[1] and all(sizes) and sizes[0] != sizes[1]:
            text = f"one validation set is stated with {sizes[0]} and with {sizes[1]} examples"
            return Check("validation_set", "different", text)
        if sets[0] == sets[1]:
            return Check("validation_set", "same", "both used one validation set")
        return Check("validation_set", "different", "the validation sets differ")
    if all(sizes) and sizes[0] != sizes[1]:
        text = f"the validation sets differ ({sizes[0]} and {sizes[1]} examples)"
        return Check("validation_set", "different", text)
    text = "nothing says whether both used one validation set"
    return Check("validation_set", "cannot tell", text + (" (the sizes agree)" if all(sizes) else ""))


def _equal(one: Run, two: Run, factor: str, name: str) -> Check:
    values = [run.factor(factor) for run in (one, two)]
    if None in values:
        return Check(factor, "cannot tell", f"the {name} is not stated")
    if values[0] == values[1]:
        return Check(factor, "same", f"both have {name} {short_value(values[0])}")
    return Check(factor, "different", f"the {name} differs ({short_value(values[0])} and {short_value(values[1])})")


def _parent(one: Run, two: Run) -> Check:
    if not (one.parent_known and two.parent_known):
        return Check("parent", "cannot tell", "the starting model is not stated")
    if one.parent == two.parent:
        start = "a base model" if one.parent is None else display_name(one.parent)
        if one.config.get("model") != two.config.get("model"):
            return Check("parent", "different", "the base models differ")
        return Check("parent", "same", f"both started from {start}")
    names = [("a base model" if run.parent is None else display_name(run.parent)) for run in (one, two)]
    chained = two.parent == one.id or one.parent == two.id
    text = f"the starting points differ ({names[0]} and {names[1]})" + ("; the runs are chained" if chained else "")
    return Check("parent", "different", text)


def _training_data(one: Run, two: Run) -> Check:
    sets, sizes = (one.data.training_set, two.data.training_set), (one.data.n_train, two.data.n_train)
    if all(sets):
        same = sets[0] == sets[1]
        return Check(
            "training_data", "same" if same else "different", "the training data agree" if same else _OTHER_DATA
        )
    if all(sizes) and sizes[0] != sizes[1]:
        text = f"the training data differ ({sizes[0]} and {sizes[1]} examples)"
        return Check("training_data", "different", text)
    if all(sizes):
        return Check("training_data", "cannot tell", "the training data are not stated (the sizes agree)")
    return Check("training_data", "cannot tell", "the training data are not stated")


def _cadence(one: Run, two: Run) -> Check:
    spacing = []
    for run in (one, two):
        validated = [m for m in ("valid_loss", "full_valid_loss", *run.metrics) if metric_of(m).validates]
        metric = next((m for m in validated if run.steps_of(m).size > 1), None)
        spacing.append(int(np.diff(run.steps_of(metric)[:2])[0]) if metric else None)
    if None in spacing:
        return Check("cadence", "cannot tell", "too few validations to know how often they were made")
    if spacing[0] == spacing[1]:
        return Check("cadence", "same", f"both validated every {spacing[0]} steps")
    return Check("cadence", "different", f"validation every {spacing[0]} and every {spacing[1]} steps")


def _steps(one: Run, two: Run) -> Check:
    totals = total_steps(one), total_steps(two)
    if totals[0] == totals[1]:
        return Check("step_count", "same", f"both ran {totals[0]:,} steps")
    return Check("step_count", "different", f"the numbers of steps differ ({totals[0]:,} and {totals[1]:,})")


def factor_names(gate: Gate, joint: str = "or") -> str:
    """Return the names of the factors that changed, for a sentence."""
    names = [factor_title(f).lower() for f in gate.factors]
    return f" {joint} ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "the configuration"
