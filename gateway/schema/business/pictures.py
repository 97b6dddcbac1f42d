"""Pictures of products: files attached to products that the seller shows to the outside."""

import hashlib
from datetime import datetime
from typing import Final

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.rules import in_companies
from gateway.model.tables import Row, column, computed, extend, paths, table
from gateway.schema import ids
from gateway.schema.business.catalog import COMPANY, HOUR, Product
from gateway.upstream.conditions import Compare, Condition, both

SHOWN: Final = "External"
"""The member of an enumeration for what others than the seller's own people may see."""
YES: Final = "Yes"


@table(
    "ReleasedProductDocumentAttachments",
    service="finops",
    key={
        "dataAreaId": str,
        "ItemNumber": str,
        "DocumentAttachmentTypeCode": str,
        "AttachmentDescription": str,
        "AttachedDateTime": datetime,
    },
    rows=in_companies("dataAreaId"),
    needs="catalog",
    kept=HOUR,
)
class ProductAttachment(Row):
    """A file that is attached to a product; its content is never read along."""

    company: str | None = column("dataAreaId", "The legal entity.")
    item: str | None = column("ItemNumber", "The item number.")
    kind: str | None = column("DocumentAttachmentTypeCode", "The type of the document.")
    description: str | None = column("AttachmentDescription", "The title.")
    attached_at: datetime | None = column("AttachedDateTime", "The time of attaching.")
    usage: str | None = column("ProductImageUsage", "Who may see the picture.")
    restriction: str | None = column("AccessRestriction", "Who may see the document.")
    is_picture: str | None = column("IsProductImage", "Yes for a picture of the product.")
    is_default: str | None = column("IsDefaultProductImage", "Yes for the first picture.")

    @property
    def is_shown(self) -> bool:
        """True for a picture that the seller has released to the outside in both ways."""
        return (self.is_picture, self.usage, self.restriction) == (YES, SHOWN, SHOWN)

    @property
    def version(self) -> str:
        """A digest of its key: another picture, and one attached anew, has another."""
        parts = (self.company, self.item, self.kind, self.description, self.raw["AttachedDateTime"])
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]

    @property
    def key(self) -> Condition:
        table, attached = self.__table__, self.attached_at
        texts = (name for name, type_ in table.key.items() if type_ is str)
        return both(
            *(Compare(name, "eq", self.raw[name] or "") for name in texts),
            Compare("AttachedDateTime", "eq", attached),
        )


@strawberry.type(description="A picture of a product, as PNG, JPEG, GIF or WebP.")
class Picture:
    """A link; nothing is read before it is followed."""

    url: str = strawberry.field(
        description="The path of the picture, below the address of the gateway. Ask for it with "
        "the same Authorization header; it is good for one download."
    )
    expires_at: datetime = strawberry.field(description="The time from which it leads nowhere.")
    version: str = strawberry.field(
        description="Stays the same as long as the picture does, so that it can be kept by it."
    )
    description: str | None = strawberry.field(description="The title of the picture.")


TABLE = ProductAttachment.__table__


@extend(Product)
class ProductPictures:
    """The pictures of the item that a product is, or is a variant of."""

    @computed(
        "productid",
        "msdyn_itemnumber",
        COMPANY,
        doc="The pictures that the seller shows, the first one first.",
        reads=(ProductAttachment,),
        loads=("ProductAttachment",),
    )
    async def pictures(self: Product, loaders: Loaders) -> list[Picture] | None:
        papers = loaders.papers
        if papers is None or not loaders.reader.has(TABLE):
            return None
        caller, id_ = loaders.reader.principal, ids.of(self)
        found = []
        for each in await shown_of(loaders, self):
            url, until = papers.made(caller, id_, picture=each.version)
            found.append(
                Picture(
                    url=url,
                    expires_at=until,
                    version=each.version,
                    description=each.description or None,
                )
            )
        return found


async def shown_of(loaders: Loaders, product: Product) -> list[ProductAttachment]:
    """The pictures of a product that the caller may see."""
    rows = await attached_to(loaders, product.company, product.item_number)
    shown = [each for each in rows if each.is_shown and each.attached_at]
    return sorted(shown, key=lambda each: (each.is_default != YES, each.description or ""))


async def attached_to(
    loaders: Loaders, company: str | None, item: str | None
) -> list[ProductAttachment]:
    """All files that are attached to an item as a company sells it."""
    if not item or not company:
        return []
    on = {"dataAreaId": company, "ItemNumber": item}
    return await loaders.matching(ProductAttachment, on, paths(ProductAttachment))
