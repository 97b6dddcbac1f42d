"""Columns that Dynamics 365 Sales works out by itself when a row or one below it is written.

Where an organization has its orders processed by the ERP (`issopintegrationenabled`), amounts are
the ERP's affair and come from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from emulator.defaults import set_base_amounts
from emulator.metadata import Table
from emulator.store import Store, Transaction
from emulator.values import Row, Stored, scaled

Rule = Callable[[Transaction, Table, Row], None]
Touched = frozenset[str]
AMOUNTS = ("totallineitemamount", "totallineitemdiscountamount", "totaltax", "totaldiscountamount",
           "totalamountlessfreight", "totalamount")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """A header with lines whose amounts add up to its own."""

    header: str
    line: str

    @property
    def lookup(self) -> str:
        return f"_{self.header}id_value"


ORDER = Document("salesorder", "salesorderdetail")
INVOICE = Document("invoice", "invoicedetail")


def calculate(tx: Transaction, table: Table, row: Row, touched: Touched | None = None) -> None:
    """Run the rule of a table after a row was written; `touched` are the columns of an update."""
    inputs, rule = RULES.get(table.name, (frozenset(), None))
    if rule and (touched is None or touched & inputs):
        rule(tx, table, row)


def priced_by_erp(tx: Transaction) -> bool:
    organization = tx.store.catalog.named("organization")
    return tx.store.find(organization, "issopintegrationenabled = 1", []) is not None


def base_currency(store: Store) -> Stored:
    """The currency of the organization; the first there is where it does not say."""
    organization = store.find(store.catalog.named("organization"), "1 = 1", [])
    if organization and organization["_basecurrencyid_value"]:
        return organization["_basecurrencyid_value"]
    currencies = store.catalog.named("transactioncurrency")
    first = store.select(currencies, "1 = 1 ORDER BY rowid LIMIT 1")
    return first[0][currencies.id] if first else None


def change(tx: Transaction, table: Table, row: Row, values: Row) -> Row:
    """Update only what differs, so that a row's version does not move without a reason."""
    new = {name: value for name, value in values.items() if row.get(name) != value}
    return tx.update(table, row, new) if new else row


def _full_name(tx: Transaction, table: Table, row: Row) -> None:
    if tx.store.get(table, (row[table.id],)) is None:
        return
    parts = [row.get(name) for name in ("firstname", "middlename", "lastname")]
    change(tx, table, row, {"fullname": " ".join(str(part) for part in parts if part) or None})


def _line(document: Document) -> Rule:
    def rule(tx: Transaction, table: Table, row: Row) -> None:
        if priced_by_erp(tx):
            return
        if tx.store.get(table, (row[table.id],)) is not None:
            change(tx, table, row, _line_amounts(tx, table, row, document))
        header = tx.store.catalog.named(document.header)
        parent = tx.store.get(header, (row[document.lookup],))
        if parent is not None:
            _total(tx, header, parent, document)

    return rule


def _line_amounts(tx: Transaction, table: Table, row: Row, document: Document) -> Row:
    """A line is in its header's currency; it costs price by quantity, less discount, plus tax."""
    header = tx.store.get(tx.store.catalog.named(document.header), (row[document.lookup],)) or {}
    currency = "_transactioncurrencyid_value"
    after: Row = {
        **row,
        currency: row.get(currency) or header.get(currency),
        "exchangerate": header.get("exchangerate") or row.get("exchangerate"),
    }
    if row.get("priceperunit") is not None:
        base = _number(table, row, "priceperunit") * _number(table, row, "quantity")
        after["baseamount"] = _kept(table, "baseamount", base)
        net = _number(table, after, "baseamount") - _number(table, row, "manualdiscountamount")
        after["extendedamount"] = _kept(table, "extendedamount", net + _number(table, row, "tax"))
    for column in table.columns.values():
        if column.base_of:
            after[column.name] = None
    set_base_amounts(table, after)
    return after


def _header(document: Document) -> Rule:
    def rule(tx: Transaction, table: Table, row: Row) -> None:
        current = tx.store.get(table, (row[table.id],))
        if current is not None and not priced_by_erp(tx):
            _total(tx, table, current, document)

    return rule


def _total(tx: Transaction, header: Table, row: Row, document: Document) -> None:
    """An order with lines that carry prices adds up; one without keeps what the ERP wrote."""
    lines = tx.store.catalog.named(document.line)
    sums = (
        "SELECT count(extendedamount), total(baseamount),"  # noqa: S608
        f' total(manualdiscountamount), total(tax) FROM "{lines.sql}" WHERE "{document.lookup}" = ?'
    )
    priced, *added = map(int, tx.store.run(sums, [row[header.id]])[0])
    if not priced:
        return
    parts = dict(zip(("baseamount", "manualdiscountamount", "tax"), added, strict=True))
    base, line_discount, tax = (_number(lines, {**parts}, name) for name in parts)
    net = base - line_discount
    percentage = _number(header, row, "discountpercentage") / 100
    discount = _number(header, row, "discountamount") + round(percentage * net, 2)
    less_freight = net - discount
    amounts = (net, line_discount, tax, discount + line_discount, less_freight,
               less_freight + _number(header, row, "freightamount") + tax)  # fmt: skip
    kept = {name: _kept(header, name, n) for name, n in zip(AMOUNTS, amounts, strict=True)}
    after: Row = {**row, **kept}
    after |= {f"{name}_base": None for name in AMOUNTS}
    set_base_amounts(header, after)
    names = (*AMOUNTS, *(f"{name}_base" for name in AMOUNTS))
    change(tx, header, row, {name: after[name] for name in names})


def _number(table: Table, row: Row, name: str) -> Decimal:
    value: Stored = row.get(name)
    return Decimal(value if isinstance(value, int) else 0).scaleb(-table.columns[name].scale)


def _kept(table: Table, name: str, number: Decimal) -> int:
    return scaled(number, table.columns[name].scale)


LINE_INPUTS = frozenset({"priceperunit", "quantity", "manualdiscountamount", "tax"})
HEADER_INPUTS = frozenset({"discountamount", "discountpercentage", "freightamount"})
RULES: dict[str, tuple[Touched, Rule]] = {
    "contact": (frozenset({"firstname", "middlename", "lastname"}), _full_name),
    "salesorderdetail": (LINE_INPUTS, _line(ORDER)),
    "invoicedetail": (LINE_INPUTS, _line(INVOICE)),
    "salesorder": (HEADER_INPUTS, _header(ORDER)),
    "invoice": (HEADER_INPUTS, _header(INVOICE)),
}
