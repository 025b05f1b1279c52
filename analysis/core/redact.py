"""Redaction of secrets and personal names in logs and configurations, before anything is stored."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from analysis.core.errors import AnalysisError
from analysis.core.secret_contexts import without_named_secrets
from analysis.core.secret_names import STEM, is_of_hashes, is_personal, is_secret, is_secret_name
from analysis.core.secret_shapes import without_shapes

REDACTED = "[redacted]"

_PEM = re.compile(
    r"-----BEGIN (?P<what>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----[\s\S]*?(?:-----END (?P=what)-----|\Z)"
    r"|PuTTY-User-Key-File-\d[\s\S]*?(?:Private-MAC:\s*\w+|\Z)"
)
_USERINFO = re.compile(  # a password may hold anything, even slashes; digits that look like a port are not one
    r"(?:(?<=://)|(?<=[a-z0-9]{2}:/)(?!/))(?!git@)(?:[^/\s]+@|[^/\s@:]*:(?!\d+(?:[/?#]|$))[^\s@]{1,200}@)"
)
_LOGIN_AT = re.compile(  # user:password@host without a scheme
    r"(?<![\w/@.-])(?P<user>[\w.+-]{1,64}):(?P<pw>[^\s:@/'\"]{3,80})@(?=(?:localhost|[\w-]+(?:\.[\w-]+)+)(?:[:/\s'\"]|$))"
    r"|(?<=thin:)[^/\s]{1,64}/[^@\s]{1,80}(?=@)"
)
_HOOK = re.compile(r"(?:https?://|\b(?=hooks\.|discord))(?P<host>[\w.-]+)(?::\d+)?(?P<path>/[^\s'\"<>]+)")
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])(?!git@)[A-Za-z0-9._%+-]++@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_SUSPECT = re.compile(rf"(?i)[@:=$%'\"<>?&\\,]|[\w+/~.-]{{20,}}|[\w-]{{16,}}|\s-|{STEM}")
_LONGEST = 20_000
"""Characters of a configuration value that are kept."""
_NAMING = ("name", "key", "type", "field", "variable")
_BETWEEN = "\x1f"


def redact_text(text: str, *, hashes: bool = False) -> str:
    """Return a text with secrets, e-mail addresses and URL credentials replaced by ``[redacted]``.

    Parameters
    ----------
    text : str
    hashes : bool
        True if random digits in it are known to be checksums or identifiers; they are kept.

    Examples
    --------
    >>> redact_text("https://joe:pw@host/x?token=abc&step=3")
    'https://[redacted]@host/x?token=[redacted]&step=3'
    >>> redact_text("key sk-abcdefghijklmnopqrstu of jane@example.org")
    'key [redacted] of [redacted]'
    """
    if len(text) < 6 or not _SUSPECT.search(text):  # true of most column names
        return text
    text = _PEM.sub(REDACTED, text)
    if ":/" in text or "hooks." in text or "discord" in text:
        text = _USERINFO.sub(f"{REDACTED}@", text)
        text = _HOOK.sub(_without_hook, text)
    text = without_named_secrets(text, REDACTED)
    if "@" in text:
        text = _LOGIN_AT.sub(REDACTED, text) if "thin:" in text else _LOGIN_AT.sub(f"{REDACTED}@", text)
    text = without_shapes(text, REDACTED, drawn=not hashes)
    return _EMAIL.sub(REDACTED, text) if "@" in text else text


def _without_hook(found: re.Match[str]) -> str:
    """Blank the path of a webhook URL, since anyone who has it may post there."""
    path = found["path"]
    entrance = re.search(r"(?i)/[\w-]*hooks?[\w-]*(?=/)", path)
    if re.search(r"(?i)(?:^|\.)[\w-]*hooks?\.", found["host"]) and re.search(r"\d", path):
        kept = 0
    elif entrance and re.search(r"\d", path[entrance.end() :]):
        kept = entrance.end()
    else:
        return found[0]
    start = found[0][: len(found[0]) - len(path) + kept]
    return f"{start}/{REDACTED}"


@contextlib.contextmanager
def without_secrets() -> Iterator[None]:
    """Redact the message of an `AnalysisError` raised in the block, since messages quote the input."""
    try:
        yield
    except AnalysisError as error:
        error.args = (redact_text(str(error)),)
        raise


def redact(value: Any, key: str = "") -> Any:
    """Return a value with secrets replaced anywhere in nested mappings, lists and texts.

    Parameters
    ----------
    value : Any
        Plain data as in YAML or JSON; mappings and lists are copied, very long texts are cut.
    key : str
        The key of the value, which decides whether a value that can be a secret is one.

    Examples
    --------
    >>> redact({"lr": 0.1, "hub_token": "abcdefghij", "eos_token": "<eos>", "db": {"password": "hunter2"}})
    {'lr': 0.1, 'hub_token': '[redacted]', 'eos_token': '<eos>', 'db': {'password': '[redacted]'}}
    """
    if isinstance(value, Mapping):
        if key and is_secret_name(key) and any(is_secret(key, leaf) for leaf in _leaves(value)):
            return REDACTED
        if "value" in value and any(is_secret(str(value[k]), value["value"]) for k in _NAMING if k in value):
            value = {**value, "value": REDACTED}  # {name: DB_PASSWORD, value: ...}
        above = f"{key.rpartition('.')[2]}." if key else ""
        return {redact_text(str(k)): redact(v, f"{above}{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return _redacted_list([redact(item, key) for item in value], key)
    if is_secret(key, value) or is_personal(key, value):
        return REDACTED
    return redact_text(_cut(value), hashes=is_of_hashes(key)) if isinstance(value, str) else value


def _cut(text: str) -> str:
    """Cut a very long text and append its hash, so that texts that differ after the cut still differ."""
    if len(text) <= _LONGEST + 100:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]
    return f"{text[:_LONGEST]} … ({len(text):,} characters, sha256 {digest})"


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(item)
    else:
        yield value


def _redacted_list(items: list[Any], key: str) -> list[Any]:
    """Redact items that are secrets because of the item before them, as in the arguments of a command."""
    if len(items) < 2 or not all(isinstance(item, str) for item in items):
        return items
    if key.lower().endswith("auth") and len(items) == 2:
        return [REDACTED, REDACTED]
    line = _BETWEEN.join(items)
    clean = redact_text(line).split(_BETWEEN)
    return clean if len(clean) == len(items) else items
