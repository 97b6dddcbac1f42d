"""The kind of member that leads to a row of another table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args
from uuid import UUID

from gateway.model.declarations import Has, Inside, Row, Spec, Table, Written, WrittenRow
from gateway.model.ways_to_values import Answering, Planning, Write
from gateway.upstream.names import Reference, lookup_value


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
    `written` is as in `column`; inputs of orders take columns alone. A target that is not a table,
    or a name that the target has already, is a DeclarationError at start.

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
    return Link(doc, on, back, back_doc, "", polymorphic, inside, written)


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
    def compared(self) -> tuple[str, type] | None:
        return (self.paths[0], UUID) if self.by_guid and len(self.on) == 1 else None

    @property
    def followed(self) -> str:
        return self.lookup

    @property
    def leads_to(self) -> Table:
        return self.target

    def plan(self, planning: Planning) -> Write:
        return planning.row(self)

    def answer(self, row: Row, answering: Answering) -> Any:
        return answering.row(self, row)

    @property
    def steps(self) -> tuple[str, ...]:
        return (self.navigation,) if self.navigation else ()

    @property
    def comes_inside(self) -> bool:
        return self.inside == "both"

    @property
    def writing(self) -> Written:
        return self.written

    def write(self, value: object) -> WrittenRow:
        column = lookup_value(self.lookup)
        step = f"{self.lookup}_{self.target.entity}" if self.polymorphic else self.lookup
        if isinstance(value, Row):
            key = UUID(value.raw[self.target.key_column])
            seen = {column: str(key), self.lookup: value.raw}
            return {step: Reference(self.target.entity, key)}, seen
        if isinstance(value, UUID):
            return {step: Reference(self.target.entity, value)}, {column: str(value)}
        return {step: None}, {column: None}

    def is_there(self, has: Has) -> bool:
        return has(self.target) and all(has(self.home, path) for path in self.paths)

    def mistakes(self) -> Iterator[str]:
        if not _is_table(self.type):
            shown = self.type.__name__ if isinstance(self.type, type) else str(self.type)
            yield f"{self.label} is a link, but {shown} is not a table; annotate it with a table"
        if not self.optional:
            # The row that it leads to can fail alone, and must not take its own row with it.
            yield f"{self.label} must be declared as `... | None`"
        if self.inside not in get_args(Inside):
            yield f'{self.label}: `inside` cannot be {self.inside!r}; it can be "up" or "both"'
        if "/" in self.lookup:
            yield f"{self.label} follows '{self.lookup}', which is a lookup of another row"
        if not self.on or len({bool(column) for column in self.on.values()}) > 1:
            yield f"{self.label} needs a column of the target for each of its own"
        if not self.lookup and (self.polymorphic or self.inside or self.written != "never"):
            said = "`polymorphic`, `inside` and `written` are for links by a lookup"
            yield f"{self.label} joins by columns; {said}"

    @property
    def target(self) -> Table:
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


def links_back(table: Table) -> list[Link]:
    """The links of a table that its rows can be reached by from the other end."""
    return [spec for spec in table.specs.values() if isinstance(spec, Link) and spec.back]


def _is_table(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Row) and hasattr(type_, "__table__")
