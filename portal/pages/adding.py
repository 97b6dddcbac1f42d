"""Putting a product of the catalogue on the draft, or saying why not in the gateway's own codes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from portal.drafts import Draft, DraftLine, Objection, quantity
from portal.errors import NotFound
from portal.pages.draft_at_hand import draft_of, edit, line_of
from portal.texts import in_language
from portal.visits import Visit

NO_QUANTITY: Final[Objection] = {"code": "QUANTITY_NOT_ALLOWED", "path": ()}
FULL: Final[Objection] = {"code": "TOO_MANY_LINES", "path": ()}


async def buyable(visit: Visit, key: str) -> Mapping[str, Any]:
    """The product as the gateway has it: nothing of it is taken from a form. NotFound."""
    asked = (await visit.ask("wizard", "Buyable", id=key))["product"]
    found = in_language(asked, visit.language.tag)
    if found is None:
        raise NotFound
    return found


async def add(visit: Visit, product: Mapping[str, Any], typed: str) -> Objection | None:
    """Add a quantity of the product to the draft and confirm it, or show the problem."""
    amount = quantity(visit.language.typed(typed), product["decimals"] or 0)
    if amount is None:
        return NO_QUANTITY
    line = line_of(product, amount)
    wrong = line.objection(amount) or _full(draft_of(visit), line)
    if wrong is None:
        await edit(visit, lambda draft: draft if _full(draft, line) else draft.add(line))
        visit.notice(visit.translate("%s is on your order.") % line.name)
    return wrong


def ordered(visit: Visit) -> dict[str, dict[str, Decimal]]:
    """The quantity of each product on the draft already, by unit."""
    found: dict[str, dict[str, Decimal]] = {}
    for line in visit.desk.draft.lines:
        units = found.setdefault(line.product, {})
        units[line.unit] = units.get(line.unit, Decimal(0)) + line.quantity
    return found


def _full(draft: Draft, line: DraftLine) -> Objection | None:
    return None if draft.has_room(line) else FULL
