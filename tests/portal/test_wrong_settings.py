"""Mistakes in the settings of a portal: each is named at the start, with what to do about it."""

from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.__main__ import main
from portal.app import create_app
from portal.checking import mistakes
from portal.schema import read
from portal.settings import load
from tests.portal.test_extending import REQUIRED

RIGHT = {**REQUIRED, "PORTAL_CLIENT_SECRET": "hush-hush"}
ENTRA = "https://login.microsoftonline.com"
GUID = "3f2b8c1d-1111-2222-3333-444455556666"
WEBHOOK = "whsec_" + b64encode(bytes(24)).decode()
FROM = {"PORTAL_MAIL_FROM": "orders@contoso.example"}

MISTAKES: dict[str, tuple[dict[str, str], str, str]] = {
    "the path of GraphQL": (
        {"PORTAL_GATEWAY_URL": "https://api.example/graphql"},
        "PORTAL_GATEWAY_URL",
        "without /graphql",
    ),
    "plain http for visitors": (
        {"PORTAL_PUBLIC_URL": "http://portal.example"},
        "PORTAL_PUBLIC_URL",
        "https",
    ),
    "a path below a host": (
        {"PORTAL_PUBLIC_URL": "https://www.example/portal"},
        "PORTAL_PUBLIC_URL",
        "root of a host",
    ),
    "plain http to sign in": ({"PORTAL_ISSUER": "http://login.example"}, "PORTAL_ISSUER", "https"),
    "the address of a discovery": (
        {"PORTAL_ISSUER": "https://login.example/.well-known/openid-configuration"},
        "PORTAL_ISSUER",
        "without /.well-known/",
    ),
    "an issuer of everybody": (
        {"PORTAL_ISSUER": f"{ENTRA}/common/v2.0"},
        "PORTAL_ISSUER",
        "one tenant",
    ),
    "a secret's id": (
        {"PORTAL_ISSUER": f"{ENTRA}/{GUID}/v2.0", "PORTAL_CLIENT_SECRET": GUID},
        "PORTAL_CLIENT_SECRET",
        "take its value",
    ),
    "scopes with commas": ({"PORTAL_SCOPE": "openid,profile"}, "PORTAL_SCOPE", "spaces"),
    "no sign-in at all": ({"PORTAL_SCOPE": "profile email"}, "PORTAL_SCOPE", "openid"),
    "a host with a port": ({"PORTAL_HOST": "0.0.0.0:8080"}, "PORTAL_HOST", "host alone"),
    "quotes that no shell took away": (
        {"PORTAL_CLIENT_ID": "'portal'"},
        "PORTAL_CLIENT_ID",
        "leave them out",
    ),
    "a schema that is not there": (
        {"PORTAL_SCHEMA": "/nowhere.graphql"},
        "PORTAL_SCHEMA",
        "a file that exists",
    ),
    "sessions in a folder": ({"PORTAL_SESSIONS": "{folder}"}, "PORTAL_SESSIONS", "name a file"),
    "drafts in what is no database": (
        {"PORTAL_DRAFTS": "{folder}/text"},
        "PORTAL_DRAFTS",
        "name a file",
    ),
    "two places for sessions": (
        {"PORTAL_SESSIONS": "{folder}/a", "PORTAL_SHARED": "redis://redis:6379/1"},
        "PORTAL_SESSIONS",
        "either this or PORTAL_SHARED",
    ),
    "a database that is a word": (
        {"PORTAL_SHARED": "redis://redis:6379/portal"},
        "PORTAL_SHARED",
        "the number of a database",
    ),
    "a port that is a word": (
        {"PORTAL_SMTP": "smtp://mail:smtp"},
        "PORTAL_SMTP",
        "number for its port",
    ),
    "mails that nobody orders": (
        {"PORTAL_SMTP": "smtp://mail:25", **FROM},
        "PORTAL_SMTP",
        "of no use without PORTAL_MAIL_SECRET",
    ),
    "two ways out for mails": (
        {
            "PORTAL_MAIL_SECRET": WEBHOOK,
            "PORTAL_SMTP": "smtp://mail:25",
            "PORTAL_OUTBOX": "{folder}",
            **FROM,
        },
        "PORTAL_OUTBOX",
        "either this or PORTAL_SMTP",
    ),
}


MISTAKES |= {
    "an end that leaves no time": (
        {"PORTAL_LINGER": "20"},
        "PORTAL_STOP_WITHIN",
        "must be 30 at least",
    ),
    "tokens that anybody can read": (
        {"PORTAL_GATEWAY_URL": "http://api.contoso.com"},
        "PORTAL_GATEWAY_URL",
        "must be https",
    ),
    "the portal in the place of the gateway": (
        {"PORTAL_GATEWAY_URL": "https://portal.example"},
        "PORTAL_GATEWAY_URL",
        "name the gateway",
    ),
    "a password in an address": (
        {"PORTAL_GATEWAY_URL": "https://me:pass@api.example"},
        "PORTAL_GATEWAY_URL",
        "without credentials",
    ),
    "an issuer of Entra without its version": (
        {"PORTAL_ISSUER": f"{ENTRA}/{GUID}"},
        "PORTAL_ISSUER",
        "/v2.0",
    ),
    "tokens for no API of ours": (
        {"PORTAL_ISSUER": f"{ENTRA}/{GUID}/v2.0"},
        "PORTAL_SCOPE",
        "add the scope of the gateway's API",
    ),
    "a secret that is short": (
        {"PORTAL_SECRET": "short"},
        "PORTAL_SECRET",
        "32 characters or more",
    ),
    "a second secret that is short": (
        {"PORTAL_SECRET": f"{'long' * 8},short"},
        "PORTAL_SECRET",
        "32 characters or more",
    ),
    "less patience than an order needs": (
        {"PORTAL_TIMEOUT": "24"},
        "PORTAL_TIMEOUT",
        "25 at least",
    ),
    "sessions that outlive themselves": (
        {"PORTAL_IDLE_MINUTES": "721"},
        "PORTAL_IDLE_MINUTES",
        "720 at most",
    ),
    "a secret of mails that is cut off": (
        {"PORTAL_MAIL_SECRET": "whsec_abc"},
        "PORTAL_MAIL_SECRET",
        "24 bytes or more",
    ),
    "a secret of mails that can be guessed": (
        {"PORTAL_MAIL_SECRET": f"whsec_{b64encode(b'abc').decode()}"},
        "PORTAL_MAIL_SECRET",
        "24 bytes or more",
    ),
    "mails into a folder that takes none": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_OUTBOX": "/proc", **FROM},
        "PORTAL_OUTBOX",
        "no file can be made in it",
    ),
    "sessions in a file that cannot be made": (
        {"PORTAL_SESSIONS": "/proc/sessions"},
        "PORTAL_SESSIONS",
        "name a file of the portal's own",
    ),
    "a port of another scheme": (
        {"PORTAL_PUBLIC_URL": "https://portal.example:80"},
        "PORTAL_PUBLIC_URL",
        "80 is the port of http",
    ),
    "the portal's own port in the place of the gateway": (
        {"PORTAL_GATEWAY_URL": "http://localhost:8080"},
        "PORTAL_GATEWAY_URL",
        "give one of them another port",
    ),
    "sessions in the file of drafts": (
        {"PORTAL_SESSIONS": "{folder}/kept", "PORTAL_DRAFTS": "{folder}/kept"},
        "PORTAL_DRAFTS",
        "is the file of PORTAL_SESSIONS",
    ),
    "mails of two senders": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_MAIL_FROM": "a@b.example, c@d.example"},
        "PORTAL_MAIL_FROM",
        "one address",
    ),
    "a mail server with TLS at the port without": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_SMTP": "smtps://mail:587", **FROM},
        "PORTAL_SMTP",
        "587 is the port of smtp",
    ),
    "a mail server with a path": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_SMTP": "smtp://mail/relay", **FROM},
        "PORTAL_SMTP",
        "smtp://host:587",
    ),
    "a schema in another encoding": (
        {"PORTAL_SCHEMA": "{folder}/wide"},
        "PORTAL_SCHEMA",
        "save it as UTF-8",
    ),
    "a brand in another encoding": (
        {"PORTAL_BRAND": "{folder}"},
        "brand.toml",
        "save it as UTF-8",
    ),
    "pages of a file": ({"PORTAL_EXTENSIONS": "pages.py"}, "PORTAL_EXTENSIONS", "paths of files"),
    "a secret in a folder's place": (
        {"PORTAL_CLIENT_SECRET": "", "PORTAL_CLIENT_SECRET_FILE": "{folder}"},
        "PORTAL_CLIENT_SECRET_FILE",
        "Is a directory",
    ),
    "pages of a module that is not there": (
        {"PORTAL_EXTENSIONS": "no_such_module"},
        "PORTAL_EXTENSIONS",
        "No module named",
    ),
    "pages of a module that has none": (
        {"PORTAL_EXTENSIONS": "json"},
        "PORTAL_EXTENSIONS",
        "PAGES",
    ),
}

MISTAKES |= {
    "a secret by a link to itself": (
        {"PORTAL_CLIENT_SECRET": "", "PORTAL_CLIENT_SECRET_FILE": "{folder}/loop"},
        "PORTAL_CLIENT_SECRET_FILE",
        "Too many levels",
    ),
    "a device for a secret": (
        {"PORTAL_CLIENT_SECRET": "", "PORTAL_CLIENT_SECRET_FILE": "/dev/zero"},
        "PORTAL_CLIENT_SECRET_FILE",
        "more than 16 MB",
    ),
    "a secret of nothing": (
        {"PORTAL_CLIENT_SECRET": "", "PORTAL_CLIENT_SECRET_FILE": "/dev/null"},
        "PORTAL_CLIENT_SECRET_FILE",
        "is empty",
    ),
    "a secret twice": (
        {"PORTAL_CLIENT_SECRET_FILE": "/dev/null"},
        "PORTAL_CLIENT_SECRET_FILE",
        "not both",
    ),
    "sessions by a link to itself": (
        {"PORTAL_SESSIONS": "{folder}/loop"},
        "PORTAL_SESSIONS",
        "name a file of the portal's own",
    ),
    "drafts in no folder": (
        {"PORTAL_DRAFTS": "/nowhere/at"},
        "PORTAL_DRAFTS",
        "folder that exists",
    ),
    "a brand that is a file": (
        {"PORTAL_BRAND": "{folder}/text"},
        "PORTAL_BRAND",
        "must be a folder",
    ),
    "a schema that is a folder": ({"PORTAL_SCHEMA": "{folder}"}, "PORTAL_SCHEMA", "must be a file"),
    "a schema of nothing": ({"PORTAL_SCHEMA": "{folder}/empty"}, "PORTAL_SCHEMA", "is empty"),
    "a schema of words": ({"PORTAL_SCHEMA": "{folder}/text"}, "PORTAL_SCHEMA", "Syntax Error"),
    "a host of a manual": (
        {"PORTAL_PUBLIC_URL": "https://<host>"},
        "PORTAL_PUBLIC_URL",
        "placeholder",
    ),
    "any host": ({"PORTAL_PUBLIC_URL": "https://*.example"}, "PORTAL_PUBLIC_URL", "one host"),
    "the way back": (
        {"PORTAL_PUBLIC_URL": "https://portal.example/callback"},
        "PORTAL_PUBLIC_URL",
        "root of a host",
    ),
    "a host without a scheme": (
        {"PORTAL_PUBLIC_URL": "portal.example"},
        "PORTAL_PUBLIC_URL",
        "https",
    ),
    "a gateway without a scheme": (
        {"PORTAL_GATEWAY_URL": "gateway:8000"},
        "PORTAL_GATEWAY_URL",
        "such as https://",
    ),
    "two gateways": ({"PORTAL_GATEWAY_URL": "http://one,two"}, "PORTAL_GATEWAY_URL", "one host"),
    "the readiness of a gateway": (
        {"PORTAL_GATEWAY_URL": "https://api.example/readyz"},
        "PORTAL_GATEWAY_URL",
        "without /readyz",
    ),
    "a gateway for sockets": (
        {"PORTAL_GATEWAY_URL": "ws://gateway:8000"},
        "PORTAL_GATEWAY_URL",
        "such as https://",
    ),
    "the portal for an issuer": (
        {"PORTAL_ISSUER": "https://portal.example"},
        "PORTAL_ISSUER",
        "is the portal or the gateway",
    ),
    "a token endpoint": (
        {"PORTAL_ISSUER": "https://login.example/oauth2/token"},
        "PORTAL_ISSUER",
        "name the issuer itself",
    ),
    "the URI of an application": (
        {"PORTAL_CLIENT_ID": "api://portal"},
        "PORTAL_CLIENT_ID",
        "take its client id",
    ),
    "an application in two words": (
        {"PORTAL_CLIENT_ID": "por tal"},
        "PORTAL_CLIENT_ID",
        "one word",
    ),
    "scopes as a list": ({"PORTAL_SCOPE": "[openid]"}, "PORTAL_SCOPE", "spaces between them"),
    "several ports": ({"PORTAL_PORT": "8080-8090"}, "PORTAL_PORT", "whole number"),
    "a port of Kubernetes": ({"PORTAL_PORT": "tcp://10.0.0.1:8080"}, "PORTAL_PORT", "whole number"),
    "IPv6 in brackets": ({"PORTAL_HOST": "[::1]"}, "PORTAL_HOST", "host alone"),
    "no time at all": ({"PORTAL_IDLE_MINUTES": "0"}, "PORTAL_IDLE_MINUTES", "above zero"),
    "sessions of a year": ({"PORTAL_SESSION_HOURS": "9000"}, "PORTAL_SESSION_HOURS", "168 at most"),
    "seconds with their unit": ({"PORTAL_LINGER": "5s"}, "PORTAL_LINGER", "number of seconds"),
    "a sentinel": (
        {"PORTAL_SHARED": "redis+sentinel://redis/mymaster/0"},
        "PORTAL_SHARED",
        "neither a sentinel",
    ),
    "a database in two places": (
        {"PORTAL_SHARED": "redis://redis/1?db=2"},
        "PORTAL_SHARED",
        "behind the last '/'",
    ),
    "drafts in two places": (
        {"PORTAL_DRAFTS": "{folder}/d", "PORTAL_SHARED": "redis://redis/1"},
        "PORTAL_DRAFTS",
        "either this or PORTAL_SHARED",
    ),
    "a secret that no shell put in": (
        {"PORTAL_SECRET": "${SECRET_OF_THE_PORTAL_FROM_A_VAULT}"},
        "PORTAL_SECRET",
        "placeholder",
    ),
    "a user of mails without a password": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_SMTP": "smtp://me@mail", **FROM},
        "PORTAL_SMTP",
        "without a password",
    ),
    "headers in a sender": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_MAIL_FROM": "a@b.example\nBcc: c@d.example"},
        "PORTAL_MAIL_FROM",
        "one address",
    ),
    "mails without a way out": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, **FROM},
        "PORTAL_MAIL_SECRET",
        "PORTAL_SMTP or PORTAL_OUTBOX",
    ),
    "pages of a module twice": ({"PORTAL_EXTENSIONS": "json,json"}, "PORTAL_EXTENSIONS", "twice"),
    "settings in another encoding": (
        {"PORTAL_CONFIG": "{folder}/wide"},
        "PORTAL_CONFIG",
        "save it as UTF-8",
    ),
}


@pytest.mark.parametrize(
    "near",
    [
        "http://127.0.0.1:8000",
        "http://gateway:8000",
        "http://gateway.shop.svc:8000",
        "http://gateway.shop.svc.cluster.local:8000",
        "http://10.1.2.3:8000",
        "http://[::1]:8000",
    ],
)
def test_plain_http_is_for_networks_of_their_owner(near: str) -> None:
    assert load({**RIGHT, "PORTAL_GATEWAY_URL": near}).gateway_url == near


@pytest.mark.parametrize("far", ["http://8.8.8.8", "http://api.local.example", "http://a.svc.com"])
def test_and_for_no_other(far: str) -> None:
    with pytest.raises(ValueError, match="PORTAL_GATEWAY_URL: must be https"):
        load({**RIGHT, "PORTAL_GATEWAY_URL": far})


def test_settings_without_a_mistake_start(tmp_path: Path) -> None:
    create_app(load({**RIGHT, "PORTAL_SESSIONS": str(tmp_path / "sessions")}))


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named_with_its_remedy(name: str, tmp_path: Path) -> None:
    variables, variable, remedy = MISTAKES[name]
    (tmp_path / "text").write_text("no database, and long enough to be read as the head of one")
    (tmp_path / "empty").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for file in ("wide", "brand.toml"):
        (tmp_path / file).write_bytes("name = 'hush'".encode("utf-16"))
    given = {key: text.replace("{folder}", str(tmp_path)) for key, text in variables.items()}

    said = CliRunner(env={**RIGHT, **given}).invoke(main, ["settings", "--offline"])

    assert said.exit_code == 2
    assert variable in said.stderr
    assert remedy in said.stderr
    assert "hush-hush" not in said.output


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[colours]\naccent = "blue"', "colours.accent"),
        ("[fonts]\ncaption = 3", "fonts.caption"),
        ("[colours.light]\naccent = 3", "colours.light.accent"),
    ],
)
def test_a_brand_that_means_another_place_is_told_of_it(
    text: str, named: str, tmp_path: Path
) -> None:
    (tmp_path / "brand.toml").write_text(text)

    found = [*mistakes(tmp_path, (), read(""))]

    assert len(found) == 1
    assert named in found[0]
