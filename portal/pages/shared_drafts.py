"""
Drafts that are shared within an account: the switch on one's own, those of colleagues, and opening
one of these. Whoever opens one changes and orders it on its owner's desk.
"""

import time
import uuid

from starlette.responses import Response

from portal.boards import Board, BoardFull, BoardNote, put_up, taken_down
from portal.desks import Desk, Sharing, current, settled, shared, unshared
from portal.errors import NotFound
from portal.lending import OpenDraft, board, is_listed, is_member, open_drafts
from portal.sessions import Loan
from portal.visits import FRESH, Visit


async def drafts(visit: Visit) -> Response:
    """The visitor's own draft, and those that colleagues share with the account that is picked."""
    own = await visit.site.desks.find(visit.own)
    found = await of_colleagues(visit) if await is_member(visit) else ()
    return visit.render("drafts.html", own=own, found=found)


async def of_colleagues(visit: Visit) -> list[OpenDraft]:
    """The drafts that the visitor may open; only for those who act for the account."""
    return [one for one in await open_drafts(visit) if one.at != visit.own]


async def some_drafts(visit: Visit) -> list[OpenDraft]:
    """Those for the overview, which asks the gateway nothing more for them."""
    return await of_colleagues(visit) if is_listed(visit) else []


async def open_draft(visit: Visit) -> Response:
    """Work on a colleague's draft from here on; NotFound for one that the visitor does not see."""
    found = await of_colleagues(visit) if await is_member(visit) else []
    one = next((one for one in found if one.sharing.id == visit.path["id"]), None)
    if one is None or visit.account is None:
        raise NotFound
    until = 0.0 if is_listed(visit) else time.time() + FRESH
    key = one.desk.draft.key
    visit.session.loan = Loan(visit.account["id"], one.sharing.id, one.at, key, until)
    return visit.go("/orders/new/items")


async def own_draft(visit: Visit) -> Response:
    """Work on the visitor's own draft again."""
    visit.session.loan = None
    return visit.go("/orders/new/items")


async def share(visit: Visit) -> Response:
    """Share the visitor's draft with the account, or keep it for oneself again."""
    if visit.loan or visit.account is None or not visit.sees_drafts or not await is_member(visit):
        raise NotFound
    key = visit.form.get("draft", "")
    if visit.form.get("share") == "yes":
        await _share(visit, key)
    else:
        await visit.change(lambda desk: unshared(current(desk, key)))
        await _tidied(visit, ())
        visit.notice(visit.translate("Only you see your draft now."))
    return visit.go("/orders/new/items")


async def _share(visit: Visit, key: str) -> None:
    """The desk first: a note on the board is then one that stands, or never will again."""
    settled(visit.desk)
    me = visit.me
    sharing = Sharing(uuid.uuid4().hex, me, me, 0.0)
    await visit.change(lambda desk: _shared(current(desk, key), sharing, visit))
    stands = visit.desk.sharing
    if stands is None:
        return
    try:
        await _tidied(visit, (BoardNote(stands.id, visit.own),))
    except BoardFull:
        await visit.change(unshared)
        visit.warn(visit.translate("Too many drafts are shared already. Please order one first."))
    else:
        said = visit.translate("Everybody who orders for %s can change and order this draft now.")
        visit.notice(said % (visit.account or {}).get("name"))


def _shared(desk: Desk, sharing: Sharing, visit: Visit) -> Desk:
    """The desk with its draft shared, if that is for the account that is picked."""
    if desk.draft.account != (visit.account or {}).get("id"):
        raise NotFound
    return shared(desk, sharing)


async def _tidied(visit: Visit, notes: tuple[BoardNote, ...]) -> None:
    """Put these notes on the board, and take down those of shares that have ended."""
    name = board(visit)
    before = await visit.site.boards.find(name)  # first: what is put up meanwhile stands
    stand = {one.sharing.id for one in await open_drafts(visit)}
    gone = {note.id for note in before.notes if note.id not in stand}

    def move(now: Board) -> Board:
        left = taken_down(now, gone)
        for note in notes:
            left = left if left.find(note.id) else put_up(left, note)
        return left

    await visit.site.boards.change(name, move)
