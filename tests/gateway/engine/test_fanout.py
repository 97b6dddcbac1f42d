"""The rows that an operation could return, and the work that they could be, from its page sizes."""

from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse

from gateway.engine.fanout import LEAF, LISTED, OBJECT, READ, Counting, Fanout, evaluate
from tests.gateway.engine.orders import orders_schema
from tests.schema import shipped

SCHEMA = orders_schema()
DECLARED = shipped()


def fanout(source: str, variables: dict[str, Any], schema: GraphQLSchema) -> Fanout:
    document = parse(source)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return evaluate(Counting(schema, document).of(operation), variables)


def rows(source: str, variables: dict[str, Any]) -> int:
    return fanout(source, variables, SCHEMA).rows


TWO_LEVELS = "{orders(first:10){nodes{orders(first:5){nodes{number}}}}}"
NESTED = "query($n:Int, $m:Int=3){orders(first:$n){nodes{orders(last:$m){edges{node{number}}}}}}"


@pytest.mark.parametrize(
    ("source", "variables", "expected"),
    [
        ("{who order(id:1){number}}", {}, 0),
        ("{orders{nodes{number}}}", {}, 25),
        ("{orders(first:7){nodes{number}}}", {}, 7),
        ("{orders(last:7){nodes{number}}}", {}, 7),
        ("{a:orders(first:2){nodes{number}} b:orders(first:3){nodes{number}}}", {}, 5),
        (TWO_LEVELS, {}, 10 + 10 * 5),
        ("{order(id:1){orders(first:4){nodes{number}}}}", {}, 4),
        ("{...F ...F} fragment F on Query {orders(first:4){nodes{number}}}", {}, 8),
        ("{... on Query{orders(first:4){nodes{number}}}}", {}, 4),
        ("{...{orders(first:4){nodes{number}}}}", {}, 4),
        ("{nodes(ids:[1,2,3]){number}}", {}, 3),
        ("query($ids:[ID!]!){nodes(ids:$ids){number}}", {"ids": ["a", "b"]}, 2),
        (NESTED, {"n": 10}, 10 + 10 * 3),
        (NESTED, {"n": 10, "m": 2}, 10 + 10 * 2),
        (NESTED, {}, 25 + 25 * 3),
        (NESTED, {"n": None, "m": "x"}, 25 + 25 * 25),
        (NESTED, {"n": -1000, "m": 100}, 0),
        (NESTED, {"n": 2.0, "m": float("inf")}, 2 + 2 * 25),
        ("query($n:Int){orders(first:$n){nodes{orders(first:$n){nodes{number}}}}}", {"n": 9}, 90),
        ("query($n:Int){orders(first:$n, last:$n){nodes{number}}}", {"n": 1}, 100),
    ],
)
def test_rows_are_the_product_of_the_pages_on_the_way_down(
    source: str, variables: dict[str, Any], expected: int
) -> None:
    assert rows(source, variables) == expected


def test_a_doubling_fragment_is_counted_once_and_exactly() -> None:
    levels = " ".join(f"fragment F{i} on Query {{...F{i + 1} ...F{i + 1}}}" for i in range(80))

    source = f"{{...F0}} {levels} fragment F80 on Query {{orders(first:1){{nodes{{number}}}}}}"

    assert rows(source, {}) == 2**80


@pytest.mark.parametrize(
    ("source", "variables", "expected"),
    [
        ("{viewer{kind}}", {}, OBJECT + LEAF),
        ("{viewer{...V ...V}} fragment V on Viewer{kind}", {}, OBJECT + 2 * LEAF),
        ("{orders(first:7){nodes{number}}}", {}, READ + 7 * (OBJECT + LEAF)),
        ("{nodes(ids:[1,2,3]){id}}", {}, OBJECT + 3 * (OBJECT + LEAF)),
        (
            "{orders(first:7){...P}} fragment P on SalesOrderConnection{totalCount nodes{number}}",
            {},
            READ + LEAF + 7 * (OBJECT + LEAF),
        ),
        (
            "{orders(first:7){nodes{number} nodes{a:number} pageInfo{endCursor}}}",
            {},
            READ + 7 * 2 * (OBJECT + LEAF) + OBJECT + LEAF,
        ),
        (
            "query($n:Int){orders(first:$n){edges{node{total{amount} account{name}}}}}",
            {"n": 3},
            READ + 3 * (OBJECT + OBJECT + (OBJECT + LEAF) + (READ + LEAF)),
        ),
        (
            "{orders(first:3){nodes{lines(first:5){nodes{quantity}}}}}",
            {},
            READ + 3 * (OBJECT + READ + 5 * (OBJECT + LEAF)),
        ),
        (
            "{orders(first:3){nodes{syncState{status} version}}}",
            {},
            READ + 3 * (OBJECT + (READ + LEAF) + LEAF),
        ),
        ("{__schema{types{name}}}", {}, OBJECT + LISTED * (OBJECT + LEAF)),
    ],
)
def test_work_is_what_is_selected_of_each_row(
    source: str, variables: dict[str, Any], expected: int
) -> None:
    assert fanout(source, variables, DECLARED).work == expected
