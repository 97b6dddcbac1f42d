"""Quotes of the seller: a list, one with its lines, and its lines once more in the draft."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound
from portal.figures import figures
from portal.lists import all_of, any_of, day, one_of, page_of
from portal.pages.draft_at_hand import draft_of
from portal.pages.list_page import Listing, show
from portal.pages.reordering import LineSource, Original, join_draft, lines_of
from portal.shelves import NO_DAY
from portal.visits import Visit
from portal.words import QUOTE, Words

LINES = 50
"""Lines of a quote that a page shows."""
OFFERED: Final = "ACTIVE"
"""The state of the quotes whose lines can be ordered."""
QUOTED: Final = LineSource("quotes", "Quoted", "quote")


async def quotes(visit: Visit) -> Response:
    return await show(visit, LIST, "quotes.html", statuses=_states(visit))


async def asked(visit: Visit) -> dict[str, Any]:
    """The filter, as the address says."""
    named = any_of(visit.query.get("q"), ("number", "name"))
    state = one_of("state", visit.query.get("status"), _states(visit))
    return {"filter": all_of(visit.account_filter, named, state)}


def _states(visit: Visit) -> Words:
    """The states that the list can be narrowed to."""
    return QUOTE if visit.reads("Quote.state") else {}


LIST: Final = Listing(
    "quotes",
    "Quotes",
    "quotes",
    asked,
    also=lambda visit: {"requests": visit.account_filter},
)


async def quote(visit: Visit) -> Response:
    page = page_of(visit.query, LINES)
    found = (await visit.ask("quotes", "Quote", id=visit.path["id"], **page))["quote"]
    if found is None:
        raise NotFound
    return visit.render(
        "quote.html",
        quote=found,
        figures=figures(found),
        is_offered=found["state"] == OFFERED,
        is_open=is_open(visit, found),
    )


def is_open(visit: Visit, quote: Mapping[str, Any]) -> bool:
    """True if the quote can still be accepted."""
    until = day(quote["validUntil"])
    return quote["state"] == OFFERED and (until is None or until >= visit.language.today())


async def order(visit: Visit) -> Response:
    """The lines join the draft, at the prices of today; NotFound for what is not offered."""
    draft_of(visit)
    found, rows = await lines_of(visit, visit.path["id"], QUOTED)
    if found["state"] != OFFERED:
        raise NotFound
    days: dict[str, Any] = {**NO_DAY, "account": found["account"]}
    original = Original(f"/quotes/{visit.path['id']}", found["number"] or "")
    said = visit.translate("The lines of %s were copied to your draft.")
    lines = [{**row, **NO_DAY, "note": None} for row in rows]
    return await join_draft(visit, lines, days, original, said)
