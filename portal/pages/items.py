"""The second step of a new order: find products, paste lists, set quantities and notes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from starlette.responses import Response

from portal.drafts import Draft, DraftLine, Objection, is_too_long, quantity
from portal.edits import as_shown
from portal.errors import NotFound, Overtaken, Unavailable
from portal.lists import day
from portal.own_fields import Mistyped
from portal.pages.adding import NO_QUANTITY, add, buyable
from portal.pages.draft_at_hand import catch_up, draft_of, save
from portal.pages.furnishing import Furnished, furnished
from portal.pages.products import search
from portal.pages.quick import empty_rows
from portal.pages.wizard import date_mistake, one_line
from portal.visits import Visit
from portal.words import N_
from spreadsheets.files import File
from spreadsheets.problems import Problem

FOUND: Final = 8
"""Products that a search shows at once."""
LONG_NOTE: Final = N_("A note has at most 255 characters.")
PAGE: Final = 50
"""Lines that are shown at once: a page stays small, and the stock of its products one request."""


Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class ItemsPage(Generic[Line]):
    """The lines of a draft or a template that one page shows."""

    lines: Sequence[Line]
    page: int
    pages: int
    first: int
    """The place of the first of them among all, from 1."""


def sheet(lines: Sequence[Line], page: str | None, size: int = PAGE) -> ItemsPage[Line]:
    """One page of the lines: the one that is asked for, as far as there is one."""
    pages = max(1, -(-len(lines) // size))
    wanted = int(page) if page and page.isascii() and page.isdecimal() and len(page) < 4 else 1
    at = min(max(wanted, 1), pages)
    start = (at - 1) * size
    return ItemsPage(lines[start : start + size], at, pages, start + 1)


def page_of_line(place: int) -> int:
    """The page on which the line at that place of a draft is."""
    return place // PAGE + 1


@dataclass(frozen=True, slots=True)
class Trouble:
    """The problems of what was typed or pasted, which is shown again."""

    wrong: Mapping[int, Objection] = field(default_factory=dict)
    mistakes: Sequence[Problem] = ()
    pasted: str = ""
    file: File | None = None


async def items(visit: Visit) -> Response:
    if visit.request.method == "POST":
        return await _change(visit)
    draft = draft_of(visit)
    if not draft.informed and draft.account is None:
        return visit.go("/orders/new")
    return await shown(visit)


async def shown(visit: Visit, trouble: Trouble | None = None) -> Response:
    """Render the second step: the part that htmx asks for, or the whole page."""
    draft = draft_of(visit)
    lines = sheet(draft.lines, visit.form.get("page") or visit.query.get("page"))
    if visit.is_fragment:
        found = await search(visit, FOUND)
        return visit.render("new_found.html", draft=draft, found=found, query=visit.query)
    found, known = await asyncio.gather(_found(visit), _known(visit, draft, lines.lines))
    lines = sheet(known.draft.lines, str(lines.page))
    return visit.render(
        "new_items.html",
        status=422 if trouble else 200,
        draft=known.draft,
        sheet=lines,
        found=found,
        facts=known.stock,
        query=visit.query,
        typed=visit.form if trouble else {},
        trouble=trouble or Trouble(),
        today=visit.language.today(),
        quick=empty_rows(),
        last=visit.desk.placed[-1] if visit.desk.placed else None,
    )


async def _found(visit: Visit) -> dict[str, Any] | None:
    return await search(visit, FOUND) if visit.query.get("q") else None


async def _known(visit: Visit, draft: Draft, lines: Sequence[DraftLine]) -> Furnished:
    """The draft as the visitor may know it, with the stock of these lines of it."""
    if draft.is_bare:
        return await furnished(visit, draft, shown=[line.product for line in lines])
    return Furnished(draft, await _facts(visit, lines))


async def _facts(visit: Visit, lines: Sequence[DraftLine]) -> dict[str, dict[str, Any]]:
    """The stock by product; empty while it cannot be read."""
    if not lines:
        return {}
    try:
        wanted = sorted({line.product for line in lines})
        found = (await visit.ask("wizard", "Facts", ids=wanted))["nodes"] or ()
    except Unavailable:
        visit.is_partial = True
        return {}
    return {each["id"]: each for each in found if each}


async def _change(visit: Visit) -> Response:
    """Add, set or remove; then back to the list with the same search."""
    if product := visit.form.get("add"):
        return await _add(visit, product)
    draft, wrong = draft_of(visit), {}
    draft = (await furnished(visit, draft)).draft if draft.is_bare else draft
    typed = {line.id: _typed(visit, line) for line in draft.lines}
    good = [found for found in typed.values() if isinstance(found, DraftLine)]
    try:
        draft = await save(visit, lambda draft: _taken(draft, good, visit.form.get("remove", "")))
    except Overtaken:
        visit.warn(await catch_up(visit))
        return await shown(visit, Trouble())
    wrong = {
        key: found
        for key, found in typed.items()
        if not isinstance(found, DraftLine) and draft.line(key)
    }
    if wrong:
        return await shown(visit, Trouble(wrong=wrong))
    if "next" in visit.form and draft.lines:
        return visit.go("/orders/new/review")
    return visit.go(_items(visit.form))


def _items(form: Mapping[str, str], at: str = "") -> str:
    """The second step with the same search and page, scrolled to `at`."""
    query = {"q": form.get("q"), "page": form.get("to") or form.get("page")}
    query = {name: value for name, value in query.items() if value}
    return "/orders/new/items" + (f"?{urlencode(query)}" if query else "") + at


def _typed(visit: Visit, line: DraftLine) -> DraftLine | Objection:
    """The line as the form has it, if the page showed it; or what is wrong with that."""
    form, name = visit.form, f"line-{line.id}"
    asked = visit.language.typed(form[name]) if form.get(name) else str(line.quantity)
    amount = quantity(asked, line.decimals)
    if amount is None:
        return NO_QUANTITY
    if name in form and (objection := line.objection(amount)):
        return objection
    said = form.get(f"note-{line.id}", line.note)
    # A field shows a note without its line breaks: where nothing was typed, it stays as it is.
    note = line.note if as_shown(said) == as_shown(line.note) else one_line(said)
    if is_too_long(note):
        return _said(visit, LONG_NOTE)
    wanted = form.get(f"ships-{line.id}")
    if wanted and (mistake := date_mistake(wanted, visit.language.today())):
        return _said(visit, mistake)
    ships = line.ships if wanted is None else day(wanted)
    own, wrong = _own(visit, line)
    if wrong:
        return _said(visit, wrong)
    return replace(line, quantity=amount, note=note, ships=ships, own=own)


def _own(visit: Visit, line: DraftLine) -> tuple[dict[str, Any], str]:
    """The values of the fields of extensions as the form has them, and the first mistake."""
    own = dict(line.own)
    for one in visit.site.own.line_fields:
        text = visit.form.get(f"{one.field}-{line.id}")
        if text is None or not one.in_new:
            continue
        try:
            value = one.read(text, visit.language)
        except Mistyped as error:
            said = f"{visit.language.label(one.doc)}: {visit.translate(str(error))}"
            return own, said
        own.pop(one.name, None)
        own |= {} if value is None else {one.name: value}
    return own, ""


def _said(visit: Visit, message: str) -> Objection:
    return {"code": "INVALID_INPUT", "message": visit.translate(message), "path": ()}


def _taken(draft: Draft, lines: list[DraftLine], gone: str) -> Draft:
    """The requested lines, without the line that is removed."""
    by_id = {line.id: line for line in lines}
    kept = (by_id.get(line.id, line) for line in draft.lines if str(line.id) != gone)
    return replace(draft, lines=tuple(kept))


async def _add(visit: Visit, key: str) -> Response:
    """One product more; then back to the search that it was found by."""
    typed = visit.form.get(f"quantity-{key}") or visit.form.get("quantity", "1")
    try:
        product = await buyable(visit, key)
    except NotFound:
        visit.warn(visit.translate("There is no product with this number."))
    else:
        if wrong := await add(visit, product, typed):
            visit.warn(f"{product['name'] or product['number']}: {visit.refusal(wrong)}")
    return visit.go(_items(visit.form, "#q"))
