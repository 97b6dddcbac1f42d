"""
Sending the draft, once. The draft's key goes with it, so a double click, a reload or a lost answer
never orders twice: whoever comes second gets the order of the first.
"""

from typing import Any, Final

from starlette.responses import Response

from portal.errors import PortalError
from portal.pages.wizard import draft_of
from portal.sessions import Session
from portal.visits import Visit

UNSURE: Final = {"unavailable", "defect"}
"""After these the order may exist or not."""


async def submit(visit: Visit) -> Response:
    """One request of a session at a time; the key in the form says which draft was looked at."""
    session, key = visit.session, visit.form.get("key", "")
    async with session.lock:
        if key in session.placed:
            return visit.go(f"/orders/{session.placed[key]}")
        draft = draft_of(visit)
        if draft.key != key or not draft.lines:
            visit.notice(
                visit.translate("This draft was changed or sent elsewhere. Please look it over.")
            )
            return visit.go("/orders/new/review")
        return await _send(visit)


async def checking(visit: Visit) -> Response:
    """
    Ask again what became of an order whose answer was lost: the same request with the same key,
    which makes the order at most once.
    """
    async with visit.session.lock:
        if visit.query.get("key", "") in visit.session.placed:
            return visit.go(f"/orders/{visit.session.placed[visit.query['key']]}")
        if visit.session.draft is None or visit.session.draft.key != visit.query.get("key"):
            return visit.go("/orders")
        return await _send(visit)


async def _send(visit: Visit) -> Response:
    draft = draft_of(visit)
    try:
        found = await visit.ask("wizard", "Place", input=draft.as_input())
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        return _waiting(visit, draft.key)
    answer: dict[str, Any] = found["createSalesOrder"] or {}
    if order := answer.get("order"):
        return _placed(visit, visit.session, order)
    if not answer.get("errors"):
        return _waiting(visit, draft.key)
    return visit.render(
        "new_review.html", status=422, draft=draft, own=None, errors=answer["errors"]
    )


def _waiting(visit: Visit, key: str) -> Response:
    if visit.request.method == "POST":
        return visit.go("/orders/new/checking", key=key)
    return visit.render("new_checking.html", status=202, key=key)


def _placed(visit: Visit, session: Session, order: dict[str, Any]) -> Response:
    if session.draft:
        session.placed[session.draft.key] = order["id"]
    session.draft = None
    visit.notice(visit.translate("Thank you. Your order %s is placed.") % (order["number"] or ""))
    return visit.go(f"/orders/{order['id']}")
