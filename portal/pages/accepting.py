"""
A quote that is accepted: a page that asks when, where to and under which number, and the order that
comes of it. Sent twice it is one order, which the gateway sees to.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import Destination, Draft
from portal.errors import NotFound, PortalError
from portal.figures import figures
from portal.lists import day, page_of
from portal.own_fields import read_form
from portal.pages.addresses import choices, destination
from portal.pages.placing import UNSURE
from portal.pages.quotes import LINES, is_open
from portal.pages.wizard import check, entered, one_line
from portal.visits import Visit
from portal.words import N_

PENDING: Final[Mapping[str, Any]] = {"status": "PENDING", "order": None, "errors": ()}
GONE: Final = N_("This address is no longer available. Please choose another one.")
UNKNOWN: Final = N_("We cannot confirm this yet. Please check again soon.")
ACCEPTED: Final = N_("Thank you. You accepted the quote, and this is its order.")


async def accept(visit: Visit) -> Response:
    """The form; what is sent twice is answered by the order that the first time made."""
    quote = await _quote(visit)
    draft = Draft(account=quote["account"]["id"])
    if visit.request.method == "GET":
        if not is_open(visit, quote):
            return visit.go(f"/quotes/{quote['id']}")
        return await _asked(visit, quote, {}, {})
    new = [each for each in visit.site.own.fields if each.in_new]
    own, wrong = read_form(new, visit.form, visit.language)
    mistakes = check(visit.form, draft, visit.language.today()) | wrong
    goes_to = None if mistakes else await destination(visit, draft.account)
    if goes_to is None:
        return await _asked(visit, quote, visit.form, mistakes or {"ship_to": GONE})
    answer = await _sent(visit, _input(visit, goes_to, own))
    if answer["errors"]:
        return await _asked(visit, quote, visit.form, {}, answer["errors"])
    return _done(visit, answer)


async def _quote(visit: Visit) -> dict[str, Any]:
    page = page_of(visit.query, LINES)
    found = (await visit.ask("accepting", "Accepting", id=visit.path["id"], **page))["quote"]
    if found is None or found["account"] is None:
        raise NotFound
    quote: dict[str, Any] = found
    return quote


async def _asked(
    visit: Visit,
    quote: Mapping[str, Any],
    fields: Mapping[str, str],
    mistakes: Mapping[str, str],
    errors: Sequence[Mapping[str, Any]] = (),
) -> Response:
    own, others = await choices(visit, quote["account"]["id"])
    return visit.render(
        "quote_accept.html",
        status=422 if mistakes or errors else 200,
        quote=quote,
        figures=figures(quote),
        fields={**entered(visit, Draft()), **fields},
        mistakes=mistakes,
        errors=errors,
        own=own,
        others=others,
        today=visit.language.today().isoformat(),
    )


def _input(visit: Visit, goes_to: Destination, own: Mapping[str, Any]) -> dict[str, Any]:
    """The `AcceptQuoteInput` of the gateway."""
    form, wanted = visit.form, day(visit.form.get("receipt_date"))
    return {
        "quote": visit.path["id"],
        "version": form.get("version", ""),
        **goes_to.as_input(),
        "requestedReceiptDate": wanted and wanted.isoformat(),
        "customerReference": one_line(form.get("reference", "")) or None,
        "requisitionNumber": one_line(form.get("requisition", "")) or None,
        **own,
    }


async def _sent(visit: Visit, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer; one that did not come is as good as pending: the quote itself will tell."""
    try:
        found = await visit.ask("accepting", "Accept", input=values)
    except PortalError as error:
        if error.kind not in UNSURE:
            raise
        return PENDING
    answer: Mapping[str, Any] = found["accepted"]
    return answer


def _done(visit: Visit, answer: Mapping[str, Any]) -> Response:
    if answer["order"] is None:
        visit.warn(visit.translate(UNKNOWN))
        return visit.go(f"/quotes/{visit.path['id']}")
    visit.notice(visit.translate(ACCEPTED))
    return visit.go(f"/orders/{answer['order']['id']}")
