"""
Drafts that colleagues share: those that a visitor may open, which the gateway, the board of the
account and the desks themselves say, and the one that the visitor has open.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from portal.desks import Desk, Sharing, remembered
from portal.errors import Unshared
from portal.keeping import board_of
from portal.sessions import Loan
from portal.visits import FRESH, Visit
from portal.words import N_

ENDED: Final = N_("The draft that you had open is no longer shared with you.")
ORDERED: Final = N_("%s has ordered the draft that you had open.")


@dataclass(frozen=True, slots=True)
class OpenDraft:
    """A draft that is shared with the visitor."""

    sharing: Sharing
    desk: Desk
    at: str
    """The name of the desk."""


def is_listed(visit: Visit) -> bool:
    """True if the gateway named the account that is picked among the visitor's own."""
    picked = visit.account
    return picked is not None and any(one["id"] == picked["id"] for one in visit.accounts)


async def is_member(visit: Visit) -> bool:
    """True if the visitor acts for the account that is picked, by the gateway's word."""
    if visit.account is None or is_listed(visit):
        return visit.account is not None
    key = visit.account["id"]
    return (await visit.ask("templates", "Member", account=key))["account"] is not None


def board(visit: Visit) -> str:
    """The name of the board of the account that is picked."""
    assert visit.account is not None, "boards are an account's"  # noqa: S101
    return board_of(visit.site.settings.issuer, visit.account["id"])


async def open_drafts(visit: Visit) -> Sequence[OpenDraft]:
    """
    The drafts that stand on the board of the account that is picked, those changed last first; only
    for those who act for it.
    """
    if visit.account is None or not visit.sees_drafts:
        return ()
    notes = (await visit.site.boards.find(board(visit))).notes
    desks = await asyncio.gather(*(visit.site.desks.find(note.desk) for note in notes))
    found = [
        OpenDraft(desk.sharing, desk, note.desk)
        for note, desk in zip(notes, desks, strict=True)
        if desk.sharing and desk.is_shared_as(note.id, visit.account["id"])
    ]
    return sorted(found, key=lambda one: -one.sharing.at)


async def take_place(visit: Visit) -> None:
    """
    Find the draft at hand: the one that a form is about, else the one that the visitor opened last.
    Unshared for the form of a draft that is no longer open to them.
    """
    visit.at, visit.loan = visit.own, None
    visit.desk = await visit.site.desks.find(visit.own)
    loan, key = visit.session.loan, _key(visit)
    if loan is None or loan.account != (visit.account or {}).get("id"):
        return
    is_about = key == loan.key
    is_empty = visit.form.get("draft") == ""  # a draft that is shared has a key
    if is_empty or (key and (key == visit.desk.draft.key or visit.desk.placed_as(key))):
        visit.session.loan = replace(loan, is_at_hand=False)
    elif loan.is_at_hand or is_about:
        await _borrow(visit, loan, is_about=is_about)


async def _borrow(visit: Visit, loan: Loan, *, is_about: bool) -> None:
    """Go to the desk of a loan that stands; `is_about` for a form of its draft."""
    desk = await visit.site.desks.find(loan.desk)
    if desk.is_shared_as(loan.id, loan.account) and await _may_still(visit, loan):
        visit.at, visit.desk, visit.loan = loan.desk, desk, visit.session.loan
        return
    visit.session.loan = None
    placed = desk.placed_as(loan.key)
    if placed and placed.is_known_to(visit.own):
        own = replace(placed, by=None)
        visit.desk = await visit.site.desks.change(visit.own, lambda desk: remembered(desk, own))
    elif is_about:
        raise Unshared(placed)
    else:
        visit.warn(ended(visit, Unshared(placed)))


def _key(visit: Visit) -> str:
    """The key of the draft that a form or an address is about; empty where it names none."""
    form = visit.form
    return form.get("draft") or form.get("key") or visit.query.get("key", "")


async def _may_still(visit: Visit, loan: Loan) -> bool:
    """True if the visitor may still order for the account; the gateway is asked now and then."""
    if not visit.sees_drafts:
        return False
    until, now = loan.until, time.time()
    if not is_listed(visit) and until < now:
        if not await is_member(visit):
            return False
        until = now + FRESH
    visit.session.loan = replace(loan, until=until, is_at_hand=True)
    return True


def ended(visit: Visit, error: Unshared) -> str:
    """The words for a draft that a visitor had open and that is shared no longer."""
    by = error.placed.by if error.placed else None
    return visit.translate(ORDERED) % by.name if by else visit.translate(ENDED)
