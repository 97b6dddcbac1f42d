"""Who is asking: the caller of one request, as everything below the edge sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from gateway.errors import Forbidden


class Kind(Enum):
    """What sort of caller holds the token."""

    CUSTOMER = "customer"
    """A person: a Dataverse contact of one or more accounts."""
    PARTNER = "partner"
    """A machine with client credentials, mapped in the settings to a list of accounts."""
    STAFF = "staff"
    """The company's own people; sees every account."""


class Access(Enum):
    """How far a permission reaches."""

    OWN = "own"
    """Rows of the caller's own contact, within the caller's accounts."""
    ACCOUNT = "account"
    """Rows of the caller's accounts."""
    ALL = "all"
    """Every row."""


@dataclass(frozen=True, slots=True)
class Account:
    """One customer account that the caller may act for."""

    id: UUID
    number: str | None
    company: str | None
    """Legal entity code in lower case, F&O's `dataAreaId`; None where the row has no company."""
    price_list: UUID | None = None
    currency: UUID | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """The Dataverse contact behind a customer's token."""

    id: UUID
    name: str
    email: str | None
    price_list: UUID | None = None
    currency: UUID | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """
    The caller of one request. Made by `auth`, read by the reader, never changed.

    `grants` maps a permission (the `needs` of a table or mutation) to how far it reaches;
    a permission that is not in it is refused.
    """

    kind: Kind
    issuer: str
    subject: str
    roles: frozenset[str] = frozenset()
    contact: Contact | None = None
    accounts: tuple[Account, ...] = ()
    grants: Mapping[str, Access] = field(default_factory=dict)

    def access(self, permission: str) -> Access:
        """How far `permission` reaches for this caller; Forbidden where it is not granted."""
        try:
            return self.grants[permission]
        except KeyError:
            raise Forbidden(f"This needs the permission '{permission}'.") from None

    def may(self, permission: str) -> bool:
        return permission in self.grants

    @property
    def companies(self) -> frozenset[str]:
        return frozenset(account.company for account in self.accounts if account.company)

    @property
    def price_lists(self) -> frozenset[UUID]:
        """The price lists whose prices the caller may see: the contact's, else the accounts'."""
        if self.contact is not None and self.contact.price_list is not None:
            return frozenset({self.contact.price_list})
        return frozenset(account.price_list for account in self.accounts if account.price_list)
