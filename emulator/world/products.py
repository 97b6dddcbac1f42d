"""What is sold: products, the price lists of each currency, and stock per warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from emulator.world.reference import CURRENCIES, SITES, Company
from emulator.world.seed import Row, Rows, Seed, stamp
from emulator.world.words import CATEGORIES, GOODS, QUALITIES, WEIGHED

STANDARD: Final = "Standard"
WHOLESALE: Final = "Wholesale"
PRICE_LISTS: Final = {STANDARD: Decimal("1"), WHOLESALE: Decimal("0.9")}
BOX: Final = 12
LIMITED: Final = 25
"""Every product with a number divisible by it is sold in certain quantities alone."""

ACTIVE: Final = {"statecode": 0, "statuscode": 1}
RETIRED: Final = {"statecode": 1, "statuscode": 2}
DRAFT: Final = {"statecode": 2, "statuscode": 0}


@dataclass(frozen=True)
class Product:
    """A distinct released product; `price` is for one of its unit, in the base currency."""

    id: str
    number: str
    name: str
    unit: str
    price: Decimal
    weight: Decimal

    @property
    def limits(self) -> tuple[int, int, int]:
        """Minimum, maximum and multiple of a sale; 0 is none. A few products have them."""
        is_limited = self.unit == "ea" and int(self.number[1:]) % LIMITED == 0
        return (10, 500, 5) if is_limited else (0, 0, 0)

    def price_in(self, currency: str, price_list: str) -> Decimal:
        return money(self.price * CURRENCIES[currency][3] * PRICE_LISTS[price_list], currency)


def money(amount: Decimal, currency: str) -> Decimal:
    """An amount rounded as its currency is."""
    places = CURRENCIES[currency][2] if currency in CURRENCIES else 2
    return amount.quantize(Decimal(1).scaleb(-places))


def draw_products(seed: Seed, count: int) -> list[Product]:
    return [_product(seed, number) for number in range(1, count + 1)]


def _product(seed: Seed, number: int) -> Product:
    good = seed.pick(GOODS)
    code = f"D{number:04d}"
    return Product(
        id=seed.id("products", code),
        number=code,
        name=f"{seed.pick(QUALITIES)} {good} {seed.random.randrange(100, 999)}",
        unit="kg" if good in WEIGHED else "ea",
        price=Decimal(seed.random.randrange(99, 99_999)) / 100,
        weight=Decimal(seed.random.randrange(10, 5_000)) / 100,
    )


def product_rows(seed: Seed, products: list[Product], companies: tuple[Company, ...]) -> Rows:
    yield from _price_list_rows(seed)
    for product in products:
        yield "products", _product_row(seed, product)
        yield from _price_rows(seed, product)
        for company in companies:
            yield from _released_rows(seed, product, company)


def price_list_id(seed: Seed, currency: str, price_list: str) -> str:
    return seed.id("pricelevels", currency, price_list)


def _price_list_rows(seed: Seed) -> Rows:
    for currency in CURRENCIES:
        for price_list in PRICE_LISTS:
            yield (
                "pricelevels",
                {
                    "pricelevelid": price_list_id(seed, currency, price_list),
                    "name": f"{currency} {price_list}",
                    "begindate": "2020-01-01",
                    "_transactioncurrencyid_value": seed.id("transactioncurrencies", currency),
                    "statecode": 0,
                    "statuscode": 100001,
                },
            )


def _product_row(seed: Seed, product: Product) -> dict[str, object]:
    state = seed.weighted({0: 96, 1: 2, 2: 2})
    stocked = {"productstructure": 1, "producttypecode": 1, "isstockitem": True}
    return (
        stocked
        | (ACTIVE, RETIRED, DRAFT)[state]
        | {
            "productid": product.id,
            "productnumber": product.number,
            "msdyn_productnumber": product.number,
            "msdyn_itemnumber": product.number,
            "msdyn_isstockedproduct": True,
            "name": product.name,
            "description": f"{product.name}, {seed.pick(CATEGORIES).lower()}"
            if seed.chance(80)
            else None,
            "price": product.price,
            "currentcost": money(product.price * Decimal("0.6"), "USD"),
            "quantitydecimal": 2 if product.unit == "kg" else 0,
            "stockweight": product.weight,
            "_defaultuomid_value": seed.id("uoms", product.unit),
            "_defaultuomscheduleid_value": seed.id("uomschedules", "sold"),
            "_transactioncurrencyid_value": seed.id("transactioncurrencies", "USD"),
            "createdon": stamp(seed.moment(900)),
        }
    )


def _price_rows(seed: Seed, product: Product) -> Rows:
    """One price a list and unit; a few products have none in a currency."""
    for currency in CURRENCIES:
        if currency != "USD" and seed.chance(3):
            continue
        for price_list in PRICE_LISTS:
            for unit, factor in _sold_in(product):
                yield (
                    "productpricelevels",
                    {
                        "productpricelevelid": seed.id(
                            "productpricelevels", currency, price_list, product.number, unit
                        ),
                        "amount": product.price_in(currency, price_list) * factor,
                        "pricingmethodcode": 1,
                        "quantitysellingcode": 1,
                        "productnumber": product.number,
                        "_pricelevelid_value": price_list_id(seed, currency, price_list),
                        "_productid_value": product.id,
                        "_uomid_value": seed.id("uoms", unit),
                        "_uomscheduleid_value": seed.id("uomschedules", "sold"),
                        "_transactioncurrencyid_value": seed.id("transactioncurrencies", currency),
                    },
                )


def _sold_in(product: Product) -> Iterator[tuple[str, int]]:
    yield product.unit, 1
    if product.unit == "ea" and product.price < 50:
        yield "box", BOX


def _released_rows(seed: Seed, product: Product, company: Company) -> Rows:
    yield (
        "ReleasedProductsV2",
        {
            "dataAreaId": company.area,
            "ItemNumber": product.number,
            "ProductNumber": product.number,
            "ProductName": product.name,
            "SalesUnitSymbol": product.unit,
            "SalesPrice": product.price,
        },
    )
    yield "msdyn_sharedproductdetails", _released_row(seed, product, company)
    yield "msdyn_productdefaultordersettings", _settings_row(seed, product, company)
    for site, warehouses in SITES.items():
        for warehouse in warehouses:
            yield "WarehousesOnHandV2", _stock(seed, product, company, site, warehouse)


def _released_row(seed: Seed, product: Product, company: Company) -> Row:
    return {
        "msdyn_sharedproductdetailid": _released_id(seed, product, company),
        "msdyn_itemnumber": product.number,
        "msdyn_productname": product.name,
        "msdyn_salesprice": product.price,
        "msdyn_salesunitsymbol": product.unit,
        "msdyn_inventoryunitsymbol": product.unit,
        "_msdyn_company_value": seed.id("cdm_companies", company.code),
        "_msdyn_companyid_value": seed.id("cdm_companies", company.code),
    }


def _settings_row(seed: Seed, product: Product, company: Company) -> Row:
    minimum, maximum, multiple = product.limits
    return {
        "msdyn_productdefaultordersettingid": seed.id(
            "msdyn_productdefaultordersettings", company.code, product.number
        ),
        "msdyn_name": product.number,
        "msdyn_minimumsalesorderquantity": Decimal(minimum),
        "msdyn_maximumsalesorderquantity": Decimal(maximum),
        "msdyn_salesquantitymultiples": Decimal(multiple),
        "msdyn_standardsalesorderquantity": Decimal(minimum),
        "_msdyn_itemnumber_value": _released_id(seed, product, company),
        "_msdyn_company_value": seed.id("cdm_companies", company.code),
    }


def _released_id(seed: Seed, product: Product, company: Company) -> str:
    return seed.id("msdyn_sharedproductdetails", company.code, product.number)


def _stock(
    seed: Seed, product: Product, company: Company, site: str, warehouse: str
) -> dict[str, object]:
    on_hand = Decimal(seed.weighted({0: 1, seed.random.randrange(1, 2_000): 9}))
    reserved = min(on_hand, Decimal(seed.random.randrange(50)))
    ordered = Decimal(seed.random.randrange(100))
    return {
        "dataAreaId": company.area,
        "ItemNumber": product.number,
        "ProductColorId": "",
        "ProductConfigurationId": "",
        "ProductSizeId": "",
        "ProductStyleId": "",
        "ProductVersionId": "",
        "InventorySiteId": site,
        "InventoryWarehouseId": warehouse,
        "ProductName": product.name,
        "OnHandQuantity": on_hand,
        "ReservedOnHandQuantity": reserved,
        "AvailableOnHandQuantity": on_hand - reserved,
        "OrderedQuantity": ordered,
        "ReservedOrderedQuantity": Decimal(0),
        "AvailableOrderedQuantity": ordered,
        "OnOrderQuantity": reserved,
        "TotalAvailableQuantity": on_hand - reserved + ordered,
    }
