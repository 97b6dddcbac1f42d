"""The state of an order once a change was made, so that reading tells whether it was. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from gateway.model.tables import column_of, path_of
from gateway.resolvers.orders import own_values
from gateway.resolvers.orders.input_checks import folded as spelled
from gateway.resolvers.orders.inputs import SalesOrderLineInput
from gateway.resolvers.orders.new_order import LINE, columns_of
from gateway.resolvers.orders.order_ids import line_id
from gateway.schema import ids
from gateway.schema.business.catalog import Product
from gateway.schema.business.sales import SalesOrderLine
from gateway.upstream.conditions import Raw, value_at

Values = dict[str, Any]
PRODUCT = column_of(SalesOrderLine, "product")
NUMBER = path_of(SalesOrderLine, "product", Product, "number")
ITEM_NUMBER = path_of(SalesOrderLine, "product", Product, "item_number")
UNIT = column_of(SalesOrderLine, "unit")
FOLDED = frozenset({PRODUCT, NUMBER, ITEM_NUMBER, UNIT})
"""Columns that name a row; in another spelling of Dynamics' they name the same one."""


class Expected(msgspec.Struct, frozen=True):
    """Values of the header and of lines; a line that is None is not there."""

    header: Values = {}
    lines: dict[str, Values | None] = {}
    canceled: bool = False
    """True if the ERP must say as well that the order is canceled."""

    def stands(self, header: Raw, lines: Mapping[str, Raw]) -> bool:
        """True if the order is so. `lines` are its lines by their ids."""
        return _holds(self.header, header) and all(
            (key not in lines) if wanted is None else (key in lines and _holds(wanted, lines[key]))
            for key, wanted in self.lines.items()
        )

    def begun(self, lines: Iterable[str]) -> bool:
        """True if any line that should be there is, whatever it says."""
        return any(self.lines.get(key) is not None for key in lines)

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the header that must be read."""
        return frozenset(self.header)

    @property
    def line_columns(self) -> frozenset[str]:
        """The columns of lines that must be read."""
        return frozenset(column for values in self.lines.values() for column in values or ())

    @property
    def brief(self) -> "Expected":
        """As much of it as tells: lines are written all together or not at all."""
        return Expected(self.header, dict(list(self.lines.items())[:1]), self.canceled)


def added(identity: UUID, lines: Iterable[SalesOrderLineInput]) -> Expected:
    """All `lines` with their derived ids, and none behind them."""
    wanted: dict[str, Values | None] = {}
    number = 0
    for number, line in enumerate(lines, start=1):
        wanted[str(line_id(identity, number))] = _values(line)
    return Expected(lines=wanted | {str(line_id(identity, number + 1)): None})


def _values(line: SalesOrderLineInput) -> Values:
    """The values of a line in an input, without looking up its product."""
    values = columns_of(line, LINE) | own_values.columns(line.own)
    if line.product is not None:
        values[PRODUCT] = str(ids.key(Product.__table__, line.product)[0])
    if line.number is not None:
        values[NUMBER] = line.number
    if line.item_number is not None:
        values[ITEM_NUMBER] = line.item_number
    if line.unit is not None:
        values[UNIT] = line.unit
    return values


def _holds(wanted: Values, row: Raw) -> bool:
    return all(
        _alike(value_at(row, column), value, folded=column in FOLDED)
        for column, value in wanted.items()
    )


def _alike(found: Any, wanted: Any, *, folded: bool) -> bool:
    """Equality letter by letter, after a journey through JSON; numbers may be spelled otherwise."""
    if found is None or wanted is None:
        return (found or None) is (wanted or None)
    if isinstance(found, int | Decimal | float) and not isinstance(found, bool):
        return Decimal(str(found)) == Decimal(str(wanted))
    said = str(found), str(wanted)
    return len({*map(spelled, said)} if folded else {*said}) == 1
