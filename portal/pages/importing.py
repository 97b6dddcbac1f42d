"""A list of products, pasted or uploaded -> lines of the draft, or what is wrong with it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import MAXIMUM_LINES, Draft, Line, is_too_long, line_input, priced, quantity
from portal.errors import Overtaken, Unavailable
from portal.pages.draft import draft_of, edit, line_of
from portal.pages.items import LONG_NOTE, Trouble, shown
from portal.pages.reordering import NOT_SOLD
from portal.pages.wizard import date_mistake, one_line
from portal.pasting import listed, showable
from portal.visits import Visit
from portal.words import N_
from spreadsheets.lines import Line as Row
from spreadsheets.problems import Problem, at

TOO_MANY: Final = N_("At most 500 lines at once.")
NO_PRODUCT: Final = N_("There is no product with this number.")
NOT_SOLD_SO: Final = N_("This is not a quantity in which the product is sold.")
OTHER_UNIT: Final = N_("It is not sold in this unit. Possible are: %(units)s.")


async def imported(visit: Visit) -> Response:
    """Lines from a spreadsheet: all of them are added, or none and what is wrong is shown."""
    if visit.request.method == "GET":
        return visit.go("/orders/new/items")
    draft = draft_of(visit)
    file = listed(visit.form, visit.language.decimal_mark)
    sheet = file.sheet
    known = await _numbered(
        visit, sorted({line.number or line.item_number for line in sheet.lines})
    )
    found, more = _lines(visit, sheet.lines, known)
    units, lines = await _in_other_units(visit, draft, found)
    mistakes = sorted([*sheet.problems, *more, *units], key=lambda mistake: mistake.row)
    if len(draft.extend(lines).lines) > MAXIMUM_LINES:
        mistakes.append(Problem(TOO_MANY))
    if mistakes:
        return await shown(visit, Trouble({}, mistakes, showable(sheet.text), file))
    await edit(visit, lambda draft: _with_all(draft, lines))
    _tell(visit, lines, sheet.heading.strangers)
    return visit.go("/orders/new/items")


def _with_all(draft: Draft, lines: list[Line]) -> Draft:
    longer = draft.extend(lines)
    if len(longer.lines) > MAXIMUM_LINES:
        raise Overtaken
    return longer


def _tell(visit: Visit, lines: list[Line], strangers: list[str]) -> None:
    """What was taken from a list, and which of its columns were not."""
    added = visit.language.messages.ngettext(
        "%d line was added.", "%d lines were added.", len(lines)
    )
    visit.notice(added % len(lines))
    if any(line.objection(line.quantity) for line in lines):
        visit.warn(visit.translate("Some of them are not sold in that quantity: see below."))
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
    found = await visit.ask("wizard", "Numbered", **pages)
    if None in found.values():
        raise Unavailable("products")
    nodes = (product for page in found.values() for product in page["nodes"])
    return {product["number"].casefold(): product for product in nodes}


def _lines(
    visit: Visit, rows: Sequence[Row], known: Mapping[str, dict[str, Any]]
) -> tuple[dict[int, Line], list[Problem]]:
    """The lines by the numbers of their rows, and what is wrong with the other rows."""
    lines, mistakes = dict[int, Line](), []
    for row in rows:
        product = known.get((row.number or row.item_number).casefold())
        mistake = _mistake(row, product, visit.language.today())
        if product is None or mistake:
            mistakes += [mistake] if mistake else []
            continue
        lines[row.row] = line_of(
            product,
            row.quantity,
            unit=None if _is_own(row.unit, product) else row.unit,
            note=one_line(row.note),
            ships=row.day,
        )
    return lines, mistakes


def _is_own(unit: str, product: Mapping[str, Any]) -> bool:
    return unit.casefold() in {"", (product["unit"] or "").casefold()}


def _mistake(row: Row, product: Mapping[str, Any] | None, today: date) -> Problem | None:
    """Why a row cannot become a line of the draft."""
    if product is None:
        return at(NO_PRODUCT, row.row, row.number or row.item_number)
    if product["state"] not in (None, "ACTIVE"):
        return at(NOT_SOLD, row.row, row.number or row.item_number)
    if is_too_long(one_line(row.note)):
        return at(LONG_NOTE, row.row, row.note[:40])
    if row.day and (mistake := date_mistake(row.day.isoformat(), today)):
        return at(mistake, row.row, row.day.isoformat())
    if quantity(f"{row.quantity:f}", product["decimals"] or 0) is None:
        return at(NOT_SOLD_SO, row.row, f"{row.quantity:f}")
    return None


async def _in_other_units(
    visit: Visit, draft: Draft, lines: Mapping[int, Line]
) -> tuple[list[Problem], list[Line]]:
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
