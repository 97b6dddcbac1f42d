"""One loop over the registry: each limit holds, refuses one more, and is documented."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from graphql import get_introspection_query

from gateway.engine.execution import Engine, GraphQLRequest
from gateway.engine.limits import REGISTRY, Limits
from gateway.engine.outcome import Refused
from tests.gateway.engine.bombs import aliased, nested_value, repeated
from tests.gateway.engine.orders import orders_schema

SCHEMA = orders_schema()
DOCS = Path(__file__).parents[3] / "docs" / "limits.md"
EDGE = {"body_bytes", "answer_bytes"}
"""
Limits that hold before there is a document, or for the answer: test_middleware.py and
test_large_answers.py have theirs.
"""


def query(text: str, **variables: object) -> GraphQLRequest:
    return GraphQLRequest(text, variables)


AT: dict[str, Callable[[int], GraphQLRequest]] = {
    "source_length": lambda n: query("{who}".ljust(n)),
    "tokens": lambda n: query("{" + "who " * (n - 2) + "}"),
    "comments": lambda n: query("#\n" * n + "{who}"),
    "operations": lambda n: GraphQLRequest(
        " ".join(f"query Q{i} {{who}}" for i in range(n)), operation_name="Q0"
    ),
    "fragments": lambda n: query(
        "{...F0}"
        + "".join(f" fragment F{i} on Query {{...F{i + 1}}}" for i in range(n - 1))
        + f" fragment F{n - 1} on Query {{who}}"
    ),
    "spreads": lambda n: query("{" + "...{" * n + "who" + "}" * n + "}"),
    "directives": lambda n: query(repeated(n, "who @skip(if:false)")),
    "directives_per_node": lambda n: query(
        "{who @skip(if:false)" + "@include(if:true)" * (n - 1) + "}"
    ),
    "variables": lambda n: query("query(" + " ".join(f"$v{i}:Int" for i in range(n)) + "){who}"),
    "input_list": lambda n: query(f"{{echo(list:[{'1 ' * n}])}}"),
    "input_values": lambda n: query(f"{{echo(list:[{'1 ' * (n - 1)}])}}"),
    "input_string": lambda n: query(f'{{echo(text:"{"x" * n}")}}'),
    "input_nesting": lambda n: query(nested_value(n, "[", "]")),
    "depth": lambda n: query("{order(id:1){" + "parent{" * (n - 2) + "number" + "}" * n),
    "fields": lambda n: query(repeated(n)),
    "aliases": lambda n: query(aliased(n)),
    "root_fields": lambda n: query(repeated(n)),
    "mutations": lambda n: query("mutation" + repeated(n, "create")),
    "same_name": lambda n: query("{order(id:1)" + repeated(n, "number") + "}"),
    "work": lambda n: query(repeated(n)),
    "nodes": lambda n: query(f"{{orders(first:{n}){{nodes{{number}}}}}}"),
}
"""For each limit a request that needs just `n` of it."""

GENEROUS = Limits(**dict.fromkeys(REGISTRY, 10_000))


def refusal(limits: Limits, request: GraphQLRequest) -> dict[str, object]:
    """The `extensions` of a LIMIT_EXCEEDED; empty where no limit refused the request."""
    try:
        Engine(SCHEMA, limits, introspection=True).prepare(request)
    except Refused as refused:
        extensions: dict[str, object] = refused.errors[0]["extensions"]
        return extensions if extensions["code"] == "LIMIT_EXCEEDED" else {}
    return {}


def test_every_limit_has_its_case() -> None:
    assert AT.keys() | EDGE == REGISTRY.keys()


@pytest.mark.parametrize("name", AT)
def test_a_limit_holds_at_its_maximum_and_refuses_one_more(name: str) -> None:
    limits = replace(GENEROUS, **{name: 7})

    assert refusal(limits, AT[name](7)) == {}
    refused = refusal(limits, AT[name](8))
    assert (refused["limit"], refused["maximum"]) == (name, 7)
    assert refused.get("actual", 8) == 8


@pytest.mark.parametrize("name", ["input_list", "input_values", "input_string", "input_nesting"])
def test_variables_are_held_to_the_limits_of_literals(name: str) -> None:
    values: dict[str, Callable[[int], object]] = {
        "input_list": lambda n: [1] * n,
        "input_values": lambda n: [1] * (n - 1),
        "input_string": lambda n: {"x": "x" * n},
        "input_nesting": lambda n: {"x": nest(n - 1)},
    }
    limits = replace(GENEROUS, **{name: 7})

    assert refusal(limits, query("{who}", v=values[name](7))) == {}
    assert refusal(limits, query("{who}", v=values[name](8)))["limit"] == name


def test_a_variable_counts_wherever_it_is_used() -> None:
    text = "query($v:[Int!]) {a:echo(list:$v) ...F ...F} fragment F on Query {b:echo(list:$v)}"
    limits = replace(GENEROUS, input_values=12)

    assert refusal(limits, query(text, v=[1] * 3)) == {}
    assert refusal(limits, query(text, v=[1] * 4))["limit"] == "input_values"
    assert refusal(limits, query(text.replace("[Int!])", "[Int!] = [1 1 1 1])")))["limit"] == (
        "input_values"
    )


def nest(levels: int) -> object:
    return [nest(levels - 1)] if levels else 1


@pytest.mark.parametrize("name", REGISTRY)
def test_a_limit_is_documented_with_its_default(name: str) -> None:
    default, meaning = REGISTRY[name]

    assert f"| `{name}` | {default:,} | {meaning} |" in DOCS.read_text()


def test_the_docs_name_no_limit_that_is_gone() -> None:
    ours = DOCS.read_text().partition("## Before authentication")[0]
    assert set(re.findall(r"^\| `(\w+)`", ours, re.MULTILINE)) == REGISTRY.keys()


def test_introspection_as_graphiql_asks_it_passes_every_limit() -> None:
    text = get_introspection_query(
        specified_by_url=True, schema_description=True, input_value_deprecation=True
    )

    assert refusal(Limits(), query(text)) == {}


def test_a_fragment_counts_wherever_it_is_spread() -> None:
    text = "{order(id:1){...F}} fragment F on Order {parent{parent{number}}}"

    assert refusal(replace(GENEROUS, depth=4), query(text)) == {}
    assert refusal(replace(GENEROUS, depth=3), query(text))["limit"] == "depth"
