"""
The people of an account: callers invite colleagues, take their access away, and give it back.

A person is a row of Dataverse's `contacts`, found by e-mail address when they sign in. Two rows of
one address would lock both out, so an address is invited once, and only where nobody has it.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
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
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.loaders.seals import Broken
from gateway.loaders.writer import STALE
from gateway.model.tables import Row, column_of, paths
from gateway.persons import ACTIVE, CUSTOMER, at, stands
from gateway.resolvers.email_addresses import name_mistakes, usable
from gateway.resolvers.orders.input_checks import plain
from gateway.resolvers.orders.input_rules import EMPTY, size, unkept
from gateway.resolvers.orders.order_ids import invited_id
from gateway.resolvers.own_addresses import account_for
from gateway.resolvers.own_rows import doubt, find, send
from gateway.resolvers.written_rows import row_of, stated
from gateway.schema import ids
from gateway.schema.business.accounts import Account, ActiveState, Contact
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import unveiled
from gateway.schema.identities import ContactForParty
from gateway.upstream.conditions import All, Compare, Condition, Like
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_writes import Write

TABLE: Final = Contact.__table__
NEEDS: Final = TABLE.needs
LENGTHS: Final = {"first_name": 50, "last_name": 50, "job_title": 100, "phone": 50}
"""The texts of an invitation, with the lengths of the bare platform's columns."""
KNOWN: Final = paths(Contact, "_id", "email", "state", "account", "_version", *LENGTHS)
EMAIL, CREATED = (column_of(Contact, name) for name in ("email", "_created_at"))
UNDO: Final = b"undo"
"""The beginning of what is sealed for giving access back, and of nothing else."""
UNDONE_WITHIN: Final = 900.0
"""Seconds in which whoever took access away gives it back."""
ABSENT: Final = "There is no such Contact."
TRIES: Final = 3
"""The number of times that a change is tried of a contact which others change meanwhile."""


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


@strawberry.input(description="A colleague to take access from.")
class RemoveColleagueInput:
    """One of the people of the caller's accounts."""

    id: strawberry.ID = strawberry.field(description="The id of the contact.")


@strawberry.type(description="A colleague whose access was taken away.")
class RemoveColleaguePayload:
    """The contact, and the way back."""

    colleague: Contact = strawberry.field(description="The contact, as it is now.")
    undo: strawberry.ID | None = strawberry.field(
        description="For `restoreColleague`, for 15 minutes; null if the contact was not active."
    )


@strawberry.input(description="A colleague to give access back to.")
class RestoreColleagueInput:
    """The proof of who took it away, and when."""

    undo: strawberry.ID = strawberry.field(description="`undo`, as `removeColleague` returned it.")


class Undo(msgspec.Struct, frozen=True):
    """The facts about access that was taken away."""

    contact: UUID
    version: int | None
    """The version of the row as it was left."""
    by: UUID
    until: float
    """Seconds since the epoch."""


async def invite(info: Info, sent: InviteColleagueInput) -> Contact | None:
    """The colleague, who may have been invited before; None if the caller may not see them."""
    context = info.context
    context.principal.access(NEEDS, "create")
    inviter, invitations = _person(context), _invitations(context)
    account, email, texts = account_for(context, sent.account), _email(sent), _texts(sent)
    seen = {CUSTOMER: str(account.id), TABLE.key_column: str(invited_id(email))}
    context.loaders.reader.demand(TABLE, seen, "create", seen=False)
    if not invitations.count(account.id, email):
        raise _refused("TOO_MANY")
    found = await _people(context, at(email))
    if not _is_theirs(found, account, email, texts):
        await _check(info, found, account, email)
        row = await _row(context, inviter, account, email=email, **texts)
        problem = await doubt(info, TABLE, row)
        found = await _people(context, at(email))
        if not found and isinstance(problem, UpstreamTimeout):
            raise problem
    await _check_alone(info, found, account, email)
    if invitations.tell is not None:
        await invitations.tell(invited_id(email))
    return await context.loaders.node(Contact, (invited_id(email),), _all())


async def remove(info: Info, sent: RemoveColleagueInput) -> RemoveColleaguePayload:
    """The contact, deactivated; the same where it was so before, without a way back."""
    context = info.context
    context.principal.access(NEEDS, "delete")
    me = _person(context)
    for _ in range(TRIES):
        found = await _colleague(info, sent.id)
        if found.state is not ActiveState.ACTIVE:
            return RemoveColleaguePayload(colleague=await find(info, Contact, sent.id), undo=None)
        if await _changed(info, found, ActiveState.INACTIVE):
            break
    else:
        raise UpstreamTimeout("Others change this contact; send the same mutation again.")
    now = await _colleague(info, sent.id)
    undo = Undo(now._id, now._version, me.id, time.time() + UNDONE_WITHIN)
    sealed = context.writer.writes.seal.seal(UNDO + msgspec.json.encode(undo))
    colleague = await find(info, Contact, sent.id)
    return RemoveColleaguePayload(colleague=colleague, undo=strawberry.ID(sealed))


async def restore(info: Info, sent: RestoreColleagueInput) -> Contact:
    """The contact, active again; the same where it is so already."""
    context = info.context
    context.principal.access(NEEDS, "delete")
    undo = _undo(context, sent.undo)
    if undo.by != _person(context).id or undo.until < time.time():
        raise NotFound("Access can be given back for 15 minutes, by who took it.", argument="undo")
    id_ = strawberry.ID(ids.encode(TABLE, (undo.contact,)))
    found = await _colleague(info, id_)
    if found.state is ActiveState.ACTIVE:
        return await find(info, Contact, id_)
    # Who changed it since then, as the seller, may have meant it to stay as it is.
    others = await _people(context, at(str(found.email))) if found.email else []
    is_as_left = found._version == undo.version and found._master is None
    if not is_as_left or any(each._id != found._id for each in others):
        raise _refused("NOT_POSSIBLE")
    if not await _changed(info, found, ActiveState.ACTIVE):
        raise _refused("NOT_POSSIBLE")
    return await find(info, Contact, id_)


def _person(context: Context) -> CallerContact:
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


async def _people(context: Context, where: Condition) -> list[Contact]:
    """Contacts, whoever's they are, to tell if an address is taken; they are never shown."""
    query = ODataQuery(TABLE.entity, tuple(sorted(KNOWN)), where, top=TRIES)
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
            raise _refused("ALREADY_A_COLLEAGUE" if is_active else "NO_LONGER_A_COLLEAGUE")
    mine = Compare(CUSTOMER, "eq", account.id)
    if found or not invitations.admit(context.principal, account, email):
        raise _refused("NOT_POSSIBLE")
    if invitations.rules.same_domain:
        domain = Like(EMAIL, "endswith", email[email.rindex("@") :])
        if not await _people(context, All((mine, ACTIVE, domain))):
            raise _refused("NOT_POSSIBLE")
    since = datetime.now(UTC) - timedelta(seconds=DAY)
    lately = All((mine, Compare(CREATED, "ge", since)))
    query = ODataQuery(TABLE.entity, (TABLE.key_column,), lately, top=invitations.rules.daily)
    if len(await context.writer.facts(query)) >= invitations.rules.daily:
        raise _refused("TOO_MANY")


async def _is_seen(context: Context, found: Contact) -> bool:
    """True if the caller sees the contact by its address, and so learns nothing from a refusal."""
    caller = context.principal
    if not caller.may(NEEDS) or caller.hides(TABLE.name, "email"):
        return False
    return await context.loaders.node(Contact, (found._id,), _all()) is not None


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
        change = _patch(each, ActiveState.INACTIVE, "*")
        await send(info, "create", change, needs=NEEDS)
    raise _refused("NOT_POSSIBLE")


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


async def _colleague(info: Info, id: strawberry.ID) -> Contact:
    """
    A contact whose access is the caller's to take and give: another person, whom no account knows
    that is not the caller's. It has the columns that the caller's roles hide.
    """
    context = unveiled(info.context)
    found = await context.loaders.node(Contact, ids.key(TABLE, id), _all())
    if found is None:
        raise NotFound(ABSENT, argument="id")
    if found._id == _person(info.context).id:
        raise InvalidInput("You cannot take your own access away.", argument="id")
    info.context.loaders.reader.demand(TABLE, found.raw, "delete", seen=True)
    if await _acts_elsewhere(info.context, found):
        raise NotFound(ABSENT, argument="id")
    return found


async def _acts_elsewhere(context: Context, found: Contact) -> bool:
    """True if the person acts for an account by the party model that is not the caller's."""
    table = ContactForParty.__table__
    if context.writer.names.is_missing(table.entity):
        return False
    where = Compare(table.scalar_of("contact"), "eq", found._id)
    query = ODataQuery(table.entity, tuple(sorted(paths(ContactForParty))), where)
    try:
        parties = [ContactForParty(row) for row in await context.writer.facts(query)]
    except NotAvailableHere:
        return False
    held = context.principal.held
    return any(stands(each) and each.account and not held(each.account) for each in parties)


async def _changed(info: Info, found: Contact, state: ActiveState) -> bool:
    """Set the state of a contact as it was read; False where others changed it meanwhile."""
    try:
        change = _patch(found, state, f'W/"{found._version}"')
        await send(info, "delete", change, needs=NEEDS)
    except UpstreamRefused as error:
        if error.details["reason"] != STALE:
            raise
        return False
    return True


def _patch(found: Contact, state: ActiveState, match: str) -> Write:
    return Write("PATCH", TABLE.entity, row_of(Contact, "update", state=state), match, found._id)


def _undo(context: Context, text: str) -> Undo:
    try:
        content = context.writer.writes.seal.open(text)
        if not content.startswith(UNDO):
            raise Broken
        return msgspec.json.decode(content[len(UNDO) :], type=Undo)
    except (Broken, msgspec.DecodeError):
        said = "Not a way back; send `undo` as removeColleague returned it."
        raise InvalidInput(said, argument="undo") from None


def _refused(reason: str) -> NotInvited:
    return NotInvited(REASONS[reason], reason=reason)


def _all() -> frozenset[str]:
    return paths(Contact).union(TABLE.key)


REASONS: Final = {
    "ALREADY_A_COLLEAGUE": "Somebody of the account has this address already.",
    "NO_LONGER_A_COLLEAGUE": "The person with this address was of the account; the seller can give "
    "the access back.",
    "TOO_MANY": "The account has tried as many addresses today as it may; try again tomorrow.",
    "NOT_POSSIBLE": "This address cannot be invited; the seller can say more.",
}
"""The reasons for which somebody is not invited; the last tells no reason from another."""
