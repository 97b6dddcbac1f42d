"""
Queries of Dataverse for a person, and the meaning of their rows. One call can hold all of it: the
contact of an identity and of an address, their accounts inside of them, and the address's parties.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.auth import principal
from gateway.auth.customers import Customer, Identity
from gateway.auth.rejections import Reason, Rejected
from gateway.config.parsers import PartnerAccount
from gateway.model.tables import Row, paths
from gateway.schema.business.accounts import Account, ActiveState, Contact
from gateway.schema.identities import (
    ContactForParty,
    ExternalIdentity,
    SiteWebRole,
    SiteWebRoleHolder,
    WebRole,
    WebRoleHolder,
)
from gateway.upstream.conditions import All, AnyOf, Compare, Condition, one_of
from gateway.upstream.forbidden import LOOK_AGAIN
from gateway.upstream.names import Names, lookup_value
from gateway.upstream.odata import ODataQuery, logical

log = logging.getLogger(__name__)

EMAIL = re.compile(r"[A-Za-z0-9.!#$&'+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
"""Addresses that are looked up: ASCII, so that no two of them fold into one, and no wildcard."""

_ACTIVE: Any = ActiveState.ACTIVE.value
ACTIVE = Compare(Account.__table__.scalar_of("state"), "eq", _ACTIVE)
PARENT, CUSTOMER = lookup_value("parentaccountid"), lookup_value("parentcustomerid")
ADDRESS = Contact.__table__.scalar_of("email")
TERMS = ("_price_list_id", "_currency_id")
CONTACT = paths(Contact, "_id", "name", "email", "state", "account", "_master", *TERMS)
ACCOUNT = paths(Account, "_id", "number", "state", "company", *TERMS)

OF_IDENTITY = logical(ExternalIdentity.__table__.scalar_of("contact"))
OF_CONTACT = f"{logical(CUSTOMER)}_{Account.__table__.entity}"
OF_PARTY = logical(ContactForParty.__table__.scalar_of("account"))
PARTY_ADDRESS = f"{logical(ContactForParty.__table__.scalar_of('contact'))}/{ADDRESS}"
IDENTITY_ADDRESS = f"{OF_IDENTITY}/{ADDRESS}"
"""The steps to the row that travels inside, and to the address of a party or an identity."""


WITHOUT: dict[type[Row], str] = {
    ExternalIdentity: "callers are found by verified e-mail alone, as with "
    "GATEWAY_EXTERNAL_IDENTITIES=off",
    ContactForParty: "only a contact's parent is its account, as with GATEWAY_CONTACT_PARTIES=off",
    **dict.fromkeys(
        (WebRole, WebRoleHolder, SiteWebRole, SiteWebRoleHolder),
        "nobody has web roles of it: see GATEWAY_WEB_ROLES",
    ),
}
"""The consequence of the absence of each of these tables; nobody can be found by it then."""


class AbsentTables:
    """The tables that could not be read of late; the log tells of each once."""

    def __init__(self, names: Names, clock: Callable[[], float]) -> None:
        self._names, self._clock = names, clock
        self._told: set[type[Row]] = set()
        self._until: dict[type[Row], float] = {}

    def __contains__(self, cls: type[Row]) -> bool:
        is_missing = self._names.is_missing(cls.__table__.entity)
        return is_missing or self._clock() < self._until.get(cls, 0.0)

    def add(self, cls: type[Row]) -> None:
        if cls not in self._told:
            self._told.add(cls)
            log.warning("no %s can be read: %s", cls.__table__.entity, WITHOUT[cls])
        if cls not in self:  # others look again for what the names call missing
            self._until[cls] = self._clock() + LOOK_AGAIN


@dataclass(frozen=True, slots=True)
class WebRoles:
    """One data model of Power Pages for web roles and those who hold them."""

    role: type[WebRole | SiteWebRole]
    holder: type[WebRoleHolder | SiteWebRoleHolder]


WEB_ROLES = {
    "adx": WebRoles(WebRole, WebRoleHolder),
    "mspp": WebRoles(SiteWebRole, SiteWebRoleHolder),
}


def _with(own: Iterable[str], step: str, inside: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted([*own, *(f"{step}/{path}" for path in inside)]))


PERSON = _with(CONTACT, OF_CONTACT, ACCOUNT)
IDENTITY = _with(paths(ExternalIdentity), OF_IDENTITY, PERSON)
PARTY = _with(paths(ContactForParty), OF_PARTY, ACCOUNT)


def identities(of: Iterable[Identity], *, addresses: bool) -> ODataQuery:
    """
    The external identities of persons at their providers, with contacts and accounts. With
    `addresses` also those of whoever has one of their e-mail addresses: whom these belong to.
    """
    table, persons = ExternalIdentity.__table__, list(of)
    provider = one_of(table.scalar_of("provider"), [issuer for issuer, _, _ in persons])
    who = one_of(table.scalar_of("subject"), [subject for _, subject, _ in persons])
    emails = [email for _, _, email in persons if email and EMAIL.fullmatch(email)]
    if addresses and emails:
        who = AnyOf((who, one_of(IDENTITY_ADDRESS, emails)))
    return ODataQuery(table.entity, IDENTITY, All((provider, who)))


def identities_of(issuer: str, contacts: Iterable[UUID]) -> Condition:
    """Any external identities of contacts at a provider."""
    table = ExternalIdentity.__table__
    provider = Compare(table.scalar_of("provider"), "eq", issuer)
    return All((provider, one_of(table.scalar_of("contact"), list(contacts))))


def contacts_at(*emails: str) -> ODataQuery:
    """The active contacts of addresses, with their accounts; two of one, as more are too many."""
    where = All((one_of(ADDRESS, emails), ACTIVE))
    return ODataQuery("contact", PERSON, where, top=2 if len(emails) == 1 else None)


def parties_at(*emails: str) -> ODataQuery:
    """The places in the party model of whoever has these addresses, with the accounts."""
    return ODataQuery(ContactForParty.__table__.entity, PARTY, one_of(PARTY_ADDRESS, emails))


def at(email: str) -> Condition:
    """Contacts of an address, and of what Dataverse takes for the same."""
    return Compare(ADDRESS, "eq", email)


def only(contacts: list[Contact], email: str) -> Contact | None:
    """The one contact of an address. Rejected where more of them are active."""
    if len([each for each in contacts if each.state is ActiveState.ACTIVE]) > 1:
        keys = ", ".join(str(each._id) for each in contacts)
        log.warning("several active contacts have one e-mail address: %s", keys)
        raise Rejected(Reason.AMBIGUOUS)
    return contacts[0] if contacts and is_at(contacts[0], email) else None


def is_at(contact: Contact, email: str) -> bool:
    """True if an address is a contact's own, and not just taken for it by Dataverse."""
    return str(contact.email).strip().lower() == email.lower()


def exactly(issuer: str, subject: str, rows: Iterable[Any]) -> list[ExternalIdentity]:
    """The identities that are this one, and not just taken for it by Dataverse."""
    known = map(ExternalIdentity, rows)
    return [each for each in known if (each.provider, each.subject) == (issuer, subject)]


def is_of(issuer: str, identity: ExternalIdentity) -> bool:
    """True if an identity is one at a provider, or at one that Dataverse takes for the same."""
    return str(identity.provider).strip().casefold() == issuer.casefold()


def identified(row: ExternalIdentity) -> Contact | None:
    """The contact of an external identity, where it travelled along."""
    inside = row.raw.get(OF_IDENTITY)
    found = Contact(inside) if isinstance(inside, Mapping) else None
    return found if found is not None and found._id == row.contact else None


def beyond_doubt(
    persons: Sequence[Identity],
    identified_rows: Iterable[Any],
    contact_rows: Iterable[Any],
    party_rows: Iterable[Any],
) -> dict[Identity, Customer]:
    """
    The persons that the combined rows identify completely; persons who need a second lookup, or who
    are not unique, are left out.
    """
    held: dict[tuple[str | None, str | None], list[ExternalIdentity]] = {}
    bound: dict[UUID | None, list[ExternalIdentity]] = {}
    for row in map(ExternalIdentity, identified_rows):
        bound.setdefault(row.contact, []).append(row)
        held.setdefault((row.provider, row.subject), []).append(row)
    at_address: dict[str, list[Contact]] = {}
    for each in map(Contact, contact_rows):
        at_address.setdefault(str(each.email).strip().lower(), []).append(each)
    parties = [ContactForParty(row) for row in party_rows]
    asked = {email.lower() for _, _, email in persons if email}
    # Dataverse takes more addresses for the same than we do: of whom, only a single look-up tells.
    by_address = {} if at_address.keys() - asked else at_address
    found: dict[Identity, Customer] = {}
    for issuer, subject, email in persons:
        rows = held.get((issuer, subject))
        candidates = (
            [identified(row) for row in rows] if rows else by_address.get((email or "").lower(), [])
        )
        contact = candidates[0] if len(candidates) == 1 else None
        theirs = bound.get(contact._id, []) if contact is not None and not rows else []
        if any(is_of(issuer, row) for row in theirs):
            continue  # who is found by that identity alone there
        if contact is not None and email and is_at(contact, email):
            own = [party for party in parties if party.contact == contact._id]
            if (customer := _whole(contact, own)) is not None:
                found[issuer, subject, email] = customer
    return found


def _whole(contact: Contact, parties: list[ContactForParty]) -> Customer | None:
    """The customer that an active contact is, where all of its accounts travelled along."""
    keys, inside = accounts_of(contact, parties), accounts_inside(contact, parties)
    accounts = [inside[key] for key in keys if key in inside]
    active = tuple(account_of(each) for each in accounts if each.state is ActiveState.ACTIVE)
    if contact.state is not ActiveState.ACTIVE or len(accounts) < len(keys) or not active:
        return None
    return Customer(contact_of(contact, parties), active)


def stands(party: ContactForParty) -> bool:
    """True if a person's place at a customer has not ended."""
    return party.state is ActiveState.ACTIVE


def accounts_of(contact: Contact, parties: Iterable[ContactForParty]) -> list[UUID]:
    """The keys of what may be a person's accounts, by either model."""
    parent = contact.raw[CUSTOMER]
    own = [UUID(parent)] if parent else []
    return list(dict.fromkeys([*own, *(p.account for p in parties if p.account and stands(p))]))


def accounts_inside(contact: Contact, parties: Iterable[ContactForParty]) -> dict[UUID, Account]:
    """The accounts that travelled along, by their keys."""
    inside = [contact.raw.get(OF_CONTACT), *(party.raw.get(OF_PARTY) for party in parties)]
    accounts = [Account(raw) for raw in inside if isinstance(raw, Mapping)]
    return {account._id: account for account in accounts}


def contact_of(row: Contact, parties: Iterable[ContactForParty]) -> principal.CallerContact:
    parent = row.raw[CUSTOMER]
    return principal.CallerContact(
        row._id,
        row.name or "",
        row.email,
        row._price_list_id,
        row._currency_id,
        account=UUID(parent) if parent else None,
        parties=tuple(party.id for party in parties),
    )


def numbered(wanted: Iterable[PartnerAccount]) -> Condition:
    """Accounts with the numbers of those that configuration names."""
    return one_of(Account.__table__.scalar_of("number"), [each.number for each in wanted])


def configured(
    rows: Iterable[Account], wanted: Collection[PartnerAccount]
) -> tuple[principal.CallerAccount, ...]:
    """The active ones of the accounts that configuration names."""
    mapped = [account_of(row) for row in rows if row.state is ActiveState.ACTIVE]
    return tuple(
        each for each in mapped if PartnerAccount(each.number or "", each.company or "") in wanted
    )


def account_of(row: Account) -> principal.CallerAccount:
    company = row.company
    return principal.CallerAccount(
        row._id,
        row.number,
        company.lower() if company else None,
        row._price_list_id,
        row._currency_id,
    )
