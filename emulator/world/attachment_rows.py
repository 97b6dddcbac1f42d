"""
Files that the seller has attached to orders and their lines: some for customers, some for its own
people, and notes without a file. Nothing here draws from a world's chance.
"""

import base64
from typing import Final

from emulator.world.drawings import drawing
from emulator.world.orders import WorldOrder
from emulator.world.seed import Row, Rows, Seed

OF_ORDER: Final = "SalesOrderHeaderDocumentAttachmentsV2"
OF_LINE: Final = "SalesOrderLineDocumentAttachmentsV2"
EACH: Final = 5
"""Of so many orders one has files."""


def attachment_rows(seed: Seed, order: WorldOrder) -> Rows:
    if order.index % EACH:
        return
    said = f"Packing instructions for {order.number}\n".encode()
    yield OF_ORDER, _file(seed, order, "Packing instructions", "txt", said)
    inside = {"AccessRestriction": "Internal"}
    yield OF_ORDER, _file(seed, order, "Margin", "txt", b"for our own people") | inside
    yield OF_ORDER, _file(seed, order, "Called", "", b"") | _NOTE
    for line in order.lines[:1]:
        content = drawing("box", order.index)
        row = _file(seed, order, "Drawing", "png", content)
        yield OF_LINE, row | {"LineCreationSequenceNumber": line.number}


_NOTE: Final[Row] = {"DocumentAttachmentTypeCode": "Note", "FileName": "", "Attachment": None}


def _file(seed: Seed, order: WorldOrder, title: str, end: str, content: bytes) -> Row:
    company = order.customer.company
    return {
        "dataAreaId": company.area,
        "DocumentId": seed.id("attachments", company.code, order.number, title),
        "SalesOrderNumber": order.number,
        "DocumentAttachmentTypeCode": "File",
        "AttachmentDescription": title,
        "AccessRestriction": "External",
        "IsDefaultAttachment": "No",
        "FileName": title,
        "FileType": end,
        "Notes": "",
        "Attachment": base64.b64encode(content).decode(),
    }
