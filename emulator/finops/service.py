"""Finance & Operations' OData below `/data`, from `Ask` to `Answer`."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from emulator.csdl import metadata
from emulator.errors import BadPayload, BadQuery, InvalidValue, MissingValue, NotAllowed, Refusal
from emulator.exchange import Answer, Ask, Segment, segments
from emulator.finops.keys import read_key, url_key
from emulator.finops.public_metadata import answer as public_metadata
from emulator.finops.reports import Archive, is_report
from emulator.finops.writing import FinopsWriter
from emulator.metadata import Service, Table
from emulator.odata.options import Query, flag, read_query, read_selection
from emulator.reading import Reader, Restriction
from emulator.store import Key, Store, where_key
from emulator.values import Row, fold

Json = dict[str, Any]
MAX_PAGE = 10_000
KNOWN = {"$select", "$filter", "$orderby", "$expand", "$top", "$skip", "$count", "cross-company"}
WRITE_ERRORS = (InvalidValue, MissingValue)


class NoRoute(Refusal):
    """A collection that does not exist is no OData error here but one of the web framework."""

    status = 404


class FinOps:
    """Answers requests below `/data`; reads stay in `company` unless asked across companies."""

    def __init__(self, store: Store, company: str) -> None:
        self.store = store
        self.company = company

    def describe(self, ask: Ask, made: Mapping[str, str] | None = None) -> Answer:
        """Answers below `/metadata`, beside the data."""
        try:
            return public_metadata(self.store.shown, ask)
        except Refusal as refusal:
            return error(refusal)

    def answer(self, ask: Ask, made: Mapping[str, str] | None = None) -> Answer:
        try:
            return FinopsRequest(self.store, self.company, ask, made or {}).answer()
        except Refusal as refusal:
            return error(refusal)


def etag(version: object) -> str:
    """The opaque form that F&O gives its row versions."""
    return f'W/"{base64.b64encode(f"{version}".encode()).decode()}"'


def error(refusal: Refusal) -> Answer:
    if isinstance(refusal, NoRoute):
        return Answer(404, {"Message": refusal.message})
    if isinstance(refusal, WRITE_ERRORS):
        inner = {"message": refusal.message, "type": "System.InvalidOperationException",
                 "stacktrace": ""}  # fmt: skip
        body: Json = {"code": "", "message": "An error has occurred.", "innererror": inner}
        return Answer(refusal.sent_status, {"error": body}, dict(refusal.headers))
    text = refusal.message
    if isinstance(refusal, BadQuery):
        text = f"The query specified in the URI is not valid. {text}"
    return Answer(
        refusal.sent_status, {"error": {"code": "", "message": text}}, dict(refusal.headers)
    )


class FinopsRequest:
    """One request: the collection, perhaps a key, and the handler of its method."""

    def __init__(self, store: Store, company: str, ask: Ask, made: Mapping[str, str]) -> None:
        self.store = store
        self.ask = ask
        self.options = ask.options()
        self.company = company
        self.reader = Reader(store, etag)
        self.writer = FinopsWriter(store, company)
        self.made = made

    def answer(self) -> Answer:
        head, slash, rest = self.ask.path.partition("/")
        path = segments(self.made.get(head, head) + slash + rest)
        if not path:
            return self._service_document()
        if path[0].name == "$metadata":
            body = metadata(self.store.shown, Service.FINOPS)
            return Answer(200, body, {"Content-Type": "application/xml"})
        table = self.store.shown.find(path[0].name, Service.FINOPS)
        if table is None:
            raise self._no_route()
        self._check_options()
        if path[0].args is None:
            return self._collection(table, path[1:])
        return self._row(table, read_key(table, path[0].args), path[1:])

    def _no_route(self) -> NoRoute:
        url = f"{self.ask.base}/{self.ask.path}"
        return NoRoute(
            f"No HTTP resource was found that matches the request URI '{url}'. No route data was"
            " found for this request."
        )

    def _check_options(self) -> None:
        for name in self.options:
            if name.startswith("$") and name not in KNOWN:
                raise BadQuery(f"The query parameter '{name}' is not supported.")

    def _service_document(self) -> Answer:
        sets = sorted(table.set for table in self.store.shown.of(Service.FINOPS))
        value = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
        return Answer(200, {"@odata.context": f"{self.ask.base}/$metadata", "value": value})

    def _collection(self, table: Table, rest: list[Segment]) -> Answer:
        handlers: dict[str, Callable[[Table], Answer]] = {"GET": self._page, "POST": self._create}
        if is_report(table.set, rest) and self.ask.method == "POST":
            return self._report()
        if rest == [Segment("$count")] and self.ask.method == "GET":
            handlers["GET"] = self._count
        elif rest:
            raise self._no_route()
        if self.ask.method not in handlers:
            raise NotAllowed(
                f"The requested resource does not support http method '{self.ask.method}'."
            )
        return handlers[self.ask.method](table)

    def _report(self) -> Answer:
        context = f"{self.ask.base}/$metadata#Edm.String"
        return Answer(200, {"@odata.context": context, **Archive(self.store).run(self.ask.body)})

    def _page(self, table: Table) -> Answer:
        query = read_query(self.store.shown, table, self.options)
        limit = min(query.top if query.top is not None else MAX_PAGE, MAX_PAGE)
        only = self._own_company(table)
        page = self.reader.page(query, limit, only=only)
        body: Json = {"@odata.context": self._context(query)}
        if query.count:
            body["@odata.count"] = self.reader.count(query, None, only)
        body["value"] = page.rows
        if page.more and (query.top is None or query.top > limit):
            body["@odata.nextLink"] = self._next(query, limit)
        return Answer(200, body)

    def _context(self, query: Query) -> str:
        shape = f"({','.join(query.selection.named)})" if query.selection.named else ""
        return f"{self.ask.base}/$metadata#{query.selection.table.set}{shape}"

    def _next(self, query: Query, limit: int) -> str:
        """The server's own paging goes on with $skip, and with what is left of $top."""
        parts = [
            p for p in self.ask.query.split("&") if p and not p.startswith(("$skip", "%24skip"))
        ]
        parts = [p for p in parts if not p.startswith(("$top", "%24top"))]
        if query.top is not None:
            parts.append(f"$top={query.top - limit}")
        parts.append(f"$skip={query.skip + limit}")
        return f"{self.ask.base}/{self.ask.path}?{'&'.join(parts)}"

    def _count(self, table: Table) -> Answer:
        query = read_query(self.store.shown, table, self.options)
        total = self.reader.count(query, None, self._own_company(table))
        return Answer(200, str(total).encode(), {"Content-Type": "text/plain"})

    def _own_company(self, table: Table) -> Restriction:
        if self._across() or not table.has("dataAreaId"):
            return Restriction()
        company = fold(self.company)
        return Restriction([lambda c, s: f'fold({s.alias}."dataAreaId") = {c.bind(company)}'])

    def _across(self) -> bool:
        return flag(self.options, "cross-company")

    def _create(self, table: Table) -> Answer:
        with self.store.transaction() as tx:
            row = self.writer.create(tx, table, self.ask.json())
        url = f"{self.ask.base}/{table.set}({url_key(table, self._key(table, row))})"
        return self._shown(table, row, Answer(201, headers={"Location": url}))

    def _shown(self, table: Table, row: Row, answer: Answer) -> Answer:
        selection = read_selection(self.store.shown, table, self.options)
        sql, values = where_key(table, self._key(table, row))
        found = self.reader.one(selection, sql, values) or {}
        context = f"{self.ask.base}/$metadata#{table.set}/$entity"
        answer.body = {"@odata.context": context} | found
        answer.headers["ETag"] = found.get("@odata.etag", "")
        return answer

    def _row(self, table: Table, key: Key, rest: list[Segment]) -> Answer:
        if rest:
            raise self._no_route()
        row = self.store.get(table, key)
        if row is None or not self._visible(table, row):
            raise Refusal("No resources were found when selecting for update.", status=404)
        if self.ask.method == "GET":
            return self._shown(table, row, Answer())
        self._check_match(row)
        with self.store.transaction() as tx:
            if self.ask.method == "DELETE":
                tx.delete(table, row)
            elif self.ask.method in ("PATCH", "PUT"):
                self.writer.update(tx, table, row, self.ask.json())
            else:
                raise NotAllowed(
                    f"The requested resource does not support http method '{self.ask.method}'."
                )
        return Answer(204)

    def _key(self, table: Table, row: Row) -> Key:
        """The key of a kept row, in the order of the collection's key."""
        kept = self.store.whole(table)
        columns = (kept.respelled(name) for name in table.key)
        return tuple(row[column.name] for column in columns if column is not None)

    def _visible(self, table: Table, row: Row) -> bool:
        if self._across() or not table.has("dataAreaId"):
            return True
        return fold(str(row["dataAreaId"])) == fold(self.company)

    def _check_match(self, row: Row) -> None:
        match = self.ask.headers.get("if-match")
        if match and match not in ("*", etag(row["@version"])):
            raise BadPayload("The record was changed by somebody else.", status=412)
