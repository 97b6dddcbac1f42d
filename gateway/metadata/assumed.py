"""The dictionary's tables, for environments whose metadata was never read."""

from functools import cache

from dynamics import dictionary
from gateway.metadata.described import AlternateKey, Attribute, Entities, Entity, Lookup


@cache
def dataverse() -> Entities:
    """Every table of Dataverse that the dictionary has; none of them is complete."""
    collections = {
        (each.table, each.column, each.target): each.collection
        for each in dictionary.relationships()
    }
    keys: dict[str, list[AlternateKey]] = {}
    for key in dictionary.keys():  # noqa: SIM118 - a module, no mapping
        keys.setdefault(key.table, []).append(AlternateKey(key.name, key.columns))
    intersects = {
        each.intersect: Entity(
            each.intersect,
            f"{each.intersect}set",
            {column: Attribute(column) for column in each.columns},
        )
        for each in dictionary.many_to_many()
    }
    tables = {
        name: Entity(
            name,
            table.collection,
            {column.name: _attribute(name, column) for column in table.columns.values()},
            tuple(
                Lookup(column.name, target, to, collections.get((name, column.name, target), ""))
                for column in table.columns.values()
                for target, to in column.navigation.items()
            ),
            tuple(keys.get(name, ())),
        )
        for name, table in dictionary.tables().items()
    }
    return intersects | tables


@cache
def finops() -> Entities:
    """Every collection of F&O that the dictionary has."""
    return {
        name: Entity(
            name,
            name,
            {each.name: Attribute(each.name, each.edm) for each in found.properties.values()},
            keys=(AlternateKey("", found.key),),
        )
        for name, found in dictionary.collections().items()
    }


def _attribute(table: str, column: dictionary.KnownColumn) -> Attribute:
    options = dictionary.options().get((table, column.name), ())
    return Attribute(
        column.name,
        column.type,
        column.size,
        column.behaviour,
        column.required,
        _told(column.create),
        _told(column.update),
        tuple(option.value for option in options),
    )


def _told(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)
