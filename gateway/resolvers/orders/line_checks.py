"""
Every way to an order line and every check that a line passes on each of them. All pure.

A row is made of a `Basket` alone, a basket of `Item`s, and an item comes from `judged`, which takes
what was found for `Sound` lines: a way that leaves out a check does not fit together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import islice
from uuid import UUID

from gateway.resolvers.orders.deal import Deal
from gateway.resolvers.orders.input_checks import day_mistakes, folded, is_id
from gateway.resolvers.orders.input_rules import InputRules, size
from gateway.resolvers.orders.inputs import MAXIMUM_LINES
from gateway.resolvers.orders.order_lines import Found, OtherLines, WantedLine
from gateway.resolvers.orders.quantity_checks import not_sold_so, too_fine
from gateway.resolvers.orders.user_errors import (
    Errors,
    PriceUnknown,
    ProductAmbiguous,
    ProductNotFound,
    ProductNotSellable,
    UnknownUnit,
    UserError,
    Wrong,
    invalid,
)
from gateway.schema.business.catalog import Product, ProductState
from gateway.schema.business.prices import Price
from gateway.schema.business.values import Money
from gateway.schema.ids import NOT_AN_ID

LARGEST_QUANTITY = 100_000_000_000
"""The largest number that the column of quantities holds."""
LARGEST_AMOUNT = 1_000_000_000_000
"""Of an order, in its currency and in the organization's: with tax, columns of amounts hold it."""
MAXIMUM_NUMBER = 100
"""Characters of a number that names a product."""
NUMBERS = "number, itemNumber and customerItemNumber."
MAXIMUM_DECIMALS = 5
"""Of the column of quantities, and so of any product."""
SOLD = (ProductState.ACTIVE, ProductState.UNDER_REVISION)
USUAL_DECIMALS = 2
"""Of a currency that does not say."""


class WayToLine(Enum):
    """
    Every mutation by which a line comes to be, or to be more, or is asked for: its name in the
    schema.
    """

    CREATE = "createSalesOrder"
    PREVIEW = "previewSalesOrder"
    ADD = "addSalesOrderLines"
    IMPORT = "importSalesOrderLines"
    CHANGE = "updateSalesOrderLine"
    REORDER = "reorder"
    REQUEST = "requestQuote"


class Check(Enum):
    """Every check of a line; tests try each on every way."""

    COUNT = "how many lines an order has"
    NAME = "that one name says which product"
    OWN = "that members of extensions can be kept"
    QUANTITY = "that the quantity is one that can be kept"
    TEXT = "that the texts can be kept"
    PRODUCT = "that there is such a product"
    SELLABLE = "that the company of the order sells it"
    UNIT = "that it is sold in the unit"
    DECIMALS = "that the quantity is no finer than the product"
    LIMITS = "that the quantity is one that the company sells"
    PRICE = "that there is a price, where the settings ask for one"
    AMOUNT = "that the amount is one that can be kept"
    DAY = "that the day has not passed"
    HOLD = "that the account is not on hold"
    CREDIT = "that the account does not exceed its credit limit"


@dataclass(frozen=True, slots=True)
class Sound:
    """Lines whose input has no mistakes; made by `sound`."""

    lines: Sequence[WantedLine]


@dataclass(frozen=True, slots=True)
class Item:
    """A line that passed every check of its own. Made by `judged`."""

    wanted: WantedLine
    product: Product | None
    """None of a line alone that does not grow."""
    unit: UUID | None
    price: Money | None
    calculated: Price | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines that passed every check, together too. Made by `filled`."""

    deal: Deal
    items: Sequence[Item]

    def amount(self, item: Item) -> Decimal:
        return self.deal.amount(item.wanted.line.quantity, item.price)


def sound(
    lines: Sequence[WantedLine],
    rules: InputRules,
    *place: str,
    besides: Sequence[UserError] = (),
) -> Sound:
    """
    The lines, if their input is right; otherwise Wrong with all their mistakes and those in
    `besides`.

    `place` is the path of the list in the input.
    """
    errors = [*besides]
    if 1 <= len(lines) <= MAXIMUM_LINES:
        errors += [error for line in lines for error in input_mistakes(line, rules)]
    else:
        errors.append(invalid(f"Send 1 to {MAXIMUM_LINES} lines.", *place))
    if errors:
        raise Wrong(*errors)
    return Sound(lines)


def input_mistakes(wanted: WantedLine, rules: InputRules) -> Errors:
    """The mistakes in the input of one line by itself, whatever day it is."""
    return [error for check in OF_INPUT.values() for error in check(wanted, rules)]


def judged(found: Found) -> Item | UserError:
    """The checked line, or its first error."""
    checks = OF_LINE if found.wanted.grows else OF_SMALLER_LINE
    wrong = next((error for check in checks.values() for error in check(found)), None)
    return wrong or Item(found.wanted, found.product, found.unit, found.price, found.calculated)


def filled(
    deal: Deal, lines: Sequence[Item | UserError], besides: Errors, *, others: OtherLines
) -> Basket:
    """
    The lines as what is ordered, beside the others of the order; Wrong with all that is wrong with
    them, and with what is wrong besides.
    """
    errors = [each for each in lines if isinstance(each, UserError)]
    items = [each for each in lines if isinstance(each, Item)]
    new = sum(each.wanted.before is None for each in items)
    if new and others.count + new > MAXIMUM_LINES:
        errors.append(
            invalid(f"An order may have at most {MAXIMUM_LINES} lines; place another one.", "order")
        )
    errors += islice(_excessive(deal, items, others.amount), 1)
    if errors or besides:
        raise Wrong(*errors, *besides)
    return Basket(deal, items)


def _excessive(deal: Deal, items: Sequence[Item], total: Decimal) -> Iterator[UserError]:
    """The lines that grow and with which the amount of all is more than can be kept."""
    rate = (deal.currency and deal.currency.rate) or Decimal(1)
    for item in items:
        total += deal.amount(item.wanted.line.quantity, item.price)
        if item.wanted.grows and max(total, total / rate) > LARGEST_AMOUNT:
            yield _too_much(item.wanted)


def _too_much(wanted: WantedLine) -> UserError:
    return invalid(
        f"The amount may be at most {LARGEST_AMOUNT:,}; lower the quantity.",
        *wanted.path,
        "quantity",
    )


def growth(deal: Deal, lines: Sequence[Item | UserError]) -> Decimal:
    """By how much lines raise what is on order."""
    return sum((_grown(deal, each) for each in lines if isinstance(each, Item)), Decimal())


def _grown(deal: Deal, item: Item) -> Decimal:
    before = item.wanted.before.quantity if item.wanted.before else Decimal()
    now = deal.amount(item.wanted.line.quantity, item.price)
    return now - deal.amount(before, item.price)


def unit_of(wanted: WantedLine, product: Product, units: Mapping[str, UUID]) -> UUID | None:
    """The unit that a line has or names, in another spelling too where it fits only one."""
    symbol = wanted.line.unit
    if wanted.before is not None:
        return wanted.before.unit
    if symbol is None or symbol in units:
        return product._unit_id if symbol is None else units[symbol]
    alike = [unit for each, unit in units.items() if folded(each) == folded(symbol)]
    return alike[0] if len(alike) == 1 else None


def _own(wanted: WantedLine, rules: InputRules) -> Iterator[UserError]:
    yield from rules.own_mistakes(wanted.line.own, *wanted.path)


def _name(wanted: WantedLine, _: InputRules) -> Iterator[UserError]:
    line = wanted.line
    numbers = {
        "number": line.number,
        "itemNumber": line.item_number,
        "customerItemNumber": line.customer_item_number,
    }
    names = sum(name is not None for name in (line.product, *numbers.values()))
    if wanted.before is None and names != 1:
        said = "Name the product by exactly one of product, " + NUMBERS
        yield invalid(said, *wanted.path)
    elif line.product is not None and not is_id(Product, line.product):
        yield invalid(NOT_AN_ID, *wanted.path, "product")
    for name, number in numbers.items():
        if size(number or "") > MAXIMUM_NUMBER:
            yield invalid(
                f"{name} may have at most {MAXIMUM_NUMBER} characters.", *wanted.path, name
            )


def _quantity(wanted: WantedLine, _: InputRules) -> Iterator[UserError]:
    quantity, path = wanted.line.quantity, (*wanted.path, "quantity")
    if quantity.is_finite() and wanted.is_kept:
        return
    if not quantity.is_finite() or not 0 < quantity <= LARGEST_QUANTITY:
        said = f"quantity must be more than 0 and at most {LARGEST_QUANTITY:,}."
        yield invalid(said, *path)
    elif quantity != round(quantity, MAXIMUM_DECIMALS):
        yield invalid(f"quantity may have at most {MAXIMUM_DECIMALS} decimals.", *path)


def _texts(wanted: WantedLine, rules: InputRules) -> Iterator[UserError]:
    yield from rules.text_mistakes(wanted.line, *wanted.path)


def _product(found: Found) -> Iterator[UserError]:
    if found.candidates:
        said = "Several products have this number; use the number of one of the candidates."
        candidates = list(found.candidates)
        yield ProductAmbiguous(message=said, path=found.wanted.at(), candidates=candidates)
    elif found.product is None:
        yield ProductNotFound(message="There is no such product.", path=found.wanted.at())


def _sellable(found: Found) -> Iterator[UserError]:
    product = found.product
    if product is None:
        return
    stopped = found.settings is not None and found.settings.is_stopped
    if product.state not in SOLD or stopped or not is_sold_by(product, found.company):
        yield ProductNotSellable(message="The product is not for sale.", path=found.wanted.at())


def is_sold_by(product: Product, company: str | None) -> bool:
    """True if a legal entity has released a product; one that none has released is everybody's."""
    if product.company is None or company is None:
        return True
    return product.company.casefold() == company.casefold()


def _unit(found: Found) -> Iterator[UserError]:
    wanted = found.wanted
    if wanted.before is None and wanted.line.unit is None:
        return
    if found.unit not in found.units.values():
        path = wanted.at("unit" if wanted.before is None else "quantity")
        said = "The product is not sold in this unit; use one of units."
        yield UnknownUnit(message=said, path=path, units=sorted(found.units))


def _decimals(found: Found) -> Iterator[UserError]:
    if found.product is not None and not found.wanted.is_kept:
        decimals = found.product.decimals or 0
        yield from too_fine(found.wanted.line.quantity, decimals, found.wanted.at("quantity"))


def _limits(found: Found) -> Iterator[UserError]:
    # What the seller's limits are in another unit depends on conversions that the ERP has.
    own = found.product is not None and found.unit == found.product._unit_id
    if found.settings is not None and own and not found.wanted.is_kept:
        sold = found.settings.quantities
        yield from not_sold_so(found.wanted.line.quantity, sold, found.wanted.at("quantity"))


def _price(found: Found) -> Iterator[UserError]:
    if found.price is None and found.rule == "refuse":
        yield PriceUnknown(
            message="You have no price for this product; ask the seller.", path=found.wanted.at()
        )


def _amount(found: Found) -> Iterator[UserError]:
    wanted, price = found.wanted, found.price
    if price is not None and wanted.line.quantity * price.amount > LARGEST_AMOUNT:
        yield _too_much(wanted)


def _day(found: Found) -> Iterator[UserError]:
    yield from day_mistakes(found.wanted.line, found.today, *found.wanted.path)


OF_INPUT: Mapping[Check, Callable[[WantedLine, InputRules], Iterator[UserError]]] = {
    Check.OWN: _own,
    Check.NAME: _name,
    Check.QUANTITY: _quantity,
    Check.TEXT: _texts,
}
OF_SMALLER_LINE: Mapping[Check, Callable[[Found], Iterator[UserError]]] = {
    Check.DECIMALS: _decimals,
    Check.LIMITS: _limits,
    Check.DAY: _day,
}
"""The checks of a line that does not grow, once everything is loaded for it."""
OF_LINE: Mapping[Check, Callable[[Found], Iterator[UserError]]] = {
    Check.PRODUCT: _product,
    Check.SELLABLE: _sellable,
    Check.UNIT: _unit,
    **OF_SMALLER_LINE,
    Check.PRICE: _price,
    Check.AMOUNT: _amount,
}
"""The same of a line that is new or grows."""
