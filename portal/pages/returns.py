"""
Pages of returns: the goods that go back, the place that they go to, and the progress of each line.
Highest number first, as the ERP tells no day on which a return was made.
"""

from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound
from portal.lists import all_of, any_of_erp, between, one_of, page_of
from portal.pages.list_page import Listing, show
from portal.visits import Visit
from portal.words import RETURN, Words

LINES: Final = 50
"""Lines of a return that a page shows."""
AWAITED: Final = ("NONE", "CREATED", "OPEN")
"""The statuses of returns for which goods may still be sent."""
NAMES: Final = ("number", "rmaNumber", "customerReference", "replacementNumber")


async def returns(visit: Visit) -> Response:
    return await show(visit, LIST, "returns.html", statuses=_statuses(visit))


async def asked(visit: Visit) -> dict[str, Any]:
    """Filter and account, as the address says."""
    query, account = visit.query, visit.account
    conditions = (
        any_of_erp(query.get("q"), NAMES),
        one_of("status", query.get("status"), _statuses(visit)),
        between("returnBy", query.get("since"), query.get("until")),
    )
    picked = {"account": account["id"]} if account else {}
    return {"filter": all_of(*conditions), **picked}


def _statuses(visit: Visit) -> Words:
    """The statuses that the list can be narrowed to."""
    return RETURN if visit.reads("ReturnOrder.status") else {}


LIST: Final = Listing("returns", "Returns", "returns", asked)


async def returned(visit: Visit) -> Response:
    page = page_of(visit.query, LINES)
    found = (await visit.ask("returns", "ReturnOrder", id=visit.path["id"], **page))["returnOrder"]
    if found is None:
        raise NotFound
    return visit.render("return.html", returned=found, is_awaited=found["status"] in AWAITED)
