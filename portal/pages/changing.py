"""Changing and cancelling an order, never over somebody else's change: forms have its version."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import quantity
from portal.errors import NotFound, PortalError
from portal.lists import day
from portal.pages.placing import UNSURE
from portal.visits import Visit
from portal.words import CHANGEABLE, N_

CHANGED: Final = {
    "Update": N_("The order is changed."),
    "UpdateLine": N_("The quantity is changed."),
    "RemoveLine": N_("The line is gone."),
    "AddLines": N_("The product is on the order."),
    "Cancel": N_("The order is cancelled."),
}
DECIMALS: Final = 6
"""Of a quantity that is sent; the gateway knows what the product allows."""
NO_QUANTITY: Final = {"code": "QUANTITY_NOT_ALLOWED", "message": "", "path": []}


async def change(visit: Visit) -> Response:
    """One form a kind of change; `what` in it says which."""
    if visit.request.method == "GET":
        return await _shown(visit, [])
    operation, asked = _asked(visit)
    if asked is None:
        return await _shown(visit, [NO_QUANTITY])
    return await _made(visit, operation, asked)


async def cancel(visit: Visit) -> Response:
    """A page that asks first, as there is no way back."""
    if visit.request.method == "GET":
        return visit.render("order_cancel.html", order=await _changeable(visit))
    return await _made(visit, "Cancel", _base(visit))


async def _changeable(visit: Visit) -> dict[str, Any]:
    found = await visit.ask("changing", "Changeable", id=visit.path["id"])
    if found["order"] is None:
        raise NotFound
    order: dict[str, Any] = found["order"]
    return order


async def _shown(visit: Visit, errors: list[dict[str, Any]]) -> Response:
    """The forms with what was typed in them, and the order and its version as they are now."""
    order = await _changeable(visit)
    return visit.render(
        "order_change.html",
        status=422 if errors else 200,
        order=order,
        errors=errors,
        typed=visit.form,
        key=visit.form.get("key") or str(uuid.uuid4()),
        is_open=order["status"] in CHANGEABLE,
    )


def _base(visit: Visit) -> dict[str, Any]:
    return {"order": visit.path["id"], "version": visit.form.get("version", "")}


def _asked(visit: Visit) -> tuple[str, dict[str, Any] | None]:
    """The mutation and its input; None for a quantity that is none."""
    form, base = visit.form, _base(visit)
    if line := form.get("remove"):
        return "RemoveLine", base | {"line": line}
    if line := form.get("line"):
        amount = _quantity(visit, f"quantity-{line}")
        return "UpdateLine", base | {"line": line, "quantity": str(amount)} if amount else None
    if "number" in form:
        amount = _quantity(visit, "quantity")
        lines = [{"number": form["number"].strip(), "quantity": str(amount)}]
        more = {"idempotencyKey": form.get("key", ""), "lines": lines}
        return "AddLines", base | more if amount else None
    return "Update", base | _header(form)


def _header(form: Mapping[str, str]) -> dict[str, Any]:
    wanted = day(form.get("receipt_date"))
    texts = {
        "customerReference": form.get("reference", "").strip()[:50],
        "requisitionNumber": form.get("requisition", "").strip()[:50],
    }
    return texts | ({"requestedReceiptDate": wanted.isoformat()} if wanted else {})


def _quantity(visit: Visit, name: str) -> Decimal | None:
    return quantity(visit.language.typed(visit.form.get(name, "")), DECIMALS)


async def _made(visit: Visit, operation: str, asked: dict[str, Any]) -> Response:
    """Made, refused with a reason, or not known yet: then the order itself will show it."""
    page = f"/orders/{visit.path['id']}"
    try:
        answer = (await visit.ask("changing", operation, input=asked))["change"]
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        answer = {"status": "PENDING", "errors": []}
    if answer["errors"]:
        return await _shown(visit, answer["errors"])
    if answer["status"] == "PENDING":
        visit.notice(visit.translate("We do not know yet whether that worked. Look again soon."))
        return visit.go(page)
    visit.notice(visit.translate(CHANGED[operation]))
    return visit.go(page if operation == "Cancel" else f"{page}/change")
