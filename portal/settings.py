"""
The environment -> one frozen `Settings`. A field declares its `PORTAL_...` variable in one place:
name, type, default, documentation. Nothing else in the portal reads the environment.
"""

import os
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import getaddresses, parseaddr
from os.path import realpath
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final
from urllib.parse import urlsplit

from front.stopping import too_short
from variables import parsing, web_addresses
from variables.declaring import SettingsError as SettingsError
from variables.declaring import table as table_of
from variables.declaring import variable, variables_of
from variables.environment_values import FILE, texts, twice, unknown, values
from variables.toml_files import configured

PREFIX: Final = "PORTAL_"
WEBHOOK: Final = "whsec_"
OF_GATEWAY: Final = ("/graphql", "/graphiql", "/readyz", "/livez", "/health", "/metrics")
"""Paths of the gateway, which stand behind its address."""
WEEK: Final = 7 * 24
"""Hours."""
LONGEST: Final = 25.0
"""Seconds after which the gateway has answered an order."""
OF_PEOPLE: Final = frozenset({"openid", "profile", "email", "offline_access"})
"""Scopes for which Entra issues a token that is for its own services, and for no API of ours."""


def folder(value: str) -> Path:
    found = Path(value)
    if not found.is_dir():
        raise ValueError("must be a folder that exists")
    return Path(realpath(found))


def outbox(value: str) -> Path:
    """A folder in which files can be made."""
    found = folder(value)
    try:
        with TemporaryFile(dir=found):
            return found
    except OSError as error:
        raise ValueError(f"no file can be made in it: {error.strerror}") from None


def file(value: str) -> Path:
    found = Path(value)
    if not found.parent.is_dir():
        raise ValueError("must be a file in a folder that exists")
    return Path(realpath(found))


def existing_file(value: str) -> Path:
    found = Path(value)
    if not found.is_file():
        raise ValueError("must be a file that exists")
    return Path(realpath(found))


def gateway(value: str) -> str:
    """The address of the gateway, without the path of GraphQL below it."""
    parts = web_addresses.split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL such as https://api.contoso.com")
    if parts.path.rstrip("/").endswith(OF_GATEWAY):
        raise ValueError(f"must be the gateway itself, without {parts.path}")
    if parts.username is not None:
        raise ValueError("must be an address without credentials")
    if parts.scheme == "http" and not web_addresses.is_near(parts.hostname):
        raise ValueError(
            "must be https, as the tokens of visitors go there; http is for this machine, private "
            "addresses and names without a dot"
        )
    return value.rstrip("/")


def public(value: str) -> str:
    """The address of the portal: the root of a host, as its links have no prefix."""
    found = web_addresses.url(value)
    if web_addresses.split(found).path:
        raise ValueError("must be the root of a host, such as https://portal.contoso.com")
    return found


def issuer(value: str) -> str:
    return web_addresses.issuer(value).rstrip("/")


def scope(value: str) -> str:
    if "openid" not in value.split():
        raise ValueError("must be words with spaces between them, and openid one of them")
    return value


def smtp_server(value: str) -> str:
    parts = web_addresses.split(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must be an address such as smtp://host:587 or smtps://host")
    if parts.username and parts.password is None:
        raise ValueError("has a user without a password: smtp://user:password@host:587")
    return value


def sender(value: str) -> str:
    if "@" not in parseaddr(value)[1] or len(getaddresses([value])) > 1:
        raise ValueError("must be one address such as Contoso <orders@contoso.com>")
    return value


def secrets(value: str) -> tuple[str, ...]:
    found = parsing.words(value)
    if not all(map(_is_webhook_secret, found)):
        raise ValueError(
            "must be secrets such as whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw: 24 bytes or more in "
            "Base64"
        )
    return found


def _is_webhook_secret(value: str) -> bool:
    try:
        return len(
            b64decode(value.removeprefix(WEBHOOK), validate=True)
        ) >= 24 and value.startswith(WEBHOOK)
    except ValueError:
        return False


def seals(value: str) -> tuple[str, ...]:
    """Secrets that the portal alone has, so that they can be long."""
    found = parsing.words(value)
    if any(len(each) < 32 for each in found):
        raise ValueError("must have 32 characters or more")
    return found


def hours(value: str) -> int:
    """Hours of a session, which stores keep for a week."""
    found = parsing.count(value)
    if found > WEEK:
        raise ValueError(f"must be {WEEK} at most: sessions are kept for a week")
    return found


def timeout(value: str) -> float:
    found = parsing.seconds(value)
    if found < LONGEST:
        least = f"must be {LONGEST:g} at least"
        raise ValueError(f"{least}: the gateway answers an order that late, and it may be placed")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a portal; its brand folder has its looks."""

    config: str | None = variable(
        "TOML file with any of these settings; a variable of the environment wins over it.",
        default=None,
    )
    gateway_url: str = variable("The gateway, e.g. `https://api.contoso.com`.", gateway)
    issuer: str = variable("The OpenID Connect issuer that people sign in at.", issuer)
    client_id: str = variable("The portal's client id at the issuer.", web_addresses.client)
    client_secret: str = variable("The secret of that client.", secret=True)
    public_url: str = variable(
        "The public address of the portal; the issuer redirects to `/callback` below it.", public
    )
    scope: str = variable(
        "Scopes that sign-in requests; with Entra also the API's scope.",
        scope,
        default="openid profile email offline_access",
    )
    brand: Path | None = variable(  # noqa: RUF009 - a field
        "Your folder with `brand.toml`, templates and assets.", folder, default=None
    )
    extensions: tuple[str, ...] = variable(
        "Your modules with further pages.", parsing.modules, default=()
    )
    schema: Path | None = variable(  # noqa: RUF009 - a field
        "The printed schema of your gateway, whose own fields of orders are shown then.",
        existing_file,
        default=None,
    )
    host: str = variable("Address to listen on.", web_addresses.host, default="127.0.0.1")
    port: int = variable("Port to listen on.", parsing.port, default=8080)
    idle_minutes: int = variable(
        "Minutes without a request after which a session ends.", parsing.count, default=60
    )
    session_hours: int = variable("Hours after sign-in at which a session ends.", hours, default=12)
    sessions: Path | None = variable(  # noqa: RUF009 - a field
        "File that keeps sessions over restarts, shared by the processes of one machine.",
        file,
        default=None,
    )
    drafts: Path | None = variable(  # noqa: RUF009 - a field
        "File that keeps drafts, templates, and orders that are being checked, over restarts.",
        file,
        default=None,
    )
    shared: str | None = variable(
        "Redis or Valkey that keeps sessions, drafts and sent mails for any number of machines,"
        " `redis://host:6379/1`, instead of SESSIONS and DRAFTS; needs the extra `shared`.",
        web_addresses.redis,
        default=None,
        secret=True,
    )
    secret: tuple[str, ...] = variable(
        "Secret that seals drafts and cookies. Of several, the first seals and all open."
        " Without it, the client secret is used.",
        seals,
        default=(),
        secret=True,
    )
    mail_secret: tuple[str, ...] = variable(
        "Secret, as `whsec_...`, of the gateway's webhook for persons: with it mails are sent."
        " Several while one follows another.",
        secrets,
        default=(),
        secret=True,
    )
    mail_from: str | None = variable(
        "Sender of mails, e.g. `Contoso <orders@contoso.com>`.", sender, default=None
    )
    smtp: str | None = variable(
        "SMTP server for mails, `smtp://user:password@host:587` or `smtps://host`.",
        smtp_server,
        default=None,
        secret=True,
    )
    outbox: Path | None = variable(  # noqa: RUF009 - a field
        "Folder into which mails are written, one file each, instead of being sent.",
        outbox,
        default=None,
    )
    timeout: float = variable(
        "Seconds to wait for the gateway; orders take up to 25.", timeout, default=30.0
    )
    linger: float = variable(
        "Seconds after `SIGTERM` in which new connections are still taken, while `/readyz` says "
        "that the process is not ready, so that balancers learn of it in time.",
        parsing.seconds,
        default=5.0,
    )
    stop_within: float = variable(
        "Seconds after `SIGTERM` in which the process has ended, whatever is under way: less than "
        "its supervisor gives it, which is 30 with Kubernetes.",
        parsing.seconds,
        default=28.0,
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.secret or (self.client_secret,)

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


VARIABLES = variables_of(Settings, PREFIX)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings, or SettingsError with all mistakes."""
    both, wrong = configured(environ, VARIABLES, PREFIX)
    if wrong and both == environ:  # the file says nothing: all else would seem to be missing
        raise SettingsError(wrong)
    environ = both
    raw, mistakes = texts(VARIABLES, environ)
    mistakes = [*wrong, *mistakes]
    parsed = values(VARIABLES, raw, mistakes)
    mistakes += contradictions(parsed)
    mistakes += twice(_files(environ, parsed), (f"{PREFIX}SESSIONS", f"{PREFIX}DRAFTS"))
    mistakes += unknown(VARIABLES, environ, PREFIX)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**parsed)


def _files(environ: Mapping[str, str], parsed: Mapping[str, Any]) -> dict[str, str | Path | None]:
    """The files that are named, by their variables."""
    found = {PREFIX + each.upper(): parsed.get(each) for each in ("config", "schema")}
    found |= {PREFIX + each.upper(): parsed.get(each) for each in ("sessions", "drafts")}
    secrets = [f"{each.name}{FILE}" for each in VARIABLES if each.secret]
    return found | {name: environ.get(name) for name in secrets}


def contradictions(parsed: Mapping[str, Any]) -> Iterator[str]:
    """Settings of which one makes the other useless."""
    if web_addresses.is_entra(parsed.get("issuer") or "") and web_addresses.GUID.fullmatch(
        parsed.get("client_secret") or ""
    ):
        yield f"{PREFIX}CLIENT_SECRET: is the id of a secret; take its value"
    yield from _of_sign_in(parsed)
    for one, other in (("sessions", "shared"), ("drafts", "shared"), ("outbox", "smtp")):
        if parsed.get(one) and parsed.get(other):
            yield f"{PREFIX}{one.upper()}: give either this or {PREFIX}{other.upper()}"
    for one in ("smtp", "outbox", "mail_from"):
        if parsed.get(one) and not parsed.get("mail_secret"):
            yield f"{PREFIX}{one.upper()}: of no use without {PREFIX}MAIL_SECRET"


def _of_sign_in(parsed: Mapping[str, Any]) -> Iterator[str]:
    """The contradictions of addresses and scopes."""
    scopes = set((parsed.get("scope") or "").split())
    if web_addresses.is_entra(parsed.get("issuer") or "") and scopes <= OF_PEOPLE:
        yield f"{PREFIX}SCOPE: add the scope of the gateway's API, such as api://<id>/orders"
    public, gateway_url = parsed.get("public_url"), parsed.get("gateway_url")
    if public and gateway_url and origin_of(public) == origin_of(gateway_url):
        yield f"{PREFIX}GATEWAY_URL: is the portal itself ({PREFIX}PUBLIC_URL); name the gateway"
    if parsed.get("issuer") in (public, gateway_url) and parsed.get("issuer"):
        yield f"{PREFIX}ISSUER: is the portal or the gateway; name who people sign in at"
    port = parsed.get("port")
    for one in ("gateway_url", "issuer"):
        if port and web_addresses.is_own(parsed.get(one) or "", port):
            same = f"is the portal itself ({PREFIX}PORT); give one of them another port"
            yield f"{PREFIX}{one.upper()}: {same}"
    yield from _of_times(parsed)


def _of_times(parsed: Mapping[str, Any]) -> Iterator[str]:
    """The contradictions of times."""
    if wrong := too_short(parsed.get("linger"), parsed.get("stop_within"), f"{PREFIX}LINGER"):
        yield f"{PREFIX}STOP_WITHIN: {wrong}"
    idle, hours = parsed.get("idle_minutes"), parsed.get("session_hours")
    if idle and hours and idle > hours * 60:
        most = f"must be {hours * 60} at most"
        yield f"{PREFIX}IDLE_MINUTES: {most}, as {PREFIX}SESSION_HOURS is {hours}"


def table() -> str:
    """The table of docs/portal.md."""
    return table_of(VARIABLES)
