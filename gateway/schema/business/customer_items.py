"""The numbers that customers themselves give to items, and the products found by them."""

import asyncio
from collections.abc import Iterable

from gateway.errors import NotAvailableHere
from gateway.loaders.hiding import shows
from gateway.loaders.rows import Loaders
from gateway.model.rules import owned_by_number
from gateway.model.tables import Node, column, computed, extend, link, paths, table
from gateway.schema.business.accounts import Account
from gateway.schema.business.catalog import COMPANY, DIMENSIONS, OF_VARIANT, Product
from gateway.upstream.conditions import Code, Compare, Condition, both, value_at

ACCOUNT_COMPANY = "msdyn_company/cdm_companycode"
ITEM = "msdyn_itemnumber"


@table(
    "CustomerProductDescriptionsV2",
    service="finops",
    key=dict.fromkeys(
        (
            *OF_VARIANT,
            "CustomerAccountNumber",
            "ProductDescriptionCustomerGroupId",
        ),
        str,
    ),
    rows=owned_by_number(company="dataAreaId", account="CustomerAccountNumber"),
    needs="catalog",
    order="number",
    root=("customerItem", "customerItems"),
    kept=60.0,
)
class CustomerItem(Node):
    """A customer's own number for an item of the seller, or for one variant of it."""

    number: str | None = column("CustomerProductNumber", "The customer's own number.")
    description: str | None = column(
        "CustomerProductDescription", "The customer's own description of the item."
    )
    item_number: str | None = column("ItemNumber", "The item number in the ERP.")
    company: str | None = column("dataAreaId", "The code of the legal entity that sells it.")
    _color: str | None = column("ProductColorId", "The colour.")
    _size: str | None = column("ProductSizeId", "The size.")
    _style: str | None = column("ProductStyleId", "The style.")
    _configuration: str | None = column("ProductConfigurationId", "The configuration.")
    account: Account | None = link(
        {"dataAreaId": ACCOUNT_COMPANY, "CustomerAccountNumber": "accountnumber"},
        "The account whose number it is.",
    )
    product: Product | None = link(
        {"dataAreaId": COMPANY, "ItemNumber": ITEM},
        "The product; null where the item has several variants.",
    )

    @property
    def is_of_all_variants(self) -> bool:
        """True if it does not say which variant of its item it means."""
        return not any(value_at(self.raw, column) for column in DIMENSIONS.values())

    def means(self, product: Product) -> bool:
        """True if the number stands for this product."""
        here = (product.company or self.company or "").casefold()
        return here == (self.company or "").casefold() and all(
            self._allows(column, value_at(product.raw, path)) for path, column in DIMENSIONS.items()
        )

    def _allows(self, column: str, dimension: str | None) -> bool:
        said = value_at(self.raw, column) or ""
        return not said or said.casefold() == (dimension or "").casefold()

    @property
    def condition(self) -> Condition:
        """The condition on products that the number stands for."""
        said = {path: value_at(self.raw, column) for path, column in DIMENSIONS.items()}
        return both(
            Compare(COMPANY, "eq", Code(self.company or "")),
            Compare(ITEM, "eq", self.item_number),
            *(Compare(path, "eq", value) for path, value in said.items() if value),
        )


TABLE = CustomerItem.__table__
NUMBER = TABLE.scalar_of("number")
TOLD = paths(CustomerItem)


@extend(Product)
class ProductCustomerItem:
    """The number that a product has with its buyer."""

    @computed(
        ITEM,
        COMPANY,
        *DIMENSIONS,
        doc="Your own number for the product; null without one, and where you have several.",
        reads=(CustomerItem,),
        loads=("CustomerItem",),
    )
    async def customer_item_number(self: Product, loaders: Loaders) -> str | None:
        found = [each for each in await items_of(loaders, self.item_number) if each.means(self)]
        exact = [each for each in found if not each.is_of_all_variants]
        numbers = {each.number for each in exact or found if each.number}
        return numbers.pop() if len(numbers) == 1 else None


async def items_of(loaders: Loaders, item: str | None) -> list[CustomerItem]:
    """The customer's own numbers for an item of the seller."""
    if not item or not has_customer_items(loaders):
        return []
    return await loaders.matching(CustomerItem, {"ItemNumber": item}, TOLD)


def has_customer_items(loaders: Loaders) -> bool:
    """True if the environment has such numbers, and the caller may ask by them."""
    reader = loaders.reader
    hidden = reader.principal.rights.hidden
    return reader.sees(TABLE, from_rows=False) and shows(TABLE, "number", hidden)


async def products_numbered(loaders: Loaders, number: str, select: frozenset[str]) -> list[Product]:
    """The products for which one of the caller's own numbers stands; none without such numbers."""
    items = await items_numbered(loaders, number)
    groups = await asyncio.gather(*(_products_of(loaders, each, select) for each in items))
    found = {each._id: each for group in groups for each in group}
    return [*found.values()]


async def items_numbered(loaders: Loaders, number: str) -> list[CustomerItem]:
    """The items for which one of the caller's own numbers stands."""
    try:
        return await loaders.matching(
            CustomerItem, {NUMBER: number.rstrip(" ")}, TOLD, from_rows=False
        )
    except NotAvailableHere:
        return []


async def _products_of(
    loaders: Loaders, item: CustomerItem, select: frozenset[str]
) -> Iterable[Product]:
    if not item.item_number:
        return []
    select |= paths(Product, "_id", "company", "variant")
    found = await loaders.matching(Product, {ITEM: item.item_number}, select)
    return [each for each in found if item.means(each)]
