"""Availability to promise: how much of a product can be had on which day."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from uuid import UUID

import strawberry

from gateway.loaders.erp_availability import PromiseLine
from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, lookup, table


@strawberry.type(description="A quantity that can be promised from a day on.")
class PromisedFrom:
    """From one warehouse of the seller."""

    on: date = strawberry.field(description="The day.")
    quantity: Decimal = strawberry.field(description="The quantity.")


@strawberry.type(description="The availability of a quantity of a product, worked out by the ERP.")
class Promise:
    """The answer of the ERP, at most a minute old."""

    quantity: Decimal = strawberry.field(description="The quantity that was asked for.")
    on: date | None = strawberry.field(
        description="The earliest day on which one warehouse can send all of it; null if none can "
        "within the time that the ERP looks ahead."
    )
    quantities: list[PromisedFrom] = strawberry.field(
        description="The largest quantity that one warehouse can send, by day; empty where your "
        "role may not read the stock."
    )


@table(
    "msdyn_inventoryonhandrequest",
    key="msdyn_inventoryonhandrequestid",
    rows=with_parent,
    needs="catalog",
)
class PromiseRequest(Row):
    """A question to the ERP; written, never read."""

    _id: UUID = column("msdyn_inventoryonhandrequestid", "The key.", written="create")
    request: str | None = column("msdyn_requestid", "Its number.", written="create")
    is_promise: bool | None = column(
        "msdyn_isatpcalculation", "True if it asks what can be promised.", written="create"
    )
    quantity: Decimal | None = column(
        "msdyn_orderquantity", "The quantity that is wanted.", written="create"
    )
    _product_id: UUID | None = lookup(
        "msdyn_product", "The product.", written="create", to="product"
    )


@table(
    "msdyn_inventoryonhandentry",
    key="msdyn_inventoryonhandentryid",
    rows=with_parent,
    needs="catalog",
)
class PromiseEntry(Row):
    """A part of the answer."""

    day: date | None = column("msdyn_atpdate", "The day.")
    quantity: Decimal | None = column("msdyn_atpquantity", "The quantity from then on.")
    _request_id: UUID | None = lookup("msdyn_request", "The question.")


def has_promises(loaders: Loaders) -> bool:
    """True if the ERP says here what can be promised."""
    own, reader = loaders.calculated, loaders.reader
    tables = PromiseRequest.__table__, PromiseEntry.__table__
    return (
        own is not None
        and own.promises.is_there
        and all(reader.has(t, *t.all_paths) for t in tables)
    )


def loaded_for_promise(given: Collection[str], loaders: Loaders | None) -> Collection[str]:
    """The calls that promises take: one that asks and one that reads the answer."""
    there = loaders is None or has_promises(loaders)
    return {PromiseRequest.__name__, PromiseEntry.__name__} if there else ()


async def promise_of(
    loaders: Loaders, product: UUID, quantity: Decimal, *, listed: bool
) -> Promise | None:
    """The promise for a product that the caller sees; None where the ERP says nothing."""
    asked = loaders.calculated
    if asked is None or not has_promises(loaders):
        return None
    line = PromiseLine(product, quantity)
    entries = await asked.promises.of(line, listed=listed)
    if not entries:
        return None
    days: dict[date, Decimal] = {}
    for entry in entries:
        days[entry.day] = max(days.get(entry.day, Decimal()), entry.quantity)
    told = [PromisedFrom(on=day, quantity=days[day]) for day in sorted(days)]
    on = next((each.on for each in told if each.quantity >= quantity), None)
    # What can be sent today is the stock.
    hides = loaders.reader.principal.hides
    is_hidden = hides("WarehouseStock", "available") or hides("Product", "availability")
    return Promise(quantity=quantity, on=on, quantities=[] if is_hidden else told)
