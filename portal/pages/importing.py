"""A list of products, pasted or uploaded -> lines of the draft, or what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import MAXIMUM_LINES, Line, quantity
from portal.errors import Unavailable
from portal.pages.draft import draft_of, line_of
from portal.pages.wizard import TOO_MANY, shown
from portal.pasting import listed, showable
from portal.visits import Visit
from portal.words import N_
from spreadsheets.lines import Line as Row
from spreadsheets.problems import Problem, at

NO_PRODUCT: Final = N_("There is no product with this number.")
NOT_SOLD_SO: Final = N_("This is not a quantity in which the product is sold.")
OTHER_UNIT: Final = N_("The product is ordered here by %(unit)s. Write how many of these you want.")
OWN_DAY: Final = N_("A day for one line cannot be chosen here. Choose one for the whole order.")


async def imported(visit: Visit) -> Response:
    """Lines from a spreadsheet: all of them are added, or none and what is wrong is shown."""
    draft = draft_of(visit)
    file = listed(visit.form, visit.language.decimal_mark)
    sheet = file.sheet
    known = await _numbered(
        visit, sorted({line.number or line.item_number for line in sheet.lines})
    )
    lines, more = _lines(visit, sheet.lines, known)
    mistakes = sorted([*sheet.problems, *more], key=lambda mistake: mistake.row)
    if len({line.product for line in (*draft.lines, *lines)}) > MAXIMUM_LINES:
        mistakes.append(Problem(TOO_MANY))
    if mistakes:
        return await shown(visit, draft, mistakes=mistakes, pasted=showable(sheet.text), file=file)
    for line in lines:
        draft.add(line)
    _tell(visit, len(lines), sheet.heading.strangers)
    return visit.go("/orders/new/items")


def _tell(visit: Visit, count: int, strangers: list[str]) -> None:
    """What was taken from a list, and which of its columns were not."""
    added = visit.language.messages.ngettext("%d line was added.", "%d lines were added.", count)
    visit.notice(added % count)
    if strangers:
        unread = ", ".join(name[:50] for name in strangers[:20])
        visit.notice(
            visit.translate("These columns of the list are not part of the order: %s") % unread
        )


async def _numbered(visit: Visit, numbers: list[str]) -> dict[str, dict[str, Any]]:
    """The products with these numbers in any case, in one request; by number in lower case."""
    if not numbers:
        return {}
    pages = {name: numbers[n * 100 : (n + 1) * 100] for n, name in enumerate("abcde")}
    found = await visit.ask("products", "Numbered", **pages)
    if None in found.values():
        raise Unavailable("products")
    nodes = (product for page in found.values() for product in page["nodes"])
    return {product["number"].casefold(): product for product in nodes}


def _lines(
    visit: Visit, rows: Sequence[Row], known: Mapping[str, dict[str, Any]]
) -> tuple[list[Line], list[Problem]]:
    lines, mistakes = [], []
    for row in rows:
        product = known.get((row.number or row.item_number).casefold())
        mistake = _mistake(row, product)
        if product is None or mistake:
            mistakes += [mistake] if mistake else []
        else:
            found = line_of(product | {"quantity": row.quantity})
            lines.append(replace(found, note=row.note))
    return lines, mistakes


def _mistake(row: Row, product: Mapping[str, Any] | None) -> Problem | None:
    """Why a row cannot become a line of the draft."""
    if product is None:
        return at(NO_PRODUCT, row.row, row.number or row.item_number)
    if row.unit.casefold() not in {"", (product["unit"] or "").casefold()}:
        return at(OTHER_UNIT, row.row, row.unit, unit=product["unit"] or "")
    if row.day:
        return at(OWN_DAY, row.row, row.day.isoformat())
    if quantity(f"{row.quantity:f}", product["decimals"] or 0) is None:
        return at(NOT_SOLD_SO, row.row, f"{row.quantity:f}")
    return None
