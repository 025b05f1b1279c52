"""Credentials of many kinds, drawn anew from a seed: no literal here is one."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Mapping
from random import Random

HEX, LOWER, UPPER, DIGITS = "0123456789abcdef", string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM, BASE64, BASE64_URL = LOWER + UPPER + DIGITS, LOWER + UPPER + DIGITS + "+/", LOWER + UPPER + DIGITS + "-_"


def drawn(alphabet: str, length: int) -> Callable[[Random], str]:
    """Return a maker of random texts."""
    return lambda random: "".join(random.choices(alphabet, k=length))


def issued(*parts: str | Callable[[Random], str]) -> Callable[[Random], str]:
    """Return a maker of credentials of fixed and drawn parts."""
    return lambda random: "".join(part if isinstance(part, str) else part(random) for part in parts)


def password(random: Random) -> str:
    """Return a password as a person or a program makes one."""
    word = random.choice(["Sommer", "hunter", "dragon", "correcthorse", "Tr0ub4dor", "letmein", "qwertz", "swordfish"])
    made = random.choice(
        [
            f"{word}{random.randint(1, 9999)}",
            f"{word}{random.randint(1, 99)}{random.choice('!$%*?^')}",
            "".join(random.choices(LOWER + DIGITS, k=6)) + random.choice(LOWER) + random.choice(DIGITS),
            "".join(random.choices(ALNUM + "!$%*^_-", k=11)) + random.choice(ALNUM),
        ]
    )
    return made.lstrip("-$%")


def login(random: Random) -> tuple[str, str]:
    """Return a user's name and password."""
    return random.choice(["joe", "svc-train", "admin", "root"]), password(random)


def _web_token(random: Random) -> str:
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": random.randint(1, 10**9), "name": "joe"})]
    return ".".join([*(encoded(part).rstrip("=") for part in parts), drawn(BASE64_URL, 43)(random)])


def encoded(text: str) -> str:
    """Return a text in base 64."""
    return base64.b64encode(text.encode()).decode()


def _neptune(random: Random) -> str:
    about = {"api_address": "https://app.neptune.ai", "api_key": uuid(random)}
    return encoded(json.dumps(about))


def uuid(random: Random) -> str:
    """Return a random UUID."""
    return "-".join(drawn(HEX, n)(random) for n in (8, 4, 4, 4, 12))


def pem(what: str) -> Callable[[Random], str]:
    """Return a maker of private keys as files hold them."""

    def make(random: Random) -> str:
        lines = "\n".join(drawn(BASE64, 64)(random) for _ in range(4))
        return f"-----BEGIN {what}-----\n{lines}\n-----END {what}-----"

    return make


BY_FORM: Mapping[str, Callable[[Random], str]] = {
    "openai, old": issued("sk-", drawn(ALNUM, 20), "T3Blbk", "FJ", drawn(ALNUM, 20)),
    "openai, project": issued("sk-", "proj-", drawn(BASE64_URL, 74), "T3Blbk", "FJ", drawn(BASE64_URL, 74)),
    "openai, service account": issued("sk-", "svcacct-", drawn(BASE64_URL, 58)),
    "anthropic": issued("sk-", "ant-", "api03-", drawn(BASE64_URL, 93), "AA"),
    "openrouter": issued("sk-", "or-", "v1-", drawn(HEX, 64)),
    "deepseek": issued("sk-", drawn(HEX, 32)),
    "npm": issued("npm", "_", drawn(ALNUM, 36)),
    "pypi": issued("pypi", "-AgEI", "cHlwaS5vcmc", drawn(BASE64_URL, 80)),
    "groq": issued("gsk", "_", drawn(ALNUM, 52)),
    "xai": issued("xai", "-", drawn(ALNUM, 80)),
    "replicate": issued("r8", "_", drawn(ALNUM, 37)),
    "perplexity": issued("pplx", "-", drawn(ALNUM, 48)),
    "nvidia": issued("nvapi", "-", drawn(BASE64_URL, 64)),
    "together": issued("tgp", "_v1_", drawn(BASE64_URL, 43)),
    "cerebras": issued("csk", "-", drawn(LOWER + DIGITS, 48)),
    "fireworks": issued("fw", "_", drawn(ALNUM, 24)),
    "pinecone": issued("pcsk", "_", drawn(ALNUM, 6), "_", drawn(ALNUM, 63)),
    "databricks": issued("da", "pi", drawn(HEX, 32)),
    "databricks, numbered": issued("da", "pi", drawn(HEX, 32), "-2"),
    "stripe, secret": issued("sk", "_live_", drawn(ALNUM, 24)),
    "stripe, restricted": issued("rk", "_test_", drawn(ALNUM, 99)),
    "stripe, webhook": issued("wh", "sec_", drawn(ALNUM, 32)),
    "sendgrid": issued("SG", ".", drawn(BASE64_URL, 22), ".", drawn(BASE64_URL, 43)),
    "langsmith": issued("ls", "v2_pt_", drawn(HEX, 32), "_", drawn(HEX, 10)),
    "langsmith, old": issued("ls", "__", drawn(HEX, 32)),
    "telegram": issued(drawn("123456789", 10), ":AA", drawn(BASE64_URL, 33)),
    "slack, bot": issued("xo", "xb-", drawn(DIGITS, 12), "-", drawn(DIGITS, 12), "-", drawn(ALNUM, 24)),
    "slack, app": issued("xa", "pp-1-", drawn(UPPER + DIGITS, 11), "-", drawn(DIGITS, 13), "-", drawn(HEX, 64)),
    "slack, refresh": issued("xo", "xe-1-", drawn(ALNUM, 140)),
    "github, classic": issued("gh", "p_", drawn(ALNUM, 36)),
    "github, oauth": issued("gh", "o_", drawn(ALNUM, 36)),
    "github, user": issued("gh", "u_", drawn(ALNUM, 36)),
    "github, server": issued("gh", "s_", drawn(ALNUM, 36)),
    "github, refresh": issued("gh", "r_", drawn(ALNUM, 76)),
    "github, fine": issued("github", "_pat_", drawn(ALNUM, 22), "_", drawn(ALNUM, 59)),
    "gitlab, personal": issued("gl", "pat-", drawn(BASE64_URL, 20)),
    "gitlab, runner": issued("gl", "rt-", drawn(BASE64_URL, 20)),
    "gitlab, deploy": issued("gl", "dt-", drawn(BASE64_URL, 20)),
    "hugging face": issued("hf", "_", drawn(LOWER + UPPER, 34)),
    "hugging face, organisation": issued("api", "_org_", drawn(LOWER + UPPER, 34)),
    "wandb, new": issued("wandb", "_v1_", drawn(ALNUM + "_", 60)),
    "aws, id": issued("AK", "IA", drawn(UPPER + "234567", 16)),
    "aws, session id": issued("AS", "IA", drawn(UPPER + "234567", 16)),
    "google, key": issued("AI", "za", drawn(BASE64_URL, 35)),
    "google, oauth": issued("ya", "29.", drawn(BASE64_URL, 60)),
    "google, client": issued("GO", "CSPX-", drawn(BASE64_URL, 28)),
    "azure, storage": issued(drawn(BASE64, 86), "=="),
    "cloudflare": drawn(BASE64_URL, 40),
    "comet": drawn(ALNUM, 25),
    "clearml, secret": drawn(ALNUM, 50),
    "aws, secret": drawn(BASE64, 40),
    "web token": _web_token,
    "neptune": _neptune,
    "private key, rsa": pem("RSA PRIVATE KEY"),
    "private key, openssh": pem("OPENSSH PRIVATE KEY"),
    "private key, pkcs8": pem("PRIVATE KEY"),
    "private key, encrypted": pem("ENCRYPTED PRIVATE KEY"),
    "private key, pgp": pem("PGP PRIVATE KEY BLOCK"),
    "age": issued("AGE-SECRET", "-KEY-1", drawn(UPPER + DIGITS, 58)),
    "mailgun": issued("key", "-", drawn(HEX, 32)),
    "mailchimp": issued(drawn(HEX, 32), "-us12"),
    "twilio": issued("S", "K", drawn(HEX, 32)),
    "digitalocean": issued("do", "p_v1_", drawn(HEX, 64)),
    "digitalocean, oauth": issued("do", "o_v1_", drawn(HEX, 64)),
    "doppler": issued("dp", ".pt.", drawn(ALNUM, 43)),
    "doppler, service": issued("dp", ".st.prd.", drawn(ALNUM, 43)),
    "vault": issued("hv", "s.", drawn(BASE64_URL, 95)),
    "vault, batch": issued("hv", "b.", drawn(BASE64_URL, 140)),
    "vault, old": issued("s", ".", drawn(ALNUM, 24)),
    "docker": issued("dckr", "_pat_", drawn(BASE64_URL, 27)),
    "kaggle": issued("KGAT", "_", drawn(HEX, 32)),
    "shopify": issued("sh", "pat_", drawn(HEX, 32)),
    "square": issued("sq", "0atp-", drawn(BASE64_URL, 22)),
    "sentry": issued("sntry", "s_", drawn(BASE64, 60)),
    "grafana": issued("gl", "sa_", drawn(ALNUM, 32), "_", drawn(HEX, 8)),
    "posthog": issued("ph", "x_", drawn(ALNUM, 43)),
    "planetscale": issued("pscale", "_tkn_", drawn(BASE64_URL, 43)),
    "rubygems": issued("rubygems", "_", drawn(HEX, 48)),
    "figma": issued("figd", "_", drawn(BASE64_URL, 40)),
    "linear": issued("lin", "_api_", drawn(ALNUM, 40)),
    "notion": issued("ntn", "_", drawn(ALNUM, 46)),
    "postman": issued("PM", "AK-", drawn(HEX, 24), "-", drawn(HEX, 34)),
    "new relic": issued("NR", "AK-", drawn(UPPER + DIGITS, 27)),
    "atlassian": issued("ATA", "TT3", drawn(BASE64_URL, 180)),
    "tailscale": issued("tskey", "-auth-", drawn(ALNUM, 17), "-", drawn(ALNUM, 32)),
    "airtable": issued("pa", "t", drawn(ALNUM, 14), ".", drawn(HEX, 64)),
    "modal": issued("a", "k-", drawn(ALNUM, 22)),
    "anthropic, oauth": issued("sk-", "ant-", "oat01-", drawn(BASE64_URL, 93), "AA"),
    "openai, session": issued("se", "ss-", drawn(ALNUM, 40)),
    "openai, ephemeral": issued("e", "k_", drawn(HEX, 32)),
    "langfuse": issued("sk-", "lf-", uuid),
    "elevenlabs": issued("s", "k_", drawn(HEX, 48)),
    "zhipu": issued(drawn(HEX, 32), ".", drawn(ALNUM, 16)),
    "voyage": issued("pa", "-", drawn(BASE64_URL, 43)),
    "brave": issued("BS", "A", drawn(ALNUM, 28)),
    "e2b": issued("e2", "b_", drawn(HEX, 40)),
    "daytona": issued("dt", "n_", drawn(HEX, 64)),
    "lambda": issued("sec", "ret_", drawn(ALNUM, 30), "_", drawn(HEX, 32), ".", drawn(ALNUM, 32)),
    "scale": issued("li", "ve_", drawn(HEX, 32)),
    "fal": issued(uuid, ":", drawn(HEX, 32)),
    "dagster": issued("us", "er:", drawn(HEX, 32)),
    "prefect": issued("pn", "u_", drawn(ALNUM, 36)),
    "gitlab, routable": issued("gl", "pat-", drawn(BASE64_URL, 27), ".01.", drawn(LOWER + DIGITS, 9)),
    "bitbucket": issued("AT", "BB", drawn(ALNUM, 32)),
    "supabase, secret": issued("sb", "_secret_", drawn(BASE64_URL, 22), "_", drawn(ALNUM, 8)),
    "fly": issued("fm", "2_", drawn(BASE64, 300)),
    "vercel": issued("vc", "p_", drawn(ALNUM, 36)),
    "netlify": issued("nf", "p_", drawn(ALNUM, 36)),
    "heroku": issued("HR", "KU-AA", drawn(BASE64_URL, 58)),
    "twilio, account": issued("A", "C", drawn(HEX, 32)),
    "mailgun, signing": issued(drawn(HEX, 32), "-", drawn(HEX, 8), "-", drawn(HEX, 8)),
    "brevo": issued("xsmtp", "sib-", drawn(HEX, 64), "-", drawn(ALNUM, 16)),
    "resend": issued("r", "e_", drawn(ALNUM, 8), "_", drawn(ALNUM, 24)),
    "hubspot": issued("pat", "-na1-", uuid),
    "launchdarkly": issued("sd", "k-", uuid),
    "plaid": issued("access", "-production-", uuid),
    "infisical": issued("s", "t.", uuid, ".", drawn(HEX, 32), ".", drawn(HEX, 32)),
    "bitwarden": issued("0", ".", uuid, ".", drawn(ALNUM, 30), ":", drawn(BASE64, 22), "=="),
    "razorpay": issued("rzp", "_live_", drawn(ALNUM, 14)),
    "flutterwave": issued("FLW", "SECK-", drawn(HEX, 32), "-X"),
    "asana": issued("1", "/", drawn(DIGITS, 16), ":", drawn(HEX, 32)),
    "jenkins": issued("1", "1", drawn(HEX, 32)),
    "cloudflare, origin": issued("v1", ".0-", drawn(HEX, 24), "-", drawn(HEX, 146)),
    "azure, application": issued(drawn(ALNUM, 3), "8", "Q~", drawn(ALNUM + "_-.~", 34)),
    "azure, openai": issued(drawn(ALNUM, 76), "AC", "OG", drawn(ALNUM, 4)),
    "aws, market place": issued("amzn", ".mws.", uuid),
    "terraform": issued(drawn(ALNUM, 14), ".atlas", "v1.", drawn(ALNUM, 67)),
    "clojars": issued("CLO", "JARS_", drawn(HEX, 60)),
    "packagist": issued("packa", "gist_uut_", drawn(HEX, 68)),
    "nuget": issued("o", "y2", drawn(LOWER + DIGITS, 43)),
    "new relic, ingest": issued(drawn(HEX, 36), "NR", "AL"),
    "grafana, cloud": issued("gl", "c_", drawn(BASE64, 60), "=="),
    "linear, oauth": issued("lin", "_oauth_", drawn(HEX, 64)),
    "rapidapi": issued(drawn(HEX, 10), "msh", drawn(HEX, 16), "p", drawn(HEX, 6), "jsn", drawn(HEX, 12)),
    "age, plug-in": issued("AGE-PLUGIN", "-YUBIKEY-1", drawn(UPPER + DIGITS, 48)),
    "password hash": issued("$2", "b$12$", drawn(ALNUM + "./", 53)),
}
"""Kinds that are known wherever they stand."""
