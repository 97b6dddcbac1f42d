"""Answers GET of a collection: pages, aggregates, FetchXML, and what changed since a token."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.dataverse import tracking
from emulator.dataverse.aggregates import Aggregator
from emulator.dataverse.fetchxml import Fetch, parse
from emulator.dataverse.paging_cookie import MAX_PAGE, PageStart, next_link, page_size, read_token
from emulator.dataverse.views import View
from emulator.errors import BadQuery, NotImplementedHere
from emulator.exchange import Answer
from emulator.metadata import Table
from emulator.odata.apply import parse_apply
from emulator.odata.options import Query, read_query
from emulator.reading import Restriction

Json = dict[str, Any]
COUNT_CAP = 5_000
CRM = "Microsoft.Dynamics.CRM."
TOTAL = f"@{CRM}totalrecordcount"
WITH_APPLY = {"$apply", "$count"}


class Pages:
    """The collections of one request, shown by its view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.store = view.store
        self.options: Mapping[str, str] = view.options

    def answer(self, table: Table, only: Restriction) -> Answer:
        if "fetchXml" in self.options:
            return self._fetch(table)
        if "sql" in self.options:
            raise NotImplementedHere("The emulator does not answer ?sql= queries.")
        if "$apply" in self.options:
            return self._apply(table, only)
        place = read_token(self.options.get("$skiptoken"))
        asked = "$deltatoken" in self.options or "odata.track-changes" in self.view.preferences
        if asked or place.delta:
            return self._tracked(table, only, place)
        query = read_query(self.store.shown, table, self.options)
        body, _ = self._page(query, only, place)
        return Answer(200, body, self.view.applied())

    def _page(self, query: Query, only: Restriction, place: PageStart) -> tuple[Json, bool]:
        size = self._size(query)
        self.view.expanded_size = self._expanded_size(query)
        page = self.view.reader.page(query, size, after=place.last, only=only)
        self.view.annotator.annotate(query.selection.table, page.rows)
        body = self._head(query, only) | {"value": page.rows}
        more = page.more and self._paged(query)
        if more:
            ask = self.view.ask
            following = PageStart(place.number + 1, page.last, place.delta)
            body["@odata.nextLink"] = next_link(f"{ask.base}/{ask.path}", ask.query, following)
        return body, more

    def _size(self, query: Query) -> int:
        """A page size makes the service forget about $top."""
        preference = self.view.preferences.get("odata.maxpagesize")
        if preference is None and query.top is not None:
            return min(query.top, MAX_PAGE)
        return page_size(preference)

    def _expanded_size(self, query: Query) -> int | None:
        """A page size cuts expanded rows as well as soon as one expansion is inside another."""
        nested = any(expand.selection.expands for expand in query.selection.expands)
        return page_size(self.view.preferences.get("odata.maxpagesize")) if nested else None

    def _paged(self, query: Query) -> bool:
        return query.top is None or "odata.maxpagesize" in self.view.preferences

    def _head(self, query: Query, only: Restriction) -> Json:
        body: Json = {"@odata.context": self.view.context(query.selection)}
        total = -1
        if query.count:
            total = self.view.reader.count(query, COUNT_CAP + 1, only)
            body["@odata.count"] = min(total, COUNT_CAP)
        return body | self._totals(total)

    def _totals(self, total: int) -> Json:
        wanted = self.view.wanted
        body: Json = {}
        if wanted.has(TOTAL[1:]):
            body[TOTAL] = min(total, COUNT_CAP)
            body[f"{TOTAL}limitexceeded"] = total > COUNT_CAP
        if wanted.has(f"{CRM}globalmetadataversion"):
            body[f"@{CRM}globalmetadataversion"] = "1"
        return body

    def count(self, table: Table, only: Restriction) -> Answer:
        """`/$count`: of all rows, of a filter's, or of the changes since a token."""
        if token := self.options.get("$deltatoken"):
            since = tracking.read(self.store, token)
            only = _changed(only, since)
        query = read_query(self.store.shown, table, self.options)
        total = self.view.reader.count(query, COUNT_CAP, only)
        return Answer(200, str(total).encode(), {"Content-Type": "text/plain"})

    def _apply(self, table: Table, only: Restriction) -> Answer:
        for name in self.options:
            if name.startswith("$") and name not in WITH_APPLY:
                raise BadQuery(f"The {name} query parameter is not supported with $apply.")
        rows = Aggregator(self.store, table, parse_apply(self.options["$apply"])).rows(only)
        self.view.annotator.annotate(table, rows)
        rows = [{name: value for name, value in row.items() if value is not None} for row in rows]
        context = f"{self.view.ask.base}/$metadata#{table.set}"
        return Answer(200, {"@odata.context": context, "value": rows})

    def _fetch(self, table: Table) -> Answer:
        fetch = Fetch(self.store, table, parse(self.options["fetchXml"]), self.view.me)
        rows, cookie = fetch.page()
        self.view.annotator.annotate(table, rows)
        body: Json = {"@odata.context": f"{self.view.ask.base}/$metadata#{table.set}"}
        if fetch.root.get("returntotalrecordcount") == "true":
            body |= self._totals(fetch.total())
        if cookie:
            body[f"@{CRM}fetchxmlpagingcookie"] = cookie
        if self.view.wanted.has(f"{CRM}morerecords"):
            body[f"@{CRM}morerecords"] = cookie is not None
        return Answer(200, body | {"value": rows}, self.view.applied())

    def _tracked(self, table: Table, only: Restriction, place: PageStart) -> Answer:
        """The last page of all rows, or of the changes, ends in the link for the next time."""
        tracking.check(table, dict(self.options))
        place = replace(place, delta=place.delta or tracking.now(self.store).text())
        since = self.options.get("$deltatoken")
        token = tracking.read(self.store, since) if since else None
        only = _changed(only, token) if token else only
        query = read_query(self.store.shown, table, self.options)
        body, more = self._page(query, only, place)
        if token:
            body["@odata.context"] += "/$delta"
        if not more:
            body["value"] += self._deleted(table, token)
            body["@odata.deltaLink"] = self._delta_link(place.delta)
        return Answer(200, body, self.view.applied())

    def _deleted(self, table: Table, token: tracking.DeltaToken | None) -> list[Json]:
        return tracking.deleted(self.store, table, token, self.view.ask.base) if token else []

    def _delta_link(self, token: str) -> str:
        ask = self.view.ask
        kept = [
            part for part in ask.query.split("&") if part.startswith(("$select=", "%24select="))
        ]
        return f"{ask.base}/{ask.path}?{'&'.join([*kept, f'$deltatoken={token}'])}"


def _changed(only: Restriction, since: tracking.DeltaToken) -> Restriction:
    return Restriction(
        [
            *only.conditions,
            lambda compiler, scope: f"{scope.alias}.versionnumber > {compiler.bind(since.version)}",
        ]
    )
