"""Objects of several columns in a plan, such as an amount of money or an address."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from graphql import FieldNode, GraphQLObjectType, is_non_null_type
from strawberry.utils.str_converters import to_camel_case

from gateway.model.kinds import decoder
from gateway.plans.fetches import Fetch
from gateway.plans.leaves import Leaf, leaf_of
from gateway.plans.source import FunctionSource, Unplanned, output_leaf
from gateway.schema.selection import fields

Nodes = Sequence[FieldNode]


@dataclass(eq=False)
class ObjectOfColumns:
    """One object that a query selects of the rows of a fetch."""

    source: FunctionSource
    parent: Fetch
    """The fetch of the rows that it is a member of."""
    type: GraphQLObjectType
    nodes: Nodes
    parts: Mapping[str, tuple[str, Any]]
    """The path and the type of each part."""
    essential: str | None
    """The part without which there is no object."""
    optional: bool

    def __post_init__(self) -> None:
        self._own = {to_camel_case(part): part for part in self.parts}
        self._leaves = {part: self._leaf(part, type_) for part, (_, type_) in self.parts.items()}

    def find(self) -> None:
        """Demand the columns of the parts that are selected."""
        for name in fields(self.source.operation, self.nodes):
            if name != "__typename":
                own = self._own_name(name)
                self._demand(own, self._leaves[own])

    @property
    def is_simple(self) -> bool:
        """True if the object stands exactly where its essential column, or any text, is no null."""
        types = {part: type_ for part, (_, type_) in self.parts.items()}
        essential = self.essential is None or types.pop(self.essential) in (str, Decimal)
        return essential and all(type_ is str for type_ in types.values())

    def write(self, row: str) -> str:
        """The expression of the object of a row, if it is simple."""
        self._demand_rest()
        standing = self.source.variable()

        def part(asked: str, _: list[FieldNode]) -> str:
            own = self._own_name(asked)
            if own == self.essential:
                return self.source.converted(self._leaves[own], standing, standing)
            value = self.source.at(row, self.parts[own][0])
            optional = not is_non_null_type(self.type.fields[asked].type)
            return self.source.leaf(value, self._leaves[own], optional=optional, checked=False)

        made = self.source.object(self.nodes, self.type.name, part)
        asked = fields(self.source.operation, self.nodes).keys()
        found = f"({made} if {self._stands(row, asked, standing)} else None)"
        return found if self.optional else self.source.present(found)

    def _stands(self, row: str, asked: Collection[str], standing: str) -> str:
        """
        The expression that tells if there is an object: by its essential part, which is put into
        the variable `standing`, or by any part that was read.
        """
        if self.essential is None:
            paths = [path for path, _ in self.parts.values() if path in self.parent.select]
            found = (f"{self.source.at(row, path)} is not None" for path in paths)
            return " or ".join(found) or "False"
        path, type_ = self.parts[self.essential]
        value = self.source.at(row, path)
        if to_camel_case(self.essential) in asked:
            return f"({standing} := {value}) is not None"
        return f"{self.source.constant(decoder(type_))}({value}) is not None"

    def _demand_rest(self) -> None:
        """On graphql-core all parts that were read are decoded, whoever else asked for them."""
        for part, leaf in self._leaves.items():
            path, _ = self.parts[part]
            if path in self.parent.select:
                self._demand(part, leaf)
            elif self.essential is None:
                self.parent.shape.leave(path)

    def _demand(self, part: str, leaf: Leaf) -> None:
        self.parent.shape.demand(self.parts[part][0], leaf, optional=True)

    def _leaf(self, part: str, type_: Any) -> Leaf:
        output = output_leaf(self.type.fields[to_camel_case(part)].type)
        return leaf_of(type_, output, self.parent.table.dialect)

    def _own_name(self, name: str) -> str:
        if name not in self._own:
            raise Unplanned(f"{self.type.name}.{name}")
        return self._own[name]
