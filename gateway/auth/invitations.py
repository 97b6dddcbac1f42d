"""
Invitations: the addresses that may be invited, and how many may be tried for one account in a day.

The policy names domains and the number; the profiles of the issuers tell if somebody with an
address could sign in at all, and with which roles.
"""

import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final
from uuid import UUID

from gateway.auth.issuers import Issuer
from gateway.auth.policy import InvitationRules, Policy
from gateway.auth.principal import CallerAccount, Kind, Principal
from gateway.config.parsers import PartnerAccount

DAY: Final = 86_400.0
KEPT: Final = 10_000
"""Accounts whose tries are remembered; those that tried first are forgotten first."""


class Invitations:
    """The rules of inviting, and the tries of the last day in this process."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        issuers: Callable[[], Iterable[Issuer]],
        key: bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`key` makes ids of addresses, the same in all processes, that nobody else can make."""
        self._policy, self._issuers, self._key, self._clock = policy, issuers, key, clock
        self._tried: dict[UUID, dict[str, float]] = {}
        self.tell: Callable[[UUID], Awaitable[None]] | None = None
        """Has a contact written to who was invited; None where nobody writes."""

    @property
    def rules(self) -> InvitationRules:
        """The bounds that the policy sets."""
        return self._policy().invitations

    @property
    def are_possible(self) -> bool:
        """True if somebody who is new can sign in at all: some issuer's address finds a contact."""
        return any(each.match_email for each in self._of_customers())

    def admit(self, inviter: Principal, account: CallerAccount, email: str) -> bool:
        """
        True if the policy allows the domain, and the person could sign in for the account, nowhere
        with a role by the settings that the inviter does not hold.
        """
        named = self.rules.domains
        if named and email.rpartition("@")[2] not in named:
            return False
        found = [each for each in self._of_customers() if _lets_in(each, account, email)]
        held, known = inviter.roles, self._policy().names(Kind.CUSTOMER)
        return bool(found) and all(each.customer_roles & known <= held for each in found)

    def contact_of(self, email: str) -> UUID:
        """
        The id of the one contact that can come of inviting an address, whoever invites it and for
        whichever account: of two at one moment, Dataverse takes one. It does not tell the address.
        """
        return UUID(bytes=hmac.digest(self._key, email.encode(), "sha256")[:16], version=5)

    def count(self, account: UUID, email: str) -> bool:
        """
        Count an address as one that was tried for an account; False where there were too many. The
        same address counts once a day, whatever becomes of it.
        """
        moment = self._clock()
        before = self._tried.pop(account, {})
        tried = {each: at for each, at in before.items() if at > moment - DAY}
        self._tried[account] = tried
        if len(self._tried) > KEPT:
            del self._tried[next(iter(self._tried))]
        if email not in tried and len(tried) >= self.rules.daily:
            return False
        tried.setdefault(email, moment)
        return True

    def _of_customers(self) -> Iterator[Issuer]:
        return (each for each in self._issuers() if Kind.CUSTOMER in each.kinds)


def _lets_in(issuer: Issuer, account: CallerAccount, email: str) -> bool:
    """True if the issuer's word lets a contact of this address act for the account."""
    named = PartnerAccount(account.number or "", account.company or "")
    return issuer.vouches_for(email) and (not issuer.accounts or named in issuer.accounts)
