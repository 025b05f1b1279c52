"""Take secrets and personal names out of logs and their configuration, before anything is stored."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from analysis.core.errors import AnalysisError

REDACTED = "[redacted]"

_SECRET_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "secrets", "credential", "credentials"}
    | {"apikey", "accesskey", "privatekey", "authorization", "bearer", "cookie", "connectionstring", "dsn"}
)
_SECRET_PAIRS = frozenset(
    {("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("account", "key")}
    | {("signing", "key"), ("encryption", "key"), ("ssh", "key"), ("sas", "token"), ("connection", "string")}
)
_PERSONAL_WORDS = frozenset({"email", "mail", "username", "hostname", "host", "user"})

_SHAPES = re.compile(
    "|".join(
        (
            r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic
            r"|hf_[A-Za-z0-9]{16,}"
            r"|(?:AKIA|ASIA)[0-9A-Z]{16}\b"
            r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|xox[abprs]-[A-Za-z0-9-]{10,}"
            r"|AIza[0-9A-Za-z_-]{30,}"
            r"|wandb_v\d_\w{20,})",
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # JSON web token
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
            r"(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{12,}=*",
        )
    )
)
_USERINFO = re.compile(  # a password may hold anything, even slashes; what looks like a port is none
    r"(?<=://)(?:[^/\s]+@|[^/\s@:]+:(?!\d+(?:[/?#]|$))[^\s@]{1,200}@)"
)
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_ASSIGNED = re.compile(
    r"""(?ix) ( (?: [?&\#;\s,'"(\[{:] | ^ | (?<![\w.-])-- ) [\w.-]*?
        (?: token | secret | passw(?:or)?d | pwd | (?:api|access|account|private|shared)[_-]?key
          | (?<=[?&])key
          | signature | (?<=[?&])sig | credential s? | (?<=[?&])code ) \s*=\s* )
        (?!\[redacted\]) [^\s&;,'"]+"""
)
_TOLD = re.compile(
    r"(?i)(\b(?:(?:passw(?:or)?d|passphrase|api[ _-]?key|access[ _-]?key|secret[ _-]?key):"
    r"|authorization:\s*\w+\s)\s*)(?!\[redacted\])[^\s&;,'\"]+"
)
_FLAGGED = re.compile(  # a flag of a command line with its value; "token accuracy" is none
    r"(?i)((?:^|\s)--?[\w.-]*(?:token|secret|passw(?:or)?d|pwd|key|credentials?)\s+)(?!-|\[redacted\])[^\s'\"]+"
)
_FLAG = re.compile(r"--?[\w-]*(?:token|key|password|secret)$", re.IGNORECASE)
_SPECIAL_TOKEN = re.compile(r"[<\[].*[>\]]|\W*|\w{1,7}")


def redact_text(text: str) -> str:
    """Blank secrets, e-mail addresses and URL credentials inside a text.

    >>> redact_text("https://joe:pw@host/x?token=abc&step=3")
    'https://[redacted]@host/x?token=[redacted]&step=3'
    >>> redact_text("key sk-abcdefghijklmnopqrstu of jane@example.org")
    'key [redacted] of [redacted]'
    """
    text = _USERINFO.sub(f"{REDACTED}@", text)
    text = _SHAPES.sub(REDACTED, text)
    for pattern in (_ASSIGNED, _TOLD, _FLAGGED):
        text = pattern.sub(lambda found: f"{found[1]}{REDACTED}", text)
    return _EMAIL.sub(REDACTED, text)


@contextlib.contextmanager
def without_secrets() -> Iterator[None]:
    """Blank in the messages of errors within the block what `redact_text` blanks: they quote what they refuse."""
    try:
        yield
    except AnalysisError as error:
        error.args = (redact_text(str(error)),)
        raise


def redact(value: Any, key: str = "") -> Any:
    """Blank secrets anywhere in nested mappings, lists and texts.

    Parameters
    ----------
    value : Any
        Plain data as YAML or JSON holds it; mappings and lists are copied.
    key : str
        The key under which the value stands: some keys make any value a secret.

    Examples
    --------
    >>> redact({"lr": 0.1, "hub_token": "abcdefghij", "eos_token": "<eos>", "db": {"password": 7}})
    {'lr': 0.1, 'hub_token': '[redacted]', 'eos_token': '<eos>', 'db': {'password': '[redacted]'}}
    """
    if isinstance(value, Mapping):
        if key and _is_secret(key, ""):
            return REDACTED
        return {redact_text(str(k)): redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        items = [redact(item, key) for item in value]
        for index, item in enumerate(value[:-1]):
            if isinstance(item, str) and _FLAG.fullmatch(item):
                items[index + 1] = REDACTED
        return items
    if value is None or isinstance(value, bool):
        return value
    if _is_secret(key, value):
        return REDACTED
    return redact_text(value) if isinstance(value, str) else value


def _is_secret(key: str, value: object) -> bool:
    words = [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", key)]
    if not words:
        return False
    if _SECRET_WORDS & set(words) or _SECRET_PAIRS & set(pairwise(words)):
        return True
    if not isinstance(value, str) or not value:
        return False
    if words[-1] in {"token", "key"}:
        return not _SPECIAL_TOKEN.fullmatch(value)
    return words[-1] in _PERSONAL_WORDS
