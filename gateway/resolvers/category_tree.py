"""The root fields with all categories by which goods are sold, and the parts of one of them."""

import strawberry

from gateway.schema.business.categories import Category, categories_of, parts_of
from gateway.schema.context import Info


async def categories(info: Info) -> list[Category] | None:
    """The categories of the sales hierarchy; None where the environment has none."""
    info.context.principal.access(Category.__table__.needs)
    return await categories_of(info.context.loaders)


async def category_parts(info: Info, category: str) -> list[strawberry.ID]:
    """The parts of a category; none of one that has no products."""
    info.context.principal.access(Category.__table__.needs)
    return await parts_of(info.context.loaders, category)
