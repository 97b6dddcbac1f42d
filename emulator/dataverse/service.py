"""The Dataverse Web API v9.2, from `Ask` to `Answer`; HTTP and batches call it alike."""

from collections.abc import Callable, Mapping

from emulator.csdl import metadata
from emulator.dataverse.annotations import Wanted
from emulator.dataverse.bulk import Bulk, bulk_delete, is_bulk
from emulator.dataverse.closing_quotes import win
from emulator.dataverse.discovery import SETS, discover
from emulator.dataverse.operations import FUNCTIONS, Me, whoever
from emulator.dataverse.privileges import ABOUT_USERS
from emulator.dataverse.queries import Queries
from emulator.dataverse.resources import Address, Resolver, Resource, not_found
from emulator.dataverse.row_urls import References
from emulator.dataverse.views import View, etag
from emulator.dataverse.writing import DataverseWriter
from emulator.errors import BadPayload, BadQuery, Duplicate, NotAllowed, Refusal, Stale, no_row
from emulator.exchange import Answer, Ask, Segment, segments
from emulator.metadata import Navigation, Service
from emulator.odata.options import read_selection
from emulator.store import Store
from emulator.values import Row, guid_text

CRM = "Microsoft.Dynamics.CRM."
HELP = "http://go.microsoft.com/fwlink/"
VERSION_MISMATCH = (
    "The version of the existing record doesn't match the RowVersion property provided."
)


class Dataverse:
    """Answers requests below `/api/data/v9.2`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def answer(self, ask: Ask, made: Mapping[str, str] | None = None) -> Answer:
        try:
            return DataverseRequest(self.store, ask, made or {}).answer()
        except Refusal as refusal:
            answer = error(refusal)
            _annotate(answer, refusal, ask)
            return answer


def error(refusal: Refusal) -> Answer:
    body = {"error": {"code": refusal.sent_code, "message": refusal.message}}
    return Answer(refusal.sent_status, body, dict(refusal.headers))


def _annotate(answer: Answer, refusal: Refusal, ask: Ask) -> None:
    """Add the annotations that the request asked for to an error too."""
    wanted = Wanted(ask.preferences().get("odata.include-annotations"))
    details = {
        "ErrorDetails.OperationStatus": "0",
        "HelpLink": f"{HELP}?client=platform&code={int(refusal.sent_code, 16)}",
        "TraceText": "",
        "InnerError.Message": refusal.message,
    }
    if wanted and isinstance(answer.body, dict):
        names = {f"Microsoft.PowerApps.CDS.{name}": text for name, text in details.items()}
        answer.body["error"] |= {f"@{n}": text for n, text in names.items() if wanted.has(n)}


class DataverseRequest:
    """One request on its way: found resource, then the handler of its method."""

    def __init__(self, store: Store, ask: Ask, made: Mapping[str, str]) -> None:
        self.store = store
        self.ask = ask
        self.me: Me = whoever(store, ask.headers)
        self.references = References(store, made)
        self.writer = DataverseWriter(store, self.references, self.me)

    def answer(self) -> Answer:
        path = segments(self.references.local(self.ask.path))
        first = path[0].name.removeprefix(CRM) if path else ""
        if first in FUNCTIONS:
            return FUNCTIONS[first](self.store, self.ask, self.me, path)
        if first in SETS:
            return discover(self.store.shown, self.ask, path)
        if root := self._roots().get((self.ask.method, first)):
            return root()
        if path[-1].name.startswith(CRM) or is_bulk(path[-1]):
            return self._bound(path)
        resource = Resolver(self.store, self.ask.options()).resolve(path)
        handler = self._handlers().get(self.ask.method)
        if handler is None:
            raise NotAllowed(f"The HTTP method '{self.ask.method}' is not supported here.")
        return handler(resource)

    def _roots(self) -> dict[tuple[str, str], Callable[[], Answer]]:
        return {
            ("GET", ""): self._service_document,
            ("GET", "$metadata"): self._metadata,
            ("POST", "BulkDelete"): self._bulk_delete,
            ("POST", "WinQuote"): self._win_quote,
        }

    def _handlers(self) -> dict[str, Callable[[Resource], Answer]]:
        return {
            "GET": self._get,
            "POST": self._post,
            "PATCH": self._patch,
            "PUT": self._put,
            "DELETE": self._delete,
        }

    def _get(self, resource: Resource) -> Answer:
        return Queries(self._view()).answer(resource)

    def _view(self) -> View:
        return View(self.store, self.ask, self.me)

    def _service_document(self) -> Answer:
        sets = sorted(table.set for table in self.store.shown.of(Service.DATAVERSE))
        value = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
        return Answer(200, {"@odata.context": f"{self.ask.base}/$metadata", "value": value})

    def _metadata(self) -> Answer:
        body = metadata(self.store.shown, Service.DATAVERSE)
        return Answer(200, body, {"Content-Type": "application/xml"})

    def _bulk_delete(self) -> Answer:
        return bulk_delete(self.store, self.writer, self.ask.base, self.ask.json())

    def _win_quote(self) -> Answer:
        return win(self.store, self.references, self.ask.json())

    def _bound(self, path: list[Segment]) -> Answer:
        """Actions and functions that are bound to a set or a row."""
        *before, last = path
        function = last.name.removeprefix(CRM)
        if function in ABOUT_USERS and [each.name for each in before] == ["systemusers"]:
            return ABOUT_USERS[function](self.store, self.ask, last)
        if not is_bulk(last) or len(before) != 1:
            raise not_found(last.name)
        if self.ask.method != "POST":
            raise NotAllowed("A bulk operation is an action and is called by POST.")
        table = Resolver(self.store, {}).resolve(before).table
        name = last.name.removeprefix(CRM)
        return Bulk(self.store, self.writer, self.ask.base).run(table, name, self.ask.json())

    def _post(self, resource: Resource) -> Answer:
        if resource.suffix == "$ref":
            return self._associate(resource)
        if resource.row or resource.column or resource.suffix:
            raise NotAllowed("POST creates rows in a set; this is not one.")
        json = self.ask.json()
        with self.store.transaction() as tx:
            given = self._implied(resource)
            row = self.writer.create(tx, resource.table, json, given)
        return self._written(resource, row, created=True)

    def _implied(self, resource: Resource) -> Row:
        """A row posted to a collection of a parent belongs to that parent."""
        if resource.parent is None or resource.navigation is None:
            return {}
        near, far = resource.navigation.on[0]
        if resource.navigation.through:
            raise BadQuery("Create the row first, then associate it.")
        return {far: self._existing(resource.parent)[near]}

    def _patch(self, resource: Resource) -> Answer:
        if resource.row is None or resource.column:
            raise NotAllowed("PATCH needs the URL of a row.")
        json = self.ask.json()
        before = self.store.find(resource.table, *resource.row.sql)
        self._check_conditions(resource.row, before)
        with self.store.transaction() as tx:
            if before is None:
                row = self.writer.create(tx, resource.table, json, dict(resource.row.key))
            else:
                row = self.writer.update(tx, resource.table, before, json)
        return self._written(resource, row, created=before is None)

    def _check_conditions(self, address: Address, row: Row | None) -> None:
        match = self.ask.headers.get("if-match")
        if match and row is None:
            raise no_row(address.table.name, address.text)
        if match and match != "*" and row and match != etag(row["versionnumber"]):
            raise Stale(VERSION_MISMATCH)
        if self.ask.headers.get("if-none-match") == "*" and row is not None:
            raise Duplicate("A record with matching key values already exists.")

    def _written(self, resource: Resource, row: Row, *, created: bool) -> Answer:
        url = f"{self.ask.base}/{resource.table.set}({guid_text(str(row[resource.table.id]))})"
        if self.ask.preferences().get("return") != "representation":
            headers = {"OData-EntityId": url}
            if created:
                headers["Location"] = url
            return Answer(204, headers=headers)
        view = self._view()
        selection = read_selection(self.store.shown, resource.table, view.options)
        address = Address(resource.table, {resource.table.id: row[resource.table.id]}, "")
        shown_row = Queries(view).read(Resource(resource.table, address), address, selection)
        body = {"@odata.context": view.context(selection, "/$entity")} | shown_row
        headers = {"Preference-Applied": "return=representation", "ETag": shown_row["@odata.etag"]}
        if created:
            headers["Location"] = url
        return Answer(201 if created else 200, body, headers)

    def _put(self, resource: Resource) -> Answer:
        """PUT sets one property, or the one row that a single-valued property points at."""
        if resource.suffix == "$ref":
            return self._associate(resource)
        if resource.row is None or resource.column is None:
            raise NotAllowed("PUT sets a single property.")
        json = self.ask.json()
        if "value" not in json:
            raise BadPayload("The body must be an object with a 'value'.")
        return self._set(resource.row, {resource.column.name: json["value"]})

    def _set(self, address: Address, json: Row) -> Answer:
        before = self._existing(address)
        self._check_conditions(address, before)
        with self.store.transaction() as tx:
            self.writer.update(tx, address.table, before, dict(json))
        return Answer(204)

    def _delete(self, resource: Resource) -> Answer:
        if resource.suffix == "$ref":
            return self._disassociate(resource)
        if resource.row is None:
            raise NotAllowed("DELETE needs the URL of a row.")
        if resource.column:
            return self._set(resource.row, {resource.column.name: None})
        row = self._existing(resource.row)
        self._check_conditions(resource.row, row)
        with self.store.transaction() as tx:
            self.writer.delete(tx, resource.table, row)
        return Answer(204)

    def _existing(self, address: Address) -> Row:
        row = self.store.find(address.table, *address.sql)
        if row is None:
            raise no_row(address.table.name, address.text)
        return row

    def _relation(self, resource: Resource) -> tuple[Address, Navigation]:
        if resource.parent is None or resource.navigation is None:
            raise BadQuery("$ref needs a navigation property before it.")
        return resource.parent, resource.navigation

    def _associate(self, resource: Resource) -> Answer:
        parent, navigation = self._relation(resource)
        _, other = self.references.find(str(self.ask.json().get("@odata.id")))
        with self.store.transaction() as tx:
            self.writer.associate(tx, parent.table, self._existing(parent), navigation, other)
        return Answer(204)

    def _disassociate(self, resource: Resource) -> Answer:
        parent, navigation = self._relation(resource)
        other = self._existing(resource.row) if resource.row and navigation.many else None
        if other is None and (url := self.ask.options().get("$id")):
            _, other = self.references.find(url)
        with self.store.transaction() as tx:
            row = self._existing(parent)
            self.writer.disassociate(tx, parent.table, row, navigation, other)
        return Answer(204)
