"""A small schema with a connection, for tests of the engine and of GraphQL over HTTP."""

from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema

from gateway.errors import NotFound

SDL = """
type Query {
  orders(first: Int, last: Int, filter: Filter): OrderConnection!
  order(id: ID!, note: String): Order
  nodes(ids: [ID!]!, first: Int): [Order]!
  echo(text: String = "", list: [Int!], size: Int! = 1, filter: Filter): String
  who: String
  missing: String
  bug: String
  strictBug: String!
}
type Mutation { create(note: String): String }
type Subscription { ticks: Int }
input Filter { and: [Filter!], number: String }
type OrderConnection { nodes: [Order!]! edges: [OrderEdge!]! }
type OrderEdge { node: Order! }
type Order { number: String  parent: Order  orders(first: Int, last: Int): OrderConnection! }
"""

SECRET = "row-canary"
ORDER = {"number": "SO-1", "parent": {"number": "SO-0"}}
CONNECTION = {"nodes": [ORDER], "edges": [{"node": ORDER}]}


Info = GraphQLResolveInfo[Any]


class Bug(Exception):
    """A bug that nobody foresaw; its words hold what must not get out."""


async def missing(root: object, info: Info) -> str:
    raise NotFound("There is no such order.", entity="order")


def bug(root: object, info: Info) -> str:
    raise Bug(SECRET)


def who(root: object, info: Info) -> str:
    return str(info.context)


def echo(root: object, info: Info, text: str = "", **rest: Any) -> str:
    return text


def create(root: object, info: Info, note: str | None = None) -> str:
    return f"created {note}"


def orders_schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    resolvers: dict[str, dict[str, Any]] = {
        "Query": {
            "orders": lambda *_, **__: CONNECTION,
            "order": lambda *_, **__: ORDER,
            "nodes": lambda *_, **__: [ORDER],
            "echo": echo,
            "who": who,
            "missing": missing,
            "bug": bug,
            "strictBug": bug,
        },
        "Mutation": {"create": create},
        "Order": {"orders": lambda *_, **__: CONNECTION},
    }
    for type_name, fields in resolvers.items():
        for name, resolve in fields.items():
            schema.type_map[type_name].fields[name].resolve = resolve  # type: ignore[attr-defined]
    return schema
