"""The streams by which open pages learn that they show what is not so any more."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from portal import following
from portal.errors import NotFound
from portal.lists import mistakes, page_of
from portal.pages import order, order_list, shipments
from portal.pages.list_page import Listing
from portal.visits import Visit

NO_STREAM: Final = 204
"""The status that tells a browser not to come again: its page asks by itself."""
Asked = Callable[[Visit], Awaitable[dict[str, Any]]]


async def live(visit: Visit) -> Response:
    """The events of the page that `of` names, as its address says."""
    name = visit.path["of"]
    asked = PAGES.get(name)
    if asked is None:
        raise NotFound
    variables = await asked(visit)
    visitor, streams = visit.user.subject, visit.site.streams
    if mistakes(visit.query) or not streams.enter(visitor):
        return Response(status_code=NO_STREAM)
    seen = visit.request.headers.get("Last-Event-ID") or visit.query.get("seen", "")

    async def made() -> AsyncIterator[str]:
        try:
            answers = visit.follow(f"{name}_live", variables)
            async for event in following.events(answers, seen, streams):
                yield event
                if not visit.site.sessions.is_signed_in(visit.session.id, visitor):
                    return
        finally:
            streams.leave(visitor)

    return StreamingResponse(made(), media_type="text/event-stream")


async def _order(visit: Visit) -> dict[str, Any]:
    return {"id": visit.query.get("id", ""), **page_of(visit.query, order.LINES)}


async def _dashboard(visit: Visit) -> dict[str, Any]:
    return {"all": visit.account_filter}


def _list(listing: Listing) -> Asked:
    async def asked(visit: Visit) -> dict[str, Any]:
        return {**await listing.asked(visit), **page_of(visit.query, listing.size)}

    return asked


PAGES: Final = {
    "order": _order,
    "orders": _list(order_list.LIST),
    "shipments": _list(shipments.LIST),
    "dashboard": _dashboard,
}
