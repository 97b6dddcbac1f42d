"""
A quote that is asked for, of what is in the draft. The same draft, sent twice, asks once: its key
and its revision are the key of the request.
"""

from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response

from portal.desks import Desk, current, discarded
from portal.drafts import Draft, request_line
from portal.errors import Gone, Overtaken, PortalError, Waiting
from portal.pages.placing import UNSURE, reviewed
from portal.visits import Visit
from portal.words import N_

ASKED: Final = N_("Thank you. We have your request, and will send you a quote.")
UNKNOWN: Final = N_("We cannot confirm this yet. Ask again: it will be one request.")


async def ask(visit: Visit) -> Response:
    """The draft becomes a request and is taken off the desk; nothing is ordered."""
    key, seen = visit.form.get("key", ""), visit.form.get("seen")
    async with visit.site.desks.lock(visit.at):
        found = visit.lent(await visit.site.desks.find(visit.at))
        desk = visit.desk = current(found, key, seen)
        if desk.sharing:
            return visit.go("/orders/new/review")
        if not key or not desk.draft.lines:
            return visit.go("/orders/new/items")
        if desk.draft.account is None:
            return visit.go("/orders/new")
        return await _ask(visit, desk)


async def _ask(visit: Visit, desk: Desk) -> Response:
    try:
        values = _input(desk.draft, desk.revision, visit.form.get("message", ""))
        answer = (await visit.ask("requesting", "Ask", input=values))["asked"]
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        answer = {"status": "PENDING", "errors": []}
    if answer["errors"]:
        return await reviewed(visit, desk.draft, answer["errors"], {}, is_asked=True)
    if answer["status"] != "CREATED":
        visit.warn(visit.translate(UNKNOWN))
        return visit.go("/orders/new/review")
    await _taken(visit, desk)
    visit.notice(visit.translate(ASKED))
    return visit.go("/quotes")


def _input(draft: Draft, revision: int, message: str) -> dict[str, Any]:
    """The `RequestQuoteInput` of the gateway."""
    return {
        "idempotencyKey": f"{draft.key}-quote-{revision}",
        "account": draft.account,
        **draft.destination.as_input(),
        "requestedReceiptDate": draft.receipt_date and draft.receipt_date.isoformat(),
        "customerReference": draft.reference or None,
        "requisitionNumber": draft.requisition or None,
        "message": message.strip() or None,
        "lines": [request_line(line) for line in draft.lines],
    }


async def _taken(visit: Visit, desk: Desk) -> None:
    """The draft leaves the desk, unless somebody has changed it since."""
    key, revision = desk.draft.key, str(desk.revision)
    with suppress(Gone, Overtaken, Waiting):
        visit.desk = await visit.site.desks.change(
            visit.own, lambda now: discarded(current(now, key, revision))
        )
