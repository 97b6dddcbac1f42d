"""
Orders that only one of the two sides has: found and reported, never repaired or deleted.

For the operator alone: it reads past the row rules, and so is not reachable from a resolver.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gateway.model.tables import Row, paths
from gateway.schema.business.sales import ITEM_BASED, SalesOrder
from gateway.schema.business.syncing import ErpOrder
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import EVERYTHING, Compare, Condition, both, keyed
from gateway.upstream.odata import ODataQuery
from gateway.upstream.sender import now
from gateway.upstream.service import Service

OURS = paths(SalesOrder, "_id", "number", "company", "placed_at")
THEIRS = paths(ErpOrder, "company", "number", "created_at")
ORDER_TYPE = SalesOrder.__table__.scalar_of("_order_type")
AT_ONCE = 50
"""Orders that one query names."""
SECONDS = 600.0

R = TypeVar("R", bound=Row)
OrderKey = tuple[str, str]
"""Legal entity in lower case and order number in upper case: both services ignore the case."""


@dataclass(frozen=True, slots=True)
class Stray:
    """An order that one side lacks."""

    lacking: str
    """`erp` or `dataverse`."""
    company: str
    number: str
    created: str
    id: str = ""
    """The order's id in Dataverse."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The orders that were compared, and those that do not match."""

    compared: int
    strays: tuple[Stray, ...]


async def reconcile(
    dataverse: Service, finops: Service, *, days: int, minutes: int
) -> Reconciliation:
    """Compare the orders of the last `days`, but for those younger than `minutes`."""
    moment = datetime.now(UTC)
    since, until = moment - timedelta(days=days), moment - timedelta(minutes=minutes)
    allowance = Allowance(100_000, now() + SECONDS)
    carried = Compare(ORDER_TYPE, "eq", ITEM_BASED)
    placed, made = _column(SalesOrder, "placed_at"), _column(ErpOrder, "created_at")
    ours = await _dated(dataverse, SalesOrder, OURS, placed, since, until, allowance, carried)
    theirs = await _dated(finops, ErpOrder, THEIRS, made, since, until, allowance)
    known, held = set(map(_key, ours)), set(map(_key, theirs))
    # The two sides may date an order differently, so each missing order is looked up by its key.
    held |= set(map(_key, await _named(finops, ErpOrder, THEIRS, known - held, allowance)))
    known |= set(map(_key, await _named(dataverse, SalesOrder, OURS, held - known, allowance)))
    strays = [*_unsynced(ours, held), *_orphaned(theirs, known)]
    return Reconciliation(len(ours) + len(theirs), tuple(strays))


async def _dated(
    service: Service,
    cls: type[R],
    select: frozenset[str],
    dated: str,
    since: datetime,
    until: datetime,
    allowance: Allowance,
    also: Condition = EVERYTHING,
) -> list[R]:
    """The orders of a time, day by day, so that no answer grows without bounds."""
    rows: list[R] = []
    while since < until:
        end = min(since + timedelta(days=1), until)
        where = both(Compare(dated, "ge", since), Compare(dated, "lt", end), also)
        rows += await _read(service, cls, select, where, allowance)
        since = end
    return rows


async def _named(
    service: Service,
    cls: type[R],
    select: frozenset[str],
    keys: Iterable[OrderKey],
    allowance: Allowance,
) -> list[R]:
    columns = _column(cls, "company"), _column(cls, "number")
    rows: list[R] = []
    wanted = sorted(key for key in keys if all(key))
    for start in range(0, len(wanted), AT_ONCE):
        where = keyed(columns, wanted[start : start + AT_ONCE])
        rows += await _read(service, cls, select, where, allowance)
    return rows


async def _read(
    service: Service, cls: type[R], select: frozenset[str], where: Condition, allowance: Allowance
) -> list[R]:
    query = ODataQuery(cls.__table__.entity, tuple(sorted(select)), where)
    return [cls(row) for row in (await service.fetch(query, allowance)).rows]


def _column(cls: type[Row], member: str) -> str:
    return cls.__table__.scalar_of(member)


def _unsynced(ours: Sequence[SalesOrder], held: set[OrderKey]) -> Iterator[Stray]:
    for order in ours:
        company, number = key = _key(order)
        if key not in held:
            yield Stray("erp", company, number, _said(order.placed_at), str(order._id))


def _orphaned(theirs: Sequence[ErpOrder], known: set[OrderKey]) -> Iterator[Stray]:
    for order in theirs:
        company, number = key = _key(order)
        if key not in known:
            yield Stray("dataverse", company, number, _said(order.created_at))


def _key(order: SalesOrder | ErpOrder) -> OrderKey:
    return (order.company or "").lower(), (order.number or "").upper()


def _said(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
