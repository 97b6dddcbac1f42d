"""
Declarations: rows, tables, and the form that each kind of member has.

`gateway.model.tables` has the function that declares a table, `gateway.model.members` the kinds.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

from strawberry.utils.str_converters import to_camel_case

from gateway.model.kinds import OptionSet, without_none
from gateway.model.mistakes import DeclarationError as DeclarationError
from gateway.model.mistakes import named as named
from gateway.model.rules import Rule
from gateway.model.selected import selected as selected
from gateway.model.ways_to_values import Answering, Planning, Write
from gateway.upstream.conditions import Raw
from gateway.upstream.dialects import DIALECTS
from gateway.upstream.odata import Dialect, Order
from gateway.upstream.odata import ServiceName as ServiceName

Written = Literal["never", "create", "update", "always"]
"""The rows in which a column is written: in new ones, in changes, in both, or never by us."""
WrittenRow = tuple[dict[str, Any], dict[str, Any]]
"""The columns of a row as they are written, and as the row rule would see them."""
Has = Callable[..., bool]
"""True for a table, and columns of it, that an environment has: `has(table, *paths)`."""
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


class Member:
    """
    A member of a table. Each kind is a module of `gateway.model.members`, which says all of it:
    columns, filter, writing, hiding, its way in plans and its way on graphql-core.
    """

    name: str
    doc: str

    @property
    def paths(self) -> tuple[str, ...]:
        """The columns of its own row that the member needs."""
        return ()

    @property
    def told_by(self) -> "tuple[Table | None, tuple[str, ...]]":
        """The columns that tell its value, and the table that has them; None for its own."""
        return None, self.paths

    def paths_of(self, parts: Collection[str]) -> Iterable[str]:
        """The columns that it needs where only these of its parts are selected."""
        return self.paths

    @property
    def leads_to(self) -> "Table | None":
        """The table of the row that it leads to; None for other members."""
        return None

    @property
    def lists(self) -> "Table | None":
        """The table of the rows that it lists; None for other members."""
        return None

    def loaded(self, given: Collection[str], loaders: Any = None) -> Collection[str]:
        """The calls that its value takes with these arguments; see `ways_to_values`."""
        return ()

    @property
    def parameters(self) -> Mapping[str, tuple[Any, str]]:
        """The arguments of its field besides those of a list: the type and the text of each."""
        return {}

    @property
    def is_plain(self) -> bool:
        """True if the attribute of the row is its value, and nothing else is asked for it."""
        return False

    @property
    def is_waited_for(self) -> bool:
        """True if something is read for it."""
        return self.leads_to is not None or self.lists is not None

    def plan(self, planning: Planning) -> Write:
        """Plan what its value takes, in one of the ways of `planning`."""
        raise NotImplementedError

    def answer(self, row: Row, answering: Answering) -> Any:
        """Its value, or an awaitable of it, in one of the ways of `answering`."""
        raise NotImplementedError

    @property
    def part_names(self) -> tuple[str, ...]:
        """The parts of its value, if that is an object of several."""
        return ()

    @property
    def declared_by(self) -> type:
        """The class that declares it."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """The name of the member in messages: `module.Class.member`."""
        raise NotImplementedError

    @property
    def annotation(self) -> Any:
        """The type of its value, with None if it may be absent."""
        raise NotImplementedError

    @property
    def internal(self) -> bool:
        """True if the member serves the gateway alone and is not in the GraphQL schema."""
        return False

    @property
    def hideable(self) -> bool:
        """True if roles can hide it: it may be null, and not every read needs it."""
        return True


@dataclass(eq=False)
class Spec(Member):
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
    def annotation(self) -> Any:
        return self.type | None if self.optional else self.type

    @property
    def declared_by(self) -> type:
        return self.owner

    @property
    def internal(self) -> bool:
        return self.name.startswith("_")

    @property
    def hideable(self) -> bool:
        return self.optional and self.home.key.keys().isdisjoint(self.paths)

    @property
    def own_paths(self) -> tuple[str, ...]:
        """The columns that hold its value, which are hidden with it."""
        return self.paths

    @property
    def typed_paths(self) -> Iterable[tuple[str, Any]]:
        """Its columns with their types; None for those of any type."""
        return [(path, None) for path in self.paths]

    @property
    def scalar(self) -> tuple[str, type] | None:
        """The column by which lists may be filtered and ordered, and its type; None without one."""
        return None

    @property
    def compared(self) -> tuple[str, type] | None:
        """The column by which lists may be filtered, and its type: that of an id is UUID."""
        return self.scalar

    def column(self, part: str = "") -> str:
        """The column that stands for it, or for a part of it."""
        return self.scalar[0] if self.scalar else self.paths[0]

    @property
    def followed(self) -> str:
        """The lookup that it follows, or whose id it is; empty for others."""
        return ""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps by which rows of other tables travel inside of its row."""
        return ()

    @property
    def comes_inside(self) -> bool:
        """True if rows of its table travel inside of the rows that it leads to."""
        return False

    @property
    def is_input(self) -> bool:
        """True if callers give it in the inputs of orders."""
        return False

    @property
    def writing(self) -> Written:
        """The rows in which it is written."""
        return "never"

    def write(self, value: object) -> WrittenRow:
        """A value of it as it is written, and as the row rule would see it."""
        raise DeclarationError(f"{self.label} cannot be written")

    def is_there(self, has: Has) -> bool:
        """True if it can hold anything in an environment that has these tables and columns."""
        return any(has(self.home, path) for path in self.paths)

    @property
    def untyped(self) -> str:
        """The mistake in a declaration that has no annotation."""
        return f"{self.label} needs a type: `{self.name}: str | None = ...`"

    def mistakes(self) -> Iterator[str]:
        """The mistakes in a declaration whose type is known."""
        yield from ()


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
    essential: bool = False
    """True if nothing can do without the table; others are left out where they may not be read."""
    backs: dict[str, Member] = field(default_factory=dict)
    """The far ends of links that lead here."""
    narrowings: dict[str, Any] = field(default_factory=dict)
    """The further arguments of the root list, as `narrows` declares them, by name."""

    @cached_property
    def name(self) -> str:
        return self.cls.__name__

    @cached_property
    def dialect(self) -> Dialect:
        """The service that has the table, and the facts about its rows."""
        return DIALECTS[self.service]

    @property
    def key_column(self) -> str:
        """The key column of a table of Dataverse."""
        (column,) = self.key
        return column

    @cached_property
    def default_order(self) -> tuple[Order, ...]:
        """The order of a list that asks for none; a `-` before the name means descending."""
        return tuple(self._ordering(name) for name in self.order)

    @property
    def members(self) -> dict[str, Member]:
        """All members by the name that GraphQL gives them."""
        members: dict[str, Member] = {**self.specs, **self.backs}
        return {to_camel_case(name): member for name, member in members.items()}

    @property
    def has_feed(self) -> bool:
        """True if its service tells which rows of it changed."""
        return self.dialect.has_feeds

    @property
    def visible(self) -> dict[str, Spec]:
        """The members that are fields of the GraphQL type."""
        return {name: spec for name, spec in self.specs.items() if not spec.internal}

    @cached_property
    def filterable(self) -> Mapping[str, Spec]:
        """The visible members with a column to filter on, by the name that GraphQL gives them."""
        return {to_camel_case(name): spec for name, spec in self.visible.items() if spec.compared}

    @property
    def sortable(self) -> dict[str, Spec]:
        """The visible members with a column of the table's own; a path cannot be ordered by."""
        return {
            name: spec
            for name, spec in self.visible.items()
            if spec.scalar and "/" not in spec.scalar[0] and self._ordered(spec.scalar[1])
        }

    def _ordered(self, type_: type) -> bool:
        """False for what is an enumeration in F&O, as those are compared for equality alone."""
        return self.dialect.has_booleans or not issubclass(type_, bool | OptionSet)

    @cached_property
    def scalars(self) -> Mapping[str, type]:
        """The types of all columns by which the table can be ordered, its key among them."""
        members = dict(spec.scalar for spec in self.specs.values() if spec.scalar is not None)
        if self.dialect.stores_days_as_times:
            members = {path: datetime if t is date else t for path, t in members.items()}
        return members | dict(self.key)

    def members_changed(self) -> None:
        """Forget what was worked out of the members that the table had before."""
        for name in ("filterable", "scalars"):
            vars(self).pop(name, None)

    @property
    def days(self) -> frozenset[str]:
        """The columns that hold days without a time."""
        scalars = (spec.scalar for spec in self.specs.values() if spec.scalar is not None)
        if self.dialect.stores_days_as_times:
            return frozenset()
        return frozenset(path for path, type_ in scalars if type_ is date)

    @property
    def all_paths(self) -> frozenset[str]:
        """Every column and path that may be asked for: by members, by the key, by the row rule."""
        own = [*self.key, *self.rule.columns, *([self.company] if self.company else [])]
        members = (path for spec in self.specs.values() for path in (*spec.steps, *spec.paths))
        return frozenset([*own, *members])

    def scalar_of(self, name: str) -> str:
        """The column of the member `name`."""
        scalar = self.specs[name].scalar
        if scalar is None:
            raise TypeError(f"{self.name}.{name} is not a single column")
        return scalar[0]

    def _ordering(self, name: str) -> Order:
        return Order(self.scalar_of(name.lstrip("-")), name.startswith("-"))
