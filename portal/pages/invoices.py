"""
Invoices. What is still open of one is not shown: no documented collection carries it. Nor is the
state that dual-write gives all of them, but another one, which an adopter's own map may write.
"""

from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound
from portal.figures import figures
from portal.lists import all_of, between, page_of
from portal.pages import searching
from portal.pages.listing import Listing, show
from portal.visits import Visit

LINES = 50
"""Lines of an invoice that a page shows."""


async def invoices(visit: Visit) -> Response:
    return await show(visit, LIST, "invoices.html")


async def asked(visit: Visit) -> dict[str, Any]:
    """The filter, as the address says."""
    query = visit.query
    conditions = (
        visit.account_filter,
        await searching.invoices(visit, query.get("q")),
        between("issuedOn", query.get("since"), query.get("until")),
    )
    return {"filter": all_of(*conditions)}


LIST: Final = Listing("invoices", "Invoices", "invoices", asked)


async def invoice(visit: Visit) -> Response:
    page = page_of(visit.query, LINES)
    found = (await visit.ask("invoices", "Invoice", id=visit.path["id"], **page))["invoice"]
    if found is None:
        raise NotFound
    return visit.render(
        "invoice.html",
        invoice=found,
        figures=figures(found),
    )
