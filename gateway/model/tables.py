"""
The vocabulary in which a table is declared, once, for everyone who reads it.

A class decorated with `table` is a GraphQL type, and says where its rows live, who may see them,
which columns exist and how it hangs together with other tables. `TABLES` holds all of them.

Names are *logical*: the table `salesorder`, the column or lookup `msdyn_company`, the path
`msdyn_company/cdm_companycode` through a lookup, and `customerid_account` for the step of a lookup
that leads to several tables. What they are called on the wire is the business of
`gateway.upstream.names`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from gateway.model.declarations import (
    Back,
    Column,
    Computed,
    DeclarationError,
    Group,
    Inside,
    Link,
    Node,
    R,
    Row,
    ServiceName,
    Spec,
    Table,
    Written,
    named,
    selected,
)
from gateway.model.rules import Rule
from gateway.upstream.names import lookup_value

__all__ = [
    "TABLES",
    "Back",
    "Column",
    "Computed",
    "Group",
    "Link",
    "Node",
    "Row",
    "ServiceName",
    "Spec",
    "Table",
    "Written",
    "column",
    "column_of",
    "computed",
    "extend",
    "group",
    "link",
    "lookup",
    "path_of",
    "paths",
    "selected",
    "step_of",
    "table",
]

C = TypeVar("C")

TABLES: dict[str, Table] = {}
"""Every declared table, by the name of its GraphQL type."""


def column(path: str, doc: str, *, written: Written = "never", input: bool = False) -> Any:
    """
    A column: its logical name or the path to it, and what it means to a caller.

    `written` names the rows that may hold it when a mutation sends them. With `input` it is a field
    of the inputs of orders, or of their lines, that send such rows.
    """
    return Column(doc, path, written, input)


def lookup(
    path: str, doc: str, *, written: Written = "never", to: str = "", polymorphic: bool = False
) -> Any:
    """
    The id that a lookup holds: its logical name, or a path to it through other lookups.

    Where it is written, `to` is the table that it leads to, by its logical name; `polymorphic` is
    said of a lookup to rows of several tables.
    """
    steps, slash, name = path.rpartition("/")
    step = f"{name}_{to}" if polymorphic else name
    return Column(doc, f"{steps}{slash}{lookup_value(name)}", written, step=step, target=to)


def group(
    make: type,
    doc: str,
    *,
    essential: str | None = None,
    written: Written = "never",
    **parts: str,
) -> Any:
    """Several columns as one object: `group(Address, "...", city="shipto_city")`."""
    return Group(doc, make, parts, essential, written)


def link(
    on: str | Mapping[str, str],
    doc: str,
    *,
    back: str | None = None,
    back_doc: str = "",
    polymorphic: bool = False,
    inside: Inside = "",
    written: Written = "never",
) -> Any:
    """
    A lookup by its logical name, or a mapping of own columns to the target's.

    `back` names the connection on the target that leads here, described by `back_doc`.
    `polymorphic` is said of a lookup to rows of several tables. `inside` lets the target travel
    inside of the row (`up`), or the rows inside of the target too (`both`), where that is proved
    to be the same.
    """
    if isinstance(on, str):
        columns = {lookup_value(on): ""}
        return Link(doc, columns, back, back_doc, on, polymorphic, inside, written)
    return Link(doc, on, back, back_doc)


def computed(
    *uses: str, doc: str, reads: tuple[type[Row], ...] = (), loads: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Any]:
    """
    A method over the columns in `uses`; it is called with the request's loaders.

    `reads` names tables of which it needs every column, so that `capabilities` tell where an
    environment lacks one. `loads` names the classes of the rows that it loads, by which its cost
    is told beforehand.
    """
    return lambda function: Computed(doc, uses, function, reads, tuple(loads))


def table(
    entity: str,
    *,
    rows: Rule,
    needs: str,
    key: str | Mapping[str, type],
    order: str | Sequence[str] = (),
    root: tuple[str, str] | None = None,
    service: ServiceName = "dataverse",
    company: str = "",
    collection: str = "",
    kept: float = 0.0,
) -> Callable[[type[R]], type[R]]:
    """
    Declare a table: what it is called, who sees which rows, with what permission.

    `entity` is the logical name of a Dataverse table, or the public collection of F&O. `key` is the
    key column of a Dataverse table, or F&O's key columns with their types. `order` names the
    members by which a list is ordered unless the caller says otherwise. `root` gives the root
    fields for one row and for the list; without it a row is reached through links alone. `company`
    is the path to the legal entity that a row belongs to, whose zone tells its days. `collection`
    is the entity set of a table of yours, for the case that the metadata cannot be read. `kept`
    says that its rows are reference data, and for how many seconds they may be kept at most.
    """

    def declare(cls: type[R]) -> type[R]:
        keys = {key: UUID} if isinstance(key, str) else dict(key)
        orders = (order,) if isinstance(order, str) else tuple(order)
        _check_class(cls)
        specs = _specs(cls)
        cls.__table__ = Table(
            entity, service, keys, rows, needs, cls, orders, root, specs, company, collection, kept
        )
        for spec in specs.values():
            spec.home = cls.__table__
        TABLES[cls.__name__] = cls.__table__
        return cls

    return declare


def extend(target: type[Row]) -> Callable[[type[C]], type[C]]:
    """Add the members of the decorated class to a table that somebody else declared."""

    def declare(cls: type[C]) -> type[C]:
        if "__table__" not in vars(target):
            raise DeclarationError(f"{named(cls)} extends {named(target)}, which is no table")
        for name, spec in _specs(cls).items():
            taken = target.__table__.specs.get(name)
            if taken is not None and named(taken.owner) != named(cls):
                said = f"{target.__name__} has a member '{name}' already"
                raise DeclarationError(f"{spec.label}: {said}, of {named(taken.owner)}")
            spec.home = target.__table__
            setattr(target, name, spec)
            target.__table__.specs[name] = spec
        return cls

    return declare


def paths(cls: type[Row], *names: str) -> frozenset[str]:
    """The columns of the members `names`, or of all members."""
    specs = cls.__table__.specs
    return frozenset(path for name in names or specs for path in specs[name].paths)


def column_of(cls: type[Row], member: str, part: str = "") -> str:
    """
    The column of a member: of a link the value of its lookup, of a group that of a part, or else
    the essential one.
    """
    spec = cls.__table__.specs[member]
    if isinstance(spec, Group) and part:
        return spec.parts[part]
    return spec.scalar[0] if spec.scalar else spec.paths[0]


def path_of(cls: type[Row], link: str, target: type[Row], member: str) -> str:
    """The path from a row of `cls` along a link to the column of a member of its target."""
    return f"{step_of(cls, link)}/{column_of(target, member)}"


def step_of(cls: type[Row], member: str) -> str:
    """The lookup that a link follows, or whose id a member is."""
    spec = cls.__table__.specs[member]
    return spec.lookup if isinstance(spec, Link) else spec.step if isinstance(spec, Column) else ""


def _check_class(cls: type) -> None:
    """DeclarationError for a class that cannot be a table."""
    if not issubclass(cls, Row):
        raise DeclarationError(f"{named(cls)} must be a class of `Node` or `Row`")
    if not cls.__doc__:
        raise DeclarationError(f"{named(cls)} needs a docstring: it is the type's description")
    taken = TABLES.get(cls.__name__)
    if taken is not None and named(taken.cls) != named(cls):
        raise DeclarationError(f"{named(cls)}: the name is taken by {named(taken.cls)}")


def _specs(cls: type) -> dict[str, Spec]:
    return {name: spec for name, spec in vars(cls).items() if isinstance(spec, Spec)}
