"""Turns the JSON body of a write into values, binds and related rows, refusing what does not fit.

What the body may name differs by the write: some columns take a value only on create.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from emulator.dataverse.privileges import check
from emulator.dataverse.row_urls import References
from emulator.errors import BadPayload, Refusal
from emulator.metadata import Column, Navigation, Table, Type
from emulator.odata.sql import type_name
from emulator.values import Row, Stored, stored

Operation = Literal["create", "update"]
BIND = "@odata.bind"
SECURED: dict[Operation, str] = {"create": "CanCreate", "update": "CanUpdate"}
COMPANIES = "cdm_companies"


@dataclass
class Body:
    """A body taken apart."""

    values: Row = field(default_factory=dict)
    links: list[tuple[Navigation, Row]] = field(default_factory=list)
    parents: list[tuple[Navigation, dict[str, Any]]] = field(default_factory=list)
    children: list[tuple[Navigation, dict[str, Any]]] = field(default_factory=list)


class BodyReader:
    """Reads bodies for one table."""

    def __init__(self, table: Table, references: References, operation: Operation) -> None:
        self.table = table
        self.references = references
        self.operation = operation

    def read(self, json: dict[str, Any], current: Row | None = None) -> Body:
        body = Body()
        for name, value in json.items():
            self._property(body, name, value, current or {})
        return body

    def _property(self, body: Body, name: str, value: Any, current: Row) -> None:
        if name.endswith(BIND):
            self._bind(body, name.removesuffix(BIND), value, current)
        elif "@" in name:
            return
        elif name in self.table.columns:
            self._value(body, self.table.columns[name], value, current)
        elif name in self.table.navigations:
            self._nested(body, self.table.navigations[name], value)
        else:
            raise self._unknown(name)

    def _value(self, body: Body, column: Column, value: Any, current: Row) -> None:
        if column.type is Type.LOOKUP:
            raise BadPayload(
                "CRM do not support direct update of Entity Reference properties, Use Navigation"
                " properties instead."
            )
        kept = stored(column, value)
        # Dataverse keeps no empty strings.
        kept = None if kept == "" else kept
        if column.name in current and current[column.name] == kept:
            return
        self._check_writable(column)
        body.values[column.name] = kept

    def _check_writable(self, column: Column) -> None:
        writable = column.creatable if self.operation == "create" else column.updatable
        if not writable:
            raise Refusal(
                f"Attribute '{column.logical}' of entity '{self.table.name}' is not valid for"
                f" {self.operation}."
            )
        if SECURED[self.operation] in column.denied:
            raise Refusal(
                f"Principal user does not have {self.operation} permission for the secured"
                f" attribute '{column.logical}' of entity '{self.table.name}'.",
                code="0x80040220",
                status=403,
            )

    def _bind(self, body: Body, name: str, value: Any, current: Row) -> None:
        navigation = self.table.navigations.get(name)
        if navigation is None:
            raise self._undeclared(name)
        if navigation.many:
            self._bind_many(body, navigation, value)
            return
        key = None
        if value is not None:
            self._check_append(navigation)
            key = self.references.key(value, navigation, self._owners(navigation))
        self._check_company(navigation, key, current)
        self._link(body, navigation, key)

    def _check_append(self, navigation: Navigation) -> None:
        store = self.references.store
        check(store, self.table, "Append")
        check(store, store.shown.tables[navigation.target], "AppendTo")

    def _check_company(self, navigation: Navigation, key: Stored, current: Row) -> None:
        """The company of a saved row does not change, though metadata calls it updatable."""
        kept = current.get(navigation.on[0][0])
        if navigation.target == COMPANIES and kept is not None and kept != key:
            raise Refusal(f"The company of a saved {self.table.name} cannot be changed.")

    def _owners(self, navigation: Navigation) -> list[str]:
        """Users and teams share the one property `ownerid`; other lookups have one a table."""
        column = self.table.columns[navigation.on[0][0]]
        return [t.table for t in column.targets if t.navigation == navigation.name]

    def _bind_many(self, body: Body, navigation: Navigation, value: Any) -> None:
        if not isinstance(value, list) or self.operation != "create":
            raise BadPayload(f"'{navigation.name}{BIND}' takes a list of URLs on create only.")
        body.links += [(navigation, self.references.row(url, navigation)) for url in value]

    def _link(self, body: Body, navigation: Navigation, key: Stored) -> None:
        near = navigation.on[0][0]
        column = self.table.columns[near]
        self._check_writable(column)
        if body.values.get(near) is not None and body.values[near] != key:
            raise BadPayload(f"'{column.logical}' is bound more than once.")
        body.values[near] = key

    def _nested(self, body: Body, navigation: Navigation, value: Any) -> None:
        """Deep insert: an object for one related row, a list for many."""
        if value is None and not navigation.many:
            self._link(body, navigation, None)
            return
        if self.operation != "create":
            raise BadPayload("Deep update of navigation properties is not allowed.")
        if navigation.many and isinstance(value, list):
            body.children += [(navigation, each) for each in value if isinstance(each, dict)]
        elif not navigation.many and isinstance(value, dict):
            body.parents.append((navigation, value))
        else:
            raise BadPayload(f"The value of '{navigation.name}' does not fit the property.")

    def _unknown(self, name: str) -> BadPayload:
        return BadPayload(
            "Error identified in Payload provided by the user for Entity"
            f" :'{self.table.set}'. Invalid property '{name}' was found in entity"
            f" '{type_name(self.table)}'."
        )

    def _undeclared(self, name: str) -> BadPayload:
        return BadPayload(
            "Error identified in Payload provided by the user for Entity"
            f" :'{self.table.set}'. An undeclared property '{name}' which only has property"
            " annotations in the payload but no property value was found in the payload. In OData,"
            " only declared navigation properties and declared named streams can be represented as"
            " properties without values."
        )
