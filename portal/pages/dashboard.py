"""The first page after signing in: open orders, recent shipments, and problems."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from portal.errors import Unavailable
from portal.pages.order_list import overdue
from portal.pages.owed import Owed, owed, owes
from portal.pages.quick import empty_rows
from portal.pages.shared_drafts import some_drafts
from portal.pages.templates import some_of
from portal.visits import Visit
from portal.words import OPEN, SHIPPED

FIRST_ROWS: Final = 3
"""Rows of the quick order on the overview, which grow."""


async def dashboard(visit: Visit) -> Response:
    mine = visit.account_filter
    found, (shipped, owing) = await asyncio.gather(
        visit.ask(
            "dashboard",
            "Dashboard",
            all=mine,
            open={**mine, "status": {"in": OPEN}},
            late={**mine, **overdue(visit)},
            warns=_warns(visit),
        ),
        _from_the_erp(visit),
    )
    holds = (found.pop("holds", None) or {}).get("nodes", ())
    orders = visit.may("orders:create") and visit.site.brand.shows("order")
    return visit.render(
        "dashboard.html",
        **found,
        shipments=shipped,
        owed=owing,
        holds=holds,
        quick=empty_rows()[:FIRST_ROWS] if orders else (),
        templates=await some_of(visit) if orders else (),
        drafts=await some_drafts(visit) if orders else (),
    )


def _warns(visit: Visit) -> bool:
    """True if accounts on hold are to be named; staff look after too many to be warned of each."""
    return visit.may("account:read") and visit.viewer["viewer"]["kind"] != "staff"


async def _from_the_erp(visit: Visit) -> tuple[list[dict[str, Any]] | None, Sequence[Owed]]:
    """The latest shipments, None while Finance & Operations is away, and what is owed."""
    ships, owing = visit.may("shipments:read"), owes(visit)
    if not ships and not owing:
        return [], ()
    asked = {**visit.account_filter, "status": {"in": SHIPPED}}
    try:
        found = await visit.ask("dashboard", "Deliveries", shipped=asked, ships=ships, owes=owing)
    except Unavailable:
        return None if ships else [], ()
    return _deliveries(found) if ships else [], owed(found.get("owed"))


def _deliveries(found: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The latest shipments, newest first."""
    if not found.get("shipped"):
        return None
    sent = [
        {**shipment, "order": order}
        for order in found["shipped"]["nodes"]
        for shipment in order["shipments"]["nodes"]
    ]
    return sorted(sent, key=lambda shipment: shipment["deliveredOn"] or "", reverse=True)[:6]
