"""Random requests over the whole schema, with values and ids that are ours and that are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any
from uuid import UUID

from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type
from strawberry.utils.str_converters import to_camel_case

from gateway.model.members.back import backs_of
from gateway.model.tables import TABLES, Link, Node, Row, Table
from gateway.schema import ids
from tests.nightly import NIGHTLY
from tests.schema import shipped
from tests.stack import Stack

SCHEMA: GraphQLSchema = shipped()
ROOTED = [table for table in TABLES.values() if table.root]
DEPTH = 3
VALUES = ("Money", "Address", "Price", "Promise", "ProductText", "Picture")
"""Types whose fields are values."""
EVER_NEW = ("url", "expiresAt")
"""Fields of links, which are others each time."""
OWN_NUMBERS = ("MY-101", "MY-105", "MY-TWICE", "my-rl", "nothing")
WORDS = ("my-1", "MY-10 e", "desk", "lamp d0", "Speaker 1", "my-t")
BOUGHT = """boughtBefore(first: %d, account: %s) {
  times quantity unit boughtAt unitPrice { amount } product { number name } order { number } }"""
PREVIEW = """
mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {
  errors { code message path } complete basis total { amount }
  lines { quantity unitPrice { amount } amount { amount } product { number } }
} }
"""


@dataclass
class Samples:
    """Samples of every table as staff see it: ids and values of everybody."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    values: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    cursors: dict[str, list[str]] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)


def leaves(table: Table) -> list[str]:
    """The fields of a table without rows behind them, as they are selected."""
    type_ = SCHEMA.type_map[table.name]
    assert isinstance(type_, GraphQLObjectType)
    found = []
    for name, each in type_.fields.items():
        inner = get_named_type(each.type)
        if is_leaf_type(inner):
            found.append(name)
        elif isinstance(inner, GraphQLObjectType) and inner.name in VALUES:
            inside = [
                n
                for n, f in inner.fields.items()
                if is_leaf_type(get_named_type(f.type)) and n not in EVER_NEW
            ]
            found.append(f"{name} {{ {' '.join(inside)} }}")
    return found


async def sampled(stack: Stack) -> Samples:
    """Up to 60 rows of each root list, first and last, and the categories, as staff see them."""
    samples = Samples()
    for table in ROOTED:
        assert table.root
        for size in ("first", "last"):
            query = (
                f"{{ {table.root[1]}({size}: 30) {{ edges {{ cursor node {{ "
                f"{' '.join(leaves(table))} }} }} }} }}"
            )
            for edge in (await stack.ask(query, as_="admin")).data[table.root[1]]["edges"]:
                samples.cursors.setdefault(table.name, []).append(edge["cursor"])
                for name, value in edge["node"].items():
                    samples.values.setdefault((table.name, name), []).append(value)
                if "id" in edge["node"]:
                    samples.ids.setdefault(table.name, []).append(edge["node"]["id"])
    tree = (await stack.ask("{ categories { id } }", as_="admin")).data["categories"]
    samples.categories = [each["id"] for each in tree]
    return samples


@dataclass
class Requests:
    """A stream of requests; the same for the same seed."""

    samples: Samples
    random: Random

    def next(self) -> tuple[str, dict[str, Any]]:
        """A query and its variables."""
        self._variables: dict[str, tuple[str, Any]] = {}
        if self.random.random() < 0.05:
            return PREVIEW, {"input": self._basket()}
        fields = " ".join(
            f"r{number}: {self._root()}" for number in range(self.random.randint(1, 3))
        )
        declared = ", ".join(f"${name}: {type_}" for name, (type_, _) in self._variables.items())
        head = f"query ({declared}) " if declared else ""
        return f"{head}{{ {fields} }}", {n: value for n, (_, value) in self._variables.items()}

    def _basket(self) -> dict[str, Any]:
        """The input of a preview: the one mutation that leaves the worlds as they are."""
        lines: list[dict[str, Any]] = [
            {"product": self._id(TABLES["Product"]), "quantity": self.random.randint(1, 3)}
            for _ in range(self.random.randint(1, 3))
        ]
        if self.random.random() < 0.5:
            lines.append({"customerItemNumber": self.random.choice(OWN_NUMBERS), "quantity": 30})
        found: dict[str, Any] = {"lines": lines}
        for name in ("Account", "Contact"):
            if self.random.random() < 0.5:
                found[name.lower()] = self._id(TABLES[name])
        return found

    def _root(self) -> str:
        table = self.random.choice(ROOTED)
        assert table.root
        kind = self.random.randrange(6)
        if self.random.random() < 0.05:
            account = self._id(TABLES["Account"]) if self.random.random() < 0.5 else None
            return BOUGHT % (self.random.randint(1, 9), self._variable("ID", account))
        if self.random.random() < 0.03:
            category = self._variable("ID!", self.random.choice(self.samples.categories))
            return f"categoryParts(category: {category})"
        if kind == 0 and issubclass(table.cls, Node):
            one = self._variable("ID!", self._id(table))
            return f"{table.root[0]}(id: {one}) {{ {self._selection(table, 1)} }}"
        if kind == 1:
            some = [self._id(self.random.choice(ROOTED)) for _ in range(self.random.randint(1, 8))]
            return f"nodes(ids: {self._variable('[ID!]!', some)}) {{ id __typename }}"
        arguments = self._arguments(table)
        if table.rule.by_account and self.random.random() < 0.25:
            arguments.append(f"account: {self._variable('ID', self._id(TABLES['Account']))}")
        if table.narrowings and self.random.random() < 0.6:
            arguments.append(self._narrowing())
        return f"{table.root[1]}({', '.join(arguments)}) {{ {self._connection(table, 1)} }}"

    def _narrowing(self) -> str:
        """An argument that narrows the list of products."""
        match self.random.randrange(3):
            case 0:
                numbers = self.random.sample(OWN_NUMBERS, 2)
                return f"customerItemNumbers: {self._variable('[String!]', numbers)}"
            case 1:
                chosen = self.random.choice(self.samples.categories)
                return f"category: {self._variable('ID', chosen)}"
        return f"search: {self._variable('String', self.random.choice(WORDS))}"

    def _connection(self, table: Table, depth: int) -> str:
        extra = self.random.sample(
            ["totalCount", "totalCountIsLowerBound", "pageInfo { hasNextPage endCursor }"],
            self.random.randint(0, 3),
        )
        rows = f"nodes {{ {self._selection(table, depth)} }}"
        return " ".join([rows, *extra])

    def _selection(self, table: Table, depth: int) -> str:
        names = leaves(table)
        chosen = self.random.sample(names, self.random.randint(1, min(6, len(names))))
        if depth < DEPTH and self.random.random() < 0.7:
            chosen += self._below(table, depth)
        return " ".join(chosen)

    def _below(self, table: Table, depth: int) -> list[str]:
        links = [(n, m) for n, m in table.members.items() if isinstance(m, Link) and not m.internal]
        found = []
        if links and self.random.random() < 0.5:
            name, link = self.random.choice(links)
            found.append(f"{to_camel_case(name)} {{ {self._selection(link.target, depth + 1)} }}")
        if table.backs and self.random.random() < 0.6:
            name = self.random.choice(sorted(table.backs))
            child = backs_of(table)[name].child
            arguments = ", ".join(self._arguments(child))
            below = self._connection(child, depth + 1)
            found.append(f"{to_camel_case(name)}({arguments}) {{ {below} }}")
        return found

    def _arguments(self, table: Table) -> list[str]:
        size = self.random.randint(1, 4)
        if table.name in self.samples.cursors and self.random.random() < 0.15:
            cursor = self._variable("String", self.random.choice(self.samples.cursors[table.name]))
            return [f"first: {size}", f"after: {cursor}"]
        found = [f"{self.random.choice(['first', 'last'])}: {size}"]
        if self.random.random() < 0.5:
            found.append(f"filter: {self._variable(f'{table.name}Filter', self._filter(table))}")
        order = [
            {"field": name.upper(), "direction": self.random.choice(["ASC", "DESC"])}
            for name in self.random.sample(sorted(table.sortable), min(2, len(table.sortable)))
        ]
        if order and self.random.random() < 0.4:
            found.append(f"orderBy: {self._variable(f'[{table.name}Order!]', order)}")
        return found

    def _filter(self, table: Table, depth: int = 0) -> dict[str, Any]:
        kind = self.random.random()
        if depth < 2 and kind < 0.3:
            parts = [self._filter(table, depth + 1) for _ in range(self.random.randint(1, 2))]
            return {self.random.choice(["and", "or"]): parts}
        if depth < 2 and kind < 0.4:
            return {"not": self._filter(table, depth + 1)}
        name, member = self.random.choice(sorted(table.filterable.items()))
        if isinstance(member, Link):
            return {name: {"eq": self._id(member.target)}}
        return {name: self._operation(table, name)}

    def _operation(self, table: Table, name: str) -> dict[str, Any]:
        member = table.filterable[name]
        assert member.scalar
        type_ = member.scalar[1]
        value = self._value(table, name, type_)
        if type_ is str:
            return {self.random.choice(["eq", "startsWith", "contains"]): str(value)[:8]}
        if type_ in (int, Decimal, date, datetime):
            return {self.random.choice(["eq", "gt", "gte", "lt", "lte"]): value}
        return {"eq": value}

    def _value(self, table: Table, name: str, type_: type) -> Any:
        known = self.samples.values.get((table.name, name), [])
        found = [v["amount"] if isinstance(v, dict) else v for v in known]
        usable = [v for v in found if v is not None and v != "UNKNOWN"]
        if usable:
            return self.random.choice(usable)
        if issubclass(type_, Enum):
            enum = SCHEMA.type_map[type_.__name__]
            assert isinstance(enum, GraphQLEnumType)
            return next(iter(enum.values))
        return {str: "x", bool: True, int: 1, Decimal: "1", date: "2026-01-01"}.get(
            type_, "2026-01-01T00:00:00Z"
        )

    def _id(self, table: Table) -> str:
        known = self.samples.ids.get(table.name)
        return self.random.choice(known) if known else ids.encode(table, (UUID(int=7),))

    def _variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self._variables)}"
        self._variables[name] = (type_, value)
        return f"${name}"


def tables_in(answer: Mapping[str, Any]) -> set[str]:
    """The root fields that an answer has data for; for checks that a run was not in vain."""
    return {name for name, value in (answer.get("data") or {}).items() if value}


__all__ = ["NIGHTLY", "ROOTED", "SCHEMA", "Requests", "Row", "Samples", "leaves", "sampled"]
