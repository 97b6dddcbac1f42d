"""The amounts of an order or invoice -> the rows below its lines: from subtotal to total."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from portal.words import N_

PARTS: Final = (
    ("discount", N_("Discount on the order"), -1),
    ("freight", N_("Freight"), 1),
    ("tax", N_("Tax"), 1),
)
"""The amounts between the lines' sum and the total, with the sign of each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: its name, and an amount as the gateway writes them."""

    name: str
    money: Mapping[str, str | None]


def figures(document: Mapping[str, Any]) -> list[Figure]:
    """The sum of the lines and the amounts added to it; nothing while the total is not known."""
    total = document["total"]
    if total is None:
        return []
    parts = [
        (name, sign * Decimal(document[field]["amount"]))
        for field, name, sign in PARTS
        if document.get(field)
    ]
    subtotal = Decimal(total["amount"]) - sum((amount for _, amount in parts), Decimal(0))
    rows = [(N_("Subtotal"), subtotal), *((name, amount) for name, amount in parts if amount)]
    return [Figure(name, money(amount, total["currency"])) for name, amount in rows]


def money(amount: Decimal, currency: str | None) -> Mapping[str, str | None]:
    return {"amount": str(amount), "currency": currency}


def size(value: str | None) -> Decimal | None:
    """
    A quantity of a return without its sign: all that stands on a return comes back, and the ERP
    writes that with a sign of its own.
    """
    return None if value is None else abs(Decimal(value))


def in_currency(amount: str | None, currency: str | None) -> Mapping[str, str | None] | None:
    """An amount of a row that names its currency elsewhere."""
    return None if amount is None else {"amount": amount, "currency": currency}


def negative(value: Mapping[str, Any] | None) -> Mapping[str, str | None] | None:
    """A discount as what it does to a sum; None where there is none."""
    if value is None or not Decimal(value["amount"]):
        return None
    return money(-Decimal(value["amount"]), value["currency"])
