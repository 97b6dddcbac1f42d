"""The issuer's two signing keys, and every token that is made or checked with them."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from emulator.errors import Unauthorized
from emulator.identities import Identity

ALGORITHMS: Final = ("RS256", "ES256")
AUDIENCE: Final = "gateway"
HOUR: Final = 3600
TENANT: Final = "00000000-0000-4000-8000-0000000d3650"

ACCESS: Final = "at+jwt"
SIGN_IN: Final = "JWT"


def make_keys() -> KeySet:
    return KeySet(
        [
            RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True),
            ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True),
        ]
    )


def keys_at(path: Path) -> KeySet:
    """The keys kept in a file, made on first use, so that tokens outlive a restart."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may start at once; each must find either no file or a whole one.
        with NamedTemporaryFile("w", dir=path.parent, delete=False) as made:
            json.dump(make_keys().as_dict(private=True), made)
        Path(made.name).replace(path)
    return _imported(path.read_text())


@lru_cache(maxsize=4)
def _imported(text: str) -> KeySet:
    """The keys of a file, whose check takes long, once for all emulators of a process."""
    return KeySet.import_key_set(json.loads(text))


@dataclass(frozen=True, kw_only=True)
class Audience:
    """The receiver of a token: the client that asked, the scope granted and its life in seconds."""

    client_id: str
    scope: str
    lifetime: int = HOUR
    algorithm: str = "RS256"


class Tokens:
    """Mints the tokens of both issuers and checks those that come back."""

    def __init__(self, base_url: str, keys: KeySet) -> None:
        self.resource: Final = base_url.rstrip("/")
        self.issuer: Final = f"{self.resource}/issuer"
        self._keys = keys
        self._accepted: dict[str, int] = {}

    def public_keys(self) -> Mapping[str, Any]:
        return self._keys.as_dict(private=False)

    def access(self, who: Identity, audience: Audience) -> str:
        """An access token for the gateway, as RFC 9068 lays it out."""
        claims = {
            **who.claims(),
            "aud": AUDIENCE,
            "azp": audience.client_id,
            "client_id": audience.client_id,
            "scope": audience.scope,
            "roles": list(who.roles),
            "jti": str(uuid.uuid4()),
        }
        return self._sign(claims, ACCESS, audience)

    def sign_in(self, who: Identity, audience: Audience, nonce: str | None) -> str:
        """An ID token: who signed in, for the client alone."""
        claims = {**who.claims(), "aud": audience.client_id, "azp": audience.client_id}
        return self._sign(claims | ({"nonce": nonce} if nonce else {}), SIGN_IN, audience)

    def service(self, client_id: str, lifetime: int = HOUR) -> str:
        """A token for the emulated services themselves, as Entra issues it to an application."""
        claims = {
            "iss": f"{self.resource}/{TENANT}/v2.0",
            "aud": self.resource,
            "sub": client_id,
            "oid": client_id,
            "azp": client_id,
            "tid": TENANT,
            "ver": "2.0",
        }
        audience = Audience(client_id=client_id, scope="", lifetime=lifetime)
        return self._sign(claims, SIGN_IN, audience)

    def read(self, token: str, audience: str) -> dict[str, Any]:
        """The claims of a token of ours, or `ValueError` with the reason it is refused."""
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                aud={"essential": True, "value": audience}, exp={"essential": True}
            ).validate(claims)
        except (JoseError, ValueError) as error:
            raise ValueError(str(error)) from error
        return claims

    def verify_service(self, header: str | None) -> None:
        """Let a request to the emulated services pass, or raise `Unauthorized`."""
        if header is None or not header.lower().startswith("bearer "):
            raise Unauthorized("Authorization header with a bearer token is missing.")
        # The same token comes with every request; its signature is worth checking once.
        if self._accepted.get(header, 0) <= time.time():
            self._accept(header)

    def _accept(self, header: str) -> None:
        try:
            claims = self.read(header[len("bearer ") :].strip(), self.resource)
        except ValueError as error:
            raise Unauthorized(f"The access token is not valid: {error}") from error
        if len(self._accepted) > 1000:
            self._accepted.clear()
        self._accepted[header] = claims["exp"]

    def _sign(self, claims: dict[str, Any], kind: str, audience: Audience) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now, "exp": now + audience.lifetime}
        key = self._key(audience.algorithm)
        header = {"alg": audience.algorithm, "kid": key.kid, "typ": kind}
        return jwt.encode(header, {"iss": self.issuer} | claims | times, key)

    def _key(self, algorithm: str) -> Key:
        return next(key for key in self._keys if key.alg == algorithm)
