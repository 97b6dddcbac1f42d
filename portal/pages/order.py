"""The page of one order: progress, lines, shipments and invoices."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound, Unavailable
from portal.figures import figures
from portal.following import digest
from portal.lists import page_of
from portal.visits import Visit
from portal.words import CHANGEABLE, N_, OPEN

LINES: Final = 50
"""Lines of an order that a page shows."""
STEPS: Final = (
    (N_("Placed"), ("ACTIVE",)),
    (N_("Confirmed"), ("CONFIRMED",)),
    (N_("Picked"), ("PICKED",)),
    (N_("Partly delivered"), ("PARTIALLY_DELIVERED",)),
    (N_("Delivered"), ("DELIVERED",)),
    (N_("Invoiced"), ("PARTIALLY_INVOICED", "DELIVERED_AND_PARTIALLY_INVOICED", "INVOICED")),
)
UNPRINTED: Final = (None, "ACTIVE", "CANCELED", "UNKNOWN")
"""The states in which there is no confirmation."""
PARTLY: Final = 3
"""The step that an order may never take: all of it can leave at once."""


@dataclass(frozen=True, slots=True)
class Step:
    """One station of the time line; `state` is done, now or ahead."""

    name: str
    state: str
    on: str | None


async def order(visit: Visit) -> Response:
    page = {"id": visit.path["id"], **page_of(visit.query, LINES)}
    found, delivered = await asyncio.gather(
        visit.ask("order", "Order", **page), _deliveries(visit, page)
    )
    if found["order"] is None:
        raise NotFound
    seen = digest(found)
    sent = (delivered or {}).get("shipments")
    shipments = sent["nodes"] if sent else None
    quantities = {line["id"]: line for line in delivered["lines"]["nodes"]} if delivered else {}
    return visit.render(
        "order.html",
        seen=seen,
        order=found["order"],
        lines=found["order"]["lines"],
        quantities=quantities,
        shipments=shipments,
        files=(delivered or {}).get("attachments") or (),
        figures=figures(found["order"]),
        steps=steps(found["order"], shipments or ()),
        is_printed=found["order"]["status"] not in UNPRINTED,
        is_open=found["order"]["status"] in (None, *OPEN),
        is_changeable=found["order"]["status"] in CHANGEABLE,
    )


async def _deliveries(visit: Visit, page: Mapping[str, Any]) -> dict[str, Any] | None:
    """The shipments of an order and its files; None while Finance & Operations is away."""
    try:
        found = await visit.ask("order", "Deliveries", **page, ships=visit.may("shipments:read"))
    except Unavailable:
        visit.is_partial = True
        return None
    return found.get("order")


def steps(order: Mapping[str, Any], shipments: Iterable[Mapping[str, Any]]) -> list[Step]:
    """The time line of an order, with the days that are known."""
    status = order["status"]
    reached = next((n for n, (_, of) in enumerate(STEPS) if status in of), 0)
    sent = sorted(each["deliveredOn"] for each in shipments if each["deliveredOn"])
    billed = sorted(each["issuedOn"] for each in order["invoices"]["nodes"] if each["issuedOn"])
    on = {0: order["placedAt"]}
    if sent:
        on |= {PARTLY: sent[0], PARTLY + 1: sent[-1]}
    if billed:
        on[len(STEPS) - 1] = billed[-1]
    shown = [n for n in range(len(STEPS)) if n != PARTLY or reached == PARTLY or len(sent) > 1]
    return [
        Step(STEPS[n][0], _state(n, reached, status), on.get(n) if n <= reached else None)
        for n in shown
    ]


def _state(step: int, reached: int, status: str) -> str:
    if status == "CANCELED":
        return "done" if step == 0 else "off"
    if step == reached and status != "INVOICED":
        return "now"
    return "done" if step <= reached else "ahead"
