"""The products that the caller has bought before, each as it was bought last."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

import strawberry

from gateway.engine.limits import DEFAULT_SIZE, MAXIMUM_SIZE
from gateway.errors import GatewayError, InvalidInput
from gateway.loaders.asks import Ask
from gateway.loaders.rows import Loaders
from gateway.model.tables import Link, column_of, paths
from gateway.schema.account_ids import account_id
from gateway.schema.business.catalog import Product
from gateway.schema.business.customer_items import items_of
from gateway.schema.business.pictures import attached_to
from gateway.schema.business.product_texts import texts_of
from gateway.schema.business.sales import LineStatus, SalesOrder, SalesOrderLine
from gateway.schema.business.values import Money
from gateway.schema.choosing import of_account
from gateway.schema.context import Info
from gateway.schema.selection import asks_for, columns
from gateway.upstream.conditions import EVERYTHING
from gateway.upstream.odata import Order

LINES: Final = 1_000
"""The newest order lines that are looked through."""
TABLE: Final = SalesOrderLine.__table__
TOLD: Final = paths(
    SalesOrderLine,
    "status",
    "quantity",
    "unit",
    "unit_price",
    "_created_at",
    "product",
    "order",
    "_company",
    "_product_number",
    "_item_number",
)
PRODUCT, ORDER = (cast(Link, TABLE.specs[name]) for name in ("product", "order"))
AHEAD: Final[Mapping[str, Callable[[Loaders, SalesOrderLine], Awaitable[object]]]] = {
    "texts": lambda loaders, line: _texts(loaders, line),
    "pictures": lambda loaders, line: attached_to(loaders, line._company, line._item_number),
    "customerItemNumber": lambda loaders, line: items_of(loaders, line._item_number),
}
"""The members of a product that are read with it, not after it, as lines name its numbers."""
NEWEST: Final = (Order(column_of(SalesOrderLine, "_created_at"), descending=True),)


@strawberry.type(description="A product as it was bought last.")
class BoughtBefore:
    """The newest line of a product, among the lines that the caller sees."""

    line: strawberry.Private[SalesOrderLine]
    times: int = strawberry.field(
        description=f"The number of its lines among the newest {LINES:,}."
    )

    @strawberry.field(description="The product; null where you may no longer see it.")
    async def product(self, info: Info) -> Product | None:
        select = columns(info._raw_info, Product.__table__)
        loaders = info.context.loaders
        ahead = [
            read(loaders, self.line)
            for name, read in AHEAD.items()
            if asks_for(info._raw_info, name)
        ]
        found, *_ = await asyncio.gather(
            loaders.one(PRODUCT, self.line, select), *map(_tried, ahead)
        )
        return found if isinstance(found, Product) else None

    @strawberry.field(description="The order in which it was bought last.")
    async def order(self, info: Info) -> SalesOrder | None:
        select = columns(info._raw_info, SalesOrder.__table__)
        found = await info.context.loaders.one(ORDER, self.line, select)
        return found if isinstance(found, SalesOrder) else None

    @strawberry.field(description="The quantity that was bought last.")
    def quantity(self) -> Decimal | None:
        return self.line.quantity

    @strawberry.field(description="The unit of that quantity.")
    def unit(self) -> str | None:
        return self.line.unit

    @strawberry.field(description="The price of one unit at that time.")
    def unit_price(self) -> Money | None:
        return self.line.unit_price

    @strawberry.field(description="The time at which it was bought last.")
    def bought_at(self) -> datetime | None:
        return self.line._created_at


async def bought_before(
    info: Info, first: int | None, account: strawberry.ID | None
) -> list[BoughtBefore] | None:
    """The products of the newest lines that the caller sees, latest first."""
    size = DEFAULT_SIZE if first is None else first
    if not 0 <= size <= MAXIMUM_SIZE:
        raise InvalidInput(f"'first' must be from 0 to {MAXIMUM_SIZE}.", argument="first")
    context = info.context
    where = EVERYTHING
    if account is not None:
        where = await of_account(context, TABLE, account_id(account))
    page = await context.loaders.reader.page(Ask(TABLE, TOLD, where, NEWEST, top=LINES))
    found: dict[str, BoughtBefore] = {}
    for line in map(SalesOrderLine, page.rows):
        product = line.raw.get(column_of(SalesOrderLine, "product"))
        if product is None or line.status is LineStatus.CANCELED:
            continue
        before = found.setdefault(product, BoughtBefore(line=line, times=0))
        before.times += 1
    return [*found.values()][:size]


async def _texts(loaders: Loaders, line: SalesOrderLine) -> None:
    numbers = dict.fromkeys((line._product_number, line._item_number))
    await asyncio.gather(*(texts_of(loaders, number) for number in numbers))


async def _tried(reading: Awaitable[object]) -> None:
    """Read ahead; where that fails, whoever needs it is told."""
    with suppress(GatewayError):
        await reading
