"""
The arguments of random operations: literals, variables in all their ways, ids of one's own and of
others, and a share of what is none.
"""

from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

import msgspec
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    parse_type,
    type_from_ast,
)

from gateway.model.tables import Table
from gateway.schema import ids
from tests.gateway.proofs.requests import SCHEMA, Requests, Samples

NONSENSE = ("", "x", "e30", "A" * 600, "\u00e9", "WyJOb3RhVGFibGUiXQ", "-1")
"""Texts that are neither an id nor a cursor."""
WRONG: tuple[Any, ...] = ("x", -1, 2**40, 1.5, True, [], {}, ["x"], {"eq": 1}, None)
"""Values of which hardly any fits a given type."""


GIVEN = {"Decimal": (1, 2.5, "30", 0), "String": ("ea", "box", "x")}
"""Arguments of computed members by their types, a few of which are refused."""


class Arguments(Requests):
    """As `Requests`, for an operation of one caller that declares variables."""

    def __init__(self, samples: Samples, own: dict[str, dict[str, list[str]]], seed: int) -> None:
        super().__init__(samples, Random(seed))  # noqa: S311 - the same each time
        self.own = own
        """The ids that each caller can see, by table."""
        self._caller = ""
        self._declared: list[str] = []
        self._values: dict[str, Any] = {}

    def _given(self, declared: Mapping[str, GraphQLArgument]) -> list[str]:
        """Some of the arguments of a computed member."""
        types = {name: str(argument.type) for name, argument in declared.items()}
        return [
            f"{name}: {self._variable(types[name], self.random.choice(GIVEN[types[name]]))}"
            for name in types
            if self.random.random() < 0.3
        ]

    def _arguments(self, table: Table) -> list[str]:
        kind = self.random.random()
        if kind < 0.015:
            size = self._variable("Int", self.random.choice((0, -1, 101, 2**31 - 1)))
            return [f"{self.random.choice(('first', 'last'))}: {size}"]
        if kind < 0.02:
            return ["first: 2", "last: 2"]
        if kind < 0.03:
            name = self.random.choice(("after", "before"))
            return [f"{name}: {self._variable('String', self.random.choice(NONSENSE))}"]
        if kind < 0.08 and table.name in self.samples.cursors:
            cursor = self.random.choice(self.samples.cursors[table.name])
            return ["last: 3", f"before: {self._variable('String', cursor)}"]
        if kind < 0.11:
            return []
        found = super()._arguments(table)
        if kind < 0.3:
            size, _, number = found[0].partition(": ")
            found[0] = f"{size}: {self._variable('Int', int(number))}"
        return found

    def _variable(self, type_: str, value: Any) -> str:
        """A value as the document refers to it: as a literal, or as a variable in its ways."""
        kind = self.random.random()
        if kind < 0.35:
            return self._literal(value, _type(type_))
        name = f"v{len(self._declared)}"
        default = f" = {self._literal(value, _type(type_), variables=False)}"
        if kind < 0.355:
            self._values[name], default = self.random.choice(WRONG), ""
        elif kind < 0.40 and not type_.endswith("!"):
            default = ""
            if self._rarely(0.5):
                self._values[name] = None
        elif kind > 0.9:
            if self._rarely(0.3):
                self._values[name] = None if self._rarely(0.3) and type_[-1] != "!" else value
        else:
            self._values[name], default = value, ""
        self._declared.append(f"${name}: {type_}{default}")
        return f"${name}"

    def _literal(
        self, value: Any, type_: Any, *, variables: bool = True, inside: bool = False
    ) -> str:
        """A value as GraphQL writes it; leaves of an object may be variables."""
        if isinstance(type_, GraphQLNonNull):
            return self._literal(value, type_.of_type, variables=variables, inside=inside)
        if value is None:
            return "null"
        if isinstance(type_, GraphQLList):
            some = value if isinstance(value, list) else [value]
            inner = [
                self._literal(v, type_.of_type, variables=variables, inside=True) for v in some
            ]
            return inner[0] if len(inner) == 1 and self._rarely(0.3) else f"[{', '.join(inner)}]"
        if isinstance(type_, GraphQLInputObjectType):
            parts = [
                f"{n}: {self._literal(v, type_.fields[n].type, variables=variables, inside=True)}"
                for n, v in value.items()
            ]
            return f"{{ {', '.join(parts)} }}"
        if variables and inside and self._rarely(0.15):
            return self._variable(str(type_) + "!", value)
        return value if isinstance(type_, GraphQLEnumType) else msgspec.json.encode(value).decode()

    def _id(self, table: Table) -> str:
        if self._rarely(0.015):
            return self.random.choice(NONSENSE)
        own = self.own.get(self._caller, {}).get(table.name)
        if own and self._rarely(0.7):
            return self.random.choice(own)
        if self._rarely(0.05):
            return ids.encode(table, tuple(self._nobody(type_) for type_ in table.key.values()))
        return super()._id(table)

    def _nobody(self, type_: type) -> Any:
        """A part of a key that no row has."""
        return {str: "x", int: 7}.get(type_, "00000000-0000-4000-8000-000000000007")

    def _rarely(self, share: float) -> bool:
        return self.random.random() < share


@cache
def _type(text: str) -> Any:
    return type_from_ast(SCHEMA, parse_type(text))
