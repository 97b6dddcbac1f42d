"""
A verified identity -> the contact and the customer accounts behind it, from Dataverse.

It asks before there is a principal, so its queries are fixed and take typed arguments alone. What
comes back is compared exactly, as Dataverse's own equality ignores case and trailing blanks.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from gateway.auth.expiring import Expiring
from gateway.auth.principal import Account, Contact
from gateway.auth.rejections import Reason, Rejected
from gateway.errors import UpstreamError, UpstreamRefused
from gateway.parsers import PartnerAccount
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import All, Compare, Condition, one_of, value_at
from gateway.upstream.odata import Query
from gateway.upstream.sender import now
from gateway.upstream.service import Service, is_no_table

log = logging.getLogger(__name__)

REMEMBER = 60.0
"""Seconds until a change in Dataverse takes effect: who is deactivated is out after a minute."""
CALLS = 10
"""Upstream calls of one look-up at most, pages included."""

EMAIL = re.compile(r"[A-Za-z0-9.!#$&'+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
"""Addresses that are looked up: ASCII, so that no two of them fold into one, and no wildcard."""

ACTIVE = Compare("statecode", "eq", 0)
COMPANY = "msdyn_company/cdm_companycode"
EXTERNAL_IDENTITY = ("adx_username", "adx_identityprovidername", "_adx_contactid_value")
TERMS = ("_defaultpricelevelid_value", "_transactioncurrencyid_value")
NOBODY = "(nobody)"
"""An issuer and subject that no token can have."""
CONTACT = (
    "contactid",
    "fullname",
    "emailaddress1",
    "statecode",
    "_parentcustomerid_value",
    *TERMS,
)
ACCOUNT = ("accountid", "accountnumber", "statecode", COMPANY, *TERMS)
CHILD = (*ACCOUNT, "_parentaccountid_value")
GENERATIONS = 5
"""How far below an account its children's children are looked for."""

CONTACT_FOR_PARTY = (
    "msdyn_contactforpartyid",
    "statecode",
    "msdyn_isinactive",
    "_msdyn_contact_value",
    "_msdyn_associatedcustomerid_value",
)


WITHOUT = {
    "adx_externalidentities": "callers are found by verified e-mail alone, as with "
    "GATEWAY_EXTERNAL_IDENTITIES=off",
    "msdyn_contactforparties": "only a contact's parent is its account, as with "
    "GATEWAY_CONTACT_PARTIES=off",
}
"""What follows where one of these tables is not there; nobody can be found by it then."""


@dataclass(frozen=True, slots=True)
class WebRoles:
    """How one generation of Power Pages keeps web roles, and who holds them (N:N)."""

    collection: str
    key: str
    name: str
    holders: str

    @property
    def select(self) -> tuple[str, ...]:
        return (self.key, self.name, "statecode")


WEB_ROLES = {
    "adx": WebRoles("adx_webroles", "adx_webroleid", "adx_name", "adx_webrole_contactset"),
    "mspp": WebRoles(
        "mspp_webroles",
        "mspp_webroleid",
        "mspp_name",
        "powerpagecomponent_mspp_webrole_contactset",
    ),
}

Row = dict[str, Any]
Identity = tuple[str, str, str | None]
"""Issuer, subject and verified e-mail address of a token."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A person and the accounts that the person may act for; at least one."""

    contact: Contact
    accounts: tuple[Account, ...]
    web_roles: frozenset[str] = frozenset()
    """The names of the contact's web roles in Power Pages, where the directory looks for them."""


class Directory:
    """Looks callers up in Dataverse and remembers the outcome, good or bad, for a minute."""

    def __init__(
        self,
        service: Service,
        *,
        deadline: float,
        external_identities: bool = True,
        contact_parties: bool = True,
        web_roles: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        `deadline`: seconds for one look-up. Without `external_identities` only e-mail counts,
        without `contact_parties` only the contact's parent is its account. `web_roles`: the
        generations of Power Pages whose roles count, of `WEB_ROLES`.
        """
        self._service = service
        self._deadline = deadline
        self._external_identities = external_identities
        self._contact_parties = contact_parties
        self._web_roles = [WEB_ROLES[name] for name in web_roles]
        self._clock = clock
        self._absent: set[str] = set()
        self._customers: Expiring[Identity, Customer | Reason] = Expiring(clock)
        self._locks: WeakValueDictionary[Identity, asyncio.Lock] = WeakValueDictionary()
        self._children: Expiring[tuple[Account, ...], tuple[Account, ...]] = Expiring(clock)
        self._seen: Expiring[str, Customer] = Expiring(clock)
        self._partners: Expiring[tuple[PartnerAccount, ...], tuple[Account, ...]] = Expiring(clock)

    async def start(self) -> None:
        """Look whether the tables that are asked are there; the log says early what is not."""
        try:
            await self._by_identity(NOBODY, NOBODY)
            if self._contact_parties:
                await self._parties_of({"contactid": str(UUID(int=0))})
        except UpstreamError as error:
            log.warning("callers cannot be looked up yet: %s", error.message)

    def known(self, issuer: str, subject: str, email: str | None) -> Customer | None:
        """As `customer`, where that was looked up of late and found."""
        outcome = self._customers.get((issuer, subject, email))
        return outcome if isinstance(outcome, Customer) else None

    async def customer(self, issuer: str, subject: str, email: str | None) -> Customer:
        """
        The active contact with this external identity, else with this verified e-mail address.

        Rejected where there is none, or none without doubt; UpstreamError where it cannot be told.
        """
        key = issuer, subject, email
        outcome = self._customers.get(key)
        if outcome is None:
            # A page of the portal asks several things at once: one of them looks the caller up.
            lock = self._locks.setdefault(key, asyncio.Lock())
            async with lock:
                outcome = self._customers.get(key) or await self._outcome(key)
        if isinstance(outcome, Reason):
            raise Rejected(outcome)
        return outcome

    async def _outcome(self, key: Identity) -> Customer | Reason:
        until = self._clock() + REMEMBER
        outcome: Customer | Reason
        try:
            outcome = await self._find(*key)
        except Rejected as rejected:
            outcome = rejected.reason
        self._customers.put(key, outcome, until=until)
        return outcome

    async def accounts(self, wanted: tuple[PartnerAccount, ...]) -> tuple[Account, ...]:
        """The active ones of the accounts that configuration names. Rejected where none is."""
        found = self._partners.get(wanted)
        if found is None:
            until = self._clock() + REMEMBER
            rows = await self._read(
                "accounts", ACCOUNT, one_of("accountnumber", [each.number for each in wanted])
            )
            mapped = [_account(row) for row in rows if ACTIVE.holds(row)]
            found = tuple(
                each
                for each in mapped
                if PartnerAccount(each.number or "", each.company or "") in wanted
            )
            self._partners.put(wanted, found, until=until)
        if not found:
            raise Rejected(Reason.NO_ACCOUNT)
        return found

    async def named(self, name: str) -> Customer:
        """The active contact of this id or e-mail address, for staff. Rejected without one."""
        found = self._seen.get(name)
        if found is None:
            until = self._clock() + REMEMBER
            found = await self._customer(await self._by_id(name) or await self._by_email(name))
            self._seen.put(name, found, until=until)
        return found

    async def children(self, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        """The active accounts below these, children's children too."""
        found = self._children.get(accounts)
        if found is None:
            until = self._clock() + REMEMBER
            found = await self._below(accounts)
            self._children.put(accounts, found, until=until)
        return found

    async def _below(self, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        known = {account.id: account for account in accounts}
        latest = list(known)
        for _ in range(GENERATIONS):
            where = All((one_of("_parentaccountid_value", latest), ACTIVE))
            rows = map(_account, await self._read("accounts", CHILD, where))
            new = {row.id: row for row in rows if row.id not in known}
            known |= new
            latest = list(new)
            if not latest:
                break
        return tuple(known.values())[len(accounts) :]

    async def _find(self, issuer: str, subject: str, email: str | None) -> Customer:
        return await self._customer(
            await self._by_identity(issuer, subject) or await self._by_email(email)
        )

    async def _customer(self, row: Row | None) -> Customer:
        if row is None:
            raise Rejected(Reason.NO_CONTACT)
        if not ACTIVE.holds(row):
            raise Rejected(Reason.INACTIVE)
        parties = await self._parties_of(row)
        accounts = await self._accounts_of(row, parties)
        return Customer(_contact(row, parties), accounts, await self._web_roles_of(row))

    async def _by_identity(self, issuer: str, subject: str) -> Row | None:
        if not self._external_identities:
            return None
        where = All(
            (
                Compare("adx_identityprovidername", "eq", issuer),
                Compare("adx_username", "eq", subject),
            )
        )
        rows = await self._optional("adx_externalidentities", EXTERNAL_IDENTITY, where)
        contacts = {row["_adx_contactid_value"] for row in rows} - {None}
        if len(contacts) > 1:
            raise Rejected(Reason.AMBIGUOUS)
        if not contacts:
            return None
        return await self._by_id(contacts.pop())

    async def _by_id(self, name: str) -> Row | None:
        try:
            key = Compare("contactid", "eq", UUID(name))
        except ValueError:
            return None
        return _only(await self._read("contacts", CONTACT, key))

    async def _by_email(self, email: str | None) -> Row | None:
        if email is None or not EMAIL.fullmatch(email):
            return None
        # Not compared exactly: whoever else Dataverse takes for this address makes it ambiguous.
        where = Compare("emailaddress1", "eq", email)
        page = await self._service.fetch(
            Query("contacts", CONTACT, where, top=2), self._allowance()
        )
        row = _only(page.rows)
        return row if row and str(row["emailaddress1"]).lower() == email.lower() else None

    async def _parties_of(self, contact: Row) -> list[Row]:
        """The contact's places in the party model, which links people and customers N:N."""
        if not self._contact_parties:
            return []
        where = Compare("_msdyn_contact_value", "eq", UUID(contact["contactid"]))
        return await self._optional("msdyn_contactforparties", CONTACT_FOR_PARTY, where)

    async def _accounts_of(self, contact: Row, parties: Iterable[Row]) -> tuple[Account, ...]:
        """The active accounts among its parent and its parties' customers, by either model."""
        named = [contact["_parentcustomerid_value"], *map(_customer_of, parties)]
        ids = [UUID(name) for name in named if name is not None]
        where = All((one_of("accountid", ids), ACTIVE))
        rows = await self._read("accounts", ACCOUNT, where) if ids else []
        if not rows:
            raise Rejected(Reason.NO_ACCOUNT)
        return tuple(map(_account, rows))

    async def _web_roles_of(self, contact: Row) -> frozenset[str]:
        """The names of the active web roles that are given to the contact."""
        found: set[str] = set()
        for kept in self._web_roles:
            where = Compare("contactid", "eq", UUID(contact["contactid"]))
            held = await self._read(kept.holders, ("contactid", kept.key), where)
            of = one_of(kept.key, [UUID(row[kept.key]) for row in held])
            rows = await self._read(kept.collection, kept.select, of) if held else []
            found.update(row[kept.name] for row in rows if ACTIVE.holds(row))
        return frozenset(found)

    async def _optional(
        self, collection: str, select: tuple[str, ...], where: Condition
    ) -> list[Row]:
        """As `_read`, of a table that not every environment has; without it, there are no rows."""
        try:
            return await self._read(collection, select, where)
        except UpstreamRefused as error:
            if not is_no_table(error):
                raise
            if collection not in self._absent:
                self._absent.add(collection)
                log.warning("Dataverse has no %s: %s", collection, WITHOUT[collection])
            return []

    async def _read(self, collection: str, select: tuple[str, ...], where: Condition) -> list[Row]:
        """The rows for which `where` holds exactly, however the service compares."""
        page = await self._service.fetch(Query(collection, select, where), self._allowance())
        return [row for row in page.rows if where.holds(row)]

    def _allowance(self) -> Allowance:
        return Allowance(CALLS, now() + self._deadline)


def _only(rows: Iterable[Row]) -> Row | None:
    match list(rows):
        case []:
            return None
        case [row]:
            return row
        case _:
            raise Rejected(Reason.AMBIGUOUS)


def _customer_of(party: Row) -> str | None:
    """The customer, an account or a person, that the party row is about; None once it ended."""
    ended = party["msdyn_isinactive"] or not ACTIVE.holds(party)
    found: str | None = party["_msdyn_associatedcustomerid_value"]
    return None if ended else found


def _contact(row: Row, parties: Iterable[Row]) -> Contact:
    parent = row["_parentcustomerid_value"]
    return Contact(
        UUID(row["contactid"]),
        row["fullname"] or "",
        row["emailaddress1"],
        *_terms(row),
        account=UUID(parent) if parent else None,
        parties=tuple(UUID(party["msdyn_contactforpartyid"]) for party in parties),
    )


def _account(row: Row) -> Account:
    company = value_at(row, COMPANY)
    return Account(
        UUID(row["accountid"]),
        row["accountnumber"],
        company.lower() if company else None,
        *_terms(row),
    )


def _terms(row: Row) -> tuple[UUID | None, UUID | None]:
    """Price list and currency."""
    price_list, currency = (row[name] for name in TERMS)
    return UUID(price_list) if price_list else None, UUID(currency) if currency else None
