"""
Changing and cancelling an order, never over somebody else's change: forms have its version. All of
a form is saved by one button. The gateway takes one change at a time; each names the version that
the one before it left.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from portal import edits
from portal.edits import Change
from portal.errors import NotFound, PortalError
from portal.lists import page_of
from portal.pages.placing import UNSURE
from portal.pages.quick import numbered
from portal.visits import Visit
from portal.words import CHANGEABLE, LINE_OPEN, N_

LINES: Final = 50
"""Lines of an order that a page shows; the others' edits wait in it, unseen."""
UNKNOWN: Final = N_("There is no product with this number.")
SEVERAL: Final = N_("Several products have this number. Use the full number of the one you mean.")
NOT_TAKEN: Final = N_("This could not be changed. Please call us.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a form: the changes that were made, and the reason why the rest was not."""

    done: int = 0
    stopped: str = ""
    """The field at which it stopped."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    mistakes: dict[str, str] = field(default_factory=dict)
    is_unsure: bool = False


async def change(visit: Visit) -> Response:
    """One form for everything; its other pages of lines are seen without losing what is typed."""
    if visit.request.method == "GET":
        return await _shown(visit, {}, page_of(visit.query, LINES), Outcome())
    typed, page = edits.edited(visit.form), page_of(visit.query, LINES)
    own = visit.site.own
    if "before" in visit.form or "after" in visit.form:
        return await _shown(visit, typed, page_of(visit.form, LINES), Outcome())
    if wrong := edits.mistakes(typed, visit.language, own.fields, own.line_fields):
        return await _shown(visit, typed, page, Outcome(mistakes=wrong))
    added = await numbered(visit, typed["number"].strip()) if typed.get("number") else ()
    if typed.get("number") and len(added) != 1:
        wrong = {"number": SEVERAL if added else UNKNOWN}
        return await _shown(visit, typed, page, Outcome(mistakes=wrong))
    asked = edits.changes(
        typed,
        visit.language,
        visit.form.get("key", ""),
        own.fields,
        own.line_fields,
        added[0]["id"] if added else None,
    )
    outcome = await _made(visit, asked)
    if outcome.done < len(asked):
        left = edits.remaining(typed, asked[: outcome.done], own.line_fields)
        return await _shown(visit, left, page, outcome)
    said = N_("Your changes have been saved.") if asked else N_("Nothing was changed.")
    visit.notice(visit.translate(said))
    return visit.go(visit.here)


async def cancel(visit: Visit) -> Response:
    """A page that asks first, as there is no way back."""
    if visit.request.method == "GET":
        order = await _order(visit, page_of({}, 1))
        is_open = order["status"] in CHANGEABLE
        return visit.render("order_cancel.html", order=order, is_open=is_open)
    outcome = await _made(visit, [Change("Cancel", "", {})])
    if outcome.errors:
        return await _shown(visit, {}, page_of({}, LINES), outcome)
    said = _UNSURE if outcome.is_unsure else N_("Your order has been cancelled.")
    visit.notice(visit.translate(said))
    return visit.go(f"/orders/{visit.path['id']}")


_UNSURE: Final = N_("We cannot confirm this yet. Please check again soon.")


async def _order(visit: Visit, page: Mapping[str, Any]) -> dict[str, Any]:
    found = await visit.ask("changing", "Changeable", id=visit.path["id"], **page)
    if found["order"] is None:
        raise NotFound
    order: dict[str, Any] = found["order"]
    return order


async def _shown(
    visit: Visit, typed: Mapping[str, str], page: Mapping[str, Any], outcome: Outcome
) -> Response:
    """The current order and version, with the visitor's entries on top."""
    order = await _order(visit, page)
    here = {line["id"] for line in order["lines"]["nodes"]}
    return visit.render(
        "order_change.html",
        status=202 if outcome.is_unsure else 422 if outcome.errors or outcome.mistakes else 200,
        order=order,
        outcome=outcome,
        mistakes=outcome.mistakes,
        typed=typed,
        elsewhere=_elsewhere(visit, typed, here),
        where=urlencode({name: page[name] for name in ("before", "after") if page.get(name)}),
        key=(visit.form.get("key") if "number" in typed else None) or str(uuid.uuid4()),
        is_open=order["status"] in CHANGEABLE,
        line_open=LINE_OPEN,
        today=visit.language.today().isoformat(),
    )


def _elsewhere(visit: Visit, typed: Mapping[str, str], here: set[str]) -> dict[str, str]:
    """The fields that keep what was typed for lines of other pages."""
    form, own = visit.form, visit.site.own.line_fields
    names = [name for name in typed if edits.line_of(name, own) not in {"", *here}]
    kept = {name: typed[name] for name in names}
    was = {edits.WAS + name: form.get(edits.WAS + name) for name in names}
    return kept | {name: value for name, value in was.items() if value is not None}


async def _made(visit: Visit, asked: list[Change]) -> Outcome:
    """Send the changes one after the other, until one is refused or its outcome is unknown."""
    version = visit.form.get("version", "")
    for done, one in enumerate(asked):
        values = {"order": visit.path["id"], "version": version, **one.values}
        answer = await _sent(visit, one.operation, values)
        if answer["errors"]:
            return Outcome(done, one.field, errors=answer["errors"])
        order = answer["order"]
        if answer["status"] == "PENDING" or (order is None and one is not asked[-1]):
            return Outcome(done, one.field, is_unsure=True)
        if missed := edits.unmet(one, order, visit.site.own.fields):
            return Outcome(done, one.field, mistakes=dict.fromkeys(missed, NOT_TAKEN))
        version = order["version"] if order else ""
    return Outcome(len(asked))


async def _sent(visit: Visit, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The answer; one that did not come is as good as pending: the order itself will tell."""
    try:
        found = await visit.ask("changing", operation, input=values)
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        return {"status": "PENDING", "order": None, "errors": []}
    answer: dict[str, Any] = found["change"]
    return answer
