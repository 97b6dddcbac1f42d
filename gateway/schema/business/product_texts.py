"""Names and descriptions of products in other languages."""

import asyncio

import strawberry

from gateway.errors import Forbidden
from gateway.loaders.hiding import shows
from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, computed, extend, paths, table
from gateway.schema.business.catalog import HOUR, Product


@table(
    "ProductTranslations",
    service="finops",
    key={"ProductNumber": str, "LanguageId": str},
    rows=with_parent,
    needs="catalog",
    kept=HOUR,
)
class ProductTranslation(Row):
    """The texts of a product in one language."""

    number: str | None = column("ProductNumber", "The product number.")
    language: str | None = column("LanguageId", "The language.")
    name: str | None = column("ProductName", "The name.")
    description: str | None = column("Description", "The description.")


TABLE = ProductTranslation.__table__
HIDDEN = "Your role may not read names or descriptions of products."
"""A translation tells what a hidden name tells."""


@strawberry.type(description="The name and description of a product in one language.")
class ProductText:
    """A part is null where it is not translated."""

    language: str = strawberry.field(description="The language as the ERP names it, as `nl`.")
    name: str | None = strawberry.field(description="The name.")
    description: str | None = strawberry.field(description="The description.")


@extend(Product)
class ProductTexts:
    """The texts of a product, or of its item where a variant has none of its own."""

    @computed(
        "msdyn_productnumber",
        "msdyn_itemnumber",
        "name",
        "description",
        doc="The name and description in other languages, by language.",
        reads=(ProductTranslation,),
        loads=("ProductTranslation",),
    )
    async def texts(self: Product, loaders: Loaders) -> list[ProductText] | None:
        if not shows(Product.__table__, "texts", loaders.reader.principal.rights.hidden):
            raise Forbidden(HIDDEN)
        if not loaders.reader.has(TABLE):
            return None
        numbers = dict.fromkeys((self.number, self.item_number))
        found: dict[str, ProductText] = {}
        for rows in await asyncio.gather(*(texts_of(loaders, number) for number in numbers)):
            for row in rows:
                if row.language:
                    found.setdefault(row.language, _text(row.language, row))
        return [found[language] for language in sorted(found)]


async def texts_of(loaders: Loaders, number: str | None) -> list[ProductTranslation]:
    """The translations of a product number."""
    if not number:
        return []
    on = {"ProductNumber": number}
    return await loaders.matching(ProductTranslation, on, paths(ProductTranslation))


def _text(language: str, row: ProductTranslation) -> ProductText:
    return ProductText(
        language=language, name=row.name or None, description=row.description or None
    )
