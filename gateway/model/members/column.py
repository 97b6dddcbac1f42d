"""The kind of member that reads one column."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from gateway.model.declarations import Row, Spec, Written, WrittenRow
from gateway.model.kinds import Decode, decoder, sent
from gateway.model.selected import selected
from gateway.model.ways_to_values import Answering, Planning, Write
from gateway.upstream.names import Reference, lookup_value


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
        """True if it is a day without a time, which depends on the zone in which it was typed."""
        return self.type is date and not self.home.dialect.stores_days_as_times

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def typed_paths(self) -> Iterable[tuple[str, Any]]:
        return [(self.path, self.type)]

    @property
    def scalar(self) -> tuple[str, type]:
        return self.path, self.type

    @property
    def followed(self) -> str:
        return self.step

    @property
    def is_input(self) -> bool:
        return self.input

    @property
    def writing(self) -> Written:
        return self.written

    def write(self, value: object) -> WrittenRow:
        seen = {self.path: sent(value)}
        if not self.target:
            return seen, seen
        key = Reference(self.target, value) if isinstance(value, UUID) else None
        return {self.step: key}, seen

    @property
    def is_plain(self) -> bool:
        return not self.is_day

    def plan(self, planning: Planning) -> Write:
        return planning.value(self.path, self.type, optional=self.optional, is_day=self.is_day)

    def answer(self, row: Row, answering: Answering) -> Any:
        return answering.day(self.path, row)

    def mistakes(self) -> Iterator[str]:
        if self.step and self.written != "never" and not self.target:
            yield f'{self.label} is written: say which table it leads to, by `to="..."`'
        elif self.written != "never" and "/" in self.path and not self.input:
            yield f"{self.label} is written, and '{self.path}' is a column of another row"
        if self.step and self.type is not UUID:
            yield f"{self.label} is the id of a row; annotate it with `UUID | None`"
        if not self.input:
            return
        if self.written == "never":
            yield f'{self.label} is an input: say `written="create"`, `"update"` or `"always"`'
        if self.internal:
            yield f"{self.label} is an input; its name cannot begin with an underscore"
        if "/" in self.path:
            yield f"{self.label} is an input, and '{self.path}' is a column of another row"
        if self.type is UUID:
            yield f"{self.label} is an input, and cannot be of type UUID"

    def __get__(self, row: Row | None, owner: type) -> Any:
        return self if row is None else self.decode(selected(row.raw, self.path))


def inputs_of(members: Iterable[Spec], when: Written) -> list[Column]:
    """The columns that callers give in inputs, in rows that are written `when`."""
    given = (spec for spec in members if isinstance(spec, Column) and spec.input)
    return [spec for spec in given if spec.written in (when, "always")]
