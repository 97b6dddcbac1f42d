"""F&O's list of public entities -> the descriptions of its collections."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from gateway.errors import UpstreamMismatch
from gateway.metadata.described import AlternateKey, Attribute, Entity, Lookup
from gateway.upstream.allowance import Allowance
from gateway.upstream.service import Service

PUBLIC_ENTITIES = "/metadata/PublicEntities"
DATA_ENTITIES = "/metadata/DataEntities"


class PublicProperty(Struct, rename="pascal"):
    """A column of a public entity."""

    name: str
    type_name: str | None = None
    is_key: bool = False


class PublicNavigation(Struct, rename="pascal"):
    """A navigation property of a public entity."""

    name: str


class MetadataRows(Struct):
    """The answer to every question below `/metadata`."""

    value: list[dict[str, Any]]


class PublicEntity(Struct, rename="pascal"):
    """The part of a public entity that the gateway relies on."""

    entity_set_name: str
    properties: list[PublicProperty]
    navigation_properties: list[PublicNavigation] = []


async def finops(
    service: Service, collections: Mapping[str, str], allowance: Allowance
) -> dict[str, Entity]:
    """
    F&O's descriptions of collections; one that it does not have is not among them.

    `collections`: the name under which each is looked for, by the name that the schema uses.
    """
    first, *others = collections
    # Where metadata cannot be read, the first answer says so and the others are spared.
    found = await _described(service, {first: collections[first]}, allowance)
    found |= await _described(service, {name: collections[name] for name in others}, allowance)
    lost = collections.keys() - found.keys()
    if lost and found:
        known = {name.casefold(): name for name in await public_names(service, allowance)}
        respelled = {name: known.get(collections[name].casefold()) for name in sorted(lost)}
        wanted = {name: other for name, other in respelled.items() if other is not None}
        found |= await _described(service, wanted, allowance)
    return found


async def _described(
    service: Service, collections: Mapping[str, str], allowance: Allowance
) -> dict[str, Entity]:
    rows = await asyncio.gather(
        *(public_entity(service, name, allowance) for name in collections.values())
    )
    found = zip(collections, rows, strict=True)
    return {name: described(name, row) for name, row in found if row is not None}


async def public_names(service: Service, allowance: Allowance) -> set[str]:
    """The names of all public collections."""
    rows = _rows(await service.read(DATA_ENTITIES, allowance))
    return {str(row.get("PublicCollectionName") or "") for row in rows}


async def public_entity(
    service: Service, collection: str, allowance: Allowance
) -> dict[str, Any] | None:
    """The row about a collection; None where there is none."""
    resource = f"{PUBLIC_ENTITIES}?$filter=EntitySetName%20eq%20'{collection}'"
    rows = _rows(await service.read(resource, allowance))
    return next((row for row in rows if row.get("EntitySetName") == collection), None)


def _rows(answer: Any) -> list[dict[str, Any]]:
    try:
        return msgspec.convert(answer, MetadataRows).value
    except msgspec.ValidationError:
        raise UpstreamMismatch("The service's answer is no list of its metadata.") from None


def described(name: str, row: Mapping[str, Any]) -> Entity:
    """
    A collection by the name that the schema uses, from its row.

    UpstreamMismatch if the row is of another kind.
    """
    try:
        found = msgspec.convert(row, PublicEntity)
    except msgspec.ValidationError as error:
        raise UpstreamMismatch(f"The service's answer is no public entity: {error}") from None
    keys = tuple(each.name for each in found.properties if each.is_key)
    return Entity(
        name,
        found.entity_set_name,
        {each.name: Attribute(each.name, each.type_name or "") for each in found.properties},
        # The service names the entity that a way leads to, which is no name of a collection.
        tuple(Lookup(each.name, "", each.name) for each in found.navigation_properties),
        (AlternateKey("", keys),) if keys else (),
        is_complete=True,
    )
