"""The ERP's order book: what F&O checks, fills in and adds up when an order is written there.

An order is kept in the V2 collections; the CDS collections show the same order, as entities over
one table do.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from emulator.defaults import defaults
from emulator.metadata import RATE_PLACES, Table
from emulator.scm.known_orders import HEADERS, LINES, PRODUCTS, Orders, number_of
from emulator.scm.numbers import FINOPS_ORDERS, Numbers
from emulator.scm.price_engine import PriceEngine
from emulator.store import Store, Transaction
from emulator.values import Row, Stored, scaled
from emulator.world.erp_rows import CDS_HEADERS, CDS_LINES
from emulator.world.orders import WorldLine

OPEN: Final = "Backorder"
TERMS: Final = frozenset(
    {"OrderedSalesQuantity", "SalesPrice", "ItemNumber", "SalesUnitSymbol", "LineDiscountAmount",
     "LineDiscountPercentage"}
)  # fmt: skip
NO_SITE: Final = "Inventory dimension Site is mandatory and must consequently be specified."
ADDRESS: Final = {
    "Street": "Street", "StreetNumber": "StreetNumber", "City": "City", "StateId": "State",
    "ZipCode": "ZipCode", "CountryRegionId": "CountryRegionId",
    "CountryRegionISOCode": "CountryRegionISOCode",
}  # fmt: skip


class Rejected(Exception):
    """The ERP does not take a write; whoever asked for it hears so in the words of their side."""


class Sales:
    """Writes orders by the ERP's rules; everything is done inside the caller's transaction."""

    def __init__(self, store: Store, engine: PriceEngine | None = None) -> None:
        """`engine` prices what comes without a price; without it the product's own price counts."""
        self.store = store
        self._engine = engine
        self.orders = Orders(store)
        self.numbers = Numbers(store)
        self._headers = store.catalog.tables[HEADERS]
        self._lines = store.catalog.tables[LINES]

    def fill(self, table: Table, row: Row) -> Row:
        """The values that F&O numbers by itself on rows that its own clients create."""
        area = str(row.get("dataAreaId", ""))
        if table.set in (HEADERS, CDS_HEADERS) and not row.get("SalesOrderNumber"):
            place = (HEADERS, "SalesOrderNumber")
            number = self.numbers.next(FINOPS_ORDERS, 6, place, area=area)
            return row | {"SalesOrderNumber": number}
        if table.set == LINES:
            return {"InventoryLotId": self._lot(area)} | self._counted(row)
        return self._counted(row) if table.set == CDS_LINES else row

    def _lot(self, area: str) -> str:
        return self.numbers.next("", 9, (LINES, "InventoryLotId"), area=area)

    def _counted(self, row: Row) -> Row:
        if row.get("LineCreationSequenceNumber"):
            return row
        last = self.orders.last_sequence(row.get("dataAreaId"), row.get("SalesOrderNumber"))
        return row | {"LineCreationSequenceNumber": last + 1}

    def put_header(self, tx: Transaction, values: Row) -> Row:
        """Create or change an order's header; the rest of it follows."""
        area, number = values["dataAreaId"], values["SalesOrderNumber"]
        given = {name: value for name, value in values.items() if self._headers.has(name)}
        header = self.orders.header(area, number)
        if header is None:
            return tx.insert(self._headers, self._new_header(given))
        self._check_open(header)
        return self.change(tx, self._headers, header, given)

    def _new_header(self, given: Row) -> Row:
        customer = self.orders.customer_row(
            given["dataAreaId"], given.get("OrderingCustomerAccountNumber")
        )
        if customer is None:
            account = given.get("OrderingCustomerAccountNumber", "")
            raise Rejected(f"Customer account {account} does not exist.")
        if customer["OnHoldStatus"] == "All":
            raise Rejected(f"Customer {customer['CustomerAccount']} is on hold for all actions.")
        own: Row = {name: value for name, value in given.items() if value not in ("", None)}
        return defaults(self._headers) | self._usual(customer, own) | own

    def _usual(self, customer: Row, own: Row) -> Row:
        """The values that an order takes from its customer where it says nothing itself."""
        account = customer["CustomerAccount"]
        name = str(customer["OrganizationName"])[:60]
        usual: Row = {
            "SalesOrderName": name,
            "InvoiceCustomerAccountNumber": customer["InvoiceAccount"] or account,
            "CurrencyCode": customer["SalesCurrencyCode"],
            "LanguageId": customer["LanguageId"],
            "PaymentTermsName": customer["PaymentTerms"],
            "DeliveryModeCode": customer["DeliveryMode"],
            "DeliveryTermsCode": customer["DeliveryTerms"],
            "DefaultShippingSiteId": customer["SiteId"],
            "DefaultShippingWarehouseId": customer["WarehouseId"],
            "OrderCreationDateTime": self.store.now(),
        }
        kinds = ["InvoiceAddress"]
        if not any(own.get(f"DeliveryAddress{part}") for part in ADDRESS):
            kinds.append("DeliveryAddress")
        if "DeliveryAddress" in kinds:
            usual["DeliveryAddressName"] = name
        for kind in kinds:
            usual |= {f"{kind}{to}": customer[f"Address{of}"] for to, of in ADDRESS.items()}
        return usual

    def put_line(self, tx: Transaction, values: Row) -> Row:
        """Create or change a line; it is found by its order and its number in it."""
        area, number = values["dataAreaId"], values["SalesOrderNumber"]
        header = self.orders.header(area, number)
        if header is None:
            raise Rejected(f"Sales order {number} does not exist.")
        self._check_open(header)
        given = {name: value for name, value in values.items() if self._lines.has(name)}
        sequence = given.get("LineCreationSequenceNumber")
        line = self.orders.line_row(area, number, sequence)
        if line is None:
            return tx.insert(self._lines, self._new_line(header, self._counted(given)))
        self._check_line(line, given)
        return self.change(tx, self._lines, line, given)

    def _new_line(self, header: Row, given: Row) -> Row:
        own: Row = {name: value for name, value in given.items() if value}
        for name, label in (("ItemNumber", "Item number"), ("SalesUnitSymbol", "Unit")):
            if not own.get(name):
                raise Rejected(f"Field '{label}' must be filled in.")
        product = self._released(own | {"dataAreaId": header["dataAreaId"]})
        own = self._priced(header, product, own) | own
        usual: Row = {
            "InventoryLotId": self._lot(str(header["dataAreaId"])),
            "LineNumber": scaled(Decimal(str(own["LineCreationSequenceNumber"])), 6),
            "LineDescription": str(product["ProductName"]),
            "SalesPriceQuantity": scaled(Decimal(1), 6),
            "CurrencyCode": header["CurrencyCode"],
            "DeliveryModeCode": header["DeliveryModeCode"],
            "SalesOrderLineStatus": OPEN,
        }
        row = defaults(self._lines) | usual | own
        return row | self._place(header, row)

    def _released(self, line: Row) -> Row:
        area, item = line["dataAreaId"], line["ItemNumber"]
        if found := self.orders.product(line):
            return found
        if self.orders.rows(PRODUCTS, area, "ItemNumber", item):
            raise Rejected(f"Item number {item} has no released variant with these dimensions.")
        raise Rejected(f"Item number {item} is not released in company {area}.")

    def _priced(self, header: Row, product: Row, line: Row) -> Row:
        """
        The price of a line that comes without one, and the engine's discounts of one that comes
        with no other price than the engine's.
        """
        currency, given = header["CurrencyCode"], line.get("SalesPrice")
        if self._engine is None:
            return {} if given else {"SalesPrice": self._list_price(product, currency)}
        found = self._engine.price(
            product,
            str(header["OrderingCustomerAccountNumber"]),
            number_of(self._lines, line, "OrderedSalesQuantity"),
            unit=str(line["SalesUnitSymbol"]),
            currency=currency,
        )
        price = scaled(found.adjusted, 6)
        if given not in (None, price):
            return {}
        return {"SalesPrice": price, "LineDiscountPercentage": scaled(found.percentage, 6)}

    def _list_price(self, product: Row, currency: Stored) -> Stored:
        """A line without a price gets the trade agreement's, which here is the product's own."""
        row = self.orders.currency(currency) or {}
        price, rate = Decimal(int(product["SalesPrice"] or 0)), row.get("exchangerate")
        return int(
            price * Decimal(rate if isinstance(rate, int) else 10**RATE_PLACES).scaleb(-RATE_PLACES)
        )

    def _place(self, header: Row, line: Row) -> Row:
        """Site and warehouse by the default order settings: header's, else where the item is."""
        if line["ShippingSiteId"] and line["ShippingWarehouseId"]:
            return {}
        site, warehouse = header["DefaultShippingSiteId"], header["DefaultShippingWarehouseId"]
        if not (site and warehouse):
            stock = self.orders.rows(
                "WarehousesOnHandV2", header["dataAreaId"], "ItemNumber", line["ItemNumber"]
            )
            if not stock:
                raise Rejected(NO_SITE)
            site, warehouse = stock[0]["InventorySiteId"], stock[0]["InventoryWarehouseId"]
        return {"ShippingSiteId": site, "ShippingWarehouseId": warehouse}

    def complete(self, tx: Transaction, table: Table, row: Row) -> None:
        """Fill in an order or a line that a client of the ERP has just created."""
        if table.set == HEADERS:
            self.change(tx, table, row, self._new_header(row))
            return
        header = self.orders.header(row["dataAreaId"], row["SalesOrderNumber"])
        if header is None:
            raise Rejected(f"Sales order {row['SalesOrderNumber']} does not exist.")
        self._check_open(header)
        self.change(tx, table, row, self._new_line(header, row))

    def check(self, table: Table, before: Row, after: Row) -> None:
        """Refuse what a client of the ERP may not change any more."""
        if table.set == LINES:
            self._check_line(before, after)

    def drop_line(self, tx: Transaction, line: Row) -> None:
        if line["SalesOrderLineStatus"] != OPEN or self._carried(line):
            raise Rejected("A line that was delivered cannot be deleted.")
        tx.delete(self._lines, line)

    def drop_header(self, tx: Transaction, header: Row) -> None:
        if self.orders.slips(header):
            raise Rejected(f"Sales order {header['SalesOrderNumber']} has packing slips.")
        for line in self.orders.lines(header["dataAreaId"], header["SalesOrderNumber"]):
            tx.delete(self._lines, line)
        tx.delete(self._headers, header)

    def cancel(self, tx: Transaction, header: Row) -> Row:
        """An order nothing of which was delivered ends, with all its lines."""
        if header["SalesOrderStatus"] != OPEN or self.orders.slips(header):
            number = header["SalesOrderNumber"]
            raise Rejected(f"Sales order {number} cannot be canceled: goods were delivered.")
        for line in self.orders.lines(header["dataAreaId"], header["SalesOrderNumber"]):
            self.change(tx, self._lines, line, {"SalesOrderLineStatus": "Canceled"})
        ended = {"SalesOrderStatus": "Canceled", "SalesOrderProcessingStatus": "Canceled"}
        return self.change(tx, self._headers, header, ended)

    def settle(self, tx: Transaction, area: Stored, number: Stored) -> None:
        """Add the order up and show it in the CDS collections."""
        header = self.orders.header(area, number)
        if header is None:
            return
        rate, lines = self.orders.tax_rate(header), []
        for row in self.orders.lines(area, number):
            line = self.orders.line(row, rate)
            self.change(tx, self._lines, row, {"LineAmount": scaled(line.amount, 6)})
            lines.append(line)
        self.change(tx, self._headers, header, self._totals(header, lines))

    def _totals(self, header: Row, lines: list[WorldLine]) -> Row:
        charges = number_of(self._headers, header, "OrderTotalChargesAmount")
        net = sum((line.amount for line in lines), Decimal(0))
        tax = sum((line.tax for line in lines), Decimal(0))
        discount = sum((line.discount_of(line.steps) for line in lines), Decimal(0))
        return {
            "OrderTotalAmount": scaled(net + tax + charges, 6),
            "OrderTotalTaxAmount": scaled(tax, 6),
            "OrderTotalDiscountAmount": scaled(discount, 6),
            "AreTotalsCalculated": "Yes",
        }

    def change(self, tx: Transaction, table: Table, row: Row, values: Mapping[str, Stored]) -> Row:
        new: Row = {name: value for name, value in values.items() if row[name] != value}
        return tx.update(table, row, new) if new else row

    def _check_open(self, header: Row) -> None:
        if header["SalesOrderStatus"] in ("Invoiced", "Canceled"):
            raise Rejected(
                f"Sales order {header['SalesOrderNumber']} cannot be changed: its status is"
                f" {header['SalesOrderStatus']}."
            )

    def _check_line(self, line: Row, given: Row) -> None:
        if not any(line[name] != given[name] for name in TERMS & given.keys()):
            return
        if line["SalesOrderLineStatus"] != OPEN:
            raise Rejected(f"The line is {line['SalesOrderLineStatus']} and cannot be changed.")
        quantity = given.get("OrderedSalesQuantity")
        if isinstance(quantity, int) and quantity < self._carried(line):
            raise Rejected("The quantity cannot be less than what was delivered.")

    def _carried(self, line: Row) -> int:
        lot = line["InventoryLotId"]
        found = self.orders.rows(
            "CustPackingSlipTransBiEntities", line["dataAreaId"], "InventTransId", lot
        )
        return sum(int(row["Qty"] or 0) for row in found)
