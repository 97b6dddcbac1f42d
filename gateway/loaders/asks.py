"""
The question of a read -> the query that the gate sends for it: bounded by the row rule, with the
columns that prove the rule, in as many calls as its keys need.
"""

import asyncio
from functools import lru_cache
from typing import Protocol
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from gateway.loaders.bounds import Bounds
from gateway.loaders.kept_rows import KeptPlace
from gateway.loaders.keys import Keys
from gateway.model.tables import Table
from gateway.upstream.conditions import EVERYTHING, NOTHING, Compare, Condition, Guid, both
from gateway.upstream.names import Names
from gateway.upstream.odata import Expand, ODataQuery, Order
from gateway.upstream.pages import PLAIN, Decoder
from gateway.upstream.service import Call, Service

SOME_KEY = Guid(str(uuid4()))
"""Stands for any key in a query whose text is worked out before the key is known."""


class RowShape(Protocol):
    """The classes of rows, where they are more than JSON has."""

    def decoder(
        self, columns: tuple[str, ...], expands: tuple["NestedReads", ...], names: Names
    ) -> Decoder: ...


NestedReads = tuple[Expand, RowShape, str]
"""Rows that travel inside of each row, what they are made of, and the attribute that has them."""


class Ask(Struct, frozen=True):
    """The columns, condition and order that a read wants, before the gate adds its own."""

    table: Table
    select: frozenset[str]
    where: Condition = EVERYTHING
    order: tuple[Order, ...] = ()
    top: int | None = None
    count: bool = False
    shape: RowShape | None = None
    """With it rows are structs; what does not fit raises."""
    expands: tuple[NestedReads, ...] = ()

    def decoder(self, query: ODataQuery, names: Names) -> Decoder:
        if self.shape is None:
            return PLAIN
        return self.shape.decoder(query.select, self.expands, names)


class Frame(Struct, frozen=True):
    """A query for one key, and its URL before and after the key."""

    ask: Ask
    """The question it belongs to; as long as it is held here nothing else can have its id."""
    query: ODataQuery
    """The query, with some key."""
    before: str
    after: str
    conditions: int
    """As in `Call`."""
    decoder: Decoder


def frame_of(
    service: Service, ask: Ask, column: str, bounds: Bounds, secret: frozenset[str]
) -> Frame:
    """The frame of an ask that some row can meet."""
    where = both(Compare(column, "eq", SOME_KEY), ask.where)
    query = query_of(ask, bounds, secret, where, service.names)
    call = service.call(query)
    before, after = call.url.split(SOME_KEY)
    return Frame(ask, query, before, after, call.conditions, ask.decoder(query, service.names))


class Chunk(Struct, frozen=True):
    """As many keys of an ask as one call can name."""

    ask: Ask
    keys: Keys
    where: Condition
    call: Call

    def place(self, service: Service, bounds: Bounds) -> KeptPlace:
        """The place of its rows among those that are kept."""
        return place_of(service, self.ask, self.keys, self.call.query, bounds)


async def chunks_of(
    service: Service, ask: Ask, keys: Keys, bounds: Bounds, secret: frozenset[str]
) -> list[Chunk]:
    """The ask for these keys as queries whose URLs are short enough; none where nothing is met."""
    where = both(keys.condition, ask.where)
    query = query_of(ask, bounds, secret, where, service.names)
    if query.where == NOTHING:
        return []
    call = service.call(query)
    if len(keys.values) == 1 or call.fits:
        return [Chunk(ask, keys, where, call)]
    await asyncio.sleep(0)  # a long address takes milliseconds, and is made again for each part
    first, second = keys.halves()
    return [
        *await chunks_of(service, ask, first, bounds, secret),
        *await chunks_of(service, ask, second, bounds, secret),
    ]


def place_of(
    service: Service, ask: Ask, keys: Keys, query: ODataQuery, bounds: Bounds
) -> KeptPlace:
    """
    The place in which rows are kept: for each key where the keys alone say which rows are meant,
    else for all of the query at once. It says the row rule and the columns.
    """
    at = service.root, service.names.version
    if ask.where == EVERYTHING and ask.top is None and not (ask.order or ask.count):
        name = *at, query.entity, query.select, bounds.asked, keys.columns
        return KeptPlace(name, keys, bounds.asked)
    return KeptPlace((*at, service.call(query).url))


def told_as(service: Service, call: Call, place: KeptPlace) -> KeptPlace:
    """The place with the name that it has in all replicas: the address of its rows without keys."""
    if place.keys is None:
        return replace(place, told=call.url)
    return replace(place, told=service.call(replace(call.query, where=place.rule)).url)


def query_of(
    ask: Ask, bounds: Bounds, secret: frozenset[str], where: Condition, names: Names
) -> ODataQuery:
    wanted = ask.select - secret if secret else ask.select
    wanted |= names.companies(ask.table.entity, wanted)
    select = _select(wanted, bounds.proof, tuple(ask.table.key), ask.order)
    bounded = both(bounds.asked, where)
    expands = tuple([expand for expand, _, _ in ask.expands])
    return ODataQuery(ask.table.entity, select, bounded, ask.order, ask.top, ask.count, expands)


@lru_cache(maxsize=1024)
def _select(
    wanted: frozenset[str], proof: frozenset[str], key: tuple[str, ...], order: tuple[Order, ...]
) -> tuple[str, ...]:
    """The columns of the answer, those that prove the rule, the key, and those of the order."""
    ordered = (item.column for item in order)
    return tuple(sorted({*wanted, *proof, *key, *ordered}))
