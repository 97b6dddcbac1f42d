"""The rules that the texts and members of inputs keep: the caller's rights and the environment."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from gateway.auth.principal import Principal
from gateway.model.kinds import OptionSet
from gateway.model.members.column import Column
from gateway.model.tables import Row, column_of
from gateway.resolvers.orders.input_checks import given, plain
from gateway.resolvers.orders.inputs import LENGTHS, MAXIMUM_KEY, AddressInput, Own
from gateway.resolvers.orders.user_errors import Errors, invalid
from gateway.schema.business.quote_requests import QuoteRequest, QuoteRequestLine
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.schema.context import Context
from gateway.upstream.names import Names

UNKEPT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold, and so neither Dynamics' messages; tabs and line ends it can."""
EMPTY = "cannot be empty."
OF_HEADER = ("customer_reference", "requisition_number")
OF_ADDRESS = ("name", "street", "street_number", "postal_code", "city", "state", "country")


def _kept(header: type[Row], line: type[Row]) -> dict[str, tuple[str, str]]:
    """The table and the column in which each text of an input is kept."""
    entity = header.__table__.entity
    return {
        **{name: (entity, column_of(header, name)) for name in OF_HEADER},
        "note": (line.__table__.entity, column_of(line, "note")),
        **{name: (entity, column_of(header, "ship_to", name)) for name in OF_ADDRESS},
    }


TEXTS = _kept(SalesOrder, SalesOrderLine) | {
    "message": (QuoteRequest.__table__.entity, column_of(QuoteRequest, "message"))
}
"""The place in which each text of an input is kept in the end."""
OF_QUOTES = _kept(QuoteRequest, QuoteRequestLine)
"""The place in which a quote that is asked for keeps what goes into an order later."""


@dataclass(frozen=True, slots=True)
class InputRules:
    """The rules for the values that a caller writes."""

    principal: Principal
    names: Names
    is_quoted: bool = False
    """True for an input that a quote keeps first, and the order that comes of it later."""

    def own_mistakes(self, own: Own, *path: str) -> Errors:
        """
        The values of extensions' members that cannot be kept; Forbidden where the caller's roles
        hide a member.
        """
        for spec in own:
            self.principal.show(spec.home.name, to_camel_case(spec.name))
        return [
            invalid(f"{said[0].upper()}{said[1:]}", *path, to_camel_case(spec.name))
            for spec, value in own.items()
            for said in self._wrong(spec, plain(value))
        ]

    def hides(self, spec: Column) -> bool:
        """True if the caller's roles hide a member."""
        return self.principal.hides(spec.home.name, to_camel_case(spec.name))

    def text_mistakes(self, sent: object, *path: str) -> Errors:
        """The texts of an input that Dynamics or the ERP cannot keep."""
        texts = ((name, getattr(sent, name, None)) for name in TEXTS)
        return [
            invalid(f"{to_camel_case(name)} {said}", *path, to_camel_case(name))
            for name, text in texts
            if isinstance(text, str)
            for said in unkept(text, self._room(name))
        ]

    def address_mistakes(self, sent: Any) -> Errors:
        """The mistakes in the address of an order."""
        typed: AddressInput | None = given(sent.ship_to)
        if typed is None:
            return []
        if given(sent.ship_to_address) is not None:
            return [invalid("Give either shipTo or shipToAddress, not both.", "shipToAddress")]
        empty = [
            invalid(f"{name} {EMPTY}", "shipTo", name)
            for name in ("street", "city")
            if plain(getattr(typed, name)) is None
        ]
        return [*empty, *self.text_mistakes(typed, "shipTo")]

    def _room(self, name: str) -> int:
        """The characters that a text may have: the fewest that either side of dual-write keeps."""
        kept = [TEXTS[name]]
        if self.is_quoted and name in OF_QUOTES:
            kept.append(OF_QUOTES[name])
        learned = [self._length(*each) for each in kept]
        return min([LENGTHS[name], *(each for each in learned if each is not None)])

    def _length(self, entity: str, column: str) -> int | None:
        """The length that the environment says that a column has."""
        known = self.names.entities.get(entity)
        return known.lengths.get(column) if known else None

    def _wrong(self, spec: Column, value: Any) -> Iterator[str]:
        entity = spec.home.entity
        if value is None:
            if not spec.optional:
                yield EMPTY
        elif not self.names.has(entity, spec.path):
            yield "cannot be stored: this environment has no such column."
        elif isinstance(value, str):
            yield from unkept(value, self._length(entity, spec.path))
        elif isinstance(value, OptionSet) and value.is_unknown:
            yield "must be one of the other values."
        elif isinstance(value, Decimal) and not value.is_finite():
            yield "must be a finite number."
        elif isinstance(value, datetime) and value.tzinfo is None:
            yield "needs a time zone, as in 2026-12-31T12:00:00Z."


def size(text: str) -> int:
    """The length of a text as Dynamics counts it: in UTF-16 units."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def key_mistakes(sent: object) -> Errors:
    key: str | None = getattr(sent, "idempotency_key", None)
    if key is None or (key.strip() and size(key) <= MAXIMUM_KEY and not UNKEPT.search(key)):
        return []
    return [invalid(f"idempotencyKey must have 1 to {MAXIMUM_KEY} characters.", "idempotencyKey")]


def unkept(text: str, length: int | None) -> Iterable[str]:
    """The reasons for which a column of this length, if it has one, cannot keep a text."""
    if length is not None and size(plain(text) or "") > length:
        yield f"may have at most {length} characters."
    if UNKEPT.search(text):
        yield "contains control characters or others that cannot be stored; remove them."


def input_rules(context: Context, *, is_quoted: bool = False) -> InputRules:
    """The rules for the caller who asks."""
    return InputRules(context.principal, context.writer.names, is_quoted)
