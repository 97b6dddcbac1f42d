"""
Words that a list is searched by -> conditions on it. What the gateway cannot filter a list by is
looked up first, the newest of it, and searched for by id.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.errors import Refused, Unavailable
from portal.folding import folded
from portal.lists import every, has, words_of
from portal.visits import Visit
from portal.words import SHIPPED

Texts = Mapping[str, str]
"""The texts of what was looked up, by id."""


async def orders(visit: Visit, text: str | None) -> dict[str, Any]:
    """Orders by their numbers, the person and the account, the newest by their products too."""
    asked = {"contacts": ("name",), "accounts": ("name",)}
    answer = await _asked(visit, "Names", text, asked, mine=visit.account_filter)
    found, bought = _texts(answer, asked), _bought(answer)

    def ways(word: str) -> list[dict[str, Any]]:
        return [
            *(has(name, word) for name in ("number", "customerReference", "requisitionNumber")),
            *_among("contact", found["contacts"], word),
            *_among("partyContact", found["contacts"], word),
            *_among("account", found["accounts"], word),
            *_among("number", bought, word),
        ]

    return every(text, ways)


def _bought(answer: Mapping[str, Any]) -> Texts:
    """The texts of what was ordered lately, by the number of its order."""
    return {
        order["number"]: _text(part for line in _nodes(order, "lines") for part in _named(line))
        for order in _nodes(answer, "bought")
        if order["number"]
    }


def _named(line: Mapping[str, Any]) -> Iterator[str | None]:
    product = line["product"] or {}
    yield from (line["description"], product.get("number"), product.get("name"))


async def invoices(visit: Visit, text: str | None) -> dict[str, Any]:
    """Invoices by their number, their order's numbers and the account."""
    asked = {"orders": ("number", "customerReference"), "accounts": ("name",)}
    found = _texts(await _asked(visit, "Invoiced", text, asked), asked)

    def ways(word: str) -> list[dict[str, Any]]:
        return [
            *(has(name, word) for name in ("number", "description")),
            *_among("order", found["orders"], word),
            *_among("account", found["accounts"], word),
        ]

    return every(text, ways)


async def shipments(visit: Visit, text: str | None) -> dict[str, Any]:
    """Orders by their numbers, and by the packing slips, carriers and parcels of what was sent."""
    sent = await _sent(visit) if words_of(text) else {}

    def ways(word: str) -> list[dict[str, Any]]:
        own = [has(name, word) for name in ("number", "customerReference")]
        return [*own, *_among("number", sent, word)]

    return every(text, ways)


NEEDED: Mapping[str, tuple[str, str, str]] = {
    "contacts": ("people", "withPeople", "contacts:read"),
    "accounts": ("accounts", "withAccounts", "account:read"),
    "orders": ("orders", "withOrders", "orders:read"),
}
"""For each list that is looked up: its filter, its switch and its permission."""


Columns = Mapping[str, tuple[str, ...]]
"""By which columns each list is looked up."""


async def _asked(
    visit: Visit, operation: str, text: str | None, lists: Columns, **variables: Any
) -> dict[str, Any]:
    """Return what the operation finds: of these lists the rows with a word of the text."""
    words = words_of(text)
    if not words:
        return {}
    for name, columns in lists.items():
        condition, switch, needs = NEEDED[name]
        variables[condition] = {"or": [has(column, word) for word in words for column in columns]}
        variables[switch] = visit.may(needs)
    return await visit.ask("searching", operation, **variables)


def _texts(answer: Mapping[str, Any], lists: Columns) -> dict[str, Texts]:
    """The columns of each row that was found, by its id."""
    return {
        name: {row["id"]: _text(row[column] for column in columns) for row in _nodes(answer, name)}
        for name, columns in lists.items()
    }


async def _sent(visit: Visit) -> Texts:
    """The texts of what was sent lately, by order number; nothing while the ERP is away."""
    shipped = {**visit.account_filter, "status": {"in": SHIPPED}}
    try:
        found = await visit.ask("searching", "Sent", shipped=shipped)
    except (Refused, Unavailable):
        visit.is_partial = True
        return {}
    return {
        order["number"]: _text(part for sent in _nodes(order, "shipments") for part in _parts(sent))
        for order in _nodes(found, "orders")
        if order["number"]
    }


def _parts(shipment: Mapping[str, Any]) -> Iterator[str | None]:
    yield from (shipment["number"], shipment["carrier"], shipment["recipient"])
    yield from (parcel["number"] for parcel in _nodes(shipment, "tracking"))


def _nodes(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return list((found.get(name) or {}).get("nodes", ()))


def _text(parts: Iterable[str | None]) -> str:
    return "\n".join(folded(part) for part in parts)


def _among(field: str, rows: Texts, word: str) -> list[dict[str, Any]]:
    """A condition: the field is one of the rows that have the word; none without such rows."""
    found = [key for key, text in rows.items() if folded(word) in text]
    return [{field: {"in": found}}] if found else []
