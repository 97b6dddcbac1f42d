"""A failure takes nothing else away, and a mutation says what was wrong with its input."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type

from gateway.model.tables import TABLES
from gateway.resolvers.orders.inputs import MOST
from gateway.schema import ids
from tests.gateway.orders.ordering import codes, do, new_order, placed
from tests.gateway.orders.test_accepting_quotes import offers
from tests.schema import shipped
from tests.stack import Stack

pytestmark = pytest.mark.anyio

SCHEMA = shipped()
MUTATIONS: dict[str, Any] = {
    name: field
    for name, field in SCHEMA.mutation_type.fields.items()  # type: ignore[union-attr]
    if "input" in field.args and "errors" in field.type.fields
}
"""The mutations of orders: those whose payload has errors."""
JUNK = ["junk", "", "a'b", "[]", "\n", ids.encode(TABLES["Invoice"], (uuid4(),))]
SAMPLES: dict[str, Any] = {"Decimal": "1", "Date": "2030-01-01", "Boolean": False, "ID": "junk"}


def filled(type_: GraphQLInputObjectType) -> dict[str, Any]:
    """An input with all fields that it must have."""
    found: dict[str, Any] = {}
    for name, declared in type_.fields.items():
        if isinstance(declared.type, GraphQLNonNull):
            named = get_named_type(declared.type)
            below = filled(named) if isinstance(named, GraphQLInputObjectType) else None
            value = below if below is not None else SAMPLES.get(named.name, "x")
            inner = declared.type.of_type
            found[name] = [value] if isinstance(inner, GraphQLList) else value
    return found


def input_of(name: str) -> GraphQLInputObjectType:
    found = get_named_type(MUTATIONS[name].args["input"].type)
    assert isinstance(found, GraphQLInputObjectType)
    return found


def asking(name: str) -> str:
    """The mutation, of which just the errors are asked for."""
    kind = input_of(name).name
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ errors {{ code path }} }} }}"


def id_fields(type_: GraphQLInputObjectType) -> list[str]:
    return [name for name, each in type_.fields.items() if get_named_type(each.type).name == "ID"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_may_be_null(name: str) -> None:
    assert not isinstance(MUTATIONS[name].type, GraphQLNonNull)


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in MUTATIONS for field in id_fields(input_of(name))]
)
async def test_an_id_that_is_none_is_a_typed_error_with_its_path(
    writable: Stack, name: str, field: str
) -> None:
    order = await placed(writable)
    good = {"order": order["id"], "version": order["version"], "csv": "number,quantity\nD0023,1"}
    (line, _), more = order["lines"]["nodes"], (await new_order(writable))["lines"]
    least = filled(input_of(name))
    sent = {
        **least,
        **{
            key: v
            for key, v in ({**good, "line": line["id"], "lines": more}).items()
            if key in least
        },
    }
    if "customerReference" in input_of(name).fields:
        sent["customerReference"] = "PO-2"
    if name == "updateSalesOrderLine":
        sent["quantity"] = "2"
    if name == "acceptQuote":
        quote, *_ = await offers(writable)
        sent |= {"quote": quote["id"], "version": quote["version"]}
    if "idempotencyKey" in sent:
        sent["idempotencyKey"] = str(uuid4())

    for junk in JUNK:
        answer = await writable.ask(asking(name), input={**sent, field: junk})

        assert answer.data[name]["errors"] == [
            {"code": "INVALID_INPUT", "path": ["input", field]}
        ], junk


def text_fields(type_: GraphQLInputObjectType, *path: str) -> Iterator[tuple[str, ...]]:
    """The paths of all texts and ids in an input, through what is inside of it."""
    for name, each in type_.fields.items():
        named = get_named_type(each.type)
        if isinstance(named, GraphQLInputObjectType):
            yield from text_fields(named, *path, name)
        elif named.name in ("String", "ID"):
            yield (*path, name)


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_text_of_any_length_is_a_typed_error(stack: Stack, name: str) -> None:
    for path in text_fields(input_of(name)):
        sent = filled(input_of(name))
        place: Any = sent
        for step in path[:-1]:
            inner = filled(get_named_type(input_of(name).fields[step].type))
            place = sent.setdefault(step, inner)
            place = place[0] if isinstance(place, list) else place
        place[path[-1]] = "x" * 100_000

        errors = (await stack.ask(asking(name), input=sent)).data[name]["errors"]

        assert errors, path
        assert {error["path"][0] for error in errors} == {"input"}, path


def lists(type_: GraphQLInputObjectType) -> Iterator[tuple[str, str]]:
    """The lists in an input, with the types of their items."""
    for name, each in type_.fields.items():
        named = get_named_type(each.type)
        if isinstance(each.type, GraphQLList) or isinstance(
            getattr(each.type, "of_type", None), GraphQLList
        ):
            yield name, named.name
        elif isinstance(named, GraphQLInputObjectType):
            yield from lists(named)


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [(name, *each) for name in MUTATIONS for each in lists(input_of(name))],
)
async def test_a_list_that_is_too_long_is_a_typed_error_with_its_path(
    stack: Stack, name: str, field: str, kind: str
) -> None:
    """It is written in the input, or in a variable of its own."""
    most, item = MOST[kind], {"quantity": "1", "number": "D0023"}
    rest = {key: value for key, value in filled(input_of(name)).items() if key != field}
    literal = " ".join(f'{key}: "{value}"' for key, value in rest.items())
    apart = (
        f"mutation ($many: [{kind}!]!) {{ {name}(input: {{ {field}: $many {literal} }})"
        " { errors { code path } } }"
    )
    for count in (most + 1, 5_000):
        many = [item] * count
        answers = [
            await stack.ask(asking(name), input={**rest, field: many}),
            await stack.ask(apart, many=many),
        ]

        for answer in answers:
            found = answer.data[name]["errors"]
            assert found == [{"code": "INVALID_INPUT", "path": ["input", field]}]


@pytest.mark.parametrize("name", ["createSalesOrder", "previewSalesOrder", "addSalesOrderLines"])
async def test_the_path_of_a_wrong_product_leads_to_its_line(writable: Stack, name: str) -> None:
    good = (await new_order(writable))["lines"][0]
    lines = [{"product": "junk", "quantity": "1"} if n in (2, 4) else good for n in range(6)]
    sent: dict[str, Any] = {"lines": lines, "idempotencyKey": str(uuid4())}
    if name == "previewSalesOrder":
        del sent["idempotencyKey"]
    if name == "addSalesOrderLines":
        order = await placed(writable)
        sent |= {"order": order["id"], "version": order["version"]}

    errors = (await writable.ask(asking(name), input=sent)).data[name]["errors"]

    assert [error["path"] for error in errors] == [
        ["input", "lines", n, "product"] for n in ("2", "4")
    ]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"account": ids.encode(TABLES["Account"], (uuid4(),))}, "ACCOUNT_NOT_FOUND", "account"),
        ({"contact": ids.encode(TABLES["Contact"], (uuid4(),))}, "CONTACT_NOT_FOUND", "contact"),
    ],
)
async def test_what_an_order_names_and_is_not_there_is_a_typed_error(
    writable: Stack, changes: dict[str, Any], code: str, field: str
) -> None:
    payload = await do(writable, "createSalesOrder", **await new_order(writable, **changes))

    assert codes(payload) == [code]
    assert payload["errors"][0]["path"] == ["input", field]


async def test_a_mutation_that_fails_leaves_the_answers_of_the_others(writable: Stack) -> None:
    """`c` is refused as a whole: no role of a buyer's reaches what it asks for."""
    first, second = await new_order(writable), await new_order(writable)
    query = """mutation ($a: CreateSalesOrderInput!, $b: CreateSalesOrderInput!) {
      a: createSalesOrder(input: $a) { order { number } }
      b: createSalesOrder(input: $b) { order { number } errors { code } }
      c: createSalesOrder(input: $a) { order { number shipments(first: 1000) { nodes { id } } } }
    }"""

    answer = await writable.ask(
        query, a=first, b={**second, "lines": [{"product": "junk", "quantity": "1"}]}
    )

    data = answer.body["data"]
    assert data["a"]["order"]["number"]
    assert data["b"] == {"order": None, "errors": [{"code": "INVALID_INPUT"}]}
    assert data["c"]["order"] == {"number": data["a"]["order"]["number"], "shipments": None}
    assert answer.body["errors"][0]["path"] == ["c", "order", "shipments"]


async def test_a_mutation_that_is_forbidden_leaves_the_answers_of_the_others(
    writable: Stack,
) -> None:
    sent = await new_order(writable)
    query = """mutation ($a: CreateSalesOrderInput!, $b: PreviewSalesOrderInput!) {
      a: createSalesOrder(input: $a) { status } b: previewSalesOrder(input: $b) { complete }
    }"""

    answer = await writable.ask(query, as_="admin", a=sent, b={"lines": sent["lines"]})

    assert answer.body["data"] == {"a": None, "b": None}
    assert [error["path"] for error in answer.body["errors"]] == [["a"], ["b"]]
    assert set(answer.codes) == {"FORBIDDEN"}


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
async def test_an_id_that_fails_leaves_the_other_entries(writable: Stack, compiled: bool) -> None:
    order = await placed(writable)
    nobodys = ids.encode(TABLES["SalesOrder"], (uuid4(),))
    wrong = [*JUNK[:3], order["id"], ids.encode(TABLES["ShipmentLine"], ("usmf", 1)), nobodys]
    query = """query ($ids: [ID!]!) {
      viewer { name } nodes(ids: $ids) { id } orders(first: 1) { nodes { id } }
    }"""

    answer = await writable.ask(query, ids=wrong)

    data = answer.body["data"]
    assert data["nodes"] == [None, None, None, {"id": order["id"]}, None, None]
    assert data["viewer"]["name"]
    assert len(data["orders"]["nodes"]) == 1
    assert [error["path"] for error in answer.body["errors"]] == [
        ["nodes", n] for n in (0, 1, 2, 4)
    ]
    assert set(answer.codes) == {"INVALID_INPUT"}


async def test_too_many_ids_leave_the_rest_of_the_answer(writable: Stack) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } viewer { name } }"

    answer = await writable.ask(query, ids=["junk"] * 101)

    assert answer.codes == ["INVALID_INPUT"]
    assert answer.body["data"]["nodes"] is None
    assert answer.body["data"]["viewer"]["name"]
