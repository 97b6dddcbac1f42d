"""
An order as its buyer sees it -> the news of it that are worth a mail: placed, confirmed, shipped,
late; and the time at which it may have some without being changed. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct

from gateway.schema.business.sales import OPEN, PRINTED, OrderStatus

PLACED, CONFIRMED, SHIPPED, LATE = "placed", "confirmed", "shipped", "late"
KINDS: Final = (PLACED, CONFIRMED, SHIPPED, LATE)
GONE: Final = frozenset({OrderStatus.CANCELED.name, OrderStatus.UNKNOWN.name})
AWAITED: Final = frozenset(each.name for each in OPEN) - {
    OrderStatus.DELIVERED.name,
    OrderStatus.PARTIALLY_INVOICED.name,
    OrderStatus.DELIVERED_AND_PARTIALLY_INVOICED.name,
}
"""The orders of which something is still to be sent."""
SENT: Final = frozenset(each.name for each in PRINTED) - {
    OrderStatus.CONFIRMED.name,
    OrderStatus.PICKED.name,
}
"""The orders of which something was sent."""
TRACKING: Final = timedelta(minutes=15)
"""The time after which the tracking of a shipment is looked for again."""
MORNING: Final = time(6)
"""The hour of the legal entity's zone at which an order of the day before is found to be late."""


class OrderEvent(Struct, frozen=True):
    """One piece of news of an order."""

    kind: str
    name: str
    """The same for the same news, of one order."""
    shipment: Mapping[str, Any] | None = None


def events_of(order: Mapping[str, Any], today: date) -> Iterator[OrderEvent]:
    """The news of an order as it is, the older first."""
    status = order["status"]
    if status in GONE:
        return
    yield OrderEvent(PLACED, PLACED)
    if status in {each.name for each in PRINTED}:
        yield OrderEvent(CONFIRMED, CONFIRMED)
    for each in _shipments(order):
        if _is_tracked(each) or not _is_of(each, today):
            yield OrderEvent(SHIPPED, f"{SHIPPED}_{_digest(each['number'])}", each)
    day = promised(order)
    if status in AWAITED and day is not None and day < today:
        yield OrderEvent(LATE, f"{LATE}_{day}")


def look_again(order: Mapping[str, Any], now: datetime) -> datetime | None:
    """
    The time at which an order may have further news although nothing of it changes; `now` is in the
    zone of the order's legal entity.
    """
    today, day = now.date(), promised(order)
    found = []
    if _is_awaited(order, now):
        found.append(now.astimezone(UTC) + TRACKING)
    if order["status"] in AWAITED and day is not None and day >= today:
        found.append(datetime.combine(day + timedelta(days=1), MORNING, now.tzinfo))
    return min(found, default=None)


def promised(order: Mapping[str, Any]) -> date | None:
    """The day on which the order should be there: the seller's, or else the one asked for."""
    text = order["confirmedReceiptDate"] or order["requestedReceiptDate"]
    return date.fromisoformat(text) if text else None


def _digest(number: object) -> str:
    """A number of a packing slip, which may have any signs, in those of an id."""
    return sha256(str(number).encode()).hexdigest()[:16]


def _shipments(order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (order.get("shipments") or {}).get("nodes") or []


def _is_tracked(shipment: Mapping[str, Any]) -> bool:
    return bool((shipment.get("tracking") or {}).get("nodes"))


def _is_of(shipment: Mapping[str, Any], today: date) -> bool:
    """True if it was sent today, so that its tracking may still come."""
    return bool(shipment["deliveredOn"] == today.isoformat())


def _is_awaited(order: Mapping[str, Any], now: datetime) -> bool:
    """True if a packing slip, or the tracking of one, may still come for what was sent."""
    found, changed = _shipments(order), order["updatedAt"]
    if found:
        return any(not _is_tracked(each) and _is_of(each, now.date()) for each in found)
    is_recent = bool(changed) and now - datetime.fromisoformat(changed) < timedelta(days=1)
    return order["status"] in SENT and is_recent
