"""The environment's metadata -> the descriptions of its tables."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

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
TEXTS = (
    "Microsoft.Dynamics.CRM.StringAttributeMetadata",
    "Microsoft.Dynamics.CRM.MemoAttributeMetadata",
)
AT_ONCE = 10
"""Tables that one query describes: an answer has a limit of its own."""


async def dataverse(
    service: Service,
    tables: Collection[str],
    dated: Collection[str],
    sized: Collection[str],
    allowance: Allowance,
) -> dict[str, Entity]:
    """
    Dataverse's descriptions of `tables`; a table that it does not have is not among them.

    `dated`: those of which the behaviour of dates is asked too, for one query each; `sized`: those
    of which the lengths of texts are, for two.
    """
    wanted = sorted(tables)
    parts = [wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE)]
    queries = [_definitions(part) for part in parts]
    dates = {name: _dates(name) for name in sorted(dated)}
    texts = [(name, _typed(name, type_, "MaxLength")) for name in sorted(sized) for type_ in TEXTS]
    asked = (*queries, *dates.values(), *(query for _, query in texts))
    pages = await service.fetch_all([service.call(query) for query in asked], allowance)
    behaviours = {
        name: {row["LogicalName"]: row["DateTimeBehavior"]["Value"] for row in page.rows}
        for name, page in zip(dates, pages[len(queries) :], strict=False)
    }
    sizes: dict[str, dict[str, int]] = {}
    for (name, _), page in zip(texts, pages[len(queries) + len(dates) :], strict=True):
        sizes.setdefault(name, {}).update(_lengths(page.rows))
    rows = [row for page in pages[: len(queries)] for row in page.rows]
    found = (entity(row, behaviours.get(row["LogicalName"], {})) for row in rows)
    return {each.name: _sized(each, sizes.get(each.name, {})) for each in found}


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
    return _typed(table, DAYS, "DateTimeBehavior")


def _typed(table: str, type_: str, what: str) -> ODataQuery:
    """One fact about the columns of one type of attribute."""
    resource = f"{DEFINITIONS}(LogicalName='{table}')/Attributes/{type_}"
    return ODataQuery(resource, ("LogicalName", what))


def _lengths(rows: Iterable[Row]) -> dict[str, int]:
    return {row["LogicalName"]: row["MaxLength"] for row in rows if row["MaxLength"]}


def _sized(found: Entity, sizes: Mapping[str, int]) -> Entity:
    """The table with what was said apart of the lengths of its texts."""
    known = {
        name: replace(each, size=sizes.get(name, each.size))
        for name, each in found.attributes.items()
    }
    return replace(found, attributes=known) if sizes else found


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
