"""Draws orders and decides their whole life: what was ordered, shipped and billed, and when."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum
from typing import Final

from emulator.world.customers import BUYER, PAYMENT_CENTER, SPECIALS, Customer, Person
from emulator.world.products import Product, money, places_of
from emulator.world.reference_rows import DELIVERY_TERMS, ORIGINS, SHIP_VIAS, SITES
from emulator.world.seed import REFERENCE, Seed
from emulator.world.sizes import LINES_PER_ORDER

HALF: Final = Decimal("0.5")
HISTORY_DAYS: Final = 720
PAID_ELSEWHERE: Final = 5


class Status(IntEnum):
    """`msdyn_processingstatus`."""

    ACTIVE = 192350000
    CONFIRMED = 192350001
    PICKED = 192350002
    PARTIALLY_DELIVERED = 192350003
    DELIVERED = 192350004
    INVOICED = 192350005
    PARTIALLY_INVOICED = 192350006
    CANCELED = 192350007


WEIGHTS: Final = {
    Status.ACTIVE: 12,
    Status.CONFIRMED: 9,
    Status.PICKED: 6,
    Status.PARTIALLY_DELIVERED: 12,
    Status.DELIVERED: 10,
    Status.INVOICED: 38,
    Status.PARTIALLY_INVOICED: 8,
    Status.CANCELED: 5,
}
SHIPPED_IN_FULL: Final = {Status.DELIVERED, Status.INVOICED, Status.PARTIALLY_INVOICED}
UNTOUCHED: Final = {Status.ACTIVE, Status.CANCELED}


@dataclass(frozen=True, kw_only=True)
class WorldLine:
    """One line; quantities count in steps of its unit, shipments hold the steps of each slip."""

    number: int
    lot: str
    product: Product
    steps: int
    step: Decimal
    price: Decimal
    discount: int | Decimal
    tax_rate: Decimal
    currency: str
    places: int
    """Decimals of an amount in the currency."""
    shipments: tuple[int, ...]
    site: str
    warehouse: str

    @property
    def quantity(self) -> Decimal:
        return self.steps * self.step

    @property
    def amount(self) -> Decimal:
        return self.amount_of(self.steps)

    @property
    def tax(self) -> Decimal:
        return self.tax_of(self.steps)

    @property
    def delivered(self) -> int:
        return sum(self.shipments)

    def amount_of(self, steps: int) -> Decimal:
        """The net amount of the first `steps` steps; the amounts of parts add up to the whole."""
        gross = steps * self.step * self.price
        return _rounded(gross * (100 - self.discount) / 100, self.places)

    def discount_of(self, steps: int) -> Decimal:
        return _rounded(steps * self.step * self.price, self.places) - self.amount_of(steps)

    def tax_of(self, steps: int) -> Decimal:
        return _rounded(self.amount_of(steps) * self.tax_rate, self.places)

    def shipped_before(self, slip: int) -> int:
        return sum(self.shipments[:slip])


@dataclass(frozen=True, kw_only=True)
class WorldOrder:
    """One order with everything that happened to it."""

    id: str
    number: str
    index: int
    customer: Customer
    payer: Customer
    """The customer whom its invoices are for, the ordering customer itself mostly."""
    orderer: Person | None
    by_party: bool
    """The orderer is named through the party model alone, as newer environments do."""
    status: Status
    placed: datetime
    wished: datetime | None
    freight: Decimal
    lines: tuple[WorldLine, ...]
    slips: tuple[datetime, ...]
    invoiced: int
    """The number of packing slips that are invoiced."""
    ship_via: str
    terms: str
    origin: str
    reference: str | None
    requisition: str | None

    @property
    def confirmed(self) -> datetime | None:
        return None if self.status in UNTOUCHED else self.placed + timedelta(days=4)

    @property
    def net(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), Decimal(0))

    @property
    def discount(self) -> Decimal:
        return sum((line.discount_of(line.steps) for line in self.lines), Decimal(0))

    @property
    def total(self) -> Decimal:
        return self.net + self.tax + self.freight


@dataclass
class Draw:
    """The stock that orders are drawn from, and the number sequences of each company."""

    seed: Seed
    customers: list[Customer]
    people: list[Person]
    products: list[Product]

    def __post_init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.lots: Counter[str] = Counter()
        self.weights = [customer.orders for customer in self.customers]
        companies = {customer.company.code: customer.company for customer in self.customers}
        self.released = {
            code: [
                each for each in self.products if each.is_released_in(company) and not each.is_draft
            ]
            for code, company in companies.items()
        }
        self.payers = _payers(self.customers)
        self.staff: dict[str, list[Person]] = {}
        for person in self.people:
            if person.customer and person.is_active and person.email:
                self.staff.setdefault(person.customer.id, []).append(person)

    def orders(self, count: int) -> Iterator[WorldOrder]:
        """Make `count` orders with five lines each on average; the demo users order first."""
        lines = 0
        for index in range(count):
            lines = 2 * LINES_PER_ORDER - lines if index % 2 else self.seed.random.randrange(1, 10)
            yield self._order(index, lines)

    def _order(self, index: int, lines: int) -> WorldOrder:
        seed = self.seed
        customer, orderer = self._parties(index)
        code = customer.company.code
        self.numbers[code] += 1
        number = f"SO-{self.numbers[code]:06d}"
        status, placed = self._life(index)
        slips = _slips(seed, status, placed)
        return WorldOrder(
            id=seed.id("salesorders", code, number),
            number=number,
            index=index,
            customer=customer,
            payer=self._payer(index, customer),
            orderer=orderer,
            by_party=index % 10 == 7,
            status=status,
            placed=placed,
            wished=placed + timedelta(days=7) if seed.chance(85) else None,
            freight=money(Decimal(seed.weighted({0: 5, 12: 3, 25: 2})), customer.currency),
            lines=tuple(self._lines(customer, status, lines, len(slips))),
            slips=slips,
            invoiced=_invoiced(seed, status, len(slips)),
            ship_via=seed.pick(list(SHIP_VIAS)),
            terms=seed.pick(list(DELIVERY_TERMS)),
            origin=seed.pick(list(ORIGINS)),
            reference=f"PO {seed.random.randrange(10_000, 99_999)}" if seed.chance(70) else None,
            requisition=f"REQ/{index}" if seed.chance(30) else None,
        )

    def _life(self, index: int) -> tuple[Status, datetime]:
        """The progress of an order, and when it was placed."""
        status = self.seed.weighted(WEIGHTS)
        return status, self.seed.moment(30 if status in UNTOUCHED else HISTORY_DAYS)

    def _parties(self, index: int) -> tuple[Customer, Person | None]:
        """The customer and the orderer; nobody is named on orders that came by other ways."""
        if index < 4 * len(self._demo):
            person = self._demo[index % len(self._demo)]
            assert person.customer is not None  # noqa: S101 - demo users work for customers
            return person.customer, person
        customer = self.seed.random.choices(self.customers, self.weights)[0]
        staff = self.staff.get(customer.id)
        named = staff and self.seed.chance(90)
        return customer, self.seed.pick(staff) if named and staff else None

    def _payer(self, index: int, customer: Customer) -> Customer:
        """Every fifth order of some customers is billed to another account than their own."""
        payer = self.payers.get(customer.id)
        return payer if payer and index % PAID_ELSEWHERE == 0 else customer

    @property
    def _demo(self) -> list[Person]:
        return self.people[:4]

    def _lines(
        self, customer: Customer, status: Status, count: int, slips: int
    ) -> Iterator[WorldLine]:
        site = self.seed.pick(list(SITES))
        released = self.released[customer.company.code]
        previous: Product | None = None
        for number in range(1, count + 1):
            # An order may repeat an item, so nothing can be matched by item alone.
            repeats = previous is not None and self.seed.chance(8)
            product = previous if previous and repeats else self._chosen(number, released)
            previous = product
            yield self._line(customer, status, number, product, site, slips)

    def _chosen(self, number: int, released: list[Product]) -> Product:
        """The product of a line."""
        return self.seed.pick(released)

    def _steps(self, number: int, product: Product) -> int:
        """The first line is large enough for every slip to carry some of it."""
        return self.seed.random.randrange(4 if number == 1 else 1, 60)

    def _line(
        self,
        customer: Customer,
        status: Status,
        number: int,
        product: Product,
        site: str,
        slips: int,
    ) -> WorldLine:
        seed, company = self.seed, customer.company
        self.lots[company.code] += 1
        steps = self._steps(number, product)
        return WorldLine(
            number=number,
            lot=f"{self.lots[company.code]:09d}",
            product=product,
            steps=steps,
            step=HALF if product.unit == "kg" else Decimal(1),
            price=product.price_in(customer.currency, customer.price_list),
            discount=seed.weighted({0: 8, 5: 1, 10: 1}),
            tax_rate=company.tax if customer.country is company.home else Decimal(0),
            currency=customer.currency,
            places=places_of(customer.currency),
            shipments=_shipments(seed, status, number, steps, slips),
            site=site,
            warehouse=seed.pick(SITES[site]),
        )


def _payers(customers: list[Customer]) -> dict[str, Customer]:
    """The payers for some customers: a payment center for the first, the last for a few others."""
    centers = [each for each in customers if each.number == PAYMENT_CENTER]
    found = {each.id: centers[0] for each in customers if centers and each.number == BUYER}
    return found | {
        each.id: customers[-1]
        for each in customers[len(SPECIALS) : -1 : PAID_ELSEWHERE]
        if (each.company, each.country) == (customers[-1].company, customers[-1].country)
    }


def _slips(seed: Seed, status: Status, placed: datetime) -> tuple[datetime, ...]:
    """The times at which goods left, never after the reference date."""
    if status in SHIPPED_IN_FULL:
        count = seed.weighted({1: 6, 2: 3, 3: 1})
        count = max(count, 2) if status is Status.PARTIALLY_INVOICED else count
    else:
        count = seed.weighted({1: 3, 2: 1}) if status is Status.PARTIALLY_DELIVERED else 0
    room = (REFERENCE - placed) / (count + 1)
    gap = min(room, timedelta(days=5))
    return tuple(placed + gap * (slip + 1) for slip in range(count))


def _invoiced(seed: Seed, status: Status, slips: int) -> int:
    if status is Status.INVOICED:
        return slips
    return seed.random.randrange(1, slips) if status is Status.PARTIALLY_INVOICED else 0


def _shipments(seed: Seed, status: Status, number: int, steps: int, slips: int) -> tuple[int, ...]:
    """The quantity of a line on each slip; the first is on every one, and partial is partial."""
    if not slips:
        return ()
    going = steps
    if status is Status.PARTIALLY_DELIVERED:
        going = steps // 2 if number == 1 else seed.pick((0, steps, steps // 2))
    if number == 1:
        each, rest = divmod(going, slips)
        return (each + rest, *[each] * (slips - 1))
    slip = seed.random.randrange(slips)
    return tuple(going if each == slip else 0 for each in range(slips))


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
