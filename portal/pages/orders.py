"""The list of orders: search, filters, sorting, pages."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.errors import BadLink
from portal.lists import all_of, during, mistakes, page_of
from portal.pages import searching
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
    wrong = mistakes(visit.query)
    found = (
        None if wrong else (await visit.ask("orders", "Orders", **await listed(visit)))["orders"]
    )
    return visit.render(
        "orders_list.html" if visit.is_fragment else "orders.html",
        status=200 if visit.is_fragment or not wrong else 422,
        orders=found,
        mistakes=wrong,
        statuses=ORDER,
        query=visit.query,
    )


async def listed(visit: Visit) -> dict[str, Any]:
    """One page of what the address asks for."""
    return {**await asked(visit), **page_of(visit.query)}


async def asked(visit: Visit) -> dict[str, Any]:
    """Filter and order, as the address says; BadLink where it cannot be read."""
    query = visit.query
    if mistakes(query):
        raise BadLink
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
