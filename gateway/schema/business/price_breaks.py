"""Prices that the seller has agreed on with one account, from which quantity on they hold."""

from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.rules import owned_by_number
from gateway.model.tables import Row, column, computed, extend, paths, table
from gateway.schema.business.catalog import COMPANY, DIMENSIONS, MINUTE, Product
from gateway.schema.business.prices import customer_of
from gateway.schema.business.settling import today
from gateway.schema.business.values import Money
from gateway.upstream.conditions import value_at

OPEN: Final = date(1900, 1, 1)
"""The day by which the ERP means none."""
AGREED: Final = {
    path: "ProductconfigurationId" if name == "ProductConfigurationId" else name
    for path, name in DIMENSIONS.items()
}
"""The dimensions of a variant in Dataverse, and in agreements, which spell one in their own way."""
ONE: Final = (None, Decimal(0), Decimal(1))
"""The quantities of a price that are one unit."""


@table(
    "SalesPriceAgreements",
    service="finops",
    key={"dataAreaId": str, "RecordId": int},
    rows=owned_by_number(company="dataAreaId", account="CustomerAccountNumber"),
    needs="prices",
    kept=MINUTE,
)
class PriceAgreement(Row):
    """A price that was agreed on with one account; those of groups are not read."""

    company: str | None = column("dataAreaId", "The legal entity.")
    account: str | None = column("CustomerAccountNumber", "The account number.")
    item: str | None = column("ItemNumber", "The item number.")
    product: str | None = column("ProductNumber", "The product number; empty for all of the item.")
    unit: str | None = column("QuantityUnitySymbol", "The unit.")
    quantity: Decimal | None = column("FromQuantity", "The quantity from which on it holds.")
    price: Decimal | None = column("Price", "The price.")
    per: Decimal | None = column("SalesPriceQuantity", "The units that the price is for.")
    currency: str | None = column("PriceCurrencyCode", "The currency.")
    first: date | None = column("PriceApplicableFromDate", "The first day.")
    last: date | None = column("PriceApplicableToDate", "The last day.")
    site: str | None = column("PriceSiteId", "The site, where it holds for one alone.")
    warehouse: str | None = column("PriceWarehouseId", "The warehouse, likewise.")
    _color: str | None = column("ProductColorId", "The colour.")
    _size: str | None = column("ProductSizeId", "The size.")
    _style: str | None = column("ProductStyleId", "The style.")
    _configuration: str | None = column("ProductconfigurationId", "The configuration.")

    def holds(self, product: Product, account: str, day: date) -> bool:
        """True if it is about one unit of this product, everywhere, for this account, today."""
        first, last = (each if each and each > OPEN else None for each in (self.first, self.last))
        return (
            (self.account or "").casefold() == account.casefold()
            and self.unit == product.unit
            and self.per in ONE
            and not self.site
            and not self.warehouse
            and self.product in (None, "", product.number)
            and (first is None or first <= day)
            and (last is None or day <= last)
            and all(self._allows(product, path, name) for path, name in AGREED.items())
        )

    def _allows(self, product: Product, path: str, name: str) -> bool:
        said = self.raw.get(name) or ""
        return not said or said.casefold() == (value_at(product.raw, path) or "").casefold()


@strawberry.type(description="A price that holds from a quantity on.")
class PriceBreak:
    """As it was agreed on; the ERP decides which price an order gets."""

    quantity: Decimal = strawberry.field(description="The quantity from which on it holds.")
    unit_price: Money = strawberry.field(description="The price of one unit.")


@extend(Product)
class ProductPriceBreaks:
    """The prices of a product by quantity."""

    @computed(
        "msdyn_productnumber",
        "msdyn_itemnumber",
        "defaultuomid/msdyn_symbol",
        COMPANY,
        *DIMENSIONS,
        doc="The prices that were agreed on with your account, by the quantity from which on they "
        "hold, smallest first; null if your accounts are several and you have chosen none. "
        "Agreements with groups of customers are not among them.",
        reads=(PriceAgreement,),
        loads=("PriceAgreement",),
    )
    async def price_breaks(self: Product, loaders: Loaders) -> list[PriceBreak] | None:
        customer = customer_of(loaders.reader.principal, self.company)
        if customer is None or not loaders.reader.has(PriceAgreement.__table__):
            return None
        loaders.reader.principal.show("PriceListItem", "price")
        if not self.item_number or not self.company:
            return []
        on = {"dataAreaId": self.company, "ItemNumber": self.item_number}
        rows = await loaders.matching(PriceAgreement, on, paths(PriceAgreement))
        found = {
            (row.quantity or Decimal(), row.price, row.currency)
            for row in rows
            if row.price is not None and row.holds(self, customer[1], today())
        }
        return [
            PriceBreak(quantity=quantity, unit_price=Money(amount=price, currency=currency))
            for quantity, price, currency in sorted(found, key=lambda each: each[:2])
        ]
