"""
The gateway's own sign-in: service tokens from Entra, by secret or by certificate, on every request.

Client credentials as learn.microsoft.com has them ("Microsoft identity platform and the OAuth 2.0
client credentials flow"); an assertion signed with the certificate stands in for the secret.
"""

import asyncio
import hashlib
import logging
import re
import ssl
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from gateway.errors import UpstreamUnavailable
from gateway.settings import Settings, SettingsError

log = logging.getLogger(__name__)

ENTRA = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 300
"""Seconds that one signed assertion may be used."""
REFRESH_AT = 0.8
"""Share of a token's life after which the next one is fetched."""
RETRY_AFTER = 30.0
"""Seconds until the next try when a refresh fails while the old token is still good."""
TIMEOUT = 10.0
MAX_LIFETIME = 86_400.0
"""Seconds that a token is kept at most, whatever its issuer says."""

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:RSA )?PRIVATE KEY-----.*?-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL
)

Proof = Callable[[], dict[str, str]]
"""Makes the form fields that prove who we are, anew for every token request."""


@dataclass(frozen=True, slots=True)
class Token:
    """A service token and the times on the monotonic clock when to renew and when to drop it."""

    text: str
    renew: float
    expires: float


class ServiceLogin(httpx2.Auth):
    """
    Attaches a bearer token of one service to the requests that go to it; renews it when it is due.

    A 401 of the service is answered once with a fresh token. `token` raises UpstreamUnavailable.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        service_url: str,
        token_url: str,
        proof: Proof,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` reaches the token endpoint and carries no credentials of its own."""
        self._client = client
        self._service = httpx2.URL(service_url)
        self._token_url = token_url
        self._proof = proof
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        if _origin(request.url) != _origin(self._service):
            raise UpstreamUnavailable("A request would have left the service that it was for.")
        token = await self.token()
        response = yield _signed(request, token)
        if response.status_code == 401:
            yield _signed(request, await self.token(refused=token))

    async def token(self, *, refused: str | None = None) -> str:
        """A token that is good now; another one than `refused`, which the service did not take."""
        held, now = self._usable(refused), self._clock()
        if held and (now < held.renew or self._lock.locked()):
            return held.text
        async with self._lock:
            return await self._renewed(refused)

    async def _renewed(self, refused: str | None) -> str:
        held, now = self._usable(refused), self._clock()
        # Whoever held the lock before may have renewed it already.
        if held and now < held.renew:
            return held.text
        try:
            self._token = await self._fetch()
        except UpstreamUnavailable:
            if held is None:
                raise
            self._token = Token(held.text, now + RETRY_AFTER, held.expires)
        return self._token.text

    def _usable(self, refused: str | None) -> Token | None:
        held = self._token
        return held if held and held.text != refused and self._clock() < held.expires else None

    async def _fetch(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "scope": _origin(self._service) + "/.default",
            **self._proof(),
        }
        asked = self._clock()
        try:
            async with asyncio.timeout(TIMEOUT):
                response = await self._client.post(
                    self._token_url, data=form, follow_redirects=False
                )
        except (httpx2.TransportError, TimeoutError) as error:
            raise self._refusal(type(error).__name__) from None
        try:
            answer = response.json()
            text = answer["access_token"]
            lifetime = min(float(answer["expires_in"]), MAX_LIFETIME)
        except (ValueError, KeyError, TypeError):
            raise self._refusal(f"{response.status_code} {_code(response)}") from None
        if not isinstance(text, str) or not text.isascii() or not lifetime > 0:
            raise self._refusal("no usable token in the answer")
        return Token(text, asked + lifetime * REFRESH_AT, asked + lifetime)

    def _refusal(self, reason: str) -> UpstreamUnavailable:
        """Logs the reason; what is raised says nothing that a caller could use."""
        log.error("no token for %s: %s", self._service.host, reason)
        return UpstreamUnavailable("The gateway could not sign in to Dynamics.")


def service_login(settings: Settings, service_url: str, client: httpx2.AsyncClient) -> ServiceLogin:
    """The login that the settings describe, for one of the two services."""
    token_url = settings.token_url or ENTRA.format(tenant=settings.tenant)
    if settings.client_certificate:
        proof = by_certificate(settings.client_id, settings.client_certificate, token_url)
    else:
        proof = by_secret(settings.client_id, settings.client_secret or "")
    return ServiceLogin(client, service_url, token_url, proof)


def by_secret(client_id: str, secret: str) -> Proof:
    return lambda: {"client_id": client_id, "client_secret": secret}


def by_certificate(client_id: str, pem: str, token_url: str) -> Proof:
    """Proof by an assertion that the key in `pem` signs; SettingsError for an unusable one."""
    key, certificate = _key_and_certificate(pem)
    thumbprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()
    header = {"alg": "PS256", "x5t#S256": urlsafe_b64encode(thumbprint).rstrip(b"=").decode()}

    def prove() -> dict[str, str]:
        now = int(time.time())
        claims = {
            "aud": token_url,
            "iss": client_id,
            "sub": client_id,
            "jti": str(uuid.uuid4()),
            "nbf": now - 60,
            "exp": now + ASSERTION_LIFETIME,
        }
        assertion = jwt.encode(header, claims, key, algorithms=["PS256"])
        return {
            "client_id": client_id,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }

    return prove


def _key_and_certificate(pem: str) -> tuple[RSAKey, str]:
    try:
        key = RSAKey.import_key(PRIVATE_KEY.findall(pem)[0])
        certificate: str = CERTIFICATE.findall(pem)[0]
        if RSAKey.import_key(certificate).get("n") != key.get("n"):
            raise ValueError("the key is another one")
    except (JoseError, ValueError, IndexError):
        problem = "must hold a certificate and the RSA key that belongs to it, without a password"
        raise SettingsError([f"GATEWAY_CLIENT_CERTIFICATE: {problem}"]) from None
    return key, certificate


def _signed(request: httpx2.Request, token: str) -> httpx2.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _origin(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _code(response: httpx2.Response) -> str:
    """The OAuth error code of a refusal. Its text may quote what we sent: not for the log."""
    found: Any
    try:
        found = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return "without a code"
    return found if isinstance(found, str) and re.fullmatch(r"[a-z_]{1,40}", found) else "?"
