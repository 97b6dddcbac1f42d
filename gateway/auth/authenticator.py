"""The `Authorization` header -> the principal of the request. The one door: all else is refused."""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from operator import is_
from uuid import UUID

from gateway.auth.customers import REMEMBER, Customer, Customers, Identity
from gateway.auth.expiring import Expiring
from gateway.auth.issuers import Issuer
from gateway.auth.policy import STAFF_ROLE, VIEW_AS, Policy
from gateway.auth.principal import Kind, Principal
from gateway.auth.rejections import Reason, Rejected
from gateway.auth.tokens import Claims, Tokens
from gateway.ceiling import bytes_of
from gateway.config.parsers import PartnerAccount
from gateway.errors import Forbidden, NotFound, Unauthenticated

log = logging.getLogger(__name__)

MADE = 1_000
"""Principals that are kept while all that they were made of stands; those made first give way."""
PRINCIPAL = 4_000
"""Bytes that a principal takes besides its accounts, with the row rules made of it."""
RULES = 4
"""The number of times that row rules repeat the accounts, about."""
TELL_AFTER = 60.0
"""Seconds after which the log reports another caller with the same reason of refusal."""
REFUSAL = "Send the access token of a known caller as `Authorization: Bearer <token>`."


class Authenticator:
    """Turns tokens into principals, whichever of the three kinds of caller holds them."""

    def __init__(self, tokens: Tokens, directory: Customers, policy: Callable[[], Policy]) -> None:
        self._tokens = tokens
        self._policy = policy
        self._directory = directory
        self.made: Expiring[Identity, tuple[tuple[object, ...], Principal]] = Expiring(
            time.monotonic, MADE, lambda made: PRINCIPAL + RULES * bytes_of(made[1].accounts)
        )
        self._refused: Counter[Reason] = Counter()
        self._told: Expiring[Reason, bool] = Expiring(time.monotonic)
        self._principals: Mapping[Kind, Callable[[Claims], Awaitable[Principal]]] = {
            Kind.CUSTOMER: self._customer,
            Kind.PARTNER: self._partner,
            Kind.STAFF: self._staff,
        }

    async def authenticate(self, authorization: str | None) -> Principal:
        """
        The caller behind an `Authorization` header.

        Unauthenticated says the same whatever is wrong; the reason is for log and audit.
        UpstreamError where the issuer or Dataverse cannot be asked.
        """
        claims = None
        try:
            token = _bearer(authorization)
            claims = self._tokens.known(token) or await self._tokens.verify(token)
            return await self._principals[_kind(claims)](claims)
        except Rejected as rejected:
            self._tell(rejected.reason)
            raise _refused(rejected.reason, claims) from None

    def _tell(self, reason: Reason) -> None:
        """
        Log the first refusal of a kind in a minute; rejected callers can send any number of
        requests.
        """
        self._refused[reason] += 1
        if self._told.get(reason) is None:
            self._told.put(reason, True, until=time.monotonic() + TELL_AFTER)
            log.info("caller refused: %s (%d so far)", reason.value, self._refused[reason])

    async def seen_as(self, staff: Principal, name: str) -> Principal:
        """
        The customer of this contact id or e-mail address as staff see them, with the roles that the
        settings and Dataverse give; nothing can be changed as them.

        Forbidden to who may not, NotFound where there is no such customer.
        """
        staff.access(VIEW_AS)
        try:
            found = await self._directory.named(name)
        except Rejected:
            raise NotFound("There is no such customer.", argument="X-View-As") from None
        roles = self._roles_of_customers(staff.issuer)
        seen = await self._person(found, staff.issuer, staff.subject, roles)
        return replace(seen, rights=seen.rights.reading, viewer=staff)

    def _roles_of_customers(self, preferred: str) -> frozenset[str]:
        """
        The roles that every customer holds: by this issuer, or by the first where customers sign
        in.
        """
        first = sorted(self._tokens.issuers, key=lambda issuer: issuer.url != preferred)
        vouching = (issuer.customer_roles for issuer in first if Kind.CUSTOMER in issuer.kinds)
        return next(vouching, frozenset())

    async def _customer(self, claims: Claims) -> Principal:
        who = claims.issuer.provider, claims.subject, claims.verified_email
        found = self._directory.known(*who) or await self._directory.customer(*who)
        made_of = claims, found, self._policy()
        known = self.made.get(who)
        if known is not None and all(map(is_, known[0], made_of)):
            return known[1]
        roles = claims.issuer.customer_roles
        if claims.issuer.token_roles:
            roles |= claims.roles
        person = await self._person(
            _within(found, claims.issuer), claims.issuer.url, claims.subject, roles
        )
        if not person.rights.covers_children:  # children are looked up at their own times
            self.made.put(who, (made_of, person), until=time.monotonic() + REMEMBER)
        return person

    async def _person(
        self, found: Customer, issuer: str, subject: str, named: frozenset[str]
    ) -> Principal:
        """A contact with the roles `named` by token or settings, and those of Dataverse."""
        policy = self._policy()
        mapped = {policy.web_roles[role] for role in found.web_roles & policy.web_roles.keys()}
        roles = (named | mapped) & policy.names(Kind.CUSTOMER)
        rights = policy.rights(roles)
        below = rights.covers_children
        return Principal(
            Kind.CUSTOMER,
            issuer,
            subject,
            roles,
            found.contact,
            found.accounts,
            children=await self._directory.children(found.accounts) if below else (),
            rights=rights,
        )

    async def person(self, contact: UUID) -> Principal:
        """
        The customer of a contact, for what it is sent unasked, with the roles that the settings and
        Dataverse give; nothing can be changed as them. NotFound where there is none any more.
        """
        try:
            found = await self._directory.by_name(str(contact))
        except Rejected:
            raise NotFound("There is no such customer.") from None
        made = await self._person(found, "", str(contact), self._roles_of_customers(""))
        return replace(made, rights=made.rights.reading)

    async def stands(self, principal: Principal) -> bool:
        """
        True if a person still acts for all these accounts, looked up now: who lost their access is
        remembered for a minute, in which they must not undo it or take it out on others.
        """
        if principal.contact is None:
            return False
        try:
            found = await self._directory.by_name(str(principal.contact.id))
        except Rejected:
            return False
        held = {each.id for each in found.accounts}
        same = found.contact.id == principal.contact.id
        return same and held.issuperset(each.id for each in principal.accounts)

    async def contacts(self, parties: Collection[UUID]) -> Mapping[UUID, UUID]:
        """The contacts who have these places in the party model, of those places that stand."""
        return await self._directory.contacts(parties)

    async def partner(self, client: str) -> Principal:
        """The partner of a client id, for what it is sent unasked; Forbidden where it is none."""
        for issuer in self._tokens.issuers:
            if client in issuer.partners:
                with suppress(Rejected):
                    return await self._as_partner(issuer, client, client)
        raise Forbidden("The partner is not known, or has no account.")

    async def _partner(self, claims: Claims) -> Principal:
        return await self._as_partner(claims.issuer, claims.client_id or "", claims.subject)

    async def _as_partner(self, issuer: Issuer, client: str, subject: str) -> Principal:
        policy, partner = self._policy(), issuer.partners[client]
        roles = frozenset(partner.roles) & policy.names(Kind.PARTNER)
        rights = policy.rights(roles)
        accounts = await self._directory.accounts(partner.accounts)
        below = rights.covers_children
        return Principal(
            Kind.PARTNER,
            issuer.url,
            subject,
            roles,
            accounts=accounts,
            children=await self._directory.children(accounts) if below else (),
            rights=rights,
        )

    async def _staff(self, claims: Claims) -> Principal:
        policy = self._policy()
        marks = claims.roles & claims.issuer.staff_roles
        # A mark that is a role of the policy means that role, any other the administrator's.
        roles = frozenset(m if m in policy.names(Kind.STAFF) else STAFF_ROLE for m in marks)
        return Principal(
            Kind.STAFF, claims.issuer.url, claims.subject, roles, rights=policy.rights(roles)
        )


def _within(found: Customer, issuer: Issuer) -> Customer:
    """The customer with those accounts that the issuer may vouch for. Rejected without any."""
    if not issuer.accounts:
        return found
    accounts = tuple(
        each
        for each in found.accounts
        if PartnerAccount(each.number or "", each.company or "") in issuer.accounts
    )
    if not accounts:
        raise Rejected(Reason.FOREIGN)
    return replace(found, accounts=accounts)


def _refused(reason: Reason, claims: Claims | None) -> Unauthenticated:
    error = Unauthenticated(REFUSAL)
    error.reason = reason.value
    if claims is not None:
        error.who = {"issuer": claims.issuer.url, "subject": claims.subject}
    return error


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Rejected(Reason.ABSENT)
    return token.lstrip(" ")


def _kind(claims: Claims) -> Kind:
    found = _marked(claims)
    if found not in claims.issuer.kinds:
        raise Rejected(Reason.PURPOSE)
    return found


def _marked(claims: Claims) -> Kind:
    if claims.client_id in claims.issuer.partners:
        # A person who signs in with a partner's client does not get the partner's accounts.
        if not claims.is_of_machine or claims.values.get(claims.issuer.email_claim):
            raise Rejected(Reason.PURPOSE)
        return Kind.PARTNER
    return Kind.STAFF if claims.roles & claims.issuer.staff_roles else Kind.CUSTOMER
