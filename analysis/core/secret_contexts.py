"""Secrets found by what precedes them in a text: a name, a flag, a header, a command, the words of a sentence."""

from __future__ import annotations

import re

from analysis.core.secret_names import STEM, is_password_name, is_secret, is_secret_name
from analysis.core.secret_shapes import holds_login, looks_drawn

_HINT = re.compile(STEM, re.IGNORECASE)
_KINDS = (
    r"(?:api|access|secret|private|account|auth|bearer|client|security|session|refresh|signing|encryption|webhook|sas)"
)
_PAIR = re.compile(
    rf"""(?xi)
    (?: (?P<open> [?&\#;<] ) | (?<![\w.-]) (?<! \d{{12}}: ) | (?<=%2[2367]) | (?<=%3[BF]) ) (?P<dash> --? )?
    (?P<name> (?: {_KINDS}[ ](?=key|token|secret|pass|code|url|uri|string|sig) | pass [ ](?=word|phrase|code) )?
      [^\W\d] [\w.-]{{0,80}} )
    (?: (?P<is> (?: \s+ (?: for | of | to | on | at ) (?: \s+ [\w.@-]{{1,40}} ){{1,3}}? (?: \s* [:=] \s+ | (?= \s ) ) )?
          (?: (?<= [:=]\s ) | \s+ (?: is | was | are | equals | = | := | -> | → | [–—-] | to | or | \|\| | ist | lautet
          | est | es | è ) (?: \s+ (?: now | still | (?: re | re?set | changed ) \s+ to ) )? \s* :? \s+ ) )
      | (?P<tuple> \\* ["'] \s* , \s* (?: \w+ \s* = \s* [\w.]* \s* ,? \s* ){{0,4}} (?= \\* ["'] ) )
      | (?P<coded> (?: %2[27] | &quot; | &\#39; )? \s* (?: %3A | %3D | [:=] ) (?: %20 | %2[27] | \s | &quot;
      | &\#39; )* (?<= [AaDd0-9;] ) )
      | (?P<assigned> \\* (?: ["'`] | \*\* )? (?: [\])]{{0,2}} | [ ] \( [^()\n]{{1,20}} \) ) \s*
          (?: => | := | == | = | ： | : \s* (?: Optional \[ )? (?: str | bytes | [Ss]tring | SecretStr ) \b
          [\w .|\]]{{0,20}} = (?= \s* \\* ["'] ) | : (?! // ) ) \s* (?: \*\* \s* )? )
      | (?P<tag> > (?= [^\s<] ) )
      | (?P<blank> \s+ ) )
    """
)
_QUOTED = re.compile(r"(?P<quote>\\*[\"'`])(?P<value>(?:(?!(?P=quote))(?:\\.|[^\n])){1,4000})(?P=quote)")
_BARE_MOST = 200
_BARE = re.compile(
    r"(?P<value>(?:(?![&;,|]\s*[\w.%+-]{1,40}\s*[=:]|[;,:.)\]}>'\"`\\]+(?:\s|$)|\\+[\"'n]|</|&quot;|&#39;"
    rf"|%2[267])[^\s\x1f]){{1,{_BARE_MOST}}})"
)
_QUERY = re.compile(r"(?i)(?:key|sig|code|signature|token|auth|credential|accesskeyid)$")
_REST = re.compile(r"[^\s&;,'\"]*")
_SENTENCE = re.compile(
    r"""(?xi) a | an | the | not | no | in | on | at | of | to | too | so | as | by | and | or | but | for | from
      | with | this | that
      | it | its | what | where | which | here | there | then | now | still | also | only | never | always | your
      | my | our
      | required | needed | missing | wrong | invalid | valid | correct | incorrect | expired | unknown | known
      | set | unset
      | stored | kept | taken | given | used | read | written | hidden | visible | protected | secret | empty
      | optional | changed
      | removed | blanked | ignored | rejected | accepted | weak | strong
      | short | long | being | same | different | reset"""
)
_HEADER = re.compile(
    r"(?i)((?<![\w-])(?:proxy-)?+authorization\\*+[\"']?+\s*+[:=,]\s*+\\*+[\"']?+(?:(?:basic|bearer|token"
    r"|digest|apikey|negotiate|aws4[\w-]*)\s+)?+"
    r"|(?<![\w-])(?:set-)?+cookie\s*+:\s*+(?=[^\s=]{1,80}=))(?!\[redacted\])(?P<value>[^\s'\"][^'\"\n\x1f\\]*)"
)
_SCHEMED = re.compile(r"(?i)(?<![\w-])(?P<scheme>bearer|basic|token)(?P<gap>\s+)(?P<value>[\w.~+/-]{8,}=*)")
_ODD = r"(?=[^\s'\"]*?(?:\d|[!%^*&#@~?][^\s.,;'\"]))"
"""Lookahead for a word with digits or signs in it, which a sentence would not have."""
_COMMANDS = tuple(
    re.compile(pattern)
    for pattern in (
        # curl -u joe:pw, --user=joe:pw, lftp -u joe,pw, smbclient -U joe%pw
        r"((?<!\S)(?:-[A-Za-z]{0,6}u|-U|--user|--proxy-user|--userpwd)(?:\s+|=)?['\"]?[^\s:,%'\"=]{1,64}[:,%])(?!\d+(?:\s|$)"
        r")(?P<value>[^\s'\"]+)",
        r"(\b(?:https?|xh)\s(?:[^\n|;]{0,80}?\s)?(?:-a|--auth)(?:\s+|=)['\"]?[^\s:'\"]{1,64}:)(?P<value>[^\s'\"]+)",
        # -p hunter2 after a command where it means a password, with or without a blank
        r"(\b(?:mysql\w*|mariadb\w*|mycli|pymysql)\b[^\n|;]{0,200}?\s-p)(?P<value>[^\s'\"-][^\s'\"]*|'[^']+'"
        r"|\"[^\"]+\")",
        r"(\b(?:sshpass|7z\w?|zip|unzip|unrar|snowsql|bcp)\b[^\n|;]{0,80}?\s-[pP]\s?)(?P<value>[^\s-]\S*)",
        r"(\b(?:mongo\w*|twine|sqlcmd|cqlsh|ldap\w+|ipmitool|(?:docker|podman|oc|az|helm|skopeo|nerdctl"
        r"|registry|crane)\b"
        r"[^\n|;]{0,40}?\blogin)\b[^\n|;]{0,200}?\s-[pPw](?:\s+|=))(?P<value>[^\s-]\S*)",
        r"(\bredis-cli\b[^\n|;]{0,200}?\s-a\s+)(?P<value>\S+)",
        r"(\bopenai\b[^\n|;]{0,40}?\s-k\s+)(?P<value>\S+)",
        r"(\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+)(?P<value>\S+)",
        r"(\bpass:)(?P<value>[^\s'\"]{3,})",
        # Python: auth=("joe", "hunter2")
        r"(?i)((?<!\w)\w{0,20}auth\w{0,10}\s*[=(:]\s*[(\[]?\s*\\*['\"][^'\"\n]{1,64}['\"]\s*,\s*\\*['\"]"
        r")(?P<value>[^'\"\n\\]+)",
        r"(?m)(^\s*(?://\S+:)?_auth\s*=\s*)(?P<value>\S+)",
        # prose
        r"(?i)(\b(?:password|passwd|passphrase|pw|pwd|(?:api|secret|access)[ _-]?key|access[ _-]?token)\s+"
        rf")(?P<value>(?=[^\s:=,;'\"]*[A-Za-z]){_ODD}[^\s:=,;'\"]{{5,}})",
        r"(?i)()(?<!\S)(?P<value>(?=\S*[\d!$%^*&#@~])\S{4,200}+)(?=\s+as\s+(?:the\s+|my\s+|a\s+)?(?:password|passphrase"
        r"|api[ _-]?key|secret|access token)\b)",
        r"(?i)((?<![\w./])(?:credentials?|creds|log[ -]?in|user(?:name)?/pass\w*|basic[ ]auth|auth(?=\s*[:=]))"
        r"(?:\s+(?:with|as|are|is))?(?:\s+|\s*[:=]\s*)[\w.@-]{1,64}(?::|\s*/\s*))"
        rf"(?P<value>{_ODD}[^\s'\"]{{4,}})",
        # Oracle and Windows
        r"(?i)(\b(?:sqlplus|sqlldr|expdp|impdp|connect)\s+(?:-\w+\s+)*\w{1,64}/)(?P<value>[^\s@]+)(?=@)",
        r"(\s/user:\S+\s+|\bssh-keygen\b[^\n|;]{0,120}?\s-[NP]\s+)(?P<value>[^\s'\"]+)",
        # netrc
        r"(\bmachine\s+\S+\s+(?:account\s+\S+\s+)?password\s+)(?P<value>(?=\S*\d)\S++)",
        r"(\blogin\s+\S+\s+(?:account\s+\S+\s+)?password\s+)(?![=:])(?P<value>\S+)",
        r"(\b(?:machine\s+\S+|default)\s+login\s+)(?P<value>\S+)(?=\s+password\b)",
    )
)
_TO_LOG_IN = re.compile(  # wandb login <key>; a user name is not a key
    r"(\b(?:log-?in|sign-?in|authtoken|set-token|authenticate|activate|init)\s+(?:-{1,2}[\w-]+(?:=\S+"
    r"|\s+https?://\S+)?\s+)*)(?P<value>[\w.+/=~-]{16,})"
)
_PIPED = re.compile(
    r"((?:<<<|\becho|\bprintf)\s+['\"]?)(?P<value>[^\s'\"|]+)(?=['\"]?\s*(?:$|\|\s*[^\n]*(?:login|stdin|passw|auth)))"
)


_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        # <property name="password">...</property>, <add key="password" value="..."/>
        r"""(?i)\b(?:name|key|id)\s*=\s*["'](?P<name>[\w.-]{1,80})["'][^<>\n]{0,80}?(?:\bvalue\s*=\s*["']|>)"""
        r"""(?P<value>[^"'<>\n]+)""",
        r"""<(?P<name>[\w.-]{1,80})\s[^<>\n]{0,80}?\bvalue\s*=\s*["'](?P<value>[^"'<>\n]+)""",
        # a row of a Markdown table or of a CSV file; #define PASSWORD "..."
        r"(?m)^\s*\|\s*(?P<name>[\w.-]{1,80})\s*\|\s*(?P<value>[^\s|]+)(?=\s*\|)",
        r"(?m)^(?P<name>[\w.-]{1,80}),(?P<value>[^\s,]+)(?=[ \t]*$)",
        r"""\b(?P<name>[\w.-]{1,80})\s+["'](?P<value>[^\s"'\\]{4,})(?=["'])""",
    )
)
_LIBPQ = re.compile(  # the password file: host:port:database:user:password
    r"((?<!\S)[\w.*-]+:(?:\d{2,5}|\*):[\w*-]+:[\w*-]+:)(?P<value>[^\s:]+)(?!\S)"
)


def without_named_secrets(text: str, put: str) -> str:
    """Replace by ``put`` the secrets in a text that are recognized by what precedes them."""
    if not _HINT.search(text) and " -" not in text and "\x1f-" not in text:
        return _without_logins(text, put)
    text = _HEADER.sub(lambda found: f"{found[1]}{put}", text)
    text = _SCHEMED.sub(lambda found: _schemed(found, put), text)
    for command in _COMMANDS:
        text = command.sub(lambda found: found[0] if found["value"].startswith(put) else f"{found[1]}{put}", text)
    text = _TO_LOG_IN.sub(lambda found: f"{found[1]}{put}" if _is_key(found["value"]) else found[0], text)
    for named in _NAMED:
        text = named.sub(lambda found: _under_name(found, put), text)
    return _without_logins(_without_pairs(text, put), put)


def _under_name(found: re.Match[str], put: str) -> str:
    given = found["value"]
    start = found[0][: len(found[0]) - len(given)]
    return f"{start}{put}" if is_secret(found["name"], given) else found[0]


def _without_pairs(text: str, put: str) -> str:
    """Replace values that are secrets under the name before them; a value that is not one is searched itself."""
    done, place = [], 0
    start = 0
    while (found := _PAIR.search(text, place)) is not None:
        place = found.end()
        if not _HINT.search(found[0]):
            place = max(found.end("name"), found.start() + 1)
            continue
        value = _QUOTED.match(text, place) or _BARE.match(text, place)
        if value is None or text.startswith(put, value.start("value")) or not _is_named_secret(found, value):
            place = found.end("name")
            continue
        done += [text[start : value.start("value")], put]
        start = value.end("value")
        if len(value["value"]) == _BARE_MOST and (rest := _REST.match(text, start)):
            start = rest.end()
        place = start
    return "".join([*done, text[start:]])


def _is_named_secret(found: re.Match[str], value: re.Match[str]) -> bool:
    name, given = found["name"].strip(), value["value"]
    quoted = "quote" in value.re.groupindex
    if found["blank"] is not None:  # a flag and its value, or ENV NAME value
        if found["dash"]:
            return not given.startswith("-") and (is_secret(name, given) or _is_flagged(name, given))
        return name.isupper() and "_" in name and is_secret_name(name) and is_secret(name, given)
    if found["coded"] is not None:
        return is_secret(name, given)
    if found["tag"] is not None:
        return found["open"] == "<" and is_secret(name, given)
    if found["open"] in ("?", "&", "#") and found["assigned"]:
        last = re.split(r"[._-]", name.lower())[-1]
        if last in (
            "key",
            "sig",
            "code",
            "signature",
            "token",
            "auth",
            "st",
            "credential",
            "accesskeyid",
            "keyid",
            "sessionid",
            "jsessionid",
            "phpsessid",
            "sid",
            "id",
        ) and (last != "id" or looks_drawn(given, 12)):
            return True
    if name.lower() == "token" and found["assigned"] == "=":
        return not given.startswith(("<", "["))
    if not is_secret(name, given):
        return False
    spoken = found["is"] is not None or (found["assigned"] or "").endswith(" ")
    if quoted or not spoken:
        return True
    if _SENTENCE.fullmatch(given) or (re.search(r"\s[–—-]\s", found[0]) and not re.search(r"\d", given)):
        return False
    return is_password_name(name) or re.search(r"[^A-Za-z]|[a-z][A-Z]", given) is not None


def _is_flagged(name: str, value: str) -> bool:
    """True if the value after a flag such as ``--token`` is a secret, of any form."""
    return re.fullmatch(r"(?i)token|pat|secret", name) is not None and re.fullmatch(r"[<\[].*|\w{1,7}", value) is None


def _schemed(found: re.Match[str], put: str) -> str:
    scheme, value = found["scheme"].lower(), found["value"]
    if scheme == "basic":
        secret = holds_login(value)
    else:
        secret = len(value) >= 12 and (re.search(r"\d", value) is not None if scheme == "bearer" else _is_key(value))
    return f"{found['scheme']}{found['gap']}{put}" if secret else found[0]


def _is_key(value: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32,}", value) is not None or looks_drawn(re.sub(r"[^A-Za-z0-9]", "", value), 16)


def _without_logins(text: str, put: str) -> str:
    text = _LIBPQ.sub(lambda found: f"{found[1]}{put}", text)
    return _PIPED.sub(
        lambda found: f"{found[1]}{put}" if "login" in text or _is_key(found["value"]) else found[0], text
    )
