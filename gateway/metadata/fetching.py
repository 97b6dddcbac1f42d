"""The environment's metadata -> the descriptions of its tables."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gateway.metadata.described import AlternateKey, Attribute, Entity, Lookup
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import AnyOf, Compare
from gateway.upstream.odata import Expand, ODataQuery
from gateway.upstream.pages import Row
from gateway.upstream.service import Service

DEFINITIONS = "EntityDefinitions"
DEFINITION = ("LogicalName", "EntitySetName", "IsOptimisticConcurrencyEnabled")
ATTRIBUTE = (
    "LogicalName",
    "AttributeType",
    "RequiredLevel",
    "IsValidForCreate",
    "IsValidForUpdate",
)
LOOKUP = (
    "ReferencingAttribute",
    "ReferencedEntity",
    "ReferencingEntityNavigationPropertyName",
    "ReferencedEntityNavigationPropertyName",
)
KEY = ("SchemaName", "KeyAttributes", "EntityKeyIndexStatus")
DAYS = "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
AT_ONCE = 10
"""Tables that one query describes: an answer has a limit of its own."""


async def dataverse(
    service: Service, tables: Collection[str], dated: Collection[str], allowance: Allowance
) -> dict[str, Entity]:
    """
    Dataverse's descriptions of `tables`; a table that it does not have is not among them.

    `dated`: those of which the behaviour of dates is asked too, for one query each.
    """
    wanted = sorted(tables)
    parts = [wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE)]
    queries = [_definitions(part) for part in parts]
    dates = {name: _dates(name) for name in sorted(dated)}
    calls = [service.call(query) for query in (*queries, *dates.values())]
    pages = await service.fetch_all(calls, allowance)
    behaviours = {
        name: {row["LogicalName"]: row["DateTimeBehavior"]["Value"] for row in page.rows}
        for name, page in zip(dates, pages[len(queries) :], strict=True)
    }
    rows = [row for page in pages[: len(queries)] for row in page.rows]
    return {row["LogicalName"]: entity(row, behaviours.get(row["LogicalName"], {})) for row in rows}


def entity(row: Row, behaviours: Mapping[str, str]) -> Entity:
    """A table from its row in `EntityDefinitions` and the separate rows about its date columns."""
    return Entity(
        row["LogicalName"],
        row["EntitySetName"],
        {each["LogicalName"]: _attribute(each, behaviours) for each in row.get("Attributes") or ()},
        tuple(_lookups(row.get("ManyToOneRelationships") or ())),
        tuple(
            AlternateKey(
                each["SchemaName"], tuple(each["KeyAttributes"]), each["EntityKeyIndexStatus"]
            )
            for each in row.get("Keys") or ()
        ),
        row.get("IsOptimisticConcurrencyEnabled"),
        is_complete=bool(row.get("Attributes")),
    )


def _definitions(tables: Iterable[str]) -> ODataQuery:
    named = tuple(Compare("LogicalName", "eq", name) for name in tables)
    return ODataQuery(
        DEFINITIONS,
        DEFINITION,
        named[0] if len(named) == 1 else AnyOf(named),
        expands=(
            Expand("Attributes", ATTRIBUTE),
            Expand("ManyToOneRelationships", LOOKUP),
            Expand("Keys", KEY),
        ),
    )


def _dates(table: str) -> ODataQuery:
    resource = f"{DEFINITIONS}(LogicalName='{table}')/Attributes/{DAYS}"
    return ODataQuery(resource, ("LogicalName", "DateTimeBehavior"))


def _attribute(row: Row, behaviours: Mapping[str, str]) -> Attribute:
    name = row["LogicalName"]
    return Attribute(
        name,
        row.get("AttributeType") or "",
        row.get("MaxLength") or row.get("Precision"),
        behaviours.get(name) or (row.get("DateTimeBehavior") or {}).get("Value") or "",
        (row.get("RequiredLevel") or {}).get("Value") or "",
        row.get("IsValidForCreate"),
        row.get("IsValidForUpdate"),
        _options(row),
    )


def _options(row: Row) -> tuple[int, ...]:
    options: Any = (row.get("OptionSet") or {}).get("Options") or ()
    return tuple(each["Value"] for each in options)


def _lookups(rows: Iterable[Row]) -> Iterable[Lookup]:
    for row in rows:
        if row["ReferencingEntityNavigationPropertyName"]:
            yield Lookup(
                row["ReferencingAttribute"],
                row["ReferencedEntity"],
                row["ReferencingEntityNavigationPropertyName"],
                row.get("ReferencedEntityNavigationPropertyName") or "",
            )
