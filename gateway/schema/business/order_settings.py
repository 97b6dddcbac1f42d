"""In what quantities a legal entity sells its items: its default order settings in the ERP."""

from decimal import Decimal

import strawberry

from gateway.errors import NotAvailableHere
from gateway.loaders.rows import Loaders
from gateway.model.rules import in_companies
from gateway.model.tables import Row, column, paths, table


@strawberry.type(description="In what quantities a product is sold, counted in its own unit.")
class OrderQuantities:
    """Each part null where there is no such limit."""

    minimum: Decimal | None = strawberry.field(description="The least that can be ordered at once.")
    maximum: Decimal | None = strawberry.field(description="The most that can be ordered at once.")
    multiple: Decimal | None = strawberry.field(
        description="The number that every quantity is a multiple of, such as a pack's content."
    )


@table(
    "msdyn_productdefaultordersetting",
    key="msdyn_productdefaultordersettingid",
    rows=in_companies("msdyn_company/cdm_companycode"),
    needs="catalog",
    kept=60.0,
)
class OrderSettings(Row):
    """The settings by which a legal entity sells an item."""

    company: str | None = column("msdyn_company/cdm_companycode", "The legal entity's code.")
    item_number: str | None = column("msdyn_itemnumber/msdyn_itemnumber", "The item.")
    is_stopped: bool | None = column(
        "msdyn_issalesprocessingstopped", "True if the item is not sold at present."
    )
    minimum: Decimal | None = column("msdyn_minimumsalesorderquantity", "The least; 0 for none.")
    maximum: Decimal | None = column("msdyn_maximumsalesorderquantity", "The most; 0 for none.")
    multiple: Decimal | None = column("msdyn_salesquantitymultiples", "The pack; 0 for none.")

    @property
    def is_limited(self) -> bool:
        return bool(self.minimum or self.maximum or self.multiple)

    @property
    def quantities(self) -> OrderQuantities:
        return OrderQuantities(
            minimum=self.minimum or None,
            maximum=self.maximum or None,
            multiple=self.multiple or None,
        )


async def order_settings(
    loaders: Loaders, item_number: str | None, company: str | None
) -> OrderSettings | None:
    """The settings of an item at one of the legal entities that sell to the caller."""
    if item_number is None or company is None:
        return None
    on = {"msdyn_itemnumber/msdyn_itemnumber": item_number}
    try:
        found = await loaders.matching(OrderSettings, on, paths(OrderSettings))
    except NotAvailableHere:
        return None
    mine = [row for row in found if row.company and row.company.lower() == company.lower()]
    return mine[0] if mine else None
