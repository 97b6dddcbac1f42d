"""An order that is being put together, and the order input that it becomes. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any, Final

from babel.numbers import get_currency_precision

from portal.words import N_

MAXIMUM_LINES: Final = 500
MAXIMUM_QUANTITY: Final = Decimal(1_000_000_000)
PLAIN: Final = re.compile(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)")
MAXIMUM_NOTE: Final = 255
"""Characters of a note, as the gateway takes them."""
LENGTHS: Final = {
    "reference": 60,
    "requisition": 20,
    "name": 200,
    "street": 250,
    "streetNumber": 20,
    "postalCode": 10,
    "city": 60,
    "state": 10,
}
"""Characters of the other texts, by the field of a form in which they are typed."""
TOO_LONG: Final = N_("This is too long.")
TOLD: Final = (
    "Account.addresses",
    "AccountAddress.address",
    "Product.unit",
    "SalesOrder.customerReference",
    "SalesOrder.requestedReceiptDate",
    "SalesOrder.requisitionNumber",
    "SalesOrder.shipTo",
    "SalesOrderLine.note",
    "SalesOrderLine.product",
    "SalesOrderLine.quantity",
    "SalesOrderLine.requestedShippingDate",
    "SalesOrderLine.unit",
)
"""The members of the gateway's schema that a draft says itself; those of products are asked for."""

Objection = Mapping[str, Any]
"""An objection to a line, in the form of a `UserError` of the gateway."""


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One product and how much of it; the price is what the gateway estimated when it was added."""

    product: str
    number: str
    name: str
    unit: str
    """The unit that is ordered; its quantity limits are known if it is the product's own."""
    decimals: int
    quantity: Decimal
    price: Decimal | None = None
    currency: str | None = None
    note: str = ""
    ships: date | None = None
    """The day on which the line should be sent."""
    own_unit: str | None = None
    """The product's own unit, where another one is ordered."""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    multiple: Decimal | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    """The values of the fields that extensions of the gateway add, as they are sent."""
    id: int = 0
    """Its name within the draft."""

    @property
    def amount(self) -> Decimal | None:
        """An estimate, rounded as amounts of the currency usually are."""
        if self.price is None:
            return None
        places = get_currency_precision(self.currency or "")
        return (self.price * self.quantity).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)

    @property
    def bare(self) -> "DraftLine":
        """The line without what the catalogue says of its product, which not everybody may know."""
        return replace(
            self,
            number="",
            name="",
            decimals=0,
            price=None,
            currency=None,
            minimum=None,
            maximum=None,
            multiple=None,
        )

    @property
    def merges(self) -> tuple[object, ...]:
        """Lines that are equal in this are one line."""
        return self.product, self.unit, self.note, self.ships, *sorted(self.own.items())

    def objection(self, quantity: Decimal) -> Objection | None:
        """The error for a quantity of the product; None if it is sold, or if only the ERP knows."""
        if self.own_unit is not None:
            return None
        if self.minimum and quantity < self.minimum:
            return {"code": "QUANTITY_BELOW_MINIMUM", "minimum": self.minimum, "path": ()}
        if self.maximum and quantity > self.maximum:
            return {"code": "QUANTITY_ABOVE_MAXIMUM", "maximum": self.maximum, "path": ()}
        if self.multiple and quantity % self.multiple:
            return {"code": "QUANTITY_NOT_MULTIPLE", "multiple": self.multiple, "path": ()}
        return None


@dataclass(frozen=True, slots=True)
class Destination:
    """The destination of an order: the account's own address unless said otherwise."""

    choice: str = "account"
    """The choice that was picked in the form."""
    parts: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    """The gateway's id of the address, if it knows it by one."""

    def as_input(self) -> dict[str, Any]:
        if self.id:
            return {"shipToAddress": self.id}
        return {"shipTo": dict(self.parts)} if self.parts else {}


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as entered so far. `key` makes sending it twice the same as sending it once."""

    key: str = ""
    """Empty until the first thing is entered."""
    account: str | None = None
    destination: Destination = field(default_factory=Destination)
    receipt_date: date | None = None
    reference: str = ""
    requisition: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)
    """The values of the fields that extensions of the gateway add, as they are sent."""
    informed: bool = False
    """True if the first step was done."""
    lines: tuple[DraftLine, ...] = ()
    counted: int = 0
    """The number of lines that have been given an id."""

    def add(self, line: DraftLine) -> "Draft":
        """Put a product on the order; more of a line that is there already joins it."""
        for present in self.lines:
            if present.merges == line.merges:
                more = replace(line, id=present.id, quantity=present.quantity + line.quantity)
                return self._with(more if one is present else one for one in self.lines)
        added = replace(line, id=self.counted + 1)
        return replace(self, lines=(*self.lines, added), counted=self.counted + 1)

    def extend(self, lines: Iterable[DraftLine]) -> "Draft":
        """Several lines; the caller sees to it that there are not too many."""
        draft = self
        for line in lines:
            draft = draft.add(line)
        return draft

    def change(self, line: DraftLine) -> "Draft":
        """The changed line, which replaces the line of the same id."""
        return self._with(line if one.id == line.id else one for one in self.lines)

    def remove(self, line: int) -> "Draft":
        return self._with(one for one in self.lines if one.id != line)

    def _with(self, lines: Iterable[DraftLine]) -> "Draft":
        return replace(self, lines=tuple(lines))

    @property
    def bare(self) -> "Draft":
        """The draft with its lines as everybody who may open it knows them."""
        return self._with(line.bare for line in self.lines)

    @property
    def is_bare(self) -> bool:
        """True if lines lack what the catalogue says of their products."""
        return any(not line.name for line in self.lines)

    def line(self, key: int) -> DraftLine | None:
        return next((one for one in self.lines if one.id == key), None)

    def has_room(self, line: DraftLine) -> bool:
        """True if one more line fits, or joins another."""
        joins = any(present.merges == line.merges for present in self.lines)
        return joins or len(self.lines) < MAXIMUM_LINES

    @property
    def total(self) -> Decimal | None:
        """The estimated amount; None where a price is not known, or is in another currency."""
        amounts = [line.amount for line in self.lines if line.currency == self.currency]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(self.lines) else None

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
            **self.own,
            "lines": [line_input(line) for line in self.lines],
        }


def priced(line: DraftLine, price: Mapping[str, Any] | None) -> DraftLine:
    """The line with a price of the gateway, `{amount, currency}`."""
    if not price:
        return line
    return replace(line, price=Decimal(price["amount"]), currency=price["currency"])


def line_input(line: DraftLine) -> dict[str, Any]:
    """The `SalesOrderLineInput` of the gateway."""
    return request_line(line) | dict(line.own)


def request_line(line: DraftLine) -> dict[str, Any]:
    """The `QuoteRequestLineInput` of the gateway, which has no fields of extensions."""
    more = {
        "unit": line.unit if line.own_unit is not None else None,
        "requestedShippingDate": line.ships and line.ships.isoformat(),
        "note": line.note,
    }
    said = {name: value for name, value in more.items() if value}
    return {"product": line.product, "quantity": str(line.quantity), **said}


def is_too_long(text: str, most: int = MAXIMUM_NOTE) -> bool:
    """True if a text is longer than the gateway takes it, which counts as Dynamics does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 > most


def least(allowed: Mapping[str, str | None] | None) -> Decimal:
    """The smallest quantity that the gateway's `orderQuantities` allow; one where they are open."""
    minimum, multiple = (
        Decimal((allowed or {}).get(name) or 0) for name in ("minimum", "multiple")
    )
    if multiple <= 0:
        return minimum if minimum > 0 else Decimal(1)
    return multiple * max(Decimal(1), (minimum / multiple).to_integral_value(ROUND_CEILING))


def quantity(text: str, decimals: int) -> Decimal | None:
    """A quantity in plain digits, or None where it is none that can be ordered."""
    found = Decimal(text) if PLAIN.fullmatch(text) else Decimal()
    if not 0 < found <= MAXIMUM_QUANTITY:
        return None
    return found + 0 if found == round(found, decimals) else None
