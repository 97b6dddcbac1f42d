"""
Orders that are kept to be ordered again: named lists of products and quantities, on a shelf of one
person or on one that an account shares. Pure; `keeping.py` writes down what comes out.

A template has no price, no date and no address: whoever orders it gets their own, as of today. It
has no names of products either, which not every reader may know, and its reader sees of its lines
what the gateway would show them of the lines of an order.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from portal.drafts import DraftLine, is_too_long
from portal.words import N_

LINE: Final = "SalesOrderLine"
"""The type of the gateway's schema whose members the parts of a line are."""
LONGEST_NAME: Final = 60
MOST_TEMPLATES: Final = 50
MOST_LINES: Final = 5_000
"""Lines of all templates of a shelf."""
NO_NAME: Final = N_("Enter a name.")
LONG_NAME: Final = N_("A name has at most 60 characters.")
TAKEN_NAME: Final = N_("There is a template with this name already.")
NO_ROOM: Final = N_("No more templates can be kept here. Please remove one first.")
NO_LINES: Final = N_("There are no lines to keep.")


@dataclass(frozen=True, slots=True)
class KeptLine:
    """One product and how much of it."""

    product: str
    number: str
    unit: str
    quantity: Decimal | None
    """None alone where its reader may not know it."""
    note: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)
    """The values of the fields that extensions of the gateway add."""

    def seen_by(self, shows: Callable[[str], bool]) -> "KeptLine":
        """
        The line without what its reader may not know of lines; `shows` is asked for members of the
        gateway's schema. A quantity says nothing without its unit.
        """
        is_counted = shows(f"{LINE}.quantity") and shows(f"{LINE}.unit")
        return replace(
            self,
            number=self.number if shows("Product.number") else "",
            unit=self.unit if shows(f"{LINE}.unit") else "",
            quantity=self.quantity if is_counted else None,
            note=self.note if shows(f"{LINE}.note") else "",
            own={name: value for name, value in self.own.items() if shows(f"{LINE}.{name}")},
        )


@dataclass(frozen=True, slots=True)
class OrderTemplate:
    """A named list of lines."""

    id: str
    name: str
    lines: tuple[KeptLine, ...]
    author: str
    """The name of the person who saved it last."""
    saved_on: date

    def seen_by(self, shows: Callable[[str], bool]) -> "OrderTemplate":
        """The template with its lines as its reader may know them."""
        return replace(self, lines=tuple(line.seen_by(shows) for line in self.lines))


@dataclass(frozen=True, slots=True)
class Shelf:
    """The templates of one person for an account, or those that the account shares."""

    templates: tuple[OrderTemplate, ...] = ()

    @property
    def is_used(self) -> bool:
        return bool(self.templates)

    def find(self, key: str) -> OrderTemplate | None:
        return next((one for one in self.templates if one.id == key), None)

    def named(self, name: str) -> OrderTemplate | None:
        """The template of that name, in any case."""
        folded = name.casefold()
        return next((one for one in self.templates if one.name.casefold() == folded), None)


class NotKept(Exception):
    """The template cannot be kept as it was asked for; the message is for the catalogues."""


def kept(lines: Iterable[DraftLine]) -> tuple[KeptLine, ...]:
    """Lines of a draft without what is true today alone."""
    return tuple(
        KeptLine(one.product, one.number, one.unit, one.quantity, one.note, one.own)
        for one in lines
    )


def row_of(line: KeptLine, product: Mapping[str, Any] | None) -> dict[str, Any]:
    """A line as that of an order that is ordered again, with the product as it is sold today."""
    said = {"quantity": line.quantity, "unit": line.unit, "note": line.note}
    known = {"product": product, "description": None, "number": line.number}
    return {**line.own, **said, **known} | NO_DAY


NO_DAY: Final = {"requestedShippingDate": None, "requestedReceiptDate": None}


def put(shelf: Shelf, template: OrderTemplate, *, replaces: bool) -> Shelf:
    """
    The shelf with the template, in place of the one of its name if it `replaces` that; NotKept
    where it has no name, no lines or no room, or where its name is taken.
    """
    if wrong := _wrong(template):
        raise NotKept(wrong)
    before = shelf.named(template.name)
    if before and before.lines == template.lines:
        return shelf
    if before and not replaces:
        raise NotKept(TAKEN_NAME)
    others = tuple(one for one in shelf.templates if one is not before)
    lines = sum(len(one.lines) for one in (*others, template))
    if len(others) >= MOST_TEMPLATES or lines > MOST_LINES:
        raise NotKept(NO_ROOM)
    same = replace(template, id=before.id if before else uuid.uuid4().hex)
    return Shelf(tuple(sorted((*others, same), key=lambda one: one.name.casefold())))


def _wrong(template: OrderTemplate) -> str | None:
    if not template.name:
        return NO_NAME
    if is_too_long(template.name, LONGEST_NAME):
        return LONG_NAME
    return None if template.lines else NO_LINES


def without(shelf: Shelf, key: str) -> Shelf:
    return Shelf(tuple(one for one in shelf.templates if one.id != key))
