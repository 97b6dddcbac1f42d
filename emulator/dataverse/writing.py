"""Creates, updates, links and deletes rows by Dataverse's rules, inside one transaction each."""

from collections.abc import Iterable
from typing import Any

from emulator.dataverse.bodies import Body, BodyReader
from emulator.dataverse.calculated import base_currency, calculate
from emulator.dataverse.privileges import check
from emulator.dataverse.row_urls import References
from emulator.defaults import complete, defaults, set_base_amounts
from emulator.errors import BadPayload, MissingValue, Refusal
from emulator.metadata import ENFORCED, Column, Navigation, Table, Type
from emulator.store import Store, Transaction
from emulator.values import Row, Stored, guid_order, guid_text

Json = dict[str, Any]
CURRENCY = "_transactioncurrencyid_value"
PARENTS = {"salesorderdetail": "salesorder", "quotedetail": "quote", "invoicedetail": "invoice"}
"""The document that a line is part of."""
PARENT = "_parentid_value"
"""The account or contact that an address is of."""
NUMBERED = {"salesorder": "ordernumber", "quote": "quotenumber", "invoice": "invoicenumber"}
ASSOCIATED = (
    "The object you tried to delete is associated with another object and cannot be deleted."
)


class DataverseWriter:
    """The writes of one request by one user."""

    def __init__(self, store: Store, references: References, me: dict[str, Stored]) -> None:
        self.store = store
        self.references = references
        self.me = me

    def create(self, tx: Transaction, table: Table, json: Json, given: Row | None = None) -> Row:
        """Insert a row with all it nests; `given` are values that the URL or a parent implies."""
        if table.read_only:
            raise Refusal(f"The 'Create' method does not support entities of type '{table.name}'.",
                          code="0x80040800")  # fmt: skip
        check(self.store, table, "Create")
        body = BodyReader(table, self.references, "create").read(json)
        values = body.values | (given or {})
        for navigation, nested in body.parents:
            target = self.store.shown.tables[navigation.target]
            values[navigation.on[0][0]] = self.create(tx, target, nested)[target.id]
        row = tx.insert(table, self._complete(table, values))
        self._after_create(tx, table, row, body)
        return self.current(table, row)

    def _after_create(self, tx: Transaction, table: Table, row: Row, body: Body) -> None:
        for navigation, nested in body.children:
            self._create_child(tx, table, row, navigation, nested)
        for navigation, other in body.links:
            self.associate(tx, table, row, navigation, other)
        calculate(tx, table, self.current(table, row))

    def _create_child(self, tx: Transaction, table: Table, row: Row, navigation: Navigation,
                      nested: Json) -> None:  # fmt: skip
        target = self.store.shown.tables[navigation.target]
        if navigation.through is None:
            self.create(tx, target, nested, {navigation.on[0][1]: row[table.id]})
        else:
            self.associate(tx, table, row, navigation, self.create(tx, target, nested))

    def current(self, table: Table, row: Row) -> Row:
        """The row as it is now; related writes and listeners may have changed it."""
        return self.store.get(table, (row[table.id],)) or row

    def update(self, tx: Transaction, table: Table, before: Row, json: Json) -> Row:
        check(self.store, table, "Write")
        body = BodyReader(table, self.references, "update").read(json, before)
        values = body.values
        if not values:
            return before
        self._check_required(table, values, values)
        values |= self._modified(table)
        _move_state(table, before, values)
        after = {**before, **values}
        _refresh_base(table, after, values)
        row = tx.update(table, before, values)
        calculate(tx, table, row, frozenset(values))
        return self.current(table, row)

    def delete(self, tx: Transaction, table: Table, row: Row) -> None:
        check(self.store, table, "Delete")
        for navigation in table.navigations.values():
            if navigation.many:
                self._release(tx, table, row, navigation)
        tx.delete(table, row)
        calculate(tx, table, row)

    def _release(self, tx: Transaction, table: Table, row: Row, navigation: Navigation) -> None:
        """Release the rows that point at one that goes: details go too, others lose the link."""
        if navigation.through is not None:
            between = self.store.shown.tables[navigation.through.set]
            where = f'"{navigation.through.near}" = ?'
            for link in self.store.select(between, where, [row[table.id]]):
                tx.delete(between, link)
            return
        child = self.store.shown.tables[navigation.target]
        column = child.columns[navigation.on[0][1]]
        for other in self.store.select(child, f'"{column.name}" = ?', [row[table.id]]):
            self._cut(tx, child, other, column)

    def _cut(self, tx: Transaction, child: Table, row: Row, column: Column) -> None:
        if column.level not in (ENFORCED, "ApplicationRequired"):
            tx.update(child, row, {column.name: None})
        elif child.ownership == "none":
            self.delete(tx, child, row)
        else:
            raise Refusal(ASSOCIATED, code="0x80040227")

    def associate(self, tx: Transaction, table: Table, row: Row, navigation: Navigation,
                  other: Row) -> None:  # fmt: skip
        if navigation.through is None:
            self._point(tx, table, row, navigation, other)
            return
        between = self.store.shown.tables[navigation.through.set]
        near, far = navigation.on[0]
        link = {navigation.through.near: row[near], navigation.through.far: other[far]}
        tx.insert(between, {between.id: self.new_id(), **link})

    def _point(self, tx: Transaction, table: Table, row: Row, navigation: Navigation,
               other: Row) -> None:  # fmt: skip
        near, far = navigation.on[0]
        if navigation.many:
            child = self.store.shown.tables[navigation.target]
            tx.update(child, other, {far: row[near]} | self._modified(child))
        else:
            tx.update(table, row, {near: other[far]} | self._modified(table))

    def disassociate(self, tx: Transaction, table: Table, row: Row, navigation: Navigation,
                     other: Row | None) -> None:  # fmt: skip
        near, far = navigation.on[0]
        if not navigation.many:
            self._check_required(table, {near: None}, [near])
            tx.update(table, row, {near: None} | self._modified(table))
            return
        if other is None:
            raise BadPayload("A reference to the row to disassociate is needed.")
        target = self.store.shown.tables[navigation.target]
        if navigation.through is None:
            self._check_required(target, {far: None}, [far])
            tx.update(target, other, {far: None})
            return
        between = self.store.shown.tables[navigation.through.set]
        where = f'"{navigation.through.near}" = ? AND "{navigation.through.far}" = ?'
        for link in self.store.select(between, where, [row[near], other[far]]):
            tx.delete(between, link)

    def new_id(self) -> str:
        return guid_order(str(self.store.draw()))

    def _complete(self, table: Table, values: Row) -> Row:
        row: Row = defaults(table) | values
        if row.get(table.id) is None:
            row[table.id] = self.new_id()
        self._set_people(table, row)
        self._set_currency(table, row)
        self._set_number(table, row)
        self._set_place(table, row)
        self._check_required(table, row, table.columns)
        complete(table, row, self.store.now())
        _check_status(table, row)
        return row

    def _set_people(self, table: Table, row: Row) -> None:
        user = self.me.get("UserId")
        for name in ("_createdby_value", "_modifiedby_value"):
            if table.has(name):
                row[name] = user
        if table.ownership == "organization" and table.has("_organizationid_value"):
            row["_organizationid_value"] = self.me.get("OrganizationId")
        if table.ownership == "user":
            row["_ownerid_value"] = row.get("_ownerid_value") or user
            row["_owninguser_value"] = row["_ownerid_value"]
            row["_owningbusinessunit_value"] = self.me.get("BusinessUnitId")

    def _set_currency(self, table: Table, row: Row) -> None:
        """Amounts are in the row's currency, else the organization's, at its rate of today."""
        if not (table.has(CURRENCY) and table.has("exchangerate")):
            return
        row[CURRENCY] = key = row.get(CURRENCY) or self._usual_currency(table, row)
        currency = self.store.get(self.store.catalog.named("transactioncurrency"), (key,))
        if currency is not None:
            row["exchangerate"] = currency["exchangerate"]

    def _usual_currency(self, table: Table, row: Row) -> Stored:
        """That of the document which a line belongs to, else the organization's own."""
        if header := PARENTS.get(table.name):
            key = row.get(f"_{header}id_value")
            parent = self.store.get(self.store.catalog.named(header), (key,)) or {}
            return parent.get(CURRENCY)
        money = (c.name for c in table.columns.values() if c.type is Type.MONEY)
        if table.name not in PARENTS.values() and all(row.get(name) is None for name in money):
            return None
        return base_currency(self.store)

    def _set_number(self, table: Table, row: Row) -> None:
        """Documents are numbered by Sales where their writer does not do it."""
        if name := NUMBERED.get(table.name):
            text = guid_text(str(row[table.id]))[:8].upper()
            row[name] = row.get(name) or f"{name[:3].upper()}-{text}"

    def _set_place(self, table: Table, row: Row) -> None:
        """
        An address stands behind the others of its parent and says which table that is of, as
        public clients write neither (M).
        """
        if table.name != "customeraddress" or row.get(PARENT) is None:
            return
        is_of_account = self.store.get(self.store.catalog.named("account"), (row[PARENT],))
        row["objecttypecode"] = "account" if is_of_account else "contact"
        if row.get("addressnumber") is None:
            others = self.store.select(table, f'"{PARENT}" = ?', [row[PARENT]])
            numbers = [int(str(other["addressnumber"] or 0)) for other in others]
            row["addressnumber"] = max(numbers, default=0) + 1

    def _check_required(self, table: Table, row: Row, names: Iterable[str]) -> None:
        """Check columns that the system requires and does not fill in; forms may want more."""
        for column in (table.columns[name] for name in names if name in table.columns):
            if column.required and column.creatable and row.get(column.name) is None:
                raise MissingValue(
                    f"A validation error occurred. A value for the attribute '{column.logical}' of"
                    f" the entity '{table.name}' is required and was not provided."
                )

    def _modified(self, table: Table) -> Row:
        known = {"modifiedon": self.store.now(), "_modifiedby_value": self.me.get("UserId")}
        return {name: value for name, value in known.items() if table.has(name)}


def _move_state(table: Table, before: Row, values: Row) -> None:
    """A state without a reason brings its first reason; both must fit each other."""
    if "statecode" not in values and "statuscode" not in values:
        return
    status = table.columns.get("statuscode")
    if "statuscode" not in values and status and status.options:
        options = (o.value for o in status.options.options if o.state == values["statecode"])
        values["statuscode"] = next(options, None)
    _check_status(table, {**before, **values})


def _check_status(table: Table, row: Row) -> None:
    status = table.columns.get("statuscode")
    if status is None or not status.options or not table.has("statecode"):
        return
    option = status.options.find(row.get("statuscode"))
    if option and option.state is not None and option.state != row.get("statecode"):
        raise Refusal(
            f"{option.value} is not a valid status code for state code {row.get('statecode')}"
            f" on {table.name}.",
            code="0x80048408",
        )


def _refresh_base(table: Table, after: Row, values: Row) -> None:
    touched = [c for c in table.columns.values() if c.base_of in values and c.type is Type.MONEY]
    for column in touched:
        after[column.name] = None
    if touched:
        set_base_amounts(table, after)
        values |= {column.name: after[column.name] for column in touched}
