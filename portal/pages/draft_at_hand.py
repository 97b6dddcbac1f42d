"""The draft at hand, changed through its machine alone, and products as lines of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from portal.desks import Desk, State, current, edited, given_away, handed_over, settled
from portal.drafts import Draft, DraftLine
from portal.errors import Overtaken
from portal.outcomes import Placed
from portal.visits import Visit
from portal.words import N_

Change = Callable[[Draft], Draft]
CHANGED: Final = N_("Your draft was changed in another tab. Please review it and try again.")
ORDERED_BY: Final = N_("This draft was ordered by %s. Nothing was changed.")
PLACED: Final = N_("This draft was placed as order %s. Nothing was changed.")
CHANGED_BY: Final = N_("%s has changed this draft meanwhile. Please review it and try again.")


def draft_of(visit: Visit) -> Draft:
    """The draft as pages show it; the account that was picked is the one that buys."""
    return _for_account(visit, settled(visit.desk).draft)


def _for_account(visit: Visit, draft: Draft) -> Draft:
    return draft if draft.account else replace(draft, account=(visit.account or {}).get("id"))


async def edit(visit: Visit, change: Change) -> Draft:
    """Add to the draft, even if it was changed meanwhile. Raises Waiting and Gone."""
    return await _edit(visit, change, None)


async def save(visit: Visit, change: Change) -> Draft:
    """Save a form that shows an earlier draft. Raises Waiting, Gone and Overtaken."""
    return await _edit(visit, change, visit.form.get("seen"))


async def _edit(visit: Visit, change: Change, revision: str | None) -> Draft:
    key = visit.form.get("draft", "")
    await visit.change(
        lambda desk: edited(
            current(desk, key, revision), lambda draft: change(_for_account(visit, draft))
        )
    )
    return visit.desk.draft


async def catch_up(visit: Visit) -> str:
    """Look at the draft at hand as it is now, and say that somebody else changed it."""
    visit.desk = visit.lent(await visit.site.desks.find(visit.at))
    return overtaken(visit)


def overtaken(visit: Visit) -> str:
    """The words for a form that shows an earlier draft than the one at hand."""
    sharing = visit.desk.sharing
    if sharing and sharing.by.desk != visit.own:
        return visit.translate(CHANGED_BY) % sharing.by.name
    return visit.translate(CHANGED)


def became(visit: Visit, placed: Placed) -> str:
    """The words for a draft that was placed; a colleague's order may be none of the visitor's."""
    if placed.by and not placed.is_known_to(visit.own):
        return visit.translate(ORDERED_BY) % placed.by.name
    return visit.translate(PLACED) % (placed.number or "")


async def act_for(visit: Visit, account: dict[str, Any]) -> bool:
    """
    From here on for that account, whose prices and lists they are. What was begun for no account in
    particular goes along; False if there was a draft for this one, which is shown instead.
    """
    desks, before, begun = visit.site.desks, visit.own, settled(visit.desk)
    visit.session.account = account
    visit.at, visit.loan = visit.own, None
    visit.desk = settled(await desks.find(visit.own))
    if begun.state is not State.EDITING or begun.draft.account not in (None, account["id"]):
        return not visit.desk.draft.lines
    if visit.desk.draft.lines:
        return False
    draft = replace(begun.draft, account=account["id"])
    visit.desk = await desks.change(visit.own, lambda desk: _handed_over(desk, draft))
    await desks.change(before, given_away)
    return True


def _handed_over(desk: Desk, draft: Draft) -> Desk:
    if desk.draft.lines:
        raise Overtaken
    return handed_over(desk, draft)


def line_of(
    product: Mapping[str, Any],
    quantity: Decimal,
    *,
    unit: str | None = None,
    note: str = "",
    ships: date | None = None,
) -> DraftLine:
    """A line for a product of the gateway, in its own unit unless said otherwise."""
    own = product["unit"] or ""
    is_own = unit in (None, "", own)
    price = ((product.get("price") or {}).get("unitPrice") or {}) if is_own else {}
    allowed = product.get("orderQuantities") or {}
    minimum, maximum, multiple = (
        Decimal(allowed[name]) if allowed.get(name) else None
        for name in ("minimum", "maximum", "multiple")
    )
    return DraftLine(
        product=product["id"],
        number=product["number"] or "",
        name=product["name"] or product["number"] or "",
        unit=own if is_own else str(unit),
        decimals=product["decimals"] or 0,
        quantity=quantity.normalize() + 0,
        price=Decimal(price["amount"]) if price.get("amount") else None,
        currency=price.get("currency"),
        note=note,
        ships=ships,
        own_unit=None if is_own else own,
        minimum=minimum,
        maximum=maximum,
        multiple=multiple,
    )
