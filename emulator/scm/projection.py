"""Shows an order of the V2 collections in the CDS ones, which have a few columns of their own."""

from collections.abc import Collection
from decimal import Decimal

from emulator.defaults import defaults
from emulator.metadata import Table
from emulator.scm.known_orders import DIMENSIONS, HEADERS, LINES, PRODUCTS
from emulator.scm.sales import Sales
from emulator.store import Change, Transaction
from emulator.values import Row, Stored, scaled
from emulator.world.erp_rows import CDS_HEADERS, CDS_LINES
from emulator.world.order_rows import PROCESSING
from emulator.world.orders import Status


class Projection:
    """Keeps the CDS collections in step with the V2 ones."""

    def __init__(self, sales: Sales) -> None:
        self._sales = sales
        tables = sales.store.catalog.tables
        self._headers, self._lines = tables[CDS_HEADERS], tables[CDS_LINES]
        self._shared_header = tables[HEADERS].columns.keys() & self._headers.columns.keys()
        self._shared_line = tables[LINES].columns.keys() & self._lines.columns.keys()

    def noticed(self, tx: Transaction, change: Change) -> None:
        """Check a client's write to either kind of collection, fill it in and make it on both."""
        row = change.after or change.before or {}
        if change.after is None:
            self._dropped(tx, change.table, row)
        elif change.table.set == CDS_HEADERS:
            self._sales.put_header(tx, _named(row, change, self._shared_header))
        elif change.table.set == CDS_LINES:
            names = {*self._shared_line, "ProductNumber", "TotalDiscountAmount"}
            self._sales.put_line(tx, self.accepted(_named(row, change, names)))
        elif change.kind == "create":
            self._sales.complete(tx, change.table, row)
        else:
            self._sales.check(change.table, change.before or {}, row)

    def _dropped(self, tx: Transaction, table: Table, row: Row) -> None:
        area, number = row["dataAreaId"], row["SalesOrderNumber"]
        if table.set in (HEADERS, CDS_HEADERS):
            header = self._sales.orders.header(area, number) or row
            self._sales.drop_header(tx, header)
        elif table.set == CDS_LINES:
            for line in self._sales.orders.lines(area, number):
                if line["LineCreationSequenceNumber"] == row["LineCreationSequenceNumber"]:
                    self._sales.drop_line(tx, line)

    def show(self, tx: Transaction, area: Stored, number: Stored) -> tuple[Row | None, list[Row]]:
        """The order as the CDS collections have it from now on: header and lines."""
        header = self._sales.orders.header(area, number)
        if header is None:
            self._forget(tx, area, number, None)
            return None, []
        shown = {name: header[name] for name in self._shared_header}
        rate = self._sales.orders.tax_rate(header)
        lines = [self._line(header, row, rate) for row in self._sales.orders.lines(area, number)]
        self._forget(tx, area, number, [line["LineCreationSequenceNumber"] for line in lines])
        kept = [self._put(tx, CDS_LINES, line) for line in lines]
        return self._put(tx, CDS_HEADERS, shown), kept

    def _line(self, header: Row, row: Row, rate: Decimal) -> Row:
        line = self._sales.orders.line(row, rate)
        picked = header["SalesOrderProcessingStatus"] == PROCESSING[Status.PICKED]
        product = self._sales.orders.product(row) or {}
        return {name: row[name] for name in self._shared_line} | {
            "ProductNumber": product.get("ProductNumber", row["ItemNumber"]),
            "ProductName": product.get("ProductName", row["LineDescription"]),
            "PickedQuantity": row["OrderedSalesQuantity"] if picked else 0,
            "TotalTaxAmount": scaled(line.tax, 6),
            "TotalDiscountAmount": scaled(line.discount_of(line.steps), 6),
            "SalesOrderProcessingStatus": header["SalesOrderProcessingStatus"],
            "AreTotalsCalculated": "Yes",
        }

    def _put(self, tx: Transaction, entity_set: str, shown: Row) -> Row:
        table = self._sales.store.catalog.tables[entity_set]
        row = self._sales.store.get(table, tuple(shown[name] for name in table.key))
        if row is None:
            return tx.insert(table, defaults(table) | shown)
        return self._sales.change(tx, table, row, shown)

    def _forget(
        self, tx: Transaction, area: Stored, number: Stored, kept: Collection[Stored] | None
    ) -> None:
        """Delete the rows of removed lines, or without `kept` the rows of removed orders."""
        rows = self._sales.orders.rows
        for row in rows(CDS_LINES, area, "SalesOrderNumber", number):
            if kept is None or row["LineCreationSequenceNumber"] not in kept:
                tx.delete(self._lines, row)
        if kept is None:
            for row in rows(CDS_HEADERS, area, "SalesOrderNumber", number):
                tx.delete(self._headers, row)

    def accepted(self, values: Row) -> Row:
        """Translate a write to a CDS line into the columns that the V2 line has for it."""
        row = {name: value for name, value in values.items() if name in self._shared_line}
        if product := values.get("ProductNumber"):
            area = values["dataAreaId"]
            found = self._sales.orders.rows(PRODUCTS, area, "ProductNumber", product)
            known: Row = found[0] if found else {"ItemNumber": product}
            row |= {name: known.get(name) or "" for name in ("ItemNumber", *DIMENSIONS)}
        total, quantity = values.get("TotalDiscountAmount"), values.get("OrderedSalesQuantity")
        if isinstance(total, int) and isinstance(quantity, int) and total and quantity:
            # SCM keeps a discount by the unit.
            row["LineDiscountAmount"] = int(total * 10**6 / Decimal(quantity))
        return row


def _named(row: Row, change: Change, names: Collection[str]) -> Row:
    """The key of a row with what a change set of it."""
    before = change.before or {}
    return {
        name: value
        for name, value in row.items()
        if name in change.table.key or (name in names and before.get(name) != value)
    }
