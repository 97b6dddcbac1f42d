"""The catalogue: products, their prices for this caller, and their stock."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import strawberry

from gateway.auth.principal import Access, Terms
from gateway.errors import NotAvailableHere
from gateway.loaders.rows import Loaders
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import everyone, in_companies, in_price_lists, released_in
from gateway.model.tables import Node, Row, column, computed, group, link, lookup, paths, table
from gateway.schema.business.order_settings import OrderQuantities, order_settings
from gateway.schema.business.prices import (
    Price,
    PriceBasis,
    asked_quantity,
    calculated,
    customer_of,
    loaded_for_price,
)
from gateway.schema.business.promises import Promise, loaded_for_promise, promise_of
from gateway.schema.business.values import Money, money
from gateway.upstream.conditions import value_at
from gateway.upstream.names import lookup_value


@strawberry.enum(description="The state of a product: only an active one can be bought.")
class ProductState(OptionSet):
    """`product.statecode`."""

    ACTIVE = option(0, "Can be bought.")
    RETIRED = option(1, "No longer sold.")
    DRAFT = option(2, "Not yet sold: for the seller's own staff to see.")
    UNDER_REVISION = option(3, "Being changed; sold as before.")
    UNKNOWN = unknown()


RELEASED = (0, 1, 3)
"""The states of products that customers may know of: all but DRAFT, which is the seller's alone."""


@strawberry.type(description="The dimensions of a variant; a part is null where it has none.")
class Variant:
    """The product dimensions of the ERP."""

    color: str | None = strawberry.field(description="The colour.")
    size: str | None = strawberry.field(description="The size.")
    style: str | None = strawberry.field(description="The style.")
    configuration: str | None = strawberry.field(description="The configuration.")


@strawberry.type(description="The stock of a product, over all warehouses of the seller.")
class Availability:
    """Sums over the warehouses of the legal entities that sell to the caller."""

    available: Decimal = strawberry.field(
        description="The quantity in stock that is not promised to others."
    )
    on_hand: Decimal = strawberry.field(description="The quantity in stock.")
    on_order: Decimal = strawberry.field(description="The quantity on order from suppliers.")
    in_stock: bool = strawberry.field(description="True if any of it is available now.")


MOMENT, MINUTE, HOUR = 15.0, 60.0, 3_600.0
"""Seconds for which stock, prices, and what a product is may be kept at most."""
COMPANY = "msdyn_companyid/cdm_companycode"
"""The path to the legal entity that has released a product."""
OF_VARIANT: Final = (
    "dataAreaId",
    "ItemNumber",
    "ProductColorId",
    "ProductConfigurationId",
    "ProductSizeId",
    "ProductStyleId",
    "ProductVersionId",
)
"""The columns by which keys of the ERP's collections name a variant."""
DIMENSIONS = {
    "msdyn_productcolor/msdyn_productcolorname": "ProductColorId",
    "msdyn_productsize/msdyn_productsize": "ProductSizeId",
    "msdyn_productstyle/msdyn_productstyle": "ProductStyleId",
    "msdyn_productconfiguration/msdyn_productconfiguration": "ProductConfigurationId",
}
"""The dimensions of a variant in Dataverse, and in the ERP."""
PRICE_LIST, PRICED = lookup_value("pricelevelid"), lookup_value("productid")
"""The lookups of an item to its price list, and to the product that it prices."""


@table(
    "productpricelevel",
    key="productpricelevelid",
    rows=in_price_lists(PRICE_LIST),
    needs="prices",
    kept=MINUTE,
)
class PriceListItem(Row):
    """The price of a product in a price list."""

    price: Money | None = money("amount", "The price of one unit.")
    unit: str | None = column("uomid/msdyn_symbol", "The unit that the price is for.")
    _unit_id: UUID | None = lookup("uomid", "The unit.")
    _currency_id: UUID | None = lookup("transactioncurrencyid", "The currency.")


@table("uom", key="uomid", rows=everyone, needs="catalog", kept=HOUR)
class Unit(Row):
    """A unit of measure."""

    symbol: str | None = column("msdyn_symbol", "The symbol of the unit.")
    _id: UUID = column("uomid", "The key.")
    _schedule_id: UUID | None = lookup("uomscheduleid", "The units that it belongs to.")


@table(
    "product",
    key="productid",
    essential=True,
    rows=released_in(
        COMPANY,
        lookup=lookup_value("msdyn_companyid"),
        state="statecode",
        states=RELEASED,
    ),
    needs="catalog",
    order="name",
    root=("product", "products"),
    kept=HOUR,
)
class Product(Node):
    """A product that one legal entity sells: one of its items, or one variant of an item."""

    number: str | None = column(
        "msdyn_productnumber", "The product number, which is unique within its company."
    )
    item_number: str | None = column(
        "msdyn_itemnumber", "The item number in the ERP, which all variants of an item share."
    )
    company: str | None = column(COMPANY, "The code of the legal entity that sells it.")
    variant: Variant | None = group(
        Variant,
        "The dimensions that tell it from other variants of its item; null where it is none.",
        color="msdyn_productcolor/msdyn_productcolorname",
        size="msdyn_productsize/msdyn_productsize",
        style="msdyn_productstyle/msdyn_productstyle",
        configuration="msdyn_productconfiguration/msdyn_productconfiguration",
    )
    name: str | None = column("name", "The name of the product.")
    description: str | None = column("description", "The description of the product.")
    unit: str | None = column("defaultuomid/msdyn_symbol", "The unit it is sold in.")
    state: ProductState | None = column(
        "statecode", "The state of the product: only an active one can be bought."
    )
    decimals: int | None = column(
        "quantitydecimal", "The number of decimals that a quantity of the product may have."
    )
    added_at: datetime | None = column(
        "createdon", "The time at which it was added to the catalogue."
    )
    _item: "Product | None" = link(
        {COMPANY: COMPANY, "msdyn_itemnumber": "msdyn_itemnumber"},
        "The item as its company sells it.",
        back="variants",
        back_doc="All variants of its item that its company sells, itself among them.",
    )
    _unit_id: UUID | None = lookup("defaultuomid", "The unit it is sold in.")
    _units_id: UUID | None = lookup("defaultuomscheduleid", "The units it is sold in.")
    _id: UUID = column("productid", "The key.")

    @computed(
        "productid",
        "msdyn_productnumber",
        COMPANY,
        lookup_value("defaultuomid"),
        lookup_value("defaultuomscheduleid"),
        "defaultuomid/msdyn_symbol",
        doc="The price of one unit for you: by the ERP's own engine where it has one, for at most "
        "25 products at once and one account, else by your price list. Null if neither has one in "
        "your currency, or if your accounts have several lists and you have chosen none.",
        loads=loaded_for_price,
        arguments={
            "quantity": "The quantity that is bought; 1 unless said otherwise. A price list has "
            "one price for all.",
            "unit": "The symbol of the unit; the one that the product is sold in unless said "
            "otherwise.",
        },
    )
    async def price(
        self, loaders: Loaders, quantity: Decimal | None = None, unit: str | None = None
    ) -> Price | None:
        wanted, named = asked_quantity(quantity), unit or self.unit
        customer = customer_of(loaders.reader.principal, self.company)
        found = await calculated(loaders, customer, self.number, named, wanted, listed=True)
        return found or await self._estimated(loaders, unit)

    async def _estimated(self, loaders: Loaders, unit: str | None) -> Price | None:
        """The price by the caller's price list."""
        terms = loaders.reader.principal.terms
        if terms is None:
            return None
        key = self._unit_id if unit in (None, self.unit) else await self._unit(loaders, unit)
        found = await self.price_in(loaders, key, terms)
        if found is None:
            return None
        return Price(unit_price=found, unit=unit or self.unit, basis=PriceBasis.ESTIMATED)

    async def _unit(self, loaders: Loaders, symbol: str | None) -> UUID | None:
        """The unit of this symbol that the product can be sold in."""
        if self._units_id is None:
            return None
        of_schedule = {lookup_value("uomscheduleid"): self._units_id}
        units = await loaders.matching(Unit, of_schedule, paths(Unit))
        return next((each._id for each in units if each.symbol == symbol), None)

    async def price_in(self, loaders: Loaders, unit: UUID | None, terms: Terms) -> Money | None:
        """The price of one `unit`; None where the list has none for it in this currency."""
        of_product = {PRICE_LIST: terms.price_list, PRICED: self._id}
        try:
            items = await loaders.matching(PriceListItem, of_product, paths(PriceListItem))
        except NotAvailableHere:
            return None
        prices = [
            item.price
            for item in items
            if item._unit_id == unit and terms.currency in (None, item._currency_id)
        ]
        return prices[0] if unit and len(prices) == 1 else None

    @computed(
        "productid",
        doc="The day on which you can have a quantity of it in the unit that it is sold in; null "
        "where the ERP does not say, and for more than 25 products at once.",
        loads=loaded_for_promise,
        arguments={"quantity": "The quantity that is wanted; 1 unless said otherwise."},
    )
    async def promise(self, loaders: Loaders, quantity: Decimal | None = None) -> Promise | None:
        return await promise_of(loaders, self._id, asked_quantity(quantity), listed=True)

    @computed(
        "msdyn_itemnumber",
        COMPANY,
        *DIMENSIONS,
        doc="The stock; null for a product that is not kept in stock.",
        loads=("WarehouseStock",),
    )
    async def availability(self, loaders: Loaders) -> Availability | None:
        if self.item_number is None:
            return None
        stock = await loaders.matching(
            WarehouseStock, {"ItemNumber": self.item_number}, paths(WarehouseStock)
        )
        mine = [row for row in stock if self._is_mine(row)]
        return _available(mine) if mine else None

    def _is_mine(self, stock: "WarehouseStock") -> bool:
        """True if stock of its item is stock of this variant, at the company that sells it."""
        if self.company is not None and (stock._company or "").lower() != self.company.lower():
            return False
        return all(
            (value_at(self.raw, path) or "").lower() == (value_at(stock.raw, column) or "").lower()
            for path, column in DIMENSIONS.items()
        )

    @computed(
        "msdyn_itemnumber",
        COMPANY,
        doc="In what quantities you can order it; null where any will do, and if several companies "
        "sell to you and you have chosen none of your accounts.",
        loads=("OrderSettings",),
    )
    async def order_quantities(self, loaders: Loaders) -> OrderQuantities | None:
        sellers = loaders.reader.principal.companies_within(Access.ACCOUNT)
        seller = self.company or (next(iter(sellers)) if len(sellers) == 1 else None)
        settings = await order_settings(loaders, self.item_number, seller)
        return settings.quantities if settings and settings.is_limited else None


@table(
    "WarehousesOnHandV2",
    service="finops",
    key=dict.fromkeys(
        (
            *OF_VARIANT,
            "InventorySiteId",
            "InventoryWarehouseId",
        ),
        str,
    ),
    rows=in_companies("dataAreaId"),
    needs="catalog",
    kept=MOMENT,
)
class WarehouseStock(Row):
    """The stock of a product in one warehouse."""

    _company: str | None = column("dataAreaId", "The legal entity.")
    _color: str | None = column("ProductColorId", "The colour.")
    _size: str | None = column("ProductSizeId", "The size.")
    _style: str | None = column("ProductStyleId", "The style.")
    _configuration: str | None = column("ProductConfigurationId", "The configuration.")
    site: str | None = column("InventorySiteId", "The site that the warehouse belongs to.")
    warehouse: str | None = column("InventoryWarehouseId", "The warehouse.")
    available: Decimal | None = column(
        "AvailableOnHandQuantity", "The quantity in stock that is not promised to others."
    )
    on_hand: Decimal | None = column("OnHandQuantity", "The quantity in stock.")
    on_order: Decimal | None = column("OnOrderQuantity", "The quantity on order from suppliers.")
    product: Product | None = link(
        {"dataAreaId": COMPANY, "ItemNumber": "msdyn_itemnumber"},
        "The product; null where it is one of several variants.",
        back="stock",
        back_doc="The stock by warehouse.",
    )


def _available(stock: list[WarehouseStock]) -> Availability:
    available = sum((row.available or Decimal() for row in stock), Decimal())
    return Availability(
        available=available,
        on_hand=sum((row.on_hand or Decimal() for row in stock), Decimal()),
        on_order=sum((row.on_order or Decimal() for row in stock), Decimal()),
        in_stock=available > 0,
    )
