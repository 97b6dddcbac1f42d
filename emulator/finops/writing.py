"""Creates and updates rows by F&O's rules: no nulls, keys fixed, company from the caller."""

from typing import Any

from emulator.defaults import EMPTY, defaults
from emulator.errors import BadPayload, InvalidValue, MissingValue
from emulator.metadata import Column, Table, Type
from emulator.odata.sql import type_name
from emulator.store import Store, Transaction
from emulator.values import Row, Stored, stored

Json = dict[str, Any]


class FinopsWriter:
    """The writes of one request."""

    def __init__(self, store: Store, company: str) -> None:
        self.store = store
        self.company = company

    def create(self, tx: Transaction, table: Table, json: Json) -> Row:
        if table.has("dataAreaId"):
            json = {"dataAreaId": self.company} | json
        given = self.store.filled(table, self._values(table, json))
        kept = self.store.whole(table)
        for name in kept.key:
            if kept.columns[name].required and name not in given:
                raise MissingValue(_failed(table, f"Field '{name}' must be filled in."))
        return tx.insert(table, defaults(table) | given)

    def update(self, tx: Transaction, table: Table, row: Row, json: Json) -> Row:
        values = self._values(table, json)
        for name in self.store.whole(table).key:
            if name in values and values[name] != row[name]:
                raise InvalidValue(_failed(table, f"Field '{name}' cannot be changed."))
        return tx.update(table, row, values) if values else row

    def _values(self, table: Table, json: Json) -> Row:
        """The values that are sent, by the names of the columns as they are kept."""
        sent = {name: value for name, value in json.items() if "@" not in name}
        kept = self.store.whole(table)
        values = ((kept.respelled(name), self._value(table, name, sent[name])) for name in sent)
        return {column.name: value for column, value in values if column is not None}

    def _value(self, table: Table, name: str, value: Any) -> Stored:
        column = table.columns.get(name)
        if column is None:
            raise BadPayload(
                f"The property '{name}' does not exist on type '{type_name(table)}'. Make sure to"
                " only use property names that are defined by the type."
            )
        return EMPTY.get(column.type, 0) if value is None else stored(column, _noon(column, value))


def _noon(column: Column, value: Any) -> Any:
    """A date sent without a time is kept at noon, as F&O shows dates."""
    is_date = column.type is Type.DATETIME and isinstance(value, str) and "T" not in value
    return f"{value}T12:00:00Z" if is_date else value


def _failed(table: Table, text: str) -> str:
    return f"Write failed for table row of type '{table.name}Entity'. Infolog: Error: {text}"
