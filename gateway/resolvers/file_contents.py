"""
A link to an attached file that was followed -> the file: the order or line is read again under its
row rule, then the list of its files, then the content of this one.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from gateway.errors import NotFound, UpstreamMismatch
from gateway.loaders.paper_links import MISSING, LinkContent
from gateway.model.tables import paths
from gateway.resolvers.followed_pictures import Attached, closing
from gateway.schema import ids
from gateway.schema.business.attachments import ErpAttachment, files_of_line, files_of_order
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.schema.context import Context
from gateway.upstream.allowance import Allowance
from gateway.upstream.attached import AttachedFile

LARGEST: Final = 25 * 1024 * 1024
"""Bytes of a file at most."""
KIND: Final = "attachment"
"""The kind of document in the audit."""
FILES: Final[dict[Any, Any]] = {
    SalesOrder: (files_of_order, paths(SalesOrder, "company", "number")),
    SalesOrderLine: (
        files_of_line,
        paths(SalesOrderLine, "_company", "_order_number", "sequence"),
    ),
}
"""The rows that have files, and the columns by which these are found."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file and its name."""

    file: AttachedFile
    name: str

    @property
    def disposition(self) -> str:
        """The header that has the file saved, and never shown, whatever is in it."""
        plain = "".join("_" if sign in "/\\" else sign for sign in self.name if sign.isprintable())
        return f"attachment; filename*=UTF-8''{quote(plain, safe='')}"


async def attached_file(context: Context, linked: LinkContent) -> NamedFile:
    """The file behind a link, which is looked for anew. NotFound, Forbidden where it cannot be."""
    table, key = ids.decode(linked.id)
    if table.cls not in FILES:
        raise NotFound(MISSING)
    context.principal.show(table.name, "attachments")
    files_of, select = FILES[table.cls]
    row = await context.loaders.node(table.cls, key, select)
    files: list[ErpAttachment] | None = await files_of(context.loaders, row) if row else None
    found = next((each for each in files or () if str(each.id) == linked.attachment), None)
    if found is None:
        raise NotFound(MISSING)
    return NamedFile(AttachedFile(found.__table__.entity, found.key, LARGEST), found.file_name)


async def content_of(
    file: AttachedFile, attached: Attached, allowance: Allowance
) -> AsyncGenerator[bytes, None]:
    """The file in pieces. GatewayError before the first, also where there is none."""
    is_empty = True
    async with aclosing(closing(attached(file, allowance))) as pieces:
        async for piece in pieces:
            is_empty = False
            yield piece
    if is_empty:
        raise UpstreamMismatch("The file is empty.")
