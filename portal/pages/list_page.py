"""One page of a list of the site, or what is wrong with what its address asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from portal.following import digest
from portal.lists import SIZE, mistakes, page_of
from portal.visits import Visit


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the site: the operation that reads it, and what its address asks of it."""

    document: str
    operation: str
    rows: str
    """The field of the operation that has the rows, as the template calls them too."""
    asked: Callable[[Visit], Awaitable[dict[str, Any]]]
    """Filter and order, of an address without mistakes."""
    size: int = SIZE
    """Rows of a page."""
    also: Callable[[Visit], dict[str, Any]] = lambda visit: {}
    """Variables of the page alone, which downloads of the list do not have."""


async def show(visit: Visit, listing: Listing, template: str, **more: Any) -> Response:
    wrong = mistakes(visit.query)
    found = {listing.rows: None} if wrong else await _answer(visit, listing)
    return visit.render(
        template,
        status=422 if wrong and not visit.is_fragment else 200,
        mistakes=wrong,
        query=visit.query,
        seen=None if wrong else digest(found),
        **found,
        **more,
    )


async def _answer(visit: Visit, listing: Listing) -> dict[str, Any]:
    page = page_of(visit.query, listing.size)
    asked = {**await listing.asked(visit), **listing.also(visit), **page}
    return await visit.ask(listing.document, listing.operation, **asked)
