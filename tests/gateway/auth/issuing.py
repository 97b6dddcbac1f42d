"""A small OIDC issuer to test against: it rotates its keys, fails and lies when it is told to."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.auth.issuers import Issuer
from gateway.auth.signing_keys import SigningKeys

URL = "https://issuer.example/tenant"
AUDIENCE = "gateway"
NOW = int(time.time())
PROFILE = Issuer(url=URL, audiences=(AUDIENCE, "api://gateway"))

RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
NEXT = RSAKey.generate_key(2048, {"kid": "rsa-2"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1"})
"""A key that is not the issuer's, under the id of one that is."""

Key = RSAKey | ECKey


class Clock:
    """A time that passes when it is told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class TestIssuer:
    """Discovery and key set as an ASGI app; `answers` replaces a document, `requests` counts."""

    __test__ = False

    def __init__(self, *keys: Key) -> None:
        self.keys = keys or (RSA, EC)
        self.requests: list[str] = []
        self.answers: dict[str, Response] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        path = "/" + request.path_params["path"]
        self.requests.append(path)
        if path in self.answers:
            return self.answers[path]
        return JSONResponse(self.discovery() if "well-known" in path else self.jwks())

    def discovery(self, **changes: Any) -> dict[str, Any]:
        return {"issuer": URL, "jwks_uri": f"{URL}/keys"} | changes

    def jwks(self, **changes: Any) -> dict[str, Any]:
        """The key set, with `changes` made to every key."""
        return {"keys": [key.as_dict(private=False) | changes for key in self.keys]}

    def says(self, path: str, **document: Any) -> None:
        self.answers[path] = JSONResponse(document)

    def fetches(self) -> int:
        return self.requests.count("/tenant/keys")

    def break_down(self) -> None:
        for path in ("/tenant/keys", "/tenant/.well-known/openid-configuration"):
            self.answers[path] = Response("out of order", 503)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app))

    def keys_at(self, clock: Clock, profile: Issuer = PROFILE) -> SigningKeys:
        return SigningKeys(profile, self.client(), clock)


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good access token, with changes; a change to `...` leaves the claim out."""
    good = {
        "iss": URL,
        "aud": AUDIENCE,
        "sub": "jane",
        "azp": "shop",
        "scp": "orders",
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 3_600,
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    good = {"alg": "RS256", "kid": "rsa-1", "typ": "JWT"}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def token(
    body: Mapping[str, Any] | None = None,
    key: Key = RSA,
    **head: Any,
) -> str:
    """A token that joserfc itself is willing to sign."""
    named = header(kid=key.kid, alg="ES256" if isinstance(key, ECKey) else "RS256", **head)
    return jwt.encode(named, dict(body or claims()), key, default_type=None)


def raw(head: str | Mapping[str, Any], body: str | Mapping[str, Any], key: RSAKey = RSA) -> str:
    """A token of any header and payload, signed with RS256 whatever the header says."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (head, body)]
    signed = ".".join(encoded(part.encode()) for part in parts)
    assert key.private_key is not None
    signature = key.private_key.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{encoded(signature)}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
