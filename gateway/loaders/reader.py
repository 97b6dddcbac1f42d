"""
The gate: the only way to a customer's rows.

Every read asks for the permission, ANDs the row rule into the request, asks for the columns that
prove the rule, and checks each row that comes back against it once more.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.auth.principal import Access, Principal
from gateway.errors import Forbidden
from gateway.tables import ServiceName, Table
from gateway.upstream.odata import (
    EVERYTHING,
    NOTHING,
    Condition,
    Order,
    Query,
    Value,
    both,
    columns,
    keyed,
)
from gateway.upstream.service import Allowance, Page, Row, Service

log = logging.getLogger(__name__)

Key = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The rows whose `columns` have one of these values."""

    columns: tuple[str, ...]
    values: tuple[Key, ...]
    from_rows: bool = True
    """Whether the values were read from rows that passed the gate, not sent by the caller."""

    @property
    def condition(self) -> Condition:
        return keyed(self.columns, self.values)

    def halves(self) -> tuple["Keys", "Keys"]:
        middle = len(self.values) // 2
        return replace(self, values=self.values[:middle]), replace(
            self, values=self.values[middle:]
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What a read wants of a table, before the gate has had its say."""

    table: Table
    select: frozenset[str]
    where: Condition = EVERYTHING
    order: tuple[Order, ...] = ()
    top: int | None = None
    count: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads for one principal within one operation's allowance."""

    services: Mapping[ServiceName, Service]
    principal: Principal
    allowance: Allowance

    async def page(self, ask: Ask) -> Page:
        """The rows of a table that the caller may see and that meet the ask."""
        rule = self._rule(ask.table, linked=False)
        query = _query(ask, rule)
        if query.where == NOTHING:
            return Page([], 0)
        page = await self.services[ask.table.service].fetch(query, self.allowance)
        return replace(page, rows=_let_through(ask.table, rule, page.rows))

    async def keyed(self, asks: Sequence[tuple[Ask, Keys]]) -> list[Page]:
        """Rows by key, each ask chunked by the length of its URL; one page a chunk."""
        return [page for _, page in await self.chunked(asks)]

    async def chunked(self, asks: Sequence[tuple[Ask, Keys]]) -> list[tuple[Keys, Page]]:
        """As `keyed`, each page with the keys it was asked for. All asks read the same table."""
        table = asks[0][0].table
        rule = self._rule(table, linked=all(keys.from_rows for _, keys in asks))
        service = self.services[table.service]
        chunks = [
            (part, query)
            for ask, keys in asks
            for part, query in _chunks(service, ask, keys, rule)
            if query.where != NOTHING
        ]
        if not chunks:
            return []
        pages = await service.fetch_all([query for _, query in chunks], self.allowance)
        return [
            (part, replace(page, rows=_let_through(table, rule, page.rows)))
            for (part, _), page in zip(chunks, pages, strict=True)
        ]

    def _rule(self, table: Table, *, linked: bool) -> Condition:
        """What the caller may see of the table; `linked`: by keys of rows that passed the gate."""
        access = self.principal.access(table.needs)
        if not linked and (table.rule.linked_only or access is Access.PARENT):
            raise Forbidden(f"{table.name} is reached through the rows that it belongs to.")
        return table.rule.condition(self.principal, access)


def _chunks(
    service: Service, ask: Ask, keys: Keys, rule: Condition
) -> Iterable[tuple[Keys, Query]]:
    """The ask for these keys as queries whose URLs are short enough."""
    query = _query(replace(ask, where=both(keys.condition, ask.where)), rule)
    if len(keys.values) == 1 or service.fits(query):
        yield keys, query
    else:
        for half in keys.halves():
            yield from _chunks(service, ask, half, rule)


def _query(ask: Ask, rule: Condition) -> Query:
    select = {*ask.select, *columns(rule), *ask.table.key}
    select.update(order.column for order in ask.order)
    where = both(rule, ask.where)
    return Query(ask.table.collection, tuple(sorted(select)), where, ask.order, ask.top, ask.count)


def _let_through(table: Table, rule: Condition, rows: list[Row]) -> list[Row]:
    """The rows that meet the rule, compared exactly. Others mean a defect upstream or here."""
    mine = [row for row in rows if rule.holds(row)]
    if len(mine) < len(rows):
        log.error("dropped %d foreign rows of %s", len(rows) - len(mine), table.name)
    return mine
