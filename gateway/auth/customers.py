"""A verified identity -> the customer that it belongs to, with the lookups that find it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from gateway.auth.principal import CallerAccount, CallerContact
from gateway.config.parsers import PartnerAccount

REMEMBER = 60.0
"""Seconds until a change in Dataverse takes effect: who is deactivated is out after a minute."""

Identity = tuple[str, str, str | None]
"""Issuer, subject and verified e-mail address of a token."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A person and the accounts that the person may act for; at least one."""

    contact: CallerContact
    accounts: tuple[CallerAccount, ...]
    web_roles: frozenset[str] = frozenset()
    """The names of the contact's web roles in Power Pages, where the directory looks for them."""


class Customers(Protocol):
    """Finds customers and accounts. Its answers are valid for `REMEMBER` seconds."""

    def known(self, issuer: str, subject: str, email: str | None) -> Customer | None:
        """As `customer`, where that was looked up of late and found."""

    async def customer(self, issuer: str, subject: str, email: str | None) -> Customer:
        """The active contact of an identity. Rejected where there is none without doubt."""

    async def named(self, name: str) -> Customer:
        """The active contact of this id or e-mail address, for staff. Rejected without one."""

    async def by_name(self, name: str) -> Customer:
        """As `named`, as it is now."""

    async def contacts(self, parties: Collection[UUID]) -> Mapping[UUID, UUID]:
        """The contacts who have these places in the party model, of those places that stand."""

    async def accounts(self, wanted: tuple[PartnerAccount, ...]) -> tuple[CallerAccount, ...]:
        """The active ones of the accounts that configuration names. Rejected where none is."""

    async def children(self, accounts: tuple[CallerAccount, ...]) -> tuple[CallerAccount, ...]:
        """The active accounts below these, children's children too."""
