"""The kind of member that reads several columns as one object."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, get_type_hints

from gateway.model.declarations import Row, Spec, Written, WrittenRow
from gateway.model.kinds import Decode, decoder, incomplete, sent, without_none
from gateway.model.selected import is_selected
from gateway.model.ways_to_values import Planning, Write
from gateway.upstream.conditions import value_at

_types = cache(get_type_hints)


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
    it, the object is null if all parts are. `written` is as in `column`; inputs of orders take
    columns alone. A part that `make` does not have is a DeclarationError at start.

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
    if "input" in parts:
        raise TypeError("a group cannot be an input: declare a column for each of its parts")
    return Group(doc, make, parts, essential, written)


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
        try:
            self.decoders = {part: decoder(self.part_type(part)) for part in self.parts}
        except KeyError as error:
            raise TypeError(f"{self.make.__name__} has no part {error}") from None

    def mistakes(self) -> Iterator[str]:
        name = self.make.__name__
        if not hasattr(self.make, "__strawberry_definition__"):
            yield f"{self.label}: {name} needs the decorator `type`"
        if not self.parts:
            yield f'{self.label} needs the columns of its parts: `part="column"`'
        if self.type is not self.make:
            yield f"{self.label} makes objects of {name}; annotate it with `{name} | None`"
        if self.essential is not None and self.essential not in self.parts:
            yield f"{self.label}: `essential` names '{self.essential}', which is none of its parts"

    @property
    def part_names(self) -> tuple[str, ...]:
        return tuple(self.parts)

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.parts.values())

    @property
    def own_paths(self) -> tuple[str, ...]:
        """The essential one alone, if there is one: a money's currency is everybody's."""
        return (self.parts[self.essential],) if self.essential else self.paths

    @property
    def typed_paths(self) -> Iterable[tuple[str, Any]]:
        return [(path, self.part_type(part)) for part, path in self.parts.items()]

    @property
    def writing(self) -> Written:
        return self.written

    def write(self, value: object) -> WrittenRow:
        own = {part: path for part, path in self.parts.items() if "/" not in path}
        row = {path: sent(getattr(value, part, None)) for part, path in own.items()}
        return row, row

    def column(self, part: str = "") -> str:
        return self.parts[part] if part else super().column()

    @property
    def scalar(self) -> tuple[str, type] | None:
        if self.essential is None:
            return None
        return self.parts[self.essential], self.part_type(self.essential)

    def paths_of(self, parts: Collection[str]) -> set[str]:
        """The columns of these parts and of the essential one; all where nothing tells more."""
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

    @property
    def is_plain(self) -> bool:
        return True

    def plan(self, planning: Planning) -> Write:
        parts = {part: (path, self.part_type(part)) for part, path in self.parts.items()}
        return planning.object(
            parts, essential=self.essential, make=self._made, optional=self.optional
        )

    def _made(self, row: Row) -> Any:
        return self.__get__(row, type(row))

    def part_type(self, part: str) -> Any:
        """The type of a part without None, which says only that it may be absent."""
        return without_none(_types(self.make)[part])[0]
