"""The tables that exist on both services: their columns, keys and how they hang together.

`Catalog` is the one value that the whole emulator reads; `declarations` fills it from the
dictionary and from TOML.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Service(StrEnum):
    DATAVERSE = "dataverse"
    FINOPS = "finops"


class Type(StrEnum):
    """A column's type in the words of a declaration."""

    GUID = "guid"
    STRING = "string"
    MEMO = "memo"
    INT = "int"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    MONEY = "money"
    DOUBLE = "double"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    CHOICES = "choices"
    LOOKUP = "lookup"
    ENUM = "enum"
    BINARY = "binary"


TEXTS = frozenset({Type.STRING, Type.MEMO})
NUMBERS = frozenset({Type.INT, Type.BIGINT, Type.DECIMAL, Type.MONEY, Type.DOUBLE, Type.CHOICE})
EXACTS = frozenset({Type.DECIMAL, Type.MONEY})
GUIDS = frozenset({Type.GUID, Type.LOOKUP})
RATE_PLACES = 12
"""The decimal places of every exchange rate, so that rates can be handed from row to row."""
ENFORCED = "SystemRequired"
"""The one required level that the Web API holds its callers to."""


@dataclass(frozen=True, slots=True)
class Option:
    """One member of an option set or of an F&O enum; a status belongs to a state."""

    value: int
    label: str
    state: int | None = None


@dataclass(frozen=True, slots=True)
class OptionSet:
    name: str
    options: tuple[Option, ...]
    shared: bool = False

    def find(self, value: object) -> Option | None:
        return next((each for each in self.options if value in (each.value, each.label)), None)


@dataclass(frozen=True, slots=True)
class Target:
    """One table that a lookup may point at, with the navigation property names of both ends."""

    table: str
    navigation: str
    back: str
    schema_name: str = ""
    """The relationship's own name; that of `back` where it is not known."""


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a row: `name` is its spelling in JSON, `logical` that in the metadata.

    A lookup's `elsewhere` are the targets that no table of the catalog stands for.
    """

    name: str
    type: Type
    logical: str
    length: int = 0
    scale: int = 0
    options: OptionSet | None = None
    targets: tuple[Target, ...] = ()
    elsewhere: tuple[Target, ...] = ()
    schema_name: str = ""
    kind: str = ""
    """The attribute type that Dataverse gives it, where `type` alone does not tell."""
    level: str = "None"
    """`None`, `Recommended`, `ApplicationRequired` or `SystemRequired`."""
    behaviour: str = ""
    """Of a date: `UserLocal`, `TimeZoneIndependent` or `DateOnly`."""
    format: str = ""
    pricing: bool = False
    """True for a price, which has the decimals that the organization sets, up to `scale`."""
    precision: int | None = None
    """The decimals that metadata tells of a price, which are not those that are kept."""
    creatable: bool = True
    updatable: bool = True
    nullable: bool = True
    system: bool = False
    default: int | str | None = None
    base_of: str | None = None
    secured: bool = False
    """True if field security profiles say who may read and write it."""
    denied: frozenset[str] = frozenset()
    """The rights that the application user lacks, of `CanRead`, `CanCreate` and `CanUpdate`."""

    @property
    def required(self) -> bool:
        return self.level == ENFORCED

    @property
    def is_day(self) -> bool:
        """True if its values are days, in whatever form they travel."""
        return self.type is Type.DATE or self.format == "DateOnly"


def property_name(logical: str, type_: Type) -> str:
    """The Web API's name for a column in rows: of a lookup, that of the value that it holds."""
    return f"_{logical}_value" if type_ is Type.LOOKUP else logical


@dataclass(frozen=True, slots=True)
class AlternateKey:
    name: str
    columns: tuple[str, ...]
    status: str = "Active"
    """A key whose index is not active neither finds rows nor keeps them apart."""

    @property
    def is_active(self) -> bool:
        return self.status == "Active"


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way from one table to another: equal columns, or for N:N the table in between."""

    name: str
    target: str
    on: tuple[tuple[str, str], ...]
    many: bool
    lookup: str | None = None
    through: "Intersect | None" = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Intersect:
    """The table between the two of an N:N relationship, with its columns for either side."""

    set: str
    near: str
    far: str


@dataclass(frozen=True, eq=False)
class Table:
    """One entity set. `name` is the logical name (Dataverse) or the entity type's name (F&O).

    `set` is its collection's name, `home` the one under which the emulator keeps it.
    """

    name: str
    set: str
    service: Service
    key: tuple[str, ...]
    columns: dict[str, Column]
    primary_name: str | None = None
    alternate_keys: tuple[AlternateKey, ...] = ()
    navigations: dict[str, Navigation] = field(default_factory=dict)
    read_only: bool = False
    ownership: str = "none"
    tracked: bool = True
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    """Columns that the platform keeps apart without an alternate key."""
    schema_name: str = ""
    home: str = ""
    beyond: tuple[tuple[str, bool], ...] = ()
    """Navigation properties, and whether they lead to many, whose targets are not known."""
    privileges: Mapping[str, str] = field(default_factory=dict)
    """
    The names of the table's privileges by the right that they give, if the environment lists them.
    """

    @property
    def id(self) -> str:
        """The primary key column of a Dataverse table."""
        return self.key[0]

    @property
    def sql(self) -> str:
        return f"{self.service}.{self.home or self.set}"

    def lookups(self) -> Iterator[Column]:
        return (each for each in self.columns.values() if each.type is Type.LOOKUP)

    def logical(self, name: str) -> Column | None:
        """The column that Dataverse's metadata calls `name`."""
        return self.columns.get(name) or self.columns.get(f"_{name}_value")

    def respelled(self, name: str) -> Column | None:
        """The column that differs from `name` in upper and lower case at most."""
        same = (each for spelled, each in self.columns.items() if spelled.lower() == name.lower())
        return self.columns.get(name) or next(same, None)

    def has(self, name: str) -> bool:
        return name in self.columns


@dataclass(frozen=True)
class ManyToMany:
    """An N:N relationship of two Dataverse tables; both sides navigate by its name."""

    name: str
    set: str
    tables: tuple[str, str]
    columns: tuple[str, str]
    """The columns of the table in between for the two; in the order of `tables`."""
    intersect: str = ""


@dataclass(eq=False)
class Catalog:
    """All tables of both services by their home; the navigation properties are woven by `link`."""

    tables: dict[str, Table] = field(default_factory=dict)
    many_to_many: dict[str, ManyToMany] = field(default_factory=dict)
    option_sets: dict[str, OptionSet] = field(default_factory=dict)
    by_name: dict[str, Table] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())

    def of(self, service: Service) -> list[Table]:
        return [table for table in self if table.service is service]

    def find(self, set_name: str, service: Service) -> Table | None:
        """The table that a service offers as a collection of this name."""
        table = self.tables.get(set_name)
        if table is None or table.set != set_name:
            table = next((each for each in self if each.set == set_name), None)
        return table if table and table.service is service else None

    def named(self, logical_name: str) -> Table:
        """The Dataverse table of a logical name."""
        return self.by_name[logical_name]

    def link(self) -> None:
        """Weave the navigation properties of all lookups into both tables of each."""
        self.by_name = {table.name: table for table in self.of(Service.DATAVERSE)}
        for table in self.of(Service.DATAVERSE):
            for column in table.lookups():
                table.columns[column.name] = known = self._sorted(column)
                for target in known.targets:
                    self._weave(table, known, target)
        for relation in self.many_to_many.values():
            self._weave_both(relation)

    def _sorted(self, column: Column) -> Column:
        """A lookup with the targets that have a table apart from those that have none."""
        targets = (*column.targets, *column.elsewhere)
        here = tuple(each for each in targets if each.table in self.by_name)
        gone = tuple(each for each in targets if each.table not in self.by_name)
        if (here, gone) == (column.targets, column.elsewhere):
            return column
        return replace(column, targets=here, elsewhere=gone)

    def _weave(self, table: Table, column: Column, target: Target) -> None:
        other = self.by_name[target.table]
        there = Navigation(
            target.navigation,
            other.home,
            ((column.name, other.id),),
            False,
            column.name,
            source=table.home,
        )
        back = Navigation(
            target.back,
            table.home,
            ((other.id, column.name),),
            True,
            column.name,
            source=other.home,
        )
        # Users and teams share the one property `ownerid`: it leads to users.
        table.navigations.setdefault(there.name, there)
        other.navigations[back.name] = back

    def _weave_both(self, relation: ManyToMany) -> None:
        first, second = (self.by_name[name] for name in relation.tables)
        near_column, far_column = relation.columns
        for near, far, own, others in (
            (first, second, near_column, far_column),
            (second, first, far_column, near_column),
        ):
            between = Intersect(relation.set, own, others)
            near.navigations[relation.name] = Navigation(
                relation.name, far.home, ((near.id, far.id),), True, None, between, near.home
            )
