"""The dual-write maps that run: versions, filters and value maps, beside what orders send."""

from collections.abc import Iterator, Mapping
from typing import Any

from dynamics import dictionary
from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.looking import Looking, Outcome, words
from gateway.errors import UpstreamError

CHECK = "dual-write"
CONFIGURATIONS = "msdyn_dualwriteruntimeconfigs"
"""The table in which dual-write keeps its running maps; its columns are taken as they come."""
ORDERS = ("salesorder", "salesorderdetail")
SENT_BY_LINES = frozenset({"msdyn_isreadytosync"})
"""Columns that filters of the maps of lines are known to name, and that lines do not carry."""
TABLE_COLUMNS = ("msdyn_internalentityname", "msdyn_internalentitylogicalname")
NAME_COLUMNS = ("msdyn_externalentityname", "msdyn_name", "msdyn_displayname")

Row = Mapping[str, Any]


async def check(looking: Looking) -> Outcome:
    """Whether orders, and what they rest on, are carried to the ERP."""
    service = looking.services["dataverse"]
    try:
        answer = await service.read(CONFIGURATIONS, looking.allowance())
    except UpstreamError as error:
        return Outcome(
            [
                unknown(
                    CHECK,
                    CONFIGURATIONS,
                    words(error),
                    breaks="whether orders reach the ERP cannot be told from here",
                    do="look at the running maps in Finance & Operations, and let the gateway's "
                    "user read this table",
                )
            ]
        )
    rows = answer.get("value") or []
    return Outcome([*_running(rows), *(each for row in rows for each in _filters(row))])


def _running(rows: list[Row]) -> Iterator[Finding]:
    """A map for orders and one for their lines, with their versions."""
    for table in ORDERS:
        mine = [row for row in rows if table in map(row.get, TABLE_COLUMNS)]
        if not mine:
            yield wrong(
                CHECK,
                f"map of {table}",
                "no map of it runs",
                breaks="orders never reach the ERP: syncState says FAILED after ten minutes",
                do="start the maps of sales orders and their lines in Finance & Operations",
            )
        for row in mine:
            yield ok(CHECK, f"map of {table}", _name(row))


def _filters(row: Row) -> Iterator[Finding]:
    """What a map carries only under a condition, which orders must meet."""
    for column, value in row.items():
        if "filter" not in column.lower() or not isinstance(value, str) or not value.strip():
            continue
        table = next(filter(None, map(row.get, TABLE_COLUMNS)), "")
        subject = f"filter of the map {_name(row)}"
        if _is_usual(value):
            yield ok(CHECK, subject, value)
        else:
            yield wrong(
                CHECK,
                subject,
                value,
                breaks=f"rows of {table or 'the map'} that do not meet it never reach the ERP",
                do="check that the orders of the gateway meet it: lines carry no company, site or "
                "warehouse, and a new order has msdyn_ordertype 192350000",
            )


def _is_usual(value: str) -> bool:
    """Whether a filter is one of those that the maps come with."""
    known = {each.filters for each in dictionary.maps()}
    bare = value.strip().strip("()").lower()
    return any(bare in each.lower() for each in known if each) or bare == "salesordernumber != ''"


def _name(row: Row) -> str:
    return str(next(filter(None, map(row.get, NAME_COLUMNS)), "without a name"))
