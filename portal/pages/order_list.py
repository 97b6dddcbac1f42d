"""The list of orders: search, filters, sorting, pages."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.lists import all_of, during
from portal.pages import searching
from portal.pages.list_page import Listing, show
from portal.sorting import Sort, Sorts, offered, order
from portal.visits import Visit
from portal.words import N_, OPEN, ORDER, SHIPPED, Words

SORTS: Final[Sorts] = {
    "newest": Sort(N_("Newest first"), "SalesOrder.placedAt", is_descending=True),
    "oldest": Sort(N_("Oldest first"), "SalesOrder.placedAt"),
    "wanted": Sort(N_("Requested date"), "SalesOrder.requestedReceiptDate"),
    "total": Sort(N_("Largest amount"), "SalesOrder.total", is_descending=True),
    "number": Sort(N_("Order number"), "SalesOrder.number"),
    "changed": Sort(N_("Last changed"), "SalesOrder.updatedAt", is_descending=True),
}
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "open": OPEN,
    "shipped": SHIPPED,
    "cancelled": ("CANCELED",),
}


async def orders(visit: Visit) -> Response:
    template = "orders_list.html" if visit.is_fragment else "orders.html"
    shown = {"statuses": _statuses(visit), "sorts": offered(visit, SORTS)}
    return await show(visit, LIST, template, **shown)


async def asked(visit: Visit) -> dict[str, Any]:
    """Filter and order, as the address says."""
    query = visit.query
    conditions = (
        visit.account_filter,
        await searching.orders(visit, query.get("q")),
        _status(visit, query.get("status", "")),
        during("placedAt", query.get("since"), query.get("until"), visit.language),
    )
    return {"filter": all_of(*conditions), **order(visit, SORTS)}


LIST: Final = Listing("orders", "Orders", "orders", asked)


def _statuses(visit: Visit) -> Words:
    """The statuses that the list can be narrowed to."""
    return ORDER if visit.reads("SalesOrder.status") else {}


def _status(visit: Visit, name: str) -> dict[str, Any]:
    statuses = _statuses(visit)
    if name == "overdue" and statuses:
        return overdue(visit)
    if name in GROUPS and statuses:
        return {"status": {"in": GROUPS[name]}}
    return {"status": {"eq": name}} if name in statuses and name != "RECEIVED" else {}


def overdue(visit: Visit) -> dict[str, Any]:
    """Open orders that should have arrived before today."""
    today = visit.language.today().isoformat()
    return {"status": {"in": OPEN}, "requestedReceiptDate": {"lt": today}}
