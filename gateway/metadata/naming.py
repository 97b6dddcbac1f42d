"""Described tables, and the operator's overrides -> the names by which tables are asked."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import cast
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from gateway.config.parsers import Zones
from gateway.metadata.described import Attribute, Entities, Entity, Lookup
from gateway.metadata.overrides import NO_OVERRIDE, Override, Overrides
from gateway.model.tables import Table
from gateway.upstream.days import Behaviour
from gateway.upstream.names import EntityNames, Step, lookup_value
from gateway.upstream.odata import logical


class TableNeeds(Struct, frozen=True):
    """The needs of the declared tables from one table of the environment."""

    name: str
    paths: frozenset[str]
    """Columns, and paths that begin with a lookup."""
    days: frozenset[str] = frozenset()
    """The columns that hold days."""
    company: str = ""
    collection: str = ""
    is_essential: bool = False
    """True if nothing can do without it: declared so, or row rules of such tables go through it."""
    through: frozenset[str] = frozenset()
    """The other tables that its row rule goes through."""
    is_sized: bool = False
    """True if the lengths of its texts must be known, because its rows are written."""


def wanted(tables: Iterable[Table], entities: Entities) -> dict[str, TableNeeds]:
    """The needs from each table, those behind lookups included."""
    paths: dict[str, set[str]] = {}
    days: dict[str, set[str]] = {}
    companies: dict[str, str] = {}
    collections: dict[str, str] = {}
    essential: set[str] = set()
    through: dict[str, set[str]] = {}
    sized: set[str] = set()
    for table in tables:
        if any(spec.writing != "never" for spec in table.specs.values()):
            sized.add(table.entity)
        passed = through.setdefault(table.entity, set())
        for path in table.rule.columns:
            steps = _along(table.entity, path, entities)
            passed |= {entity for entity, rest in steps if rest and entity != table.entity}
        if table.essential:
            essential |= {table.entity, *passed}
        companies.setdefault(table.entity, table.company)
        collections.setdefault(table.entity, table.collection)
        days.setdefault(table.entity, set()).update(table.days)
        for path in table.all_paths:
            for entity, rest in _along(table.entity, path, entities):
                paths.setdefault(entity, set()).update([rest] if rest else [])
    return {
        name: TableNeeds(
            name,
            frozenset(found),
            frozenset(days.get(name, ())),
            companies.get(name, ""),
            collections.get(name, ""),
            name in essential,
            frozenset(through.get(name, ())),
            name in sized,
        )
        for name, found in paths.items()
    }


def _along(entity: str, path: str, entities: Entities) -> Iterator[tuple[str, str]]:
    """A path from each of the tables that it passes; none from those that a lookup leads to."""
    yield entity, path
    step, slash, rest = path.partition("/")
    known = entities.get(entity)
    if not slash:
        yield from ((target, "") for target in _targets(known, step))
        return
    found = _lookup(known, step)
    if found is not None and found.target:
        yield from _along(found.target, rest, entities)


def _targets(entity: Entity | None, column: str) -> Iterator[str]:
    """The tables to which a lookup leads, whose value is in a column."""
    name = logical(column)
    if entity is not None and name != column:
        yield from (each.target for each in entity.lookups if each.column == name)


def _lookup(entity: Entity | None, step: str) -> Lookup | None:
    """The lookup that a step follows: the only one of its column, or the one to a table."""
    lookups = entity.lookups if entity else ()
    named = [each for each in lookups if step in (each.column, f"{each.column}_{each.target}")]
    return named[0] if len(named) == 1 else None


def named(
    wants: Mapping[str, TableNeeds],
    entities: Entities,
    overrides: Overrides,
    missing: Collection[str] = (),
) -> dict[str, EntityNames]:
    """
    The names of the wanted tables. A table that is not described is called as it was declared.

    `missing`: the tables that the environment is known not to have.
    """
    backs = _backs(entities)
    found = {}
    for name, want in wants.items():
        override = overrides.get(name, NO_OVERRIDE)
        names = _names(want, entities.get(name), backs.get(name, {}), override)
        is_missing = name in missing and not override.collection
        found[name] = replace(names, missing=override.absent is True or is_missing)
    return found


def _names(
    want: TableNeeds, entity: Entity | None, back: Mapping[str, Step], override: Override
) -> EntityNames:
    steps = {**_steps(entity), **back} if entity else {}
    spelled = _spelled(want, entity)
    steps |= {step: steps[other] for step, other in spelled.items() if other in steps}
    for step, navigation in override.navigation.items():
        target = steps[step].entity if step in steps else ""
        steps[step] = Step(navigation, target)
    described = entity.collection if entity else ""
    return EntityNames(
        override.collection or described or want.collection or want.name,
        steps,
        spelled | {column: told.name for column, told in override.column.items() if told.name},
        _absent(want, entity, {*spelled, *override.column}, override),
        _days(want, entity, override),
        {
            column: Zones(ZoneInfo(told.zone))
            for column, told in override.column.items()
            if told.zone
        },
        _lengths(entity, override),
        want.company,
        is_complete=entity is not None and entity.is_complete,
        is_essential=want.is_essential,
        needs=want.through,
    )


def _steps(entity: Entity) -> dict[str, Step]:
    """The steps along the lookups of a table."""
    targets = Counter(lookup.column for lookup in entity.lookups)
    found: dict[str, Step] = {}
    for lookup in entity.lookups:
        step = Step(lookup.navigation, lookup.target)
        found[f"{lookup.column}_{lookup.target}"] = step
        if targets[lookup.column] == 1:
            found[lookup.column] = step
    return found


def _backs(entities: Entities) -> dict[str, dict[str, Step]]:
    """By table, the ways to the rows of others that point at its own."""
    found: dict[str, dict[str, Step]] = {}
    for entity in entities.values():
        for lookup in entity.lookups:
            if lookup.collection:
                step = Step(lookup.collection, entity.name)
                found.setdefault(lookup.target, {})[f"{entity.name}.{lookup.column}"] = step
    return found


def _spelled(want: TableNeeds, entity: Entity | None) -> dict[str, str]:
    """The columns that the environment spells in another case than they are declared in."""
    if entity is None or not entity.is_complete:
        return {}
    names = (*entity.attributes, *(lookup.column for lookup in entity.lookups))
    known = {name.casefold(): name for name in names}
    return {
        first: known[first.casefold()]
        for first in _heads(want)
        if first not in names and first.casefold() in known
    }


def _heads(want: TableNeeds) -> set[str]:
    """The columns that are needed, and the first steps of the paths."""
    return {path.partition("/")[0] for path in want.paths}


def _absent(
    want: TableNeeds, entity: Entity | None, renamed: Collection[str], override: Override
) -> frozenset[str]:
    told = () if isinstance(override.absent, bool) else override.absent
    absent = {name for column in told for name in (column, lookup_value(column))}
    if entity is not None and entity.is_complete:
        absent |= {
            first for first in _heads(want) if not _is_there(first, entity) and first not in renamed
        }
    return frozenset(absent)


def _is_there(name: str, entity: Entity) -> bool:
    """True if a table has a column, the value of a lookup, or a lookup to one of its targets."""
    bare = logical(name)
    return bare in entity.attributes or _lookup(entity, bare) is not None


def _days(want: TableNeeds, entity: Entity | None, override: Override) -> dict[str, Behaviour]:
    found: dict[str, Behaviour] = {}
    for column in want.days:
        attribute = entity.attributes.get(column) if entity else None
        told = override.column.get(column)
        behaviour = (told.behaviour if told else "") or _behaviour(column, attribute)
        found[column] = cast(Behaviour, behaviour)
    return found


def _lengths(entity: Entity | None, override: Override) -> dict[str, int]:
    described = entity.attributes.values() if entity and entity.is_complete else ()
    found = {
        each.name: each.size
        for each in described
        if each.size is not None and each.type in ("String", "Memo")
    }
    return found | {name: told.length for name, told in override.column.items() if told.length}


def _behaviour(column: str, attribute: Attribute | None) -> str:
    """
    The behaviour of a column that holds days. Where nobody says so, the columns that dual-write
    adds are taken to be like those of the order's header, whose behaviour is known.
    """
    if attribute is not None and attribute.behaviour:
        return attribute.behaviour
    return usual_behaviour(column)


def usual_behaviour(column: str) -> Behaviour:
    """The assumed behaviour of a day for which no source names one."""
    return "TimeZoneIndependent" if column.startswith("msdyn_") else "UserLocal"
