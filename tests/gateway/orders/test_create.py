"""Placing an order through the whole stack: what is written, and what is said when nothing is."""

from typing import Any
from uuid import uuid4

import pytest

from tests.stack import Answer, Stack

pytestmark = pytest.mark.anyio

CREATE = """
mutation ($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) {
    order {
      id name status customerReference company account { number } contact { email }
      shipTo { city country }
      lines { nodes { sequence quantity product { id } unitPrice { amount } } }
    }
    errors { __typename code message path ... on MissingDefault { default } }
  }
}
"""


async def products(stack: Stack, count: int = 2, *, as_: str = "jane") -> list[dict[str, Any]]:
    query = "{ products(first: 50) { nodes { id number price { unitPrice { amount } } } } }"
    found = (await stack.ask(query, as_=as_)).data["products"]["nodes"]
    return [product for product in found if product["price"]][:count]


async def create(stack: Stack, *, as_: str = "jane", **changes: Any) -> Answer:
    order = {
        "idempotencyKey": str(uuid4()),
        "customerReference": "PO-1",
        "lines": [
            {"product": product["id"], "quantity": str(number)}
            for number, product in enumerate(await products(stack, as_=as_), start=2)
        ],
    }
    return await stack.ask(CREATE, as_=as_, input=order | changes)


def errors(answer: Answer) -> list[str]:
    payload = answer.data["createSalesOrder"]
    assert payload["order"] is None
    return [error["code"] for error in payload["errors"]]


async def test_a_right_that_the_gateway_lacks_is_told_to_its_operator(
    writable: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writable.emulator.state.store, "denied", {"prvCreateOrder"})

    payload = (await create(writable)).data["createSalesOrder"]

    assert [error["code"] for error in payload["errors"]] == ["ORDER_REFUSED"]
    assert "The gateway lacks a right" in payload["errors"][0]["message"]
    assert "missing prvCreateOrder privilege" in caplog.text
    assert "prvCreateOrder" not in str(payload)


async def test_an_order_is_written_whole_and_read_back(writable: Stack) -> None:
    wanted = await products(writable)

    payload = (await create(writable)).data["createSalesOrder"]

    assert payload["errors"] == []
    order = payload["order"]
    assert order["customerReference"] == "PO-1"
    assert order["account"]["number"]
    assert order["contact"]["email"] == "jane.doe@contoso-retail.example"
    assert order["shipTo"]["country"]
    assert [(line["sequence"], line["product"]["id"]) for line in order["lines"]["nodes"]] == [
        (1, wanted[0]["id"]),
        (2, wanted[1]["id"]),
    ]
    assert [float(line["unitPrice"]["amount"]) for line in order["lines"]["nodes"]] == [
        float(product["price"]["unitPrice"]["amount"]) for product in wanted
    ]


async def test_the_same_key_never_makes_a_second_order(writable: Stack) -> None:
    key = str(uuid4())
    count = "{ orders { totalCount } }"

    first = await create(writable, idempotencyKey=key)
    before = (await writable.ask(count)).data
    second = await create(writable, idempotencyKey=key)

    assert first.data["createSalesOrder"]["order"]["id"]
    assert second.data == first.data
    assert (await writable.ask(count)).data == before


async def test_the_same_key_of_somebody_else_is_another_order(writable: Stack) -> None:
    key = str(uuid4())

    jane = await create(writable, idempotencyKey=key)
    may = await create(writable, as_="may", idempotencyKey=key)

    mine, theirs = (each.data["createSalesOrder"]["order"]["id"] for each in (jane, may))
    assert mine != theirs


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"idempotencyKey": ""}, ["input", "idempotencyKey"]),
        ({"idempotencyKey": "x" * 256}, ["input", "idempotencyKey"]),
        ({"lines": []}, ["input", "lines"]),
        ({"customerReference": "x" * 61}, ["input", "customerReference"]),
        ({"lines": [{"number": "x", "quantity": "0"}]}, ["input", "lines", "0", "quantity"]),
        ({"lines": [{"number": "x", "quantity": "NaN"}]}, ["input", "lines", "0", "quantity"]),
        (
            {"lines": [{"number": "x", "quantity": "1E1000000"}]},
            ["input", "lines", "0", "quantity"],
        ),
        (
            {"lines": [{"number": "x", "quantity": "1E-99999999"}]},
            ["input", "lines", "0", "quantity"],
        ),
        ({"lines": [{"quantity": "1"}]}, ["input", "lines", "0"]),
    ],
)
async def test_mistakes_are_named_with_their_place(
    writable: Stack, changes: dict[str, Any], path: list[str]
) -> None:
    writable.emulator.state.log.clear()

    answer = await create(writable, **changes)

    (error,) = answer.data["createSalesOrder"]["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", path)


async def test_an_unknown_product_is_named(writable: Stack) -> None:
    answer = await create(writable, lines=[{"number": "no such", "quantity": "1"}])

    assert errors(answer) == ["PRODUCT_NOT_FOUND"]


async def test_a_foreign_account_does_not_exist(writable: Stack) -> None:
    theirs = (await writable.ask("{ accounts { nodes { id } } }", as_="may")).data["accounts"]

    answer = await create(writable, account=theirs["nodes"][0]["id"])

    assert errors(answer) == ["ACCOUNT_NOT_FOUND"]


async def test_staff_may_not_order(writable: Stack) -> None:
    answer = await create(writable, as_="admin")

    assert answer.codes == ["FORBIDDEN"]
