"""Orders as they are now, read anew and through the row rules: before a change and after it."""

from uuid import UUID

from gateway.schema.context import Context
from gateway.schema.sales import SalesOrder, SalesOrderLine
from gateway.upstream.conditions import Raw

LINE = frozenset(
    {
        "salesorderdetailid",
        "sequencenumber",
        "quantity",
        "msdyn_linedescription",
        "requestdeliveryby",
        "msdyn_linestatus",
        "_productid_value",
        "productid/msdyn_productnumber",
        "productid/msdyn_itemnumber",
        "uomid/msdyn_symbol",
    }
)
"""The columns of a line by which changes are judged."""


async def read_order(context: Context, key: UUID, select: frozenset[str]) -> SalesOrder | None:
    context.loaders.forget()
    return await context.loaders.node(SalesOrder, (key,), select)


async def read_lines(context: Context, order: UUID) -> dict[str, Raw]:
    """The lines of an order by their ids."""
    found = await context.loaders.matching(SalesOrderLine, {"_salesorderid_value": order}, LINE)
    return {line.raw["salesorderdetailid"].lower(): line.raw for line in found}
