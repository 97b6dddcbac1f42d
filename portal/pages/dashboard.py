"""The first thing after signing in: what is open, what was sent, what needs attention."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from portal.errors import Unavailable
from portal.visits import Visit
from portal.words import OPEN, SHIPPED


async def dashboard(visit: Visit) -> Response:
    mine = visit.account_filter
    today = datetime.now(UTC).date().isoformat()
    found, shipped, holds = await asyncio.gather(
        visit.ask(
            "dashboard",
            "Dashboard",
            all=mine,
            open={**mine, "status": {"in": OPEN}},
            late={**mine, "status": {"in": OPEN}, "requestedReceiptDate": {"lt": today}},
        ),
        _deliveries(visit),
        _holds(visit),
    )
    return visit.render("dashboard.html", **found, shipments=shipped, holds=holds)


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


async def _holds(visit: Visit) -> list[dict[str, Any]]:
    """Accounts with a hold; staff look after too many to be warned of each."""
    if not visit.may("account:read") or visit.viewer["viewer"]["kind"] == "staff":
        return []
    found = await visit.ask("dashboard", "Holds")
    return list((found.get("accounts") or {}).get("nodes", ()))
