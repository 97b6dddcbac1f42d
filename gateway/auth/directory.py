"""
A verified identity -> the contact and the customer accounts behind it, from Dataverse.

It asks before there is a principal, so its queries are fixed and take typed arguments alone. What
comes back is compared exactly, as Dataverse's own equality ignores case and trailing blanks.
"""

import asyncio
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
from gateway.parsers import PartnerAccount
from gateway.upstream.odata import All, Compare, Condition, Query, one_of, value_at
from gateway.upstream.service import Allowance, Service

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
CONTACT = (
    "contactid",
    "fullname",
    "emailaddress1",
    "statecode",
    "_parentcustomerid_value",
    *TERMS,
)
CONTACT_FOR_PARTY = (
    "msdyn_contactforpartyid",
    "statecode",
    "msdyn_isinactive",
    "_msdyn_contact_value",
    "_msdyn_associatedcustomerid_value",
)
ACCOUNT = ("accountid", "accountnumber", "statecode", COMPANY, *TERMS)

Row = dict[str, Any]
Identity = tuple[str, str, str | None]
"""Issuer, subject and verified e-mail address of a token."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A person and the accounts that the person may act for; at least one."""

    contact: Contact
    accounts: tuple[Account, ...]


class Directory:
    """Looks callers up in Dataverse and remembers the outcome, good or bad, for a minute."""

    def __init__(
        self,
        service: Service,
        *,
        deadline: float,
        external_identities: bool = True,
        contact_parties: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        `deadline`: seconds for one look-up. Without `external_identities` only e-mail counts,
        without `contact_parties` only the contact's parent is its account.
        """
        self._service = service
        self._deadline = deadline
        self._external_identities = external_identities
        self._contact_parties = contact_parties
        self._clock = clock
        self._customers: Expiring[Identity, Customer | Reason] = Expiring(clock)
        self._locks: WeakValueDictionary[Identity, asyncio.Lock] = WeakValueDictionary()
        self._partners: Expiring[tuple[PartnerAccount, ...], tuple[Account, ...]] = Expiring(clock)

    async def customer(self, issuer: str, subject: str, email: str | None) -> Customer:
        """
        The active contact with this external identity, else with this verified e-mail address.

        Rejected where there is none, or none without doubt; UpstreamError where it cannot be told.
        """
        key = issuer, subject, email
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

    async def _find(self, issuer: str, subject: str, email: str | None) -> Customer:
        row = await self._by_identity(issuer, subject) or await self._by_email(email)
        if row is None:
            raise Rejected(Reason.NO_CONTACT)
        if not ACTIVE.holds(row):
            raise Rejected(Reason.INACTIVE)
        parties = await self._parties_of(row)
        return Customer(_contact(row, parties), await self._accounts_of(row, parties))

    async def _by_identity(self, issuer: str, subject: str) -> Row | None:
        if not self._external_identities:
            return None
        where = All(
            (
                Compare("adx_identityprovidername", "eq", issuer),
                Compare("adx_username", "eq", subject),
            )
        )
        rows = await self._read("adx_externalidentities", EXTERNAL_IDENTITY, where)
        contacts = {row["_adx_contactid_value"] for row in rows} - {None}
        if len(contacts) > 1:
            raise Rejected(Reason.AMBIGUOUS)
        if not contacts:
            return None
        key = Compare("contactid", "eq", UUID(contacts.pop()))
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
        return await self._read("msdyn_contactforparties", CONTACT_FOR_PARTY, where)

    async def _accounts_of(self, contact: Row, parties: Iterable[Row]) -> tuple[Account, ...]:
        """The active accounts among its parent and its parties' customers, by either model."""
        named = [contact["_parentcustomerid_value"], *map(_customer_of, parties)]
        ids = [UUID(name) for name in named if name is not None]
        where = All((one_of("accountid", ids), ACTIVE))
        rows = await self._read("accounts", ACCOUNT, where) if ids else []
        if not rows:
            raise Rejected(Reason.NO_ACCOUNT)
        return tuple(map(_account, rows))

    async def _read(self, collection: str, select: tuple[str, ...], where: Condition) -> list[Row]:
        """The rows for which `where` holds exactly, however the service compares."""
        page = await self._service.fetch(Query(collection, select, where), self._allowance())
        return [row for row in page.rows if where.holds(row)]

    def _allowance(self) -> Allowance:
        return Allowance(CALLS, time.monotonic() + self._deadline)


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
    return Contact(
        UUID(row["contactid"]),
        row["fullname"] or "",
        row["emailaddress1"],
        *_terms(row),
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
