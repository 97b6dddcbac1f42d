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
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
from cryptography import x509
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from gateway.admission.flights import Once
from gateway.client.exchange import Reply, Request, Timeouts, Transport, reason_of
from gateway.config.parsers import Application
from gateway.config.settings import Settings, SettingsError
from gateway.errors import SignInFailed, UpstreamTimeout, UpstreamUnavailable
from gateway.observing.current import running

log = logging.getLogger(__name__)

ENTRA = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 300
"""Seconds that one signed assertion may be used."""
REFRESH_AT = 0.8
"""Share of a token's life after which the next one is fetched."""
RETRY_AFTER = 30.0
"""Seconds until the next try when a refresh fails while the old token is still good."""
SHORTLY = 5.0
"""Seconds until the next try after a failure, or after a token that was refused at once."""
TIMEOUT = 10.0
FORM = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
}
AGENT = f"dynamics-gateway/{version('dynamics-gateway')}"
"""The name by which Microsoft's telemetry and an environment's own logs know us."""
CLIENT_REQUEST_ID = "x-ms-client-request-id"
"""The header in which services take a GUID that they log with a request."""
MAX_LIFETIME = 86_400.0
"""The longest time in seconds that a token is kept, even if its issuer allows more."""

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:RSA )?PRIVATE KEY-----.*?-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL
)

Proof = Callable[[], dict[str, str]]
"""Makes the form fields that prove the gateway's identity, for each token request."""


@dataclass(frozen=True, slots=True)
class Token:
    """
    A service token and the times on the monotonic clock when to renew and when to drop it.

    The first of them is never behind the second.
    """

    text: str
    renew: float
    expires: float


class ServiceLogin:
    """The bearer token of one service, renewed when it is due."""

    def __init__(
        self,
        transport: Transport,
        service_url: str,
        token_url: str,
        proof: Proof,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transport` reaches the token endpoint and carries no credentials of its own."""
        self._transport = transport
        self._host = httpx2.URL(service_url).host
        self.origin = _origin(service_url)
        self._token_url = token_url
        self._proof = proof
        self._clock = clock
        self._token: Token | None = None
        self._renewals: Once[str, Token] = Once()
        self._failure: SignInFailed | None = None
        self._failed = 0.0
        """The time of the last failure to get a token."""
        self._replaced = float("-inf")
        """The time at which another one was asked for in the place of one that was refused."""

    def prove_by(self, proof: Proof) -> None:
        """Renew tokens by another proof from now on; the one that is held stays good."""
        self._proof, self._failure = proof, None

    def held(self) -> str | None:
        """The token, where it is good and not due to be renewed."""
        held = self._token
        return held.text if held and self._clock() < held.renew else None

    async def token(self, *, refused: str | None = None) -> str:
        """
        A token that is good now; another one than `refused`, which the service did not take.

        UpstreamUnavailable where there is none to be had.
        """
        held, now = self._usable(refused), self._clock()
        if held and (now < held.renew or self._renewals.busy):
            return held.text
        if held is None and refused is not None and not self._renewals.busy:
            if now < self._replaced + SHORTLY:
                return refused  # another one so soon would be refused as well
            self._replaced = now
        try:
            return (await self._renewals.done("token", self._renew)).text
        except UpstreamUnavailable:
            if held is None:
                raise
            self._token = replace(held, renew=min(now + RETRY_AFTER, held.expires))
            return held.text

    async def _renew(self) -> Token:
        if self._failure is not None and self._clock() < self._failed + SHORTLY:
            raise self._failure
        try:
            self._token = await self._fetch()
        except SignInFailed as error:
            self._failure, self._failed = error, self._clock()
            raise
        self._failure = None
        return self._token

    def _usable(self, refused: str | None) -> Token | None:
        held = self._token
        return held if held and held.text != refused and self._clock() < held.expires else None

    async def _fetch(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "scope": self.origin + "/.default",
            **self._proof(),
        }
        asked = self._clock()
        request = Request("POST", self._token_url, urlencode(form).encode(), FORM)
        timeouts = Timeouts(until=asyncio.get_running_loop().time() + TIMEOUT)
        try:
            response = await self._transport.exchange(request, timeouts)
        except (httpx2.TransportError, TimeoutError) as error:
            raise self._refusal(reason_of(error)) from None
        try:
            answer = msgspec.json.decode(response.body)
            text = answer["access_token"]
            lifetime = min(float(answer["expires_in"]), MAX_LIFETIME)
        except (ValueError, KeyError, TypeError):
            raise self._refusal(f"{response.status} {_why(response)}", _code(response)) from None
        if not isinstance(text, str) or not text.isascii() or not lifetime > 0:
            raise self._refusal("no usable token in the answer")
        return Token(text, asked + lifetime * REFRESH_AT, asked + lifetime)

    def _refusal(self, reason: str, code: str = "") -> SignInFailed:
        """Logs the reason; the message of what is raised says nothing that a caller could use."""
        log.error(
            "no token for %s from %s: %s; `gateway settings --check` says what to do",
            *(self._host, httpx2.URL(self._token_url).host, reason),
        )
        error = SignInFailed("The gateway could not sign in to Dynamics.")
        error.reason, error.refusal = reason, code
        return error


@dataclass(frozen=True, slots=True)
class Signed:
    """
    Carries requests to one service with the token of their user on them, and to nobody else.

    A 401 is answered once with a fresh token. UpstreamUnavailable where there is no token, or where
    the request would leave the service; UpstreamTimeout where there is none in time.
    """

    transport: Transport
    logins: tuple[ServiceLogin, ...]
    """The logins of all application users, in the order of the settings."""

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        login = self.logins[request.user]
        if not request.url.startswith(login.origin + "/"):
            raise UpstreamUnavailable("A request would have left the service that it was for.")
        token = login.held() or await _token(login, timeouts)
        reply = await self.transport.exchange(_signed(request, token), timeouts)
        if reply.status != 401:
            return reply
        fresh = await _token(login, timeouts, refused=token)
        if fresh == token:
            return reply
        return await self.transport.exchange(_signed(request, fresh), timeouts)

    async def aclose(self) -> None:
        await self.transport.aclose()


async def _token(login: ServiceLogin, timeouts: Timeouts, refused: str | None = None) -> str:
    try:
        async with timeouts.whole():
            return await login.token(refused=refused)
    except TimeoutError:
        # The service itself was never asked.
        raise UpstreamTimeout("The gateway could not sign in to Dynamics in time.") from None


def service_logins(
    settings: Settings, service_url: str, transport: Transport
) -> tuple[ServiceLogin, ...]:
    """The logins to a service of all application users that the settings describe."""
    token_url = settings.token_url or ENTRA.format(tenant=settings.tenant)
    return tuple(
        ServiceLogin(transport, service_url, token_url, proof) for proof in proofs_of(settings)
    )


def proofs_of(settings: Settings) -> tuple[Proof, ...]:
    """
    The proofs of all application users by their secrets or the certificate; SettingsError for an
    unusable one.
    """
    first = Application(settings.client_id, settings.client_secret)
    return tuple(_proof(settings, each) for each in (first, *settings.pool))


def _proof(settings: Settings, application: Application) -> Proof:
    if application.secret is None and settings.client_certificate:
        token_url = settings.token_url or ENTRA.format(tenant=settings.tenant)
        return by_certificate(application.client_id, settings.client_certificate, token_url)
    return by_secret(application.client_id, application.secret or "")


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
    told, now = x509.load_pem_x509_certificate(certificate.encode()), datetime.now(UTC)
    begin, end = told.not_valid_before_utc, told.not_valid_after_utc
    if begin > now:
        problem = f"begins on {begin:%Y-%m-%d}; take the one before it, or set this clock right"
        raise SettingsError([f"GATEWAY_CLIENT_CERTIFICATE: {problem}"])
    if end < now:
        problem = f"ended on {end:%Y-%m-%d}; register a new one in Entra, and put it here"
        raise SettingsError([f"GATEWAY_CLIENT_CERTIFICATE: {problem}"])
    return key, certificate


def _signed(request: Request, token: str) -> Request:
    headers = {**request.headers, "User-Agent": AGENT, "Authorization": _bearer(token)}
    guid = running.get().guid
    own = ((CLIENT_REQUEST_ID, guid),) if guid else ()
    return Request(request.method, request.url, request.body, headers, own)


@lru_cache(maxsize=64)
def _bearer(token: str) -> str:
    """The same object for the same token, so that what is made of it can be found again by it."""
    return f"Bearer {token}"


def _origin(url: str) -> str:
    """Scheme, host and port of an address, in the form in which two of them can be compared."""
    parts = httpx2.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode('ascii')}"


def _why(response: Reply) -> str:
    """The codes of a refusal, Entra's own included. Its text may quote what we sent: not told."""
    numbers = _said(response, "error_codes")
    known = [n for n in numbers if type(n) is int] if isinstance(numbers, list) else []
    code = _code(response) or "without a code"
    return " ".join([code, *(f"AADSTS{number}" for number in known[:3])])


def _code(response: Reply) -> str:
    """The OAuth error code of a refusal, if it is one."""
    found = _said(response, "error")
    return found if isinstance(found, str) and re.fullmatch(r"[a-z_]{1,40}", found) else ""


def _said(response: Reply, name: str) -> Any:
    try:
        return msgspec.json.decode(response.body)[name]
    except (ValueError, KeyError, TypeError):
        return None
