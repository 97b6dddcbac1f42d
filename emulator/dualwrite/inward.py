"""Writes of the ERP as Dataverse rows: orders, customers, products and invoices."""

from collections.abc import Iterable
from uuid import NAMESPACE_URL, uuid5

from emulator.dataverse.operations import whoever
from emulator.defaults import complete, defaults, set_base_amounts
from emulator.dualwrite.conversion import to_dataverse
from emulator.dualwrite.lookups import COMPANY, PRODUCT_COMPANY, Lookups, Unsynced
from emulator.dualwrite.maps import (
    CUSTOMERS,
    INVOICE_LINES,
    INVOICES,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    Carried,
    Map,
)
from emulator.dualwrite.running import admits
from emulator.metadata import Table
from emulator.store import Store, Transaction
from emulator.values import Row, Stored, fold, guid_order
from emulator.world.customer_rows import CUSTOMER
from emulator.world.fulfilment import BILLED
from emulator.world.order_rows import ITEM_BASED, STATES
from emulator.world.orders import Status
from emulator.world.products import ACTIVE, DRAFT

Names = frozenset[str] | None
"""The F&O columns that changed; all of them where there are none."""


class Inward:
    """Carries changes into Dataverse; companies that are not enabled there stay out."""

    def __init__(self, store: Store, lookups: Lookups) -> None:
        self.store = store
        self.lookups = lookups

    def order(self, tx: Transaction, header: Row, names: Names) -> Row | None:
        """Create or change an order; what the ERP computes comes along with any change."""
        company = self.lookups.company(header["dataAreaId"])
        if company is None:
            return None
        found = self._found(ORDERS, header["SalesOrderNumber"], company)
        values = self._values(ORDERS, header, _due(ORDERS, names if found else None), company)
        status = values.get("msdyn_processingstatus")
        values |= _state(status if isinstance(status, int) else None)
        if found is not None:
            return self._change(tx, ORDERS, found, values)
        key: Row = {"msdyn_salesordernumber": header["SalesOrderNumber"], COMPANY: company}
        values |= key | {"msdyn_ordertype": ITEM_BASED}
        values["ordernumber"] = f"ORD-{header['dataAreaId']}-{header['SalesOrderNumber']}"
        return self._new(
            tx, ORDERS, _named(values), header["dataAreaId"], header["SalesOrderNumber"]
        )

    def lines(
        self, tx: Transaction, order: Row, lines: Iterable[Row], names: dict[Stored, Names]
    ) -> None:
        """All lines of an order; those that the ERP no longer has go."""
        table = self.store.catalog.named(ORDER_LINES.table)
        known = {line["sequencenumber"]: line for line in self._lines_of(order)}
        net = 0
        for line in lines:
            sequence = line["LineCreationSequenceNumber"]
            row = self._line(
                tx, order, line, known.pop(sequence, None), names.get(sequence, frozenset())
            )
            net += int(row["extendedamount"] or 0)
        for gone in known.values():
            # A line that no map carried is none that the ERP has dropped.
            if admits(self.store, table, gone[table.id]):
                tx.delete(table, gone)
        own: Row = {"totallineitemamount": net, "totalamountlessfreight": net}
        self._change(tx, ORDERS, order, own)

    def _line(self, tx: Transaction, order: Row, line: Row, row: Row | None, names: Names) -> Row:
        company = order[COMPANY]
        columns = _due(ORDER_LINES, names if row else None)
        values = self._values(ORDER_LINES, line, columns, company)
        money = ("_transactioncurrencyid_value", "exchangerate")
        values |= {name: order[name] for name in money}
        if row is not None:
            return self._change(tx, ORDER_LINES, row, values)
        values |= {
            "_salesorderid_value": order["salesorderid"],
            "ispriceoverridden": 1,
            "lineitemnumber": values["sequencenumber"],
            "salesorderdetailname": str(values.get("description") or "")[:100] or None,
        }
        key = (line["dataAreaId"], line["SalesOrderNumber"], line["LineCreationSequenceNumber"])
        return self._new(tx, ORDER_LINES, values, *key)

    def drop_order(self, tx: Transaction, area: Stored, number: Stored) -> None:
        company = self.lookups.company(area)
        order = company and self._found(ORDERS, number, company)
        if order:
            lines = self.store.catalog.named(ORDER_LINES.table)
            for line in self._lines_of(order):
                tx.delete(lines, line)
            tx.delete(self.store.catalog.named(ORDERS.table), order)

    def _lines_of(self, order: Row) -> list[Row]:
        """The lines that an order has in Dataverse."""
        table = self.store.catalog.named(ORDER_LINES.table)
        where = '"_salesorderid_value" = ?'
        return list(self.store.select(table, where, [order["salesorderid"]]))

    def customer(self, tx: Transaction, row: Row, names: Names) -> None:
        company = self.lookups.company(row["dataAreaId"])
        if company is None or row["PartyType"] != "Organization":
            return
        found = self._found(CUSTOMERS, row["CustomerAccount"], company)
        values = self._values(CUSTOMERS, row, _due(CUSTOMERS, names if found else None), company)
        if found is not None:
            self._change(tx, CUSTOMERS, found, values)
            return
        values |= {"customertypecode": CUSTOMER, COMPANY: company}
        self._new(tx, CUSTOMERS, _named(values), row["dataAreaId"], row["CustomerAccount"])

    def product(self, tx: Transaction, row: Row, names: Names) -> None:
        """Each company has a row of its own; a new one is a draft unless asked otherwise."""
        company = self.lookups.company(row["dataAreaId"])
        if company is None:
            return
        table = self.store.catalog.named(PRODUCTS.table)
        where = f'fold("msdyn_productnumber") = ? AND "{PRODUCT_COMPANY}" = ?'
        found = self.store.find(table, where, [fold(str(row["ProductNumber"])), str(company)])
        values = self._values(PRODUCTS, row, _due(PRODUCTS, names if found else None), company)
        if found is not None:
            self._change(tx, PRODUCTS, found, values)
            return
        organization = self.store.catalog.named("organization")
        active = self.store.find(organization, "iscreateproductsinactivestate = 1", [])
        values |= ACTIVE if active else DRAFT
        values |= {PRODUCT_COMPANY: company, "productstructure": 1} | self._sold(row)
        self._new(tx, PRODUCTS, _named(values), row["dataAreaId"], row["ProductNumber"])

    def _sold(self, row: Row) -> Row:
        """The number that the platform wants to be unique, and the units it is sold in."""
        schedule = self.store.find(self.store.catalog.named("uomschedule"), "1 = 1", [])
        number = f"{row['dataAreaId']}-{row['ProductNumber']}".upper()
        key = schedule["uomscheduleid"] if schedule else None
        return {"productnumber": number, "_defaultuomscheduleid_value": key}

    def invoice(self, tx: Transaction, row: Row) -> None:
        """Invoices of orders; free text invoices stay in the ERP."""
        company = self.lookups.company(row["dataAreaId"])
        if company is None or not row["SalesOrderNumber"]:
            return
        order = self._found(ORDERS, row["SalesOrderNumber"], company) or {}
        values = self._values(INVOICES, row, INVOICES.columns, company)
        values |= {
            "name": f"Invoice {row['InvoiceNumber']}",
            "statuscode": BILLED,
            "statecode": 0,
            "msdyn_ordertype": ITEM_BASED,
            "_salesorderid_value": order.get("salesorderid"),
            "_pricelevelid_value": order.get("_pricelevelid_value"),
            "billto_name": order.get("billto_name"),
            COMPANY: company,
        }
        self._new(tx, INVOICES, values, row["dataAreaId"], row["InvoiceNumber"])

    def invoice_line(self, tx: Transaction, row: Row) -> None:
        company = self.lookups.company(row["dataAreaId"])
        invoices = self.store.catalog.named(INVOICES.table)
        where = f'"msdyn_invoicenumber" = ? AND "{COMPANY}" = ?'
        invoice = self.store.find(invoices, where, [row["InvoiceNumber"], company])
        if invoice is None:
            return
        values = self._values(INVOICE_LINES, row, INVOICE_LINES.columns, company)
        ordered = self.store.find(
            self.store.catalog.named(ORDER_LINES.table),
            '"_salesorderid_value" = ? AND "sequencenumber" = ?',
            [invoice["_salesorderid_value"], row["LineCreationSequenceNumber"]],
        )
        values |= {
            "_invoiceid_value": invoice["invoiceid"],
            "_salesorderdetailid_value": (ordered or {}).get("salesorderdetailid"),
            "invoicedetailname": str(values.get("description") or "")[:100] or None,
            "ispriceoverridden": 1,
        }
        self._new(tx, INVOICE_LINES, values, row["dataAreaId"], row["InvoiceNumber"],
                  row["LineCreationSequenceNumber"])  # fmt: skip
        net = int(invoice["totallineitemamount"] or 0) + int(values["extendedamount"] or 0)
        self._change(tx, INVOICES, invoice, {"totallineitemamount": net})

    def _found(self, map_: Map, number: Stored, company: Stored) -> Row | None:
        column = {"salesorder": "msdyn_salesordernumber", "account": "accountnumber"}[map_.table]
        where = f'"{COMPANY}" = ? AND fold("{column}") = ?'
        return self.store.find(
            self.store.catalog.named(map_.table), where, [company, fold(str(number))]
        )

    def _values(self, map_: Map, row: Row, columns: Iterable[Carried], company: Stored) -> Row:
        source = self.store.catalog.tables[map_.collection]
        target = self.store.catalog.named(map_.table)
        found: Row = {}
        for each in columns:
            column, value = target.columns[each.dataverse], row[each.finops]
            if each.found_by:
                found[each.dataverse] = self.lookups.key(column, each.found_by, value, company)
            else:
                found[each.dataverse] = to_dataverse(value, source.columns[each.finops], column)
        return found

    def _change(self, tx: Transaction, map_: Map, row: Row, values: Row) -> Row:
        table = self.store.catalog.named(map_.table)
        current = self.store.get(table, (row[table.id],)) or row
        new = {name: value for name, value in values.items() if current.get(name) != value}
        if not new:
            return current
        after = _based(table, current | new, new)
        new |= {c.name: after[c.name] for c in table.columns.values() if c.base_of in new}
        if table.has("modifiedon"):
            new["modifiedon"] = self.store.now()
        return tx.update(table, current, new)

    def _new(self, tx: Transaction, map_: Map, values: Row, *key: Stored) -> Row:
        """A new row from the ERP; its id is derived from its key in the ERP."""
        table = self.store.catalog.named(map_.table)
        text = "/".join(str(each).lower() for each in (table.set, *key))
        row = defaults(table) | values | {table.id: guid_order(str(uuid5(NAMESPACE_URL, text)))}
        self._own(table, row)
        missing = [
            c.logical
            for c in table.columns.values()
            if c.required and c.creatable and row.get(c.name) is None
        ]
        if missing:
            raise Unsynced(f"{table.name} requires {', '.join(missing)}.")
        complete(table, row, self.store.now())
        return tx.insert(table, row)

    def _own(self, table: Table, row: Row) -> None:
        me = whoever(self.store, {})
        for name in (
            "_createdby_value",
            "_modifiedby_value",
            "_ownerid_value",
            "_owninguser_value",
        ):
            if table.has(name):
                row[name] = me["UserId"]
        if table.has("_owningbusinessunit_value"):
            row["_owningbusinessunit_value"] = me["BusinessUnitId"]
        if table.has("_accountid_value") and table.has("_customerid_value"):
            row["_accountid_value"] = row.get("_customerid_value")
        self._price(table, row)

    def _price(self, table: Table, row: Row) -> None:
        """Rate and price list, which no map carries: those of currency and customer."""
        currencies, lists = (
            self.store.catalog.named(n) for n in ("transactioncurrency", "pricelevel")
        )
        key = row.get("_transactioncurrencyid_value")
        currency = self.store.get(currencies, (key,)) if key else None
        if currency and table.has("exchangerate"):
            row["exchangerate"] = currency["exchangerate"]
        if table.name != "salesorder" or row.get("_pricelevelid_value"):
            return
        accounts = self.store.catalog.named("account")
        account = self.store.get(accounts, (row["_customerid_value"],)) or {}
        first = self.store.select(lists, '"_transactioncurrencyid_value" = ? ORDER BY name', [key])
        usual = first[0]["pricelevelid"] if first else None
        row["_pricelevelid_value"] = account.get("_defaultpricelevelid_value") or usual


def _due(map_: Map, names: Names) -> list[Carried]:
    return [c for c in map_.columns if names is None or c.sign == ">!" or c.finops in names]


def _state(status: int | None) -> Row:
    if status is None:
        return {}
    state, reason = STATES[Status(status)]
    return {"statecode": state, "statuscode": reason}


def _named(values: Row) -> Row:
    """Every table of these requires a name."""
    return values | {"name": values.get("name") or "-"}


def _based(table: Table, row: Row, touched: Iterable[str]) -> Row:
    """The row with the base amounts of its changed columns recomputed."""
    names = set(touched)
    for column in table.columns.values():
        if column.base_of in names:
            row[column.name] = None
    if table.has("exchangerate"):
        set_base_amounts(table, row)
    return row
