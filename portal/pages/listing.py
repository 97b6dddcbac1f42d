"""One page of a list of the site, or what is wrong with what its address asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

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


async def show(visit: Visit, listing: Listing, template: str, **more: Any) -> Response:
    wrong = mistakes(visit.query)
    found = None if wrong else await _rows(visit, listing)
    return visit.render(
        template,
        status=422 if wrong and not visit.is_fragment else 200,
        mistakes=wrong,
        query=visit.query,
        **{listing.rows: found},
        **more,
    )


async def _rows(visit: Visit, listing: Listing) -> Any:
    page = page_of(visit.query, listing.size)
    answer = await visit.ask(
        listing.document, listing.operation, **await listing.asked(visit), **page
    )
    return answer[listing.rows]
