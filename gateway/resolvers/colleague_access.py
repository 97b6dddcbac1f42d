"""
The access of colleagues, which callers who may take away, and give back for a while.

A person without access is a contact that is not active.
"""

import time
from typing import Final
from uuid import UUID

import msgspec
import strawberry

from gateway.errors import (
    Forbidden,
    InvalidInput,
    NotAvailableHere,
    NotFound,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.loaders.seals import Broken
from gateway.loaders.writer import STALE
from gateway.model.tables import paths
from gateway.persons import at, stands
from gateway.resolvers.colleagues import (
    ABSENT,
    NEEDS,
    TABLE,
    check_standing,
    every_column,
    patched,
    people,
    person_of,
    refused,
)
from gateway.resolvers.own_rows import find, send
from gateway.schema import ids
from gateway.schema.business.accounts import ActiveState, Contact
from gateway.schema.context import Context, Info
from gateway.schema.hidden_columns import unveiled
from gateway.schema.identities import ContactForParty
from gateway.upstream.conditions import Compare
from gateway.upstream.odata import ODataQuery

UNDO: Final = b"undo"
"""The beginning of what is sealed for giving access back, and of nothing else."""
UNDONE_WITHIN: Final = 900.0
"""Seconds in which whoever took access away gives it back."""
TRIES: Final = 3
"""The number of times that a change is tried of a contact which others change meanwhile."""


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


async def remove(info: Info, sent: RemoveColleagueInput) -> RemoveColleaguePayload:
    """The contact, deactivated; the same where it was so before, without a way back."""
    context = info.context
    context.principal.access(NEEDS, "delete")
    me = person_of(context)
    for _ in range(TRIES):
        found = await _colleague(info, sent.id)
        await check_standing(context)
        if found.state is not ActiveState.ACTIVE:
            return RemoveColleaguePayload(colleague=await find(info, Contact, sent.id), undo=None)
        if await _changed(info, found, ActiveState.INACTIVE):
            break
    else:
        raise UpstreamTimeout("Others change this contact; send the same mutation again.")
    now = await _colleague(info, sent.id)
    try:
        await check_standing(context)
    except Forbidden:  # each took the other's access at one moment: somebody must be left
        await _changed(info, now, ActiveState.ACTIVE)
        raise
    undo = Undo(now._id, now._version, me.id, time.time() + UNDONE_WITHIN)
    sealed = context.writer.writes.seal.seal(UNDO + msgspec.json.encode(undo))
    colleague = await find(info, Contact, sent.id)
    return RemoveColleaguePayload(colleague=colleague, undo=strawberry.ID(sealed))


async def restore(info: Info, sent: RestoreColleagueInput) -> Contact:
    """The contact, active again; the same where it is so already."""
    context = info.context
    context.principal.access(NEEDS, "delete")
    undo = _undo(context, sent.undo)
    if undo.by != person_of(context).id or undo.until < time.time():
        raise NotFound("Access can be given back for 15 minutes, by who took it.", argument="undo")
    id_ = strawberry.ID(ids.encode(TABLE, (undo.contact,)))
    found = await _colleague(info, id_)
    await check_standing(context)
    if found.state is ActiveState.ACTIVE:
        return await find(info, Contact, id_)
    # Who changed it since then, as the seller, may have meant it to stay as it is.
    is_as_left = found._version == undo.version and found._master is None
    if not is_as_left or await _is_shared(context, found):
        raise refused("NOT_POSSIBLE")
    if not await _changed(info, found, ActiveState.ACTIVE):
        raise refused("NOT_POSSIBLE")
    if await _is_shared(context, found):  # somebody got the address at the same moment
        await _changed(info, await _colleague(info, id_), ActiveState.INACTIVE)
        raise refused("NOT_POSSIBLE")
    return await find(info, Contact, id_)


async def _is_shared(context: Context, found: Contact) -> bool:
    """True if another contact has the address too: active, both could not sign in."""
    there = await people(context, at(found.email)) if found.email else []
    return any(each._id != found._id for each in there)


async def _colleague(info: Info, id: strawberry.ID) -> Contact:
    """
    A contact whose access is the caller's to take and give: another person, whom no account knows
    that is not the caller's. It has the columns that the caller's roles hide.
    """
    context = unveiled(info.context)
    found = await context.loaders.node(Contact, ids.key(TABLE, id), every_column())
    if found is None:
        raise NotFound(ABSENT, argument="id")
    if found._id == person_of(info.context).id:
        raise InvalidInput("You cannot take your own access away.", argument="id")
    info.context.loaders.reader.demand(TABLE, found.raw, "delete", seen=True)
    if await _acts_elsewhere(info.context, found):
        raise NotFound(ABSENT, argument="id")
    return found


async def _acts_elsewhere(context: Context, found: Contact) -> bool:
    """True if the person acts by the party model for an account that the right does not reach."""
    table = ContactForParty.__table__
    if context.writer.names.is_missing(table.entity):
        return False
    where = Compare(table.scalar_of("contact"), "eq", found._id)
    query = ODataQuery(table.entity, tuple(sorted(paths(ContactForParty))), where)
    try:
        parties = [ContactForParty(row) for row in await context.writer.facts(query)]
    except NotAvailableHere:
        return False
    caller = context.principal
    held = {each.id for each in caller.accounts_within(caller.access(NEEDS, "delete"))}
    return any(stands(each) and each.account and each.account not in held for each in parties)


async def _changed(info: Info, found: Contact, state: ActiveState) -> bool:
    """Set the state of a contact as it was read; False where others changed it meanwhile."""
    try:
        change = patched(found, state, f'W/"{found._version}"')
        await send(info, "delete", change, needs=NEEDS)
    except UpstreamRefused as error:
        if error.details["reason"] != STALE:
            raise
        return False
    return True


def _undo(context: Context, text: str) -> Undo:
    try:
        content = context.writer.writes.seal.open(text)
        if not content.startswith(UNDO):
            raise Broken
        return msgspec.json.decode(content[len(UNDO) :], type=Undo)
    except (Broken, msgspec.DecodeError):
        said = "Not a way back; send `undo` as removeColleague returned it."
        raise InvalidInput(said, argument="undo") from None
