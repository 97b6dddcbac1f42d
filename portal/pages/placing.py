"""
The last step of a new order: the review, and sending the draft once. The draft's key goes with it,
and `desks.py` says what each answer means, so a double click, a reload, a lost answer or a restart
never orders twice.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from portal.desks import (
    NEVER,
    Desk,
    State,
    current,
    made,
    pending,
    refused,
    remembered,
    repriced,
    sending,
    signed,
    unanswered,
)
from portal.drafts import Draft, priced
from portal.errors import PortalError, SignInNeeded, Unavailable, Waiting
from portal.figures import money
from portal.outcomes import Colleague, Placed
from portal.own_fields import EMPTY
from portal.pages.addresses import choices
from portal.pages.draft_at_hand import became, draft_of
from portal.pages.furnishing import furnished
from portal.pages.items import page_of_line, sheet
from portal.visits import Visit

UNSURE: Final = {"unavailable", "defect"}
"""Errors after which the request may or may not have been carried out."""
NOT_YOURS: Final = "ACCOUNT_NOT_FOUND"
"""The refusal of an account that is the caller's no longer."""
MARGIN: Final = 15
"""Seconds beyond the time limit of a request after which others take it to have ended."""
OF_LINES: Final = {"amounts": "amount", "discounts": "discount", "promises": "promise"}
"""The members of a preview's lines that are shown."""
PAGE: Final = 100
"""Lines that are shown at once."""


async def review(visit: Visit) -> Response:
    """The page that shows the whole order before it is placed, at the prices of now."""
    draft = draft_of(visit)
    if not draft.lines:
        return visit.go("/orders/new/items")
    if draft.account is None:
        return visit.go("/orders/new")
    if address := _incomplete(visit, draft):
        return visit.go(address)
    asked = {name: value for name, value in draft.as_input().items() if name != "idempotencyKey"}
    try:
        found = (await visit.ask("wizard", "Preview", input=asked))["previewSalesOrder"]
    except Unavailable:
        found = None
    if found is None:
        visit.is_partial = True
        return await reviewed(visit, draft, [], {})
    draft = await _repriced(visit, draft, found["lines"])
    return await reviewed(visit, draft, found["errors"], found)


def _incomplete(visit: Visit, draft: Draft) -> str:
    """The step that lacks a field without which the gateway takes no order; empty where none."""
    own = visit.site.own
    lacking = [one for one in own.line_fields if one.is_required]
    for one in lacking:
        if any(one.name not in line.own for line in draft.lines):
            visit.warn(f"{visit.language.label(one.doc)}: {visit.translate(EMPTY)}")
            return "/orders/new/items"
    needed = {one.name for one in own.fields if one.is_required}
    return "" if needed <= draft.own.keys() else "/orders/new"


async def _repriced(visit: Visit, draft: Draft, lines: list[dict[str, Any]]) -> Draft:
    """Today's prices, kept with the draft; the lines of a preview are in the order of the input."""
    if len(lines) != len(draft.lines):
        return draft
    prices = [line["unitPrice"] for line in lines]
    today = replace(draft, lines=tuple(map(priced, draft.lines, prices)))
    revision = visit.desk.revision
    visit.desk = await visit.site.desks.change(
        visit.at, lambda desk: repriced(desk, revision, today)
    )
    return today


async def reviewed(
    visit: Visit,
    draft: Draft,
    errors: list[dict[str, Any]],
    preview: Mapping[str, Any],
    *,
    is_asked: bool = False,
) -> Response:
    """
    The draft with what its preview says, as far as there is one; `is_asked` where a quote was asked
    for.
    """
    lines = preview.get("lines", ())
    own, draft = await _addressed(visit, draft)
    is_sent = visit.request.method == "POST"
    return visit.render(
        "new_review.html",
        status=422 if errors and is_sent else 200,
        draft=draft,
        sheet=sheet(draft.lines, visit.query.get("page"), PAGE),
        own=own,
        errors=errors,
        is_sent=is_sent,
        is_asked=is_asked,
        may_ask=_may_ask(visit),
        there={line["product"]["id"]: line["availability"] for line in lines},
        **{plural: _of_lines(draft, lines, name) for plural, name in OF_LINES.items()},
        is_calculated=preview.get("basis") == "CALCULATED",
        full_delivery=preview.get("fullDelivery"),
        total=_total(draft, preview),
        page_of_line=page_of_line,
    )


async def _addressed(visit: Visit, draft: Draft) -> tuple[dict[str, Any] | None, Draft]:
    """The account that buys, and the draft as the visitor may know it."""
    if not draft.is_bare:
        own, _ = await choices(visit, draft.account)
        return own, draft
    found = await furnished(visit, draft, buys=True)
    return found.buyer, found.draft


def _may_ask(visit: Visit) -> bool:
    """True if the visitor may ask for a quote instead, which of a shared draft nobody does."""
    quotes = visit.may("quotes:read") and visit.has("Quote") and not visit.desk.sharing
    return quotes and visit.site.brand.shows("quotes")


def _of_lines(draft: Draft, told: Sequence[Mapping[str, Any]], name: str) -> Mapping[int, Any]:
    """A member of the lines of a preview, by the draft's own lines; both are in one order."""
    return {one.id: each[name] for one, each in zip(draft.lines, told, strict=False)}


def _total(draft: Draft, preview: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The total of the order; without a preview, as the draft estimates it."""
    if preview.get("lines"):
        return preview["total"] if preview["complete"] else None
    return None if draft.total is None else money(draft.total, draft.currency)


async def submit(visit: Visit) -> Response:
    """Place the order of a draft, one request at a time; the form names the reviewed draft."""
    form = visit.form
    key, seen = form.get("key", ""), form.get("seen")
    async with visit.site.desks.lock(visit.at):
        visit.desk = await visit.site.desks.find(visit.at)
        if known := visit.desk.placed_as(key):
            return _ordered(visit, known)
        if not key or not visit.desk.draft.lines:
            return visit.go("/orders/new/items")
        return await _send(visit, visit.at, lambda desk: current(visit.lent(desk), key, seen))


def _ordered(visit: Visit, known: Placed) -> Response:
    """The page of the order that a draft became; a colleague's may be none of the visitor's."""
    if known.is_known_to(visit.own):
        return visit.go(_page_of(known.order))
    visit.notice(became(visit, known))
    return visit.go("/orders")


async def checking(visit: Visit) -> Response:
    """The page of an order whose outcome is unknown; it repeats the question until it is known."""
    key = visit.form.get("key") or visit.query.get("key", "")
    owner = await _owner(visit, key)
    if owner is None:
        return visit.go("/orders")
    async with visit.site.desks.lock(owner):
        desk = visit.desk = await visit.site.desks.find(owner)
        if known := desk.placed_as(key):
            return _ordered(visit, known)
        if desk.draft.key != key or not desk.is_sent:
            return visit.go("/orders/new/review")
        try:
            if desk.operation:
                return await _look(visit, owner, desk, desk.operation)
            return await _again(visit, owner, desk)
        except Waiting:
            # Another process is at it.
            return _waiting(visit, key)


def _still_sent(desk: Desk, key: str) -> Desk:
    if desk.draft.key != key or not desk.is_sent:
        raise Waiting(key)
    return desk


async def _owner(visit: Visit, key: str) -> str | None:
    """The desk on which the draft is or was; its account is picked from there on."""
    if visit.loan and visit.loan.key == key:
        return visit.at
    for account in (visit.account, None, *visit.accounts):
        owner = visit.owner((account or {}).get("id"))
        desk = await visit.site.desks.find(owner)
        if key and (desk.draft.key == key or desk.placed_as(key)):
            visit.session.account = account if len(visit.accounts) > 1 else None
            return owner
    return None


async def _again(visit: Visit, owner: str, desk: Desk) -> Response:
    """
    The very same request with the very same key, which makes the order at most once; of what a
    colleague sent only for a form, as the order may become the visitor's.
    """
    key = desk.draft.key
    is_ones_own = desk.sharing is None or desk.sharing.by.desk == visit.own
    if not is_ones_own and visit.request.method == "GET":
        return _waiting(visit, key)
    return await _send(visit, owner, lambda desk: _still_sent(desk, key))


async def _send(visit: Visit, owner: str, check: Callable[[Desk], Desk]) -> Response:
    """Ask the gateway for the order, having written down that it was asked."""
    desks, limit = visit.site.desks, visit.site.settings.timeout + MARGIN

    def leave(desk: Desk) -> Desk:
        now = time.time()
        return signed(desk, sending(check(desk), now, limit + MARGIN), visit.me, now)

    sent = visit.desk = await desks.change(owner, leave)
    answer = None
    try:
        async with asyncio.timeout(limit):
            found = await visit.ask("wizard", "Place", input=_input(sent))
        answer = found.get("createSalesOrder")
    except TimeoutError:
        pass
    except PortalError as error:
        if error.kind not in UNSURE:
            visit.desk = await desks.change(owner, lambda desk: refused(desk, sent, NEVER))
            if visit.desk.is_sent and not isinstance(error, SignInNeeded):
                return _waiting(visit, sent.draft.key)  # an earlier request may have made it
            raise
    return await _settled(visit, owner, sent, answer, sent.since)


def _input(sent: Desk) -> dict[str, Any]:
    """The `CreateSalesOrderInput` of the gateway; whoever sends a shared draft, it is one order."""
    return sent.draft.as_input() | ({"sharedKey": True} if sent.sharing else {})


async def _look(visit: Visit, owner: str, desk: Desk, operation: str) -> Response:
    """Ask the gateway what became of it; if it does not say, the request itself will tell."""
    now = time.time()
    try:
        answer = (await visit.ask("wizard", "Outcome", id=operation))["operation"]
    except SignInNeeded:
        raise
    except PortalError as error:
        if error.kind in UNSURE:
            return _waiting(visit, desk.draft.key)
        answer = None
    if answer is None:
        return await _again(visit, owner, desk)
    return await _settled(visit, owner, desk, {"errors": [], "operation": operation, **answer}, now)


async def _settled(
    visit: Visit, owner: str, sent: Desk, answer: dict[str, Any] | None, now: float
) -> Response:
    """Placed, refused, surely not placed, or still unknown."""
    key, desks = sent.draft.key, visit.site.desks
    if answer is None:
        visit.desk = await desks.change(owner, lambda desk: unanswered(desk, sent))
        return _waiting(visit, key)
    if (order := answer.get("order")) or answer.get("status") == "CREATED":
        is_new = sent.sharing is not None and answer.get("replayed") is False
        by = visit.me if is_new else None
        return await _placed(visit, owner, key, order or {"id": "", "number": None}, by)
    if answer["errors"] or answer.get("status") == "NOT_CREATED":
        looked = now if _has_looked(answer["errors"]) else NEVER
        visit.desk = visit.lent(await desks.change(owner, lambda desk: refused(desk, sent, looked)))
        if visit.desk.state is not State.EDITING or visit.desk.draft.key != key:
            return _waiting(visit, key)
        if answer["errors"]:
            return await reviewed(visit, visit.desk.draft, answer["errors"], {})
        visit.warn(visit.translate("Your order was not placed. Please send it again."))
        return visit.go("/orders/new/review")
    operation = answer.get("operation")
    visit.desk = await desks.change(
        owner,
        lambda desk: pending(desk, sent, operation) if operation else unanswered(desk, sent),
    )
    return _waiting(visit, key)


def _has_looked(errors: Sequence[Mapping[str, Any]]) -> bool:
    """True unless the gateway refused before it looked for an order that the key had made."""
    return not any(error["code"] == NOT_YOURS for error in errors)


def _waiting(visit: Visit, key: str) -> Response:
    if visit.request.method == "POST":
        return visit.go("/orders/new/checking", key=key)
    return visit.render("new_checking.html", status=202, key=key)


async def _placed(
    visit: Visit, owner: str, key: str, order: dict[str, Any], by: Colleague | None
) -> Response:
    desks = visit.site.desks

    def stand(desk: Desk) -> Desk:
        return made(desk, key, order["id"], order["number"], by)

    visit.desk = await desks.change(owner, stand)
    known = visit.desk.placed_as(key)
    if known and not known.is_known_to(visit.own):
        visit.session.loan = None if visit.loan else visit.session.loan
        return _ordered(visit, known)
    if visit.loan:
        # Who sends the form once more finds the order, though the draft is out of reach now.
        own = Placed(key, order["id"], order["number"])
        await desks.change(visit.own, lambda desk: remembered(desk, own))
        visit.session.loan = None
    if order["number"]:
        message = visit.translate("Thank you. Your order %s has been placed.") % order["number"]
    else:
        message = visit.translate("Thank you. Your order has been placed.")
    visit.notice(message)
    return visit.go(_page_of(order["id"]))


def _page_of(order: str) -> str:
    """The page of an order; of one that cannot be read yet, the list."""
    return f"/orders/{order}" if order else "/orders"
