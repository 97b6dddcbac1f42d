"""
The vocabulary in which a table is declared, once, for everyone who reads it.

A class decorated with `table` is a GraphQL type, and says where its rows live, who may see them,
which columns exist and how it hangs together with other tables. `TABLES` holds all of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from strawberry.utils.str_converters import to_camel_case

from gateway.kinds import Decode, decoder
from gateway.rules import Rule
from gateway.upstream.conditions import Raw, value_at
from gateway.upstream.odata import Order

ServiceName = Literal["dataverse", "finops"]


class Row:
    """One row that the reader has let through. Its columns decode when they are asked for."""

    __table__: ClassVar["Table"]

    def __init__(self, raw: Raw) -> None:
        self.raw = raw


class Node(Row):
    """A row with a key of its own, which `node(id:)` finds again."""


R = TypeVar("R", bound=Row)
C = TypeVar("C")


@dataclass(eq=False)
class Spec:
    """One declared member of a table. `doc` is its description in the GraphQL schema."""

    doc: str
    name: str = field(default="", init=False)
    owner: type = field(default=object, init=False)
    type: Any = field(default=None, init=False)
    optional: bool = field(default=False, init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def bind(self, annotation: Any) -> None:
        """Take the annotation: what the member is, and whether it may be absent."""
        self.type, self.optional = _without_none(annotation)

    @property
    def internal(self) -> bool:
        """Whether the member serves the gateway alone and is not in the GraphQL schema."""
        return self.name.startswith("_")

    @property
    def paths(self) -> tuple[str, ...]:
        """The columns of its own row that the member needs."""
        return ()

    @property
    def scalar(self) -> tuple[str, type] | None:
        """The column by which lists may be filtered and ordered, and its type; None without one."""
        return None


@dataclass(eq=False)
class Column(Spec):
    """A value at one column, or at a path through lookups: `msdyn_company/cdm_companycode`."""

    path: str
    decode: Decode = field(default=lambda raw: raw, init=False)

    def bind(self, annotation: Any) -> None:
        super().bind(annotation)
        self.decode = decoder(self.type)

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def scalar(self) -> tuple[str, type]:
        return self.path, self.type

    def __get__(self, row: Row | None, owner: type) -> Any:
        return self if row is None else self.decode(selected(row.raw, self.path))


@dataclass(eq=False)
class Group(Spec):
    """Several columns as one value object; each of its fields names a column or a path."""

    make: Callable[..., Any]
    parts: Mapping[str, str]
    essential: str | None
    """The part without which there is no value, and which stands for it in filters and orders."""
    decoders: Mapping[str, Decode] = field(default_factory=dict, init=False)

    def bind(self, annotation: Any) -> None:
        super().bind(annotation)
        self.decoders = {part: decoder(self.part_type(part)) for part in self.parts}

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.parts.values())

    @property
    def scalar(self) -> tuple[str, type] | None:
        if self.essential is None:
            return None
        return self.parts[self.essential], self.part_type(self.essential)

    def paths_of(self, parts: Iterable[str]) -> set[str]:
        """The columns that these parts need, and the essential one."""
        wanted = {self.essential, *parts}
        return {path for part, path in self.parts.items() if part in wanted}

    def __get__(self, row: Row | None, owner: type) -> Any:
        if row is None:
            return self
        values = {
            part: self.decoders[part](value_at(row.raw, path)) for part, path in self.parts.items()
        }
        asked = [self.essential] if self.essential else list(values)
        return self.make(**values) if any(values[part] is not None for part in asked) else None

    def part_type(self, part: str) -> Any:
        """What a part is, whether or not it may be absent."""
        return _without_none(get_type_hints(self.make)[part])[0]


@dataclass(eq=False)
class Link(Spec):
    """
    Columns of this row that name a row of another table.

    `on` maps this table's columns to the target's. `back` names the connection that the target
    gets to the rows of this table; the target's module never names its children.
    """

    on: Mapping[str, str]
    back: str | None
    back_doc: str
    navigation: str = ""
    """The property of Dataverse that leads where the link does; empty where none is declared."""
    collection: str = ""
    """The property of the target that leads to the rows of this table."""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.on)

    @property
    def target(self) -> "Table":
        declared: Table = self.type.__table__
        return declared

    @property
    def target_paths(self) -> tuple[str, ...]:
        """The target's columns in the order of `paths`; its key where `on` names none."""
        return tuple(self.on.values()) if all(self.on.values()) else tuple(self.target.key)

    @cached_property
    def by_guid(self) -> bool:
        """Whether the link travels as a GUID, as every lookup of Dataverse does."""
        return any(path.rpartition("/")[2].endswith("_value") for path in self.on)


@dataclass(eq=False)
class Computed(Spec):
    """A value that a method works out from columns of its own row, and from rows linked to it."""

    uses: tuple[str, ...]
    function: Callable[..., Any]

    def bind(self, annotation: Any) -> None:
        super().bind(get_type_hints(self.function)["return"])

    def __get__(self, row: Row | None, owner: type) -> Any:
        return self if row is None else partial(self.function, row)

    @property
    def paths(self) -> tuple[str, ...]:
        return self.uses


@dataclass(frozen=True, eq=False)
class Back:
    """The far end of a link: a connection from the parent to the rows that point at it."""

    name: str
    doc: str
    child: "Table"
    link: Link

    @property
    def paths(self) -> tuple[str, ...]:
        """The columns of the parent's row that the connection needs."""
        return self.link.target_paths


@dataclass(eq=False)
class Table:
    """Everything that is declared about one table."""

    collection: str
    service: ServiceName
    key: Mapping[str, type]
    """Key columns and their types: the GUID of a Dataverse row, or F&O's composite key."""
    rule: Rule
    needs: str
    cls: type[Row]
    order: tuple[str, ...]
    root: tuple[str, str] | None
    specs: dict[str, Spec]
    backs: dict[str, Back] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        return self.cls.__name__

    @cached_property
    def default_order(self) -> tuple[Order, ...]:
        """The order of a list that asks for none; a `-` before the name means descending."""
        return tuple(self._ordering(name) for name in self.order)

    @property
    def members(self) -> dict[str, Spec | Back]:
        """All members by the name that GraphQL gives them."""
        return {to_camel_case(name): member for name, member in (self.specs | self.backs).items()}

    @property
    def visible(self) -> dict[str, Spec]:
        """The members that are fields of the GraphQL type."""
        return {name: spec for name, spec in self.specs.items() if not spec.internal}

    @property
    def filterable(self) -> dict[str, Spec]:
        """The visible members with a column to filter on, by the name that GraphQL gives them."""
        return {
            to_camel_case(name): spec
            for name, spec in self.visible.items()
            if spec.scalar or (isinstance(spec, Link) and spec.by_guid and len(spec.on) == 1)
        }

    @property
    def sortable(self) -> dict[str, Spec]:
        """The visible members with a column of the table's own; a path cannot be ordered by."""
        return {
            name: spec
            for name, spec in self.visible.items()
            if spec.scalar and "/" not in spec.scalar[0] and self._ordered(spec.scalar[1])
        }

    def _ordered(self, type_: type) -> bool:
        """F&O compares the members of an enumeration for equality alone, and has no booleans."""
        return self.service == "dataverse" or type_ is not bool

    @property
    def scalars(self) -> dict[str, type]:
        """The types of all columns by which the table can be ordered, its key among them."""
        members = dict(spec.scalar for spec in self.specs.values() if spec.scalar is not None)
        if self.service == "finops":
            # A day of F&O is stored, and so ordered, with a time.
            members = {path: datetime if t is date else t for path, t in members.items()}
        return members | dict(self.key)

    def scalar_of(self, name: str) -> str:
        """The column of the member `name`."""
        scalar = self.specs[name].scalar
        if scalar is None:
            raise TypeError(f"{self.name}.{name} is not a single column")
        return scalar[0]

    def _ordering(self, name: str) -> Order:
        return Order(self.scalar_of(name.lstrip("-")), name.startswith("-"))


TABLES: dict[str, Table] = {}
"""Every declared table, by the name of its GraphQL type."""


def column(path: str, doc: str) -> Any:
    """A column: its name upstream, and what it means to a caller."""
    return Column(doc, path)


def group(make: type, doc: str, *, essential: str | None = None, **parts: str) -> Any:
    """Several columns as one object: `group(Address, "...", city="shipto_city")`."""
    return Group(doc, make, parts, essential)


def link(
    on: str | Mapping[str, str],
    doc: str,
    *,
    back: str | None = None,
    back_doc: str = "",
    navigation: str = "",
    collection: str = "",
) -> Any:
    """
    A lookup column that holds the target's key, or a mapping of own columns to the target's.

    `back` names the connection on the target that leads here, described by `back_doc`.
    `navigation` and `collection` are the navigation properties of both ends: with them the rows may
    travel inside of one another where that is proved to be the same.
    """
    columns = {on: ""} if isinstance(on, str) else on
    return Link(doc, columns, back, back_doc, navigation, collection)


def computed(*uses: str, doc: str) -> Callable[[Callable[..., Any]], Any]:
    """A method over the columns in `uses`; it is called with the request's loaders."""
    return lambda function: Computed(doc, uses, function)


def table(
    collection: str,
    *,
    rows: Rule,
    needs: str,
    key: str | Mapping[str, type],
    order: str | Sequence[str] = (),
    root: tuple[str, str] | None = None,
    service: ServiceName = "dataverse",
) -> Callable[[type[R]], type[R]]:
    """
    Declare a table: the entity set it is read from, who sees which rows, with what permission.

    `key` is the key column of a Dataverse table, or F&O's key columns with their types. `order`
    names the members by which a list is ordered unless the caller says otherwise. `root` gives the
    root fields for one row and for the list; without it a row is reached through links alone.
    """

    def declare(cls: type[R]) -> type[R]:
        keys = {key: UUID} if isinstance(key, str) else dict(key)
        orders = (order,) if isinstance(order, str) else tuple(order)
        if not cls.__doc__:
            raise TypeError(f"{cls.__name__} needs a docstring: it is the type's description")
        specs = _specs(cls)
        cls.__table__ = Table(collection, service, keys, rows, needs, cls, orders, root, specs)
        TABLES[cls.__name__] = cls.__table__
        return cls

    return declare


def extend(target: type[Row]) -> Callable[[type[C]], type[C]]:
    """Add the members of the decorated class to a table that somebody else declared."""

    def declare(cls: type[C]) -> type[C]:
        for name, spec in _specs(cls).items():
            if name in target.__table__.specs:
                raise TypeError(f"{target.__name__} has a member '{name}' already")
            setattr(target, name, spec)
            target.__table__.specs[name] = spec
        return cls

    return declare


def paths(cls: type[Row], *names: str) -> frozenset[str]:
    """The columns of the members `names`, or of all members."""
    specs = cls.__table__.specs
    return frozenset(path for name in names or specs for path in specs[name].paths)


def selected(raw: Raw, path: str) -> Any:
    """The value at `path`; LookupError if it was never asked for, which would read as null."""
    if path.partition("/")[0] not in raw:
        raise LookupError(f"'{path}' was not selected")
    return value_at(raw, path)


def _specs(cls: type) -> dict[str, Spec]:
    return {name: spec for name, spec in vars(cls).items() if isinstance(spec, Spec)}


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """`T | None` -> (T, True); anything else -> (itself, False)."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    inner = [part for part in get_args(annotation) if part is not NoneType]
    return inner[0], True
