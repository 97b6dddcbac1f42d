"""
Templates of orders: saved from a draft or an order, and ordered again. A person has templates of
their own for each account, and everybody who may order for an account shares those of the account.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from portal.errors import NotFound, Refused, Unavailable
from portal.keeping import shelf_of
from portal.lending import is_listed, is_member
from portal.pages.draft_at_hand import draft_of
from portal.pages.furnishing import furnished
from portal.pages.items import sheet
from portal.pages.reordering import Original, join_draft, lines_of, takeable
from portal.pages.wizard import one_line
from portal.shelves import (
    NO_DAY,
    TAKEN_NAME,
    KeptLine,
    NotKept,
    OrderTemplate,
    Shelf,
    kept,
    put,
    row_of,
    without,
)
from portal.texts import all_in_language
from portal.visits import Visit

AT_ONCE: Final = 100
"""Products of a request."""
SHOWN: Final = 5
"""Templates that the overview shows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A template and where it is kept."""

    template: OrderTemplate
    owner: str
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that a template is to be made of, and the page that they stand on."""

    lines: tuple[KeptLine, ...]
    original: Original
    left: int = 0
    """Lines that cannot be ordered again."""


async def templates(visit: Visit) -> Response:
    """All that the visitor may order for the account that is picked."""
    found = await all_of(visit, shares=await is_member(visit))
    return visit.render("templates.html", found=found)


async def some_of(visit: Visit) -> Sequence[Found]:
    """The first templates for the overview, which asks the gateway nothing more for them."""
    return (await all_of(visit, shares=is_listed(visit)))[:SHOWN]


async def all_of(visit: Visit, *, shares: bool) -> list[Found]:
    """The visitor's own and, if the visitor `shares` them, those of the account, by name."""
    owners = [(_own(visit), False), *([(_shared(visit), True)] if shares else [])]
    shelves = await asyncio.gather(*(visit.site.shelves.find(owner) for owner, _ in owners))
    found = [
        Found(one.seen_by(visit.shows), owner, shared)
        for (owner, shared), shelf in zip(owners, shelves, strict=True)
        for one in shelf.templates
    ]
    return sorted(found, key=lambda one: one.template.name.casefold())


async def template(visit: Visit) -> Response:
    """The lines of one; its form removes it."""
    found = await _found(visit)
    if visit.request.method == "POST":
        key = found.template.id
        await visit.site.shelves.change(found.owner, lambda shelf: without(shelf, key))
        said = visit.translate("The template %s was removed. No order was changed.")
        visit.notice(said % found.template.name)
        return visit.go("/templates")
    lines = sheet(found.template.lines, visit.query.get("page"))
    names = await _names(visit, sorted({line.product for line in lines.lines}))
    return visit.render("template.html", found=found, sheet=lines, names=names)


async def order(visit: Visit) -> Response:
    """The lines join the draft, with the products as they are sold to the visitor today."""
    draft_of(visit)
    found = (await _found(visit)).template
    products = await _products(visit, sorted({line.product for line in found.lines}))
    rows = [row_of(line, products.get(line.product)) for line in found.lines]
    nobody: dict[str, Any] = {**NO_DAY, "account": None}
    said = visit.translate("The lines of %s were copied to your draft.")
    return await join_draft(
        visit, rows, nobody, Original(f"/templates/{found.id}", found.name), said
    )


async def save(visit: Visit) -> Response:
    """The form that names a template, made of the draft or of an order."""
    made = await _lines(visit)
    member = await is_member(visit)
    if visit.request.method == "GET":
        return _asked(visit, made, is_member=member)
    is_shared = member and visit.form.get("shared") == "yes"
    name = one_line(visit.form.get("name", ""))
    new = OrderTemplate("", name, made.lines, visit.name, visit.language.today())
    replaces = visit.form.get("replace") == "yes"
    owner = _shared(visit) if is_shared else _own(visit)

    def move(shelf: Shelf) -> Shelf:
        return put(shelf, new, replaces=replaces)

    try:
        shelf = await visit.site.shelves.change(owner, move)
    except NotKept as error:
        return _asked(visit, made, str(error), is_member=member)
    stands = shelf.named(name)
    visit.notice(visit.translate("The template %s was saved.") % name)
    return visit.go(f"/templates/{stands.id}" if stands else "/templates")


def _asked(visit: Visit, made: Lines, wrong: str = "", *, is_member: bool) -> Response:
    return visit.render(
        "template_new.html",
        status=422 if wrong else 200,
        made=made,
        is_member=is_member,
        mistakes={"name": wrong} if wrong else {},
        is_taken=wrong == TAKEN_NAME,
        order=visit.query.get("order") or visit.form.get("order", ""),
    )


async def _lines(visit: Visit) -> Lines:
    """The lines of the order that the address names, else of the draft."""
    key = visit.query.get("order") or visit.form.get("order")
    if not key:
        draft = draft_of(visit)
        lines = kept((await furnished(visit, draft)).draft.lines if draft.is_bare else draft.lines)
        return Lines(lines, Original("/orders/new/items", visit.translate("New order")))
    order, rows = await lines_of(visit, key)
    found = [line for line, _ in takeable(visit, rows, order) if line]
    number = visit.translate("Order %(number)s") % {"number": order["number"] or ""}
    return Lines(kept(found), Original(f"/orders/{key}", number), len(rows) - len(found))


async def _found(visit: Visit) -> Found:
    """The template of the address. NotFound for what is not the visitor's, as if it were not."""
    key = visit.path["id"]
    for each in await all_of(visit, shares=await is_member(visit)):
        if each.template.id == key:
            return each
    raise NotFound


async def _products(visit: Visit, ids: list[str]) -> dict[str, Any]:
    """The products by their ids, as the visitor may see them."""
    parts = [ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)]
    answers = await asyncio.gather(
        *(visit.ask("templates", "Templated", ids=part) for part in parts)
    )
    nodes = [node for answer in answers for node in answer["nodes"] or () if node]
    return {one["id"]: one for one in all_in_language(nodes, visit.language.tag)}


async def _names(visit: Visit, ids: list[str]) -> dict[str, str]:
    """The names of products that the visitor may know; none while they cannot be read."""
    try:
        nodes = (await visit.ask("templates", "Named", ids=ids))["nodes"] or ()
    except Refused:
        return {}
    except Unavailable:
        visit.is_partial = True
        return {}
    return {one["id"]: one["name"] for one in all_in_language(nodes, visit.language.tag)}


def _own(visit: Visit) -> str:
    picked = (visit.account or {}).get("id")
    return shelf_of(visit.site.settings.issuer, visit.user.subject, picked)


def _shared(visit: Visit) -> str:
    """The shelf of the account that is picked; only for those who act for it."""
    assert visit.account is not None, "members have an account"  # noqa: S101
    return shelf_of(visit.site.settings.issuer, None, visit.account["id"])
