"""The list of orders: search, filters, sorting, pages."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.lists import all_of, during
from portal.pages import searching
from portal.pages.list_page import Listing, show
from portal.visits import Visit
from portal.words import OPEN, ORDER, SHIPPED

SORTS: Final[Mapping[str, tuple[str, str]]] = {
    "newest": ("PLACED_AT", "DESC"),
    "oldest": ("PLACED_AT", "ASC"),
    "number": ("NUMBER", "ASC"),
    "total": ("TOTAL", "DESC"),
    "wanted": ("REQUESTED_RECEIPT_DATE", "ASC"),
    "changed": ("UPDATED_AT", "DESC"),
}
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "open": OPEN,
    "shipped": SHIPPED,
    "cancelled": ("CANCELED",),
}


async def orders(visit: Visit) -> Response:
    template = "orders_list.html" if visit.is_fragment else "orders.html"
    return await show(visit, LIST, template, statuses=ORDER)


async def asked(visit: Visit) -> dict[str, Any]:
    """Filter and order, as the address says."""
    query = visit.query
    field, direction = SORTS.get(query.get("sort", ""), SORTS["newest"])
    conditions = (
        visit.account_filter,
        await searching.orders(visit, query.get("q")),
        _status(visit, query.get("status", "")),
        during("placedAt", query.get("since"), query.get("until"), visit.language),
    )
    return {
        "filter": all_of(*conditions),
        "orderBy": [{"field": field, "direction": direction}],
    }


LIST: Final = Listing("orders", "Orders", "orders", asked)


def _status(visit: Visit, name: str) -> dict[str, Any]:
    if name == "overdue":
        return overdue(visit)
    if name in GROUPS:
        return {"status": {"in": GROUPS[name]}}
    return {"status": {"eq": name}} if name in ORDER and name != "RECEIVED" else {}


def overdue(visit: Visit) -> dict[str, Any]:
    """Open orders that should have arrived before today."""
    today = visit.language.today().isoformat()
    return {"status": {"in": OPEN}, "requestedReceiptDate": {"lt": today}}
