"""
Inviting colleagues: a caller gives another person access to an account of theirs.

A person is a row of Dataverse's `contacts`, found by e-mail address when they sign in. Two rows of
one address would lock both out, so an address is invited once, and only where nobody has it.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.invitations import DAY, Invitations
from gateway.auth.principal import CallerAccount, CallerContact
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
from gateway.resolvers.orders.order_ids import invited_id
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
KNOWN: Final = paths(Contact, "_id", "email", "state", "account", "_version", *LENGTHS)
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


async def invite(info: Info, sent: InviteColleagueInput) -> Contact | None:
    """The colleague, who may have been invited before; None if the caller may not see them."""
    context = info.context
    context.principal.access(NEEDS, "create")
    inviter, invitations = person_of(context), _invitations(context)
    account, email, texts = account_for(context, sent.account), _email(sent), _texts(sent)
    seen = {CUSTOMER: str(account.id), TABLE.key_column: str(invited_id(email))}
    context.loaders.reader.demand(TABLE, seen, "create", seen=False)
    if not invitations.count(account.id, email):
        raise refused("TOO_MANY")
    found = await people(context, at(email))
    if not _is_theirs(found, account, email, texts):
        await _check(info, found, account, email)
        row = await _row(context, inviter, account, email=email, **texts)
        problem = await doubt(info, TABLE, row)
        found = await people(context, at(email))
        if not found and isinstance(problem, UpstreamTimeout):
            raise problem
    await _check_alone(info, found, account, email)
    if invitations.tell is not None:
        await invitations.tell(invited_id(email))
    return await context.loaders.node(Contact, (invited_id(email),), every_column())


def person_of(context: Context) -> CallerContact:
    """The caller's contact; Forbidden for staff and machines, who are nobody's colleagues."""
    if context.principal.contact is None:
        raise Forbidden("Only a person of the account may do this.")
    return context.principal.contact


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
    texts = {name: " ".join((plain(getattr(sent, name)) or "").split(" ")) for name in LENGTHS}
    texts = {name: text.strip(" ") for name, text in texts.items()}
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


def _is_theirs(
    found: list[Contact], account: CallerAccount, email: str, texts: dict[str, str | None]
) -> bool:
    """True if the address was invited for this account before, by the same words."""
    return any(
        _is_invited(each, account, email)
        and all(getattr(each, name) == text for name, text in texts.items())
        for each in found
    )


def _is_invited(found: Contact, account: CallerAccount, email: str) -> bool:
    """True for the active contact that inviting the address for the account made."""
    is_ours = found._id == invited_id(email) and found.raw[CUSTOMER] == str(account.id)
    return is_ours and found.state is ActiveState.ACTIVE


async def _check(info: Info, found: list[Contact], account: CallerAccount, email: str) -> None:
    """NotInvited where somebody has the address, or the account may not invite it (any more)."""
    context, invitations = info.context, _invitations(info.context)
    for each in found:
        if await _is_seen(context, each):
            is_active = each.state is ActiveState.ACTIVE
            raise refused("ALREADY_A_COLLEAGUE" if is_active else "NO_LONGER_A_COLLEAGUE")
    mine = Compare(CUSTOMER, "eq", account.id)
    if found or not invitations.admit(context.principal, account, email):
        log.info("an invitation was refused: %s", TAKEN if found else NOT_ADMITTED)
        raise refused("NOT_POSSIBLE")
    if invitations.rules.same_domain:
        domain = Like(EMAIL, "endswith", email[email.rindex("@") :])
        if not await people(context, All((mine, ACTIVE, domain))):
            log.info("an invitation was refused: %s", NOT_ADMITTED)
            raise refused("NOT_POSSIBLE")
    since = datetime.now(UTC) - timedelta(seconds=DAY)
    lately = All((mine, Compare(CREATED, "ge", since)))
    query = ODataQuery(TABLE.entity, (TABLE.key_column,), lately, top=invitations.rules.daily)
    if len(await context.writer.facts(query)) >= invitations.rules.daily:
        raise refused("TOO_MANY")


async def _is_seen(context: Context, found: Contact) -> bool:
    """True if the caller sees the contact by its address, and so learns nothing from a refusal."""
    caller = context.principal
    if not caller.may(NEEDS) or caller.hides(TABLE.name, "email"):
        return False
    return await context.loaders.node(Contact, (found._id,), every_column()) is not None


async def _check_alone(
    info: Info, found: list[Contact], account: CallerAccount, email: str
) -> None:
    """
    NotInvited unless the contact is there and has the address to itself: where somebody got it at
    the same moment, the one that was made steps back, so that nobody is locked out.
    """
    mine = [each for each in found if _is_invited(each, account, email)]
    if len(mine) == len(found) == 1:
        return
    for each in mine:
        change = patched(each, ActiveState.INACTIVE, "*")
        await send(info, "create", change, needs=NEEDS)
    raise refused("NOT_POSSIBLE")


async def _row(
    context: Context, inviter: CallerContact, account: CallerAccount, **values: object
) -> dict[str, Any]:
    """
    The new contact. A legal entity is on it if it is on the inviter's: in the party model the
    people of a company have none.
    """
    own = await _facts(context, Contact, inviter.id, "_company_id", "_language")
    if own._company_id is not None:
        buyer = await _facts(context, Account, account.id, "_company_id")
        values["_company_id"] = buyer._company_id
    row = row_of(Contact, "create", account=account.id, _language=own._language, **values)
    return stated(row) | {TABLE.key_column: str(invited_id(str(values["email"])))}


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
