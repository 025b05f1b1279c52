"""Texts and settings that hold credentials which only what stands beside them tells, drawn anew from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from tests.credentials import (
    ALNUM,
    BASE64,
    BASE64_URL,
    BY_FORM,
    DIGITS,
    HEX,
    LOWER,
    UPPER,
    drawn,
    encoded,
    login,
    password,
    pem,
    uuid,
)

Drawn = tuple[str, tuple[str, ...]]
"""A text that holds a credential, and what of it must not be seen."""

IN_TEXT: dict[str, Callable[[Random], Drawn]] = {}
"""Kinds that are known by what stands before them in a text."""

UNDER_KEY: dict[str, Callable[[Random], tuple[object, tuple[str, ...]]]] = {}
"""Kinds that are known by the key they stand under in a configuration."""


def _text(name: str) -> Callable[[Callable[[Random], Drawn]], Callable[[Random], Drawn]]:
    def keep(make: Callable[[Random], Drawn]) -> Callable[[Random], Drawn]:
        IN_TEXT[name] = make
        return make

    return keep


def _framed(name: str, secret: Callable[[Random], str], *frames: str) -> None:
    """Add a kind of texts with ``{}`` where a secret stands."""

    def make(random: Random) -> Drawn:
        made = secret(random)
        return random.choice(frames).replace("{}", made), (made,)

    IN_TEXT[name] = make


_framed("curl", password, "curl -u joe:{} https://host/x", "curl -s --user 'joe:{}' https://host", "curl -u joe:{}")
_framed("mysql", password, "mysql -u root -p{} runs", "mysqldump --all -p'{}' > x.sql", "mysql -h db -uroot -p{}")
_framed(
    "psql", password, "PGPASSWORD={} psql -h db", "PGPASSWORD='{}' pg_dump runs", "psql postgresql://joe:{}@db/runs"
)
_framed("netrc", password, "machine api.wandb.ai login user password {}", "machine h\n  login joe\n  password {}\n")
_framed(
    "wandb",
    drawn(HEX, 40),
    "wandb login {}",
    "wandb login --relogin {}",
    "WANDB_API_KEY={} python train.py",
    'wandb.login(key="{}")',
    "export WANDB_API_KEY={}",
    "the wandb api key is {}",
)
_framed(
    "bearer",
    drawn(ALNUM, 30),
    "Authorization: Bearer {}",
    'curl -H "Authorization: Bearer {}" https://h',
    "headers={'Authorization': 'Bearer {}'}",
    "authorization: bearer {}",
)
_framed(
    "header",
    drawn(HEX, 32),
    "X-Api-Key: {}",
    "curl -H 'X-Auth-Token: {}'",
    "api-key: {}",
    "Authorization: token {}",
    "Cookie: session={}; theme=dark",
    "Ocp-Apim-Subscription-Key: {}",
    "X-Auth-Key: {}",
)
_framed(
    "url",
    password,
    "https://joe:{}@host/x",
    "postgresql+psycopg2://u:{}@db:5432/m",
    "redis://:{}@cache:6379/0",
    "mongodb+srv://u:{}@c0.abc.mongodb.net/t",
    "amqp://guest:{}@mq//",
    "s3://joe:{}@bucket/x",
)
_framed(
    "query",
    drawn(HEX, 24),
    "https://h/x?token={}&step=3",
    "https://h/x?a=1&api_key={}",
    "https://h/f?code={}",
    "https://h/#access_token={}&x=1",
    "https://h/x?key={}",
    "wss://h/s?auth={}",
)
_framed(
    "azure, shared access",
    lambda r: drawn(ALNUM, 43)(r) + "%3D",
    "https://a.blob.core.windows.net/c/f?sv=2024-01-01&sr=b&sig={}",
    "SharedAccessSignature=sv=2024&sig={}",
)
_framed(
    "azure, connection",
    lambda r: drawn(BASE64, 86)(r) + "==",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    "Endpoint=sb://h.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey={}",
)
_framed(
    "aws, signed",
    drawn(HEX, 64),
    "https://b.s3.amazonaws.com/x?X-Amz-Expires=60&X-Amz-Signature={}",
    "s3://b/x?X-Amz-Security-Token={}",
)
_framed(
    "json",
    password,
    '{"user": "joe", "password": "{}"}',
    '{"db":{"passwd":"{}"},"lr":0.1}',
    '"{\\"password\\": \\"{}\\"}"',
    '[{"api_key": "{}"}]',
    '{"a": 1, "secretKey" : "{}"}',
)
_framed(
    "python",
    password,
    "connect(user='joe', password='{}')",
    "{'password': '{}', 'lr': 1}",
    'passwd = "{}"',
    "os.environ['DB_PASSWORD'] = '{}'",
    "('password', '{}')",
    "dict(api_key='{}')",
    'Client(token="{}1aB")',
)
_framed(
    "libpq",
    password,
    "host=db user=joe password={} dbname=m",
    "host=db password='{}' dbname=m",
    "dbname=m password = '{} two words'",
    "Server=db;User Id=joe;Password={};Timeout=3",
    "Uid=joe; Pwd={};",
)
_framed(
    "prose",
    password,
    "the password is {}",
    "the password is {}, do not tell",
    "password: {}",
    "my password was {}.",
    "password for the server is {}",
    "the passphrase is '{}'",
    "Passwort: {}",
    "pw: {}",
    "login joe, password = {}",
)
_framed(
    "prose, key",
    drawn(ALNUM, 18),
    "the api key is {}",
    "secret key: {}",
    "use the access token: {}",
    "API key = {}",
    "my token is {}",
    "api_key -> {}",
)
_framed(
    "environment",
    drawn(HEX, 20),
    "export X_TOKEN={}",
    "OPENAI_API_KEY='{}' python t.py",
    "set DB_PASSWORD={}",
    "ENV HF_TOKEN {}",
    "docker run -e SERVICE_SECRET={} image",
    '$env:MY_API_KEY = "{}"',
    "FOO=1 STRIPE_KEY={} run",
)
_framed(
    "flag",
    password,
    "train.py --password {} --lr 1",
    "train.py --api-key={} --lr 1",
    "t.py --hub_token {} -x",
    "t.py --db-passwd '{}'",
    "aws configure --aws_secret_access_key {}",
    "x --client-secret {}",
)
_framed("docker login", password, "docker login -u joe -p {} registry", "podman login -p {} -u joe quay.io")
_framed("sshpass", password, "sshpass -p {} ssh joe@host.example.org", "redis-cli -h c -a {}", "zip -P {} x.zip f")
_framed("yaml", password, "db:\n  user: joe\n  password: {}\n", "- name: x\n  api_key: {}\n", 'password: "{}"\n')
_framed(
    "ini", password, "[db]\npassword = {}\nuser = joe", "aws_secret_access_key = {}\n", "_authToken={}", "_password={}"
)
_framed("xml", password, "<password>{}</password>", '<add key="x" password="{}"/>', "<apiKey>{}</apiKey>")
_framed(
    "slack hook",
    lambda r: f"T{drawn(UPPER + DIGITS, 8)(r)}/B{drawn(UPPER + DIGITS, 10)(r)}/{drawn(ALNUM, 24)(r)}",
    "https://hooks.slack.com/services/{}",
    "hook https://hooks.slack.com/services/{} done",
    "hooks.slack.com/services/{}",
)
_framed(
    "discord hook",
    lambda r: f"{drawn('123456789', 18)(r)}/{drawn(BASE64_URL, 68)(r)}",
    "https://discord.com/api/webhooks/{}",
    "https://discordapp.com/api/webhooks/{}",
    "discord.com/api/webhooks/{}",
)
_framed(
    "teams hook",
    lambda r: f"{uuid(r)}@{uuid(r)}/IncomingWebhook/{drawn(HEX, 32)(r)}/{uuid(r)}",
    "https://x.webhook.office.com/webhookb2/{}",
)
_framed(
    "other hook",
    lambda r: f"{drawn('123456789', 7)(r)}/{drawn(LOWER + DIGITS, 6)(r)}1",
    "https://hooks.zapier.com/hooks/catch/{}/",
    "https://chat.example.org/hooks/{}",
    "https://open.feishu.cn/open-apis/bot/v2/hook/{}",
)
_framed("npmrc", drawn(HEX, 36), "//registry.npmjs.org/:_authToken={}", "npm config set _authToken={}")
_framed("telegram, url", BY_FORM["telegram"], "https://api.telegram.org/bot{}/sendMessage")
_framed("oracle", password, "jdbc:oracle:thin:scott/{}@db:1521/x")

_framed(
    "login of a tool",
    password,
    "curl -sSLu joe:{} https://h",
    "http -a joe:{} https://h",
    "REDISCLI_AUTH={}1 redis-cli",
    "snowsql -a x -u joe -p {}",
    "bcp t in f -U sa -P{}",
    "machine h login joe account x password {}",
    "*:*:*:joe:{}",
    "log in with joe / 7{}",
    "credentials are joe / 7{}",
    "basic auth joe:7{}",
    "auth: joe:7{}",
)
_framed("session", drawn(HEX, 32), "https://h/x?sessionid={}", "https://h/x?a=1&sid={}")
_framed(
    "code",
    password,
    '#define PASSWORD "{}"',
    '(setq password "{}")',
    'let apiKey: string = "{}";',
    "password: str = '{}'",
    "hub_token: Optional[str] = '{}'",
    'api_key: str | None = "{}"',
    '{"passWord" : "{}"}',
    '<password value="{}"/>',
)
_framed(
    "table and mark-up",
    password,
    "| password | {} |",
    "user,joe\npassword,{}",
    "**password**: {}",
    "**Password:** {}",
    "Password (again): {}",
    "pass phrase: {}",
    "wachtwoord: {}",
    "password → {}",
    "Password - 7{}",
    "password was changed to {}",
    "the old password '{}' still works",
    "the passphrase of the key: {}",
)


@_text("basic header")
def _(random: Random) -> Drawn:
    secret = encoded(":".join(login(random)))
    frame = random.choice(["Authorization: Basic {}", "curl -H 'authorization: basic {}' h", "Basic {}"])
    return frame.replace("{}", secret), (secret.rstrip("="),)


@_text("docker auth")
def _(random: Random) -> Drawn:
    secret = encoded(":".join(login(random)))
    return json.dumps({"auths": {"ghcr.io": {"auth": secret}}}), (secret.rstrip("="),)


@_text("kaggle json")
def _(random: Random) -> Drawn:
    secret = drawn(HEX, 32)(random)
    return json.dumps({"username": "joe", "key": secret}), (secret,)


@_text("service account")
def _(random: Random) -> Drawn:
    key, number = pem("PRIVATE KEY")(random), drawn(HEX, 40)(random)
    about = {"type": "service_account", "private_key_id": number, "private_key": key}
    body = key.splitlines()[1:-1]
    return json.dumps(about), (number, *body)


@_text("clearml")
def _(random: Random) -> Drawn:
    known, secret = drawn(UPPER + DIGITS, 20)(random), drawn(ALNUM, 50)(random)
    text = f'api {{ credentials {{ "access_key" = "{known}" "secret_key" = "{secret}" }} }}'
    return text, (known, secret)


@_text("ssh public key")
def _(random: Random) -> Drawn:
    body = drawn(BASE64, 43)(random)
    return "ssh-" + "ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + body + " joe@host", (body,)


def _config(name: str, keys: tuple[str, ...], secret: Callable[[Random], str]) -> None:
    def make(random: Random) -> tuple[object, tuple[str, ...]]:
        made = secret(random)
        return {random.choice(keys): made}, (made,)

    UNDER_KEY[name] = make


_config(
    "password",
    (
        "password",
        "db_password",
        "DB_PASSWORD",
        "userPassword",
        "passwd",
        "pwd",
        "passphrase",
        "smtp.pass",
        "MYSQL_PWD",
        "dbpassword",
        "password2",
        "ADMIN_PASSWORD_PROD",
        "http-password",
    ),
    password,
)
_config(
    "key of an interface",
    (
        "api_key",
        "apiKey",
        "OPENAI_API_KEY",
        "x-api-key",
        "apikey",
        "openai.api_key",
        "azure_openai_key",
        "datadog_app_key",
        "mistral_api_key_2",
    ),
    drawn(HEX, 32),
)
_config(
    "token of access",
    (
        "hub_token",
        "hf_token",
        "access_token",
        "auth_token",
        "refreshToken",
        "bot_token",
        "GITHUB_TOKEN",
        "slack_token",
        "api_token",
        "session_token",
        "twilio_auth_token",
    ),
    drawn(LOWER + DIGITS, 18),
)
_config(
    "secret",
    (
        "secret",
        "client_secret",
        "aws_secret_access_key",
        "secret_key",
        "app.secret",
        "app.secret_key",
        "signing_secret",
        "clearml_secret_key",
    ),
    password,
)
_config("bare token", ("token", "key", "auth"), drawn(ALNUM, 24))
_config("wandb", ("wandb_api_key", "wandb_key", "WANDB_API_KEY", "wandb.key", "key"), drawn(HEX, 40))
_config("uuid", ("heroku_api_key", "auth_token", "client_secret", "api_key", "token"), uuid)
_config("azure", ("azure_key", "account_key", "storage_key", "AZURE_OPENAI_API_KEY"), drawn(HEX, 32))
_config("dsn", ("dsn", "DATABASE_DSN", "connection_string"), lambda r: f"https://{drawn(HEX, 32)(r)}@sentry.io/1")


def _named(random: Random) -> tuple[object, tuple[str, ...]]:
    secret = password(random)
    return random.choice(
        [
            {"env": [{"name": "DB_PASSWORD", "value": secret}]},
            {"args": ["--lr", "0.1", "--password", secret]},
            {"cmd": ["mysql", "-u", "root", f"-p{secret}"]},
            {"cmd": ["curl", "-u", f"joe:{secret}", "https://h"]},
            {"auth": ["joe", secret]},
            {"credentials": {"user": "joe", "value": secret}},
            {"secrets": [secret, "x"]},
            {"db": {"login": {"password": secret}}},
        ]
    ), (secret,)


UNDER_KEY["of other forms"] = _named
