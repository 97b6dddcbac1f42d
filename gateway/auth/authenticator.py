"""The `Authorization` header -> the principal of the request. The one door: all else is refused."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping

from gateway.auth.directory import Directory
from gateway.auth.policy import PARTNER_ROLE, STAFF_ROLE, Policy
from gateway.auth.principal import Kind, Principal
from gateway.auth.rejections import Reason, Rejected
from gateway.auth.tokens import Claims, Tokens
from gateway.errors import Unauthenticated

log = logging.getLogger(__name__)

BEARER = re.compile(r"bearer +([\x21-\x7e]+)", re.IGNORECASE)
REFUSAL = "This needs the bearer access token of a known caller."


class Authenticator:
    """Turns tokens into principals, whichever of the three kinds of caller holds them."""

    def __init__(self, tokens: Tokens, directory: Directory, policy: Callable[[], Policy]) -> None:
        self._tokens = tokens
        self._policy = policy
        self._directory = directory
        self._principals: Mapping[Kind, Callable[[Claims], Awaitable[Principal]]] = {
            Kind.CUSTOMER: self._customer,
            Kind.PARTNER: self._partner,
            Kind.STAFF: self._staff,
        }

    async def authenticate(self, authorization: str | None) -> Principal:
        """
        The caller behind an `Authorization` header.

        Unauthenticated says the same whatever is wrong; the reason is logged. UpstreamError where
        the issuer or Dataverse cannot be asked.
        """
        try:
            claims = await self._tokens.verify(_bearer(authorization))
            return await self._principals[_kind(claims)](claims)
        except Rejected as rejected:
            log.info("caller refused: %s", rejected.reason.value)
            raise Unauthenticated(REFUSAL) from None

    async def _customer(self, claims: Claims) -> Principal:
        found = await self._directory.customer(
            claims.issuer.url, claims.subject, claims.verified_email
        )
        roles = claims.issuer.customer_roles | (claims.roles & self._policy().names(Kind.CUSTOMER))
        return Principal(
            Kind.CUSTOMER,
            claims.issuer.url,
            claims.subject,
            roles,
            found.contact,
            found.accounts,
            rights=self._policy().rights(roles),
        )

    async def _partner(self, claims: Claims) -> Principal:
        roles = frozenset({PARTNER_ROLE})
        return Principal(
            Kind.PARTNER,
            claims.issuer.url,
            claims.subject,
            roles,
            accounts=await self._directory.accounts(claims.issuer.partners[claims.client_id or ""]),
            rights=self._policy().rights(roles),
        )

    async def _staff(self, claims: Claims) -> Principal:
        roles = frozenset({STAFF_ROLE})
        return Principal(
            Kind.STAFF,
            claims.issuer.url,
            claims.subject,
            roles,
            rights=self._policy().rights(roles),
        )


def _bearer(authorization: str | None) -> str:
    found = BEARER.fullmatch(authorization or "")
    if found is None:
        raise Rejected(Reason.ABSENT)
    return found[1]


def _kind(claims: Claims) -> Kind:
    if claims.client_id in claims.issuer.partners:
        _check_machine(claims)
        return Kind.PARTNER
    return Kind.STAFF if claims.roles & claims.issuer.staff_roles else Kind.CUSTOMER


def _check_machine(claims: Claims) -> None:
    """A person who signs in with a partner's client does not get the partner's accounts."""
    if claims.values.get("scp") or claims.values.get(claims.issuer.email_claim):
        raise Rejected(Reason.PURPOSE)
