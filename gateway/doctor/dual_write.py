"""The dual-write maps that run: versions, filters and value maps, beside what orders send."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from dynamics import dictionary
from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.errors import UpstreamError

CHECK = "dual-write"
CONFIGURATIONS = "msdyn_dualwriteruntimeconfigs"
"""The table in which dual-write keeps its running maps; its columns are taken as they come."""
ORDERS = ("salesorder", "salesorderdetail")
TABLE_COLUMNS = ("msdyn_internalentityname", "msdyn_internalentitylogicalname")
NAME_COLUMNS = ("msdyn_externalentityname", "msdyn_name", "msdyn_displayname")
KEPT = ("msdyn_", "statecode", "statuscode")
"""The prefixes and names of the columns that a dump takes."""
VERSION = "EntityMapVersion"
PARTS = ("Major", "Minor", "Build", "Revision")

MapRow = Mapping[str, Any]


async def check(looking: Looking) -> CheckResult:
    """Look at the maps that carry orders, and the tables that these rest on, to the ERP."""
    service = looking.services["dataverse"]
    try:
        answer = await service.read(CONFIGURATIONS, looking.allowance())
    except UpstreamError as error:
        return CheckResult(
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
    findings = [*_running(rows), *(each for row in rows for each in _filters(row))]
    return CheckResult(findings, dumped={CONFIGURATIONS: list(map(_without_people, rows))})


def changed(before: Iterable[MapRow], now: Iterable[MapRow]) -> Iterator[Finding]:
    """The maps that came, went or run in another version than when they were dumped before."""
    was, are = ({_name(row): _version_of(row) for row in rows} for rows in (before, now))
    for name in sorted(was.keys() | are.keys()):
        if was.get(name) != are.get(name):
            told = [_dotted(of[name]) or "a version" if name in of else "none" for of in (was, are)]
            yield unknown(
                CHECK,
                f"map {name}",
                f"{told[0]} before, {told[1]} now",
                breaks="what a map does not carry any more is missing on the other side",
                do="ask who changed it, and place a trial order: gateway doctor --write",
            )


def _without_people(row: MapRow) -> dict[str, Any]:
    """A running map without who made it and when."""
    return {name: value for name, value in row.items() if name.startswith(KEPT)}


def _running(rows: list[MapRow]) -> Iterator[Finding]:
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
            yield _version(table, row)


def _version(table: str, row: MapRow) -> Finding:
    """The version of a running map, beside the one whose columns orders were built for."""
    subject, running = f"map of {table}", _version_of(row)
    known = _known_version(row)
    if not running or not known or running >= known:
        return ok(CHECK, subject, f"{_name(row)} {_dotted(running)}".strip())
    return unknown(
        CHECK,
        subject,
        f"{_name(row)} runs in version {_dotted(running)}, before {_dotted(known)}",
        breaks="what this version does not carry is not in the ERP, and comes from there as null",
        do="update the map in Finance & Operations, or compare its columns with those of orders",
    )


def _version_of(row: MapRow) -> tuple[int, ...]:
    """The version that a configuration tells in the JSON of one of its columns."""
    for value in row.values():
        if isinstance(value, str) and VERSION in value:
            try:
                said = msgspec.json.decode(value)[VERSION]
                return tuple(int(said[part]) for part in PARTS)
            except (msgspec.DecodeError, KeyError, TypeError, ValueError):
                continue
    return ()


def _known_version(row: MapRow) -> tuple[int, ...]:
    said = {str(row.get(name)) for name in NAME_COLUMNS}
    versions = (each.version for each in dictionary.maps() if each.map in said)
    numbers = next((each for each in versions if each.replace(".", "").isdigit()), "")
    return tuple(map(int, numbers.split("."))) if numbers else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _filters(row: MapRow) -> Iterator[Finding]:
    """Findings about maps that carry rows only under a condition, which orders must meet."""
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
    """True if a filter is one of those that the maps come with."""
    known = {each.filters for each in dictionary.maps()}
    bare = value.strip().strip("()").lower()
    return any(bare in each.lower() for each in known if each) or bare == "salesordernumber != ''"


def _name(row: MapRow) -> str:
    return str(next(filter(None, map(row.get, NAME_COLUMNS)), "without a name"))
