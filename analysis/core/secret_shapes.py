"""Recognition of credentials by their form: the prefix of the issuer, or random letters and digits."""

from __future__ import annotations

import base64
import binascii
import re
import string
from itertools import pairwise

_UUID_FORM = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_CERTAIN = re.compile(  # forms that nothing else has
    r"""(?x)(?<![A-Za-z0-9])(?:
      gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | xox[a-z](?:\.xox[a-z])?-[\w-]{10,} | xapp-\d-[\w-]{20,}
      | (?:AKIA|ASIA|ABIA|ACCA|LTAI|AKID)[0-9A-Za-z]{12,}\b | AIza[\w-]{30,} | SG\.[\w-]{16,}\.[\w-]{16,}
      | (?:dapi|doapi|dkea|dose|SK|AC|key-|fc-|11)[0-9a-f]{32}(?:-\d)?\b | [0-9a-f]{32}-us\d{1,2}\b
      | [0-9a-f]{32}(?:-[0-9a-f]{8}){2}\b | [0-9a-f]{32}\.[A-Za-z0-9]{16}\b | [0-9a-f]{36}NRAL\b
      | [0-9a-z]{10}msh[0-9a-z]{16}p[0-9a-z]{6}jsn[0-9a-z]{12}\b | v1\.(?:0-[0-9a-f]{24}-[0-9a-f]{100,}|[0-9a-f]{40}\b)
      | (?:sntry[su]|gl[cs]a?)_[\w/+=-]{20,} | AGE-(?:SECRET-KEY|PLUGIN-[A-Z]+)-1[0-9A-Z]{20,}
      | AAAA[BCE][23][NHV][\w+/]{20,}={0,3} | oy2[a-z0-9]{43}\b | u\+[\w-]{18}\b | A3(?:-[A-Z0-9]{5,6}){6}\b
      | eyJ[\w/+-]{16,}={0,2}(?:\.[\w-]*){0,4} | sb_secret_[\w-]{20,} | rzp_(?:live|test)_[A-Za-z0-9]{14,}
      | (?:[sp]k-lf-|amzn\.mws\.|pat-[a-z]+\d-|(?:api|sdk|mob)-|access-(?:sandbox|development|production)-) UUID
      | (?:st|0)\.UUID\.[\w.+/:=-]{20,} | UUID:[0-9a-f]{32}\b | (?:user|agent):[0-9a-f]{32}\b
      | [12](?:/\d{16}){1,2}:[0-9a-f]{32}\b | access_token\$\w+\$[0-9a-z]{16}\$[0-9a-f]{32}
      )
      | (?<!\d)\d{8,10}:A[\w-]{34}
      | (?<![A-Za-z0-9])(?: [A-Za-z0-9]{3}\dQ~[\w~.-]{31,34} | [MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}
      | AAAA[\w-]{7}:[\w-]{140}
        | gl(?:pat|[a-z]?rt|dt|ptt|cbt|ft|agent|soat|imt|oas)-[\w-]{20,}(?:\.\w{2}\.\w{9})? )
      | \$(?:2[abxy]|5|6|1|y|apr1|argon2\w*|pbkdf2[\w-]*|scrypt)\$[\w./$,=+-]{20,}
    """.replace("UUID", _UUID_FORM)
)
_ISSUED = re.compile(  # prefixes that issuers give their credentials, which names may begin with too
    r"""(?x)(?<![A-Za-z0-9])(?:
      (?: sk-(?:proj|ant|svcacct|admin|or|lf|helicone)- | gl[a-z]{2,6}- | hf_ | api_org_ | npm_ | pypi- | gsk_ | xai-
        | r8_ | pplx- | nvapi- | tgp_v\d_ | fw_ | csk- | lsv2_[a-z]{2}_ | ls__ | pcsk_ | tvly- | jina_
        | (?:sk|rk|pk)_(?:live|test)_
        | whsec_ | do[opr]_v1_ | dp\.[a-z]{2,5}\. | hv[bsr]\. | dckr_[a-z]{3}_ | shp[a-z]{2}_ | sq0[a-z]{3}-
        | gl[cs]a_ | glc_
        | ph[cx]_ | sbp_ | sb_secret_ | pscale_[a-z]+_ | rubygems_ | figd_ | lin_api_ | ntn_ | PMAK- | NRAK-
        | GOCSPX- | ya29\.
        | ATATT3 | ATCTT3 | wandb_v\d_ | KGAT_ | apify_api_ | tskey-[a-z]+- | nfp_ | napi_ | pul- | bkua_ | CCIPAT_
        | rpa_
        | sq[upa]_ | AKCp | xkeysib- | EAAA | ops_ | bedrock-api-key- | ABSK | HRKU- | snyk_ | dt0c01\. | rdme_ | CFPAT-
        | xsmtpsib- | FLWSECK- | CLOJARS_ | packagist_[a-z]{3}_ | dtn_ | lin_oauth_ | [se]k_ | live_ | re_ | e?secret_
        | e2b_ | sess- | pa-
        | pat(?=\w{14}\.) | [a-z]{2,8}_(?:live|pat|tkn|sk|secret)_ )
        [\w-]{10,}(?:[.~][\w~-]+)*=*
      | sk-[\w-]{0,24}[A-Za-z0-9]{16}[\w-]* | (?:ak|as)-[A-Za-z0-9]{22}\b | s\.[A-Za-z0-9]{24}\b )
    """
)
_DRAWN = re.compile(r"(?<![A-Za-z0-9+/_.~-])[A-Za-z0-9+/_.~-]{20,}={0,2}")
_HEX40 = re.compile(r"(?<![A-Za-z0-9/@.-])[0-9a-f]{40}(?![A-Za-z0-9/-])")
_UUID = re.compile(_UUID_FORM, re.IGNORECASE)
_HEX = re.compile(r"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)")
_HASHES = re.compile(
    r"(?i)(?<![a-z])(?:sha\d*|md5|hash|digest|checksum|commit|git|rev|revision|fingerprint|etag|snapshots?|blobs?"
    r"|artifacts?|ref|ids?|uuid|version|integrity|crc\d*|xxh\w*|blake\w*)(?![a-z])"
)
_NAMED = re.compile(  # random letters that are an identifier or a checksum, and no credential
    r"(?:(?:file|org|ftjob|chatcmpl)-|(?:ftckpt|proj|resp|msg|asst|thread|run|batch|step|call|vs)_)[A-Za-z0-9]{8,30}"
    r"|(?:sha\d+|md5|etag|commit|version|snapshot|events)[-_:.=][\w.:=+/-]*"
)
_BASIC = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_COMMON = frozenset(  # the 120 commonest pairs of letters in names of models, settings and files
    re.findall(
        "..",
        "acadalamanarasatauaybabecacechclcoctdddedidueaecedeeelemeneperesetexfifogehehiiaicidigiminioisitizkelalelfli"
        "lolsmambmemimompnancndnenfngninonsntnuocodokomonoporosoupapeplpoprptpyrarerirmrorsrtsasesisssttatethtitotrtt"
        "ulumunusutvaveviwextyeze",
    )
)


def looks_drawn(text: str, least: int = 20, *, above: float = -0.08) -> bool:
    """True if letters and digits look random, with at least ``least`` characters.

    Random text keeps switching between small letters, capitals and digits, and few of its pairs of letters are common
    in words: the share of switches minus the share of common pairs exceeds ``above``. Of 168 names of classes and
    models none exceeds the default; of random texts of 20 characters all but 1 in 1000 do.

    Examples
    --------
    >>> looks_drawn("Zq8vR2mXw7Kp4NtB9cJd"), looks_drawn("EfficientNetB4NoisyStudent")
    (True, False)
    """
    kinds = [_KIND.get(character, "-") for character in text]
    if len(text) < least or len({*kinds} - {"-"}) < 2:
        return False
    changes = sum(a != b for a, b in pairwise(kinds)) / (len(text) - 1)
    return changes - _share_of_common_pairs(text) > above


def _share_of_common_pairs(text: str) -> float:
    """Return the share of neighbouring pairs of letters that are common in words."""
    pairs = [(a + b).lower() for a, b in pairwise(text) if a.isalpha() and b.isalpha()]
    return sum(pair in _COMMON for pair in pairs) / max(len(pairs), 1)


_KIND = {
    **dict.fromkeys(string.ascii_lowercase, "a"),
    **dict.fromkeys(string.ascii_uppercase, "A"),
    **dict.fromkeys(string.digits, "0"),
}


def is_uuid(text: str) -> bool:
    """True if a text is a UUID."""
    return _UUID.fullmatch(text) is not None


def is_hex(text: str) -> bool:
    """True if a text consists of hexadecimal digits."""
    return _HEX.fullmatch(text) is not None


def holds_login(text: str) -> bool:
    """True if a text is ``user:password`` in base 64, as in HTTP headers and Docker's configuration."""
    if not _BASIC.fullmatch(text):
        return False
    try:
        told = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_" if "_" in text else None)
        plain = told.decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return plain.isprintable() and re.fullmatch(r"[\w.@$+-]*:\S{2,}", plain) is not None


def speaks_of_hashes(text: str) -> bool:
    """True if a text says that random digits beside it are a checksum or an identifier."""
    return _HASHES.search(text) is not None


def without_shapes(text: str, put: str, *, drawn: bool = True) -> str:
    """Replace the parts of a text that have the form of a credential.

    Parameters
    ----------
    text : str
    put : str
        The replacement.
    drawn : bool
        Whether to replace letters and digits without a known prefix too, if they look random.

    Examples
    --------
    >>> without_shapes("mlflow.db#dbf6dc9325abdc3c1d637fc5473bae5c.yaml", "-")  # an ID, not drawn as base 64 is
    'mlflow.db#dbf6dc9325abdc3c1d637fc5473bae5c.yaml'
    """
    text = _CERTAIN.sub(put, text)
    text = _ISSUED.sub(lambda found: put if _is_issued(found[0]) else found[0], text)
    if not drawn or len(text) < 20:
        return text
    text = _DRAWN.sub(
        lambda found: _without_drawn(found[0], put, text[max(0, found.start() - 24) : found.start()]), text
    )
    if _HEX40.search(text) and not speaks_of_hashes(text):
        text = _HEX40.sub(put, text)
    return text


def _is_issued(text: str) -> bool:
    """True for a credential, False for a name that begins like one: ``hf_llama_baseline_v2``, ``sk-learn-pipeline``."""
    tail = re.sub(r"^[A-Za-z]{2,12}[-_.]", "", text)
    parts = re.split(r"[^A-Za-z0-9]+", tail)
    longest = max(parts, key=len)
    if len(longest) >= 16 and is_hex(longest):
        return True
    return _share_of_common_pairs(tail) <= 0.5 and (len(longest) >= 10 or looks_drawn("".join(parts), 16))


def _without_drawn(text: str, put: str, before: str) -> str:
    """Replace the random parts of a text without blanks; the other parts of a path or name are kept."""
    if speaks_of_hashes(before) or _NAMED.fullmatch(text) or is_uuid(text):
        return text
    if "." not in text and _is_jointed(text):
        return put
    if text.endswith("==") and len(text) == 24:  # a checksum in base 64
        return text
    text = "/".join(put if _is_jointed(part) else part for part in text.split("/"))
    return re.sub(r"[A-Za-z0-9]{20,}", lambda found: put if _is_free(found[0], -0.08) else found[0], text)


def _is_jointed(text: str) -> bool:
    """True if a text is random with a few signs in it, as base 64 is; neither a name of many parts nor a hash."""
    if any(len(part) >= 24 and is_hex(part) for part in re.split(r"[^A-Za-z0-9]+", text)):
        return False
    whole = re.sub(r"[^A-Za-z0-9]", "", text)
    joints = len(text.rstrip("=")) - len(whole)
    return 0 < joints <= (8 if len(text) in (40, 44) else 1.5 + len(text) / 10) and _is_free(whole, 0.08)


def _is_free(text: str, above: float) -> bool:
    """True if a text is random and not a hash; with fewer kinds of characters it has to be longer."""
    kinds = {_KIND[character] for character in text}
    least = 20 if {"a", "A"} <= kinds else 28
    if is_hex(text) or sum(character.isdigit() for character in text) > 0.42 * len(text):  # lr3e4bs64: settings
        return False
    return looks_drawn(text, least, above=above if "0" in kinds else above + 0.2)
