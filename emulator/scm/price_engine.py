"""The ERP's pricing engine: a product, a quantity and a customer -> the price and what made it.

Released products have the base price, `SalesPriceAgreements` what was agreed on, and `Offer`s the
discounts. In which order they count is documented; how the engine picks one of several agreements
is unverified: here the lowest price wins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from emulator.metadata import RATE_PLACES
from emulator.scm.known_orders import Orders, number_of
from emulator.store import Store
from emulator.values import Row, Stored, fold
from emulator.world.products import BOX

AGREEMENTS: Final = "SalesPriceAgreements"
RECORDS: Final = "ProductCategoryAssignments"
RECORD: Final = "ProductRecId"
WHOLE: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Offer:
    """A discount in percent on some items, or all, from a quantity on."""

    id: str
    name: str
    percentage: Decimal
    items: frozenset[str] = frozenset()
    from_quantity: Decimal = Decimal(0)
    priority: int = 0

    def covers(self, item: str, quantity: Decimal) -> bool:
        return (not self.items or item in self.items) and quantity >= self.from_quantity


OFFERS: Final = (
    Offer("ST100201", "Volume discount", Decimal(5), from_quantity=Decimal(20), priority=1994),
)
"""The discounts that an emulator has unless it is given others."""


@dataclass(frozen=True, slots=True)
class CalculatedPrice:
    """A price of one unit, and the steps that led to it."""

    product: Row
    record: int
    base: Decimal
    agreement: Decimal | None
    agreement_record: int
    offers: tuple[Offer, ...]
    currency: str
    unit: str
    quantity: Decimal

    @property
    def adjusted(self) -> Decimal:
        """The price before discounts."""
        return self.base if self.agreement is None else self.agreement

    @property
    def percentage(self) -> Decimal:
        """All discounts together, in percent of the price before them."""
        return min(sum((each.percentage for each in self.offers), Decimal()), WHOLE)

    @property
    def discount(self) -> Decimal:
        return self.adjusted * self.percentage / WHOLE

    @property
    def net(self) -> Decimal:
        """The price that the customer pays."""
        return self.adjusted - self.discount


class PriceEngine:
    """Prices by the rows of one store."""

    def __init__(self, store: Store, offers: Sequence[Offer] = OFFERS) -> None:
        self._store = store
        self._orders = Orders(store)
        self.offers = tuple(offers)

    def of_record(self, area: str, record: int) -> Row | None:
        """The product of a company by its record number."""
        table = self._store.catalog.tables[RECORDS]
        found = self._store.find(table, f'"{RECORD}" = ?', [record])
        number = found["ProductNumber"] if found else None
        known = self._orders.rows("CDSReleasedDistinctProducts", area, "ProductNumber", number)
        return known[0] if known else None

    def price(
        self,
        product: Row,
        account: str,
        quantity: Decimal,
        *,
        unit: str | None = None,
        currency: Stored = None,
        record: int = 0,
    ) -> CalculatedPrice:
        """The price for a customer; in the customer's currency unless another is named."""
        area = str(product["dataAreaId"])
        customer = self._orders.customer_row(area, account)
        code = str(currency or (customer and customer["SalesCurrencyCode"]) or "USD")
        sold = str(product["SalesUnitSymbol"])
        asked = unit or sold
        agreed = min(self._agreed(product, account, quantity, asked, code), default=None)
        item = str(product["ItemNumber"])
        return CalculatedPrice(
            product=product,
            record=record,
            base=self._base(product, code, asked, sold),
            agreement=agreed[0] if agreed else None,
            agreement_record=agreed[1] if agreed else 0,
            offers=tuple(each for each in self.offers if each.covers(item, quantity)),
            currency=code,
            unit=asked,
            quantity=quantity,
        )

    def _base(self, product: Row, currency: str, unit: str, sold: str) -> Decimal:
        table = self._store.catalog.tables["CDSReleasedDistinctProducts"]
        known = self._orders.currency(currency) or {}
        rate = known.get("exchangerate")
        factor = Decimal(rate if isinstance(rate, int) else 10**RATE_PLACES).scaleb(-RATE_PLACES)
        price = number_of(table, product, "SalesPrice") * factor
        if fold(unit) == "box" and fold(sold) != "box":
            price *= BOX
        places = Decimal(1).scaleb(-self._orders.places(currency))
        return price.quantize(places, ROUND_HALF_UP)

    def _agreed(
        self, product: Row, account: str, quantity: Decimal, unit: str, currency: str
    ) -> Iterator[tuple[Decimal, int]]:
        """The agreements that fit: their prices, and their records."""
        table = self._store.catalog.tables[AGREEMENTS]
        area, item = product["dataAreaId"], product["ItemNumber"]
        for row in self._orders.rows(AGREEMENTS, area, "ItemNumber", item):
            least, most = (number_of(table, row, f"{each}Quantity") for each in ("From", "To"))
            fits = {
                "CustomerAccountNumber": account,
                "PriceCurrencyCode": currency,
                "QuantityUnitySymbol": unit,
            }
            mine = all(fold(str(row[name] or value)) == fold(value) for name, value in fits.items())
            if mine and least <= quantity and (not most or quantity < most):
                yield number_of(table, row, "Price"), int(row["RecordId"] or 0)
