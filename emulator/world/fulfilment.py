"""Writes what followed an order: packing slips with tracking in the ERP, invoices on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Final

from emulator.days import erp_day
from emulator.world.erp_rows import invoice_rows
from emulator.world.ledger import Ledger, billed
from emulator.world.order_rows import (
    ACCOUNT_NAMED,
    ITEM_BASED,
    erp_order,
    exchange,
    line_id,
    party_columns,
    shipping_address,
    striped,
)
from emulator.world.orders import WorldLine, WorldOrder
from emulator.world.product_rows import price_list_id
from emulator.world.products import product_id
from emulator.world.reference_rows import PAYMENT_TERMS, SHIP_VIAS
from emulator.world.seed import FIRST_RECORD, Row, Rows, Seed, day, stamp

BILLED: Final = 4
PREFIXES: Final = {"UPS": "1Z", "FedEx": "61", "DHL": "JD"}


@dataclass(frozen=True)
class Slip:
    """One packing slip of an order, and what its place among them lets one compute."""

    order: WorldOrder
    index: int
    number: str
    shipped: datetime

    @property
    def key(self) -> Row:
        return {"dataAreaId": self.order.customer.company.area}

    @property
    def lines(self) -> Iterator[tuple[WorldLine, int, int]]:
        """Each line on the slip with the steps shipped before it and after it."""
        for line in self.order.lines:
            if line.shipments[self.index]:
                before = line.shipped_before(self.index)
                yield line, before, before + line.shipments[self.index]


def carrier(order: WorldOrder) -> str:
    """The carrier of the goods; orders without a mode of delivery go the usual way."""
    return SHIP_VIAS.get(order.ship_via, SHIP_VIAS["10"])[1]


def voucher(invoice: str) -> str:
    """Under which an invoice is in the ledger."""
    return f"V{invoice[4:]}"


class Fulfilment:
    """Numbers packing slips, invoices and records, as one environment's sequences do."""

    def __init__(self, seed: Seed, records: Iterator[int] | None = None) -> None:
        self._seed = seed
        self._records = records or count(FIRST_RECORD)
        self._slips = count(1)
        self._invoices = count(1)
        self.ledger = Ledger(seed)

    def rows(self, order: WorldOrder) -> Rows:
        for index, shipped in enumerate(order.slips):
            slip = Slip(order, index, f"PS-{next(self._slips):07d}", shipped)
            yield from self.slip_rows(slip)
            yield from self.tracking(slip)
            if index < order.invoiced:
                yield from self._invoice_rows(slip, f"CIV-{next(self._invoices):07d}")

    def slip_rows(self, slip: Slip) -> Rows:
        order, moment = slip.order, erp_day(slip.shipped)
        shipped = [(after - before) * line.step for line, before, after in slip.lines]
        yield (
            "CustPackingSlipJourBiEntities",
            slip.key
            | {
                "SourceDocumentHeader": next(self._records),
                "SalesId": order.number,
                "PackingSlipId": slip.number,
                "InternalPackingSlipId": slip.number,
                "OrderAccount": order.customer.number,
                "InvoiceAccount": order.payer.number,
                "DeliveryDate": moment,
                "DocumentDate": moment,
                "DeliveryName": order.customer.name[:60],
                "DlvMode": order.ship_via,
                "DlvTerm": order.terms,
                "ShipCarrierId": carrier(order),
                "inventLocationId": order.lines[0].warehouse,
                "Qty": sum(shipped, Decimal(0)),
                "CustomerRef": order.reference or "",
                "CreatedOn": stamp(slip.shipped),
            },
        )
        for line, before, after in slip.lines:
            yield (
                "CustPackingSlipTransBiEntities",
                slip.key | self._slip_line(slip, line, before, after),
            )

    def _slip_line(self, slip: Slip, line: WorldLine, before: int, after: int) -> Row:
        quantity = (after - before) * line.step
        return {
            "SourceDocumentLine": next(self._records),
            "SalesId": slip.order.number,
            "OrigSalesId": slip.order.number,
            "PackingSlipId": slip.number,
            "DeliveryDate": erp_day(slip.shipped),
            "ItemId": line.product.item,
            "Name": line.product.name,
            "LineNum": Decimal(line.number),
            "Ordered": line.quantity,
            "Qty": quantity,
            "Remain": (line.steps - after) * line.step,
            "inventQty": quantity,
            "SalesUnit": line.product.unit,
            "InventTransId": line.lot,
            "CurrencyCode": line.currency,
            "AmountCur": line.amount_of(after) - line.amount_of(before),
            "DlvTerm": slip.order.terms,
            "SalesLineShippingDateRequested": erp_day(slip.order.wished),
            "SalesLineShippingDateConfirmed": erp_day(slip.order.confirmed),
            "CreatedOn": stamp(slip.shipped),
        }

    def tracking(self, slip: Slip) -> Rows:
        """One parcel mostly, two at times; a few slips carry none, a few parcels no link."""
        name = carrier(slip.order)
        for _ in range(self._seed.weighted({0: 1, 1: 8, 2: 1})):
            number = f"{PREFIXES[name]}{self._seed.random.randrange(10**12):012d}"
            link = f"https://tracking.{name.lower()}.example/?n={number}"
            yield (
                "PackingSlipTrackingInformation",
                slip.key
                | {
                    "SalesOrderNumber": slip.order.number,
                    "PackingSlipNumber": slip.number,
                    "DeliveryDate": erp_day(slip.shipped),
                    "TrackingNumber": number,
                    "TrackingURL": link if self._seed.chance(95) else None,
                },
            )

    def _invoice_rows(self, slip: Slip, number: str) -> Rows:
        """Each invoiced slip has its invoice; charges are billed with the first."""
        lines = [self._invoice_line(slip, number, *each) for each in slip.lines]
        freight = slip.order.freight if slip.index == 0 else Decimal(0)
        yield "invoices", self._invoice(slip, number, lines, freight)
        for row in lines:
            yield "invoicedetails", row
        key = slip.key | {
            "InvoiceNumber": number,
            "InvoiceDate": erp_day(slip.shipped),
            "LedgerVoucher": voucher(number),
        }
        header = erp_order(slip.order)
        rows = list(invoice_rows(key, header, slip.lines, freight))
        yield from rows
        yield from self.ledger.rows(billed(rows, header, slip.shipped))

    def _invoice(self, slip: Slip, number: str, lines: list[Row], freight: Decimal) -> Row:
        order, customer, seed = slip.order, slip.order.customer, self._seed
        net = sum((row["extendedamount"] for row in lines), Decimal(0))
        tax = sum((row["tax"] for row in lines), Decimal(0))
        discount = sum((row["manualdiscountamount"] for row in lines), Decimal(0))
        return (
            shipping_address(order.payer, "billto_")
            | party_columns(seed, order)
            | {
                "invoiceid": self._invoice_id(number),
                "name": f"Invoice {number}",
                "invoicenumber": number,
                "msdyn_invoicenumber": number,
                "msdyn_invoicedate": day(slip.shipped),
                "msdyn_ledgervoucher": voucher(number),
                "description": order.reference,
                # The map carries no due date; some environments fill it by a flow of their own.
                "duedate": self._due(slip) if seed.chance(50) else None,
                "msdyn_ordertype": ITEM_BASED,
                "msdyn_totalamount": net + tax + freight,
                "msdyn_totaltax": tax,
                "msdyn_totaldiscountamount": discount,
                "freightamount": freight,
                "totallineitemamount": net,
                "totaltax": tax,
                "totalamount": net + tax + freight,
                "exchangerate": exchange(customer.currency),
                "statecode": 0,
                "statuscode": BILLED,
                "createdon": stamp(slip.shipped),
                "_customerid_value": order.payer.id,
                f"_customerid_value{ACCOUNT_NAMED}": "account",
                "_accountid_value": order.payer.id,
                "_salesorderid_value": order.id,
                "_pricelevelid_value": price_list_id(seed, customer.currency, customer.price_list),
                "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
                "_msdyn_company_value": seed.id("cdm_companies", customer.company.code),
                "_msdyn_paymentterms_value": striped(
                    seed, customer, "msdyn_paymentterms", customer.terms
                ),
            }
        )

    def _due(self, slip: Slip) -> date | None:
        return day(slip.shipped + timedelta(days=PAYMENT_TERMS[slip.order.customer.terms]))

    def _invoice_id(self, number: str) -> str:
        return self._seed.id("invoices", number)

    def _invoice_line(
        self, slip: Slip, number: str, line: WorldLine, before: int, after: int
    ) -> Row:
        customer, seed = slip.order.customer, self._seed
        amount = line.amount_of(after) - line.amount_of(before)
        return {
            "invoicedetailid": seed.id("invoicedetails", number, line.number),
            "invoicedetailname": line.product.name[:100],
            "description": line.product.name,
            "sequencenumber": line.number,
            "quantity": (after - before) * line.step,
            "priceperunit": line.price,
            "baseamount": amount,
            "extendedamount": amount,
            "manualdiscountamount": line.discount_of(after) - line.discount_of(before),
            "tax": line.tax_of(after) - line.tax_of(before),
            "ispriceoverridden": True,
            "producttypecode": 1,
            "propertyconfigurationstatus": 2,
            "exchangerate": exchange(customer.currency),
            "createdon": stamp(slip.shipped),
            "_invoiceid_value": self._invoice_id(number),
            "_salesorderdetailid_value": line_id(seed, slip.order, line),
            "_productid_value": product_id(seed, customer.company, line.product),
            "_uomid_value": seed.id("uoms", line.product.unit),
            "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
            "_msdyn_inventorysite_value": striped(
                seed, customer, "msdyn_operationalsites", line.site
            ),
            "_msdyn_inventorywarehouse_value": striped(
                seed, customer, "msdyn_warehouses", line.warehouse
            ),
        }
