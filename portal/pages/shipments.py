"""What was sent, and where the carrier has it."""

from typing import Any

from starlette.responses import Response

from portal.errors import BadLink, NotFound
from portal.lists import all_of, mistakes, page_of
from portal.pages import searching
from portal.visits import Visit
from portal.words import SHIPPED

ORDERS = 15
LINES = 50
"""Lines of a shipment that a page shows."""


async def shipments(visit: Visit) -> Response:
    """Orders of which something was sent, latest change first, each with its shipments."""
    wrong = mistakes(visit.query)
    asked_for = {} if wrong else {**await asked(visit), **page_of(visit.query, ORDERS)}
    found = None if wrong else (await visit.ask("shipments", "Shipments", **asked_for))["orders"]
    return visit.render(
        "shipments.html",
        status=422 if wrong else 200,
        orders=found,
        mistakes=wrong,
        query=visit.query,
    )


async def asked(visit: Visit) -> dict[str, Any]:
    """The filter, as the address says; BadLink where it cannot be read."""
    if mistakes(visit.query):
        raise BadLink
    conditions = (
        {"status": {"in": SHIPPED}},
        visit.account_filter,
        await searching.shipments(visit, visit.query.get("q")),
    )
    return {"filter": all_of(*conditions)}


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
