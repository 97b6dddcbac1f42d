"""Invoices. What is still open of one is not shown: no documented collection carries it."""

from typing import Any

from starlette.responses import Response

from portal.errors import NotFound
from portal.lists import any_of, day, page_of
from portal.visits import Visit
from portal.words import INVOICE


async def invoices(visit: Visit) -> Response:
    query = visit.query
    conditions = [
        visit.account_filter,
        any_of(query.get("q", ""), ("number", "description")),
        {"state": {"eq": query["state"]}} if query.get("state") in INVOICE else {},
        _issued(query.get("since"), query.get("until")),
    ]
    found = await visit.ask(
        "invoices",
        "Invoices",
        filter={"and": [condition for condition in conditions if condition]},
        **page_of(query),
    )
    return visit.render("invoices.html", invoices=found["invoices"], states=INVOICE, query=query)


async def invoice(visit: Visit) -> Response:
    found = (await visit.ask("invoices", "Invoice", id=visit.path["id"]))["invoice"]
    if found is None:
        raise NotFound
    return visit.render("invoice.html", invoice=found)


def _issued(since: str | None, until: str | None) -> dict[str, Any]:
    bounds = {"gte": day(since), "lte": day(until)}
    kept = {name: bound.isoformat() for name, bound in bounds.items() if bound}
    return {"issuedOn": kept} if kept else {}
