"""
The names of tables, columns and navigation properties in the environment that is asked.

Everything above the services speaks in *logical* names: `salesorder`, `msdyn_company`, and
`msdyn_company/cdm_companycode` for a column of the row that a lookup leads to. What differs between
environments is put in here, once for each query: the entity set, the navigation property of a
lookup (`msdyn_Company` in one environment, `msdyn_company` in another), and what is absent.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from gateway.config.parsers import Zones
from gateway.upstream import days
from gateway.upstream.compared_values import Comparison, as_members, holds_for_null
from gateway.upstream.conditions import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Compare,
    Condition,
    In,
    Like,
    Not,
    Spelled,
    both,
    either,
    negated,
)
from gateway.upstream.days import Behaviour
from gateway.upstream.odata import Expand, ODataQuery, Order, row_url
from gateway.upstream.renaming import Rename, renaming


class Step(Struct, frozen=True):
    """A navigation property: its name on the wire, and the table that it leads to."""

    navigation: str
    entity: str


class EntityNames(Struct, frozen=True):
    """The names of one table. Anything not mentioned is called on the wire as it is declared."""

    collection: str
    steps: Mapping[str, Step] = {}
    """Navigation properties by lookup, by `lookup_table`, by `table.lookup` for the way back."""
    columns: Mapping[str, str] = {}
    absent: frozenset[str] = frozenset()
    """Columns and steps that the environment does not have; what they hold reads as null."""
    days: Mapping[str, Behaviour] = {}
    """The columns that hold days, and how."""
    zones: Mapping[str, Zones] = {}
    """The time zones of user-local days, for columns with zones of their own."""
    choices: Mapping[str, str] = {}
    """The columns of F&O that hold members of an enumeration, and the name of its type."""
    lengths: Mapping[str, int] = {}
    """The number of characters that texts hold, where the environment has said it."""
    company: str = ""
    """The path to the code of the legal entity that a row belongs to, where zones depend on it."""
    missing: bool = False
    """True if the environment has no such table."""
    is_essential: bool = False
    """True if nothing can do without the table, so that it is never left out."""
    needs: frozenset[str] = frozenset()
    """The other tables that its row rule goes through."""
    is_complete: bool = False
    """True if all its lookups are among the steps, so that one that is not is absent."""

    @property
    def is_plain(self) -> bool:
        """True if all that a query names is called so on the wire, but for the table itself."""
        told = (self.steps, self.columns, self.absent, self.days, self.choices)
        return not any(told)


def lookup_value(lookup: str) -> str:
    """
    The name of the column in which the Web API returns the GUID of a lookup; use it in row rules.

    Example:

        assert lookup_value("acme_accountid") == "_acme_accountid_value"
    """
    return lookup if lookup.endswith("_value") else f"_{lookup}_value"


class Reference(Struct, frozen=True):
    """The row that a written lookup is to lead to."""

    entity: str
    key: UUID


class NestedRows(Struct, frozen=True):
    """Rows that are created together with the row that they refer to."""

    rows: tuple[Mapping[str, Any], ...]


class NamesChanged(Exception):
    """A service does not have what a query named; the query can be made again without it."""


class Names:
    """The names of one service; names read from the environment replace the assumed ones."""

    def __init__(self, entities: Mapping[str, EntityNames] | None = None) -> None:
        self.entities: dict[str, EntityNames] = {}
        self.zones = Zones()
        self.left_out: set[str] = set()
        """The tables that are missing only because the service refused to show them."""
        self.version = 0
        """Changes whenever something is learned, so that nothing made of the old names is used."""
        self._paths: dict[tuple[str, str], str | None] = {}
        self._plain: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._renames: dict[tuple[str, tuple[str, ...]], Rename | None] = {}
        self.learn(entities or {})

    def learn(self, entities: Mapping[str, EntityNames]) -> None:
        """Use these names from now on, instead of the ones that are known for the same tables."""
        self.entities.update(entities)
        self.version += 1
        for memory in (self._paths, self._plain, self._renames):
            memory.clear()

    def lose(self, entity: str, spelled: str) -> bool:
        """
        Learn that a table lacks a column or navigation property, by its name on the wire.

        False where that was known, or where nothing of this name is asked for.
        """
        known = self.entities.get(entity)
        if known is None:
            return False
        names = {spelled}
        names |= {name for name, other in known.columns.items() if other == spelled}
        names |= {name for name, step in known.steps.items() if step.navigation == spelled}
        if names <= known.absent:
            return False
        self.learn({entity: replace(known, absent=known.absent | names)})
        return True

    def collection(self, entity: str) -> str:
        """The entity set of a table; what is not known is a resource of the service by itself."""
        known = self.entities.get(entity)
        return known.collection if known else entity

    def is_missing(self, entity: str) -> bool:
        known = self.entities.get(entity)
        return known is not None and known.missing

    def has(self, entity: str, path: str) -> bool:
        """True if the environment has a column, as far as is known."""
        return self.path(entity, path) is not None

    def path(self, entity: str, path: str) -> str | None:
        """A column or path as the service spells it; None where the environment lacks it."""
        try:
            return self._paths[entity, path]
        except KeyError:
            found = self._paths[entity, path] = self._path(entity, path)
            return found

    def step(self, entity: str, step: str) -> Step | None:
        """The target of a step of a path; None where the environment lacks it."""
        known = self.entities.get(entity)
        if known is None:
            return Step(step, "")
        if step in known.absent:
            return None
        found = known.steps.get(step)
        if found is None:
            is_lookup = "." not in step
            return None if known.is_complete and is_lookup else Step(step, "")
        return None if self.is_missing(found.entity) else found

    def _path(self, entity: str, path: str) -> str | None:
        head, slash, rest = path.partition("/")
        if slash:
            step = self.step(entity, head)
            below = None if step is None else self._path(step.entity, rest)
            return None if step is None or below is None else f"{step.navigation}/{below}"
        known = self.entities.get(entity)
        if known is None:
            return path
        return None if path in known.absent else known.columns.get(path, path)

    def query(self, query: ODataQuery) -> ODataQuery:
        """The same query in the names of the environment; what is absent is not asked for."""
        entity = query.entity
        known = self.entities.get(entity)
        if known is None:
            return query
        if known.is_plain:
            return replace(query, entity=known.collection)
        return replace(
            query,
            entity=known.collection,
            select=self.paths(entity, query.select),
            where=self.condition(entity, query.where),
            order=self._order(entity, query.order),
            expands=tuple(self._expand(entity, each) for each in query.expands),
        )

    def paths(self, entity: str, select: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the columns and paths that the environment has, as it spells them."""
        key = entity, select
        if key not in self._plain:
            spelled = (self.path(entity, path) for path in select)
            self._plain[key] = tuple(path for path in spelled if path is not None)
        return self._plain[key]

    def condition(self, entity: str, condition: Condition) -> Condition:
        """
        The same condition in the names of the environment, with days as instants, and the members
        of F&O's enumerations as such.
        """
        match condition:
            case Spelled():
                return condition
            case All(parts):
                return both(*(self.condition(entity, part) for part in parts))
            case AnyOf(parts):
                return either(*(self.condition(entity, part) for part in parts))
            case Not(part):
                return negated(self.condition(entity, part))
            case Compare(column, _, date() as day) if type(day) is date:
                behaviour = self.behaviour(entity, column)
                if behaviour is not None:
                    wanted = self._on_day(entity, condition, behaviour)
                    return self._columns(entity, wanted)
            case In(column, values) if self.behaviour(entity, column) is not None:
                each = (Compare(column, "eq", value) for value in values)
                return either(*(self.condition(entity, one) for one in each))
        return self._columns(entity, condition)

    def _columns(self, entity: str, condition: Condition) -> Condition:
        """A condition whose values are those of the service, over the columns of the service."""
        match condition:
            case All(parts):
                return both(*(self._columns(entity, part) for part in parts))
            case AnyOf(parts):
                return either(*(self._columns(entity, part) for part in parts))
            case Not(part):
                return negated(self._columns(entity, part))
            case Compare() | In() | Like():
                path = self.path(entity, condition.column)
                if path is None:
                    return EVERYTHING if holds_for_null(condition) else NOTHING
                typed = self._typed(entity, condition)
                return typed if path == typed.column else replace(typed, column=path)
        return condition

    def _typed(self, entity: str, condition: Comparison) -> Comparison:
        """A condition with the members of an enumeration as such."""
        known = self.entities.get(entity)
        type_ = known.choices.get(condition.column) if known else None
        return condition if type_ is None else as_members(condition, type_)

    def behaviour(self, entity: str, path: str) -> Behaviour | None:
        """
        The behaviour of a column of days; None where days are compared as the service does by
        itself.
        """
        head, slash, rest = path.partition("/")
        known = self.entities.get(entity)
        if slash:
            step = known.steps.get(head) if known else None
            return self.behaviour(step.entity, rest) if step else None
        return known.days.get(path) if known else None

    def day(self, entity: str, path: str, raw: Any, company: str | None) -> date | None:
        """Read a column's raw value as a day; ValueError if it is not one."""
        if raw is None:
            return None
        behaviour = self.behaviour(entity, path) or "DateOnly"
        return days.read(raw, behaviour, self._zones(entity, path).of(company))

    def written(self, entity: str, column: str, day: date, company: str | None) -> str:
        """A day as a column of a table takes it."""
        behaviour = self.behaviour(entity, column) or "DateOnly"
        return days.written(day, behaviour, self._zones(entity, column).of(company))

    def company_of(self, entity: str, path: str) -> str:
        """The path to the legal entity by which days of a column are read; empty where none is."""
        if self.behaviour(entity, path) != "UserLocal" or not self._zones(entity, path).companies:
            return ""
        return self.entities[entity].company

    def _zones(self, entity: str, path: str) -> Zones:
        known = self.entities.get(entity)
        return known.zones.get(path, self.zones) if known else self.zones

    def _on_day(self, entity: str, wanted: Compare, behaviour: Behaviour) -> Condition:
        assert isinstance(wanted.value, date)  # noqa: S101 - for the types: see `condition`
        zones, company = self._zones(entity, wanted.column), self.company_of(entity, wanted.column)
        if company:
            return days.compared_by_company(wanted.column, wanted.op, wanted.value, zones, company)
        return days.compared(wanted.column, wanted.op, wanted.value, behaviour, zones.default)

    def _order(self, entity: str, order: tuple[Order, ...]) -> tuple[Order, ...]:
        named = ((item, self.path(entity, item.column)) for item in order)
        return tuple(
            item if path == item.column else Order(path, item.descending)
            for item, path in named
            if path is not None
        )

    def _expand(self, entity: str, expand: Expand) -> Expand:
        step = self.step(entity, expand.navigation)
        if step is None:
            raise LookupError(f"{entity} has no {expand.navigation} here")
        return Expand(
            step.navigation,
            self.paths(step.entity, expand.select),
            self._order(step.entity, expand.order),
            expand.top,
        )

    def row(self, entity: str, row: Mapping[str, Any], company: str | None) -> dict[str, Any]:
        """
        A row to be written in the names of the environment, without what it does not have.

        `company`: the code of the legal entity whose zone tells when a day begins.
        """
        return dict(self._written(entity, row, company))

    def _written(
        self, entity: str, row: Mapping[str, Any], company: str | None
    ) -> Iterator[tuple[str, Any]]:
        for name, value in row.items():
            if isinstance(value, Reference | NestedRows):
                if (step := self._written_step(entity, name)) is not None:
                    yield self._linked(step, value, company)
            elif (column := self.path(entity, name)) is not None:
                is_day = isinstance(value, date) and not isinstance(value, datetime)
                yield column, self.written(entity, name, value, company) if is_day else value

    def _written_step(self, entity: str, name: str) -> Step | None:
        """As `step`; a lookup to a table that may not be read is written all the same."""
        known = self.entities.get(entity)
        found = known.steps.get(name) if known else None
        return found if found and found.entity in self.left_out else self.step(entity, name)

    def _linked(
        self, step: Step, value: Reference | NestedRows, company: str | None
    ) -> tuple[str, Any]:
        if isinstance(value, NestedRows):
            return step.navigation, [self.row(step.entity, each, company) for each in value.rows]
        url = row_url(self.collection(value.entity), value.key)
        return f"{step.navigation}@odata.bind", f"/{url}"

    def companies(self, entity: str, select: Iterable[str]) -> frozenset[str]:
        """The paths to legal entities by which the days among some columns are read."""
        if not self.zones.companies:
            return frozenset()
        return frozenset(filter(None, (self.company_of(entity, path) for path in select)))

    def rename(self, entity: str, select: tuple[str, ...]) -> Rename | None:
        """The way back from the names in rows to those asked for; None where they are the same."""
        key = entity, select
        if key not in self._renames:
            self._renames[key] = self._renaming(entity, select)
        return self._renames[key]

    def _renaming(self, entity: str, paths: Iterable[str]) -> Rename | None:
        absent: list[str] = []
        renamed: dict[str, str] = {}
        below: dict[str, list[str]] = {}
        for path in paths:
            head, slash, rest = path.partition("/")
            if slash:
                below.setdefault(head, []).append(rest)
                continue
            spelled = self.path(entity, path)
            if spelled is None:
                absent.append(path)
            elif spelled != path:
                renamed[spelled] = path
        inner: dict[str, Rename] = {}
        for head, rests in below.items():
            step = self.step(entity, head)
            if step is None:
                absent.append(head)
                continue
            if step.navigation != head:
                renamed[step.navigation] = head
            if (rename := self._renaming(step.entity, rests)) is not None:
                inner[head] = rename
        return renaming(absent, renamed, inner) if absent or renamed or inner else None
