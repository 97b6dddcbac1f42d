"""
Inviting colleagues: a caller gives another person access to an account of theirs.

A person is a row of Dataverse's `contacts`, found by e-mail address when they sign in. Two rows of
one address would lock both out, so an address is invited once, and only where nobody has it.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.invitations import DAY, Invitations
from gateway.auth.principal import CallerAccount, CallerContact, Principal
from gateway.errors import (
    Forbidden,
    InvalidInput,
    NotAvailableHere,
    NotFound,
    NotInvited,
    UpstreamTimeout,
)
from gateway.model.tables import Row, column_of, paths
from gateway.persons import ACTIVE, CUSTOMER, at
from gateway.resolvers.email_addresses import name_mistakes, usable
from gateway.resolvers.orders.input_checks import plain
from gateway.resolvers.orders.input_rules import EMPTY, size, unkept
from gateway.resolvers.own_addresses import account_for
from gateway.resolvers.own_rows import doubt, send
from gateway.resolvers.written_rows import row_of, stated
from gateway.schema.business.accounts import Account, ActiveState, Contact
from gateway.schema.context import Context, Info
from gateway.upstream.conditions import All, Compare, Condition, Like
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_writes import Write

log = logging.getLogger(__name__)

TABLE: Final = Contact.__table__
NEEDS: Final = TABLE.needs
LENGTHS: Final = {"first_name": 50, "last_name": 50, "job_title": 100, "phone": 50}
"""The texts of an invitation, with the lengths of the bare platform's columns."""
KNOWN: Final = paths(
    Contact, "_id", "email", "state", "account", "_version", "_created_at", *LENGTHS
)
TELLING: Final = ("email", "state")
"""The members of which the answer to an invitation that is sent again tells."""
YOUNG: Final = timedelta(minutes=15)
"""The age of a contact up to which it can be what an invitation with a lost answer made."""
EMAIL, CREATED = (column_of(Contact, name) for name in ("email", "_created_at"))
TAKEN: Final = "another contact has the address"
NOT_ADMITTED: Final = "neither policy nor issuers admit the address, with roles of the inviter's"
"""The reasons that the log has, and no caller is told."""
ABSENT: Final = "There is no such Contact."
MOST: Final = 3
"""Contacts of one address that are looked at: one is too many."""


@strawberry.input(description="A colleague to give access to.")
class InviteColleagueInput:
    """A person, and the account."""

    email: str = strawberry.field(
        description="The address that the person signs in with, at most 100 characters."
    )
    last_name: str = strawberry.field(description="The last name, at most 50 characters.")
    first_name: str | None = strawberry.field(
        default=None, description="The first name, at most 50 characters."
    )
    job_title: str | None = strawberry.field(
        default=None, description="The job title, at most 100 characters."
    )
    phone: str | None = strawberry.field(
        default=None, description="The telephone number, at most 50 characters."
    )
    account: strawberry.ID | None = strawberry.field(
        default=None, description="The account; yours, if you act for one alone."
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The person that an invitation asks for, as they would be kept."""

    account: CallerAccount
    email: str
    id: UUID
    texts: dict[str, str | None]


async def invite(info: Info, sent: InviteColleagueInput) -> Contact | None:
    """The colleague, who may have been invited before; None if the caller may not see them."""
    context = info.context
    context.principal.access(NEEDS, "create")
    inviter, invitations = person_of(context), _invitations(context)
    account, email = account_for(context, sent.account), _email(sent)
    wanted = Wanted(account, email, invitations.contact_of(email), _texts(sent))
    seen = {CUSTOMER: str(account.id), TABLE.key_column: str(wanted.id)}
    context.loaders.reader.demand(TABLE, seen, "create", seen=False)
    if not invitations.count(account.id, email):
        raise refused("TOO_MANY")
    await check_standing(context)
    found = await people(context, at(email))
    if not _is_there(context.principal, found, wanted):
        await _check(context, found, wanted)
        problem = await doubt(info, TABLE, await _row(context, inviter, wanted))
        found = await people(context, at(email))
        if not found and isinstance(problem, UpstreamTimeout):
            raise problem
    await _check_alone(info, found, wanted)
    if invitations.tell is not None:
        await invitations.tell(wanted.id)
    return await context.loaders.node(Contact, (wanted.id,), every_column())


def person_of(context: Context) -> CallerContact:
    """The caller's contact; Forbidden for staff and machines, who are nobody's colleagues."""
    if context.principal.contact is None:
        raise Forbidden("Only a person of the account may do this.")
    return context.principal.contact


async def check_standing(context: Context) -> None:
    """Forbidden to who lost their access a moment ago, and is remembered for a minute."""
    if context.stands is None or not await context.stands(context.principal):
        raise Forbidden("Your own access has changed; try again in a minute.")


def _invitations(context: Context) -> Invitations:
    found = context.invitations
    if found is None or not found.are_possible:
        raise NotAvailableHere("Nobody is found by e-mail address here: the seller adds people.")
    return found


def _email(sent: InviteColleagueInput) -> str:
    email = usable(sent.email)
    if email is None:
        said = "email must be an address such as jane@shop.example, at most 100 characters."
        raise InvalidInput(said, argument="email")
    return email


def _texts(sent: InviteColleagueInput) -> dict[str, str | None]:
    """The other texts, without blanks around them; InvalidInput names the first mistake."""
    texts = {name: (plain(getattr(sent, name)) or "").strip(" ") for name in LENGTHS}
    if not texts["last_name"]:
        raise InvalidInput(f"lastName {EMPTY}", argument="lastName")
    for name, text in texts.items():
        wrong = [*name_mistakes(text, of_person=name.endswith("_name")), *unkept(text, None)]
        if size(text) > LENGTHS[name]:
            wrong.append(f"may have at most {LENGTHS[name]} characters.")
        if wrong:
            argument = to_camel_case(name)
            raise InvalidInput(f"{argument} {wrong[0]}", argument=argument)
    return {name: text or None for name, text in texts.items()}


async def people(context: Context, where: Condition) -> list[Contact]:
    """Contacts, whoever's they are, to tell if an address is taken; they are never shown."""
    query = ODataQuery(TABLE.entity, tuple(sorted(KNOWN)), where, top=MOST)
    return [Contact(row) for row in await context.writer.facts(query)]


def _is_there(caller: Principal, found: list[Contact], wanted: Wanted) -> bool:
    """
    True if the address was invited for this account before, by the same words: those that the
    caller sees, so that nobody guesses others. Who does not see the addresses or the states of
    people is told only of the last minutes, in which an answer can have been lost.
    """
    sees = caller.may(NEEDS) and not any(caller.hides(TABLE.name, name) for name in TELLING)
    words = [
        name for name in wanted.texts if sees and not caller.hides(TABLE.name, to_camel_case(name))
    ]
    return any(
        _is_invited(each, wanted)
        and (sees or _is_young(each))
        and all(getattr(each, name) == wanted.texts[name] for name in words)
        for each in found
    )


def _is_invited(found: Contact, wanted: Wanted) -> bool:
    """True for the active contact that inviting the address for the account made."""
    is_ours = found._id == wanted.id and found.raw[CUSTOMER] == str(wanted.account.id)
    return is_ours and found.state is ActiveState.ACTIVE


def _is_young(found: Contact) -> bool:
    created = found._created_at
    return created is not None and datetime.now(UTC) - created < YOUNG


async def _check(context: Context, found: list[Contact], wanted: Wanted) -> None:
    """
    NotInvited where somebody has the address, or the account may not invite it (any more). Whatever
    the reason that is not told, as much is asked of Dataverse: callers are told what they cost.
    """
    invitations = _invitations(context)
    for each in found:
        if _is_seen(context, each):
            shows = each.state is ActiveState.ACTIVE or context.principal.hides(TABLE.name, "state")
            raise refused("ALREADY_A_COLLEAGUE" if shows else "NO_LONGER_A_COLLEAGUE")
    mine = Compare(CUSTOMER, "eq", wanted.account.id)
    since = datetime.now(UTC) - timedelta(seconds=DAY)
    lately = All((mine, Compare(CREATED, "ge", since)))
    query = ODataQuery(TABLE.entity, (TABLE.key_column,), lately, top=invitations.rules.daily)
    if len(await context.writer.facts(query)) >= invitations.rules.daily:
        raise refused("TOO_MANY")
    is_admitted = invitations.admit(context.principal, wanted.account, wanted.email)
    if invitations.rules.same_domain:
        domain = Like(EMAIL, "endswith", wanted.email[wanted.email.rindex("@") :])
        there = await people(context, All((mine, ACTIVE, domain)))
        is_admitted = is_admitted and bool(there)
    if found or not is_admitted:
        log.info("an invitation was refused: %s", TAKEN if found else NOT_ADMITTED)
        raise refused("NOT_POSSIBLE")


def _is_seen(context: Context, found: Contact) -> bool:
    """True if the caller sees the contact by its address, and so learns nothing from a refusal."""
    caller = context.principal
    if not caller.may(NEEDS) or caller.hides(TABLE.name, "email"):
        return False
    try:
        context.loaders.reader.demand(TABLE, found.raw, "read", seen=False)
    except Forbidden:
        return False
    return True


async def _check_alone(info: Info, found: list[Contact], wanted: Wanted) -> None:
    """
    NotInvited unless the contact is there and no other active one has the address: where somebody
    got it at the same moment, the one that was made steps back, so that nobody is locked out. Of
    one that has been there for longer the seller decides.
    """
    mine = [each for each in found if _is_invited(each, wanted)]
    others = [each for each in found if each.state is ActiveState.ACTIVE and each._id != wanted.id]
    if mine and not others:
        return
    for each in filter(_is_young, mine):
        change = patched(each, ActiveState.INACTIVE, "*")
        await send(info, "create", change, needs=NEEDS)
    log.info("an invitation was refused: %s", TAKEN)
    raise refused("NOT_POSSIBLE")


async def _row(context: Context, inviter: CallerContact, wanted: Wanted) -> dict[str, Any]:
    """
    The new contact. A legal entity is on it if it is on the inviter's: in the party model the
    people of a company have none.
    """
    own = await _facts(context, Contact, inviter.id, "_company_id", "_language")
    company = own._company_id
    if company is not None:
        company = (await _facts(context, Account, wanted.account.id, "_company_id"))._company_id
    row = row_of(
        Contact,
        "create",
        account=wanted.account.id,
        email=wanted.email,
        _company_id=company,
        _language=own._language,
        **wanted.texts,
    )
    return stated(row) | {TABLE.key_column: str(wanted.id)}


async def _facts(context: Context, cls: type[Row], key: UUID, *names: str) -> Any:
    """Members of the caller's contact or account; NotFound where it has just gone."""
    table = cls.__table__
    where = Compare(table.key_column, "eq", key)
    query = ODataQuery(table.entity, tuple(sorted(paths(cls, *names))), where)
    for row in await context.writer.facts(query):
        return cls(row)
    raise NotFound(ABSENT)


def patched(found: Contact, state: ActiveState, match: str) -> Write:
    return Write("PATCH", TABLE.entity, row_of(Contact, "update", state=state), match, found._id)


def refused(reason: str) -> NotInvited:
    return NotInvited(REASONS[reason], reason=reason)


def every_column() -> frozenset[str]:
    return paths(Contact).union(TABLE.key)


REASONS: Final = {
    "ALREADY_A_COLLEAGUE": "Somebody of the account has this address already.",
    "NO_LONGER_A_COLLEAGUE": "The person with this address was of the account; the seller can give "
    "the access back.",
    "TOO_MANY": "The account has tried as many addresses today as it may; try again tomorrow.",
    "NOT_POSSIBLE": "This address cannot be invited; the seller can say more.",
}
"""The reasons for which somebody is not invited; the last tells no reason from another."""
