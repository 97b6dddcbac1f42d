"""An order once more: its lines join the draft, and what cannot be taken along is said by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from portal.drafts import MAXIMUM_QUANTITY, Draft, DraftLine, is_too_long
from portal.errors import NotFound
from portal.lists import day
from portal.own_fields import UNKNOWN
from portal.pages.draft_at_hand import act_for, draft_of, edit, line_of
from portal.visits import Visit
from portal.words import N_, SOLD

GONE: Final = N_("We no longer sell this product.")
NOT_SOLD: Final = N_("This item is no longer available.")
NO_QUANTITY: Final = N_("This was a return, or a quantity that cannot be ordered.")
FULL: Final = N_("An order has at most 500 lines.")
PAST: Final = N_("The requested date has passed, so the line was copied without it.")
LONG: Final = N_("The note is too long, so the line was copied without it.")


@dataclass(frozen=True, slots=True)
class Left:
    """A part of a line that was not taken along, and why; `reason` is for the catalogues."""

    place: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Original:
    """The page that the lines come from, and its name."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class LineSource:
    """The operation that reads the lines of what they come from, and the field that has it."""

    document: str
    operation: str
    field: str


ORDERED: Final = LineSource("wizard", "Lines", "order")

Taken = tuple[DraftLine | None, list[Left]]
"""A line as it can be ordered again, and what of it cannot."""


async def reorder(visit: Visit) -> Response:
    """The lines join what is in the draft, to be looked over before it is sent."""
    draft_of(visit)
    order, rows = await lines_of(visit, visit.path["id"])
    said = visit.translate(
        "The lines of %s were copied to your draft. Please check dates and quantities."
    )
    original = Original(f"/orders/{visit.path['id']}", order["number"] or "")
    return await join_draft(visit, rows, order, original, said)


async def join_draft(
    visit: Visit,
    rows: Iterable[Mapping[str, Any]],
    order: Mapping[str, Any],
    original: Original,
    said: str,
) -> Response:
    """
    Copy lines to the draft and go on to it, or first to what was left of them.

    `order` has the account and the days of all lines, `said` the notice with a place for the name.
    """
    account = order["account"]
    if account and len(visit.accounts) > 1 and account["id"] != (visit.account or {}).get("id"):
        await act_for(visit, account)
    found = takeable(visit, rows, order)
    left = await _copied(visit, found, order)
    if any(line for line, _ in found):
        visit.notice(said % original.name)
    return _answered(visit, left, original)


def takeable(
    visit: Visit, rows: Iterable[Mapping[str, Any]], order: Mapping[str, Any]
) -> list[Taken]:
    """Lines as they can be ordered today; `order` has the days of the whole order."""
    today = visit.language.today()
    own = [field.name for field in visit.site.own.line_fields if field.in_new]
    return [taken(row, place, order, today, own) for place, row in enumerate(rows, 1)]


async def _copied(visit: Visit, found: Sequence[Taken], order: Mapping[str, Any]) -> list[Left]:
    """Put the lines on the draft; what cannot be taken along is told."""
    left: list[Left] = []
    today = visit.language.today()

    def change(draft: Draft) -> Draft:
        left.clear()
        return _joined(draft, found, left, order, today)

    if any(line for line, _ in found):
        await edit(visit, change)
    else:
        left.extend(each for _, without in found for each in without)
    return left


def _answered(visit: Visit, left: Sequence[Left], original: Original) -> Response:
    """On to the draft, or first the page that says what is not in it."""
    if not left:
        return visit.go("/orders/new")
    return visit.render("new_reordered.html", original=original, left=grouped(left))


async def lines_of(
    visit: Visit, key: str, source: LineSource = ORDERED
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The order, or what else has lines, and all of them, a hundred a request."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        answer = await visit.ask(source.document, source.operation, id=key, after=after)
        found: dict[str, Any] | None = answer[source.field]
        if found is None:
            raise NotFound
        rows += found["lines"]["nodes"]
        if not found["lines"]["pageInfo"]["hasNextPage"]:
            return found, rows
        after = found["lines"]["pageInfo"]["endCursor"]


def taken(
    row: Mapping[str, Any],
    place: int,
    order: Mapping[str, Any],
    today: date,
    own: Iterable[str] = (),
) -> Taken:
    """
    One line of the order, in the unit, with the note and for the day that it had.

    `own` fields of extensions are taken along too.
    """
    product, quantity = row["product"], Decimal(row["quantity"] or 0)
    name = row["description"] or (product or {}).get("name") or row.get("number") or ""
    if product is None:
        return None, [Left(place, name, GONE)]
    if product["state"] not in (None, *SOLD):
        return None, [Left(place, name, NOT_SOLD)]
    if not 0 < quantity <= MAXIMUM_QUANTITY:
        return None, [Left(place, name, NO_QUANTITY)]
    ships = day(row["requestedShippingDate"])
    if row["requestedShippingDate"] == order["requestedShippingDate"]:
        # That of the whole order, which every line has.
        ships = None
    note = "" if row["note"] in (None, row["description"]) else row["note"]
    wrong = {PAST: bool(ships and ships < today), LONG: is_too_long(note)}
    line = line_of(
        product,
        quantity,
        unit=row["unit"],
        note="" if wrong[LONG] else note,
        ships=None if wrong[PAST] else ships,
    )
    kept = {name: row[name] for name in own if row.get(name) not in (None, UNKNOWN)}
    line = replace(line, own=kept)
    return line, [Left(place, name, reason) for reason, is_so in wrong.items() if is_so]


def _joined(
    draft: Draft, found: Iterable[Taken], left: list[Left], order: Mapping[str, Any], today: date
) -> Draft:
    """The draft with the lines; what it has no room for is left too."""
    wanted = day(order["requestedReceiptDate"])
    draft = replace(
        draft,
        account=draft.account or (order["account"] or {}).get("id"),
        receipt_date=draft.receipt_date or (wanted if wanted and wanted >= today else None),
    )
    for place, (line, without) in enumerate(found, 1):
        if line and not draft.has_room(line):
            left.append(Left(place, line.name, FULL))
            continue
        draft = draft.add(line) if line else draft
        left.extend(without)
    return draft


def grouped(left: Iterable[Left]) -> list[tuple[str, list[Left]]]:
    """Group what was left by its reason."""
    reasons: dict[str, list[Left]] = {}
    for each in left:
        reasons.setdefault(each.reason, []).append(each)
    return list(reasons.items())
