"""The caller of one request, as everything below the edge sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from uuid import UUID

from gateway.errors import Forbidden, NotFound


class Kind(Enum):
    """The kind of caller that holds the token."""

    CUSTOMER = "customer"
    """A person: a Dataverse contact of one or more accounts."""
    PARTNER = "partner"
    """A machine with client credentials, mapped in the settings to a list of accounts."""
    STAFF = "staff"
    """The company's own people; sees every account."""

    # Members are compared by identity; Enum's own hash is slow Python code, run on each request.
    __hash__ = object.__hash__


class Access(Enum):
    """The reach of a right; each includes those before it."""

    PARENT = "parent"
    """Rows linked to a row that the caller sees, never by themselves."""
    OWN = "own"
    """Rows of the caller's own contact, within the caller's accounts."""
    ACCOUNT = "account"
    """Rows of the caller's accounts."""
    ACCOUNT_AND_CHILDREN = "account_and_children"
    """Rows of the caller's accounts and of the accounts below them."""
    ALL = "all"
    """Every row."""

    @property
    def width(self) -> int:
        """Its position in the order of reach: a larger one covers more rows."""
        return WIDTHS[self]


WIDTHS = {access: place for place, access in enumerate(Access)}


@dataclass(frozen=True, slots=True)
class CallerAccount:
    """One customer account that the caller may act for."""

    id: UUID
    number: str | None
    company: str | None
    """Legal entity code in lower case, F&O's `dataAreaId`; None where the row has no company."""
    price_list: UUID | None = None
    currency: UUID | None = None


@dataclass(frozen=True, slots=True)
class CallerContact:
    """The Dataverse contact behind a customer's token."""

    id: UUID
    name: str
    email: str | None
    price_list: UUID | None = None
    currency: UUID | None = None
    account: UUID | None = None
    """The contact's parent account, whose terms the contact's own are."""
    parties: tuple[UUID, ...] = ()
    """The contact's rows in `msdyn_contactforparties`, by which newer orders name the orderer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that decide a price besides product and unit."""

    price_list: UUID
    currency: UUID | None


@dataclass(frozen=True, slots=True)
class Rights:
    """The sum of the rights of a caller's roles. Anything that is not in it is refused."""

    reach: Mapping[tuple[str, str], Access] = field(default_factory=dict)
    """The reach of each permission and privilege: `("orders", "create")`."""
    hidden: frozenset[str] = frozenset()
    """Members that the caller may not learn of, as `SalesOrder.discount`."""
    quota: int | None = None
    """Calls to Dynamics that the caller may cause in five minutes; None for no such bound."""

    @property
    def reading(self) -> "Rights":
        """These rights without the privileges to create, update and delete."""
        return replace(self, reach={k: v for k, v in self.reach.items() if k[1] == "read"})

    @property
    def covers_children(self) -> bool:
        return Access.ACCOUNT_AND_CHILDREN in self.reach.values()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Principal:
    """
    The caller of one request; `caller(info)` returns it.

    `kind` is customer, partner or staff. `contact` is the customer's contact, None for others.
    `accounts` are the accounts that the caller acts for, `roles` the names of the roles.

    Example:

        def numbers(principal: Principal) -> list[str]:
            return [account.number for account in principal.accounts if account.number]


        @query(needs="account")
        async def account_numbers(info: Info) -> list[str] | None:
            '''The numbers of the caller's accounts.'''
            return numbers(caller(info))

        # { accountNumbers }
    """

    kind: Kind
    issuer: str
    subject: str
    roles: frozenset[str] = frozenset()
    contact: CallerContact | None = None
    accounts: tuple[CallerAccount, ...] = ()
    children: tuple[CallerAccount, ...] = ()
    """Accounts below `accounts`; looked up only where some right reaches them."""
    rights: Rights = Rights()
    viewer: "Principal | None" = None
    """The staff member who views as this customer, if any."""

    def access(self, permission: str, privilege: str = "read") -> Access:
        """
        The reach of `permission` for this caller; Forbidden where it is not granted.

        `permission` is the `needs` of a table. Reading asks for nothing more; a mutation names
        what it does: `access("orders", "create")`, `"update"` or `"delete"`. The rows that it
        touches must have been loaded through the reader before.
        """
        try:
            return self.rights.reach[permission, privilege]
        except KeyError:
            raise Forbidden(f"This needs the permission '{permission}:{privilege}'.") from None

    def may(self, permission: str, privilege: str = "read") -> bool:
        return (permission, privilege) in self.rights.reach

    def hides(self, table: str, member: str) -> bool:
        """True if the caller's roles hide this member of the table, as `SalesOrder.discount`."""
        return f"{table}.{member}" in self.rights.hidden

    def show(self, table: str, member: str) -> None:
        """Forbidden where the caller's roles hide this member of the table."""
        if self.hides(table, member):
            raise Forbidden("Your role may not read this field.")

    def accounts_within(self, access: Access) -> tuple[CallerAccount, ...]:
        """The accounts that a right of this reach covers, unless it covers all there are."""
        wide = access in (Access.PARENT, Access.ACCOUNT_AND_CHILDREN)
        return self.accounts + self.children if wide else self.accounts

    def companies_within(self, access: Access) -> frozenset[str]:
        return frozenset(a.company for a in self.accounts_within(access) if a.company)

    def held(self, account: UUID) -> CallerAccount | None:
        """The account of this id, if the caller may act for it or for one above it."""
        return next((a for a in self.accounts + self.children if a.id == account), None)

    def choosing(self, account: UUID) -> "Principal":
        """The caller confined to one account; NotFound for one that is not theirs."""
        if self.held(account) is None:
            raise NotFound("There is no such account.", argument="account")
        # A child stays a child: rights that do not reach children do not reach it now either.
        return replace(
            self,
            accounts=tuple(a for a in self.accounts if a.id == account),
            children=tuple(a for a in self.children if a.id == account),
        )

    @property
    def price_lists(self) -> frozenset[UUID]:
        """The price lists whose prices the caller may see: those that the accounts buy by."""
        found = map(self.terms_of, self.accounts)
        return frozenset(terms.price_list for terms in found if terms is not None)

    @property
    def terms(self) -> Terms | None:
        """On what terms the caller buys; None where the caller's accounts differ in them."""
        found = {self.terms_of(account) for account in self.accounts}
        return found.pop() if len(found) == 1 else None

    def terms_of(self, account: CallerAccount) -> Terms | None:
        """
        On what terms the caller buys for this account; None without a price list.

        A contact's own terms come first at its parent account, and after those of any other.
        """
        sides: list[CallerAccount | CallerContact] = [account]
        if self.contact is not None:
            sides.insert(0 if self.contact.account == account.id else 1, self.contact)
        price_list = next((side.price_list for side in sides if side.price_list), None)
        currency = next((side.currency for side in sides if side.currency), None)
        return Terms(price_list, currency) if price_list else None
