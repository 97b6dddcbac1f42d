"""
Invoices. What is still open of one is not shown: no documented collection carries it. Nor is the
state that dual-write gives all of them, but another one, which an adopter's own map may write.
"""

from typing import Any

from starlette.responses import Response

from portal.errors import BadLink, NotFound
from portal.figures import figures
from portal.lists import all_of, between, mistakes, page_of
from portal.pages import searching
from portal.visits import Visit

LINES = 50
"""Lines of an invoice that a page shows."""


async def invoices(visit: Visit) -> Response:
    wrong = mistakes(visit.query)
    asked_for = {} if wrong else {**await asked(visit), **page_of(visit.query)}
    found = None if wrong else (await visit.ask("invoices", "Invoices", **asked_for))["invoices"]
    return visit.render(
        "invoices.html",
        status=422 if wrong else 200,
        invoices=found,
        mistakes=wrong,
        query=visit.query,
    )


async def asked(visit: Visit) -> dict[str, Any]:
    """The filter, as the address says; BadLink where it cannot be read."""
    query = visit.query
    if mistakes(query):
        raise BadLink
    conditions = (
        visit.account_filter,
        await searching.invoices(visit, query.get("q")),
        between("issuedOn", query.get("since"), query.get("until")),
    )
    return {"filter": all_of(*conditions)}


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
