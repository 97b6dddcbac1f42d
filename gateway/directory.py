"""
A verified identity -> the contact and the customer accounts behind it, from Dataverse.

It asks before there is a principal, so its queries are fixed and take typed arguments alone. What
comes back is compared exactly, as Dataverse's own equality ignores case and trailing blanks.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from gateway.admission.deadlines import due
from gateway.admission.errands import Errand, Lane
from gateway.admission.vault import Vault
from gateway.auth import principal
from gateway.auth.customers import Customer, Identity
from gateway.auth.kept import Kept
from gateway.auth.rejections import Reason, Rejected
from gateway.auth.shared_outcomes import outcomes_in
from gateway.config.parsers import PartnerAccount
from gateway.errors import NotAvailableHere, UpstreamError
from gateway.model.tables import Row, paths
from gateway.persons import (
    ACCOUNT,
    ACTIVE,
    CONTACT,
    EMAIL,
    IDENTITY_ADDRESS,
    PARENT,
    PARTY,
    PARTY_ADDRESS,
    PERSON,
    WEB_ROLES,
    AbsentTables,
    account_of,
    accounts_inside,
    accounts_of,
    at,
    beyond_doubt,
    configured,
    contact_of,
    contacts_at,
    exactly,
    identified,
    identities,
    identities_of,
    is_at,
    is_of,
    numbered,
    only,
    parties_at,
    stands,
)
from gateway.schema.business.accounts import Account, ActiveState, Contact
from gateway.schema.identities import ContactForParty, ExternalIdentity
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import All, Compare, Condition, one_of
from gateway.upstream.odata import ODataQuery
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

CALLS = 10
"""Upstream calls of one look-up at most, pages included."""

CHILD = ACCOUNT | {PARENT}
NOBODY: Identity = "(nobody)", "(nobody)", None
"""An issuer and subject that no token can have."""
GENERATIONS = 5
"""The number of levels of child accounts that are followed below an account."""
MERGES = 5
"""The number of merges of contacts that are followed to the one that is left."""

R = TypeVar("R", bound=Row)
Accounts = tuple[principal.CallerAccount, ...]
Verdict = Customer | Reason
Partners = tuple[PartnerAccount, ...]
Asked = ODataQuery | None


class Directory:
    """Looks callers up in Dataverse and keeps the outcome, good or bad, as `Kept` says."""

    def __init__(
        self,
        service: Service,
        *,
        deadline: float,
        external_identities: bool = True,
        contact_parties: bool = True,
        web_roles: Collection[str] = (),
        outage: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
        vault: Vault | None = None,
    ) -> None:
        """
        `deadline`: seconds for one look-up. Without `external_identities` only e-mail counts,
        without `contact_parties` only the contact's parent is its account. `web_roles`: the
        generations of Power Pages whose roles count, of `WEB_ROLES`. `outage`: seconds for which
        callers stay known while Dataverse cannot be asked. `vault`: what replicas share.
        """
        self._service = service
        self._deadline = deadline
        self._external_identities, self._contact_parties = external_identities, contact_parties
        self._web_roles = [WEB_ROLES[name] for name in web_roles]
        self._absent = AbsentTables(service.names, clock)
        self._renewing: asyncio.Task[None] | None = None
        mine = service.root, external_identities, contact_parties, *sorted(web_roles)

        def keep(look_up: Any, kind: str, of: Any) -> Any:
            return Kept(look_up, outage, clock, outcomes_in(vault, mine, kind, of))

        self._customers: Kept[Identity, Verdict] = keep(self._outcome, "customers", Verdict)
        self._children: Kept[Accounts, Accounts] = keep(self._below, "children", Accounts)
        self._partners: Kept[Partners, Accounts] = keep(self._configured, "partners", Accounts)
        self._seen: Kept[str, Customer] = Kept(self.by_name, outage, clock)
        self.kept = self._customers, self._children, self._seen, self._partners

    async def start(self) -> None:
        """Look whether the tables that are asked are there; the log says early what is not."""
        try:
            await self._look_around()
        except UpstreamError as error:
            log.warning("callers cannot be looked up yet: %s", error.message)
        if not self._web_roles:  # which would have to be looked up for each of them
            self._renewing = asyncio.create_task(self._customers.keep_fresh(self._renewed))

    async def renew(self) -> None:
        """Look up the callers of the last minutes again, many by one call; `start` repeats this."""
        await self._customers.renew(self._renewed)

    def stop(self) -> None:
        """Stop renewing callers."""
        if self._renewing is not None:
            self._renewing.cancel()

    async def _look_around(self) -> None:
        if self._external_identities:
            await self._optional(ExternalIdentity, identities([NOBODY], addresses=False).where)
        await self._parties_of("contact", [UUID(int=0)])

    def known(self, issuer: str, subject: str, email: str | None) -> Customer | None:
        """As `customer`, where that was looked up of late and found."""
        outcome = self._customers.fresh((issuer, subject, email))
        return outcome if isinstance(outcome, Customer) else None

    async def customer(self, issuer: str, subject: str, email: str | None) -> Customer:
        """
        The active contact with this external identity, else with this verified e-mail address.

        Rejected where there is none, or none without doubt; UpstreamError where it cannot be told.
        """
        key = issuer, subject, email
        outcome = await self._customers.of(key)
        if isinstance(outcome, Reason):
            raise Rejected(outcome)
        return outcome

    async def _outcome(self, key: Identity) -> Verdict:
        try:
            return await self._find(*key)
        except Rejected as rejected:
            return rejected.reason

    async def accounts(self, wanted: Partners) -> Accounts:
        """The active ones of the accounts that configuration names. Rejected where none is."""
        found = await self._partners.of(wanted)
        if not found:
            raise Rejected(Reason.NO_ACCOUNT)
        return found

    async def _configured(self, wanted: Partners) -> Accounts:
        return configured(await self._read(Account, ACCOUNT, numbered(wanted)), wanted)

    async def named(self, name: str) -> Customer:
        """The active contact of this id or e-mail address, for staff. Rejected without one."""
        return await self._seen.of(name)

    async def by_name(self, name: str) -> Customer:
        """As `named`, as it is now."""
        return await self._customer(await self._by_id(name) or await self._by_email(name))

    async def contacts(self, parties: Collection[UUID]) -> Mapping[UUID, UUID]:
        """The contacts who have these places in the party model, of those places that stand."""
        found = await self._parties_of("id", parties)
        return {each.id: each.contact for each in found if each.contact and stands(each)}

    async def children(self, accounts: Accounts) -> Accounts:
        """The active accounts below these, children's children too."""
        return await self._children.of(accounts)

    async def _below(self, accounts: Accounts) -> Accounts:
        known = {account.id: account for account in accounts}
        latest = list(known)
        for _ in range(GENERATIONS):
            where = All((one_of(PARENT, latest), ACTIVE))
            rows = map(account_of, await self._read(Account, CHILD, where))
            new = {row.id: row for row in rows if row.id not in known}
            known |= new
            latest = list(new)
            if not latest:
                break
        return tuple(known.values())[len(accounts) :]

    async def _find(self, issuer: str, subject: str, email: str | None) -> Customer:
        try:
            return await self._found(issuer, subject, email)
        except NotAvailableHere:
            await self._look_around()  # a table is not there of which that was not known
            return await self._found(issuer, subject, email)

    async def _found(self, issuer: str, subject: str, email: str | None) -> Customer:
        """All that can be asked at once is one call, which mostly is all that there is to ask."""
        address = email if email is not None and EMAIL.fullmatch(email) else None
        identity = self._identities([(issuer, subject, email)])
        places = self._parties_at(address) if address else None
        identified_, contacts, parties = await self._at_once(
            identity, contacts_at(address) if address else None, places
        )
        found = await self._identified(issuer, subject, identified_)
        if found is None and address:
            mailed = await self._of_address(address, contacts)
            if mailed is not None:
                found = await self._survivor(mailed)
                await self._check_unbound(issuer, mailed, found, identified_)
        known = None
        if found is not None and address and places and is_at(found, address):
            known = [ContactForParty(row) for row in parties]
        return await self._customer(found, known)

    async def _renewed(self, keys: Sequence[Identity]) -> dict[Identity, Verdict]:
        """Those of many persons of whom one call for all says all that there is to know."""
        persons = [key for key in keys if key[2] is not None and EMAIL.fullmatch(key[2])]
        emails = [email for _, _, email in persons if email]
        places = self._parties_at(*emails) if emails else None
        if not emails or (places is None and self._has_parties):
            return {}
        identity = self._identities(persons)
        if identity is not None and not self._knows_addresses:
            return {}  # whether an address is bound to an identity takes a question for each
        rows = await self._at_once(identity, contacts_at(*emails), places, lane=Lane.FEEDS)
        return {**beyond_doubt(persons, *rows)}

    async def _at_once(self, *queries: Asked, lane: Lane = Lane.IDENTITY) -> list[list[Any]]:
        """The rows that answer each of the queries, by one call; no rows where there is none."""
        asked = [query for query in queries if query is not None]
        pages = await self._service.fetch_together(asked, self._allowance(lane)) if asked else []
        rows = iter(page.rows for page in pages)
        return [[] if query is None else next(rows) for query in queries]

    def _identities(self, of: Iterable[Identity]) -> Asked:
        asked = self._external_identities and ExternalIdentity not in self._absent
        return identities(of, addresses=self._knows_addresses) if asked else None

    @property
    def _knows_addresses(self) -> bool:
        """True if identities can be asked for by the address of their contact."""
        return self._service.names.has(ExternalIdentity.__table__.entity, IDENTITY_ADDRESS)

    def _parties_at(self, *emails: str) -> Asked:
        has = self._service.names.has(ContactForParty.__table__.entity, PARTY_ADDRESS)
        return parties_at(*emails) if self._has_parties and has else None

    @property
    def _has_parties(self) -> bool:
        return self._contact_parties and ContactForParty not in self._absent

    async def _identified(self, issuer: str, subject: str, rows: list[Any]) -> Contact | None:
        """The contact of the external identity. Rejected where there are several."""
        found = {row.contact: row for row in exactly(issuer, subject, rows) if row.contact}
        if len(found) > 1:
            raise Rejected(Reason.AMBIGUOUS)
        for key, row in found.items():
            return identified(row) or await self._by_key(key)
        return None

    async def _customer(
        self, contact: Contact | None, parties: Iterable[ContactForParty] | None = None
    ) -> Customer:
        """The customer of a contact; `parties`: those of its address, where they are known."""
        if contact is None:
            raise Rejected(Reason.NO_CONTACT)
        named = contact
        contact = await self._survivor(named)
        if contact.state is not ActiveState.ACTIVE:
            raise Rejected(Reason.INACTIVE)
        if parties is None or contact is not named:
            parties = await self._parties_of("contact", [contact._id])
        own = [party for party in parties if party.contact == contact._id]
        accounts = await self._accounts_of(contact, own)
        return Customer(contact_of(contact, own), accounts, await self._web_roles_of(contact))

    async def _survivor(self, contact: Contact) -> Contact:
        """The contact that is left of a merge: the other is deactivated, and names it."""
        for _ in range(MERGES):
            if contact.state is ActiveState.ACTIVE or contact._master is None:
                break
            contact = await self._by_key(contact._master) or contact
        return contact

    async def _check_unbound(
        self, issuer: str, mailed: Contact, survivor: Contact, rows: Iterable[Any]
    ) -> None:
        """
        Reject a contact that has an identity at the provider: it is found by that alone there, as a
        mailbox can be given to somebody else. `survivor`: what a merge left of `mailed`. `rows`:
        identities at the provider, with those of the address where that could be asked.
        """
        keys = dict.fromkeys((mailed._id, survivor._id))
        if any(row.contact in keys and is_of(issuer, row) for row in map(ExternalIdentity, rows)):
            raise Rejected(Reason.BOUND)
        asked = mailed._id if self._knows_addresses else None
        further = [key for key in keys if key != asked]
        if not further or not self._external_identities:
            return
        if await self._optional(ExternalIdentity, identities_of(issuer, further)):
            raise Rejected(Reason.BOUND)

    async def _by_id(self, name: str) -> Contact | None:
        try:
            key = UUID(name)
        except ValueError:
            return None
        return await self._by_key(key)

    async def _by_key(self, key: UUID) -> Contact | None:
        found = await self._read(Contact, PERSON, Compare("contactid", "eq", key))
        return found[0] if found else None

    async def _by_email(self, email: str) -> Contact | None:
        if not EMAIL.fullmatch(email):
            return None
        (active,) = await self._at_once(contacts_at(email))
        return await self._of_address(email, active)

    async def _of_address(self, email: str, active: list[Any]) -> Contact | None:
        """The one active contact of an address; an inactive one where there is none, to say so."""
        if active:
            return only([Contact(row) for row in active], email)
        # Not compared exactly: every contact that Dataverse matches makes the address ambiguous.
        query = ODataQuery("contact", tuple(sorted(CONTACT)), at(email), top=2)
        (rows,) = await self._at_once(query)
        return only([Contact(row) for row in rows], email)

    async def _parties_of(self, column: str, keys: Iterable[UUID]) -> list[ContactForParty]:
        """The places in the party model with one of these keys, ended ones too."""
        if not self._contact_parties:
            return []
        where = one_of(ContactForParty.__table__.scalar_of(column), list(keys))
        return await self._optional(ContactForParty, where, PARTY)

    async def _accounts_of(self, contact: Contact, parties: list[ContactForParty]) -> Accounts:
        """The active accounts among its parent and its parties' customers, by either model."""
        keys, inside = accounts_of(contact, parties), accounts_inside(contact, parties)
        further = [key for key in keys if key not in inside]
        where = All((one_of("accountid", further), ACTIVE))
        rows = [inside[key] for key in keys if key in inside]
        rows += await self._read(Account, ACCOUNT, where) if further else []
        active = tuple(account_of(row) for row in rows if row.state is ActiveState.ACTIVE)
        if not active:
            raise Rejected(Reason.NO_ACCOUNT)
        return active

    async def _web_roles_of(self, contact: Contact) -> frozenset[str]:
        """The names of the active web roles that are given to the contact."""
        found: set[str] = set()
        for kept in self._web_roles:
            holder = kept.holder.__table__.scalar_of("contact")
            held = await self._optional(kept.holder, Compare(holder, "eq", contact._id))
            of = one_of(kept.role.__table__.scalar_of("id"), [row.role for row in held])
            rows = await self._optional(kept.role, of) if held else []
            active = (row for row in rows if row.state is ActiveState.ACTIVE)
            found.update(row.name for row in active if row.name)
        return frozenset(found)

    async def _optional(
        self, cls: type[R], where: Condition, select: Iterable[str] | None = None
    ) -> list[R]:
        """As `_read`, of a table that not every environment has; without it, there are no rows."""
        entity = cls.__table__.entity
        if not self._service.names.is_missing(entity):
            try:
                return await self._read(cls, select or paths(cls), where)
            except NotAvailableHere:
                pass
        self._absent.add(cls)
        return []

    async def _read(self, cls: type[R], select: Iterable[str], where: Condition) -> list[R]:
        """The rows for which `where` holds exactly, however the service compares."""
        query = ODataQuery(cls.__table__.entity, tuple(sorted(select)), where)
        page = await self._service.fetch(query, self._allowance())
        return [cls(row) for row in page.rows if where.holds(row)]

    def _allowance(self, lane: Lane = Lane.IDENTITY) -> Allowance:
        return Allowance(CALLS, due(now() + self._deadline), errand=Errand(lane))
