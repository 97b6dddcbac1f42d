"""Printed documents and attached files, passed on from the gateway while they come."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
from starlette.responses import Response, StreamingResponse

from portal.errors import NotFound
from portal.pages.statement import asked_of
from portal.visits import Visit


async def invoice(visit: Visit) -> Response:
    found = await visit.ask("papers", "InvoicePaper", id=visit.path["id"])
    return await _passed_on(visit, found["invoice"])


async def posted(visit: Visit) -> Response:
    found = await visit.ask("papers", "PostedPaper", posted=visit.path["id"])
    return await _passed_on(visit, found["postedInvoice"])


async def confirmation(visit: Visit) -> Response:
    found = await visit.ask("papers", "OrderPaper", id=visit.path["id"])
    return await _passed_on(visit, found["order"])


async def statement(visit: Visit) -> Response:
    found = await visit.ask("papers", "StatementPaper", **asked_of(visit))
    # A statement is of one currency, its document of all.
    return await _passed_on(visit, next(iter(found["statement"] or ()), None))


async def file(visit: Visit) -> Response:
    """A file that is attached to an order."""
    found = await visit.ask("order", "OrderFiles", id=visit.path["id"])
    return await _file(visit, found["order"])


async def file_of_line(visit: Visit) -> Response:
    """A file that is attached to a line."""
    found = await visit.ask("order", "LineFiles", id=visit.path["id"])
    return await _file(visit, found["orderLine"])


async def _file(visit: Visit, row: dict[str, Any] | None) -> Response:
    files = (row or {}).get("attachments") or ()
    found = next((each for each in files if each["id"] == visit.path["file"]), None)
    return await _passed_on(visit, found and {"document": found})


async def _passed_on(visit: Visit, row: dict[str, Any] | None) -> Response:
    if row is None or row["document"] is None:
        raise NotFound
    answer = await visit.fetch(row["document"]["url"])
    name = answer.headers["content-disposition"]
    return StreamingResponse(
        pieces(answer),
        media_type=answer.headers["content-type"],
        headers={"Content-Disposition": name},
    )


async def pieces(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """The body of an answer as it comes, which is closed at its end."""
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
