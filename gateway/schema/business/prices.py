"""The price of a product for a customer, by the ERP's engine: its amount and what made it."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from enum import Enum

import strawberry

from gateway.auth.principal import Principal
from gateway.errors import InvalidInput, NotAvailableHere
from gateway.loaders.engine_prices import Customer
from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, paths, table
from gateway.schema.business.values import Money
from gateway.upstream.active_prices import OPERATION, ActivePrice, PriceLine

HOUR = 3_600.0
"""Seconds for which the number of a product's record may be kept: it never changes."""
MOST = Decimal(1_000_000_000)
"""The largest quantity that a price is asked for."""


@strawberry.enum(description="The basis of a price.")
class PriceBasis(Enum):
    """The basis of an amount."""

    ESTIMATED = strawberry.enum_value(
        "estimated", description="From a price list; the ERP may settle on another amount."
    )
    CALCULATED = strawberry.enum_value(
        "calculated",
        description="Worked out within the last minute by the ERP's own pricing engine, for this "
        "customer and quantity.",
    )
    CONFIRMED = strawberry.enum_value("confirmed", description="Worked out by the ERP.")


@strawberry.enum(description="A step on the way to a price.")
class PriceStep(Enum):
    """In the order in which they count."""

    BASE = strawberry.enum_value("base", description="The price of the product for everybody.")
    AGREEMENT = strawberry.enum_value("agreement", description="The price of a trade agreement.")
    SALES_AGREEMENT = strawberry.enum_value(
        "sales_agreement", description="The price of a sales agreement with the customer."
    )
    ADJUSTMENT = strawberry.enum_value("adjustment", description="The price after adjustments.")
    DISCOUNT = strawberry.enum_value("discount", description="A discount that is taken off.")


@strawberry.type(description="A reason for which a price is as it is.")
class PriceReason:
    """A price of one unit, or a discount by its name."""

    step: PriceStep = strawberry.field(description="The step.")
    name: str | None = strawberry.field(description="The name of a discount.")
    unit_price: Money | None = strawberry.field(
        description="The price of one unit by this step; null for a discount."
    )
    percentage: Decimal | None = strawberry.field(description="A discount in percent.")


@strawberry.type(description="The price of a product for this caller.")
class Price:
    """A price for one unit."""

    unit_price: Money = strawberry.field(description="The price of one unit.")
    unit: str | None = strawberry.field(description="The unit that the price is for.")
    basis: PriceBasis = strawberry.field(description="The basis of the price.")
    before_discounts: Money | None = strawberry.field(
        default=None,
        description="The price of one unit before discounts; null where the ERP did not work it "
        "out.",
    )
    because: list[PriceReason] = strawberry.field(
        default_factory=list,
        description="The steps that led to the price, in their order; empty where the ERP did not "
        "work it out.",
    )


@table(
    "ProductCategoryAssignments",
    service="finops",
    key={
        "ProductNumber": str,
        "ProductCategoryName": str,
        "ProductCategoryHierarchyName": str,
    },
    rows=with_parent,
    needs="prices",
    kept=HOUR,
)
class ProductRecord(Row):
    """The number of a product's record in the ERP, by which its pricing engine knows it."""

    number: str | None = column("ProductNumber", "The product number.")
    record: int | None = column("ProductRecId", "The number of the record.")


def has_engine(loaders: Loaders) -> bool:
    """True if the ERP calculates prices here, and tells the records of products."""
    calculated, own = loaders.calculated, ProductRecord.__table__
    is_there = calculated is not None and calculated.prices.is_there
    return is_there and loaders.reader.has(own, *own.all_paths)


def loaded_for_price(given: Collection[str], loaders: Loaders | None) -> Collection[str]:
    """
    The calls that prices with these arguments take: those of the engine where it is asked, else
    those of a price list; see `gateway.model.ways_to_values.Loaded`.
    """
    by_engine, by_list = {ProductRecord.__name__, OPERATION}, {"PriceListItem"}
    if "unit" in given:
        by_list.add("Unit")
    if loaders is None:
        return by_engine | by_list
    asked = len(loaders.reader.principal.accounts) == 1 and has_engine(loaders)
    return by_engine if asked else by_list


def customer_of(principal: Principal, company: str | None) -> Customer | None:
    """The customer whose prices count in a company; None where the caller may be several."""
    if len(principal.accounts) != 1:
        return None
    (account,) = principal.accounts
    seller = company or account.company
    if not account.number or not seller or (account.company or seller).lower() != seller.lower():
        return None
    return seller.lower(), account.number


async def calculated(
    loaders: Loaders,
    customer: Customer | None,
    number: str | None,
    unit: str | None,
    quantity: Decimal,
    *,
    listed: bool,
) -> Price | None:
    """The price of a product by the ERP's engine; None where it has none, or none was asked for."""
    engine = loaders.calculated
    if customer is None or number is None or engine is None or not has_engine(loaders):
        return None
    loaders.reader.principal.show("PriceListItem", "price")
    record = await _record(loaders, number)
    if record is None:
        return None
    line = PriceLine(record, unit, quantity)
    found = await engine.prices.of(customer, line, listed=listed)
    return None if found is None else _price(found, unit)


async def _record(loaders: Loaders, number: str) -> int | None:
    """The record of a product; None where it has several, or none that is told."""
    of_product = {"ProductNumber": number}
    try:
        rows = await loaders.matching(ProductRecord, of_product, paths(ProductRecord))
    except NotAvailableHere:
        return None
    records = {row.record for row in rows if row.record}
    return records.pop() if len(records) == 1 else None


def _price(found: ActivePrice, unit: str | None) -> Price:
    currency = found.currency_code
    before = found.adjusted_price or found.trade_agreement_price or found.base_price
    return Price(
        unit_price=Money(amount=found.customer_contextual_price, currency=currency),
        unit=unit or found.unit_of_measure,
        basis=PriceBasis.CALCULATED,
        before_discounts=Money(amount=before, currency=currency),
        because=list(_reasons(found)),
    )


def _reasons(found: ActivePrice) -> Iterator[PriceReason]:
    before = Decimal(0)
    for step, amount in (
        (PriceStep.BASE, found.base_price),
        (PriceStep.AGREEMENT, found.trade_agreement_price),
        (PriceStep.SALES_AGREEMENT, found.sales_agreement_price),
        (PriceStep.ADJUSTMENT, found.adjusted_price),
    ):
        if amount and amount != before:
            each = Money(amount=amount, currency=found.currency_code)
            yield PriceReason(step=step, name=None, unit_price=each, percentage=None)
            before = amount
    for line in found.discount_lines or ():
        percentage = line.effective_percentage or None
        name = line.offer_name or None
        yield PriceReason(
            step=PriceStep.DISCOUNT, name=name, unit_price=None, percentage=percentage
        )


def asked_quantity(quantity: Decimal | None) -> Decimal:
    """The quantity that a price is asked for, by default one; InvalidInput for one that is none."""
    if quantity is None:
        return Decimal(1)
    if not quantity.is_finite() or not 0 < quantity <= MOST:
        raise InvalidInput(
            f"quantity must be more than 0 and at most {MOST:,}.", argument="quantity"
        )
    return quantity
