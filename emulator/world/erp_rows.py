"""Orders and invoices as the ERP's own collections for dual-write have them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from emulator.world.orders import Status, WorldLine, WorldOrder
from emulator.world.seed import Row, Rows

Header = Mapping[str, Any]
Part = tuple[WorldLine, int, int]
"""A line with the steps that were shipped of it before and after a packing slip."""
CDS_HEADERS, CDS_LINES = "CDSSalesOrderHeaders", "CDSSalesOrderLines"
INVOICES, INVOICE_LINES = "SalesInvoiceHeadersV2", "SalesInvoiceV2Lines"
OWN_COLUMNS: Final = frozenset(
    {"LineNumber", "InventoryLotId", "ItemNumber", "ProductColorId", "ProductSizeId"}
)
"""Columns of an order line that the CDS one, which knows products by their numbers, lacks."""
ADDRESS: Final = {
    "InvoiceAddressStreet": "InvoiceAddressStreet",
    "InvoiceAddressCity": "InvoiceAddressCity",
    "InvoiceAddressState": "InvoiceAddressStateId",
    "InvoiceAddressZipCode": "InvoiceAddressZipCode",
    "InvoiceAddressCountryRegionId": "InvoiceAddressCountryRegionId",
    "InvoiceAddressCountryRegionISOCode": "InvoiceAddressCountryRegionISOCode",
}
SAME: Final = (
    "SalesOrderNumber",
    "InvoiceCustomerAccountNumber",
    "CurrencyCode",
    "ContactPersonId",
    "PaymentTermsName",
    "DeliveryModeCode",
    "DeliveryTermsCode",
    "CustomersOrderReference",
    "SalesOrderOriginCode",
)


def cds_order(header: Row) -> Row:
    """An order's header as the CDS collection shows the V2 one."""
    return {name: value for name, value in header.items() if name != "AreTotalsCalculated"}


def cds_line(order: WorldOrder, line: WorldLine, v2: Row, processing: str) -> Row:
    """An order line as the CDS collection shows the `v2` one."""
    shared = {name: value for name, value in v2.items() if name not in OWN_COLUMNS}
    picked = order.status is Status.PICKED
    return shared | {
        "ProductNumber": line.product.number,
        "ProductName": line.product.name,
        "PickedQuantity": line.quantity if picked else Decimal(0),
        "TotalTaxAmount": line.tax,
        "TotalDiscountAmount": line.discount_of(line.steps),
        "SalesOrderProcessingStatus": processing,
        "AreTotalsCalculated": "Yes",
    }


def invoice_rows(key: Row, header: Header, parts: Iterable[Part], freight: Decimal) -> Rows:
    """An invoice under its `key`, for an order with this V2 `header`, of what was shipped."""
    lines = [key | _invoice_line(header, *each) for each in parts]
    yield INVOICES, key | _invoice(header, freight, lines)
    for line in lines:
        yield INVOICE_LINES, line


def _invoice(header: Header, freight: Decimal, lines: list[Row]) -> Row:
    tax, discount, net = (
        sum((line[name] for line in lines), Decimal(0))
        for name in ("LineTotalTaxAmount", "LineTotalDiscountAmount", "LineAmount")
    )
    return (
        {name: header[name] for name in SAME}
        | {to: header[of] for to, of in ADDRESS.items()}
        | {
            "TotalInvoiceAmount": net + tax + freight,
            "TotalTaxAmount": tax,
            "InvoiceHeaderTaxAmount": Decimal(0),
            "TotalChargeAmount": freight,
            "TotalDiscountAmount": discount,
        }
    )


def _invoice_line(header: Header, line: WorldLine, before: int, after: int) -> Row:
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
        "ProductColorId": line.product.color,
        "ProductSizeId": line.product.size,
        "CurrencyCode": header["CurrencyCode"],
    }
