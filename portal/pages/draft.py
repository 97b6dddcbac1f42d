"""The draft of a session, and products of the gateway as lines of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from portal.drafts import Draft, Line
from portal.errors import Waiting
from portal.visits import Visit


def draft_of(visit: Visit) -> Draft:
    """The draft of this session; the account that was picked is the one that buys."""
    if visit.session.draft and visit.session.draft.is_sent:
        raise Waiting(visit.session.draft.key)
    if visit.session.draft is None:
        visit.session.draft = Draft(account=(visit.account or {}).get("id"))
    return visit.session.draft


def line_of(found: Mapping[str, Any]) -> Line:
    """A line of a draft, for a product with `quantity`, or for a line with `product`."""
    product = found.get("product") or found
    price = (product.get("price") or {}).get("unitPrice") or {}
    return Line(
        product=product["id"],
        number=product["number"] or "",
        name=product["name"] or found.get("description") or "",
        unit=product["unit"] or "",
        decimals=product["decimals"] or 0,
        quantity=Decimal(found["quantity"]).normalize() + 0,
        price=Decimal(price["amount"]) if price.get("amount") else None,
        currency=price.get("currency"),
    )
