"""Putting a product of the catalogue on the draft, or saying why not in the gateway's own codes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from portal.drafts import MAXIMUM_LINES, Line, quantity
from portal.errors import NotFound
from portal.pages.draft import draft_of, line_of
from portal.visits import Visit

Mistake = Mapping[str, Any]
NO_QUANTITY: Final[Mistake] = {"code": "QUANTITY_NOT_ALLOWED", "path": ()}
FULL: Final[Mistake] = {"code": "TOO_MANY_LINES", "path": ()}


async def add(visit: Visit, key: str, typed: str) -> Mistake | None:
    """What it is comes from the gateway, never from the form. NotFound where it has no such."""
    product = (await visit.ask("products", "Product", id=key))["product"]
    if product is None:
        raise NotFound
    draft = draft_of(visit)
    amount = quantity(visit.language.typed(typed), product["decimals"] or 0)
    wrong = misfit(amount, product["orderQuantities"]) or _full(len(draft.lines))
    if wrong:
        return wrong
    draft.add(line_of({**product, "quantity": str(amount)}))
    visit.notice(visit.translate("%s is on your order.") % (product["name"] or product["number"]))
    return None


def ordered(visit: Visit) -> Mapping[str, Line]:
    """How much of each product is on the draft already."""
    lines = visit.session.draft.lines if visit.session.draft else []
    return {line.product: line for line in lines}


def misfit(amount: Decimal | None, allowed: Mapping[str, str | None] | None) -> Mistake | None:
    """Why a quantity is not sold, by the gateway's `orderQuantities`."""
    if amount is None:
        return NO_QUANTITY
    minimum, maximum, multiple = (
        Decimal((allowed or {}).get(name) or 0) for name in ("minimum", "maximum", "multiple")
    )
    if amount < minimum:
        return {"code": "QUANTITY_BELOW_MINIMUM", "minimum": str(minimum), "path": ()}
    if 0 < maximum < amount:
        return {"code": "QUANTITY_ABOVE_MAXIMUM", "maximum": str(maximum), "path": ()}
    if multiple > 0 and amount % multiple:
        return {"code": "QUANTITY_NOT_MULTIPLE", "multiple": str(multiple), "path": ()}
    return None


def _full(lines: int) -> Mistake | None:
    return FULL if lines >= MAXIMUM_LINES else None
