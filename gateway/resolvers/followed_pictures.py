"""
A link to a picture that was followed -> the picture: the product is read again under its row rule,
then the list of its pictures, then the content of this one.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final

from gateway.errors import NotFound, UpstreamMismatch
from gateway.loaders.paper_links import MISSING, LinkContent
from gateway.model.tables import paths
from gateway.schema import ids
from gateway.schema.business.catalog import Product
from gateway.schema.business.pictures import TABLE, shown_of
from gateway.schema.context import Context
from gateway.upstream.allowance import Allowance
from gateway.upstream.attached import AttachedFile

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a picture at most."""
SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
"""With what a picture begins, and its type. Drawings that can have programs in them are none."""
WEBP: Final = slice(8, 12)
"""The place of the letters WEBP in a file that begins as one."""
NEEDED: Final = 12
"""Bytes by which every type is known."""
Attached = Callable[[AttachedFile, Allowance], AsyncIterator[bytes]]


async def pictured(context: Context, linked: LinkContent) -> AttachedFile:
    """The file behind a link, which is looked for anew. NotFound, Forbidden where it cannot be."""
    table, key = ids.decode(linked.id)
    if table is not Product.__table__:
        raise NotFound(MISSING)
    context.principal.show(table.name, "pictures")
    select = paths(Product, "company", "item_number")
    product = await context.loaders.node(Product, key, select)
    shown = await shown_of(context.loaders, product) if product else []
    found = next((each for each in shown if each.version == linked.picture), None)
    if found is None:
        raise NotFound(MISSING)
    return AttachedFile(TABLE.entity, found.key, LARGEST)


async def picture_of(
    file: AttachedFile, attached: Attached, allowance: Allowance
) -> AsyncGenerator[bytes, None]:
    """The picture in pieces, of which the first shows its type. GatewayError before it."""
    head = b""
    async with aclosing(closing(attached(file, allowance))) as pieces:
        async for piece in pieces:
            if len(head) >= NEEDED:
                yield piece
                continue
            head += piece
            if len(head) >= NEEDED:
                type_of(head)
                yield head
    if len(head) < NEEDED:
        raise UpstreamMismatch("The picture is empty.")


async def closing(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same pieces, as what can be closed."""
    async for piece in pieces:
        yield piece


def type_of(head: bytes) -> str:
    """The media type of a picture by its first bytes; UpstreamMismatch for what is none."""
    for signature, type_ in SIGNATURES.items():
        if head.startswith(signature) and (type_ != "image/webp" or head[WEBP] == b"WEBP"):
            return type_
    raise UpstreamMismatch("The file is no picture that is shown.")
