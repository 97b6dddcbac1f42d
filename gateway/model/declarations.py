"""
Declarations: tables and their members (columns, groups, links, computed values).

`gateway.model.tables` has the functions that declare them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, cached_property, partial
from typing import Any, ClassVar, Literal, TypeVar, get_type_hints

from strawberry.utils.str_converters import to_camel_case

from gateway.model.kinds import Decode, decoder, incomplete, without_none
from gateway.model.mistakes import DeclarationError as DeclarationError
from gateway.model.mistakes import named as named
from gateway.model.rules import Rule
from gateway.model.selected import is_selected
from gateway.model.selected import selected as selected
from gateway.upstream.conditions import Raw, value_at
from gateway.upstream.odata import Order

ServiceName = Literal["dataverse", "finops"]
Written = Literal["never", "create", "update", "always"]
"""The rows in which a column is written: in new ones, in changes, in both, or never by us."""
Inside = Literal["", "up", "both"]
"""The target inside of the row that points at it (`up`), and the rows inside of the target too."""


class Row:
    """
    The base class of tables whose rows have no global id, such as rows of F&O without a key.

    An instance is one row that the caller may see. A column is decoded when it is read; a column
    that was not selected raises LookupError.

    Example:

        @table("acme_offer", collection="acme_offers", key="acme_offerid", rows=everyone,
               needs="catalog", order="title", root=("offer", "offers"))
        class Offer(Row):
            '''A current offer, which has no id of its own.'''

            title: str | None = column("acme_title", "The title of the offer.")

        # { offers { nodes { title } } }
    """

    __table__: ClassVar["Table"]

    def __init__(self, raw: Raw) -> None:
        self.raw = raw


class Node(Row):
    """
    The base class of tables whose rows have a global id, which `node(id:)` finds again.

    Example:

        @table("acme_depot", collection="acme_depots", key="acme_depotid", rows=everyone,
               needs="catalog", order="code", root=("depot", "depots"))
        class Depot(Node):
            '''A depot where goods can be collected.'''

            code: str | None = column("acme_code", "The code of the depot.")

        # { depots { nodes { id code } } }
    """


R = TypeVar("R", bound=Row)
C = TypeVar("C")
_types = cache(get_type_hints)


@dataclass(eq=False)
class Spec:
    """One declared member of a table. `doc` is its description in the GraphQL schema."""

    doc: str
    name: str = field(default="", init=False)
    owner: type = field(default=object, init=False)
    """The class that declares the member: the table's own, or one that extends it."""
    home: "Table" = field(init=False)
    """The table that it is a member of."""
    type: Any = field(default=None, init=False)
    optional: bool = field(default=False, init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def bind(self, annotation: Any) -> None:
        """Take the annotation: what the member is, and whether it may be absent."""
        self.type, self.optional = without_none(annotation)

    @property
    def label(self) -> str:
        """The name of the member in messages: `module.Class.member`."""
        return named(self.owner, self.name)

    @property
    def internal(self) -> bool:
        """True if the member serves the gateway alone and is not in the GraphQL schema."""
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
    written: Written = "never"
    """The rows in which we may write it."""
    input: bool = False
    """True if callers give it in the inputs of orders."""
    step: str = ""
    """The lookup whose id it is, as it is written; empty for any other column."""
    target: str = ""
    """The table to which that leads, by its logical name; empty where it is never written."""
    decode: Decode = field(default=lambda raw: raw, init=False)

    def bind(self, annotation: Any) -> None:
        super().bind(annotation)
        self.decode = decoder(self.type)

    @property
    def is_day(self) -> bool:
        """True if it is a day of Dataverse, which depends on the zone in which it was typed."""
        return self.type is date and self.home.service == "dataverse"

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

    make: type
    parts: Mapping[str, str]
    essential: str | None
    """The part without which there is no value, and which stands for it in filters and orders."""
    written: Written = "never"
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
        """The columns that these parts and the essential one need; all where nothing tells more."""
        wanted = {self.essential, *parts}
        return {path for part, path in self.parts.items() if part in wanted} or {*self.paths}

    def __get__(self, row: Row | None, owner: type) -> Any:
        if row is None:
            return self
        read = {part: path for part, path in self.parts.items() if is_selected(row.raw, path)}
        values = {part: self.decoders[part](value_at(row.raw, path)) for part, path in read.items()}
        asked = [self.essential] if self.essential else list(read)
        if not read or not read.keys() >= set(asked):
            raise LookupError(f"'{self.name}' was not selected")
        stands = any(values[part] is not None for part in asked)
        whole = len(values) == len(self.parts)
        make = self.make if whole else partial(incomplete, self.make)
        return make(**values) if stands else None

    def part_type(self, part: str) -> Any:
        """The type of a part without None, which says only that it may be absent."""
        return without_none(_types(self.make)[part])[0]


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
    lookup: str = ""
    """The lookup that the link follows; empty if it joins by other columns."""
    polymorphic: bool = False
    """True if the lookup leads to rows of several tables, of which the link takes one."""
    inside: Inside = ""
    """The rows that `$expand` may send inside one another, if a plan proves it equivalent."""
    written: Written = "never"

    @property
    def navigation(self) -> str:
        """The step that leads where the link does; empty where rows never travel so."""
        if not self.inside:
            return ""
        return f"{self.lookup}_{self.target.entity}" if self.polymorphic else self.lookup

    @property
    def collection(self) -> str:
        """The step that leads from the target to the rows of this table."""
        return f"{self.home.entity}.{self.lookup}" if self.inside == "both" else ""

    def __get__(self, row: Row | None, owner: type) -> Any:
        if row is None:
            return self
        raise LookupError(f"'{self.name}' is a link: load it with `loaders.one`")

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
        """True if the link travels as a GUID, as every lookup of Dataverse does."""
        return any(path.rpartition("/")[2].endswith("_value") for path in self.on)


@dataclass(eq=False)
class Computed(Spec):
    """A value that a method works out from columns of its own row, and from rows linked to it."""

    uses: tuple[str, ...]
    function: Callable[..., Any]
    reads: tuple[type[Row], ...] = ()
    """The tables without whose columns it has no value."""
    loads: tuple[str, ...] = ()
    """The tables of the rows that it loads, by class; those of a level are loaded by one call."""

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

    entity: str
    """The logical name of a Dataverse table, or the public collection of F&O."""
    service: ServiceName
    key: Mapping[str, type]
    """Key columns and their types: the GUID of a Dataverse row, or F&O's composite key."""
    rule: Rule
    needs: str
    cls: type[Row]
    order: tuple[str, ...]
    root: tuple[str, str] | None
    specs: dict[str, Spec]
    company: str = ""
    """The path to the code of the legal entity that a row belongs to."""
    collection: str = ""
    """The entity set, for a table that neither metadata nor dictionary may know."""
    kept: float = 0.0
    """Seconds for which its rows may be kept at most, as they are reference data; 0 for others."""
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

    @property
    def days(self) -> frozenset[str]:
        """The columns of Dataverse that hold days; those of F&O are compared by its dialect."""
        scalars = (spec.scalar for spec in self.specs.values() if spec.scalar is not None)
        if self.service == "finops":
            return frozenset()
        return frozenset(path for path, type_ in scalars if type_ is date)

    @property
    def all_paths(self) -> frozenset[str]:
        """Every column and path that may be asked for: by members, by the key, by the row rule."""
        own = [*self.key, *self.rule.columns, *([self.company] if self.company else [])]
        steps = [spec.navigation for spec in self.specs.values() if isinstance(spec, Link)]
        members = (path for spec in self.specs.values() for path in spec.paths)
        return frozenset([*own, *filter(None, steps), *members])

    def scalar_of(self, name: str) -> str:
        """The column of the member `name`."""
        scalar = self.specs[name].scalar
        if scalar is None:
            raise TypeError(f"{self.name}.{name} is not a single column")
        return scalar[0]

    def _ordering(self, name: str) -> Order:
        return Order(self.scalar_of(name.lstrip("-")), name.startswith("-"))
