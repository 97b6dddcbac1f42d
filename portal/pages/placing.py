"""
Sending the draft, once. The draft's key goes with it, so a double click, a reload or a lost answer
never orders twice: whoever comes second gets the order of the first.
"""

from typing import Any, Final

from starlette.responses import Response

from portal.drafts import Draft
from portal.errors import PortalError
from portal.pages.wizard import reviewed
from portal.visits import Visit

UNSURE: Final = {"unavailable", "defect"}
"""After these what was asked for may have happened or not."""


async def submit(visit: Visit) -> Response:
    """One request of a session at a time; the key in the form says which draft was looked at."""
    session, key = visit.session, visit.form.get("key", "")
    async with session.lock:
        if key in session.placed:
            return visit.go(f"/orders/{session.placed[key]}")
        if session.draft is None or session.draft.key != key or not session.draft.lines:
            visit.notice(visit.translate("This draft was sent or changed elsewhere. Look it over."))
            return visit.go("/orders/new/review")
        return await _send(visit, session.draft)


async def checking(visit: Visit) -> Response:
    """What became of an order whose answer did not come; the page asks again and again."""
    session, key = visit.session, visit.query.get("key", "")
    async with session.lock:
        if key in session.placed:
            return visit.go(f"/orders/{session.placed[key]}")
        if session.draft is None or session.draft.key != key or not session.draft.is_sent:
            return visit.go("/orders")
        if session.draft.operation:
            return await _look(visit, session.draft, session.draft.operation)
        # The very same request with the very same key: it makes the order at most once.
        return await _send(visit, session.draft)


async def _send(visit: Visit, draft: Draft) -> Response:
    try:
        found = await visit.ask("wizard", "Place", input=draft.as_input())
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        return _waiting(visit, draft)
    answer: dict[str, Any] = found["createSalesOrder"]
    draft.operation = answer["operation"]
    return await _settled(visit, draft, answer)


async def _look(visit: Visit, draft: Draft, operation: str) -> Response:
    try:
        found = await visit.ask("wizard", "Outcome", id=operation)
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        return _waiting(visit, draft)
    return await _settled(visit, draft, {"errors": [], **(found["operation"] or {})})


async def _settled(visit: Visit, draft: Draft, answer: dict[str, Any]) -> Response:
    """Placed, refused, surely not placed, or still unknown."""
    if answer.get("order"):
        return _placed(visit, draft, answer["order"])
    if answer["errors"] or answer.get("status") == "NOT_CREATED":
        draft.is_sent, draft.operation = False, None
        if answer["errors"]:
            return await reviewed(visit, draft, answer["errors"])
        visit.notice(visit.translate("Your order was not placed. Please send it once more."))
        return visit.go("/orders/new/review")
    return _waiting(visit, draft)


def _waiting(visit: Visit, draft: Draft) -> Response:
    draft.is_sent = True
    if visit.request.method == "POST":
        return visit.go("/orders/new/checking", key=draft.key)
    return visit.render("new_checking.html", status=202, key=draft.key)


def _placed(visit: Visit, draft: Draft, order: dict[str, Any]) -> Response:
    visit.session.placed[draft.key] = order["id"]
    visit.session.draft = None
    if order["number"]:
        message = visit.translate("Thank you. Your order %s is placed.") % order["number"]
    else:
        message = visit.translate("Thank you. Your order is placed.")
    visit.notice(message)
    return visit.go(f"/orders/{order['id']}")
