"""Invoices, confirmations and statements as PDF, passed on from the gateway while they come."""

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
