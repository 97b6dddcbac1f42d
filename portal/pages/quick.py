"""
Quick order: rows of a number and a quantity, checked together and added to the draft, all or none.

A row takes a product number, an item number or the buyer's own number. While it is typed, two
fragments complete it and say what it means; without scripts the form does all by one round trip.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import MAXIMUM_LINES, Draft, DraftLine, Objection, quantity
from portal.errors import Overtaken
from portal.pages.adding import FULL, NO_QUANTITY
from portal.pages.draft_at_hand import draft_of, edit, line_of
from portal.pages.products import ARE_SOLD, DECIMALS, MOST_WORDS
from portal.texts import all_in_language
from portal.visits import Visit
from portal.words import SOLD

ROWS: Final = 6
"""Rows that are shown at first."""
MOST: Final = 50
"""Rows that one form may have."""
SEARCHED: Final = 1
"""Rows of one form that may have a name instead of a number: each is a search of its own."""
LONGEST: Final = 100
"""Characters of a number."""
NAMED: Final = re.compile(r"code-([1-9][0-9]?)")
MISSING: Final[Objection] = {"code": "PRODUCT_NOT_FOUND", "path": ()}
SEVERAL: Final[Objection] = {"code": "PRODUCT_AMBIGUOUS", "path": ()}
GONE: Final[Objection] = {"code": "PRODUCT_NOT_SELLABLE", "path": ()}

Product = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QuickRow:
    """One row as it was typed, and what is known of it."""

    number: int
    code: str = ""
    amount: str = ""
    product: Product | None = None
    line: DraftLine | None = None
    wrong: Objection | None = None
    """The objection to the number, or else to the quantity."""

    @property
    def is_empty(self) -> bool:
        return not self.code and not self.amount

    @property
    def is_short(self) -> bool:
        """True if more is ordered than is in stock."""
        there = (self.product or {}).get("availability")
        return bool(there and self.line and self.line.quantity > Decimal(there["available"]))


def empty_rows() -> list[QuickRow]:
    """The rows of a form that is not begun."""
    return [QuickRow(number) for number in range(1, ROWS + 1)]


async def quick(visit: Visit) -> Response:
    """Add the rows of the form to the draft, or show them with what is wrong."""
    if visit.request.method == "GET":
        return _shown(visit, empty_rows())
    typed = [row for row in _typed(visit.form) if not row.is_empty]
    rows = [_complete(row) for row in await _checked(visit, typed)]
    lines = [row.line for row in rows if row.line]
    fits = len(draft_of(visit).extend(lines).lines) <= MAXIMUM_LINES
    if not lines or not fits or any(row.wrong for row in rows):
        return _shown(visit, rows, is_full=not fits, is_sent=True)
    await edit(visit, lambda draft: _with_all(draft, lines))
    said = visit.language.messages.ngettext(
        "%d line was added.", "%d lines were added.", len(lines)
    )
    visit.notice(said % len(lines))
    return visit.go("/orders/new/items")


async def row(visit: Visit) -> Response:
    """The meaning of one row, while it is typed."""
    typed = _typed(visit.query)[:1]
    wanted = quantity(visit.language.typed(typed[0].amount), DECIMALS) if typed else None
    (found,) = await _checked(visit, typed, wanted) if typed else [QuickRow(1)]
    return visit.render("quick_row.html", row=found)


async def options(visit: Visit) -> Response:
    """Products that complete the number or name in one row."""
    typed = next(iter(_typed(visit.query)), QuickRow(1))
    found: Sequence[Product] = ()
    if len(typed.code) > 1 and len(typed.code.split()) <= MOST_WORDS:
        asked = {"search": typed.code[:LONGEST], "filter": ARE_SOLD}
        page = (await visit.ask("quick", "Completed", **asked))["products"]
        found = all_in_language(page["nodes"], visit.language.tag)
    return visit.render("quick_options.html", found=found)


def _complete(row: QuickRow) -> QuickRow:
    """A row that is sent needs a quantity."""
    if row.wrong or row.line:
        return row
    return _with(row, row.product, None, NO_QUANTITY)


def _shown(
    visit: Visit, rows: Sequence[QuickRow], *, is_full: bool = False, is_sent: bool = False
) -> Response:
    more = range(len(rows) + 1, max(ROWS, min(len(rows) + 2, MOST)) + 1)
    return visit.render(
        "quick.html",
        status=422 if is_sent else 200,
        rows=[*rows, *map(QuickRow, more)],
        is_full=is_full,
        is_sent=is_sent,
        full=FULL,
    )


def _with_all(draft: Draft, lines: list[DraftLine]) -> Draft:
    longer = draft.extend(lines)
    if len(longer.lines) > MAXIMUM_LINES:
        raise Overtaken
    return longer


def _typed(fields: Mapping[str, str]) -> list[QuickRow]:
    """The rows of a form in their order, numbered anew where it was sent."""
    places = sorted(int(found[1]) for name in fields if (found := NAMED.fullmatch(name)))
    return [
        QuickRow(
            place,
            fields[f"code-{place}"].strip()[: LONGEST + 1],
            fields.get(f"quantity-{place}", "").strip(),
        )
        for place in places[:MOST]
    ]


async def _checked(
    visit: Visit, rows: Sequence[QuickRow], wanted: Decimal | None = None
) -> list[QuickRow]:
    """The rows with their products, and what is wrong with each; `wanted` of one row alone."""
    codes = sorted({row.code for row in rows if row.code and len(row.code) <= LONGEST})
    found = await _named(visit, codes, wanted) if codes else {}
    unknown = [code for code in codes if code.casefold() not in found][:SEARCHED]
    named = await asyncio.gather(*(_searched(visit, code, wanted) for code in unknown))
    found |= dict(zip((code.casefold() for code in unknown), named, strict=True))
    return [_judged(visit, row, found.get(row.code.casefold(), ())) for row in rows]


async def _searched(visit: Visit, text: str, wanted: Decimal | None = None) -> Sequence[Product]:
    """The products that a name means, where it means few."""
    if len(text.split()) > MOST_WORDS:
        return []
    asked = {} if wanted is None else {"quantity": str(wanted), "dated": True}
    found = (await visit.ask("quick", "Searched", search=text, filter=ARE_SOLD, **asked))[
        "products"
    ]
    return all_in_language(found["nodes"], visit.language.tag)


async def numbered(visit: Visit, code: str) -> Sequence[Product]:
    """The products that a number stands for: its own, else the buyer's, else the item's."""
    return (await _named(visit, [code])).get(code.casefold(), ())


async def _named(
    visit: Visit, codes: list[str], wanted: Decimal | None = None
) -> dict[str, Sequence[Product]]:
    """The products that each number stands for, with price and day for the quantity `wanted`."""
    asked = {} if wanted is None else {"quantity": str(wanted), "dated": True}
    answer = await visit.ask(
        "quick",
        "Quick",
        codes=codes,
        filter={"number": {"in": codes}},
        items={"itemNumber": {"in": codes}},
        **asked,
    )
    found: dict[str, Sequence[Product]] = {}
    for name, member in (
        ("numbered", "number"),
        ("own", "customerItemNumber"),
        ("ofItems", "itemNumber"),
    ):
        listed = all_in_language((answer[name] or {"nodes": ()})["nodes"], visit.language.tag)
        for code, products in _by(member, listed).items():
            found.setdefault(code, products)
    return found


def _by(member: str, products: Iterable[Product]) -> dict[str, list[Product]]:
    found: dict[str, list[Product]] = {}
    for each in products:
        found.setdefault((each[member] or "").casefold(), []).append(each)
    return found


def _judged(visit: Visit, row: QuickRow, products: Sequence[Product]) -> QuickRow:
    if not row.code:
        return _with(row, None, None, None if row.is_empty else MISSING)
    if len(products) != 1:
        return _with(row, None, None, SEVERAL if products else MISSING)
    (product,) = products
    if product["state"] not in (None, *SOLD):
        return _with(row, product, None, GONE)
    amount = quantity(visit.language.typed(row.amount), product["decimals"] or 0)
    if amount is None:
        return _with(row, product, None, NO_QUANTITY if row.amount else None)
    line = line_of(product, amount)
    return _with(row, product, line, line.objection(amount))


def _with(
    row: QuickRow, product: Product | None, line: DraftLine | None, wrong: Objection | None
) -> QuickRow:
    return QuickRow(row.number, row.code, row.amount, product, line, wrong)
