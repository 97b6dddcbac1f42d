"""Described tables, and the operator's overrides -> the names by which tables are asked."""

from collections import Counter, defaultdict
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
from gateway.upstream.odata import ENUMERATIONS, logical


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


class _Noted(Struct):
    """The needs from one table, as they are collected."""

    paths: set[str] = set()
    days: set[str] = set()
    through: set[str] = set()
    company: str | None = None
    collection: str = ""
    is_essential: bool = False
    is_sized: bool = False

    def frozen(self, name: str) -> TableNeeds:
        return TableNeeds(
            name,
            frozenset(self.paths),
            frozenset(self.days),
            self.company or "",
            self.collection,
            self.is_essential,
            frozenset(self.through),
            self.is_sized,
        )


def wanted(tables: Iterable[Table], entities: Entities) -> dict[str, TableNeeds]:
    """The needs from each table, those behind lookups included."""
    found: defaultdict[str, _Noted] = defaultdict(_Noted)
    for table in tables:
        _note(table, entities, found)
    return {name: noted.frozen(name) for name, noted in found.items()}


def _note(table: Table, entities: Entities, found: defaultdict[str, _Noted]) -> None:
    """Add the needs of one declared table; several may be declared over the same table."""
    noted = found[table.entity]
    if noted.company is None:
        noted.company, noted.collection = table.company, table.collection
    noted.is_sized |= any(spec.writing != "never" for spec in table.specs.values())
    noted.days |= table.days
    passed = {
        entity
        for path in table.rule.columns
        for entity, rest in _along(table.entity, path, entities)
        if rest and entity != table.entity
    }
    noted.through |= passed
    for path in table.all_paths:
        for entity, rest in _along(table.entity, path, entities):
            found[entity].paths.update([rest] if rest else [])
    if table.essential:
        for entity in (table.entity, *noted.through):
            found[entity].is_essential = True


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
        _choices(want, entity),
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


def _choices(want: TableNeeds, entity: Entity | None) -> dict[str, str]:
    """The enumerations of F&O among the columns, whatever case those are declared in."""
    described = entity.attributes.values() if entity else ()
    types = {
        each.name.casefold(): each.type.removeprefix(ENUMERATIONS)
        for each in described
        if each.type.startswith(ENUMERATIONS)
    }
    named = {path: types.get(path.casefold()) for path in want.paths} if types else {}
    return {path: type_ for path, type_ in named.items() if type_ is not None}


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
