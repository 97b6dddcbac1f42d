"""Writes of Dataverse rows as writes of the ERP: orders with their lines, and customers."""

from collections.abc import Callable, Iterable
from typing import Literal

from emulator.defaults import defaults
from emulator.dualwrite.conversion import to_finops
from emulator.dualwrite.lookups import COMPANY, Lookups
from emulator.dualwrite.maps import CUSTOMERS, ORDER_LINES, ORDERS, Carried, Map
from emulator.dualwrite.running import admits
from emulator.scm.known_orders import HEADERS
from emulator.scm.numbers import DATAVERSE_ORDERS
from emulator.scm.projection import Projection
from emulator.scm.sales import Rejected, Sales
from emulator.store import Change, Transaction
from emulator.values import Row, Stored
from emulator.world.customer_rows import CUSTOMER
from emulator.world.order_rows import ITEM_BASED
from emulator.world.orders import Status

Touched = Callable[[Stored, Stored], None]
"""Hears the company and number of an order that was written in the ERP."""


class Outward:
    """Carries changes out of Dataverse."""

    def __init__(self, sales: Sales, lookups: Lookups, touched: Touched) -> None:
        self.store = sales.store
        self.sales = sales
        self.lookups = lookups
        self.touched = touched
        self.projection = Projection(sales)
        self.cancels: Literal["accept", "refuse"] = "accept"

    def eligible(self, change: Change) -> str | None:
        """The company in which a change is carried at all, past the filters of its map."""
        if change.after and not admits(self.store, change.table, change.key[0]):
            return None
        row = change.after or change.before or {}
        if change.table.name == "salesorderdetail":
            order, orders = self._order(row), self.store.catalog.named("salesorder")
            carried = order and admits(self.store, orders, order[orders.id])
            return self._eligible_order(order) if carried else None
        if change.table.name == "salesorder":
            return self._eligible_order(row)
        return self.lookups.area(row) if row.get("customertypecode") == CUSTOMER else None

    def _eligible_order(self, row: Row) -> str | None:
        synced = row.get("msdyn_ordertype") == ITEM_BASED and row.get("msdyn_isreadytosync")
        return self.lookups.area(row) if synced else None

    def _order(self, line: Row) -> Row:
        key = line.get("_salesorderid_value")
        return self.store.get(self.store.catalog.named("salesorder"), (key,)) or {}

    def number(self, tx: Transaction, change: Change) -> None:
        """Orders and customers get their number when they are created, wherever that is."""
        name = {"salesorder": "msdyn_salesordernumber", "account": "accountnumber"}
        column = name.get(change.table.name)
        row = change.after
        if change.kind != "create" or row is None or column is None or row.get(column):
            return
        prefix = DATAVERSE_ORDERS if column.startswith("msdyn") else "CUST-"
        number = self.sales.numbers.next(prefix, 6, (change.table.set, column))
        own: Row = {column: number}
        if change.table.has("ordernumber") and not row.get("ordernumber"):
            own["ordernumber"] = f"ORD-{number}"
        row |= tx.update(change.table, row, own)

    def write(self, tx: Transaction, change: Change, area: str) -> None:
        writers = {
            "salesorder": self._write_order,
            "salesorderdetail": self._write_line,
            "account": self._write_customer,
        }
        writers[change.table.name](tx, change, area)

    def _write_order(self, tx: Transaction, change: Change, area: str) -> None:
        row = change.after or change.before or {}
        number = row["msdyn_salesordernumber"]
        header = self.sales.orders.header(area, number)
        if change.after is None:
            if header is not None:
                self.sales.drop_header(tx, header)
        elif change.kind == "create" and header is None:
            self._new_order(tx, row, area)
        elif header is None:
            self._whole_order(tx, row, area)
        else:
            self._changed_order(tx, change, header)
        self.touched(area, number)

    def _new_order(self, tx: Transaction, row: Row, area: str) -> None:
        key: Row = {"dataAreaId": area, "SalesOrderNumber": row["msdyn_salesordernumber"]}
        self.sales.put_header(tx, key | self._values(ORDERS, row, ORDERS.outward()))

    def _whole_order(self, tx: Transaction, order: Row, area: str) -> None:
        """An order that the ERP does not have yet, with the lines that it has by now."""
        self._new_order(tx, order, area)
        table = self.store.catalog.named(ORDER_LINES.table)
        where = '"_salesorderid_value" = ? ORDER BY sequencenumber'
        key: Row = {"dataAreaId": area, "SalesOrderNumber": order["msdyn_salesordernumber"]}
        for row in self.store.select(table, where, [order["salesorderid"]]):
            self._new_line(tx, row, dict(key))

    def _changed_order(self, tx: Transaction, change: Change, header: Row) -> None:
        row = change.after or {}
        if _changes(change, "msdyn_processingstatus"):
            self._move(tx, header, row["msdyn_processingstatus"])
            header = (
                self.sales.orders.header(header["dataAreaId"], header["SalesOrderNumber"]) or {}
            )
        values = self._changed(ORDERS, change)
        if values:
            key: Row = {name: header[name] for name in ("dataAreaId", "SalesOrderNumber")}
            self.sales.put_header(tx, key | values)

    def _move(self, tx: Transaction, header: Row, status: Stored) -> None:
        """Of all states, only the end of an order can be asked for from outside."""
        number = header["SalesOrderNumber"]
        if status != Status.CANCELED:
            raise Rejected(f"The status of sales order {number} follows from its documents.")
        if self.cancels == "refuse":
            raise Rejected(f"Sales order {number} cannot be canceled.")
        self.sales.cancel(tx, header)

    def _write_line(self, tx: Transaction, change: Change, area: str) -> None:
        row = change.after or change.before or {}
        order = self._order(row)
        number = order.get("msdyn_salesordernumber")
        key: Row = {"dataAreaId": area, "SalesOrderNumber": number}
        # A replayed write may have got its number since.
        current = self.store.get(change.table, change.key) or row
        line = self.sales.orders.line_row(area, number, current.get("sequencenumber"))
        if self.sales.orders.header(area, number) is None:
            self._whole_order(tx, order, area)
        elif change.after is None:
            if line is not None:
                self.sales.drop_line(tx, line)
        elif line is None:
            self._new_line(tx, row, key)
        else:
            self._changed_line(tx, change, line, key)
        self.touched(area, number)

    def _new_line(self, tx: Transaction, row: Row, key: Row) -> None:
        values = self._values(ORDER_LINES, row, ORDER_LINES.outward())
        kept = self.sales.put_line(tx, self.projection.accepted(key | values))
        if row.get("sequencenumber") is None:
            own: Row = {"sequencenumber": kept["LineCreationSequenceNumber"]}
            row |= tx.update(self.store.catalog.named(ORDER_LINES.table), row, own)

    def _changed_line(self, tx: Transaction, change: Change, line: Row, key: Row) -> None:
        values = self._changed(ORDER_LINES, change)
        if not values:
            return
        values.setdefault("OrderedSalesQuantity", line["OrderedSalesQuantity"])
        values["LineCreationSequenceNumber"] = line["LineCreationSequenceNumber"]
        self.sales.put_line(tx, self.projection.accepted(key | values))

    def _write_customer(self, tx: Transaction, change: Change, area: str) -> None:
        table = self.store.catalog.tables[CUSTOMERS.collection]
        row = change.after or change.before or {}
        account = row["accountnumber"]
        customer = self.sales.orders.customer_row(area, account)
        if change.after is None:
            self._drop_customer(tx, customer)
        elif customer is None:
            values = self._values(CUSTOMERS, row, CUSTOMERS.outward())
            usual: Row = {"dataAreaId": area, "InvoiceAccount": account, "LanguageId": "en-us"}
            given = {name: value for name, value in values.items() if value != ""}
            tx.insert(table, defaults(table) | usual | given)
        else:
            self.sales.change(tx, table, customer, self._changed(CUSTOMERS, change))

    def _drop_customer(self, tx: Transaction, customer: Row | None) -> None:
        if customer is None:
            return
        area, account = customer["dataAreaId"], customer["CustomerAccount"]
        if self.sales.orders.rows(HEADERS, area, "OrderingCustomerAccountNumber", account):
            raise Rejected(f"Customer {account} has sales orders and cannot be deleted.")
        tx.delete(self.store.catalog.tables[CUSTOMERS.collection], customer)

    def _changed(self, map_: Map, change: Change) -> Row:
        carried = [c for c in map_.outward() if _changes(change, c.dataverse)]
        return self._values(map_, change.after or {}, carried)

    def _values(self, map_: Map, row: Row, columns: Iterable[Carried]) -> Row:
        source = self.store.catalog.named(map_.table)
        target = self.store.catalog.tables[map_.collection]
        found: Row = {}
        for each in columns:
            column, value = source.columns[each.dataverse], row.get(each.dataverse)
            if each.found_by:
                found[each.finops] = self.lookups.text(column, each.found_by, value)
            else:
                found[each.finops] = to_finops(value, column, target.columns[each.finops])
        return found | self._person(map_, row, found)

    def _person(self, map_: Map, row: Row, found: Row) -> Row:
        """An orderer named by the older column goes by the number they have as a contact."""
        person = row.get("_msdyn_contactperson_value")
        if map_ is not ORDERS or not person or found.get("ContactPersonId", "x"):
            return {}
        known = self.store.catalog.named("msdyn_contactforparty")
        where = '"_msdyn_contactid_value" = ? AND "_msdyn_associatedcompanyid_value" = ?'
        contact = self.store.find(known, where, [person, row.get(COMPANY)])
        return {"ContactPersonId": contact["msdyn_contactforpartynumber"]} if contact else {}


def _changes(change: Change, column: str) -> bool:
    before, after = change.before or {}, change.after or {}
    return before.get(column) != after.get(column)
