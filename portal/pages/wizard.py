"""A new order in three steps: order information, items, review."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from starlette.responses import Response

from portal.countries import is_known
from portal.drafts import MAXIMUM_LINES, Draft, priced, quantity
from portal.errors import Unavailable
from portal.lists import day
from portal.pages.addresses import OTHER, PARTS, choices, destination
from portal.pages.draft import draft_of, line_of
from portal.pages.products import search
from portal.visits import Visit
from portal.words import N_

FOUND: Final = 8
"""Products that a search shows at once."""
TOO_MANY: Final = N_("At most 500 lines at once.")


async def information(visit: Visit) -> Response:
    """Step 1: for which account, where to, when, and under which of the customer's numbers."""
    draft = draft_of(visit)
    if visit.request.method == "POST":
        return await _inform(visit, draft)
    return await _information(visit, draft, entered(draft), {})


def entered(draft: Draft) -> dict[str, str]:
    """The fields of the form as the draft has them."""
    fields = {
        "account": draft.account or "",
        "receipt_date": draft.receipt_date.isoformat() if draft.receipt_date else "",
        "reference": draft.reference,
        "requisition": draft.requisition,
        "ship_to": draft.destination.choice,
    }
    typed = draft.destination.parts if draft.destination.choice == OTHER else {}
    return fields | {name: typed.get(name, "") for name in PARTS}


async def _information(
    visit: Visit, draft: Draft, fields: Mapping[str, str], mistakes: Mapping[str, str]
) -> Response:
    own, others = await choices(visit, draft.account)
    return visit.render(
        "new_information.html",
        status=422 if mistakes else 200,
        draft=draft,
        fields=fields,
        mistakes=mistakes,
        own=own,
        others=others,
        today=visit.language.today().isoformat(),
    )


async def _inform(visit: Visit, draft: Draft) -> Response:
    form = visit.form
    if picked := next((one for one in visit.accounts if one["id"] == form.get("account")), None):
        # From here on prices are that account's; so is everything that is listed.
        visit.session.account, draft.account = picked, picked["id"]
    mistakes = check(form, draft, visit.language.today())
    goes_to = None if mistakes else await destination(visit, draft.account)
    if goes_to is None:
        mistakes = mistakes or {"ship_to": N_("This address is not known any more. Choose again.")}
        return await _information(visit, draft, {**entered(draft), **form}, mistakes)
    draft.receipt_date = day(form.get("receipt_date"))
    draft.reference, draft.requisition = _short(form, "reference"), _short(form, "requisition")
    draft.destination = goes_to
    draft.informed = True
    return visit.go("/orders/new/items")


def _short(form: Mapping[str, str], name: str) -> str:
    return form.get(name, "").strip()


def check(form: Mapping[str, str], draft: Draft, today: date) -> dict[str, str]:
    """What is wrong with the first step, by field."""
    wanted = form.get("receipt_date", "")
    found = {
        "account": draft.account is None and N_("Choose the account that buys."),
        "receipt_date": wanted and _date_mistake(wanted, today),
        "reference": len(_short(form, "reference")) > 50 and N_("At most 50 characters."),
        "requisition": len(_short(form, "requisition")) > 50 and N_("At most 50 characters."),
    }
    if form.get("ship_to") == OTHER:
        found |= {
            "street": not _short(form, "street") and N_("Enter the street."),
            "city": not _short(form, "city") and N_("Enter the city."),
            "country": _country_mistake(_short(form, "country"), draft),
        }
    return {
        name: message for name, message in found.items() if isinstance(message, str) and message
    }


def _country_mistake(country: str, draft: Draft) -> str | None:
    """Dual-write carries some countries alone; one that the draft has already is not judged."""
    known = not country or is_known(country) or country == draft.destination.parts.get("country")
    return None if known else N_("Choose a country of the list.")


def _date_mistake(text: str, today: date) -> str | None:
    found = day(text)
    if found is None:
        return N_("Enter a date such as 2026-12-31.")
    return N_("This day has passed.") if found < today else None


async def items(visit: Visit) -> Response:
    """Step 2: find products, set quantities."""
    draft = draft_of(visit)
    if visit.request.method == "POST":
        return await _change(visit, draft)
    if not draft.informed and draft.account is None:
        return visit.go("/orders/new")
    return await shown(visit, draft)


async def shown(visit: Visit, draft: Draft, **more: Any) -> Response:
    """The second step, as htmx wants it or whole."""
    found = await search(visit, FOUND) if visit.query.get("q") or visit.is_fragment else None
    template = "new_found.html" if visit.is_fragment else "new_items.html"
    values = {"mistakes": [], "pasted": "", "wrong": {}, "file": None} | more
    return visit.render(
        template, status=422 if more else 200, draft=draft, found=found, query=visit.query, **values
    )


async def _change(visit: Visit, draft: Draft) -> Response:
    """Add, set or remove; then back to the list with the same search."""
    form = visit.form
    if product := form.get("add"):
        return await _add(visit, draft, product)
    wrong = _set_quantities(visit, draft)
    if gone := form.get("remove"):
        draft.remove(gone)
    if wrong and not gone:
        return await shown(visit, draft, wrong=wrong)
    if "next" in form and draft.lines:
        return visit.go("/orders/new/review")
    return visit.go("/orders/new/items", **_search(form))


def _search(form: Mapping[str, str]) -> dict[str, str]:
    return {"q": form["q"]} if form.get("q") else {}


async def _add(visit: Visit, draft: Draft, product: str) -> Response:
    """One product more; what it is comes from the gateway, never from the form."""
    found = (await visit.ask("products", "Product", id=product))["product"]
    typed = visit.form.get(f"quantity-{product}") or visit.form.get("quantity", "1")
    visit.notice(_added(visit, draft, found, visit.language.typed(typed)))
    return visit.go("/orders/new/items", **_search(visit.form))


def _added(visit: Visit, draft: Draft, found: Mapping[str, Any] | None, typed: str) -> str:
    """What came of it, in words."""
    if found is None:
        return visit.translate("There is no product with this number.")
    if len(draft.lines) >= MAXIMUM_LINES:
        return visit.translate(TOO_MANY)
    amount = quantity(typed, found["decimals"] or 0)
    if amount is None:
        return visit.translate("That is not a quantity in which this product is sold.")
    draft.add(line_of({**found, "quantity": str(amount)}))
    message: str = visit.translate("%s is on your order.") % found["name"]
    return message


def _set_quantities(visit: Visit, draft: Draft) -> dict[str, str]:
    """Take over the quantities of the form; what was typed where it is none."""
    wrong: dict[str, str] = {}
    for line in draft.lines:
        typed = visit.form.get(f"line-{line.product}")
        asked = visit.language.typed(typed) if typed else str(line.quantity)
        amount = quantity(asked, line.decimals)
        if amount is None:
            wrong[line.product] = typed or ""
        else:
            draft.change(line.product, amount)
    return wrong


async def review(visit: Visit) -> Response:
    """Step 3: everything once more before it counts, with the prices of now."""
    draft = draft_of(visit)
    if not draft.lines:
        return visit.go("/orders/new/items")
    if draft.account is None:
        return visit.go("/orders/new")
    return await reviewed(visit, draft, await _preview(visit, draft))


async def reviewed(visit: Visit, draft: Draft, errors: list[dict[str, Any]]) -> Response:
    own, _ = await choices(visit, draft.account)
    status = 422 if errors and visit.request.method == "POST" else 200
    return visit.render("new_review.html", status=status, draft=draft, own=own, errors=errors)


async def _preview(visit: Visit, draft: Draft) -> list[dict[str, Any]]:
    """Take over today's prices; what stands in the way of the order, if anything."""
    asked = {name: value for name, value in draft.as_input().items() if name != "idempotencyKey"}
    try:
        found = (await visit.ask("wizard", "Preview", input=asked))["previewSalesOrder"]
    except Unavailable:
        visit.is_partial = True
        return []
    prices = {line["product"]["id"]: line["unitPrice"] for line in found["lines"]}
    draft.lines = [priced(line, prices.get(line.product)) for line in draft.lines]
    return list(found["errors"])


async def discard(visit: Visit) -> Response:
    visit.session.draft = None
    visit.notice(visit.translate("The draft is gone. Nothing was ordered."))
    return visit.go("/dashboard")
