"""
Random operations in every form that GraphQL has for reading, over the whole schema.

Most are valid and find rows; a share of each mistake is among them, as both ways must refuse alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from gateway.model.tables import TABLES, Back, Node
from tests.gateway.differential.arguments import NONSENSE, WRONG, Arguments
from tests.gateway.proofs.requests import ROOTED, SCHEMA

DEEPEST = 3
"""Links and connections inside one another."""
FIELDS = 45
"""Fields of one operation, about; without `aliases` and `fields` most would meet a limit."""
ALIASES = 20
CALLERS = {"jane": 20, "sam": 12, "rep": 28, "may": 10, "admin": 20, "partner": 10}
DAYS = ("2020-01-01", "2026-06-01", "2031-01-01")
"""First days of a statement; the last one is after the end."""
SEEN = (
    "rita.lindqvist@contoso-retail.example",
    "jane.doe@contoso-retail.example",
    "nobody@x.example",
)
"""The customers that staff look as; the last is nobody."""
NODES = sorted(table.name for table in TABLES.values() if issubclass(table.cls, Node))


@dataclass(frozen=True)
class Asked:
    """One request as a caller sends it."""

    document: str
    variables: dict[str, Any] = field(default_factory=dict)
    caller: str = "jane"
    headers: dict[str, str] = field(default_factory=dict)
    operation: str | None = None
    explain: bool = False
    method: str = "POST"


class Place:
    """One object of an answer: what each response name in it stands for, wherever selected."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[object, Place]] = {}

    def take(self, name: str, meaning: object) -> "Place | None":
        """The place below the response name; None where the name means something else already."""
        known, below = self._names.setdefault(name, (meaning, Place()))
        return below if known == meaning else None


class Operations(Arguments):
    """A stream of operations; the same for the same seed."""

    def ask(self) -> Asked:
        """The next request."""
        self._caller = self.random.choices(list(CALLERS), list(CALLERS.values()))[0]
        self._declared, self._values = [], {}
        self._fragments: dict[str, list[str]] = {}
        self._aliases, self._left, self._strict = 0, FIELDS, 0
        self._definitions: list[str] = []
        root = Place()
        fields = [self._top(root) for _ in range(self.random.choice((1, 1, 1, 2, 2, 3)))]
        document, name = self._written(" ".join(fields))
        if self._rarely(0.02):
            document = self._spoiled(document)
        return Asked(
            document,
            self._values,
            self._caller,
            dict(self._headers()),
            name,
            self._rarely(0.25 if self._caller == "admin" else 0.01),
            "GET" if self._rarely(0.04) and len(document) < 3_000 else "POST",
        )

    def again(self, asked: Asked) -> Asked:
        """The same document as somebody else sends it, with other values of some variables."""
        self._caller = self.random.choices(list(CALLERS), list(CALLERS.values()))[0]
        variables = {name: self._changed(value) for name, value in asked.variables.items()}
        return replace(
            asked, caller=self._caller, headers=dict(self._headers()), variables=variables
        )

    def _changed(self, value: Any) -> Any:
        match value:
            case bool():
                return value is self._rarely(0.6)
            case int() if self._rarely(0.4):
                return self.random.randint(1, 5)
        return self.random.choice(WRONG) if self._rarely(0.01) else value

    def _written(self, body: str) -> tuple[str, str | None]:
        """The whole document, and the name of the operation to run."""
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        other = "query Other { viewer { kind __typename } }"
        if self._rarely(0.08):
            name = self.random.choices(("Main", "Other", None, "Missing"), (12, 3, 1, 1))[0]
            parts = [f"query Main{declared} {{ {body} }}", other, *self._definitions]
            self.random.shuffle(parts)
            return "\n".join(parts), name
        head = f"query {self.random.choice(('', 'Named'))}{declared} " if declared else ""
        return "\n".join([f"{head}{{ {body} }}", *self._definitions]), None

    def _spoiled(self, document: str) -> str:
        at = self.random.randrange(len(document))
        return document[:at] + self.random.choice(("", "}", "{ x", "$", "zz ")) + document[at + 1 :]

    def _headers(self) -> Iterator[tuple[str, str]]:
        if self._rarely(0.5):
            yield "Accept", "application/graphql-response+json"
        if self._rarely(0.08):
            name = self._id(TABLES["Account"])
            yield "X-Account", name if name.isascii() else "x"
        if self._rarely(0.3 if self._caller == "admin" else 0.01):
            yield "X-View-As", self.random.choices(SEEN, (6, 6, 1))[0]

    # --- root fields ---

    def _top(self, root: Place) -> str:
        kinds: dict[Callable[[Place], str], int] = {
            self._list: 46,
            self._single: 14,
            self._node: 12,
            self._nodes: 9,
            self._viewer: 12,
            self._statement: 4,
            self._categories: 2,
            self._bought: 3,
            self._meta: 3,
        }
        return self.random.choices(list(kinds), list(kinds.values()))[0](root)

    def _list(self, root: Place) -> str:
        table = self.random.choice(ROOTED)
        arguments = self._arguments(table)
        if table.rule.by_account and self._rarely(0.15):
            arguments.append(f"account: {self._variable('ID', self._id(TABLES['Account']))}")
        assert table.root
        return self._composite(root, "Query", table.root[1], arguments, 0)

    def _single(self, root: Place) -> str:
        table = self.random.choice([t for t in ROOTED if t.root and issubclass(t.cls, Node)])
        assert table.root
        argument = f"id: {self._variable('ID!', self._id(table))}"
        return self._composite(root, "Query", table.root[0], [argument], 0)

    def _node(self, root: Place) -> str:
        self._likely = self.random.choice(NODES)
        argument = f"id: {self._variable('ID!', self._id(TABLES[self._likely]))}"
        return self._composite(root, "Query", "node", [argument], 0)

    def _nodes(self, root: Place) -> str:
        self._likely = self.random.choice(NODES)
        tables = [TABLES[self._likely], TABLES[self._likely], *(TABLES[n] for n in NODES)]
        some = [self._id(self.random.choice(tables)) for _ in range(self.random.randint(1, 5))]
        return self._composite(
            root, "Query", "nodes", [f"ids: {self._variable('[ID!]!', some)}"], 0
        )

    def _viewer(self, root: Place) -> str:
        return self._composite(root, "Query", "viewer", [], 0)

    def _statement(self, root: Place) -> str:
        arguments = [
            f"account: {self._variable('ID!', self._id(TABLES['Account']))}",
            f'from: "{self.random.choice(DAYS)}"',
            'to: "2030-01-01"',
        ]
        return self._composite(root, "Query", "statement", arguments, 0)

    def _categories(self, root: Place) -> str:
        return self._composite(root, "Query", "categories", [], 0)

    def _bought(self, root: Place) -> str:
        arguments = [f"first: {self.random.randint(0, 9)}"]
        if self._rarely(0.3):
            arguments.append(f"account: {self._variable('ID', self._id(TABLES['Account']))}")
        return self._composite(root, "Query", "boughtBefore", arguments, 0)

    def _meta(self, root: Place) -> str:
        return self.random.choice(
            (
                "__typename",
                '__type(name: "Money") { name fields { name } }',
                "changes(first: 1) { cursor }",
                f'categoryParts(category: "{self.random.choice(self.samples.categories)}")',
                f'operation(id: "{self.random.choice(NONSENSE[1:4])}") {{ status }}',
            )
        )

    # --- selections ---

    def _selected(self, type_: Any, place: Any, depth: int = 0) -> str:
        """The selection of an object: fields, some of them inside of fragments."""
        if isinstance(type_, GraphQLInterfaceType):
            return self._of_interface(place, depth)
        items = [self._field(type_, name, place, depth) for name in self._names(type_, depth)]
        if self._rarely(0.12):
            items.insert(self.random.randrange(len(items) + 1), "__typename")
        if self._rarely(0.25):
            items = self._wrapped(type_, items)
        if not self._strict and self._rarely(0.12):
            items.append(self._shared(type_, depth))
        return " ".join(items)

    def _names(self, type_: GraphQLObjectType, depth: int) -> list[str]:
        if {"nodes", "edges"} <= type_.fields.keys():
            rows = self.random.choices(
                (["nodes"], ["edges"], ["nodes", "edges"], []), (6, 4, 1, 1)
            )[0]
            extra = ["pageInfo", "totalCount", "totalCountIsLowerBound"]
            names = rows + self.random.sample(extra, self.random.choice((0, 0, 1, 2, 3)))
            return names or ["totalCount"]
        if type_.name.endswith("Edge"):
            return self.random.choices((["node"], ["cursor", "node"], ["cursor"]), (5, 4, 1))[0]
        plain = [n for n, f in type_.fields.items() if not _leads(f)]
        chosen = self.random.sample(plain, min(len(plain), self.random.randint(1, 5)))
        leading = [n for n in type_.fields if n not in plain]
        if leading and depth < DEEPEST and self._left > 0:
            chosen += self.random.sample(
                leading, min(len(leading), self.random.choice((0, 1, 1, 2)))
            )
        self.random.shuffle(chosen)
        return chosen

    def _field(self, type_: GraphQLObjectType, name: str, place: Place, depth: int) -> str:
        field_ = type_.fields[name]
        inner = get_named_type(field_.type)
        table = TABLES.get(type_.name)
        back = table.members.get(name) if table else None
        if isinstance(back, Back):
            arguments = self._arguments(back.child)
        else:
            arguments = self._given(field_.args)
        if not is_leaf_type(inner):
            return self._composite(place, type_.name, name, arguments, depth + _leads(field_))
        self._left -= 1
        # The fields whose values are a matter of when they are asked for are found by their names.
        may_alias = name not in ("ageSeconds", "expiresAt")
        head, _ = self._head(place, type_.name, name, arguments, may_alias=may_alias)
        twice = head if self._rarely(0.03) else ""
        return f"{head}{self._directives()} {twice}"

    def _composite(
        self, place: Place, parent: str, name: str, arguments: list[str], depth: int
    ) -> str:
        """A field with fields below it, now and then selected twice over."""
        type_ = SCHEMA.type_map[parent]
        assert isinstance(type_, GraphQLObjectType)
        inner = get_named_type(type_.fields[name].type)
        self._left -= 1
        head, below = self._head(place, parent, name, arguments)
        found = f"{head}{self._directives()} {{ {self._selected(inner, below, depth)} }}"
        if self._rarely(0.08):
            found += f" {head}{self._directives()} {{ {self._selected(inner, below, depth)} }}"
        if self._rarely(0.06) and self._left > 0 and depth:
            again, other = self._head(place, parent, name, arguments, alias=True)
            found += f" {again} {{ {self._selected(inner, other, depth)} }}"
        return found

    def _head(
        self,
        place: Place,
        parent: str,
        name: str,
        arguments: list[str],
        *,
        may_alias: bool = True,
        alias: bool = False,
    ) -> tuple[str, Place]:
        """The field as it is written, without what is below it, and the place below it."""
        text = f"{name}({', '.join(arguments)})" if arguments else name
        meaning = parent, text
        forced = alias or (self._strict and (arguments or self._strict > 1))
        if may_alias and (forced or (self._aliases < ALIASES and self._rarely(0.07))):
            return self._aliased(text), Place()
        below = place.take(name, meaning)
        return (self._aliased(text), Place()) if below is None else (text, below)

    def _aliased(self, text: str) -> str:
        self._aliases += 1
        return f"a{self._aliases}: {text}"

    def _of_interface(self, place: Place, depth: int) -> str:
        """Of a Node: its id, and what it has as one of the types that it may be."""
        items = self.random.sample(
            ["id", "__typename", "... on Node { id }"], self.random.randint(0, 2)
        )
        others = self.random.sample(NODES, self.random.choice((0, 0, 0, 1, 2)))
        for number, name in enumerate(dict.fromkeys([self._likely, *others])):
            # Two types may have fields of one name and different types: only one goes unaliased.
            self._strict += 2 if number else 0
            type_ = SCHEMA.type_map[name]
            inside = self._selected(type_, place, depth + 1)
            items.append(f"... on {name}{self._directives()} {{ {inside} }}")
            self._strict -= 2 if number else 0
        self.random.shuffle(items)
        return " ".join(items)

    # --- fragments ---

    def _wrapped(self, type_: GraphQLObjectType, items: list[str]) -> list[str]:
        cut = self.random.randrange(len(items) + 1)
        outside, inside = items[:cut], " ".join(items[cut:])
        if not inside:
            return [*outside, self._condition(type_, "__typename")]
        if self._rarely(0.4):
            return [*outside, f"...{self._defined(type_, inside)}{self._directives()}"]
        return [self._condition(type_, inside), *outside]

    def _condition(self, type_: GraphQLObjectType, inside: str) -> str:
        node = [" on Node"] if type_.name in NODES and inside == "__typename" else []
        on = self.random.choice(["", f" on {type_.name}", *node])
        return f"...{on}{self._directives()} {{ {inside} }}"

    def _defined(self, type_: GraphQLObjectType, inside: str) -> str:
        name = f"F{len(self._definitions)}"
        self._definitions.append(f"fragment {name} on {type_.name} {{ {inside} }}")
        return name

    def _shared(self, type_: GraphQLObjectType, depth: int) -> str:
        """A fragment that may be spread at several places, so it fixes no name with arguments."""
        known = self._fragments.setdefault(type_.name, [])
        if not known or self._rarely(0.4):
            self._strict += 1
            inside = self._selected(type_, Place(), max(depth, DEEPEST - 1))
            self._strict -= 1
            known.append(self._defined(type_, inside))
            return f"...{known[-1]}{self._directives()}"
        return f"...{self.random.choice(known)}{self._directives()}"

    def _directives(self) -> str:
        if not self._rarely(0.05):
            return ""
        some = self.random.sample(["skip", "include"], self.random.choice((1, 1, 2)))
        found = [f" @{name}(if: {self._truth(wanted=name == 'include')})" for name in some]
        return "".join(found)

    def _truth(self, *, wanted: bool) -> str:
        value = wanted if self._rarely(0.7) else not wanted
        if self._rarely(0.4):
            return str(value).lower()
        return self._variable("Boolean!", value)


def _leads(field_: Any) -> bool:
    """True if a field leads to rows, not to a value of its own row."""
    inner = get_named_type(field_.type)
    connection = isinstance(inner, GraphQLObjectType) and "pageInfo" in inner.fields
    return connection or inner.name in TABLES
