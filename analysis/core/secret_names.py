"""Secrets and personal data recognized by the name of a setting and its value."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from analysis.core.secret_shapes import holds_login, is_hex, is_uuid, looks_drawn, speaks_of_hashes


def _bag(words: str) -> frozenset[str]:
    return frozenset(words.split())


STEM = (
    r"(?:pass|pwd|psw|\bpw|secret|token|key|cred|auth|bearer|cookie|dsn|conn|signature|\bsig|pat\b|sas\b|pin\b"
    r"|log[ -]?in|sessionid|\bsid\b|basic|sqlplus"
    r"|wort\b|woord|contrase|senha|parola|has[lł]o|senord|парол|密|パスワード|비밀번호|mail|user|host|[?&#]code=)"
)
"""Every name that can be that of a secret or a person contains one of these."""

PASSWORDS = _bag(
    "password passwords passwd pwd psw pw passphrase passcode passwort kennwort contraseña senha passe parola haslo "
    "hasło lösenord wachtwoord пароль 密码 密碼 パスワード 비밀번호"
)
_SECRETS = PASSWORDS | _bag(
    "secret secrets credential credentials creds apikey apikeys accesskey secretkey privatekey apitoken authtoken "
    "accesstoken clientsecret bearer authorization"
)
_JOINED = (
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authtoken",
    "storepass",
    "keypass",
    "dbpass",
    "userpass",
)


def _pairs(words: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(pair.split()) for pair in words.split(","))


_PAIRS = _pairs(
    "api key,api keys,access key,secret key,private key,account key,signing key,encryption key,ssh key,"
    "subscription key,storage key,auth key,admin key,connection string,conn string,conn str,sas url,sas uri,"
    "webhook url,hook url,pass word,pass phrase,pass code"
)
_MAYBE = _pairs(
    "master key,license key,service key,deploy key,app key,application key,client key,shared key,session key"
)
_ISSUERS = _bag(
    "openai anthropic groq xai mistral cohere replicate databricks stripe sendgrid langsmith langchain telegram slack "
    "discord github gh gitlab gl hf huggingface hub wandb aws azure gcp google mailgun twilio digitalocean do "
    "cloudflare "
    "cf doppler vault docker kaggle comet neptune clearml mlflow npm pypi heroku datadog dd pinecone deepseek together "
    "fireworks perplexity openrouter nvidia ngc modal runpod lambda vercel netlify supabase sentry notion linear jira "
    "figma dropbox box zoom shopify paypal dagster prefect airflow snowflake mongo mongodb redis postgres pg mysql db "
    "database smtp ftp ssh proxy http https ldap root admin sudo rabbitmq kafka elastic es minio s3 gcs wasb rediscli "
)
_OF_ACCESS = _ISSUERS | _bag(
    "auth access api refresh session bearer bot security personal deploy user client account login secret private "
    "oauth jwt csrf xsrf service register upload publish ci registry app application verify webhook push device "
)
_SPECIAL = _bag(
    "bos eos pad unk mask sep cls start end begin stop special image img video audio vision text prefix suffix middle "
    "eot sot eom eod bog boi eoi boa eoa im system assistant human tool instruct response blank space newline "
    "placeholder think thinking primary foreign sort metric label cache dict sharding partition group join index rng "
    "random prng loss row column col feature data dataset batch state target input output num max min hot short legend "
    "map merge dedup order filter query value attention attn q k v experiment artifact object idempotency run config "
    "sample monitor answer question context history message content json xml field lookup storage_object"
)
_TRAILING = _bag(
    "value val b64 base64 raw plain plaintext prod production dev staging test main old new current default backup "
    "primary secondary live sandbox str env"
)
_MARKS = _bag(
    "token tokens key keys auth pat sas sig signature cookie cookies dsn pass credential hook webhook pin code"
)
_PERSONAL = _bag("email mail username hostname host user")

_PLACEHOLDER = re.compile(
    r"""(?xi) \W* | none | null | nil | nan | true | false | yes | no | on | off | auto | env | file | prompt | ask
      | default
      | required | optional | enabled | disabled | unset | undefined | empty | missing | dummy | placeholder | changeme
      | not[-_ ]?(?:set|needed|required|used|given|available) | n/?a | todo | tbd | x{3,} | anonymous | public | basic
      | bearer | digest | oauth2? | iam | kms | sso | kerberos | vault | keyring | netrc | local(?:host)?
      | redacted | hidden
      | sk-no-key-required | your[-_ ].* | my[-_ ](?:api[-_ ]?)?(?:key|token|password|secret)
      | \$\{?\w+\}?.* | \{.*\} | %\(?\w+\)?[s%]? | <.* | \[.*\] | \(.*\) | env[:/]\S* | \S*environ\S* | getenv\S*
      | \[redacted\].* | arn:aws[\w-]*:\S+
    """
)
_VARIABLE = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN|SECRET|PASSWORD|PASS|PAT|CREDENTIALS)(?:_[A-Z0-9]+)?"
)
_FILE = re.compile(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\]?(?:[\w.@-]+[/\\])+[\w.@-]+\.(?:pem|key|json|ya?ml|txt|cfg|ini|env|crt|toml|csv)"
    r"|[\w.-]+\.(?:pem|crt|p12)"
)
_FOLDERS = re.compile(r"(?:~|\.{1,2})?/(?:[a-z_.-]+/)+[a-z_.-]*")
_LONGEST = 400
"""Longer values are neither placeholders nor paths, nor credentials by their name alone; in characters."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _TRAILING):
        words.pop()
    return tuple(words)


@lru_cache(maxsize=4096)
def _weight(words: tuple[str, ...]) -> int:
    """Return 3 for the name of a password, 2 for another secret, 1 for what may be one, else 0."""
    if not words:
        return 0
    last = words[-1]
    if last in PASSWORDS or last.endswith(("password", "passwd", "passphrase")):
        return 3
    if (
        last in _SECRETS
        or last.endswith(_JOINED)
        or words[-2:] in _PAIRS
        or (words[-3:-1] in _PAIRS and last in ("id", "string"))
    ):
        return 2
    before = set(words[:-1])
    if last in {"token", "tokens", "pat", "sas"} and before & _OF_ACCESS and not before & _SPECIAL:
        return 2
    if last in {"key", "pass", "pw", "auth", "pin"} and before & _ISSUERS and not before & _SPECIAL:
        return 2
    marked = set(words) & (_MARKS | _SECRETS) or set(pairwise(words)) & _PAIRS
    return 1 if marked and not before & _SPECIAL else 0


def is_password_name(name: str) -> bool:
    """True if a name is that of a password, whose value may be ordinary words."""
    return _weight(_words(name)) == 3


def is_secret_name(name: str) -> bool:
    """True if any value that can be a secret is one under this name."""
    return _weight(_words(name)) >= 2


def is_of_hashes(name: str) -> bool:
    """True if random digits under a name are a checksum or an identifier."""
    return not is_secret_name(name) and speaks_of_hashes(" ".join(_WORD.findall(name)))


def is_secret(name: str, value: object) -> bool:
    """True if a value is a secret, given its name.

    Under the name of a password, an API key or a token of a service, every value is one that can be: not a word such
    as ``none``, a variable name or a path. Under an ambiguous name only values that look random are.

    Examples
    --------
    >>> [is_secret("db_password", v) for v in ("hunter2", "none", "${DB_PASSWORD}", 123456, 12)]
    [True, False, False, True, False]
    >>> is_secret("mask_token", "[MASK]"), is_secret("password_strength", "strong"), is_secret("token", "Zq8vR2mX")
    (False, False, True)
    """
    words = _words(name)
    weight = _weight(words)
    if weight == 0 or value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return weight >= 2 and words[-1][-1] != "s" and abs(value) >= 1000
    if not isinstance(value, str):
        return False
    value = value.strip().strip("'\"")
    if value.isdecimal() and (len(value) < 4 or words[-1][-1] == "s"):
        return False
    if len(value) > _LONGEST:
        return weight >= 2
    if _PLACEHOLDER.fullmatch(value) or _VARIABLE.fullmatch(value):
        return False
    if words[-1] == "dsn" or words[-1] in ("string", "str"):
        return re.search(r"://[^/]*@|[=?]", value) is not None or looks_drawn(value, 16)
    if _FILE.fullmatch(value) or _FOLDERS.fullmatch(value):
        return False
    return True if weight >= 2 else _is_credential(words, value)


def is_personal(name: str, value: object) -> bool:
    """True if a value names a person or a machine.

    Examples
    --------
    >>> is_personal("user", "jane"), is_personal("host", "localhost"), is_personal("user_features", "jane")
    (True, False, False)
    """
    words = _words(name)
    if not words or words[-1] not in _PERSONAL or not isinstance(value, str):
        return False
    return not re.fullmatch(r"localhost|127\.0\.0\.1|0\.0\.0\.0|::1?|user_?(?:id|idx)?|(?:num|n)_.*", value) and not (
        _PLACEHOLDER.fullmatch(value)
    )


def _is_credential(words: tuple[str, ...], value: str) -> bool:
    """True if a value under a name that may be one of a secret looks like one."""
    if re.search(r"\s", value):
        return False
    if holds_login(value):
        return True
    if words[-1] in ("token", "auth") and is_uuid(value):
        return True
    if (
        (words[-1] == "token" or words == ("pass",) or words[-2:] in _MAYBE)
        and len(value) >= 6
        and re.search(r"\d", value)
        and re.search(r"[A-Za-z]", value)
    ):
        return True
    if is_hex(value):
        return len(value) >= 32 and (len(words) == 1 or not speaks_of_hashes(" ".join(words)))
    parts = re.split(r"[^A-Za-z0-9]+", value)
    return any(looks_drawn(part, 12, above=-0.2) for part in parts) or looks_drawn("".join(parts), 16)
