"""
A bearer token -> claims that its issuer vouches for, or a `Rejected`: RFC 8725 and RFC 9068.

joserfc checks the signature and the registered claims; what it leaves to its user stands here.
"""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from joserfc import jws
from joserfc.errors import ClaimError, JoseError
from joserfc.jwt import JWTClaimsRegistry

from gateway.auth.expiring import Expiring
from gateway.auth.issuers import Issuer
from gateway.auth.machines import client_of, is_of_machine, names_in
from gateway.auth.rejections import Reason, Rejected
from gateway.auth.signing_keys import SigningKeys
from gateway.ceiling import bytes_of

MAX_LENGTH = 8_192
"""Characters of the longest token that is looked at."""
LEEWAY = 60
"""Seconds that the clocks of issuer and gateway may differ."""
REMEMBER = 60.0
"""Seconds that a verified token is not verified again."""

COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
SUBJECT = re.compile(r"""[^\x00-\x1f\x7f-\U0010ffff"'*%\\`]{1,255}""")
"""Printable ASCII without what some service reads as a quote or a wildcard."""
HEADER_MEMBERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""Everything else either brings its own key, or asks for a rule that nobody here would follow."""
TYPES = frozenset({"at+jwt", "application/at+jwt", "jwt"})
FOREIGN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "events", "cnf"})
"""Marks of ID tokens and security events; `cnf` binds a token to a proof that we cannot check."""
SCOPES = ("scp", "scope")
REASONS = {
    "iss": Reason.ISSUER,
    "aud": Reason.AUDIENCE,
    "exp": Reason.TIME,
    "nbf": Reason.TIME,
    "iat": Reason.TIME,
}


@dataclass(frozen=True)
class Claims:
    """The claims of a verified access token; cached with it, so they are computed once."""

    issuer: Issuer
    subject: str
    values: Mapping[str, Any]

    @cached_property
    def client_id(self) -> str | None:
        """The application that the token was issued to, under the names that issuers use."""
        return client_of(self.values)

    @cached_property
    def roles(self) -> frozenset[str]:
        return names_in(self.values.get(self.issuer.roles_claim))

    @cached_property
    def verified_email(self) -> str | None:
        """The e-mail address, where the issuer may and does say that it belongs to the caller."""
        verified = self.values.get(self.issuer.email_verified_claim) in (True, "true")
        email = self.text(self.issuer.email_claim) if verified else None
        return email if email and self.issuer.vouches_for(email) else None

    @cached_property
    def is_of_machine(self) -> bool:
        """True if the token was issued to an application for itself, by client credentials."""
        return is_of_machine(self.values, self.client_id)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: Claims
    generation: int


class Tokens:
    """Verifies bearer tokens of the configured issuers and remembers for a minute that it did."""

    def __init__(
        self, sources: Iterable[SigningKeys], clock: Callable[[], float] = time.time
    ) -> None:
        self._sources = {source.issuer.url: source for source in sources}
        self._clock = clock
        self.verified: Expiring[bytes, _Verified] = Expiring(
            clock, weigh=lambda known: bytes_of(known.claims.values)
        )

    @property
    def issuers(self) -> list[Issuer]:
        """The profiles of the configured issuers, in their order."""
        return [source.issuer for source in self._sources.values()]

    def known(self, token: str) -> Claims | None:
        """The claims of a token that was verified of late. Rejected where it is too long."""
        if len(token) > MAX_LENGTH:
            raise Rejected(Reason.TOO_LONG)
        known = self.verified.get(_digest(token))
        if known is None:
            return None
        source = self._sources[known.claims.issuer.url]
        stands = known.generation == source.generation and source.are_current
        return known.claims if stands else None

    async def verify(self, token: str) -> Claims:
        """The claims of an access token. Rejected where it is not one, or not for us.

        UpstreamUnavailable when the issuer's keys cannot be had.
        """
        known = self.known(token)
        if known is not None:
            return known
        if not COMPACT.fullmatch(token):
            raise Rejected(Reason.MALFORMED)
        verified = await self._verify(token)
        until = min(self._clock() + REMEMBER, verified.claims.values["exp"])
        self.verified.put(_digest(token), verified, until=until)
        return verified.claims

    async def _verify(self, token: str) -> _Verified:
        header_segment, payload_segment, _ = token.split(".")
        header, payload = _object(header_segment), _object(payload_segment)
        source = self._source(payload.get("iss"))
        algorithm, kid = _checked(header, source.issuer)
        key = await source.find(kid, algorithm)
        if key is None:
            raise Rejected(Reason.KEY)
        generation = source.generation
        try:
            jws.deserialize_compact(token, key, [algorithm])
        except (JoseError, ValueError):
            raise Rejected(Reason.SIGNATURE) from None
        self._check_claims(payload, source.issuer)
        _check_purpose(header, payload, source.issuer)
        subject = payload[source.issuer.subject_claim]
        return _Verified(Claims(source.issuer, subject, payload), generation)

    def _source(self, issuer: object) -> SigningKeys:
        """
        The signing keys of the issuer in the token's unverified `iss` claim; the signature is
        checked with them. Rejected for an unknown issuer.
        """
        source = self._sources.get(issuer) if isinstance(issuer, str) else None
        if source is None:
            raise Rejected(Reason.ISSUER)
        return source

    def _check_claims(self, claims: dict[str, Any], issuer: Issuer) -> None:
        registry = JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer.url},
            aud={"essential": True, "values": list(issuer.audiences)},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except ClaimError as error:
            raise Rejected(REASONS.get(error.claim, Reason.CLAIM)) from None
        for name in {"sub", issuer.subject_claim}:
            if not isinstance(claims.get(name), str) or not SUBJECT.fullmatch(claims[name]):
                raise Rejected(Reason.CLAIM)


def _object(segment: str) -> dict[str, Any]:
    """A segment's JSON object. A member that occurs twice could mean two things: refused."""
    try:
        text = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Rejected(Reason.MALFORMED) from None
    if not isinstance(found, dict):
        raise Rejected(Reason.MALFORMED)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member occurs twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _checked(header: dict[str, Any], issuer: Issuer) -> tuple[str, str]:
    """Algorithm and key id of a header that holds nothing else of weight."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in issuer.algorithms:
        raise Rejected(Reason.ALGORITHM)
    if not header.keys() <= HEADER_MEMBERS:
        raise Rejected(Reason.HEADER)
    if not isinstance(kid, str) or not kid:
        raise Rejected(Reason.KEY)
    return str(algorithm), kid


def _check_purpose(header: dict[str, Any], claims: dict[str, Any], issuer: Issuer) -> None:
    """Refuse ID tokens, logout tokens and the like, which the issuer signs with the same keys."""
    kind = str(header.get("typ", "JWT")).lower()
    granted = _granted(claims, issuer)
    is_access_token = (
        kind in TYPES
        and not FOREIGN_CLAIMS & claims.keys()
        and claims.get("token_use", "access") == "access"  # Cognito
        and str(claims.get("typ", "Bearer")).lower() == "bearer"  # Keycloak
        # Only RFC 9068's own type says so by itself.
        and (kind != "jwt" or _is_granted(claims, issuer))
    )
    if not is_access_token or (issuer.scope and issuer.scope not in granted):
        raise Rejected(Reason.PURPOSE)


def _is_granted(claims: dict[str, Any], issuer: Issuer) -> bool:
    """
    True if a plain JWT was issued for an API. Roles stand in ID tokens too, which are for the
    application that the person signed in at: where the two share a registration, a scope must tell.
    """
    if any(names_in(claims.get(name)) for name in SCOPES):
        return True
    client, audience = client_of(claims), claims["aud"]
    audiences = audience if isinstance(audience, list) else [audience]
    for_an_api = client is not None and client not in audiences
    roles = names_in(claims.get(issuer.roles_claim))
    return bool(roles) and (for_an_api or is_of_machine(claims, client))


def _granted(claims: dict[str, Any], issuer: Issuer) -> frozenset[str]:
    """Every scope and role that the token carries."""
    names = (*SCOPES, issuer.roles_claim)
    return frozenset().union(*(names_in(claims.get(name)) for name in names))
