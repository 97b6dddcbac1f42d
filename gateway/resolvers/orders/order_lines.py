"""Order lines before they are checked: as they are wanted, and with what was found for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from gateway.config.parsers import Unpriced
from gateway.resolvers.orders.inputs import SalesOrderLineInput
from gateway.schema.business.catalog import Product
from gateway.schema.business.order_settings import OrderSettings
from gateway.schema.business.prices import Price
from gateway.schema.business.values import Money


@dataclass(frozen=True, slots=True)
class Changing:
    """A line that is there already, and what is to be written of it."""

    id: UUID
    product: UUID | None
    quantity: Decimal
    """The quantity now."""
    unit: UUID | None
    price: Money | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A requested line, new or changed, with its place in the input."""

    line: SalesOrderLineInput
    path: tuple[str, ...]
    before: Changing | None = None

    @property
    def growth(self) -> Decimal:
        """The difference to the quantity that it was."""
        return self.line.quantity - (self.before.quantity if self.before else Decimal())

    @property
    def grows(self) -> bool:
        return self.growth > 0

    @property
    def is_kept(self) -> bool:
        """True if it is as much as before."""
        return self.before is not None and self.growth == 0

    def at(self, *path: str) -> list[str]:
        return ["input", *self.path, *path]


@dataclass(frozen=True, slots=True)
class Found:
    """A line with everything that was loaded for it."""

    wanted: WantedLine
    rule: Unpriced
    today: date
    product: Product | None = None
    candidates: Sequence[Product] = ()
    """The products that its number stands for, where they are several."""
    company: str | None = None
    """The code of the legal entity that sells."""
    units: Mapping[str, UUID] = field(default_factory=dict)
    """The units of the product's schedule by their symbols, where one was named."""
    settings: OrderSettings | None = None
    """Of the company that sells."""
    unit: UUID | None = None
    price: Money | None = None
    calculated: Price | None = None
    """The same by the ERP's engine, where that worked it out."""


@dataclass(frozen=True, slots=True)
class OtherLines:
    """The lines of an order that stay as they are."""

    count: int = 0
    amount: Decimal = Decimal()
    """The amount of all of them, in the currency of the order."""
