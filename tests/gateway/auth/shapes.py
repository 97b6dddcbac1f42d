"""
Access and ID tokens of the usual identity providers, as their documentation has them.

Each provider's `person`, `machine` and `sign_in` are the claims besides those that every token of
the tests has. Names of users, clients and tenants are made up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.gateway.auth.issuing import AUDIENCE

Claims = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """The tokens of one provider; each function takes a client id."""

    person: Callable[[str], Claims]
    machine: Callable[[str], Claims]
    sign_in: Callable[[str], Claims]
    typ: str | None = "JWT"


OBJECT = "00000000-0000-0000-0000-00000000000a"


def _entra_machine(client: str) -> Claims:
    return {
        "azp": client,
        "azpacr": "1",
        "idtyp": "app",
        "oid": OBJECT,
        "sub": OBJECT,
        "roles": ["Orders.All"],
        "tid": "t",
        "ver": "2.0",
        "scp": ...,
    }


def _entra_person(client: str) -> Claims:
    return {
        "azp": client,
        "azpacr": "1",
        "oid": OBJECT,
        "scp": "orders",
        "sub": "pairwise-jane",
        "name": "Jane",
        "preferred_username": "jane@shop.example",
        "tid": "t",
        "ver": "2.0",
    }


def _entra_sign_in(client: str) -> Claims:
    return {
        "azp": ...,
        "oid": OBJECT,
        "sub": "pairwise-jane",
        "scp": ...,
        "name": "Jane",
        "preferred_username": "jane@shop.example",
        "tid": "t",
        "ver": "2.0",
        "uti": "x",
    }


def _entra_1(claims: Claims) -> Claims:
    client = claims.pop("azp")
    return claims | {"azp": ..., "appid": client, "appidacr": "1", "azpacr": ..., "ver": "1.0"}


def _keycloak(client: str) -> Claims:
    return {
        "azp": client,
        "scp": ...,
        "acr": "1",
        "typ": "Bearer",
        "jti": "x",
        "realm_access": {"roles": ["offline_access"]},
        "allowed-origins": ["/*"],
    }


def _keycloak_machine(client: str) -> Claims:
    return _keycloak(client) | {
        "sub": OBJECT,
        "client_id": client,
        "preferred_username": f"service-account-{client}",
        "scope": "profile email",
        "email_verified": False,
        "clientAddress": "192.0.2.1",
    }


def _keycloak_person(client: str) -> Claims:
    return _keycloak(client) | {
        "sub": "f:jane",
        "scope": "profile",
        "preferred_username": "jane",
        "sid": "s",
        "session_state": "s",
        "auth_time": 1,
    }


SHAPES: Mapping[str, Shape] = {
    "Entra": Shape(_entra_person, _entra_machine, _entra_sign_in),
    "Entra without idtyp": Shape(
        _entra_person, lambda client: _entra_machine(client) | {"idtyp": ...}, _entra_sign_in
    ),
    "Entra v1": Shape(
        lambda client: _entra_1(_entra_person(client)),
        lambda client: _entra_1(_entra_machine(client) | {"idtyp": ...}),
        lambda client: _entra_sign_in(client) | {"ver": "1.0", "unique_name": "jane"},
    ),
    "Entra External ID": Shape(
        lambda client: _entra_person(client) | {"idp": "google.com", "preferred_username": ...},
        lambda client: _entra_machine(client) | {"azpacr": "2"},
        lambda client: _entra_sign_in(client) | {"idp": "google.com"},
    ),
    "Keycloak": Shape(
        _keycloak_person,
        _keycloak_machine,
        lambda client: _keycloak_person(client) | {"typ": "ID", "scope": ..., "at_hash": "h"},
    ),
    "Auth0": Shape(
        lambda client: {"azp": client, "sub": "auth0|123", "scp": ..., "scope": "openid orders"},
        lambda client: {
            "azp": client,
            "sub": f"{client}@clients",
            "gty": "client-credentials",
            "scp": ...,
            "scope": "orders",
        },
        lambda client: {
            "azp": ...,
            "sub": "auth0|123",
            "scp": ...,
            "nickname": "jane",
            "name": "Jane",
            "sid": "s",
        },
    ),
    "Auth0, RFC 9068": Shape(
        lambda client: {
            "azp": ...,
            "client_id": client,
            "sub": "auth0|123",
            "scp": ...,
            "scope": "orders offline_access",
        },
        lambda client: {
            "azp": ...,
            "client_id": client,
            "sub": f"{client}@clients",
            "scp": ...,
            "scope": "orders",
        },
        lambda client: {"azp": ..., "sub": "auth0|123", "scp": ..., "nickname": "jane"},
        "at+jwt",
    ),
    "Cognito": Shape(
        lambda client: {
            "azp": ...,
            "client_id": client,
            "sub": OBJECT,
            "username": "jane",
            "scp": ...,
            "token_use": "access",
            "scope": "shop/orders",
            "auth_time": 1,
            "version": 2,
        },
        lambda client: {
            "azp": ...,
            "client_id": client,
            "sub": client,
            "token_use": "access",
            "auth_time": 1,
            "scp": ...,
            "scope": "shop/orders",
            "version": 2,
        },
        lambda client: {
            "azp": ...,
            "sub": OBJECT,
            "scp": ...,
            "token_use": "id",
            "auth_time": 1,
            "cognito:username": "jane",
        },
        None,
    ),
    "Okta": Shape(
        lambda client: {
            "azp": ...,
            "cid": client,
            "uid": "00u1",
            "sub": "jane-login",
            "ver": 1,
            "scp": ["openid", "orders"],
        },
        lambda client: {"azp": ..., "cid": client, "sub": client, "scp": ["orders"], "ver": 1},
        lambda client: {
            "azp": ...,
            "sub": "00u1",
            "scp": ...,
            "amr": ["pwd"],
            "auth_time": 1,
            "ver": 1,
            "idp": "00o1",
            "preferred_username": "jane",
            "at_hash": "h",
        },
        None,
    ),
}
ID_TOKENS: Mapping[str, Claims] = {
    "for the site": {"aud": "site"},
    "for a registration that is the API's too": {"aud": AUDIENCE},
    "for it, with roles": {"aud": AUDIENCE, "roles": ["buyer"]},
    "for it, with roles and azp": {"aud": AUDIENCE, "roles": ["buyer"], "azp": AUDIENCE},
    "for both, with roles": {"aud": ["site", AUDIENCE], "roles": ["buyer"], "azp": "site"},
}
