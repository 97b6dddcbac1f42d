"""
The categories of the sales hierarchy, and the products that stand in them.

An environment has several hierarchies, of which the others are the seller's own business: a
category is read by way of a hierarchy with the role of selling alone.
"""

import asyncio
import re
from typing import Final
from uuid import UUID

import strawberry

from gateway.errors import InvalidInput
from gateway.loaders.asks import Ask
from gateway.loaders.rows import Loaders
from gateway.model.narrowing import narrows
from gateway.model.rules import everyone, with_parent
from gateway.model.tables import Row, column, column_of, computed, lookup, paths, table
from gateway.schema.business.catalog import HOUR, Product
from gateway.upstream.conditions import Compare, Condition, either, one_of
from gateway.upstream.names import lookup_value

LEVELS: Final = 4
"""The levels below a category whose products count as its own."""
PART: Final = 400
"""The products by which a category is searched for at once: their numbers fit one request."""
MOST_PRODUCTS: Final = 10 * PART
NO_CATEGORY: Final = "There is no such category."


@table(
    "msdyn_productcategoryhierarchyrole",
    key="msdyn_productcategoryhierarchyroleid",
    rows=everyone,
    needs="catalog",
    kept=HOUR,
)
class CategoryHierarchyRole(Row):
    """The use of a hierarchy of categories."""

    _role: int | None = column("msdyn_hierarchyrole", "The use.")
    _hierarchy_id: UUID | None = lookup("msdyn_hierarchy", "The hierarchy.")


@table(
    "msdyn_productcategory",
    key="msdyn_productcategoryid",
    rows=with_parent,
    needs="catalog",
    kept=HOUR,
)
class Category(Row):
    """A category of products in the sales hierarchy."""

    name: str | None = column("msdyn_name", "The name of the category.")
    friendly_name: str | None = column(
        "msdyn_friendlycategoryname", "A name for people, where it has one."
    )
    code: str | None = column("msdyn_code", "The code of the category.")
    description: str | None = column("msdyn_description", "The description of the category.")
    _id: UUID = column("msdyn_productcategoryid", "The key.")
    _hierarchy_id: UUID | None = lookup("msdyn_hierarchy", "The hierarchy.")
    _parent_id: UUID | None = lookup("msdyn_parentproductcategory", "The category above.")

    @computed("msdyn_productcategoryid", doc="The id, by which `products` takes a category.")
    def id(self, loaders: Loaders) -> strawberry.ID:
        return strawberry.ID(str(self._id))

    @computed(
        lookup_value("msdyn_parentproductcategory"),
        doc="The id of the category above; null at the top.",
    )
    def parent_id(self, loaders: Loaders) -> strawberry.ID | None:
        return strawberry.ID(str(self._parent_id)) if self._parent_id else None


@table(
    "msdyn_productcategoryassignment",
    key="msdyn_productcategoryassignmentid",
    rows=everyone,
    needs="catalog",
    kept=HOUR,
)
class CategoryAssignment(Row):
    """A product in a category, by its number; for an item with variants that of the item."""

    _number: str | None = column("msdyn_globalproduct/msdyn_productnumber", "The product.")
    _category_id: UUID | None = lookup("msdyn_productcategory", "The category.")
    _hierarchy_id: UUID | None = column(
        f"msdyn_productcategory/{lookup_value('msdyn_hierarchy')}", "The hierarchy of that."
    )


ASSIGNED = CategoryAssignment.__table__
SALES: Final = {column_of(CategoryHierarchyRole, "_role"): 192350001}
"""`msdyn_hierarchyrole` of the hierarchy by which goods are sold."""


async def categories_of(loaders: Loaders) -> list[Category] | None:
    """All categories by which goods are sold; None where the environment has none."""
    if not loaders.reader.has(Category.__table__):
        return None
    hierarchies = await _hierarchies(loaders)
    found = [
        each
        for hierarchy in hierarchies
        for each in await loaders.matching(
            Category, {lookup_value("msdyn_hierarchy"): hierarchy}, paths(Category)
        )
    ]
    return sorted(found, key=lambda each: (each.name or "").casefold())


async def _hierarchies(loaders: Loaders) -> list[UUID]:
    if not loaders.reader.has(CategoryHierarchyRole.__table__):
        return []
    rows = await loaders.matching(CategoryHierarchyRole, SALES, paths(CategoryHierarchyRole))
    return sorted({row._hierarchy_id for row in rows if row._hierarchy_id})


@narrows(
    Product,
    "category",
    strawberry.ID,
    f"List the products in this category, or in one up to {LEVELS} levels below it. One of more "
    f"than {PART} products is listed by its parts: see `categoryParts`.",
    calls=2,
)
async def in_category(loaders: Loaders, category: str) -> Condition:
    key, dot, part = category.partition(".")
    numbers = await _numbers(loaders, _key(key))
    if dot:
        at = _place(part) * PART
        numbers = numbers[at : at + PART]
    elif len(numbers) > PART:
        said = f"The category has more than {PART} products; list it by its `categoryParts`."
        raise InvalidInput(said, argument="category")
    return either(
        one_of(column_of(Product, "number"), numbers),
        one_of(column_of(Product, "item_number"), numbers),
    )


async def parts_of(loaders: Loaders, category: str) -> list[strawberry.ID]:
    """
    The ids of the parts by which a category is listed; the only one of a small one is all of it.

    No number is told with them: it may be that of a product which is not sold yet.
    """
    count = len(await _numbers(loaders, _key(category)))
    return [strawberry.ID(f"{category}.{place + 1}") for place in range(-(-count // PART))]


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(NO_CATEGORY, argument="category") from None


def _place(text: str) -> int:
    """The place of a part, from 0."""
    if not re.fullmatch("[1-9][0-9]?", text):
        raise InvalidInput(NO_CATEGORY, argument="category")
    return int(text) - 1


async def _numbers(loaders: Loaders, category: UUID) -> list[str]:
    """The numbers of the products in a category of a sales hierarchy, in their order."""
    if not loaders.reader.has(ASSIGNED):
        return []
    where = either(*(Compare(path, "eq", category) for path in _levels()))
    ask = Ask(ASSIGNED, paths(CategoryAssignment), where, top=MOST_PRODUCTS + 1)
    hierarchies, page = await asyncio.gather(_hierarchies(loaders), loaders.reader.page(ask))
    rows = map(CategoryAssignment, page.rows)
    found = {row._number for row in rows if row._hierarchy_id in hierarchies}
    if len(page.rows) > MOST_PRODUCTS:
        said = f"The category has more than {MOST_PRODUCTS} products; use one below it."
        raise InvalidInput(said, argument="category")
    return sorted(number for number in found if number)


def _levels() -> list[str]:
    """The columns in which an assignment names its category and those above it."""
    above, parent = "msdyn_productcategory", "msdyn_parentproductcategory"
    steps = [f"{above}/" + f"{parent}/" * level for level in range(LEVELS)]
    return [lookup_value(above), *(step + lookup_value(parent) for step in steps)]
