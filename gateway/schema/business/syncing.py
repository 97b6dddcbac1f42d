"""The arrival of an order in the ERP: dual-write takes it there, unless its maps are paused."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, paths, table
from gateway.schema.business.prices import PriceBasis

FAILED_AFTER = 600
"""Seconds: a running map writes within the same transaction, a paused one when it is resumed."""


@table(
    "SalesOrderHeadersV2",
    service="finops",
    key={"dataAreaId": str, "SalesOrderNumber": str},
    rows=with_parent,
    needs="orders",
)
class ErpOrder(Row):
    """An order as the ERP keeps it."""

    company: str | None = column("dataAreaId", "The legal entity.")
    number: str = column("SalesOrderNumber", "The order number.")
    created_at: datetime | None = column("OrderCreationDateTime", "When the order was made.")
    status: str | None = column("SalesOrderStatus", "The progress of the order.")
    total: Decimal | None = column("OrderTotalAmount", "The total with tax.")
    totals_are_calculated: bool | None = column(
        "AreTotalsCalculated", "True if the ERP has worked the totals out."
    )


STATE = paths(ErpOrder, "number", "status", "total", "totals_are_calculated")
CANCELED = "Canceled"
"""`SalesOrderStatus` of an order that the ERP has canceled."""


@strawberry.enum(description="The arrival of an order in the ERP.")
class SyncStatus(Enum):
    """The stages of the arrival; each is looked up in the ERP, and none is remembered."""

    PENDING = strawberry.enum_value("pending", description="Not yet; it is on its way.")
    SYNCED = strawberry.enum_value("synced", description="The ERP has it.")
    FAILED = strawberry.enum_value(
        "failed",
        description=f"Not after {FAILED_AFTER // 60} minutes: the seller has to look after it.",
    )


@strawberry.type(description="The state of an order between Dataverse and the ERP.")
class SyncState:
    """The arrival of one order in the ERP, as of now."""

    status: SyncStatus = strawberry.field(description="The arrival of the order in the ERP.")
    age_seconds: int = strawberry.field(description="The age of the order.")


async def sync_state(
    loaders: Loaders, company: str | None, number: str | None, placed_at: datetime | None
) -> SyncState:
    """The state of the order with this number, by one call to the ERP for all orders of a list."""
    age = _seconds_since(placed_at)
    if await _erp_order(loaders, company, number) is not None:
        return SyncState(status=SyncStatus.SYNCED, age_seconds=age)
    late = age >= FAILED_AFTER
    return SyncState(status=SyncStatus.FAILED if late else SyncStatus.PENDING, age_seconds=age)


async def is_canceled(loaders: Loaders, company: str | None, number: str | None) -> bool:
    """True if the ERP has canceled an order, or has none, so that there is nothing to cancel."""
    order = await _erp_order(loaders, company, number)
    return order is None or order.status == CANCELED


async def amounts_basis(
    loaders: Loaders, company: str | None, number: str | None, total: Decimal | None
) -> PriceBasis:
    """CONFIRMED once the total in Dataverse is the one that the ERP worked out."""
    order = await _erp_order(loaders, company, number)
    settled = order is not None and order.totals_are_calculated and order.total == total
    return PriceBasis.CONFIRMED if settled else PriceBasis.ESTIMATED


async def _erp_order(loaders: Loaders, company: str | None, number: str | None) -> ErpOrder | None:
    if company is None or number is None:
        return None
    on = {"dataAreaId": company, "SalesOrderNumber": number}
    found = await loaders.matching(ErpOrder, on, STATE)
    return found[0] if found else None


def _seconds_since(moment: datetime | None) -> int:
    return max(int((datetime.now(UTC) - moment).total_seconds()), 0) if moment else 0
