"""CreateMultiple, UpdateMultiple and UpsertMultiple on a set, and the BulkDelete action."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from emulator.dataverse.conditions import query_expression
from emulator.dataverse.resources import Address, read_key
from emulator.dataverse.writing import DataverseWriter
from emulator.errors import BadPayload, MissingValue, no_row
from emulator.exchange import Answer, Segment, segments
from emulator.metadata import Table
from emulator.odata.sql import type_name
from emulator.store import Store, Transaction
from emulator.values import Row, guid_text

Json = dict[str, Any]
TYPE, ID = "@odata.type", "@odata.id"


class Bulk:
    """The bulk operations of one request; each is all or nothing."""

    def __init__(self, store: Store, writer: DataverseWriter, base: str) -> None:
        self.store = store
        self.writer = writer
        self.base = base
        self.operations: dict[str, Callable[[Table, list[Json]], Answer]] = {
            "CreateMultiple": self.create,
            "UpdateMultiple": self.update,
            "UpsertMultiple": self.upsert,
        }

    def run(self, table: Table, name: str, json: Json) -> Answer:
        return self.operations[name](table, self._targets(table, json))

    def create(self, table: Table, targets: list[Json]) -> Answer:
        with self.store.transaction() as tx:
            rows = [self.writer.create(tx, table, target) for target in targets]
        context = f"{self.base}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
        ids = [guid_text(str(row[table.id])) for row in rows]
        return Answer(200, {"@odata.context": context, "Ids": ids})

    def update(self, table: Table, targets: list[Json]) -> Answer:
        with self.store.transaction() as tx:
            for target in targets:
                address = self._address(table, target)
                row = self.store.find(table, *address.sql)
                if row is None:
                    raise no_row(table.name, address.text)
                self.writer.update(tx, table, row, _without(target, table.id))
        return Answer(204)

    def upsert(self, table: Table, targets: list[Json]) -> Answer:
        """The real status is unverified; like UpdateMultiple it has nothing to tell."""
        with self.store.transaction() as tx:
            for target in targets:
                self._upsert(tx, table, target)
        return Answer(204)

    def _upsert(self, tx: Transaction, table: Table, target: Json) -> Row:
        address = self._address(table, target)
        row = self.store.find(table, *address.sql)
        body = _without(target, table.id)
        if row is None:
            return self.writer.create(tx, table, body, dict(address.key))
        return self.writer.update(tx, table, row, body)

    def _targets(self, table: Table, json: Json) -> list[Json]:
        targets = json.get("Targets")
        if not isinstance(targets, list) or not all(isinstance(each, dict) for each in targets):
            raise BadPayload("The 'Targets' of a bulk operation must be a list of rows.")
        for target in targets:
            kind = str(target.get(TYPE, "")).lstrip("#")
            if kind != type_name(table):
                raise BadPayload(
                    f"Every target must carry the annotation '{TYPE}' of '{type_name(table)}'."
                )
        return targets

    def _address(self, table: Table, target: Json) -> Address:
        """A target is named by its primary key in the row or by the URL in `@odata.id`."""
        if table.id in target:
            return Address(table, read_key(table, str(target[table.id]), {}), str(target[table.id]))
        if ID not in target:
            raise MissingValue(f"A target needs '{table.id}' or '{ID}'.")
        step = segments(str(target[ID]).rpartition("/api/data/v9.2/")[2])[-1]
        return Address(table, read_key(table, step.args or "", {}), step.args or "")


def bulk_delete(store: Store, writer: DataverseWriter, base: str, json: Json) -> Answer:
    """The real action queues a job; here the rows are gone when the answer comes."""
    queries = json.get("QuerySet")
    if not isinstance(queries, list) or not json.get("JobName"):
        raise MissingValue("BulkDelete needs a JobName and a QuerySet.")
    with store.transaction() as tx:
        for query in queries:
            table, where, values = query_expression(store, query)
            for row in store.select(table, where, values):
                writer.delete(tx, table, row)
    context = f"{base}/$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    return Answer(200, {"@odata.context": context, "JobId": str(uuid4())})


def is_bulk(segment: Segment) -> bool:
    return segment.name.removeprefix("Microsoft.Dynamics.CRM.") in (
        "CreateMultiple",
        "UpdateMultiple",
        "UpsertMultiple",
    )


def _without(target: Json, name: str) -> Json:
    return {key: value for key, value in target.items() if key != name}
