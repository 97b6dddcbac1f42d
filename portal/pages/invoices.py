"""
Invoices, with what is open of them where the environment says it. The state that dual-write gives
all of them is not shown, but another one, which an adopter's own map may write.
"""

from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound
from portal.figures import figures
from portal.lists import all_of, any_of_erp, between, page_of
from portal.pages import searching
from portal.pages.list_page import Listing, show
from portal.pages.owed import owed, owes
from portal.visits import Visit

LINES = 50
"""Lines of an invoice that a page shows."""


OVERDUE = 10
"""Overdue items that the list begins with."""


async def invoices(visit: Visit) -> Response:
    return await show(visit, LIST, "invoices.html", added_up=owed, most=OVERDUE)


async def asked(visit: Visit) -> dict[str, Any]:
    """The filter, as the address says."""
    query = visit.query
    conditions = (
        visit.account_filter,
        await searching.invoices(visit, query.get("q")),
        between("issuedOn", query.get("since"), query.get("until")),
    )
    return {"filter": all_of(*conditions)}


def _also(visit: Visit) -> dict[str, Any]:
    """Debts stand in front of the whole list, and of none of its searches and pages."""
    return {"paid": visit.has("Invoice.open"), "owes": owes(visit) and not visit.query}


LIST: Final = Listing("invoices", "Invoices", "invoices", asked, also=_also)


async def posted(visit: Visit) -> Response:
    """Invoices in free text and credit notes, which no order shows."""
    if not visit.has("PostedInvoice"):
        raise NotFound
    return await show(visit, POSTED, "posted.html")


async def _asked_posted(visit: Visit) -> dict[str, Any]:
    query, account = visit.query, visit.account
    named = any_of_erp(query.get("q"), ("number", "customerReference"))
    days = between("issuedOn", query.get("since"), query.get("until"))
    picked = {"account": account["id"]} if account else {}
    return {"filter": all_of({"orderNumber": {"eq": ""}}, named, days), **picked}


POSTED: Final = Listing("invoices", "PostedInvoices", "postedInvoices", _asked_posted)


async def invoice(visit: Visit) -> Response:
    page = page_of(visit.query, LINES)
    asked = {"id": visit.path["id"], "paid": visit.has("Invoice.open"), **page}
    found = (await visit.ask("invoices", "Invoice", **asked))["invoice"]
    if found is None:
        raise NotFound
    return visit.render(
        "invoice.html",
        invoice=found,
        figures=figures(found),
    )
