"""What the ERP posts for an order: packing slips with tracking, and invoices, as rows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from emulator.scm.numbers import Numbers
from emulator.scm.reading import INVOICES, SLIP_LINES, SLIPS
from emulator.store import Row as Kept
from emulator.world.fulfilment import Fulfilment, Slip
from emulator.world.orders import Line, Order
from emulator.world.seed import Row, Rows, Seed, erp_day

INVOICE_LINES = "SalesInvoiceV2Lines"
ADDRESS = {
    "InvoiceAddressStreet": "InvoiceAddressStreet",
    "InvoiceAddressCity": "InvoiceAddressCity",
    "InvoiceAddressState": "InvoiceAddressStateId",
    "InvoiceAddressZipCode": "InvoiceAddressZipCode",
    "InvoiceAddressCountryRegionId": "InvoiceAddressCountryRegionId",
    "InvoiceAddressCountryRegionISOCode": "InvoiceAddressCountryRegionISOCode",
}


def can_be_parted(order: Order) -> bool:
    """Whether goods can leave in two goes."""
    left = [line.steps - line.delivered for line in order.lines]
    return sum(left) > 1


def shipped(order: Order, now: datetime, *, partly: bool) -> Order:
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


def slip_rows(order: Order, numbers: Numbers) -> Rows:
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
    order: Order, header: Kept, slips: list[Kept], numbers: Numbers, now: datetime
) -> Rows:
    """The invoice of the first packing slip that has none; charges come with the first invoice."""
    places = ((INVOICES, "InvoiceNumber"), ("invoices", "msdyn_invoicenumber"))
    number = numbers.next("CIV-", 7, *places)
    index = order.invoiced
    slip = Slip(order, index, str(slips[index]["PackingSlipId"]), order.slips[index])
    key: Row = {
        "dataAreaId": header["dataAreaId"],
        "InvoiceNumber": number,
        "InvoiceDate": erp_day(now),
        "LedgerVoucher": f"V{number[4:]}",
    }
    lines = [key | _invoice_line(header, *each) for each in slip.lines]
    yield INVOICES, key | _invoice(order, header, lines)
    for line in lines:
        yield INVOICE_LINES, line


def _invoice(order: Order, header: Kept, lines: list[Row]) -> Row:
    freight = order.freight if order.invoiced == 0 else Decimal(0)
    tax, discount, net = (
        sum((line[name] for line in lines), Decimal(0))
        for name in ("LineTotalTaxAmount", "LineTotalDiscountAmount", "LineAmount")
    )
    same = ("SalesOrderNumber", "InvoiceCustomerAccountNumber", "CurrencyCode", "ContactPersonId",
            "PaymentTermsName", "DeliveryModeCode", "DeliveryTermsCode", "CustomersOrderReference",
            "SalesOrderOriginCode")  # fmt: skip
    return (
        {name: header[name] for name in same}
        | {to: header[of] for to, of in ADDRESS.items()}
        | {
            "TotalInvoiceAmount": net + tax + freight,
            "TotalTaxAmount": tax,
            "InvoiceHeaderTaxAmount": Decimal(0),
            "TotalChargeAmount": freight,
            "TotalDiscountAmount": discount,
        }
    )


def _invoice_line(header: Kept, line: Line, before: int, after: int) -> Row:
    return {
        "LineCreationSequenceNumber": line.number,
        "ProductNumber": line.product.number,
        "ProductName": line.product.name,
        "InvoicedQuantity": (after - before) * line.step,
        "SalesUnitSymbol": line.product.unit,
        "SalesPrice": line.price,
        "LineAmount": line.amount_of(after) - line.amount_of(before),
        "LineTotalTaxAmount": line.tax_of(after) - line.tax_of(before),
        "LineTotalDiscountAmount": line.discount_of(after) - line.discount_of(before),
        "InventorySiteId": line.site,
        "InventoryWarehouseId": line.warehouse,
        "CurrencyCode": header["CurrencyCode"],
    }
