"""
The delivered quantity of an order line: worked out from the packing slips, as no entity says it.

The line is found in the ERP by order number and creation sequence, never by item, as an order may
repeat one; its lot id then leads to the packing slip lines.
"""

from decimal import Decimal

from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, column_of, paths, table


@table(
    "SalesOrderLines",
    service="finops",
    key={"dataAreaId": str, "InventoryLotId": str},
    rows=with_parent,
    needs="orders",
)
class ErpOrderLine(Row):
    """An order line as the ERP keeps it."""

    order: str = column("SalesOrderNumber", "The number of the order.")
    lot: str = column("InventoryLotId", "The lot id, which packing slip lines refer to.")
    sequence: int = column("LineCreationSequenceNumber", "The line's place in its order.")


@table(
    "CustPackingSlipTransBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceDocumentLine": int},
    rows=with_parent,
    needs="orders",
)
class DeliveredQuantity(Row):
    """The quantity of an order line on one packing slip."""

    lot: str = column("InventTransId", "The lot id of the order line.")
    quantity: Decimal | None = column("Qty", "The quantity that was sent.")


async def delivered(
    loaders: Loaders, company: str | None, order: str | None, sequence: int | None
) -> Decimal | None:
    """The quantity that all packing slips together sent of one order line."""
    if company is None or order is None or sequence is None:
        return None
    of_order = {"dataAreaId": company, column_of(ErpOrderLine, "order"): order}
    lines = await loaders.matching(ErpOrderLine, of_order, paths(ErpOrderLine, "lot", "sequence"))
    lots = [line.lot for line in lines if line.sequence == sequence]
    if not lots:
        return None
    of_lot = {"dataAreaId": company, column_of(DeliveredQuantity, "lot"): lots[0]}
    slips = await loaders.matching(DeliveredQuantity, of_lot, paths(DeliveredQuantity, "quantity"))
    return sum((slip.quantity or Decimal() for slip in slips), Decimal())
