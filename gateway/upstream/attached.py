"""A file attached to a row of Finance & Operations -> the request for its content alone."""

from msgspec import Struct

from gateway.client.exchange import Request
from gateway.upstream.conditions import Condition
from gateway.upstream.odata import ODataQuery
from gateway.upstream.service import HEADERS, Service
from gateway.upstream.streamed_values import WantedValue

CONTENT = "Attachment"
"""The column with the content."""


class AttachedFile(Struct, frozen=True):
    """One file by the collection that has it, and the condition that is its key."""

    collection: str
    key: Condition
    largest: int
    """Bytes of the file, above which it is not read."""


def wanted(service: Service, file: AttachedFile) -> WantedValue:
    call = service.call(ODataQuery(file.collection, (CONTENT,), file.key, top=1))
    return WantedValue(
        Request("GET", call.url, b"", HEADERS),
        file.collection,
        CONTENT,
        largest=file.largest * 4 // 3 + 4_096,
    )
