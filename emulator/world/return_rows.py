"""
Return orders: goods of shipped orders that customers send back, as the ERP keeps them.

That a quantity to return is negative is seen in code that writes return orders (M); that what came
back and the amounts are negative too is inferred (U), as is which states go together. Nothing here
draws from a world's chance, so that the rest of a world is the same with them.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Final

from emulator.days import erp_day
from emulator.world.orders import WorldLine, WorldOrder
from emulator.world.seed import REFERENCE, Row, Rows, Seed

HEADERS, LINES = "ReturnOrderHeadersV2", "ReturnOrderLinesV2"
EACH: Final = 8
EACH_RECENT: Final = 2
"""One of so many shipped orders of a customer comes back in part."""
MOST: Final = 3
"""Lines of a return."""
VALID: Final = timedelta(days=30)
"""The time that a customer has to send something back."""
UNDERWAY: Final = timedelta(days=6)
REASONS: Final = ("Damaged", "Defective", "Wrong item", "Too many")
COST: Final = Decimal("0.62")
"""The share of its price that something cost, which is none of customers' business."""


class Stage(Enum):
    """The progress of a return: the status of its header, and of each of its lines in turn."""

    AGREED = "Created", ("Awaiting",)
    ARRIVED = "Open", ("Registered", "Awaiting", "Quarantine")
    TAKEN = "Open", ("Received",)
    CREDITED = "Closed", ("Invoiced",)
    CANCELED = "Canceled", ("Canceled",)

    @property
    def has_goods(self) -> bool:
        """True if some of the goods have arrived."""
        return self in (Stage.ARRIVED, Stage.TAKEN, Stage.CREDITED)


AGES: Final = {Stage.ARRIVED: (5, 9), Stage.AGREED: (0, 4), Stage.TAKEN: (10, 15)}
"""Days since a return was agreed on that is still under way: from, and to."""
SOON: Final = timedelta(days=5)
"""The time before which nobody sends anything back."""
RECENT: Final = timedelta(days=60)
"""Goods that were sent before then have come back long ago."""


@dataclass(frozen=True)
class Return:
    """An order of which something comes back, and the moment at which that was agreed on."""

    order: WorldOrder
    agreed: datetime
    stage: Stage
    chance: Random


class Returns:
    """The returns of a world, numbered by the day on which they were agreed on."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._found: list[Return] = []
        self._sent: Counter[tuple[str, bool]] = Counter()
        """The orders of which something was sent, by customer: those of late, and others."""
        self._placed: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        """The orders of each customer, by the moment at which they were placed."""

    def consider(self, order: WorldOrder) -> None:
        """Keep in mind an order of which something may come back."""
        self._placed[order.customer.id].append((order.placed, order.number))
        if not order.slips or order.slips[-1] > REFERENCE - SOON:
            return
        late = order.slips[-1] > REFERENCE - RECENT
        before = self._sent[order.customer.id, late]
        self._sent[order.customer.id, late] += 1
        every = EACH_RECENT if late else EACH
        if before % every == 0:
            self._found.append(self._made(order, before // every))

    def _made(self, order: WorldOrder, place: int) -> Return:
        key = self._seed.id("returns", order.customer.company.code, order.number)
        chance = Random(key)  # noqa: S311 - repeatable
        stage, agreed = _life(order.slips[-1], place, chance)
        return Return(order, agreed, stage, chance)

    def rows(self) -> Rows:
        numbers: Counter[str] = Counter()
        for each in sorted(self._found, key=lambda found: found.agreed):
            code = each.order.customer.company.code
            numbers[code] += 1
            yield from self._rows(each, numbers[code])

    def _rows(self, each: Return, place: int) -> Rows:
        key = {
            "dataAreaId": each.order.customer.company.area,
            "ReturnOrderNumber": f"RO-{place:06d}",
        }
        lines = [
            key | _line(each, line, index) for index, line in enumerate(_sent_back(each.order))
        ]
        yield HEADERS, key | _header(each, place, lines) | self._replacement(each)
        for row in lines:
            yield LINES, row

    def _replacement(self, each: Return) -> Row:
        """Every fifth customer gets other goods, by an order that was placed later."""
        later = [
            number
            for placed, number in self._placed[each.order.customer.id]
            if each.agreed < placed < each.agreed + VALID
        ]
        if not later or each.stage is Stage.CANCELED or each.chance.randrange(5):
            return {"ReplacementSalesOrderNumber": "", "IsReplacementSalesOrderCreated": "No"}
        return {
            "ReplacementSalesOrderNumber": later[0],
            "IsReplacementSalesOrderCreated": "Yes",
        }


def _life(sent: datetime, place: int, chance: Random) -> tuple[Stage, datetime]:
    """
    The progress of a return of what was sent then, and the moment at which it was agreed on.

    `place` is its place among those of its customer, which are at different stages in turn.
    """
    days = (REFERENCE - sent).days
    under_way = [stage for stage, (first, _) in AGES.items() if first < days]
    if sent < REFERENCE - RECENT or not under_way:
        stage = Stage.CREDITED if chance.randrange(8) else Stage.CANCELED
        return stage, sent + timedelta(days=chance.randrange(1, 9))
    stage = under_way[place % len(under_way)]
    first, last = AGES[stage]
    return stage, REFERENCE - timedelta(days=chance.randint(first, min(last, days)), hours=1)


def _sent_back(order: WorldOrder) -> list[WorldLine]:
    return [line for line in order.lines if line.delivered][:MOST]


def _header(each: Return, place: int, lines: list[Row]) -> Row:
    order, customer = each.order, each.order.customer
    town = customer.company.home.places[0]
    net = sum((row["LineAmount"] for row in lines), Decimal(0))
    tax = sum((row["TotalTaxAmount"] for row in lines), Decimal(0))
    return {
        "RMANumber": f"RMA-{place:05d}",
        "CustomerAccountNumber": customer.number,
        "InvoiceCustomerAccountNumber": order.payer.number,
        "ContactPersonId": order.orderer.number if order.orderer else "",
        "CustomersOrderReference": order.reference or "",
        "CustomerRequisitionNumber": order.requisition or "",
        "CustomerReturnReasonCode": each.chance.choice(REASONS),
        "ReturnDeadline": erp_day(each.agreed + VALID),
        "ReturnStatus": each.stage.value[0],
        "CurrencyCode": customer.currency,
        "LanguageId": "en-us",
        "OrderTotalAmount": net + tax,
        "OrderTotalTaxAmount": tax,
        "DefaultReturnSiteId": order.lines[0].site,
        "DefaultReturnWarehouseId": order.lines[0].warehouse,
        "ReturnAddressName": f"{customer.company.name}, returns"[:60],
        "ReturnAddressStreet": town.street,
        "ReturnAddressCity": town.city,
        "ReturnAddressStateId": town.state,
        "ReturnAddressZipCode": town.zip,
        "ReturnAddressCountryRegionId": customer.company.home.erp,
        "ReturnAddressCountryRegionISOCode": customer.company.home.iso,
    }


def _line(each: Return, line: WorldLine, index: int) -> Row:
    statuses = each.stage.value[1]
    status = statuses[index % len(statuses)]
    steps = each.chance.randrange(1, line.delivered + 1)
    arrived = each.stage.has_goods and status != "Awaiting"
    expected = each.agreed + UNDERWAY
    came = min(expected + timedelta(days=each.chance.randrange(-2, 3)), REFERENCE)
    quantity = steps * line.step
    return {
        "ReturnInventoryLotId": f"R{line.lot}",
        "LineCreationSequenceNumber": index + 1,
        "RMANumber": "",
        "CustomerAccountNumber": each.order.customer.number,
        "InvoiceCustomerAccountNumber": each.order.payer.number,
        "ItemNumber": line.product.item,
        "ProductColorId": line.product.color,
        "ProductSizeId": line.product.size,
        "LineDescription": line.product.name,
        "ReturnSalesQuantity": -quantity,
        "ReturnedSalesQuantity": -quantity if arrived else Decimal(0),
        "SalesUnitSymbol": line.product.unit,
        "SalesPrice": line.price,
        "LineAmount": -line.amount_of(steps),
        "TotalTaxAmount": -line.tax_of(steps),
        "ReturnUnitCost": round(line.price * COST, line.places),
        "ReturnStatus": status,
        "ExpectedReturnArrivalDate": erp_day(expected),
        "ActualReturnArrivalDate": erp_day(came if arrived else None),
        "ReturnClosedDate": erp_day(came + UNDERWAY if status == "Invoiced" else None),
        "ReturnSiteId": line.site,
        "ReturnWarehouseId": line.warehouse,
    }
