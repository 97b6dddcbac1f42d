"""
An issuer's signing keys: found by OIDC discovery, kept, and fetched anew when they may be others.

A key that was withdrawn is out within a minute, a new one in within seconds. One fetch serves all
who wait for it, and the last good keys serve while the issuer does not answer.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gateway.auth.issuers import Issuer
from gateway.errors import UpstreamUnavailable

log = logging.getLogger(__name__)

CURRENT = 60.0
"""Seconds that keys are believed without a fetch; after that the next caller waits for one."""
EARLY = 40.0
"""Seconds after which they are fetched beside, so that callers seldom wait."""
PAUSE = 5.0
"""Seconds between two fetches, no matter how many unknown keys callers send or fetches fail."""
FORGET_AFTER = 86_400.0
"""Seconds that keys are believed while the issuer does not answer."""
TIMEOUT = 3.0
"""Seconds for one document, from first byte asked to last byte read."""
MAX_BYTES = 65_536
MAX_KEYS = 100
MIN_MODULUS = 342
"""Characters of the shortest RSA modulus believed: 2,048 bits."""

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
PUBLIC_MEMBERS = ("kty", "n", "e", "crv", "x", "y")

SigningKey = RSAKey | ECKey
Kid = tuple[str, str]
"""Key id and algorithm: a key verifies what it was published for, nothing else."""


class KeysError(Exception):
    """The issuer's documents cannot be fetched or must not be believed."""


class SigningKeys:
    """The keys of one issuer, for the life of the process."""

    def __init__(
        self,
        issuer: Issuer,
        client: httpx2.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.generation = 0
        """Counts the changes of the keys; what another count verified is verified anew."""
        self._client = client
        self._clock = clock
        self._keys: dict[Kid, SigningKey] = {}
        self._published: object = None
        self._failure = "not fetched yet"
        self._fetched = self._attempted = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    @property
    def are_current(self) -> bool:
        """True if tokens that these keys verified are still valid."""
        return self._clock() - max(self._fetched, self._attempted) < CURRENT

    @property
    def are_known(self) -> bool:
        """True if there are keys, however old."""
        return bool(self._keys)

    def describe(self, issuer: Issuer) -> None:
        """Take another profile of the same issuer: what was verified by the old one is no more."""
        if issuer != self.issuer:
            self.issuer = issuer
            self.generation += 1

    async def find(self, kid: str, algorithm: str) -> SigningKey | None:
        """The key of this id for this algorithm; None where the issuer has none.

        UpstreamUnavailable when the issuer was never reached, or not for a day.
        """
        wanted = (kid, algorithm)
        await self._refreshed(urgent=wanted not in self._keys)
        if self._clock() - self._fetched >= FORGET_AFTER:
            raise UpstreamUnavailable("The identity provider of the callers does not answer.")
        return self._keys.get(wanted)

    async def start(self) -> None:
        """Fetch the keys before the first caller needs one; where that fails the log says so."""
        await self._refreshed(urgent=True)

    async def ready(self) -> None:
        """Nothing, where tokens can be verified; UpstreamUnavailable with the reason if not."""
        await self._refreshed(urgent=not self._keys)
        if self._clock() - self._fetched >= FORGET_AFTER:
            raise UpstreamUnavailable(f"The keys cannot be had: {self._failure}.")

    async def _refreshed(self, *, urgent: bool) -> None:
        """
        Fetch the keys if they are due; wait for the fetch only if the current keys do not suffice.
        """
        now = self._clock()
        age, has_failed = now - self._fetched, self._attempted > self._fetched
        if self._fetching is None and (urgent or age >= EARLY) and now - self._attempted >= PAUSE:
            self._attempted = now
            self._fetching = asyncio.create_task(self._refresh())
            self._fetching.add_done_callback(self._done)
        if self._fetching is not None and (urgent or (age >= CURRENT and not has_failed)):
            # One waiter may be cancelled; the fetch must continue for the others.
            await asyncio.shield(self._fetching)

    def _done(self, fetching: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _refresh(self) -> None:
        try:
            published = await self._fetch()
            keys = _usable(published, self.issuer.algorithms)
        except KeysError as error:
            log.warning("keys of %s: %s", self.issuer.url, error)
            self._failure = str(error)
            return
        self._fetched = self._attempted
        if published != self._published:
            self._keys, self._published = keys, published
            self.generation += 1
            log.info("keys of %s: %d usable", self.issuer.url, len(keys))

    async def _fetch(self) -> list[Any]:
        url = self.issuer.jwks_url or await self._discover()
        found = (await self._get(url)).get("keys")
        if not isinstance(found, list) or not 0 < len(found) <= MAX_KEYS:
            raise KeysError("the key set has no keys, or too many")
        return found

    async def _discover(self) -> str:
        """
        Find the address of the keys: believed only of the issuer itself, and only on its own
        origin.
        """
        issuer = self.issuer.url
        document = await self._get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if (itself := document.get("issuer")) != issuer:
            raise KeysError(f"its discovery is that of {itself!r:.200}")
        url = document.get("jwks_uri")
        if not isinstance(url, str) or _origin(url) != _origin(issuer):
            raise KeysError(
                f"its discovery leads to another origin, {url!r:.200}; if that is right, name it "
                "as GATEWAY_JWKS_URL, or as `jwks_url` of the issuer"
            )
        return url

    async def _get(self, url: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(TIMEOUT):
                document = json.loads(await self._read(url))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise KeysError(type(error).__name__) from None
        except (ValueError, RecursionError):
            raise KeysError("not JSON") from None
        if not isinstance(document, dict):
            raise KeysError("not a JSON object")
        return document

    async def _read(self, url: str) -> bytes:
        # Unpacked answers cannot be capped while they are read, so none are asked for.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        body = b""
        async with self._client.stream("GET", url, headers=headers, follow_redirects=False) as got:
            if got.status_code != 200:
                raise KeysError(f"answered {got.status_code}")
            async for chunk in got.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise KeysError("the document is too long")
        return body


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _usable(published: list[Any], algorithms: tuple[str, ...]) -> dict[Kid, SigningKey]:
    """The keys that can verify a signature, by id and algorithm; the first of an id wins."""
    found: dict[Kid, SigningKey] = {}
    for entry in published:
        for algorithm in algorithms:
            if (
                isinstance(entry, dict)
                and _serves(entry, algorithm)
                and (key := _import(entry)) is not None
            ):
                found.setdefault((entry["kid"], algorithm), key)
    if not found:
        raise KeysError("no key is usable")
    return found


def _serves(entry: dict[str, Any], algorithm: str) -> bool:
    kid, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    return (
        isinstance(kid, str)
        and 0 < len(kid) <= 256
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and entry.get("alg", algorithm) == algorithm
        and (entry.get("kty"), entry.get("crv")) == _kind(algorithm)
    )


def _kind(algorithm: str) -> tuple[str, str | None]:
    """Key type and curve of an algorithm."""
    curve = CURVES.get(algorithm)
    return ("EC", curve) if curve else ("RSA", None)


def _import(entry: dict[str, Any]) -> SigningKey | None:
    """The public part of a published key; None for one that is broken or too weak."""
    public = {name: entry[name] for name in PUBLIC_MEMBERS if name in entry}
    try:
        if public["kty"] == "EC":
            return ECKey.import_key(public)
        return RSAKey.import_key(public) if len(public["n"]) >= MIN_MODULUS else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
