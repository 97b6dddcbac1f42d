"""
The vocabulary in which a table is declared, once, for everyone who reads it.

A class decorated with `table` is a GraphQL type, and says where its rows live, who may see them,
which columns exist and how it hangs together with other tables. `TABLES` holds all of them.

Names are *logical*: the table `salesorder`, the column or lookup `msdyn_company`, the path
`msdyn_company/cdm_companycode` through a lookup, and `customerid_account` for the step of a lookup
that leads to several tables. What they are called on the wire is the business of
`gateway.upstream.names`.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from gateway.model.checks import class_mistakes, extension_mistakes, table_mistakes
from gateway.model.declarations import (
    DeclarationError,
    Member,
    Node,
    R,
    Row,
    ServiceName,
    Spec,
    Table,
    Written,
    named,
)
from gateway.model.members.back import Back
from gateway.model.members.column import Column, column, lookup
from gateway.model.members.computed import Computed, computed
from gateway.model.members.group import Group, group
from gateway.model.members.link import Link, link
from gateway.model.rules import Rule
from gateway.model.selected import selected

__all__ = [
    "TABLES",
    "Back",
    "Column",
    "Computed",
    "Group",
    "Link",
    "Member",
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
    essential: bool = False,
) -> Callable[[type[R]], type[R]]:
    """
    Declare the decorated class, a `Node` or `Row` with a docstring, as a table.

    `entity` is the logical name of a Dataverse table, or the public collection of F&O. `rows` is
    the row rule, and `needs` the permission that a caller must hold. `key` is the key column of a
    Dataverse table, or F&O's key columns with their types. `order` names the members by which a
    list is sorted by default; `-name` is descending. `root` names the root fields for one row and
    for the list; without it, rows are reached only through links. Set `service` to "finops" for a
    collection of F&O. `company` is the path to a row's legal entity, whose time zone defines its
    days. `collection` is the entity set, used if the metadata cannot be read. `kept` declares the
    rows as reference data, which may be cached for that many seconds. A table that may not be read
    answers NOT_AVAILABLE_HERE, but UPSTREAM_REFUSED if it is `essential`. DeclarationError for a
    class that cannot be a table.

    Example:

        @table("acme_plant", collection="acme_plants", key="acme_plantid", rows=everyone,
               needs="catalog", order="name", root=("plant", "plants"))
        class Plant(Node):
            '''A plant of the seller's.'''

            name: str | None = column("acme_name", "The name of the plant.")

        # { plants { nodes { id name } totalCount } }
    """

    def declare(cls: type[R]) -> type[R]:
        keys: Mapping[str, type] = {key: UUID} if isinstance(key, str) else dict(key)
        orders = (order,) if isinstance(order, str) else tuple(order)
        _check_class(cls)
        specs = _specs(cls)
        declared = Table(
            entity,
            service,
            keys,
            rows,
            needs,
            cls,
            orders,
            root,
            specs,
            company,
            collection,
            kept,
            essential,
        )
        if mistakes := [*table_mistakes(declared), *class_mistakes(cls)]:
            raise DeclarationError("\n".join(mistakes))
        cls.__table__ = TABLES[cls.__name__] = declared
        for spec in specs.values():
            spec.home = declared
        return cls

    return declare


def extend(target: type[Row]) -> Callable[[type[C]], type[C]]:
    """
    Add the members of the decorated class to the table `target` of another module.

    DeclarationError if `target` is not a table or has a member of the same name.

    Example:

        @extend(SalesOrder)
        class AcmeCosts:
            cost_centre: str | None = column("acme_costcentre", "The cost centre of the buyer.")

        # { orders(filter: { costCentre: { eq: "X" } }) { nodes { costCentre } } }
    """
    _check_target(target)

    def declare(cls: type[C]) -> type[C]:
        if "__table__" not in vars(target):
            raise DeclarationError(f"{named(cls)} extends {named(target)}, which is not a table")
        if mistakes := [*extension_mistakes(cls, target)]:
            raise DeclarationError("\n".join(mistakes))
        for name, spec in _specs(cls).items():
            taken = target.__table__.specs.get(name)
            if taken is not None and named(taken.owner) != named(cls):
                said = f"{target.__name__} already has a member '{name}'"
                raise DeclarationError(f"{spec.label}: {said}, of {named(taken.owner)}")
            spec.home = target.__table__
            setattr(target, name, spec)
            target.__table__.specs[name] = spec
        return cls

    return declare


def paths(cls: type[Row], *names: str) -> frozenset[str]:
    """
    The columns and paths that the members `names` of a table read, or all members without names.

    Pass them to the methods of `Loaders`. KeyError for a name that is not a member.

    Example:

        assert paths(Account, "number", "name") == {"accountnumber", "name"}
    """
    specs = cls.__table__.specs
    return frozenset(path for name in names or specs for path in specs[name].paths)


def column_of(cls: type[Row], member: str, part: str = "") -> str:
    """
    The column of a member: of a link the value of its lookup, of a group that of a part, or else
    the essential one.
    """
    return cls.__table__.specs[member].column(part)


def path_of(cls: type[Row], link: str, target: type[Row], member: str) -> str:
    """The path from a row of `cls` along a link to the column of a member of its target."""
    return f"{step_of(cls, link)}/{column_of(target, member)}"


def step_of(cls: type[Row], member: str) -> str:
    """The lookup that a link follows, or whose id a member is."""
    return cls.__table__.specs[member].followed


def _check_class(cls: type) -> None:
    """DeclarationError for a class that cannot be a table."""
    if not issubclass(cls, Row):
        raise DeclarationError(f"{named(cls)} must be a subclass of `Node` or `Row`")
    if not cls.__doc__:
        without = "; PYTHONOPTIMIZE=2 takes them all away" if sys.flags.optimize > 1 else ""
        needs = f"{named(cls)} needs a docstring, which is the type's description"
        raise DeclarationError(needs + without)
    taken = TABLES.get(cls.__name__)
    if taken is not None and named(taken.cls) != named(cls):
        raise DeclarationError(f"{named(cls)}: the name is taken by {named(taken.cls)}")


def _check_target(target: object) -> None:
    """DeclarationError for `extend` without the table: what it got is the class below it."""
    if isinstance(target, type) and ("__table__" in vars(target) or not _specs(target)):
        return
    said = named(target) if isinstance(target, type) else repr(target)
    raise DeclarationError(f"{said}: `extend` takes the table: `@extend(SalesOrder)`")


def _specs(cls: type) -> dict[str, Spec]:
    return {name: spec for name, spec in vars(cls).items() if isinstance(spec, Spec)}
