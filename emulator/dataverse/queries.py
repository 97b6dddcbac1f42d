"""Answers GET: collections, single rows, properties, references and counts."""

from typing import Any

from emulator.dataverse.pages import Pages
from emulator.dataverse.paging_cookie import MAX_PAGE
from emulator.dataverse.resources import Address, Resource, related_to
from emulator.dataverse.views import View
from emulator.errors import BadQuery, NotFound, no_row
from emulator.exchange import Answer
from emulator.metadata import Column
from emulator.odata.options import Query, Selection, read_selection
from emulator.reading import Restriction
from emulator.values import Row, guid_order, guid_text, shown

Json = dict[str, Any]


class Queries:
    """The reads of one request."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.store = view.store

    def answer(self, resource: Resource) -> Answer:
        if resource.empty:
            return Answer(204)
        if resource.row and resource.column:
            return self._property(resource, resource.row, resource.column)
        if resource.suffix == "$count":
            return self._count(resource)
        if resource.suffix == "$ref":
            return self._references(resource)
        if resource.row:
            return self._row(resource, resource.row)
        return Pages(self.view).answer(resource.table, self._restriction(resource))

    def _restriction(self, resource: Resource) -> Restriction:
        if resource.parent is None or resource.navigation is None:
            return Restriction()
        parent = self._existing(resource.parent)
        condition = related_to(self.store, parent, resource.table, resource.navigation)
        return Restriction([condition])

    def _row(self, resource: Resource, address: Address) -> Answer:
        selection = read_selection(self.store.shown, resource.table, self.view.options)
        row = self.read(resource, address, selection)
        if self._unchanged(selection, row):
            return Answer(304, headers={"ETag": row["@odata.etag"]})
        body = {"@odata.context": self.view.context(selection, "/$entity")} | row
        return Answer(200, body, {"ETag": row["@odata.etag"]} | self.view.applied())

    def _unchanged(self, selection: Selection, row: Json) -> bool:
        """An expansion or an annotation may have changed where the row itself did not."""
        if selection.expands or self.view.wanted:
            return False
        return self.view.ask.headers.get("if-none-match") == str(row["@odata.etag"])

    def read(self, resource: Resource, address: Address, selection: Selection) -> Json:
        row = self.view.reader.one(selection, *address.sql)
        if row is None:
            raise no_row(resource.table.name, address.text)
        self._check_parent(resource, row)
        self.view.annotator.annotate(resource.table, [row])
        return row

    def _check_parent(self, resource: Resource, row: Json) -> None:
        """A row addressed through its parent must belong to it."""
        if resource.parent is None or not resource.navigation:
            return
        query = Query(_key_only(resource))
        only = self._restriction(resource)
        key = guid_order(row[resource.table.id])
        only.conditions.append(lambda c, s: f'{s.alias}."{s.table.id}" = {c.bind(key)}')
        if not self.view.reader.page(query, 1, only=only).rows:
            raise NotFound(f"Resource not found for the segment '{resource.navigation.name}'.")

    def _property(self, resource: Resource, address: Address, column: Column) -> Answer:
        row = self._existing(address)
        stored = row[column.name]
        if stored is None:
            return Answer(204)
        show = shown(column)
        value = show(stored) if show else stored
        if resource.suffix == "$value":
            return Answer(200, str(value).encode(), {"Content-Type": "text/plain"})
        key = guid_text(str(row[resource.table.id]))
        context = f"{self.view.ask.base}/$metadata#{resource.table.set}({key})/{column.name}"
        return Answer(200, {"@odata.context": context, "value": value})

    def _existing(self, address: Address) -> Row:
        row = self.store.find(address.table, *address.sql)
        if row is None:
            raise no_row(address.table.name, address.text)
        return row

    def _count(self, resource: Resource) -> Answer:
        if resource.row:
            raise BadQuery("$count is for collections only.")
        return Pages(self.view).count(resource.table, self._restriction(resource))

    def _references(self, resource: Resource) -> Answer:
        selection = _key_only(resource)
        context = f"{self.view.ask.base}/$metadata"
        if resource.row:
            row = self.read(resource, resource.row, selection)
            reference = self.view.reference(selection, row)
            return Answer(200, {"@odata.context": f"{context}#$ref"} | reference)
        page = self.view.reader.page(Query(selection), MAX_PAGE, only=self._restriction(resource))
        value = [self.view.reference(selection, row) for row in page.rows]
        return Answer(200, {"@odata.context": f"{context}#Collection($ref)", "value": value})


def _key_only(resource: Resource) -> Selection:
    return Selection(resource.table, (resource.table.columns[resource.table.id],))
