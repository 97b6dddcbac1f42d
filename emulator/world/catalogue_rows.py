"""
The catalogue around products: categories, pictures, translations and customers' own numbers.

Nothing here draws from a world's chance, so that the rest of a world is the same with it.
"""

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from zlib import crc32

from emulator.world.customers import Customer
from emulator.world.drawings import drawing
from emulator.world.dutch import DUTCH
from emulator.world.products import COLORS, SIZES, Product
from emulator.world.reference_rows import Company
from emulator.world.seed import Row, Rows, Seed, stamp
from emulator.world.shelves import Shelf, kind_of, shelf_of

HIERARCHY: Final = "Sales catalogue"
PURCHASING: Final = "Purchasing"
"""A hierarchy that is none of customers' business."""
SUPPLIERS: Final = ("Suppliers' goods",)
"""The category of that hierarchy, and the number of items in it."""
BOUGHT: Final = 8
SALES, PROCUREMENT = 192350001, 192350000
"""Roles of a hierarchy."""
OWN: Final = 12
"""The items for which a customer has numbers of its own."""
TAKEN: Final = datetime(2026, 9, 1, 8, 0)
"""The moment at which pictures were attached."""


def catalogue_rows(
    seed: Seed, customers: Iterable[Customer], products: list[Product], companies: Iterable[Company]
) -> Rows:
    items = [each for each in products if each.is_first]
    yield from _category_rows(seed, items)
    for item in items:
        yield from _translation_rows(item)
        for company in companies:
            if item.is_released_in(company):
                yield from _picture_rows(item, company)
    for place, customer in enumerate(customers):
        yield from _own_rows(customer, place, items)


def _category_rows(seed: Seed, items: list[Product]) -> Rows:
    for name, role in ((HIERARCHY, SALES), (PURCHASING, PROCUREMENT)):
        key = seed.id("msdyn_productcategoryhierarchies", name)
        yield (
            "msdyn_productcategoryhierarchies",
            {"msdyn_productcategoryhierarchyid": key, "msdyn_name": name},
        )
        yield (
            "msdyn_productcategoryhierarchyroles",
            {
                "msdyn_productcategoryhierarchyroleid": seed.id("roles", name),
                "msdyn_hierarchyrole": role,
                "_msdyn_hierarchy_value": key,
            },
        )
    shelves = sorted({shelf_of(each)[:deep] for each in items for deep in (1, 2)})
    for shelf in shelves:
        yield "msdyn_productcategories", _category_row(seed, HIERARCHY, shelf)
    yield "msdyn_productcategories", _category_row(seed, PURCHASING, SUPPLIERS)
    for place, item in enumerate(items):
        yield from _assignment_rows(seed, item, is_bought=place < BOUGHT)


def _category_row(seed: Seed, hierarchy: str, shelf: Shelf) -> Row:
    above = shelf[:-1]
    return {
        "msdyn_productcategoryid": _category_id(seed, hierarchy, shelf),
        "msdyn_name": shelf[-1],
        "msdyn_code": shelf[-1].upper().replace(" ", "-")[:60],
        "_msdyn_hierarchy_value": seed.id("msdyn_productcategoryhierarchies", hierarchy),
        "_msdyn_parentproductcategory_value": (
            _category_id(seed, hierarchy, above) if above else None
        ),
    }


def _category_id(seed: Seed, hierarchy: str, shelf: Shelf) -> str:
    return seed.id("msdyn_productcategories", hierarchy, *shelf)


def _assignment_rows(seed: Seed, item: Product, *, is_bought: bool) -> Rows:
    """The product of an item, whose number is the item's, in its categories."""
    key = seed.id("msdyn_globalproducts", item.item)
    yield (
        "msdyn_globalproducts",
        {
            "msdyn_globalproductid": key,
            "msdyn_productnumber": item.item,
            "msdyn_productname": item.name[:100],
        },
    )
    places = [(HIERARCHY, shelf_of(item)), (PURCHASING, SUPPLIERS)]
    for hierarchy, shelf in places if is_bought else places[:1]:
        yield (
            "msdyn_productcategoryassignments",
            {
                "msdyn_productcategoryassignmentid": seed.id("assignments", hierarchy, item.item),
                "msdyn_name": item.item,
                "_msdyn_globalproduct_value": key,
                "_msdyn_productcategory_value": _category_id(seed, hierarchy, shelf),
            },
        )


def _translation_rows(item: Product) -> Rows:
    base = item.name.removesuffix(f", {item.color}, {item.size}")
    if base in DUTCH:
        name, text = DUTCH[base]
        yield "ProductTranslations", _translation(item.item, "nl", name, text)
    elif not item.text and int(item.item[1:]) % 3 == 0:
        yield "ProductTranslations", _translation(item.item, "nl", f"{base} (nl)", "")
        yield "ProductTranslations", _translation(item.item, "de-DE", f"{base} (de)", "")


def _translation(number: str, language: str, name: str, text: str) -> Row:
    return {
        "ProductNumber": number,
        "LanguageId": language,
        "ProductName": name,
        "Description": text,
    }


def _picture_rows(item: Product, company: Company) -> Rows:
    """Its picture, and a drawing of the workshop's that is not for customers."""
    number = int(item.item[1:])
    if not item.text and number % 2:
        return
    shown = drawing(kind_of(item), crc32(item.item.encode()))
    yield "ReleasedProductDocumentAttachments", _attachment(item, company, "Picture", shown)
    if number % 4 == 0:
        inside = drawing("box", number)
        row = _attachment(item, company, "Packing", inside)
        hidden = {"AccessRestriction": "Internal", "IsDefaultProductImage": "No"}
        yield "ReleasedProductDocumentAttachments", row | hidden


def _attachment(item: Product, company: Company, name: str, content: bytes) -> Row:
    return {
        "dataAreaId": company.area,
        "ItemNumber": item.item,
        "DocumentAttachmentTypeCode": "Image",
        "AttachmentDescription": name,
        "AttachedDateTime": stamp(TAKEN),
        "AccessRestriction": "External",
        "ProductImageUsage": "External",
        "IsProductImage": "Yes",
        "IsDefaultProductImage": "Yes",
        "FileType": "png",
        "OriginalFileName": f"{item.item}.png",
        "Attachment": base64.b64encode(content).decode(),
    }


def _own_rows(customer: Customer, place: int, items: list[Product]) -> Rows:
    """Numbers that look alike for all customers, and mean other items with each."""
    mine = [each for each in items if each.is_released_in(customer.company) and not each.is_draft]
    chosen = [mine[(place * 7 + number * 5) % len(mine)] for number in range(OWN)]
    for number, item in enumerate(dict.fromkeys(chosen), start=101):
        if not item.color:
            yield "CustomerProductDescriptionsV2", _own(customer, item, f"MY-{number}")
    several = [each for each in mine if each.color][:1]
    for item in several:
        for color, size in ((color, size) for color in COLORS for size in SIZES):
            name = f"MY-{color[0]}{size}".upper()
            yield "CustomerProductDescriptionsV2", _own(customer, item, name, color, size)
    twice = [each for each in mine if not each.color and each not in chosen][:2]
    for item in twice:
        yield "CustomerProductDescriptionsV2", _own(customer, item, "MY-TWICE")


def _own(customer: Customer, item: Product, number: str, color: str = "", size: str = "") -> Row:
    return {
        "dataAreaId": customer.company.area,
        "ItemNumber": item.item,
        "ProductColorId": color,
        "ProductConfigurationId": "",
        "ProductSizeId": size,
        "ProductStyleId": "",
        "ProductVersionId": "",
        "CustomerAccountNumber": customer.number,
        "ProductDescriptionCustomerGroupId": "",
        "CustomerProductNumber": number,
        "CustomerProductDescription": item.name[:60],
    }
