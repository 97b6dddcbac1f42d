"""The first step of a new order: for which account, where to, when; and discarding the draft."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from starlette.responses import Response

from portal.countries import is_known
from portal.desks import State, current, discarded, restored, settled
from portal.drafts import LENGTHS, TOO_LONG, Destination, Draft, is_too_long
from portal.errors import Overtaken
from portal.lists import day
from portal.own_fields import read_form
from portal.pages.addresses import OTHER, PARTS, choices, destination, with_chosen
from portal.pages.draft_at_hand import act_for, catch_up, draft_of, edit, save
from portal.visits import Visit
from portal.words import N_


async def information(visit: Visit) -> Response:
    """For which account, where to, when, and under which of the customer's numbers."""
    if visit.request.method == "POST":
        return await _inform(visit)
    return await _information(visit, entered(visit, draft_of(visit)), {})


def entered(visit: Visit, draft: Draft) -> dict[str, str]:
    """The fields of the form as the draft has them."""
    fields = {
        "account": draft.account or "",
        "receipt_date": draft.receipt_date.isoformat() if draft.receipt_date else "",
        "reference": draft.reference,
        "requisition": draft.requisition,
        "ship_to": draft.destination.choice,
    }
    for each in visit.site.own.fields:
        fields[each.field] = each.typed(draft.own.get(each.name), visit.language)
    typed = draft.destination.parts if draft.destination.choice == OTHER else {}
    return fields | {name: typed.get(name, "") for name in PARTS}


async def _information(
    visit: Visit, fields: Mapping[str, str], mistakes: Mapping[str, str]
) -> Response:
    draft = draft_of(visit)
    own, others = await choices(visit, draft.account)
    return visit.render(
        "new_information.html",
        status=422 if mistakes else 200,
        draft=draft,
        fields=fields,
        mistakes=mistakes,
        own=own,
        others=with_chosen(others, draft.destination),
        today=visit.language.today().isoformat(),
    )


async def _inform(visit: Visit) -> Response:
    form = visit.form
    picked = next((one for one in visit.accounts if one["id"] == form.get("account")), None)
    is_moved = picked is not None and visit.account is None
    if picked and is_moved:
        current(visit.desk, form.get("draft", ""), form.get("seen"))
        if not await act_for(visit, picked):
            said = visit.translate("You already had a draft for %s. It is shown here.")
            visit.warn(said % picked["name"])
            return visit.go("/orders/new")
        form = visit.form = {name: form[name] for name in form if name not in ("draft", "seen")}
    draft = draft_of(visit)
    new = [each for each in visit.site.own.fields if each.in_new]
    own, wrong = read_form(new, form, visit.language)
    mistakes = check(form, draft, visit.language.today()) | wrong
    goes_to = None if mistakes else await destination(visit, draft.account, draft.destination)
    if goes_to is None:
        mistakes = mistakes or {
            "ship_to": N_("This address is no longer available. Please choose another one.")
        }
        return await _information(visit, {**entered(visit, draft), **form}, mistakes)
    store = edit if is_moved else save
    try:
        await store(visit, lambda draft: _informed(draft, form, goes_to, own))
    except Overtaken:
        visit.warn(await catch_up(visit))
        return await _information(visit, {**entered(visit, draft), **form}, {})
    return visit.go("/orders/new/items")


def _informed(
    draft: Draft, form: Mapping[str, str], goes_to: Destination, own: Mapping[str, Any]
) -> Draft:
    return replace(
        draft,
        receipt_date=day(form.get("receipt_date")),
        reference=_short(form, "reference"),
        requisition=_short(form, "requisition"),
        destination=goes_to,
        own=own,
        informed=True,
    )


def _short(form: Mapping[str, str], name: str) -> str:
    """One line, without what no keyboard types."""
    return one_line(form.get(name, ""))


def one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


def check(form: Mapping[str, str], draft: Draft, today: date) -> dict[str, str]:
    """The mistakes in the first step, by field."""
    wanted = form.get("receipt_date", "")
    found = {
        "account": draft.account is None and N_("Choose the account you are ordering for."),
        "receipt_date": wanted and date_mistake(wanted, today),
    }
    texts = {"reference", "requisition"}
    found |= {name: TOO_LONG for name in texts if is_too_long(_short(form, name), LENGTHS[name])}
    if form.get("ship_to") == OTHER:
        found |= address_mistakes(form, known=draft.destination.parts.get("country"))
    return {
        name: message for name, message in found.items() if isinstance(message, str) and message
    }


def address_mistakes(
    form: Mapping[str, str], *, known: str | None = None, needs_country: bool = False
) -> dict[str, str]:
    """The mistakes in an address that is typed; a country that is `known` is not judged."""
    country = _short(form, "country")
    is_unknown = country and not is_known(country) and country != known
    found = {
        "street": not _short(form, "street") and N_("Enter the street."),
        "city": not _short(form, "city") and N_("Enter the city."),
        "country": (is_unknown or (needs_country and not country))
        and N_("Choose a country from the list."),
        **{name: TOO_LONG for name in PARTS if _is_long(form, name)},
    }
    return {name: message for name, message in found.items() if isinstance(message, str)}


def _is_long(form: Mapping[str, str], name: str) -> bool:
    return name in LENGTHS and is_too_long(_short(form, name), LENGTHS[name])


def date_mistake(text: str, today: date) -> str | None:
    """The mistake in a day on which something is wanted."""
    found = day(text)
    if found is None:
        return N_("Enter a date such as 2026-12-31.")
    return N_("This day has passed.") if found < today else None


async def discard(visit: Visit) -> Response:
    """A page that asks first; afterwards the same page takes it back."""
    if visit.loan and "undo" not in visit.form:
        return visit.go("/drafts")  # its owner alone discards it
    if visit.request.method == "GET":
        return visit.render("new_discard.html", draft=settled(visit.desk).draft)
    desks, key = visit.site.desks, visit.form.get("draft", "")
    if "undo" in visit.form:
        visit.session.loan = None
        desk = await desks.change(visit.own, restored)
        if desk.state is State.EDITING:
            visit.notice(visit.translate("Your draft has been restored."))
            return visit.go("/orders/new/items")
        return visit.go("/orders/new")
    await desks.change(visit.own, lambda desk: discarded(current(desk, key)))
    return visit.go("/orders/new/discard")
