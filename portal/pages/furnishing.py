"""
The lines of a shared draft with what the catalogue says of their products to their reader: names
and numbers, prices and limits are never those that a colleague was shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from portal.drafts import Draft, DraftLine
from portal.errors import Refused, Unavailable
from portal.pages.draft_at_hand import line_of
from portal.texts import all_in_language
from portal.visits import Visit

AT_ONCE: Final = 100
"""Products of a list of nodes."""
LISTS: Final = "abcde"
"""The lists of the request."""


@dataclass(frozen=True, slots=True)
class Furnished:
    """A draft as its reader may know it, and what else was asked along."""

    draft: Draft
    stock: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The stock by product, of those that were asked for."""
    buyer: dict[str, Any] | None = None
    """The account that buys, if that was asked for."""


async def furnished(
    visit: Visit, draft: Draft, *, shown: Iterable[str] = (), buys: bool = False
) -> Furnished:
    """
    The draft with its lines furnished, and the stock of the products that are `shown`. Lines stay
    bare where the reader may not see their products, or while those cannot be read.
    """
    wanted = sorted({line.product for line in draft.lines})
    parts = [wanted[at : at + AT_ONCE] for at in range(0, len(LISTS) * AT_ONCE, AT_ONCE)]
    lists = dict(zip(LISTS, parts, strict=True))
    stock, account = sorted(set(shown)), draft.account
    try:
        found = await visit.ask(
            "sharing", "Furnished", **lists, shown=stock, account=account, buys=buys
        )
    except Refused:
        return Furnished(draft)
    except Unavailable:
        visit.is_partial = True
        return Furnished(draft)
    nodes = [node for name in LISTS for node in found.get(name) or () if node]
    products = {one["id"]: one for one in all_in_language(nodes, visit.language.tag)}
    lines = tuple(_line(line, products.get(line.product)) for line in draft.lines)
    there = {one["id"]: one for one in found.get("shown") or () if one}
    return Furnished(replace(draft, lines=lines), there, found.get("account"))


def _line(line: DraftLine, product: Mapping[str, Any] | None) -> DraftLine:
    """A bare line with its product; a price that it has is newer than the product's own."""
    if product is None or line.name:
        return line
    unit = line.unit if line.own_unit is not None else None
    full = line_of(product, line.quantity, unit=unit, note=line.note, ships=line.ships)
    known = full if line.price is None else replace(full, price=line.price, currency=line.currency)
    return replace(known, id=line.id, own=line.own, unit=line.unit, own_unit=line.own_unit)
