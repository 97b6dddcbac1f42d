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
    Declare a member that reads one column.

    `path` is the column's logical name, or a path to it through lookups (`acme_plant/acme_name`);
    `doc` is the description of the GraphQL field. The annotation gives the type: `str`, `int`,
    `Decimal`, `bool`, `date`, `datetime`, `UUID` or an `OptionSet`. With `| None` the field is
    nullable; without it, a null from Dynamics is an error at the field. `written` allows mutations
    to write the column in new rows ("create"), in changes ("update") or in both ("always"). With
    `input`, the member of an order or line is also a field of the inputs of the mutations that
    write such rows. Any other type is a DeclarationError at start.

    Example:

        @extend(Account)
        class AcmeAccount:
            region: str | None = column("acme_region", "The sales region.")

        # { accounts { nodes { name region } } }
    """
    return Column(doc, path, written, input)


def lookup(
    path: str, doc: str, *, written: Written = "never", to: str = "", polymorphic: bool = False
) -> Any:
    """
    Declare a member that reads the id in a lookup; annotate it with `UUID | None`.

    `path` is the lookup's logical name, or a path to it through other lookups. A name with a
    leading underscore keeps the member out of the schema, for use by computed members and
    mutations. `written` is as in `column`; a written lookup needs `to`, the logical name of the
    table that it leads to, and `polymorphic` if it can lead to rows of several tables.

    Example:

        @extend(SalesOrder)
        class AcmePlantOfOrder:
            _plant_id: UUID | None = lookup("acme_plantid", "The plant that makes the goods.")
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
    """
    Declare a member that reads several columns as one object of the type `make`.

    The keyword arguments `parts` map the attributes of `make` to columns or paths. `essential`
    names the part without which the object is null; lists are filtered and sorted by it. Without
    it, the object is null if all parts are. `written` is as in `column`. A part that `make` does
    not have is a DeclarationError at start.

    Example:

        @type(description="The size of a product, in metres.")
        class Size:
            length: Decimal | None = field(description="The length.")
            width: Decimal | None = field(description="The width.")


        @extend(Product)
        class AcmeSize:
            size: Size | None = group(
                Size, "The size of the product.", length="acme_length", width="acme_width"
            )

        # { products(first: 1) { nodes { size { length width } } } }
    """
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
    Declare a member that leads to a row of another table, under the row rule of that table.

    The annotation names the target: `Account | None`. `on` is the logical name of a lookup, or a
    mapping of this table's columns to the target's. `back` adds a connection of that name to the
    target, which lists the rows that lead there; `back_doc` describes it. Set `polymorphic` for a
    lookup to rows of several tables. `inside` allows `$expand` where a plan proves that the answer
    is the same: "up" for the target inside the row, "both" for the rows inside the target too.
    `written` is as in `column`. A target that is not a table, or a name that the target has
    already, is a DeclarationError at start.

    Example:

        @extend(Machine)
        class AcmeKeeper:
            keeper: Contact | None = link(
                "acme_contactid", "The person who looks after the machine.", back="kept_machines"
            )

        # { machines { nodes { keeper { name keptMachines { totalCount } } } } }
    """
    if isinstance(on, str):
        columns = {lookup_value(on): ""}
        return Link(doc, columns, back, back_doc, on, polymorphic, inside, written)
    return Link(doc, on, back, back_doc)


def computed(
    *uses: str, doc: str, reads: tuple[type[Row], ...] = (), loads: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Any]:
    """
    Declare a member whose value a method computes from other columns of the row.

    `uses` are the columns or paths that the method reads; a column that is missing here raises
    LookupError when the method reads it. The method gets the request's `Loaders` and must name the
    type that it returns. It may be `async`; then the type must end in `| None`. `reads` names
    tables of which it needs every column: if an environment lacks one, `capabilities` lists the
    member as missing. `loads` names the classes of the rows that it loads, for the prediction of
    what a query costs.

    Example:

        @extend(Product)
        class AcmeArea:
            _length: Decimal | None = column("acme_length", "The length in metres.")
            _width: Decimal | None = column("acme_width", "The width in metres.")

            @computed("acme_length", "acme_width", doc="The area in square metres.")
            def area(self, loaders: Loaders) -> Decimal | None:
                return self._length * self._width if self._length and self._width else None

        # { products(first: 1) { nodes { area } } }
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
    Declare the decorated class, a `Node` or `Row` with a docstring, as a table.

    `entity` is the logical name of a Dataverse table, or the public collection of F&O. `rows` is
    the row rule, and `needs` the permission that a caller must hold. `key` is the key column of a
    Dataverse table, or F&O's key columns with their types. `order` names the members by which a
    list is sorted by default; `-name` is descending. `root` names the root fields for one row and
    for the list; without it, rows are reached only through links. Set `service` to "finops" for a
    collection of F&O. `company` is the path to a row's legal entity, whose time zone defines its
    days. `collection` is the entity set, used if the metadata cannot be read. `kept` declares the
    rows as reference data, which may be cached for that many seconds. DeclarationError for a class
    that cannot be a table.

    Example:

        @table("acme_plant", collection="acme_plants", key="acme_plantid", rows=everyone,
               needs="catalog", order="name", root=("plant", "plants"))
        class Plant(Node):
            '''A plant of the seller's.'''

            name: str | None = column("acme_name", "The name of the plant.")

        # { plants { nodes { id name } totalCount } }
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
    """
    Add the members of the decorated class to the table `target` of another module.

    DeclarationError if `target` is not a table or has a member of the same name.

    Example:

        @extend(SalesOrder)
        class AcmeCosts:
            cost_centre: str | None = column("acme_costcentre", "The cost centre of the buyer.")

        # { orders(filter: { costCentre: { eq: "X" } }) { nodes { costCentre } } }
    """

    def declare(cls: type[C]) -> type[C]:
        if "__table__" not in vars(target):
            raise DeclarationError(f"{named(cls)} extends {named(target)}, which is not a table")
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
        raise DeclarationError(f"{named(cls)} must be a subclass of `Node` or `Row`")
    if not cls.__doc__:
        raise DeclarationError(f"{named(cls)} needs a docstring, which is the type's description")
    taken = TABLES.get(cls.__name__)
    if taken is not None and named(taken.cls) != named(cls):
        raise DeclarationError(f"{named(cls)}: the name is taken by {named(taken.cls)}")


def _specs(cls: type) -> dict[str, Spec]:
    return {name: spec for name, spec in vars(cls).items() if isinstance(spec, Spec)}
