"""The text of one variable -> an address or a host; ValueError says what is wrong with it."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from variables.parsing import one_word, text

URI: Final = "api://"
WELL_KNOWN: Final = "/.well-known/"
SHARED_TENANTS: Final = frozenset({"common", "organizations", "consumers"})
"""The words of Entra for all tenants, for which it issues no token to an application."""
NEAR: Final = (".svc", ".local", ".internal", ".localhost")
"""The ends of names that the DNS of clusters and of private networks alone knows."""
GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PORTS_OF_OTHERS: Final = {
    ("https", 80): "http",
    ("http", 443): "https",
    ("smtp", 465): "smtps",
    ("smtps", 25): "smtp",
    ("smtps", 587): "smtp",
}
"""The ports at which another scheme than the first is spoken."""
HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
"""A name of DNS, in small letters, as `urlsplit` has it."""
OPTIONS: Final = re.compile(r"(ssl_\w+|protocol|client_name|health_check_interval|max_connections)")
"""Options of an address of Redis that its client takes, and that contradict nothing of ours."""
ENDPOINTS: Final = re.compile(r"/authorize/?$|/token/?$|/logout/?$")
"""The ends of endpoints of an issuer, which are not the issuer."""
ENTRA: Final = {
    "login.microsoftonline.": rf"https://login\.microsoftonline\.[a-z]+/{GUID.pattern}/v2\.0",
    ".ciamlogin.com": rf"https://({GUID.pattern})\.ciamlogin\.com/\1/v2\.0",
}
"""The hosts of Entra ID and Entra External ID, and what `iss` of their tokens looks like."""
ISSUERS: Final = ENTRA | {
    "//sts.windows.net": rf"https://sts\.windows\.net/{GUID.pattern}/",
    ".b2clogin.com": rf"https://[^/]+/(tfp/)?{GUID.pattern}(/[^/]+)?/v2\.0/",
}
"""The same with Entra's tokens of version 1.0, and Azure AD B2C."""


def url(raw: str) -> str:
    """An https address without a trailing slash; http is for loopback alone."""
    return _address(raw).rstrip("/")


def issuer(raw: str) -> str:
    """The address of an issuer, exactly as it is: `iss` is compared letter by letter."""
    path = split(_address(raw)).path
    if WELL_KNOWN in path:
        raise ValueError(f"must be the issuer itself, as `iss` has it, without {WELL_KNOWN}...")
    if ENDPOINTS.search(path):
        raise ValueError("is an endpoint of the issuer; name the issuer itself, as `iss` has it")
    if is_entra(raw) and SHARED_TENANTS & set(path.split("/")):
        raise ValueError("must name one tenant, by its id: no token has this `iss`")
    for service, form in ISSUERS.items():
        if service in raw and not re.fullmatch(form, raw, re.IGNORECASE):
            raise ValueError(
                "no token has this `iss`: Entra's are https://login.microsoftonline.com/<id>/v2.0 "
                "and https://sts.windows.net/<id>/, External ID's https://<id>.ciamlogin.com/"
                "<id>/v2.0, with the id of the tenant; B2C's end with /v2.0/"
            )
    return raw


def client(raw: str) -> str:
    """The id of an application of ours at an issuer."""
    if raw.startswith(URI):
        raise ValueError("is the URI of an application; take its client id")
    if GUID.fullmatch(raw) and not raw.strip("0-"):
        raise ValueError("is the id of nobody; take the client id of the application")
    return one_word(raw)


def is_entra(issuer: str) -> bool:
    """True for Entra ID and Entra External ID, by their tokens of version 2.0."""
    return any(host in issuer for host in ENTRA)


def _address(raw: str) -> str:
    parts = split(raw)
    if not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise ValueError("must be an https address (http only for loopback)")
    if parts.query or parts.fragment or parts.username is not None or not parts.hostname:
        raise ValueError("must be an address without credentials, query or fragment")
    return raw


def redis(raw: str) -> str:
    """The address of a Redis, with TLS or without, and the number of its database."""
    parts = split(raw)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(
            "must be an address such as redis://host:6379/0, of one server: neither a sentinel nor "
            "the nodes of a cluster are asked"
        )
    if parts.fragment:
        raise ValueError("holds '#', which is written %23 in a password")
    if parts.username and parts.password is None:
        raise ValueError(
            "has a user without a password; a password alone is redis://:password@host"
        )
    options = [each.partition("=")[0] for each in parts.query.split("&") if each]
    strange = next((each for each in options if not OPTIONS.fullmatch(each)), None)
    if strange or (parts.scheme == "redis" and any(each.startswith("ssl_") for each in options)):
        raise ValueError(
            "has options that are not for it: the database stands behind the last '/', and ssl_... "
            "needs rediss://"
        )
    if not re.fullmatch(r"(/[0-9]*)?", parts.path, re.ASCII):
        raise ValueError("must end with the number of a database, such as redis://host:6379/0")
    return raw


def host(raw: str) -> str:
    """The name or the address of a host, alone."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", raw, re.ASCII) and not _is_ip(raw):
        raise ValueError("must be a host alone, such as 0.0.0.0, without scheme and port")
    return raw


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_own(address: str, port: int) -> bool:
    """True if an address leads to a port of this machine."""
    parts = split(address)
    return is_loopback(parts.hostname) and parts.port == port


def is_near(host: str | None) -> bool:
    """True for this machine and for networks of its owner, which nobody else listens to."""
    name = host or ""
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name or name.lower().endswith(NEAR)


def split(raw: str) -> SplitResult:
    try:
        found = urlsplit(text(raw))
        port = found.port  # which is read only here: a word fails
    except ValueError:
        raise ValueError("must be an address, with a number for its port") from None
    if port == 0 or (found.hostname and not _is_host(found.hostname)):
        raise ValueError(
            "must have one host that can be found: letters of ASCII (xn--... for others), digits, "
            "'-' and '.' between them, and no port 0"
        )
    if other := PORTS_OF_OTHERS.get((found.scheme, port or 0)):
        raise ValueError(f"{port} is the port of {other}; name that of {found.scheme}, or none")
    return found


def _is_host(name: str) -> bool:
    return bool(HOST.fullmatch(name)) or _is_ip(name)


def _is_ip(raw: str) -> bool:
    try:
        ipaddress.ip_address(raw)
    except ValueError:
        return False
    return True
