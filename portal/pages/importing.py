"""A pasted or uploaded list of products -> lines of the draft, or the problems in the list."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import MAXIMUM_LINES, Draft, DraftLine, is_too_long, line_input, priced, quantity
from portal.errors import Overtaken, Unavailable
from portal.own_fields import Mistyped
from portal.pages.draft_at_hand import draft_of, edit, line_of
from portal.pages.items import LONG_NOTE, Trouble, page_of_line, shown
from portal.pages.reordering import NOT_SOLD
from portal.pages.wizard import date_mistake
from portal.pasting import listed, showable
from portal.texts import all_in_language
from portal.visits import Visit
from portal.words import N_, SOLD
from spreadsheets.lines import Line as Row
from spreadsheets.problems import Problem, at

PAGE: Final = 100
"""The most numbers of products that one list of the gateway is asked for."""
SHOWN: Final = 5
"""Products that a sentence names."""
TOO_MANY: Final = N_("At most 500 lines at once.")
NO_PRODUCT: Final = N_("There is no product with this number.")
SEVERAL: Final = N_("Several products have this number. Use one of these: %(numbers)s.")
OTHER_ITEM: Final = N_("This product number belongs to another item.")
TOO_MANY_VARIANTS: Final = N_(
    "The items in this list have too many variants. Use product numbers instead."
)
NOT_SOLD_SO: Final = N_("This product is not sold in this quantity.")
NOT_OF_FIELD: Final = N_("“%(cell)s” does not fit the column “%(field)s”.")
OTHER_UNIT: Final = N_("This item is not sold in this unit. Available units: %(units)s.")

Product = Mapping[str, Any]
"""A product of the gateway."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The products with a number."""

    products: tuple[Product, ...] = ()
    are_all: bool = True


Listed = Mapping[str, Candidates]
"""Products by their number in lower case."""


@dataclass(frozen=True, slots=True)
class Named:
    """The products that a list names."""

    by_number: Listed
    by_item: Listed
    by_own: Listed
    """Products by the buyer's own numbers, where a column has them or no product has the number."""

    def of(self, row: Row) -> Candidates:
        if row.number and (found := self.by_number.get(row.number.casefold())):
            return found
        own = row.number or row.customer_item_number
        listed, number = (self.by_own, own) if own else (self.by_item, row.item_number)
        return listed.get(number.casefold(), Candidates())


def number_of(row: Row) -> str:
    """The number by which a row names its product."""
    return row.number or row.customer_item_number or row.item_number


async def imported(visit: Visit) -> Response:
    """Lines from a spreadsheet: all of them are added, or none and what is wrong is shown."""
    if visit.request.method == "GET":
        return visit.go("/orders/new/items")
    draft = draft_of(visit)
    own = [each.name for each in visit.site.own.line_fields if each.in_new]
    file = listed(visit.form, visit.language.decimal_mark, own)
    sheet = file.sheet
    named = await _named(visit, sheet.lines)
    found, more = _lines(visit, sheet.lines, named)
    units, lines = await _in_other_units(visit, draft, found)
    mistakes = sorted([*sheet.problems, *more, *units], key=lambda mistake: mistake.row)
    if len(draft.extend(lines).lines) > MAXIMUM_LINES:
        mistakes.append(Problem(TOO_MANY))
    if mistakes:
        return await shown(visit, Trouble({}, mistakes, showable(sheet.text), file))
    draft = await edit(visit, lambda draft: _with_all(draft, lines))
    wrong = [place for place, line in enumerate(draft.lines) if line.objection(line.quantity)]
    _tell(visit, lines, sheet.heading.strangers, is_wrong=bool(wrong))
    at = f"?page={page_of_line(wrong[0])}#line-{draft.lines[wrong[0]].id}" if wrong else ""
    return visit.go(f"/orders/new/items{at}")


def _with_all(draft: Draft, lines: list[DraftLine]) -> Draft:
    longer = draft.extend(lines)
    if len(longer.lines) > MAXIMUM_LINES:
        raise Overtaken
    return longer


def _tell(visit: Visit, lines: list[DraftLine], strangers: list[str], *, is_wrong: bool) -> None:
    """
    Show messages: the lines that were added from a list, a line that is not sold in its quantity,
    and the columns that were ignored.
    """
    added = visit.language.messages.ngettext(
        "%d line was added.", "%d lines were added.", len(lines)
    )
    visit.notice(added % len(lines))
    if is_wrong:
        visit.warn(
            visit.translate("Some items are not sold in the quantity you entered: see below.")
        )
    if strangers:
        unread = ", ".join(name[:50] for name in strangers[:20])
        visit.notice(
            visit.translate("These columns of the list are not part of the order: %s") % unread
        )


async def _named(visit: Visit, rows: Sequence[Row]) -> Named:
    """The products that rows name: by a number of their own, the buyer's, or that of their item."""
    numbers = {row.number or row.customer_item_number for row in rows}
    items = {row.item_number for row in rows if not (row.number or row.customer_item_number)}
    numbered, by_item = await asyncio.gather(
        _asked(visit, "Numbered", numbers, own=visit.has("CustomerItem")),
        _asked(visit, "Items", items),
    )
    by_number = _listed(visit, numbered, numbers, "number")
    return Named(
        {key: found for key, found in by_number.items() if found.products or not found.are_all},
        _listed(visit, by_item, items, "itemNumber"),
        _listed(visit, numbered, numbers, "customerItemNumber", "own"),
    )


def _pages(wanted: set[str]) -> dict[str, list[str]]:
    """The numbers as the operations take them."""
    numbers = sorted(filter(None, wanted))
    return {name: numbers[n * PAGE : (n + 1) * PAGE] for n, name in enumerate("abcde")}


async def _asked(
    visit: Visit, operation: str, wanted: set[str], **more: Any
) -> Mapping[str, Any] | None:
    """The products with these numbers in any case, in one request; None where none is asked."""
    if not any(wanted):
        return None
    return await visit.ask("wizard", operation, **_pages(wanted), **more)


def _listed(
    visit: Visit, found: Mapping[str, Any] | None, wanted: set[str], member: str, prefix: str = ""
) -> Listed:
    """The products of an answer by number in lower case."""
    listed: dict[str, Candidates] = {}
    for name, numbers in _pages(wanted).items():
        alias = f"{prefix}{name.upper()}" if prefix else name
        if found is None or (prefix and alias not in found):
            continue
        if (page := found[alias]) is None:
            raise Unavailable("products")
        are_all = not page["pageInfo"]["hasNextPage"]
        nodes = all_in_language(page["nodes"], visit.language.tag)
        for number in numbers:
            alike = (each for each in nodes if _is(each[member], number))
            listed[number.casefold()] = Candidates(tuple(alike), are_all)
    return listed


def _is(said: str | None, number: str) -> bool:
    return (said or "").casefold() == number.casefold()


def _lines(
    visit: Visit, rows: Sequence[Row], named: Named
) -> tuple[dict[int, DraftLine], list[Problem]]:
    """The lines by the numbers of their rows, and what is wrong with the other rows."""
    lines, mistakes = dict[int, DraftLine](), []
    for row in rows:
        product = _meant(row, named.of(row))
        if isinstance(product, Problem):
            mistakes.append(product)
            continue
        if mistake := _mistake(row, product, visit.language.today()):
            mistakes.append(mistake)
            continue
        own = _own(visit, row)
        if isinstance(own, Problem):
            mistakes.append(own)
            continue
        line = line_of(
            product,
            row.quantity,
            unit=None if _is_own(row.unit, product) else row.unit,
            note=row.note,
            ships=row.day,
        )
        lines[row.row] = replace(line, own=own)
    return lines, mistakes


def _own(visit: Visit, row: Row) -> dict[str, Any] | Problem:
    """The values of a row for the fields that extensions of the gateway add to lines."""
    said: dict[str, Any] = {}
    for field in visit.site.own.line_fields:
        cell = row.further.get(field.name, "")
        if not cell.strip():
            continue
        try:
            said[field.name] = field.read_cell(cell, visit.language)
        except Mistyped:
            return at(NOT_OF_FIELD, row.row, cell, field=visit.language.label(field.doc))
    return said


def _is_own(unit: str, product: Mapping[str, Any]) -> bool:
    return unit.casefold() in {"", (product["unit"] or "").casefold()}


def _meant(row: Row, found: Candidates) -> Product | Problem:
    """The one product that a row names, or why there is none."""
    number = number_of(row)
    if not found.are_all:
        return at(TOO_MANY_VARIANTS, row.row, number)
    if not found.products:
        return at(NO_PRODUCT, row.row, number)
    first, *others = found.products
    if others:
        names = ", ".join(str(product["number"]) for product in found.products[:SHOWN])
        return at(SEVERAL, row.row, number, numbers=names)
    if row.item_number and row.item_number.casefold() != (first["itemNumber"] or "").casefold():
        return at(OTHER_ITEM, row.row, row.item_number)
    return first


def _mistake(row: Row, product: Product, today: date) -> Problem | None:
    """The reason for which a row with a known product cannot become a line of the draft."""
    if product["state"] not in (None, *SOLD):
        return at(NOT_SOLD, row.row, number_of(row))
    if is_too_long(row.note):
        return at(LONG_NOTE, row.row, row.note[:40])
    if row.day and (mistake := date_mistake(row.day.isoformat(), today)):
        return at(mistake, row.row, row.day.isoformat())
    if quantity(f"{row.quantity:f}", product["decimals"] or 0) is None:
        return at(NOT_SOLD_SO, row.row, f"{row.quantity:f}")
    return None


async def _in_other_units(
    visit: Visit, draft: Draft, lines: Mapping[int, DraftLine]
) -> tuple[list[Problem], list[DraftLine]]:
    """Rows with a unit in which their product is not sold, and all lines with what these cost."""
    others = {row: line for row, line in lines.items() if line.own_unit is not None}
    if not others or draft.account is None:
        return [], [*lines.values()]
    asked = {"account": draft.account, "lines": [line_input(line) for line in others.values()]}
    found = (await visit.ask("wizard", "Preview", input=asked))["previewSalesOrder"]
    if found is None:
        raise Unavailable("units")
    rows = [*others]
    mistakes = [
        at(OTHER_UNIT, row, others[row].unit, units=", ".join(error["units"]))
        for error in found["errors"]
        if error["code"] == "UNKNOWN_UNIT"
        for row in [rows[int(error["path"][error["path"].index("lines") + 1])]]
    ]
    prices = dict(zip(rows, (line["unitPrice"] for line in found["lines"]), strict=False))
    return mistakes, [priced(line, prices.get(row)) for row, line in lines.items()]
