"""Writes products as rows on both sides: one for each company that released them, and stock."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from emulator.world.products import (
    ACTIVE,
    BOX,
    COLORS,
    DRAFT,
    PRICE_LISTS,
    RETIRED,
    SIZES,
    Product,
    money,
    product_id,
)
from emulator.world.reference_rows import CURRENCIES, SITES, Company
from emulator.world.seed import Row, Rows, Seed, stamp
from emulator.world.words import CATEGORIES

BEGIN: Final = date(2020, 1, 1)


def product_rows(seed: Seed, products: list[Product], companies: tuple[Company, ...]) -> Rows:
    yield from _price_list_rows(seed)
    yield from _dimension_rows(seed)
    for product in products:
        for company in companies:
            if product.is_released_in(company):
                yield "products", _product_row(seed, product, company)
                yield from _price_rows(seed, product, company)
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
                    "begindate": BEGIN,
                    "_transactioncurrencyid_value": seed.id("transactioncurrencies", currency),
                    "statecode": 0,
                    "statuscode": 100001,
                },
            )


def _dimension_rows(seed: Seed) -> Rows:
    for color in COLORS:
        key = seed.id("msdyn_productcolors", color)
        yield "msdyn_productcolors", {"msdyn_productcolorid": key, "msdyn_productcolorname": color}
    for size in SIZES:
        key = seed.id("msdyn_productsizes", size)
        yield "msdyn_productsizes", {"msdyn_productsizeid": key, "msdyn_productsize": size}


def _product_row(seed: Seed, product: Product, company: Company) -> Row:
    drawn = seed.weighted({0: 96, 1: 2, 2: 2})
    state = 0 if product.is_staple else drawn
    stocked = {"productstructure": 1, "producttypecode": 1, "isstockitem": True}
    return (
        stocked
        | (DRAFT if product.is_draft else (ACTIVE, RETIRED, ACTIVE)[state])
        | {
            "productid": product_id(seed, company, product),
            # The platform wants this one to be unique; the ERP's number is so by company alone.
            "productnumber": f"{company.code}-{product.number}",
            "msdyn_productnumber": product.number,
            "msdyn_itemnumber": product.item,
            "msdyn_isstockedproduct": True,
            "name": product.name[:100],
            "description": product.text or _drawn_text(seed, product),
            "price": product.price,
            "currentcost": money(product.price * Decimal("0.6"), "USD"),
            "quantitydecimal": 2 if product.unit == "kg" else 0,
            "stockweight": product.weight,
            "_defaultuomid_value": seed.id("uoms", product.unit),
            "_defaultuomscheduleid_value": seed.id("uomschedules", "sold"),
            "_transactioncurrencyid_value": seed.id("transactioncurrencies", "USD"),
            "_msdyn_companyid_value": seed.id("cdm_companies", company.code),
            "_msdyn_productcolor_value": (
                product.color and seed.id("msdyn_productcolors", product.color)
            )
            or None,
            "_msdyn_productsize_value": (
                product.size and seed.id("msdyn_productsizes", product.size)
            )
            or None,
            "createdon": stamp(seed.moment(900)),
        }
    )


def _drawn_text(seed: Seed, product: Product) -> str | None:
    return f"{product.name}, {seed.pick(CATEGORIES).lower()}" if seed.chance(80) else None


def _price_rows(seed: Seed, product: Product, company: Company) -> Rows:
    """One price a list and unit; a few products have none in a foreign currency."""
    for currency in CURRENCIES:
        if currency != company.home.currency and seed.chance(3):
            continue
        for price_list in PRICE_LISTS:
            for unit, factor in _sold_in(product):
                yield (
                    "productpricelevels",
                    {
                        "productpricelevelid": seed.id(
                            "productpricelevels",
                            company.code,
                            currency,
                            price_list,
                            product.number,
                            unit,
                        ),
                        "amount": product.price_in(currency, price_list) * factor,
                        "pricingmethodcode": 1,
                        "quantitysellingcode": 1,
                        "productnumber": f"{company.code}-{product.number}",
                        "_pricelevelid_value": price_list_id(seed, currency, price_list),
                        "_productid_value": product_id(seed, company, product),
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
    yield "CDSReleasedDistinctProducts", _distinct_row(product, company)
    if product.is_first:
        yield (
            "ReleasedProductsV2",
            {
                "dataAreaId": company.area,
                "ItemNumber": product.item,
                "ProductNumber": product.item,
                "ProductSearchName": product.name[:60],
                "SalesUnitSymbol": product.unit,
                "SalesPrice": product.price,
            },
        )
        yield "msdyn_sharedproductdetails", _item_row(seed, product, company)
        yield "msdyn_productdefaultordersettings", _settings_row(seed, product, company)
    for site, warehouses in SITES.items():
        for warehouse in warehouses:
            yield "WarehousesOnHandV2", _stock(seed, product, company, site, warehouse)


def _distinct_row(product: Product, company: Company) -> Row:
    return {
        "dataAreaId": company.area,
        "ProductNumber": product.number,
        "ItemNumber": product.item,
        "ProductName": product.name,
        "ProductColorId": product.color,
        "ProductSizeId": product.size,
        "SalesUnitSymbol": product.unit,
        "SalesPrice": product.price,
        "CurrencyCode": "USD",
        "IsStockedProduct": "Yes",
    }


def _item_row(seed: Seed, product: Product, company: Company) -> Row:
    unit = seed.id("uoms", product.unit)
    return {
        "msdyn_sharedproductdetailid": _item_id(seed, product, company),
        "msdyn_itemnumber": product.item,
        "msdyn_salesprice": product.price,
        "_msdyn_salesunitsymbol_value": unit,
        "_msdyn_inventoryunitsymbol_value": unit,
        "_msdyn_companyid_value": seed.id("cdm_companies", company.code),
    }


def _settings_row(seed: Seed, product: Product, company: Company) -> Row:
    minimum, maximum, multiple = product.limits
    return {
        "msdyn_productdefaultordersettingid": seed.id(
            "msdyn_productdefaultordersettings", company.code, product.item
        ),
        "msdyn_minimumsalesorderquantity": Decimal(minimum),
        "msdyn_maximumsalesorderquantity": Decimal(maximum),
        "msdyn_salesquantitymultiples": Decimal(multiple),
        "msdyn_standardsalesorderquantity": Decimal(minimum),
        "_msdyn_itemnumber_value": _item_id(seed, product, company),
        "_msdyn_company_value": seed.id("cdm_companies", company.code),
    }


def _item_id(seed: Seed, product: Product, company: Company) -> str:
    return seed.id("msdyn_sharedproductdetails", company.code, product.item)


def _stock(seed: Seed, product: Product, company: Company, site: str, warehouse: str) -> Row:
    most = product.most_on_hand
    on_hand = Decimal(seed.weighted({0: 1, seed.random.randrange(1, most): 9}) if most else 0)
    reserved = min(on_hand, Decimal(seed.random.randrange(50)))
    ordered = Decimal(seed.random.randrange(100))
    return {
        "dataAreaId": company.area,
        "ItemNumber": product.item,
        "ProductColorId": product.color,
        "ProductConfigurationId": "",
        "ProductSizeId": product.size,
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
