"""The rows that the pricing engine needs in a world: record numbers of products, and agreements.

Agreements of the demo's customers are made up: every third product is cheaper, and cheaper still by
the fifty.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Final

from emulator.metadata import Table
from emulator.scm.known_orders import PRODUCTS
from emulator.scm.price_engine import AGREEMENTS, RECORD, RECORDS, PriceEngine
from emulator.store import Store
from emulator.values import Row
from emulator.world.seed import Row as NewRow

FIRST_RECORD: Final = 22_565_421_000
FIRST_AGREEMENT: Final = 68_719_503_000
BUYERS: Final = ("US-001", "DE-001")
EVERY: Final = 3
STEPS: Final = ((Decimal(0), Decimal("0.93")), (Decimal(50), Decimal("0.88")))
"""From which quantity on, and what part of the base price."""
ALWAYS: Final = "2000-01-01"


def furnish_prices(store: Store, engine: PriceEngine) -> None:
    """Give each product a record number, and the demo's customers their agreements."""
    tables = store.catalog.tables
    products = sorted(
        store.select(tables[PRODUCTS], "1 = 1", []),
        key=lambda row: (str(row["dataAreaId"]), str(row["ProductNumber"])),
    )
    if _has_none(store, tables[RECORDS], f'"{RECORD}" IS NOT NULL'):
        store.insert(RECORDS, _records(products))
    if _has_none(store, tables[AGREEMENTS], "1 = 1"):
        store.insert(AGREEMENTS, _agreements(store, engine, products))


def _has_none(store: Store, table: Table, where: str) -> bool:
    return store.find(table, where, []) is None


def _records(products: list[Row]) -> Iterator[Row]:
    numbers = dict.fromkeys(str(row["ProductNumber"]) for row in products)
    for record, number in enumerate(numbers, FIRST_RECORD):
        yield {
            "ProductNumber": number,
            "ProductCategoryName": "Goods",
            "ProductCategoryHierarchyName": "Pricing",
            RECORD: record,
        }


def _agreements(store: Store, engine: PriceEngine, products: list[Row]) -> Iterator[NewRow]:
    records = count(FIRST_AGREEMENT)
    customers = store.catalog.tables["CustomersV3"]
    for buyer in BUYERS:
        for customer in store.select(customers, '"CustomerAccount" = ?', [buyer]):
            area = customer["dataAreaId"]
            mine = [row for row in products if row["dataAreaId"] == area]
            for product in mine[::EVERY]:
                for least, part in STEPS:
                    yield _agreement(engine, product, buyer, next(records), least, part)


def _agreement(
    engine: PriceEngine, product: Row, buyer: str, record: int, least: Decimal, part: Decimal
) -> NewRow:
    price = engine.price(product, buyer, Decimal(1))
    places = Decimal(1).scaleb(price.base.as_tuple().exponent)  # type: ignore[arg-type]
    return {
        "dataAreaId": product["dataAreaId"],
        "RecordId": record,
        "ItemNumber": product["ItemNumber"],
        "ProductNumber": product["ProductNumber"],
        "CustomerAccountNumber": buyer,
        "PriceCurrencyCode": price.currency,
        "QuantityUnitySymbol": price.unit,
        "FromQuantity": least,
        "ToQuantity": STEPS[1][0] if not least else Decimal(0),
        "Price": (price.base * part).quantize(places, ROUND_HALF_UP),
        "PriceApplicableFromDate": f"{ALWAYS}T12:00:00Z",
    }
