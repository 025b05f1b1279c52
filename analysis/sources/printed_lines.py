"""Split printed lines into changing numbers and repeated words, and name the numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from analysis.core.metrics import metric
from analysis.sources.cells import FORTRAN
from analysis.sources.metric_aliases import plain
from analysis.sources.printed_pairs import paired
from analysis.sources.printed_phases import PHASE, averaged, of_model, phase_word, with_phases
from analysis.sources.text_tables import EPOCHS, STEPS

NUMBER = re.compile(
    r"(?=[-+.\dnNiI])(?:"  # quick test, before all the alternatives are tried
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]+\d\d:\d\d:\d\d(?:[.,]\d+)?)?|(?<![A-Za-z0-9_.@À-ɏ])(?:"
    r"\d\d/\d\d(?:/\d\d(?:\d\d)?)? \d\d:\d\d:\d\d|\d+:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\w.])"
    r"|(?:(?<![A-Za-z]-)|(?<=[Ee]poch-)|(?<=[Ss]tep-)|(?<=[Ii]ter-))(?<![A-Za-z]\d\d-)"
    r"[-+]?(?:\d{1,3}(?:[,_]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|[-+]?(?:nan|NaN|NAN|inf|Inf|[Ii]nfinity)(?=ms\b|\b)"
    r"))"
)
"""A date, time of day or duration (not values), or a number, but not one within a name (Top-5, mAP50-95)."""

_PLANNED = re.compile(r"(?:^|_)(?:max|maximum|scheduled|planned|warmup|accumulation|logging|save)_\w+")
"""Name of a configured number of steps or epochs, which is not a counter."""

_GLOBAL = frozenset({"num_updates", "global_step", "timestep", "timesteps", "num_timesteps"})
"""Counters of the whole run, preferred to any other on the line (fairseq's ``update`` is a fraction of epochs)."""

_NO_METRICS = frozenset(
    {
        *("v_num", "time", "eta", "to", "from", "mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    }
)
_SOURCE = re.compile(r"\.(?:py|cc|cpp|cu|c|h|go|rs|jl)$")  # source location of a logger: train.py:150
_BOTH = re.compile(r"\[\s*\d+/\d+\]\s*\[\s*\d+/\d+\]")  # [epoch/epochs][batch/batches]
_GLUED = re.compile(r"(?:st|nd|rd|th|(?P<scale>[kKM]))? ?(?P<axis>epoch|batch|iter|step|轮|步)s?(?![\w/]|[\s:=#]*\d)")

_PROCESS = re.compile(
    r"\s*(?:\[\d+,(?=\d+\]<std)|\((?:\w+ )?(?=pid=\d)|\[pod/(?=[^\]]*\])"
    r"|(?:[A-Z][a-z]{2} +\d+ [\d:]{8}|\d{4}-\d\d-\d\dT\S+) \S+ [\w./-]+\[(?=\d+\]:))"
)
_BEHIND_PROCESS = re.compile(r"[^()\[\]<>]*[\])](?:<std\w+>)?:?\s*")
"""Prefixes that mpirun, Ray, Kubernetes and journald add to a line, before and after the process number."""
_COUNTED = re.compile(r"[kKMB]? ?((?:token|sample|example|image|sequence|frame)s)(?: seen| processed)?(?![\w/])")

_WRAPPED = re.compile(r"\b(?:\w+\.)?(?:float\d+|tensor)\(\s*([-+]?[\d.][\d.eE+-]*|nan|inf)\s*(?:,[^()\n]*)?\)")
_LISTED = re.compile(
    r"(?<=[\s:=])\[((?:[-+]?\d*\.\d+(?:[eE][-+]?\d+)?|nan)(?:,? +(?:[-+]?\d*\.\d+(?:[eE][-+]?\d+)?|nan))+)\]"
)
_NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[█▏▎▍▌▋▊▉━╸╺]+|(?<=\[)[=>.#\-]{5,}(?=\])")
_BARS = "█▏▎▍▌▋▊▉━╸╺"
_BRACKETED_BAR = re.compile(r"\[[=>.#\-]{5}")
_MOMENT = re.compile(r"\d{4}[-/]\d\d|[^:]*:")
_NAME = re.compile(
    r"(?P<name>(?:[^\W\d][\w./@'%-]* ){0,2}[^\W\d][\w./@'%()-]*)['\"]?\s*"
    r"(?P<mark>=>|->|[:=]|\s-(?=\s*$)|\s|(?=\[)|(?<=[a-z]-))\s*['\"\[(]{0,2}\s*#?$"
)
_UNIT = re.compile(r" (?:s|sec|secs|seconds|ms|min|h|MB|GB|MiB|GiB|it/s) ")
_BEHIND_IT = re.compile(r"%? ([A-Za-z_][\w./-]*(?: [A-Za-z_][\w./-]*)?)\s*(?:[,;|]|$)")
_OF_WHAT = re.compile(
    r"(?!(?i:score) at)([A-Za-z][\w-]*) (?:of|on|for|over|at|after) [^.,;|:=()\[\]]*(?:[:=]| is)\s*$"
)  # DL4J's score is a loss
_SUBJECT = re.compile(r"(?:(?i:average|mean) )?([A-Za-z]\w*(?: [a-z]\w*)?) for (?:'([\w-]+)'|[^.:;]*) [^.:;]*is $")
"""Kaldi's objective function for 'output' for minibatches 0-99 is"""
_BEST = re.compile(r"\b[Bb]est\b[^=:|,;()\[\]]*[:=]?\s*$")
_SET_BEHIND = re.compile(r"([A-Za-z]\w*) (train(?:ing)?|val(?:id(?:ation)?)?|dev|eval|test)")
_EVALUATED = "Saving dict"  # printed by TensorFlow's Estimator after an evaluation
_COUNTED_OF, _COUNTED_WHAT = (
    re.compile(r" (?:of|on|over|for) (?:the )?$"),
    re.compile(r" [A-Za-z]+\s*[:=]| [A-Za-z ]+ is "),
)
_CHANGED = re.compile(r"\b(?:(?:in|de)creased|improved?)\b", re.IGNORECASE)
_SO_FAR = re.compile(r"\b(?:best|sav(?:es?|ed|ing)|(?:in|de)creased|improved?)\b", re.IGNORECASE)
"""Words of a line that repeats earlier values: the best so far, or those of a saved model."""
_CODE = re.compile(
    r"\{[A-Za-z_(]|^\s*(?:def|class|import|from|for|if|elif|while|return|assert|with)\b|^\s*(?:print\w*\(|@)"
    r"|^(?:\t| {4,})\s*#"
    r"|^\s*#+(?!\d+\b|[#\s]*(?i:epoch|step|iter|episode|round|trial)\w*\b)"  # a comment, not a heading
)


_LEADS = (" ", ":", "]", "\t")


@dataclass(frozen=True)
class Form:
    """Meaning of the numbers in all lines of one wording: their indices among the numbers of the line."""

    step: int | None
    epoch: int | None
    total: int | None
    bar: bool
    metrics: tuple[tuple[str, int], ...]
    phase: str = ""
    shares: frozenset[int] = frozenset()
    """Indices of counts that are divided by the next number to a share: 97/100 of the examples."""
    so_far: bool = False
    """True if the line may repeat the best values so far, or those of a saved model."""
    each: float | None = None
    """Factor to base units of a counter used as the step: 1e6 for millions of tokens, 3600 for hours."""

    @property
    def slots(self) -> frozenset[int]:
        """Indices of all numbers that are read."""
        own = {self.step, self.epoch, self.total, *(at for _, at in self.metrics), *(at + 1 for at in self.shares)}
        return frozenset(at for at in own if at is not None)


def clean(text: str) -> str:
    """Return text without colours, progress bars and wrappers of numbers, and with the mean for a list of numbers."""
    if "tensor(" in text or "float" in text:
        text = _WRAPPED.sub(r"\1", text)
    if "[" in text:
        text = _LISTED.sub(_mean, text)
    if "D+0" in text or "D-0" in text:
        text = FORTRAN.sub("E", text)
    # Most texts have none: three quick tests replace the slow search.
    if "\x1b" in text or any(mark in text for mark in _BARS) or _BRACKETED_BAR.search(text):
        return _NOISE.sub("", text)
    return text


def holds_lists(text: str) -> bool:
    """True if the start of a text has lists of numbers, which are read as their mean."""
    return "[" in text and _LISTED.search(text[:_SAMPLE]) is not None


def _mean(listed: re.Match[str]) -> str:
    values = np.array(listed[1].replace(",", " ").split(), dtype=np.float64)
    return f"{np.nanmean(values):.6g}" if np.isfinite(values).any() else "nan"


_BEHIND = r"(?=,?(?:[\s;|%)\]}A-Za-z/]|$))"
_COMMA = re.compile(rf"(?<=[\s:=])[-+]?\d+,(?:\d{{1,2}}|\d{{4,}}|\d+[eE][-+]?\d+){_BEHIND}", re.MULTILINE)
_ANY_COMMA = re.compile(rf"(?<=[\s:=])([-+]?\d+),(\d+(?:[eE][-+]?\d+)?){_BEHIND}", re.MULTILINE)
_POINT = re.compile(r"(?<=[\s:=])(?![-+]?[1-9]\d{0,2}(?:\.\d{3})+(?![.\d]))[-+]?\d*\.\d+")
_THOUSANDS = re.compile(r"(?<![\w.,])([1-9]\d{0,2}(?:\.\d{3})+)(?![\w.])")
_SAMPLE = 200_000  # characters


def has_decimal_commas(text: str) -> bool:
    """True if numbers are printed with decimal commas, and hardly any with a point.

    >>> has_decimal_commas("loss: 0,5123 acc: 0,91\\nloss: 0,4\\n"), has_decimal_commas("loss: 0.5, step: 1,000\\n")
    (True, False)
    """
    sample = text[:_SAMPLE]
    commas = len(_COMMA.findall(sample))
    return commas > 1 and 10 * len(_POINT.findall(sample)) < commas


def with_points(text: str) -> str:
    """Return a text with decimal points for decimal commas, and without points between thousands."""
    return _ANY_COMMA.sub(r"\1.\2", _THOUSANDS.sub(lambda found: found[1].replace(".", ""), text))


def form_of(line: str) -> Form | None:
    """Return the meaning of the numbers in a line, or None if it is not a line of values.

    >>> form_of("step:10/200 val_loss:3.2").metrics
    (('val_loss', 2),)
    """
    if _CODE.search(line):
        return None
    slots = list(NUMBER.finditer(line))
    pairs, alone = paired(line, slots)
    alone = alone.replace(_EVALUATED, f"{'eval':{len(_EVALUATED)}}")
    step = epoch = total = bar = bracketed = None
    evaluates = False  # a count of evaluation batches
    leading = False  # the step is the unnamed first number, a rank if a step is named later
    named: list[tuple[str, int]] = []
    shares: set[int] = set()
    best: set[int] = set()
    own = 0  # start of the program's own output
    if (process := _PROCESS.match(line)) and (behind := _BEHIND_PROCESS.search(line, process.end())):
        own = behind.end()
        named += [("rank", place) for place, slot in enumerate(slots) if process.end() <= slot.start() < own][:1]
    end = told = 0  # end of the last number, and of the last value of the model
    for place, slot in enumerate(slots):
        between, end = line[end : slot.start()], slot.end()
        if _MOMENT.match(slot.group()) or slot.start() < own or line.rfind("@[", 0, end) > line.rfind("]", 0, end):
            continue  # COCO's Average Precision (AP) @[ IoU=0.50:0.95 | maxDets=100 ]
        if place in pairs:
            named.append((pairs[place], place))
            continue
        if between.strip() in ("->", "-->", "=>", "→") and any(place - 1 == at and of_model(own) for own, at in named):
            named.append((f"{named[-1][0]} (2)", place))  # loss 0.6 -> 0.5, without a word on either
            continue
        if between.strip() in ("/", "of") and place:
            if place - 1 == step:
                total = place
            elif any(place - 1 == at for _, at in named):
                whole = slot.group().isdecimal() and slots[place - 1].group().isdecimal()
                shares |= {place - 1} if whole and metric(named[-1][0].replace(" ", "_")).share else set()
                if of_model(named[-1][0]) and "." in slot.group():
                    named.append((f"{named[-1][0]} (2)", place))  # loss 0.5/0.6, without a word on either
            elif bar is None and place - 1 != epoch and slots[place - 1].group().isdecimal():
                bar, total = place - 1, place if step is None else total
            elif (
                None not in (bar, _BOTH.match(line, line.rfind("[", 0, slots[bar or 0].start())))
                and step is epoch is None
            ):
                epoch, bar, total = bar, place - 1, place
            continue
        counts = slot.group().isdecimal() or slot.group().isalpha()
        if counts and _COUNTED_OF.search(between) and _COUNTED_WHAT.match(line, end):
            continue  # the mean of 258 batches: 0.5; number of nan iterations: 0
        if between == "-" and slot.group().isdecimal():
            ranges = [at for other, at in named if at == place - 1 and other.lower().endswith("batches")]
            if ranges or place - 1 == step:
                step, named = place, [one for one in named if one[1] not in ranges]  # minibatches 0-99
                continue
        name = _name(between, first=place == 0)
        if name == "is" and (said := _SUBJECT.search(line, 0, slot.start())):
            name = " ".join(filter(None, said.groups()))
        elif name is None and line[end : end + 1] == "%" and not named and step is epoch is None:
            name = "progress"
        if not of_model(name or "") and (said := _OF_WHAT.search(line, told, slot.start())) and of_model(said[1]):
            name = said[1]  # accuracy on the test set: 0.9
        elif name is None and place and (said := _BEHIND_IT.match(line, end)) and of_model(said[1]):
            name = said[1]  # 0.7 avg loss
        elif not of_model(name or "") and (said := _COUNTED.match(line, end)):
            name = said[1]  # after 320 examples
        elif name and _CHANGED.search(between) and not of_model(name):
            continue  # val_loss improved from 0.9 to 0.8
        elif name and (said := _SET_BEHIND.fullmatch(name)) and of_model(said[1]):
            name = f"{said[2]}_{said[1]}"  # loss train 0.5
        if of_model(name or "") and _BEST.search(line, told, slot.start()) and "best" not in str(name).lower():
            best.add(place)  # best eval loss on epoch 3 is 0.5
        told = end if of_model(name or "") else told
        key = re.sub(r"\(.*\)$", "", plain(name)) if name else ""  # MMEngine's Epoch(train)
        last = key.rsplit("_", 1)[-1] if " " in (name or "") else key
        glued = _GLUED.match(line, end)
        if glued is not None and (slot.group().isdecimal() or glued["scale"]):  # ESPnet's 1epoch:
            last = glued["axis"]
        elif "/" in (name or "") and line[end : end + 1] == "/":  # 'global_step/max_steps': '5/500'
            last = plain(str(name).partition("/")[0])
        elif PHASE.fullmatch(name or "") and line[end : end + 2] == " [" and slot.group().isdecimal():
            last = "epoch"  # timm's Train: 0 [ 50/100
        elif place == 0 and PHASE.fullmatch(between.strip()) and re.match(r"/\d+(?![\d./%\])])", line[end:]):
            last = "epoch"  # train 1/5 loss 2.0
        if _PLANNED.search(key):
            last = key
        if last.strip("_") in STEPS and (last != "s" or place == 0) and line[end : end + 1] != "%":
            evaluates = (phase_word(name or "") not in ("", "train") and last not in _GLOBAL) or evaluates
            if step is None or last in _GLOBAL or leading:
                named[:0] = [("rank", 0)] if leading else []  # 0: step 1 loss 2.0
                step, total, leading = place, None, False
        elif last.strip("_") in EPOCHS and line[end : end + 1] != "%":
            epoch = place if epoch is None else epoch
        elif (
            PHASE.fullmatch((name or "").rpartition(" ")[2])
            and between.rstrip().endswith("[")
            and line[end : end + 1] in "/]"
        ):
            continue  # Test: [20/98]
        elif line.startswith("%|", end):
            continue  # the percentage of a bar
        elif _NO_METRICS.issuperset(key.split("_")) or key in _NO_METRICS or _is_place(between, name or "", line[end:]):
            continue
        elif name:
            named.append((name, place))
        elif (
            place == 0
            and slot.group().isdecimal()
            and not between.strip(" \t[(#")
            and line[end : end + 1] in (" ", ":", "]", "\t")
        ):
            step, leading = place, True
        elif place == 1 and between.strip() == "," and re.fullmatch(r"\s*\[\d+,\s*\d+\].*", line):
            epoch, step = 0, 1  # [1,  2000] loss: 2.173
        elif not named and slot.group().isdecimal() and between.endswith("[") and line[end : end + 1] == "]":
            bracketed = place if bracketed is None else bracketed
    if step is None and epoch is None and bar is None:
        step = bracketed  # after a logger's prefix, as XGBoost prints rounds
    if step is not None or epoch is not None:
        named = [(f"{name} (best)" if at in best else name, at) for name, at in named]
    front = bar == 0 and not line[: slots[0].start()].rstrip().endswith("[")
    if bar is not None and (step is None or step == bar):
        step, total = bar, bar + 1
    shown, word = with_phases(" " * own + alone[own:], slots, named)
    if step is not None and total == step + 1 and word not in ("", "train"):
        evaluates = evaluates or _counts_evaluation(line[: slots[step].start()], bar == step)
    if evaluates:
        step = total = None
        front = False
        shown = averaged(line, slots, shown)
    if leading and not shown:
        return None  # a row of numbers
    models = any(of_model(name) for name, _ in shown)
    if step is None and epoch is None and not models:
        return None
    so_far = step is None and epoch is None and _SO_FAR.search(line, 0, slots[named[0][1]].start()) is not None
    return Form(step, epoch, total, front, tuple(shown), word, frozenset(shares), so_far)


def _is_pair(line: str, at: int) -> bool:
    return _BOTH.match(line, line.rfind("[", 0, at)) is not None


def _counts_evaluation(before: str, alone: bool) -> bool:
    """True if a count is the progress of an evaluation: ``Epoch(val) [1][50/100]``, ``Test: [50/100]``."""
    named = re.search(r"\((\w+)\)\W*$", before)
    return (alone and PHASE.search(before) is not None) or (named is not None and bool(PHASE.search(named[1])))


def _is_place(between: str, name: str, behind: str) -> bool:
    """True if a number is a source line (``train.py:42``) or the start of a range of batches."""
    if _SOURCE.search(name) or re.match(r"-\d+(?:batch|iter)", behind):
        return True
    if behind.startswith((" - ", " | ")) and re.search(r"[\w.]:[\w<>]+:$", between):
        return True  # __main__:train:42 -
    return behind.startswith(")") and re.search(r"\(\w+:$", between) is not None  # (trainer:732)


def _name(between: str, *, first: bool) -> str | None:
    found = _NAME.search(between)
    if not found:
        return None
    name = found["name"].strip("'-")
    if not first and between.rstrip(" -") == name != between and " " not in name and name[:1] == between[:1]:
        return None  # 5s 50ms/step
    if ")" in name and "(" not in name:  # f1-score (micro avg)
        name = re.sub(r"^.*?([\w-]+ \([^()]*\))$", r"\1", between.strip(" :=\t'"))
        return name if ")" in name and "(" in name else None
    if not first and (_UNIT.match(between) or between[:1].isalpha()) and between.lstrip().startswith(name):
        name = name.partition(" ")[2] or name  # without the unit of the previous number
    name = re.sub(r"(?: (?:is|was|of|no\.?|number|num|id|nr\.?)|' reached)$", "", name.strip())
    if found["mark"].isspace() and len(name.split()) > 1:
        name = " ".join(name.split()[-2:])
    name = re.sub(r"^(?:(?:with|and|the|a|has|had) )+", "", name)
    return name.removesuffix("'s") or None
