"""The first page after signing in: open orders, recent shipments, and problems."""

import asyncio
from typing import Any

from starlette.responses import Response

from portal.errors import Unavailable
from portal.pages.orders import overdue
from portal.visits import Visit
from portal.words import OPEN, SHIPPED


async def dashboard(visit: Visit) -> Response:
    mine = visit.account_filter
    found, shipped = await asyncio.gather(
        visit.ask(
            "dashboard",
            "Dashboard",
            all=mine,
            open={**mine, "status": {"in": OPEN}},
            late={**mine, **overdue(visit)},
            warns=_warns(visit),
        ),
        _deliveries(visit),
    )
    holds = (found.pop("holds", None) or {}).get("nodes", ())
    return visit.render("dashboard.html", **found, shipments=shipped, holds=holds)


def _warns(visit: Visit) -> bool:
    """True if accounts on hold are to be named; staff look after too many to be warned of each."""
    return visit.may("account:read") and visit.viewer["viewer"]["kind"] != "staff"


async def _deliveries(visit: Visit) -> list[dict[str, Any]] | None:
    """The latest shipments, newest first; None while Finance & Operations is away."""
    if not visit.may("shipments:read"):
        return []
    asked = {**visit.account_filter, "status": {"in": SHIPPED}}
    try:
        found = await visit.ask("dashboard", "Deliveries", shipped=asked)
    except Unavailable:
        return None
    if not found.get("shipped"):
        return None
    sent = [
        {**shipment, "order": order}
        for order in found["shipped"]["nodes"]
        for shipment in order["shipments"]["nodes"]
    ]
    return sorted(sent, key=lambda shipment: shipment["deliveredOn"] or "", reverse=True)[:6]
