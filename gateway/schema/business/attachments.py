"""Files that the seller has attached to orders and their lines in the ERP, and shows outside."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, column_of, computed, extend, paths, table
from gateway.schema import ids
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.upstream.conditions import Compare, Condition, both

SHOWN = "External"
"""The member of an enumeration for what others than the seller's own people may see."""
File = TypeVar("File", bound="ErpAttachment")
ORDER_NUMBER = "msdyn_salesordernumber"
COMPANY = "msdyn_company/cdm_companycode"


class ErpAttachment(Row):
    """A file that is attached to a row of the ERP; its content is never read along."""

    company: str | None
    id: UUID | None
    name: str | None
    extension: str | None
    description: str | None
    restriction: str | None

    @property
    def is_shown(self) -> bool:
        """True for a file that the seller shows outside; notes and addresses have no file."""
        return self.restriction == SHOWN and bool(self.name) and self.id is not None

    @property
    def file_name(self) -> str:
        """The name of the file with its extension."""
        name, end = self.name or "", f".{self.extension}" if self.extension else ""
        return name if name.casefold().endswith(end.casefold()) else name + end

    @property
    def key(self) -> Condition:
        return both(
            Compare("dataAreaId", "eq", self.raw["dataAreaId"]),
            Compare("DocumentId", "eq", self.id),
        )


@table(
    "SalesOrderHeaderDocumentAttachmentsV2",
    service="finops",
    key={"dataAreaId": str, "DocumentId": UUID},
    rows=with_parent,
    needs="orders",
)
class OrderAttachment(ErpAttachment):
    """A file that is attached to an order."""

    company: str | None = column("dataAreaId", "The legal entity.")
    id: UUID | None = column("DocumentId", "The key.")
    order: str | None = column("SalesOrderNumber", "The number of the order.")
    name: str | None = column("FileName", "The name of the file.")
    extension: str | None = column("FileType", "The extension of its name.")
    description: str | None = column("AttachmentDescription", "The title.")
    restriction: str | None = column("AccessRestriction", "Who may see it.")


@table(
    "SalesOrderLineDocumentAttachmentsV2",
    service="finops",
    key={"dataAreaId": str, "DocumentId": UUID},
    rows=with_parent,
    needs="orders",
)
class LineAttachment(ErpAttachment):
    """A file that is attached to a line of an order."""

    company: str | None = column("dataAreaId", "The legal entity.")
    id: UUID | None = column("DocumentId", "The key.")
    order: str | None = column("SalesOrderNumber", "The number of the order.")
    sequence: int | None = column("LineCreationSequenceNumber", "The line's place in its order.")
    name: str | None = column("FileName", "The name of the file.")
    extension: str | None = column("FileType", "The extension of its name.")
    description: str | None = column("AttachmentDescription", "The title.")
    restriction: str | None = column("AccessRestriction", "Who may see it.")


@strawberry.type(description="A file that the seller has attached to an order or a line of one.")
class Attachment:
    """A link; nothing is read before it is followed."""

    id: strawberry.ID = strawberry.field(description="Stays the same as long as the file does.")
    name: str = strawberry.field(description="The name of the file.")
    description: str | None = strawberry.field(description="The title of the file.")
    url: str = strawberry.field(
        description="The path of the file, below the address of the gateway. Ask for it with the "
        "same Authorization header; it is good for one download."
    )
    expires_at: datetime = strawberry.field(description="The time from which it leads nowhere.")


@extend(SalesOrder)
class OrderAttachments:
    """The files of an order."""

    @computed(
        "salesorderid",
        COMPANY,
        ORDER_NUMBER,
        doc="The files that the seller has attached to the order and shows to customers.",
        reads=(OrderAttachment,),
        loads=("OrderAttachment",),
    )
    async def attachments(self: SalesOrder, loaders: Loaders) -> list[Attachment] | None:
        return _links(loaders, self, await files_of_order(loaders, self))


@extend(SalesOrderLine)
class LineAttachments:
    """The files of a line of an order."""

    @computed(
        "salesorderdetailid",
        f"salesorderid/{COMPANY}",
        f"salesorderid/{ORDER_NUMBER}",
        "sequencenumber",
        doc="The files that the seller has attached to the line and shows to customers.",
        reads=(LineAttachment,),
        loads=("LineAttachment",),
    )
    async def attachments(self: SalesOrderLine, loaders: Loaders) -> list[Attachment] | None:
        return _links(loaders, self, await files_of_line(loaders, self))


async def files_of_order(loaders: Loaders, order: SalesOrder) -> list[OrderAttachment] | None:
    """The files of an order that are shown; None where the environment has none."""
    if not loaders.reader.has(OrderAttachment.__table__):
        return None
    if not order.company or not order.number:
        return []
    on = {"dataAreaId": order.company, column_of(OrderAttachment, "order"): order.number}
    return _shown(await loaders.matching(OrderAttachment, on, paths(OrderAttachment)))


async def files_of_line(loaders: Loaders, line: SalesOrderLine) -> list[LineAttachment] | None:
    """The files of a line that are shown; those of all lines of its order are read at once."""
    if not loaders.reader.has(LineAttachment.__table__):
        return None
    if not line._company or not line._order_number or line.sequence is None:
        return []
    on = {"dataAreaId": line._company, column_of(LineAttachment, "order"): line._order_number}
    found = await loaders.matching(LineAttachment, on, paths(LineAttachment))
    return _shown(each for each in found if each.sequence == line.sequence)


def _shown(files: Iterable[File]) -> list[File]:
    return sorted((each for each in files if each.is_shown), key=lambda each: each.file_name)


def _links(
    loaders: Loaders, row: SalesOrder | SalesOrderLine, files: Iterable[ErpAttachment] | None
) -> list[Attachment] | None:
    papers = loaders.papers
    if files is None or papers is None:
        return None
    caller, found = loaders.reader.principal, []
    for each in files:
        url, until = papers.made(caller, ids.of(row), attachment=str(each.id))
        found.append(
            Attachment(
                id=strawberry.ID(str(each.id)),
                name=each.file_name,
                description=each.description or None,
                url=url,
                expires_at=until,
            )
        )
    return found
