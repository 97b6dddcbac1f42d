"""Pages of shipments: what was sent, and where the carrier has it."""

from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound
from portal.lists import all_of, page_of
from portal.pages import searching
from portal.pages.list_page import Listing, show
from portal.visits import Visit
from portal.words import SHIPPED

ORDERS = 15
LINES = 50
"""Lines of a shipment that a page shows."""


async def shipments(visit: Visit) -> Response:
    """Orders of which something was sent, latest change first, each with its shipments."""
    return await show(visit, LIST, "shipments.html")


async def asked(visit: Visit) -> dict[str, Any]:
    """The filter, as the address says."""
    conditions = (
        {"status": {"in": SHIPPED}},
        visit.account_filter,
        await searching.shipments(visit, visit.query.get("q")),
    )
    return {"filter": all_of(*conditions)}


LIST: Final = Listing("shipments", "Shipments", "orders", asked, ORDERS)


async def shipment(visit: Visit) -> Response:
    found = await visit.ask(
        "shipments",
        "Shipment",
        order=visit.path["id"],
        number=visit.path["number"],
        **page_of(visit.query, LINES),
    )
    if not found["order"] or not found["order"]["shipments"]["nodes"]:
        raise NotFound
    return visit.render(
        "shipment.html", order=found["order"], shipment=found["order"]["shipments"]["nodes"][0]
    )
