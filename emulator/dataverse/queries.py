"""Answers GET: collections with their pages, single rows, properties, references and counts."""

from typing import Any

from emulator.dataverse.annotations import Annotator, Wanted
from emulator.dataverse.paging import MAX_PAGE, next_link, page_size, read_token
from emulator.dataverse.resources import Address, Resource, related_to
from emulator.errors import BadQuery, NotFound, no_row
from emulator.exchange import Answer, Ask
from emulator.metadata import Column
from emulator.odata.options import Expand, Query, Selection, read_query, read_selection
from emulator.reading import Page, Reader, Restriction, attach
from emulator.store import Row, Store
from emulator.values import Stored, guid_order, guid_text, shown

Json = dict[str, Any]
REFUSED = {
    "$skip": "Skip Clause is not supported in CRM",
    "$search": "The query parameter $search is not supported",
    "$format": "The query parameter $format is not supported",
    "$compute": "The query parameter $compute is not supported",
}
KNOWN = {"$select", "$filter", "$orderby", "$expand", "$top", "$count", "$apply", "$skiptoken",
         "$deltatoken", "$id", "fetchXml", "savedQuery", "userQuery"}  # fmt: skip
COUNT_CAP = 5_000
TOTAL = "@Microsoft.Dynamics.CRM.totalrecordcount"


def etag(version: object) -> str:
    return f'W/"{version}"'


def check_options(options: dict[str, str]) -> None:
    """OData's own options are known or refused; custom ones are let through as the service does."""
    for name in options:
        if name in REFUSED:
            raise BadQuery(REFUSED[name])
        if name.startswith("$") and name not in KNOWN:
            raise BadQuery(f"The query parameter {name} is not supported")


class Queries:
    """The reads of one request."""

    def __init__(self, store: Store, ask: Ask, me: dict[str, Stored]) -> None:
        self.store = store
        self.ask = ask
        self.options = ask.options()
        check_options(self.options)
        self.preferences = ask.preferences()
        self.wanted = Wanted(self.preferences.get("odata.include-annotations"))
        self.annotator = Annotator(store, self.wanted)
        self.reader = Reader(store, etag, me, nested_etags=False)
        self.reader.show_expanded = self._show_expanded

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
        return self._collection(resource)

    def restriction(self, resource: Resource) -> Restriction:
        if resource.parent is None or resource.navigation is None:
            return Restriction()
        parent = self._existing(resource.parent)
        condition = related_to(self.store, parent, resource.table, resource.navigation)
        return Restriction([condition])

    def _collection(self, resource: Resource) -> Answer:
        query = read_query(self.store.catalog, resource.table, self.options)
        number, after = read_token(self.options.get("$skiptoken"))
        size = self._size(query)
        only = self.restriction(resource)
        page = self.reader.page(query, size, after=after, only=only)
        self.annotator.annotate(resource.table, page.rows)
        body = self._head(query, only) | {"value": page.rows}
        if page.more and self._paged(query):
            body["@odata.nextLink"] = self._next(number + 1, page)
        return Answer(200, body, self._applied())

    def _size(self, query: Query) -> int:
        """A page size makes the service forget about $top."""
        preference = self.preferences.get("odata.maxpagesize")
        if preference is None and query.top is not None:
            return min(query.top, MAX_PAGE)
        return page_size(preference)

    def _paged(self, query: Query) -> bool:
        return query.top is None or "odata.maxpagesize" in self.preferences

    def _next(self, number: int, page: Page) -> str:
        return next_link(self.ask.base, self.ask.path, self.ask.query, number, page.last)

    def _head(self, query: Query, only: Restriction) -> Json:
        body: Json = {"@odata.context": self.context(query.selection)}
        total = -1
        if query.count:
            total = self.reader.count(query, COUNT_CAP + 1, only)
            body["@odata.count"] = min(total, COUNT_CAP)
        if self.wanted.has(TOTAL[1:]):
            body[TOTAL] = min(total, COUNT_CAP)
            body[f"{TOTAL}limitexceeded"] = total > COUNT_CAP
        if self.wanted.has("Microsoft.Dynamics.CRM.globalmetadataversion"):
            body["@Microsoft.Dynamics.CRM.globalmetadataversion"] = "1"
        return body

    def context(self, selection: Selection, suffix: str = "") -> str:
        names = [*selection.named, *(f"{e.navigation.name}()" for e in selection.expands)]
        shape = f"({','.join(names)})" if names else ""
        return f"{self.ask.base}/$metadata#{selection.table.set}{shape}{suffix}"

    def _row(self, resource: Resource, address: Address) -> Answer:
        selection = read_selection(self.store.catalog, resource.table, self.options)
        row = self.read(resource, address, selection)
        if self.ask.headers.get("if-none-match") == row["@odata.etag"]:
            return Answer(304, headers={"ETag": row["@odata.etag"]})
        body = {"@odata.context": self.context(selection, "/$entity")} | row
        return Answer(200, body, {"ETag": row["@odata.etag"]} | self._applied())

    def read(self, resource: Resource, address: Address, selection: Selection) -> Json:
        row = self.reader.one(selection, *address.sql)
        if row is None:
            raise no_row(resource.table.name, address.text)
        self._check_parent(resource, row)
        self.annotator.annotate(resource.table, [row])
        return row

    def _check_parent(self, resource: Resource, row: Json) -> None:
        """A row addressed through its parent must belong to it."""
        if resource.parent is None or not resource.navigation:
            return
        query = Query(Selection(resource.table, (resource.table.columns[resource.table.id],)))
        only = self.restriction(resource)
        key = guid_order(row[resource.table.id])
        only.conditions.append(lambda c, s: f'{s.alias}."{s.table.id}" = {c.bind(key)}')
        if not self.reader.page(query, 1, only=only).rows:
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
        context = f"{resource.table.set}({key})/{column.name}"
        return Answer(
            200, {"@odata.context": f"{self.ask.base}/$metadata#{context}", "value": value}
        )

    def _existing(self, address: Address) -> Row:
        row = self.store.find(address.table, *address.sql)
        if row is None:
            raise no_row(address.table.name, address.text)
        return row

    def _count(self, resource: Resource) -> Answer:
        if resource.row:
            raise BadQuery("$count is for collections only.")
        query = read_query(self.store.catalog, resource.table, self.options)
        total = self.reader.count(query, COUNT_CAP, self.restriction(resource))
        return Answer(200, str(total).encode(), {"Content-Type": "text/plain"})

    def _references(self, resource: Resource) -> Answer:
        """`$ref` shows where rows are instead of what they hold."""
        selection = Selection(resource.table, (resource.table.columns[resource.table.id],))
        base = f"{self.ask.base}/$metadata"
        if resource.row:
            row = self.read(resource, resource.row, selection)
            return Answer(200, {"@odata.context": f"{base}#$ref"} | self._reference(selection, row))
        query = Query(selection)
        page = self.reader.page(query, MAX_PAGE, only=self.restriction(resource))
        value = [self._reference(selection, row) for row in page.rows]
        return Answer(200, {"@odata.context": f"{base}#Collection($ref)", "value": value})

    def _reference(self, selection: Selection, row: Json) -> Json:
        table = selection.table
        return {"@odata.id": f"{self.ask.base}/{table.set}({row[table.id]})"}

    def _show_expanded(self, expand: Expand, row: Json, related: list[Json]) -> None:
        self.annotator.annotate(expand.selection.table, related)
        attach(expand, row, related)
        if expand.reference and related:
            row[expand.navigation.name] = self._reference(expand.selection, related[0])
        if expand.navigation.many:
            row[f"{expand.navigation.name}@odata.nextLink"] = self._more(expand, row)

    def _more(self, expand: Expand, row: Json) -> str:
        """The link under which the service continues, or repeats, an expanded collection."""
        near = expand.navigation.on[0][0]
        parent = next(t for t in self.store.catalog if expand.navigation in t.navigations.values())
        query = expand.query.replace(";", "&")
        path = f"{parent.set}({row.get(near, '')})/{expand.navigation.name}"
        return f"{self.ask.base}/{path}?{query}".removesuffix("?")

    def _applied(self) -> dict[str, str]:
        applied = [
            f'{name}="{value}"' if name == "odata.include-annotations" else f"{name}={value}"
            for name, value in self.preferences.items()
            if name in ("odata.include-annotations", "odata.maxpagesize")
        ]
        return {"Preference-Applied": ",".join(applied)} if applied else {}
