"""What tables exist on both services: their columns, keys and how they hang together.

`Catalog` is the one value that the whole emulator reads; `declarations` fills it from TOML.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
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


TEXTS = frozenset({Type.STRING, Type.MEMO})
NUMBERS = frozenset({Type.INT, Type.BIGINT, Type.DECIMAL, Type.MONEY, Type.DOUBLE, Type.CHOICE})
EXACTS = frozenset({Type.DECIMAL, Type.MONEY})
GUIDS = frozenset({Type.GUID, Type.LOOKUP})


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


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a row: `name` is its spelling in JSON, `logical` that in the metadata."""

    name: str
    type: Type
    logical: str
    length: int = 0
    scale: int = 0
    options: OptionSet | None = None
    targets: tuple[Target, ...] = ()
    required: bool = False
    creatable: bool = True
    updatable: bool = True
    system: bool = False
    default: int | str | None = None
    base_of: str | None = None

    @property
    def polymorphic(self) -> bool:
        return len(self.targets) > 1


@dataclass(frozen=True, slots=True)
class AlternateKey:
    name: str
    columns: tuple[str, ...]


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


@dataclass(frozen=True)
class Table:
    """One entity set. `name` is the logical name (Dataverse) or the entity type's name (F&O)."""

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

    @property
    def id(self) -> str:
        """The primary key column of a Dataverse table."""
        return self.key[0]

    @property
    def sql(self) -> str:
        return f"{self.service}.{self.set}"

    def lookups(self) -> Iterator[Column]:
        return (each for each in self.columns.values() if each.type is Type.LOOKUP)

    def logical(self, name: str) -> Column | None:
        """The column that Dataverse's metadata calls `name`."""
        return self.columns.get(name) or self.columns.get(f"_{name}_value")

    def has(self, name: str) -> bool:
        return name in self.columns


@dataclass(frozen=True)
class ManyToMany:
    """An N:N relationship of two Dataverse tables; both sides navigate by its name."""

    name: str
    set: str
    tables: tuple[str, str]


@dataclass
class Catalog:
    """All tables of both services, by entity set; the navigation properties are woven by `link`."""

    tables: dict[str, Table] = field(default_factory=dict)
    many_to_many: dict[str, ManyToMany] = field(default_factory=dict)
    option_sets: dict[str, OptionSet] = field(default_factory=dict)
    by_name: dict[str, Table] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())

    def of(self, service: Service) -> list[Table]:
        return [table for table in self if table.service is service]

    def find(self, set_name: str, service: Service) -> Table | None:
        table = self.tables.get(set_name)
        return table if table and table.service is service else None

    def named(self, logical_name: str) -> Table:
        """The Dataverse table of a logical name."""
        return self.by_name[logical_name]

    def link(self) -> None:
        """Weave the navigation properties of all lookups into both tables of each."""
        self.by_name = {table.name: table for table in self.of(Service.DATAVERSE)}
        for table in self.of(Service.DATAVERSE):
            for column in table.lookups():
                self._weave(table, column)
        for relation in self.many_to_many.values():
            self._weave_both(relation)

    def _weave(self, table: Table, column: Column) -> None:
        for target in column.targets:
            other = self.by_name[target.table]
            there = Navigation(
                target.navigation,
                other.set,
                ((column.name, other.id),),
                False,
                column.name,
                source=table.set,
            )
            back = Navigation(
                target.back,
                table.set,
                ((other.id, column.name),),
                True,
                column.name,
                source=other.set,
            )
            table.navigations[there.name] = there
            other.navigations[back.name] = back

    def _weave_both(self, relation: ManyToMany) -> None:
        first, second = (self.by_name[name] for name in relation.tables)
        for near, far in ((first, second), (second, first)):
            between = Intersect(relation.set, near.id, far.id)
            near.navigations[relation.name] = Navigation(
                relation.name, far.set, ((near.id, far.id),), True, None, between, near.set
            )
