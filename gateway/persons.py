"""
What is asked of Dataverse to know a person, and what its rows say. One call can hold all of it: the
contact of an identity and of an address, their accounts inside of them, and the address's parties.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from gateway.auth import principal
from gateway.auth.rejections import Reason, Rejected
from gateway.schema.accounts import Account, ActiveState, Contact
from gateway.schema.identities import ContactForParty, ExternalIdentity
from gateway.tables import paths
from gateway.upstream.conditions import All, Compare, Condition
from gateway.upstream.names import lookup_value
from gateway.upstream.odata import Query, logical

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
"""The steps from a row to the one that travels inside of it, and to the address of a party."""


def _with(own: Iterable[str], step: str, inside: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted([*own, *(f"{step}/{path}" for path in inside)]))


PERSON = _with(CONTACT, OF_CONTACT, ACCOUNT)
IDENTITY = _with(paths(ExternalIdentity), OF_IDENTITY, PERSON)
PARTY = _with(paths(ContactForParty), OF_PARTY, ACCOUNT)


def identity(issuer: str, subject: str) -> Query:
    """The external identity of a person at a provider, with the contact and its account."""
    table = ExternalIdentity.__table__
    provider = Compare(table.scalar_of("provider"), "eq", issuer)
    name = Compare(table.scalar_of("subject"), "eq", subject)
    return Query(table.entity, IDENTITY, All((provider, name)))


def contacts_at(email: str) -> Query:
    """Two active contacts of an address, as more than one is too many, with their accounts."""
    return Query("contact", PERSON, All((at(email), ACTIVE)), top=2)


def parties_at(email: str) -> Query:
    """The places in the party model of whoever has an address, with the accounts."""
    where = Compare(PARTY_ADDRESS, "eq", email)
    return Query(ContactForParty.__table__.entity, PARTY, where)


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
    """Whether an address is a contact's own, and not just taken for it by Dataverse."""
    return str(contact.email).strip().lower() == email.lower()


def identified(row: ExternalIdentity) -> Contact | None:
    """The contact of an external identity, where it travelled along."""
    inside = row.raw.get(OF_IDENTITY)
    found = Contact(inside) if isinstance(inside, Mapping) else None
    return found if found is not None and found._id == row.contact else None


def stands(party: ContactForParty) -> bool:
    """Whether a person's place at a customer has not ended."""
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


def contact_of(row: Contact, parties: Iterable[ContactForParty]) -> principal.Contact:
    parent = row.raw[CUSTOMER]
    return principal.Contact(
        row._id,
        row.name or "",
        row.email,
        row._price_list_id,
        row._currency_id,
        account=UUID(parent) if parent else None,
        parties=tuple(party.id for party in parties),
    )


def account_of(row: Account) -> principal.Account:
    company = row.company
    return principal.Account(
        row._id,
        row.number,
        company.lower() if company else None,
        row._price_list_id,
        row._currency_id,
    )
