"""Columns that Dynamics 365 Sales works out by itself when a row or one below it is written."""

from collections.abc import Callable

from emulator.metadata import Table
from emulator.store import Row, Transaction

Rule = Callable[[Transaction, Table, Row], None]


def calculate(tx: Transaction, table: Table, row: Row) -> None:
    """Run the rule of a table, if it has one, after a row of it was written or deleted."""
    rule = RULES.get(table.name)
    if rule:
        rule(tx, table, row)


def change(tx: Transaction, table: Table, row: Row, values: Row) -> Row:
    """Update only what differs, so that a row's version does not move without a reason."""
    new = {name: value for name, value in values.items() if row.get(name) != value}
    return tx.update(table, row, new) if new else row


def _full_name(tx: Transaction, table: Table, row: Row) -> None:
    if tx.store.get(table, (row[table.id],)) is None:
        return
    parts = [row.get(name) for name in ("firstname", "middlename", "lastname")]
    change(tx, table, row, {"fullname": " ".join(str(part) for part in parts if part) or None})


RULES: dict[str, Rule] = {"contact": _full_name}
