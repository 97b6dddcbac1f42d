"""The text of one setting -> its typed value; ValueError says what is wrong, never the text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.observing.logs import LogFormat as LogFormat
from variables.parsing import age as age
from variables.parsing import count as count
from variables.parsing import megabytes as megabytes
from variables.parsing import modules as modules
from variables.parsing import one_word as one_word
from variables.parsing import port as port
from variables.parsing import seconds as seconds
from variables.parsing import switch as switch
from variables.parsing import text as text
from variables.parsing import words as words
from variables.web_addresses import SHARED_TENANTS, WELL_KNOWN, split
from variables.web_addresses import client as client
from variables.web_addresses import host as host
from variables.web_addresses import is_entra as is_entra
from variables.web_addresses import issuer as issuer
from variables.web_addresses import redis as redis
from variables.web_addresses import url as url

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
COMPANY = re.compile(r"[A-Za-z0-9]{1,4}")
DEFAULT_SCOPE = "/.default"
MOST_PLACES = 1_000
LEVELS = ("debug", "info", "warning", "error")
DATAVERSE_HOST = re.compile(r"\.crm\d*\.dynamics\.", re.IGNORECASE)
SITES = re.compile(
    r"(^|\.)(powerapps\.com|powerplatform\.microsoft\.com|lcs\.dynamics\.com)$", re.IGNORECASE
)
"""Sites for administrators, where the addresses of environments are found."""
VERSION_1 = re.compile(r"/oauth2/token/?$")
FINOPS_HOST = re.compile(r"\.(operations|cloudax)\.(\w+\.)?dynamics\.", re.IGNORECASE)
Unpriced = Literal["omit", "zero", "refuse"]
"""The treatment of an order line without a price: none is sent, 0 is sent, or it is an error."""
UNPRICED: dict[str, Unpriced] = {"omit": "omit", "zero": "zero", "refuse": "refuse"}
LOG_FORMATS: dict[str, LogFormat] = {"text": "text", "json": "json"}
HttpTransport = Literal["own", "httpx2"]
"""The HTTP client that carries requests to Dynamics."""
HTTP_TRANSPORTS: dict[str, HttpTransport] = {"own": "own", "httpx2": "httpx2"}


@dataclass(frozen=True, slots=True)
class PartnerAccount:
    """A customer account as configuration names it: account number and legal entity."""

    number: str
    company: str
    """In lower case, as `Account.company`."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A machine caller, the accounts that it may act for, and the roles that it holds there."""

    client_id: str
    accounts: tuple[PartnerAccount, ...]
    roles: tuple[str, ...] = ("partner",)


@dataclass(frozen=True, slots=True)
class Application:
    """An application of ours in Entra that is a user of Dataverse."""

    client_id: str
    secret: str | None = field(default=None, repr=False)
    """None where the certificate of the settings is registered with it."""


@dataclass(frozen=True, slots=True)
class Zones:
    """
    The zones in which people type days: one, and others for single legal entities.

    Without a zone the nearest midnight counts, which tells the day for every zone from UTC-11 to
    UTC+12.
    """

    default: ZoneInfo | None = None
    companies: Mapping[str, ZoneInfo] = field(default_factory=dict)
    """By the code of the legal entity, in lower case."""

    def of(self, company: str | None) -> ZoneInfo | None:
        return self.companies.get((company or "").lower(), self.default)


def zones(raw: str) -> Zones:
    """`Europe/Berlin`, or `Europe/Berlin,usmf=America/Chicago`."""
    default: ZoneInfo | None = None
    companies: dict[str, ZoneInfo] = {}
    for word in words(raw):
        company, equals, name = word.rpartition("=")
        if equals:
            code = legal_entity(company.strip())
            if code in companies:
                raise ValueError(f"names {code} twice")
            companies[code] = zone(name.strip())
        elif default:
            raise ValueError("names two zones for all; write usmf=Europe/Berlin for one of them")
        else:
            default = zone(name)
    return Zones(default, companies)


def legal_entity(code: str) -> str:
    """The code of a company in the ERP, in lower case."""
    if not COMPANY.fullmatch(code):
        raise ValueError("a legal entity has a code of up to four letters and digits, as usmf")
    return code.lower()


def zone(name: str) -> ZoneInfo:
    """A zone of the IANA's database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name[:50]}; write it as Europe/Berlin") from None


def own_secret(raw: str) -> str:
    """A secret that nobody but the gateway has to know, so that it can be long."""
    if len(raw) < 32:
        raise ValueError("must have 32 characters or more")
    return raw


def hint_secrets(raw: str) -> tuple[str, ...]:
    """Secrets that whoever sends hints has too, of which each must be long."""
    found = words(raw)
    if any(len(each) < 16 for each in found):
        raise ValueError("must have 16 characters or more")
    return found


def root(raw: str) -> str:
    """The same of a whole environment: no path, as that of its services is known."""
    found = url(raw)
    path = split(found).path
    if SITES.search(split(found).hostname or ""):
        raise ValueError("is a site for administrators; take the address of an environment there")
    if path:
        raise ValueError(f"must be the root of the environment, without {path}")
    return found


def dataverse_root(raw: str) -> str:
    """The address of an environment of Dataverse."""
    if FINOPS_HOST.search(split(raw).hostname or ""):
        raise ValueError(
            "is an address of Finance & Operations: Dataverse's is *.crm*.dynamics.com"
        )
    return root(raw)


def finops_root(raw: str) -> str:
    """The address of an environment of Finance & Operations."""
    if DATAVERSE_HOST.search(split(raw).hostname or ""):
        raise ValueError("is an address of Dataverse: that of the ERP is *.operations.dynamics.com")
    return root(raw)


def origins(raw: str) -> tuple[str, ...]:
    found = words(raw)
    if any(split(each).path or url(each) != each for each in found):
        raise ValueError("must be origins such as https://shop.example")
    return found


def audiences(raw: str) -> tuple[str, ...]:
    """Values of `aud`, which are not the scopes by which clients ask for it."""
    found = words(raw)
    if any(each.endswith(DEFAULT_SCOPE) for each in found):
        raise ValueError(f"is a scope; the audience is what stands before {DEFAULT_SCOPE}")
    return found


def token_url(raw: str) -> str:
    """The endpoint at which the gateway itself signs in."""
    if SHARED_TENANTS & set(split(raw).path.split("/")):
        raise ValueError("must name one tenant, in which the application is registered")
    path = split(raw).path
    if VERSION_1.search(path) and is_entra(raw):
        raise ValueError("is the endpoint of version 1.0; take .../oauth2/v2.0/token")
    if not path.strip("/") or path.rstrip("/").endswith("/authorize"):
        raise ValueError("must be the token endpoint itself, such as .../oauth2/v2.0/token")
    return url(raw)


def keys_url(raw: str) -> str:
    """The address of an issuer's keys."""
    path = split(raw).path
    if WELL_KNOWN + "openid-configuration" in path:
        raise ValueError("is the discovery of the issuer; take what it has as jwks_uri")
    if not path.strip("/"):
        raise ValueError("must be the address of the keys, as jwks_uri of the discovery has it")
    return url(raw)


def places(raw: str) -> int:
    """Calls in flight to one service: Dataverse grants 52 to a user of each of its web servers."""
    number = count(raw)
    if number > MOST_PLACES:
        raise ValueError(f"must be {MOST_PLACES} at most")
    return number


def audit(raw: str) -> str:
    """A file, `-`, or the address of a collector."""
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", raw, re.ASCII):
        raise ValueError("begins with http:// or https:// where it is a collector")
    if raw.lower() in ("stdout", "/dev/stdout"):
        raise ValueError("is written - for standard output")
    if raw.startswith(("http://", "https://")):
        split(raw)
    return text(raw)


def tenant(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", raw):
        raise ValueError("must be the id or a domain of an Entra tenant")
    if raw in SHARED_TENANTS:
        raise ValueError("must be one tenant, in which the application is registered")
    return raw


def certificate(raw: str) -> str:
    if "-----BEGIN CERTIFICATE-----" not in raw or "PRIVATE KEY-----" not in raw:
        raise ValueError("must be PEM text with a certificate and its private key")
    return raw


def algorithms(raw: str) -> tuple[str, ...]:
    found = words(raw)
    if not found or not set(found) <= set(ALGORITHMS):
        raise ValueError(f"must be some of {', '.join(ALGORITHMS)}")
    return found


def web_roles(raw: str) -> tuple[str, ...]:
    found = words(raw)
    if not set(found) <= {"adx", "mspp"}:
        raise ValueError("must be adx, mspp or both")
    return found


def partners(raw: str) -> tuple[Partner, ...]:
    """`client=NUMBER@company,NUMBER@company as role,role; client=...`"""
    found = tuple(_partner(entry) for entry in raw.split(";") if entry.strip())
    if len({partner.client_id for partner in found}) != len(found):
        raise ValueError("names a client twice")
    return found


def pool(raw: str) -> tuple[Application, ...]:
    """`client-id=secret,client-id=secret`, or `client-id,client-id`"""
    found = tuple(_application(word) for word in words(raw))
    if len({each.client_id for each in found}) != len(found):
        raise ValueError("names an application twice")
    return found


def _application(word: str) -> Application:
    client, equals, secret = word.partition("=")
    if equals and not secret.strip():
        raise ValueError("an application has no secret behind '='")
    return Application(text(client.strip()), secret.strip() or None)


def domains(raw: str) -> tuple[str, ...]:
    """Domains of e-mail addresses, in lower case."""
    found = tuple(word.lower().removeprefix("@") for word in words(raw))
    if not all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", each, re.ASCII) for each in found):
        raise ValueError("must be domains such as shop.example")
    return found


def log_level(raw: str) -> str:
    if raw.lower() not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return raw.lower()


def log_format(raw: str) -> LogFormat:
    if raw not in LOG_FORMATS:
        raise ValueError("must be text or json")
    return LOG_FORMATS[raw]


def unpriced(raw: str) -> Unpriced:
    if raw not in UNPRICED:
        raise ValueError(f"must be one of {', '.join(UNPRICED)}")
    return UNPRICED[raw]


def http_transport(raw: str) -> HttpTransport:
    if raw not in HTTP_TRANSPORTS:
        raise ValueError(f"must be one of {', '.join(HTTP_TRANSPORTS)}")
    return HTTP_TRANSPORTS[raw]


def _partner(entry: str) -> Partner:
    client, _, rest = entry.partition("=")
    listed, named, roles = rest.partition(" as ")
    partner = Partner(text(client.strip()), accounts(listed))
    if not named:
        return partner
    if not words(roles):
        raise ValueError("a client has no roles behind 'as'")
    return replace(partner, roles=words(roles))


def accounts(listed: str) -> tuple[PartnerAccount, ...]:
    """`NUMBER@company,NUMBER@company`"""
    found = tuple(_account(each) for each in words(listed))
    if not found:
        raise ValueError("names no accounts; write NUMBER@company")
    return found


def _account(raw: str) -> PartnerAccount:
    number, _, company = raw.rpartition("@")
    if "=" in number:
        raise ValueError("has '=' in an account: clients stand apart by ';', in one text")
    if not re.fullmatch(r"[^*%]{1,20}", number) or not COMPANY.fullmatch(company):
        raise ValueError("an account must be NUMBER@company")
    return PartnerAccount(number, company.lower())
