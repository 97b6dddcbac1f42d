"""Questions to every environment, and how one environment's answers differ from another's."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    parse,
    print_ast,
    separate_operations,
)

from gateway.model.tables import TABLES
from gateway.schema.ids import encode
from tests.nightly import NIGHTLY
from tests.schema import shipped
from tests.stack import Answer, Stack

REPO = Path(__file__).parents[3]
SCHEMA: GraphQLSchema = shipped()
QUERY: Any = SCHEMA.query_type
GUIDE = (REPO / "docs" / "partners.md").read_text()
PORTAL = REPO / "portal" / "documents"
CALLERS = ("rep", "admin") if NIGHTLY else ("rep",)
"""A customer who may read everything of the account; at night one of the seller's own staff too."""
CURSORS = ("startCursor", "endCursor")
LINKS = tuple(
    f"{kind}.{name}"
    for kind in ("Attachment", "DocumentLink", "Picture")
    for name in ("url", "expiresAt")
)
FEW = 2
"""Rows whose lines a download asks for with them."""
AT_ONCE = 10
"""Orderings that one query asks for."""
TOKENS = 1_300
"""Tokens of a query whose fields are within their limit too."""
DEPTH = 2 if NIGHTLY else 1
"""The number of links in a row that the queries of everything follow."""

OWED = ("statement", "papers", "returns", "return_exports")
"""The documents of the portal of what an account owes and returns, which buyers may not read."""

Json = dict[str, Any]
NONE_QUOTED: Json = {"nodes": [{"id": encode(TABLES["Quote"], (UUID(int=1),))}]}
NONE_POSTED: Json = {"nodes": [{"id": encode(TABLES["PostedInvoice"], ("usmf", 1))}]}
"""An invoice that is not there, for environments that show none."""
NONE_RETURNED: Json = {"nodes": [{"id": encode(TABLES["ReturnOrder"], ("usmf", "RO-0"))}]}


@dataclass(frozen=True)
class Question:
    """A query, as one caller asks it."""

    name: str
    query: str
    as_: str = "jane"
    variables: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} as {self.as_}"


Answers = dict[str, Answer]


async def questions(stack: Stack) -> list[Question]:
    """The queries of the guide and of the portal, and everything that the schema has."""
    ids = await _ids(stack)
    return [*_guide(), *_portal(ids), *_everything(), *_orderings()]


async def portal_questions(stack: Stack) -> list[Question]:
    """The queries of the customer portal alone."""
    return list(_portal(await _ids(stack)))


async def answers(stack: Stack, asked: list[Question]) -> Answers:
    return {str(q): await stack.ask(q.query, as_=q.as_, **q.variables) for q in asked}


async def _ids(stack: Stack) -> Json:
    """Rows to ask for by their ids: an order that was sent and invoiced, and what goes with it."""
    sent = "{ in: [INVOICED, DELIVERED, PARTIALLY_INVOICED, DELIVERED_AND_PARTIALLY_INVOICED] }"
    found = (await stack.ask(
        f"""{{
          orders(first: 1, filter: {{ status: {sent} }}) {{ nodes {{
            id account {{ id }} shipments(first: 1) {{ nodes {{ number }} }}
            lines(first: 1) {{ nodes {{ id }} }} }} }}
          invoices(first: 1) {{ nodes {{ id }} }}
          products(first: 5) {{ nodes {{ id number }} }}
        }}"""
    )).data  # fmt: skip
    (order,), (invoice,) = found["orders"]["nodes"], found["invoices"]["nodes"]
    products = found["products"]["nodes"]
    posted = await stack.ask("{ postedInvoices(first: 1) { nodes { id } } }", as_="rep")
    quoted = await stack.ask("{ quotes(first: 1) { nodes { id } } }")
    returned = await stack.ask("{ returns(first: 1) { nodes { id } } }", as_="rep")
    return {
        "return": (returned.body["data"].get("returns") or NONE_RETURNED)["nodes"][0]["id"],
        "quote": (quoted.body["data"].get("quotes") or NONE_QUOTED)["nodes"][0]["id"],
        "posted": (posted.body["data"].get("postedInvoices") or NONE_POSTED)["nodes"][0]["id"],
        "order": order["id"],
        "line": order["lines"]["nodes"][0]["id"],
        "account": order["account"]["id"],
        "shipment": order["shipments"]["nodes"][0]["number"],
        "invoice": invoice["id"],
        "product": products[0]["id"],
        "numbers": [each["number"] for each in products],
    }


def _guide() -> Iterator[Question]:
    """The queries of docs/partners.md that need no operation."""
    blocks = re.findall(r"```graphql\n(.*?)```(?:\s+```json\n(.*?)```)?", GUIDE, re.DOTALL)
    for query, variables in blocks:
        if query.startswith("query") and "$id" not in query:
            yield Question(
                f"guide {query.split()[1]}", query, "jane", json.loads(variables or "{}")
            )


def _portal(ids: Json) -> Iterator[Question]:
    """The queries of the customer portal, with the variables that its pages send."""
    late = {"requestedReceiptDate": {"lt": "2026-06-01"}, "status": {"in": ["ACTIVE", "CONFIRMED"]}}
    shipped = {"status": {"in": ["DELIVERED", "INVOICED", "PARTIALLY_DELIVERED"]}}
    numbers = dict.fromkeys("abcde", ids["numbers"])
    by_file: dict[str, Json] = {
        "account": {"id": ids["account"]},
        "addresses": {"account": ids["account"], "id": ids["account"]},
        "colleagues": {"id": ids["account"]},
        "changing": {"id": ids["order"]},
        "invoices": {"id": ids["invoice"], "paid": True, "owes": False},
        "quotes": {"id": ids["quote"]},
        "accepting": {"id": ids["quote"]},
        "returns": {"id": ids["return"]},
        "return_exports": {"id": ids["return"], "first": FEW},
        "statement": {"account": ids["account"], "from": "2026-01-01", "to": "2026-12-31"},
        "papers InvoicePaper": {"id": ids["invoice"]},
        "papers PostedPaper": {"posted": ids["posted"]},
        "papers OrderPaper": {"id": ids["order"]},
        "papers StatementPaper": {
            "account": ids["account"],
            "from": "2026-01-01",
            "to": "2026-12-31",
        },
        "order": {"id": ids["order"]},
        "order LineFiles": {"id": ids["line"]},
        "products": {"id": ids["product"], "search": "a"} | numbers,
        "quick": {
            "search": "lamp",
            "codes": ids["numbers"],
            "filter": {"number": {"in": ids["numbers"]}},
            "items": {"itemNumber": {"in": ids["numbers"]}},
        },
        "shipments": {"order": ids["order"], "number": ids["shipment"]},
        "templates": {"account": ids["account"], "ids": [ids["product"]]},
        "sharing": {
            **{name: [ids["product"]] for name in "abcde"},
            "shown": [ids["product"]],
            "account": ids["account"],
            "buys": True,
        },
        "wizard": {"account": ids["account"], "id": ids["product"], "ids": [ids["product"]]}
        | numbers,
        "wizard Lines": {"id": ids["order"]},
        "order_exports": {"id": ids["order"], "first": FEW},
        "invoice_exports": {"id": ids["invoice"], "first": FEW},
        "shipment_exports": {"id": ids["order"], "number": ids["shipment"], "first": FEW},
        "dashboard": {
            "open": {"status": {"eq": "ACTIVE"}},
            "all": {"requestedReceiptDate": {"gte": "2020-01-01"}},
            "late": late,
            "shipped": shipped,
            "ships": True,
            "owes": False,
            "warns": True,
        },
        "searching": {
            "people": {"name": {"contains": "a"}},
            "accounts": {"name": {"contains": "a"}},
            "orders": {"number": {"startsWith": "0"}},
            "shipped": shipped,
            "mine": shipped,
            **dict.fromkeys(("withPeople", "withAccounts", "withOrders"), True),
        },
    }
    for path in sorted(PORTAL.glob("*.graphql")):
        for name, document in separate_operations(parse(path.read_text())).items():
            (operation,) = (
                each for each in document.definitions if isinstance(each, OperationDefinitionNode)
            )
            if operation.operation.value != "query" or name == "Outcome":
                continue
            wanted = {each.variable.name.value for each in operation.variable_definitions or ()}
            given = by_file.get(f"{path.stem} {name}", by_file.get(path.stem, {}))
            variables = {n: v for n, v in ({"first": 20} | given).items() if n in wanted}
            caller = "rep" if path.stem in OWED else "jane"
            yield Question(f"portal {path.stem} {name}", print_ast(document), caller, variables)


def _everything() -> Iterator[Question]:
    """Every field of every type that a list leads to, for each caller."""
    for name, found in QUERY.fields.items():
        if "orderBy" in found.args:
            for at, fields in enumerate(_parts(_node(found.type), DEPTH)):
                query = f"{{ {name}(first: 4) {{ nodes {{ {fields} }} totalCount }} }}"
                asked = f"all of {name} {at}"
                yield from (Question(asked, query, caller) for caller in CALLERS)
    yield Question("viewer", "{ viewer { kind name roles permissions contact { name } } }")


def _orderings() -> Iterator[Question]:
    """Each list in every order that it can have."""
    for name, found in QUERY.fields.items():
        if "orderBy" not in found.args:
            continue
        order: Any = get_named_type(found.args["orderBy"].type)
        by: Any = get_named_type(order.fields["field"].type)
        pages = [
            f"{name}_by_{value}: {name}(first: 3, orderBy: [{{ field: {value} }}])"
            " { nodes { id } pageInfo { hasNextPage } }"
            for value in by.values
        ]
        for at in range(0, len(pages), AT_ONCE):
            query = f"{{ {' '.join(pages[at : at + AT_ONCE])} }}"
            yield Question(f"orders of {name} {at}", query, "rep")


def _node(type_: GraphQLOutputType) -> GraphQLObjectType:
    connection: Any = get_named_type(type_)
    node = get_named_type(connection.fields["nodes"].type)
    assert isinstance(node, GraphQLObjectType)
    return node


def _fields(type_: GraphQLObjectType, depth: int) -> str:
    """The fields of a type; links are followed so many times."""
    return " ".join(filter(None, (_field(name, f, depth) for name, f in type_.fields.items())))


def _parts(type_: GraphQLObjectType, depth: int) -> Iterator[str]:
    """The same in as many parts as the limit of tokens makes of it."""
    part: list[str] = []
    for name, found in type_.fields.items():
        text = _field(name, found, depth)
        if _tokens(" ".join([*part, text])) > TOKENS:
            yield " ".join(part)
            part = []
        part.append(text)
    yield " ".join(part)


def _tokens(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def _field(name: str, found: Any, depth: int) -> str:
    named: Any = get_named_type(found.type)
    if is_leaf_type(named):
        # How long ago an order was placed is another answer each time.
        return "" if name == "ageSeconds" else name
    if named.name == "DocumentLink":
        return f"{name} {{ __typename }}"  # a link is another one each time
    if named.name == "Picture":
        return f"{name} {{ version description }}"
    if "nodes" in named.fields:
        below = _fields(_node(found.type), depth - 1) if depth else ""
        return f"{name}(first: 2) {{ nodes {{ {below} }} }}" if below else ""
    is_row = "id" in named.fields or any("nodes" in _names(f) for f in named.fields.values())
    if is_row and not depth:
        return ""
    return f"{name} {{ {_fields(named, depth - 1 if is_row else depth)} }}"


def _names(found: Any) -> Mapping[str, Any]:
    return getattr(get_named_type(found.type), "fields", {})


@dataclass(frozen=True)
class Difference:
    """A place of an answer that is other than in the usual environment."""

    question: str
    fields: tuple[str, ...]
    """The fields down to the place, and their aliases: `("Query.orders", "SalesOrder.status")`."""
    usual: Any
    found: Any
    code: str | None = None
    """The code of the error there, or above."""

    def is_of(self, affected: frozenset[str]) -> bool:
        return not affected.isdisjoint(self.fields)


def differences(
    asked: list[Question], usual: Mapping[str, Answer], found: Mapping[str, Answer]
) -> Iterator[Difference]:
    """Yield the places where the answers differ, and every error."""
    for question in asked:
        document = parse(question.query)
        parts: Any = document.definitions
        fragments = {each.name.value: each for each in parts if hasattr(each, "type_condition")}
        operation: Any = next(each for each in parts if hasattr(each, "operation"))
        one, other = usual[str(question)].body, found[str(question)].body
        assert "data" in one, one
        codes = {
            tuple(each.get("path") or ()): each["extensions"]["code"]
            for each in other.get("errors", ())
        }
        yield from _Comparison(str(question), fragments, codes).objects(
            operation.selection_set, QUERY, one["data"], other.get("data"), (), ()
        )


@dataclass(frozen=True)
class _Comparison:
    question: str
    fragments: Mapping[str, Any]
    codes: Mapping[tuple[Any, ...], str]

    def objects(
        self,
        selections: Any,
        type_: Any,
        usual: Any,
        found: Any,
        fields: tuple[str, ...],
        path: tuple[Any, ...],
    ) -> Iterator[Difference]:
        if usual is None or found is None:
            if usual is not found:
                yield self._difference(usual, found, fields, path)
            return
        for node, of in self._nodes(selections, type_):
            name, key = node.name.value, (node.alias or node.name).value
            if key not in usual or name == "__typename":
                continue
            here, at = (*fields, f"{of.name}.{name}", key), (*path, key)
            below = get_named_type(of.fields[name].type)
            yield from self._values(node, below, usual[key], found.get(key), here, at)

    def _values(
        self,
        node: FieldNode,
        type_: Any,
        usual: Any,
        found: Any,
        fields: tuple[str, ...],
        path: tuple[Any, ...],
    ) -> Iterator[Difference]:
        if node.selection_set is None:
            # A cursor says what stands in the columns, in the form of the environment; each link to
            # a document or picture is another.
            both = usual is not None and found is not None
            if both and (node.name.value in CURSORS or fields[-2] in LINKS):
                return
            if usual != found or path in self.codes:
                yield self._difference(usual, found, fields, path)
        elif isinstance(usual, list) and isinstance(found, list) and len(usual) == len(found):
            for at, (one, other) in enumerate(zip(usual, found, strict=True)):
                yield from self.objects(node.selection_set, type_, one, other, fields, (*path, at))
        elif isinstance(usual, list) or isinstance(found, list):
            yield self._difference(usual, found, fields, path)
        else:
            yield from self.objects(node.selection_set, type_, usual, found, fields, path)

    def _nodes(self, selections: Any, type_: Any) -> Iterator[tuple[FieldNode, Any]]:
        """The fields that are selected, each with the type that has it."""
        for each in selections.selections:
            if isinstance(each, FieldNode):
                yield each, type_
                continue
            named = isinstance(each, FragmentSpreadNode)
            fragment = self.fragments[each.name.value] if named else each
            of = SCHEMA.type_map[fragment.type_condition.name.value]
            yield from self._nodes(fragment.selection_set, of)

    def _difference(
        self, usual: Any, found: Any, fields: tuple[str, ...], path: tuple[Any, ...]
    ) -> Difference:
        above = (path[:end] for end in range(len(path), -1, -1))
        code = next((self.codes[each] for each in above if each in self.codes), None)
        return Difference(self.question, fields, usual, found, code)
