"""The ways to the names of each service: the dictionary, and the reading of its metadata."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct

from gateway.metadata import assumed, dataverse_metadata, public_entities
from gateway.metadata.described import Entities, Entity
from gateway.metadata.overrides import NO_OVERRIDE, Overrides
from gateway.metadata.wire_names import TableNeeds
from gateway.model.tables import ServiceName
from gateway.upstream.allowance import Allowance
from gateway.upstream.service import Service

Needs = Mapping[str, TableNeeds]
Reading = Callable[[Service, Needs, Overrides, Allowance], Awaitable[dict[str, Entity]]]
"""Reads the descriptions of tables from a service."""


class MetadataOrigin(Struct, frozen=True):
    """The ways to know the names of one service."""

    assumed: Callable[[], Entities]
    """The tables as the dictionary has them."""
    read: Reading


async def _dataverse(
    service: Service, wants: Needs, overrides: Overrides, allowance: Allowance
) -> dict[str, Entity]:
    dated = [name for name, want in wants.items() if want.days]
    sized = [name for name, want in wants.items() if want.is_sized]
    return await dataverse_metadata.dataverse(service, wants, dated, sized, allowance)


async def _finops(
    service: Service, wants: Needs, overrides: Overrides, allowance: Allowance
) -> dict[str, Entity]:
    collections = {
        name: overrides.get(name, NO_OVERRIDE).collection or want.collection or name
        for name, want in wants.items()
    }
    return await public_entities.finops(service, collections, allowance)


ORIGINS: Final[Mapping[ServiceName, MetadataOrigin]] = {
    "dataverse": MetadataOrigin(assumed.dataverse, _dataverse),
    "finops": MetadataOrigin(assumed.finops, _finops),
}
