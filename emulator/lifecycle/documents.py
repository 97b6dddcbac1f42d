"""Documents that the ERP posts for an order: packing slips with tracking, and invoices, as rows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from emulator.days import erp_day
from emulator.scm.known_orders import SLIP_LINES, SLIPS
from emulator.scm.numbers import Numbers
from emulator.values import Row as Kept
from emulator.world import erp_rows
from emulator.world.fulfilment import Fulfilment, Slip, voucher
from emulator.world.ledger import JOURNAL, TRANSACTIONS, billed, posted
from emulator.world.orders import WorldOrder
from emulator.world.seed import Row, Rows, Seed


def can_be_parted(order: WorldOrder) -> bool:
    """True if goods can leave in two goes."""
    left = [line.steps - line.delivered for line in order.lines]
    return sum(left) > 1


def shipped(order: WorldOrder, now: datetime, *, partly: bool) -> WorldOrder:
    """The order with one more packing slip on it."""
    left = [line.steps - line.delivered for line in order.lines]
    going = [(steps + 1) // 2 for steps in left] if partly else left
    if partly and going == left:
        # Lines of one step cannot be halved; the last of them stays behind.
        last = max(index for index, steps in enumerate(left) if steps)
        going[last] = 0
    lines = tuple(
        replace(line, shipments=(*line.shipments, steps))
        for line, steps in zip(order.lines, going, strict=True)
    )
    return replace(order, lines=lines, slips=(*order.slips, now))


def slip_rows(order: WorldOrder, numbers: Numbers) -> Rows:
    """The newest packing slip of an order, its lines, and its parcels."""
    number = numbers.next("PS-", 7, (SLIPS, "PackingSlipId"))
    slip = Slip(order, len(order.slips) - 1, number, order.slips[-1])
    fulfilment = Fulfilment(Seed(int(number[3:])), _records(numbers))
    yield from fulfilment.slip_rows(slip)
    yield from fulfilment.tracking(slip)


def _records(numbers: Numbers) -> Iterator[int]:
    while True:
        yield numbers.record((SLIPS, "SourceDocumentHeader"), (SLIP_LINES, "SourceDocumentLine"))


def invoice_rows(
    order: WorldOrder, header: Kept, slips: list[Kept], numbers: Numbers, now: datetime
) -> Rows:
    """The invoice of the first packing slip that has none; charges come with the first invoice."""
    places = ((erp_rows.INVOICES, "InvoiceNumber"), ("invoices", "msdyn_invoicenumber"))
    number = numbers.next("CIV-", 7, *places)
    index = order.invoiced
    slip = Slip(order, index, str(slips[index]["PackingSlipId"]), order.slips[index])
    key: Row = {
        "dataAreaId": header["dataAreaId"],
        "InvoiceNumber": number,
        "InvoiceDate": erp_day(now),
        "LedgerVoucher": voucher(number),
    }
    freight = order.freight if index == 0 else Decimal(0)
    rows = list(erp_rows.invoice_rows(key, header, slip.lines, freight))
    yield from rows
    yield from posted(billed(rows, header, now), ledger_record(numbers))


def ledger_record(numbers: Numbers) -> int:
    """The next record number of invoice journal and customer transactions."""
    return numbers.record((JOURNAL, "SourceKey"), (TRANSACTIONS, "SourceKey"))
