"""The list of orders: search, filters, sorting, pages."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.lists import any_of, between, day, page_of
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
    found = await visit.ask("orders", "Orders", **asked(visit), **page_of(visit.query))
    template = "orders_list.html" if visit.is_fragment else "orders.html"
    return visit.render(template, orders=found["orders"], statuses=ORDER, query=visit.query)


def asked(visit: Visit) -> dict[str, Any]:
    """Filter and order, as the address says."""
    query = visit.query
    field, direction = SORTS.get(query.get("sort", ""), SORTS["newest"])
    conditions = [
        visit.account_filter,
        any_of(query.get("q", ""), ("number", "customerReference", "requisitionNumber")),
        _status(query.get("status", "")),
        between("placedAt", day(query.get("since")), day(query.get("until"))),
    ]
    return {
        "filter": {"and": [condition for condition in conditions if condition]},
        "orderBy": [{"field": field, "direction": direction}],
    }


def _status(name: str) -> dict[str, Any]:
    if name in GROUPS:
        return {"status": {"in": GROUPS[name]}}
    return {"status": {"eq": name}} if name in ORDER and name != "RECEIVED" else {}
