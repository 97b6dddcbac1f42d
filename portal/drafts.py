"""An order that is being put together, and the order input that it becomes. Pure."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Final

MAXIMUM_LINES: Final = 500
MAXIMUM_QUANTITY: Final = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Line:
    """One product and how much of it; the price is what the gateway estimated when it was added."""

    product: str
    number: str
    name: str
    unit: str
    decimals: int
    quantity: Decimal
    price: Decimal | None = None
    currency: str | None = None
    note: str = ""

    @property
    def amount(self) -> Decimal | None:
        return None if self.price is None else self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an order goes: to the account's own address unless said otherwise."""

    choice: str = "account"
    """What was picked in the form."""
    parts: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    """The gateway's id of the address, if it knows it by one."""

    def as_input(self) -> dict[str, Any]:
        if self.id:
            return {"shipToAddress": self.id}
        return {"shipTo": dict(self.parts)} if self.parts else {}


@dataclass(slots=True)
class Draft:
    """What was entered so far. `key` makes sending it twice the same as sending it once."""

    key: str = field(default_factory=lambda: f"portal-{uuid.uuid4()}")
    account: str | None = None
    destination: Destination = field(default_factory=Destination)
    receipt_date: date | None = None
    reference: str = ""
    requisition: str = ""
    informed: bool = False
    """Whether the first step was done."""
    lines: list[Line] = field(default_factory=list)
    is_sent: bool = False
    """Whether it was sent and nobody knows yet what became of it: it must stay as it is."""
    operation: str | None = None
    """By which the gateway can tell."""

    def add(self, line: Line) -> None:
        """Put a product on the order; more of one that is there already joins its line."""
        for place, present in enumerate(self.lines):
            if present.product == line.product:
                self.lines[place] = replace(line, quantity=present.quantity + line.quantity)
                return
        self.lines.append(line)

    def change(self, product: str, quantity: Decimal) -> None:
        self.lines = [
            replace(line, quantity=quantity) if line.product == product else line
            for line in self.lines
        ]

    def remove(self, product: str) -> None:
        self.lines = [line for line in self.lines if line.product != product]

    @property
    def total(self) -> Decimal | None:
        """The estimated amount; None where the price of a line is not known."""
        amounts = [line.amount for line in self.lines]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(amounts) else None

    @property
    def currency(self) -> str | None:
        return next((line.currency for line in self.lines if line.currency), None)

    def as_input(self) -> dict[str, Any]:
        """The `CreateSalesOrderInput` of the gateway."""
        return {
            "idempotencyKey": self.key,
            "account": self.account,
            **self.destination.as_input(),
            "requestedReceiptDate": self.receipt_date and self.receipt_date.isoformat(),
            "customerReference": self.reference or None,
            "requisitionNumber": self.requisition or None,
            "lines": [_line_input(line) for line in self.lines],
        }


def priced(line: Line, price: Mapping[str, Any] | None) -> Line:
    """The line with a price of the gateway, `{amount, currency}`."""
    if not price:
        return line
    return replace(line, price=Decimal(price["amount"]), currency=price["currency"])


def _line_input(line: Line) -> dict[str, Any]:
    note = {"note": line.note} if line.note else {}
    return {"product": line.product, "quantity": str(line.quantity), **note}


def least(allowed: Mapping[str, str | None] | None) -> Decimal:
    """The smallest quantity that the gateway's `orderQuantities` allow; one where they are open."""
    minimum, multiple = (
        Decimal((allowed or {}).get(name) or 0) for name in ("minimum", "multiple")
    )
    if multiple <= 0:
        return minimum if minimum > 0 else Decimal(1)
    return multiple * max(Decimal(1), (minimum / multiple).to_integral_value(ROUND_CEILING))


def quantity(text: str, decimals: int) -> Decimal | None:
    """A quantity as machines write it, or None where it is none that can be ordered."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    if not found.is_finite() or not 0 < found <= MAXIMUM_QUANTITY:
        return None
    return found + 0 if found == round(found, decimals) else None
