"""The root field with all categories by which goods are sold."""

from gateway.schema.business.categories import Category, categories_of
from gateway.schema.context import Info


async def categories(info: Info) -> list[Category] | None:
    """The categories of the sales hierarchy; None where the environment has none."""
    info.context.principal.access(Category.__table__.needs)
    return await categories_of(info.context.loaders)
