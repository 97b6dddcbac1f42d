"""
An environment's description of its tables: the part of its metadata that the gateway relies on.

The same shapes are filled from the environment itself (`reading`), from the dictionary (`assumed`)
and from the file in which the last reading was kept (`remembered`).
"""

from collections.abc import Mapping

from msgspec import Struct


class Attribute(Struct, frozen=True, omit_defaults=True):
    """A column, by its logical name."""

    name: str
    type: str = ""
    """`AttributeType` of Dataverse, or the type on the wire of F&O; empty where not known."""
    size: int | None = None
    """Length of a text, decimal places of a number."""
    behaviour: str = ""
    """`DateTimeBehavior`; empty if the column is not a date or it is not known."""
    required: str = ""
    create: bool | None = None
    update: bool | None = None
    options: tuple[int, ...] = ()
    """The values of a choice, where they were asked for."""


class Lookup(Struct, frozen=True, omit_defaults=True):
    """A lookup to one table: the navigation properties of both its ends."""

    column: str
    target: str
    navigation: str
    collection: str = ""
    """The collection-valued property of the target; empty where not known."""


class AlternateKey(Struct, frozen=True, omit_defaults=True):
    """An alternate key and the state of its index."""

    name: str
    columns: tuple[str, ...]
    status: str = ""


class Entity(Struct, frozen=True, omit_defaults=True):
    """A table of Dataverse by its logical name, or a collection of F&O by its public name."""

    name: str
    collection: str
    attributes: Mapping[str, Attribute] = {}
    lookups: tuple[Lookup, ...] = ()
    keys: tuple[AlternateKey, ...] = ()
    concurrency: bool | None = None
    """True if the table takes `If-Match`."""
    is_complete: bool = False
    """True if all its columns are listed, so that one that is not listed is absent."""


Entities = Mapping[str, Entity]
"""Tables by name."""
