"""
Orders that only one of the two sides has: found and reported, never repaired or deleted.

For the operator alone: it reads past the row rules, and so is not reachable from a resolver.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.upstream.allowance import Allowance
from gateway.upstream.answers import Row
from gateway.upstream.conditions import All, Compare, keyed, value_at
from gateway.upstream.odata import Query
from gateway.upstream.sender import now
from gateway.upstream.service import Service

ITEM_BASED = 192350000
"""`msdyn_ordertype` of the orders that dual-write carries."""
COMPANY = "msdyn_company/cdm_companycode"
DATAVERSE = ("salesorderid", "msdyn_salesordernumber", COMPANY, "createdon", "_customerid_value")
FINOPS = ("dataAreaId", "SalesOrderNumber", "OrderCreationDateTime")
AT_ONCE = 50
"""Orders that one query names."""
SECONDS = 600.0

Key = tuple[str, str]
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
class Report:
    """What was compared, and what does not match."""

    compared: int
    strays: tuple[Stray, ...]


async def reconcile(dataverse: Service, finops: Service, *, days: int, minutes: int) -> Report:
    """Compare the orders of the last `days`, but for those younger than so many `minutes`."""
    moment = datetime.now(UTC)
    since, until = moment - timedelta(days=days), moment - timedelta(minutes=minutes)
    allowance = Allowance(100_000, now() + SECONDS)
    ours = await _fetch(dataverse, "salesorders", DATAVERSE, "createdon", since, until, allowance)
    theirs = await _fetch(
        finops, "SalesOrderHeadersV2", FINOPS, "OrderCreationDateTime", since, until, allowance
    )
    known, held = {_our_key(row) for row in ours}, {_their_key(row) for row in theirs}
    # Either side may have dated an order otherwise, so whatever seems to lack is asked for by key.
    found = await _named(finops, "SalesOrderHeadersV2", FINOPS[:2], known - held, allowance)
    held |= {_their_key(row) for row in found}
    mapped = (COMPANY, "msdyn_salesordernumber")
    also = await _named(dataverse, "salesorders", mapped, held - known, allowance)
    known |= {_our_key(row) for row in also}
    strays = [*_unsynced(ours, held), *_orphaned(theirs, known)]
    return Report(len(ours) + len(theirs), tuple(strays))


async def _fetch(
    service: Service,
    collection: str,
    select: tuple[str, ...],
    dated: str,
    since: datetime,
    until: datetime,
    allowance: Allowance,
) -> list[Row]:
    """The orders of a time, day by day, so that no answer grows without bounds."""
    rows: list[Row] = []
    while since < until:
        end = min(since + timedelta(days=1), until)
        parts: list[Any] = [Compare(dated, "ge", since), Compare(dated, "lt", end)]
        if collection == "salesorders":
            parts.append(Compare("msdyn_ordertype", "eq", ITEM_BASED))
        rows += (await service.fetch(Query(collection, select, All(tuple(parts))), allowance)).rows
        since = end
    return rows


async def _named(
    service: Service,
    collection: str,
    columns: tuple[str, ...],
    keys: Iterable[Key],
    allowance: Allowance,
) -> list[Row]:
    rows: list[Row] = []
    wanted = sorted(key for key in keys if all(key))
    for start in range(0, len(wanted), AT_ONCE):
        query = Query(collection, columns, keyed(columns, wanted[start : start + AT_ONCE]))
        rows += (await service.fetch(query, allowance)).rows
    return rows


def _unsynced(ours: Sequence[Row], held: set[Key]) -> Iterator[Stray]:
    for row in ours:
        company, number = key = _our_key(row)
        if key not in held:
            yield Stray("erp", company, number, row["createdon"], row["salesorderid"])


def _orphaned(theirs: Sequence[Row], known: set[Key]) -> Iterator[Stray]:
    for row in theirs:
        company, number = key = _their_key(row)
        if key not in known:
            yield Stray("dataverse", company, number, row["OrderCreationDateTime"])


def _our_key(row: Row) -> Key:
    return str(value_at(row, COMPANY) or "").lower(), str(
        row["msdyn_salesordernumber"] or ""
    ).upper()


def _their_key(row: Row) -> Key:
    return str(row["dataAreaId"]).lower(), str(row["SalesOrderNumber"]).upper()
