"""
Tokens that are an application's own, by the client credentials grant (RFC 6749, 4.4).

No claim of a standard says so. Each identity provider marks such tokens in its own way, and each
puts into tokens of people what no application has; one of the first must be there and none of the
second.
"""

from collections.abc import Iterator, Mapping
from typing import Any

CLIENTS = ("azp", "client_id", "appid", "cid")
"""The names under which issuers have the application that a token was issued to."""
OF_PEOPLE = frozenset(
    {
        # Entra and AD FS: delegated tokens, and what optional claims add to them
        *("scp", "upn", "unique_name", "ipaddr", "onprem_sid", "winaccountname", "puid", "tfp"),
        *("emails", "verified_primary_email", "verified_secondary_email", "login_hint"),
        *("pwd_exp", "deviceid", "employeeid"),
        # OpenID Connect: somebody signed in
        *("name", "family_name", "given_name", "middle_name", "nickname", "profile", "picture"),
        *("email", "email_verified", "phone_number", "phone_number_verified", "address"),
        *("birthdate", "gender", "locale", "zoneinfo", "updated_at"),
        *("sid", "session_state", "auth_time", "amr", "nonce", "at_hash"),
        # Cognito, Okta, others, and what delegation leaves (RFC 8693)
        *("username", "cognito:username", "cognito:groups", "identities", "origin_jti"),
        *("device_key", "uid", "user_id", "user_name", "login", "act", "may_act"),
    }
)
OF_OPENID = frozenset({"openid", "offline_access"})
"""Scopes that only a person's sign-in can have, never a machine."""
AUTH0, ENTRA = "client-credentials", "app"
"""The values of `gty` and `idtyp` in tokens of applications."""
SERVICE_ACCOUNT = "service-account-"
"""Before the client id: what Keycloak calls the user that stands for an application."""


def client_of(claims: Mapping[str, Any]) -> str | None:
    """The application that a token was issued to."""
    found = (claims.get(name) for name in CLIENTS)
    return next((client for client in found if isinstance(client, str) and client), None)


def is_of_machine(claims: Mapping[str, Any], client: str | None) -> bool:
    """True if verified claims are those of an application that acts for itself."""
    if client is None or any(claims.get(name, client) != client for name in CLIENTS):
        return False  # of two applications, one acts for another
    if any(claims.get(name) for name in OF_PEOPLE.difference(_excused(claims, client))):
        return False
    scopes = names_in(claims.get("scope")) | names_in(claims.get("scp"))
    return not OF_OPENID & scopes and _is_marked(claims, client)


def names_in(value: object) -> frozenset[str]:
    """The names in a claim that is a list, or text with blanks between them."""
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list):
        return frozenset(name for name in value if isinstance(name, str))
    return frozenset()


def _excused(claims: Mapping[str, Any], client: str) -> Iterator[str]:
    """The marks of people that some provider puts into tokens of applications too."""
    if isinstance(claims.get("scp"), list):
        yield "scp"  # Okta
    if claims.get("token_use") == "access" and claims.get("sub") == client:
        yield "auth_time"  # Cognito, where people always have a username


def _is_marked(claims: Mapping[str, Any], client: str) -> bool:
    grant, kind = claims.get("gty", AUTH0), claims.get("idtyp", ENTRA)
    if grant != AUTH0 or kind != ENTRA:
        return False
    if "preferred_username" in claims:
        # Keycloak: the session of a service account notes its client, that of a person does not.
        notes = (claims.get("client_id"), claims.get("clientId"))
        return client in notes and str(claims["preferred_username"]) == _account_of(client)
    if "gty" in claims or "idtyp" in claims:
        return True
    subject = claims.get("sub")
    if subject in (client, f"{client}@clients"):
        return True  # RFC 9068, Okta, Cognito; Auth0
    # Entra: the application proved itself, and is its own subject.
    proved = claims.get("azpacr", claims.get("appidacr")) in ("1", "2")
    return proved and subject is not None and claims.get("oid") == subject


def _account_of(client: str) -> str:
    return SERVICE_ACCOUNT + client.lower()
