"""The metadata of the environment in full, as its services return it: to compare, and to dump."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from gateway.doctor.looking import Looking, words
from gateway.errors import UpstreamError, UpstreamRefused
from gateway.metadata.dataverse_metadata import entity
from gateway.metadata.described import Entity
from gateway.metadata.overrides import NO_OVERRIDE
from gateway.metadata.public_entities import described, public_entity, public_names
from gateway.model.tables import ServiceName
from gateway.upstream.service import Service

CRM = "Microsoft.Dynamics.CRM."
RELATED = (
    "Keys",
    "ManyToOneRelationships",
    "OneToManyRelationships",
    "ManyToManyRelationships",
)
CASTS: Mapping[str, str] = {
    "StringAttributeMetadata": "$select=LogicalName,MaxLength",
    "MemoAttributeMetadata": "$select=LogicalName,MaxLength",
    "DecimalAttributeMetadata": "$select=LogicalName,Precision",
    "MoneyAttributeMetadata": "$select=LogicalName,Precision",
    "DateTimeAttributeMetadata": "$select=LogicalName,Format,DateTimeBehavior",
    "PicklistAttributeMetadata": "$select=LogicalName&$expand=OptionSet($select=Options)",
    "StateAttributeMetadata": "$select=LogicalName&$expand=OptionSet($select=Options)",
    "StatusAttributeMetadata": "$select=LogicalName&$expand=OptionSet($select=Options)",
}
"""Properties that only some types of columns have, asked for by type."""
ALIKE = 0.9
"""The share of columns that a collection has in common with the one that it is taken for."""
NOT_FOUND = 404
AT_ONCE = 6
"""Tables that are described at the same time."""

Json = dict[str, Any]


class Described(Struct):
    """The services' descriptions of the tables that were asked about."""

    definitions: dict[str, Json] = {}
    """Rows of `EntityDefinitions`, with attributes, keys and relationships, by logical name."""
    entities: dict[str, Entity] = {}
    """The same as the gateway reads them, and collections of F&O by their public name."""
    missing: dict[str, str] = {}
    """Tables that the environment does not have, and the service's words."""
    unread: dict[str, str] = {}
    """Tables of which nothing is known, because the service did not describe them, and why."""
    public: dict[str, Json] = {}
    """Rows of `PublicEntities`, by collection."""


async def describe(looking: Looking) -> Described:
    """Everything that is said of the tables that the schema relies on."""
    found = Described()
    for service, relied in looking.relied.items():
        await _all(looking, service, relied, found)
    return found


async def _all(
    looking: Looking, service: ServiceName, names: Iterable[str], found: Described
) -> None:
    limit = asyncio.Semaphore(AT_ONCE)
    describe = BY_SERVICE[service]

    async def one(name: str) -> None:
        async with limit:
            try:
                await describe(looking, name, found)
            except UpstreamError as error:
                is_missing = isinstance(error, UpstreamRefused) and error.status == NOT_FOUND
                (found.missing if is_missing else found.unread)[name] = words(error)

    await asyncio.gather(*map(one, sorted(names)))
    for name in sorted(found.unread.keys() & set(names)):
        # A service that was only busy gets the question once more, alone.
        why = found.unread.pop(name)
        await one(name)
        if found.unread.get(name) == why:
            break


async def _table(looking: Looking, name: str, found: Described) -> None:
    service = looking.services["dataverse"]
    base = f"EntityDefinitions(LogicalName='{name}')"
    row = await service.read(f"{base}?$expand=Attributes,{','.join(RELATED)}", looking.allowance())
    attributes = {each["LogicalName"]: each for each in row["Attributes"]}
    parts = (_cast(service, looking, base, cast, options) for cast, options in CASTS.items())
    for rows in await asyncio.gather(*parts):
        for each in rows:
            attributes[each["LogicalName"]].update(each)
    found.definitions[name] = row
    found.entities[name] = entity(row, {})


async def _cast(
    service: Service, looking: Looking, base: str, cast: str, options: str
) -> list[Json]:
    answer = await service.read(f"{base}/Attributes/{CRM}{cast}?{options}", looking.allowance())
    rows: list[Json] = answer["value"]
    return rows


async def _collection(looking: Looking, name: str, found: Described) -> None:
    told = looking.overrides.get(name, NO_OVERRIDE).collection
    row = await _public_entity(looking, told or name) or await _renamed(looking, name)
    if row is None:
        found.missing[name] = f"no public entity has the collection {name}"
        return
    found.public[name] = row
    found.entities[name] = described(name, row)


async def _renamed(looking: Looking, name: str) -> Json | None:
    """The collection that is what the dictionary says of `name`, under a name that is close."""
    service, known = looking.services["finops"], looking.assumed["finops"].get(name)
    if known is None:
        return None
    names = await public_names(service, looking.allowance())
    close = get_close_matches(name, names - looking.relied["finops"].keys(), 5, cutoff=0.7)
    found = [row for each in close if (row := await _public_entity(looking, each))]
    alike = {row["EntitySetName"]: _likeness(row, known) for row in found}
    best = max(found, key=lambda row: alike[row["EntitySetName"]], default=None)
    if best is None or alike[best["EntitySetName"]] < ALIKE:
        return None
    return best


def _likeness(row: Json, known: Entity) -> float:
    """The share of columns that two collections have in common, of all that either has."""
    mine = {str(each["Name"]).lower() for each in row.get("Properties") or ()}
    theirs = {name.lower() for name in known.attributes}
    return len(mine & theirs) / (len(mine | theirs) or 1)


async def _public_entity(looking: Looking, collection: str) -> Json | None:
    return await public_entity(looking.services["finops"], collection, looking.allowance())


BY_SERVICE: Mapping[ServiceName, Callable[[Looking, str, Described], Awaitable[None]]] = {
    "dataverse": _table,
    "finops": _collection,
}
"""The way in which each service describes a table."""
