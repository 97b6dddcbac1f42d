"""
The gate: the only way to a customer's rows.

Every read asks for the permission, ANDs the row rule into the request, asks for the columns that
prove the rule, and checks each row that comes back against it once more.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from gateway.admission.pacing import MANY, breathe
from gateway.auth.kept import UNKNOWN
from gateway.auth.policy import EXPLAIN
from gateway.auth.principal import Access, Principal
from gateway.errors import Forbidden, NotAvailableHere
from gateway.loaders.asks import Ask, Chunk, chunks_of, frame_of, place_of, query_of, told_as
from gateway.loaders.belonging import belonging, parents_of
from gateway.loaders.bounds import Bounds, bounded_by
from gateway.loaders.hiding import check, mark, withheld
from gateway.loaders.kept_rows import NOTHING_KEPT, KeptPlace, KeptRows
from gateway.loaders.keys import Keys
from gateway.loaders.name_changes import read_day, until_named
from gateway.loaders.prepared import PreparedQueries
from gateway.loaders.seen_rows import FetchAll, SeenRows, older
from gateway.model.tables import Link, ServiceName, Table
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import (
    EVERYTHING,
    NOTHING,
    Compare,
    Condition,
    Guid,
    Raw,
    both,
    columns,
    narrows,
    prefixed,
    value_at,
)
from gateway.upstream.odata import Order
from gateway.upstream.pages import PLAIN, RAW, Decoder, Page, is_raw
from gateway.upstream.service import Call, Service

log = logging.getLogger(__name__)

T = TypeVar("T")
NO_COLUMNS: frozenset[str] = frozenset()
Services = Mapping[ServiceName, Service]


class ForeignRows(Exception):
    """A service sent rows that the gate does not let through, to a strict reader."""


class Reading(Struct, frozen=True):
    """The work of the gate for one read, kept for those who ask for an explanation."""

    table: Table
    where: Condition
    access: Access | None
    rule: Condition | None
    """The row rule; None where the table was refused as a whole, for the reason in `refused`."""
    refused: str | None = None
    rows: int = 0


class Reader(Struct, frozen=True):
    """Reads for one principal within one operation's allowance."""

    services: Services
    principal: Principal
    allowance: Allowance
    readings: list[Reading] = field(default_factory=list)
    kept: KeptRows = NOTHING_KEPT
    """Rows of reference data that were read of late, for whomever."""
    prepared: PreparedQueries = field(default_factory=PreparedQueries)
    """The prepared queries of the principal, and of nobody else."""
    seen: SeenRows | None = None
    """Rows that callers were shown, where they may see them again in an outage."""
    strict: bool = False
    """True if rows beyond the row rule raise ForeignRows, instead of being dropped and logged."""

    def seen_by(self, principal: Principal) -> "Reader":
        """The reader of another principal, within the same allowance."""
        return replace(self, principal=principal, prepared=PreparedQueries())

    def through(self, before: Callable[[Services], Services], *, strict: bool) -> "Reader":
        """The same reader, which asks what `before` puts before its services."""
        return replace(self, services=before(self.services), strict=strict)

    def begin_again(self) -> None:
        """Count calls from the beginning, for another attempt at the same operation."""
        self.readings.clear()
        self.allowance.begin_again()

    @until_named
    async def page(self, ask: Ask) -> Page:
        """The rows of a table that the caller may see and that meet the ask."""
        bounds = self._bounds(ask.table, ask.where, linked=False)
        secret = self._secret(ask)
        service = self.services[ask.table.service]
        fetch_all = self._fetching(service, ask.table)
        call = self.prepared.calls.prepared(
            ask,
            lambda: service.call(query_of(ask, bounds, secret, ask.where, service.names)),
            _length,
        )
        if call.query.where == NOTHING:
            return self._let_through(ask, ask.where, bounds, secret, Page([], 0))
        decoder = ask.decoder(call.query, service.names)
        if ask.table.kept and self._keeps(ask):
            place = KeptPlace((service.root, service.names.version, call.url))
            (page,) = await self._kept(ask.table, [(call, place)], decoder)
        else:
            (page,) = await fetch_all([call], self.allowance, decoder)
        return self._let_through(ask, ask.where, bounds, secret, page)

    @until_named
    async def row(self, ask: Ask, column: str, key: Guid) -> Page:
        """As `keyed` for one GUID that the caller sent: all of the query but the key is known."""
        where = Compare(column, "eq", key)
        if parents_of(self.principal, ask.table):
            (page,) = await self.keyed([(ask, Keys((column,), ((key,),), from_rows=False))])
            return page
        bounds = self._bounds(ask.table, where, linked=False)
        secret = self._secret(ask, where)
        if NOTHING in (bounds.asked, ask.where):
            return Page([], 0)
        service = self.services[ask.table.service]
        fetch_all = self._fetching(service, ask.table)
        frame = self.prepared.frames.prepared(
            (id(ask), column, service.names.version),
            lambda: frame_of(service, ask, column, bounds, secret),
        )
        call = Call(frame.query, frame.before + key + frame.after, frame.conditions)
        if ask.table.kept and self._keeps(ask):
            keys = Keys((column,), ((key,),), from_rows=False)
            place = place_of(service, ask, keys, frame.query, bounds)
            (page,) = await self._kept(ask.table, [(call, place)], frame.decoder)
        else:
            (page,) = await fetch_all([call], self.allowance, frame.decoder)
        return self._let_through(ask, where, bounds, secret, page)

    async def keyed(self, asks: Sequence[tuple[Ask, Keys]]) -> list[Page]:
        """Rows by key, each ask chunked by the length of its URL; one page a chunk."""
        return [page for _, page in await self.chunked(asks)]

    @until_named
    async def chunked(self, asks: Sequence[tuple[Ask, Keys]]) -> list[tuple[Keys, Page]]:
        """As `keyed`, each page with the keys it was asked for. All asks read the same table."""
        table = asks[0][0].table
        linked = all(keys.from_rows for _, keys in asks)
        parents = [] if linked else parents_of(self.principal, table)
        also = {path for link in parents for path in link.paths}
        bounds = self._bounds(table, asks[0][1].condition, linked=linked or bool(parents))
        service = self.services[table.service]
        secret = NO_COLUMNS
        for ask, keys in asks:
            secret |= self._secret(ask, keys.condition)
        chunks: list[Chunk] = []
        for ask, keys in asks:
            wanted = replace(ask, select=ask.select | also) if also else ask
            chunks += await chunks_of(service, wanted, keys, bounds, secret)
        if not chunks:
            return []
        calls = [chunk.call for chunk in chunks]
        decoder = chunks[0].ask.decoder(calls[0].query, service.names)
        if table.kept and all(self._keeps(chunk.ask) for chunk in chunks):
            places = [chunk.place(service, bounds) for chunk in chunks]
            pages = await self._kept(table, list(zip(calls, places, strict=True)), decoder)
        else:
            pages = await self._fetching(service, table)(calls, self.allowance, decoder)
        found: list[tuple[Keys, Page]] = []
        for each, page in zip(chunks, pages, strict=True):
            if page.rows[MANY:]:
                await breathe(len(page.rows))
            mine = self._let_through(each.ask, each.where, bounds, secret, page)
            found += [(each.keys, mine)]
        return await belonging(parents, found, self._linked) if parents else found

    def _fetching(self, service: Service, table: Table) -> FetchAll:
        """Fetches rows, or those that the caller saw of late while the service cannot be asked."""
        return self.seen.before(service, table) if self.seen else service.fetch_all

    def _keeps(self, ask: Ask) -> bool:
        """True if what the service sends may be kept, and what is kept may be used."""
        return bool(self.kept.age(ask.table) and not ask.expands and not self.allowance.fresh)

    async def _kept(
        self, table: Table, wanted: Sequence[tuple[Call, KeptPlace]], decoder: Decoder
    ) -> list[Page]:
        """
        As `Service.fetch_all`, without a call for what is kept. It costs the allowance the same, so
        that no answer tells what others have read.
        """
        service, kept, moment = self.services[table.service], self.kept, self.allowance.clock()
        changes = kept.changes
        known = [kept.page(table, place, moment) for _, place in wanted]
        if kept.shared is not None and None in known:
            wanted = [(call, told_as(service, call, place)) for call, place in wanted]
            missing = [p for (_, p), page in zip(wanted, known, strict=True) if page is None]
            await kept.told(table, service.names, missing, moment)
            known = [kept.page(table, place, moment) for _, place in wanted]
        calls = [call for (call, _), page in zip(wanted, known, strict=True) if page is None]
        spared = len(wanted) - len(calls)
        try:
            fetched = await service.fetch_all(calls, self.allowance, RAW, spared=spared)
        except UNKNOWN as error:
            places = [place for _, place in wanted]
            known = older(kept, self.allowance, table, places, moment, error)
            calls, fetched = [], []
        if calls:
            self.allowance.paid += 1
        else:  # others would have travelled in one call with those that were sent
            service.spare(self.allowance)
        sent, pages = iter(fetched), []
        for (call, place), page in zip(wanted, known, strict=True):
            raw = next(sent) if page is None else page
            if page is not None and is_raw(raw):
                self.allowance.receive(b"".join(map(bytes, raw.rows)))
            pages.append(await service.opened(raw, call.query, decoder))
            if page is None and changes == kept.changes:
                kept.keep(table, service.names, place, raw, pages[-1].rows, moment)
        if calls and changes == kept.changes:
            kept.tell(table, [place for _, place in wanted], moment)
        return pages

    async def _linked(self, link: Link, keys: Keys) -> list[Page]:
        """The rows of these keys that a link leads to, by the columns that it compares."""
        return await self.keyed([(Ask(link.target, frozenset(link.target_paths)), keys)])

    def day(self, table: Table, path: str, raw: Raw) -> date | None:
        """The day in a column of a row, in the zone in which it was typed."""
        names = self.services[table.service].names
        company = names.company_of(table.entity, path)
        return read_day(
            names,
            table.entity,
            path,
            value_at(raw, path),
            value_at(raw, company) if company else None,
        )

    def has(self, table: Table, *paths: str) -> bool:
        """True if the environment has a table, with these columns, as far as is known."""
        names = self.services[table.service].names
        there = all(names.has(table.entity, path) for path in paths)
        return there and not names.is_missing(table.entity)

    def default_order(self, table: Table) -> tuple[Order, ...]:
        """The table's own order, without what the caller's roles hide."""
        hidden = self.principal.rights.hidden
        if not hidden:
            return table.default_order
        secret = withheld(table, hidden)
        return tuple(item for item in table.default_order if item.column not in secret)

    def proof(self, table: Table, privilege: str) -> frozenset[str]:
        """The columns by which `demand` tells whether a row that the caller sees is in reach."""
        return columns(self._reach(table, privilege, seen=True))

    def demand(self, table: Table, row: Raw, privilege: str, *, seen: bool) -> None:
        """Forbidden where `row` is out of the privilege's reach; `seen`: it passed the gate."""
        if not self._reach(table, privilege, seen=seen).holds(row):
            raise Forbidden(f"Your permission '{table.needs}:{privilege}' does not cover this row.")

    def _reach(self, table: Table, privilege: str, *, seen: bool) -> Condition:
        caller = self.principal
        reach = table.rule.condition(caller, caller.access(table.needs, privilege))
        if seen and reach == table.rule.condition(caller, caller.access(table.needs)):
            return EVERYTHING
        return reach

    def _secret(self, ask: Ask, *more: Condition) -> frozenset[str]:
        """The columns of the table that this caller may not learn; Forbidden to ask by them."""
        hidden = self.principal.rights.hidden
        if not hidden:
            return NO_COLUMNS
        secret = withheld(ask.table, hidden)
        if secret:
            check(secret, [ask.where, *more], ask.order)
        return secret

    @until_named
    async def count(self, ask: Ask, rule: Condition = EVERYTHING) -> Page:
        """The number of rows that also meet `rule`; Forbidden to ask by hidden columns."""
        self._secret(ask)
        where = both(ask.where, rule)
        counting = replace(ask, top=1, count=True)
        service = self.services[ask.table.service]
        bounds = self._bounds(ask.table, where, linked=True)
        query = query_of(counting, bounds, NO_COLUMNS, where, service.names)
        if query.where == NOTHING:
            return Page([], 0)
        fetch_all = self._fetching(service, ask.table)
        (page,) = await fetch_all([service.call(query)], self.allowance, PLAIN)
        return page

    def rule(self, table: Table) -> Condition:
        """The rows of a table that the caller may see; Forbidden, NotAvailableHere."""
        return self._bounds(table, EVERYTHING, linked=False).rule

    def implied(self, link: Link, *, down: bool) -> Bounds | None:
        """
        The bounds of what `link` leads to (or, `down`, of the rows that lead back), where their
        rule follows from that of the row at the other end: whoever sees that one sees these.
        """
        known, key = self.prepared.implied, (link, down)
        if key not in known:
            known[key] = self._implied(link, down=down)
        return known[key]

    def _implied(self, link: Link, *, down: bool) -> Bounds | None:
        child = link.home
        ends = (link.target, child) if down else (child, link.target)
        if not all(self.principal.may(table.needs) and self.has(table) for table in ends):
            return None
        names, step = (
            self.services[ends[0].service].names,
            link.collection if down else link.navigation,
        )
        if names.step(ends[0].entity, step) is None:
            return None
        sides = [self._bounds(table, EVERYTHING, linked=True) for table in ends]
        known, wanted = (side.rule for side in sides)
        if down:
            follows = wanted == EVERYTHING or wanted == prefixed(known, link.navigation)
        else:
            follows = wanted == EVERYTHING or narrows(known, link.paths[0], wanted)
        return sides[1] if follows else None

    def pointed_at(self, link: Link) -> Bounds | None:
        """
        The bounds of reference data that a row of the caller's points at, and that may be read with
        that row: each is held against them.
        """
        table = link.target
        if table.rule.linked is None or not self.sees(table, from_rows=True):
            return None
        names = self.services[link.home.service].names
        if names.step(link.home.entity, link.navigation) is None:
            return None
        return self._bounds(table, EVERYTHING, linked=True)

    def sees(self, table: Table, *, from_rows: bool) -> bool:
        """True if the caller may read rows of a table by such keys."""
        access = self.principal.rights.reach.get((table.needs, "read"))
        if access is None or not self.has(table):
            return False
        return from_rows or not (table.rule.linked_only or access is Access.PARENT)

    def _bounds(self, table: Table, where: Condition, *, linked: bool) -> Bounds:
        """The bounds of the caller in the table; `linked`: by keys of rows that passed the gate."""
        try:
            if self.services[table.service].names.is_missing(table.entity):
                raise NotAvailableHere(f"{table.name} is not available in this environment.")
            access = self.principal.access(table.needs)
            if not linked and (table.rule.linked_only or access is Access.PARENT):
                raise Forbidden(f"{table.name} is reached through the rows that it belongs to.")
        except (Forbidden, NotAvailableHere) as refusal:
            self.readings.append(Reading(table, where, None, None, refused=refusal.message))
            raise
        known, service = self.prepared.bounds, self.services[table.service]
        less = table.rule.linked if linked else None
        key = table.name, service.names.version, less is not None
        if key not in known:
            rule = (less or table.rule.condition)(self.principal, access)
            named = service.names.condition(table.entity, rule)
            known[key] = bounded_by(rule, named, service.dialect)
        return known[key]

    def _let_through(
        self, ask: Ask, where: Condition, bounds: Bounds, secret: frozenset[str], page: Page
    ) -> Page:
        """The rows that meet the rule, compared exactly. Others mean a defect upstream or here."""
        mine = bounds.meeting(page.rows)
        if mine is not page.rows and len(mine) < len(page.rows):
            if self.strict:
                raise ForeignRows
            dropped = len(page.rows) - len(mine)
            log.error("dropped %d foreign rows of %s", dropped, ask.table.name)
            page = replace(page, rows=mine)
        if secret:
            mark(mine, ask.select & secret)
        caller = self.principal
        if (caller.viewer or caller).may(EXPLAIN):
            access = caller.access(ask.table.needs)
            self.readings.append(Reading(ask.table, where, access, bounds.rule, rows=len(mine)))
        return page


def _length(call: Call) -> int:
    return len(call.url)
