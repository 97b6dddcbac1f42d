"""What was sent, and where the carrier has it."""

from starlette.responses import Response

from portal.errors import NotFound
from portal.lists import any_of, page_of
from portal.visits import Visit
from portal.words import SHIPPED

ORDERS = 15


async def shipments(visit: Visit) -> Response:
    """Orders of which something was sent, latest change first, each with its shipments."""
    conditions = [
        {"status": {"in": SHIPPED}},
        visit.account_filter,
        any_of(visit.query.get("q", ""), ("number", "customerReference")),
    ]
    found = await visit.ask(
        "shipments",
        "Shipments",
        filter={"and": [condition for condition in conditions if condition]},
        **page_of(visit.query, ORDERS),
    )
    return visit.render("shipments.html", orders=found["orders"], query=visit.query)


async def shipment(visit: Visit) -> Response:
    found = await visit.ask(
        "shipments", "Shipment", order=visit.path["id"], number=visit.path["number"]
    )
    if not found["order"] or not found["order"]["shipments"]["nodes"]:
        raise NotFound
    return visit.render(
        "shipment.html", order=found["order"], shipment=found["order"]["shipments"]["nodes"][0]
    )
