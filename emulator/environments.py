"""Turns what an environment says of itself into the catalogs that the emulator answers by.

What is *kept* is everything the emulator knows, in the types and lengths of the environment, so
that dual-write and the order logic go on; what is *shown* is what the environment has, by its
names. A dump is a JSON object: `dataverse.EntityDefinitions` with attributes, keys and
relationships, `finops.PublicEntities`, and optionally `dataverse.RolePrivileges`,
`dataverse.AttributePrivileges` and `dataverse.msdyn_dualwriteruntimeconfigs`, all as the services
return them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from emulator.dataverse.privileges import COLUMN_RIGHTS, all_of
from emulator.declarations import DeclarationError, copied
from emulator.described import Json, public_entity, table_of
from emulator.metadata import Catalog, Column, ManyToMany, Navigation, Service, Table
from emulator.settings import Navigation as Spelling

PLATFORM: Final = (
    "organization", "businessunit", "systemuser", "team", "role", "systemuserroles",
    "transactioncurrency", "msdyn_dualwriteentitymap", "msdyn_dualwriteruntimeconfig",
)  # fmt: skip
"""Tables that an environment has even where its description does not mention them."""
ENDS: Final = ("ReferencedEntity", "ReferencingEntity")


@dataclass(frozen=True)
class Environment:
    """An environment as it speaks, and the same with all that the emulator keeps beside."""

    kept: Catalog
    shown: Catalog
    denied: frozenset[str] = frozenset()
    running: tuple[Json, ...] | None = None
    """The rows of the running maps, where they are known."""


def environment(dump: Mapping[str, Any], known: Catalog) -> Environment:
    """The environment of a dump, completed by what is `known` of every environment."""
    dataverse, finops = dump.get("dataverse", {}), dump.get("finops", {})
    definitions: list[Json] = dataverse.get("EntityDefinitions", [])
    kept, shown = copied(known), Catalog(option_sets=dict(known.option_sets))
    said = {each["LogicalName"]: each for each in definitions}
    rights = dataverse.get("AttributePrivileges")
    for table in _dataverse(said, known):
        _add(shown, table if rights is None else _secured(table, said.get(table.name), rights))
    for relation in _between(said, known, shown):
        shown.many_to_many[relation.name] = relation
    for table in _finops(finops.get("PublicEntities"), known):
        _add(shown, table)
    for table in shown:
        _keep(kept, table)
    shown.link()
    kept.link()
    held = dataverse.get("RolePrivileges")
    return Environment(
        kept,
        shown,
        frozenset() if held is None else _denied(held, shown),
        _rows(dataverse.get("msdyn_dualwriteruntimeconfigs")),
    )


def read_dump(path: Path) -> Json:
    """A dump from its file. `DeclarationError` where it is none."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise DeclarationError(f"{path}: {error}") from error
    if not {"dataverse", "finops"} & found.keys():
        raise DeclarationError(f"{path}: holds neither dataverse nor finops")
    return found


def respelled(catalog: Catalog, how: Spelling) -> Catalog:
    """A catalog with the navigation properties of custom lookups in another case."""
    if how == "mixed":
        return catalog
    found = Catalog(many_to_many=catalog.many_to_many, option_sets=catalog.option_sets)
    for table in map(_bare, catalog):
        for column in table.lookups():
            table.columns[column.name] = _respelled(column, how)
        _add(found, table)
    found.link()
    return found


def _respelled(column: Column, how: Spelling) -> Column:
    """The platform's own lookups are in lower case everywhere."""
    if "_" not in column.logical:
        return column
    both = (*column.targets, *column.elsewhere)
    name = column.schema_name if how == "schema" else column.logical
    spelled = tuple(
        replace(each, navigation=name if len(both) == 1 else f"{name}_{each.table}")
        for each in both
    )
    return replace(column, targets=spelled, elsewhere=())


def _add(catalog: Catalog, table: Table) -> None:
    catalog.tables[table.home] = table
    if table.service is Service.DATAVERSE:
        catalog.by_name[table.name] = table


def _dataverse(said: Mapping[str, Json], known: Catalog) -> Iterator[Table]:
    """The tables that are described, and those that nothing is said of but that they are there."""
    if not said:
        yield from map(_bare, known.of(Service.DATAVERSE))
        return
    for name, row in said.items():
        yield table_of(row, known.by_name.get(name))
    for name in _mentioned(said) - said.keys():
        if table := known.by_name.get(name):
            yield _bare(table)


def _secured(table: Table, row: Json | None, rights: list[Json]) -> Table:
    """A table whose secured columns allow what field security profiles give the user."""
    given = {str(each["AttributeId"]).lower(): each for each in rights}
    columns = dict(table.columns)
    for each in (row or {}).get("Attributes") or ():
        if not each.get("IsSecured"):
            continue
        mine = given.get(str(each["MetadataId"]).lower(), {})
        denied = frozenset(right for right in COLUMN_RIGHTS if not mine.get(right))
        column = table.logical(each["LogicalName"])
        if column is not None:
            columns[column.name] = replace(column, denied=denied)
    return replace(table, columns=columns)


def _mentioned(said: Mapping[str, Json]) -> set[str]:
    names = set(PLATFORM)
    for row in said.values():
        for kind in ("ManyToOneRelationships", "OneToManyRelationships"):
            names |= {each[end] for each in row.get(kind) or () for end in ENDS}
        for each in row.get("ManyToManyRelationships") or ():
            names |= {each["IntersectEntityName"], each["Entity1LogicalName"],
                      each["Entity2LogicalName"]}  # fmt: skip
    return names


def _bare(table: Table) -> Table:
    """A copy of a table without its navigation properties, which are added again later."""
    own = {n: each for n, each in table.navigations.items() if each.lookup is None}
    finops = table.service is Service.FINOPS
    return replace(table, columns=dict(table.columns), navigations=own if finops else {})


def _between(said: Mapping[str, Json], known: Catalog, shown: Catalog) -> Iterator[ManyToMany]:
    """The N:N relationships whose two sides and table in between are there."""
    told = {
        each["SchemaName"]: each
        for row in said.values()
        for each in row.get("ManyToManyRelationships") or ()
    }
    for name, relation in known.many_to_many.items():
        sides = (*relation.tables, relation.intersect)
        platform = all(each in PLATFORM for each in sides)
        if (not said or name in told or platform) and all(n in shown.by_name for n in sides):
            yield relation


def _finops(said: list[Json] | None, known: Catalog) -> Iterator[Table]:
    if not said:
        yield from map(_bare, known.of(Service.FINOPS))
        return
    by_name = {each.name: each for each in known.of(Service.FINOPS)}
    by_name |= {each.set: each for each in known.of(Service.FINOPS)}
    rows = {row["Name"]: row for row in said}
    # What the types of rows are called is inferred, their collections are known.
    shown = {
        name: by_name.get(row["EntitySetName"]) or by_name.get(name) for name, row in rows.items()
    }
    homes = {name: table.home if table else rows[name]["EntitySetName"]
             for name, table in shown.items()}  # fmt: skip
    tables = {homes[name]: public_entity(row, shown[name]) for name, row in rows.items()}
    for table in tables.values():
        ways = {
            name: _joined(each, table, tables[each.target])
            for name, each in table.navigations.items()
            if each.target in tables
        }
        yield replace(table, navigations=ways)


def _joined(way: Navigation, near: Table, far: Table) -> Navigation:
    """A navigation property of F&O by the columns of both sides as the environment spells them."""
    on = ((near.respelled(mine), far.respelled(theirs)) for mine, theirs in way.on)
    return replace(
        way, on=tuple((mine.name, theirs.name) for mine, theirs in on if mine and theirs)
    )


def _keep(kept: Catalog, table: Table) -> None:
    """Keep a table as it is shown, beside the columns that are not shown."""
    known = kept.tables.get(table.home)
    if known is None:
        _add(kept, replace(table, navigations={}))
        return
    # A column that is shown in another case is kept by the name that the emulator knows it by.
    spelled = {name.lower(): name for name in known.columns}
    columns = dict(known.columns)
    for column in table.columns.values():
        name = spelled.get(column.name.lower(), column.name)
        columns[name] = column if name == column.name else replace(column, name=name)
    _add(kept, replace(known, columns=columns, alternate_keys=table.alternate_keys))


def _denied(held: list[Json], shown: Catalog) -> frozenset[str]:
    names = {str(each.get("PrivilegeName", "")).lower() for each in held}
    return frozenset(name for name in all_of(shown) if name.lower() not in names)


def _rows(rows: list[Json] | None) -> tuple[Json, ...] | None:
    if rows is None:
        return None
    return tuple({n: v for n, v in row.items() if "@" not in n} for row in rows)
