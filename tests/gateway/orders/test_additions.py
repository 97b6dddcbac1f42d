"""Lines that are added to an order count together with those that it has."""

from typing import Any
from uuid import uuid4

import pytest

from tests.gateway.orders.ordering import do, placed, products
from tests.gateway.orders.worlds import changed, key
from tests.stack import Stack

pytestmark = pytest.mark.anyio
DEAR = 6 * 10**14
"""A price of which ten come to more than half of what an order may come to, in its last places."""


@pytest.mark.parametrize("name", ["addSalesOrderLines", "importSalesOrderLines"])
async def test_an_order_does_not_grow_past_the_amount_that_it_can_keep(
    writable: Stack, name: str
) -> None:
    (product,) = await products(writable, 1)
    with dear(writable, product):
        order = await placed(writable, lines=[{"product": product["id"], "quantity": "10"}])
        lines = [{"number": product["number"], "quantity": "10"}]
        said: dict[str, Any] = (
            {"lines": lines}
            if name == "addSalesOrderLines"
            else {"csv": f"number,quantity\n{product['number']},10"}
        )
        payload = await do(writable, name, **at(order), idempotencyKey=str(uuid4()), **said)

    (error,) = payload["errors"]
    assert (error["code"], error["path"][-1]) == ("INVALID_INPUT", "quantity")
    assert await quantities(writable, order) == ["10.0"]


async def test_the_other_lines_count_where_one_grows_and_not_where_it_shrinks(
    writable: Stack,
) -> None:
    first, second = await products(writable, 2)
    with dear(writable, first):
        lines = [{"product": first["id"], "quantity": "10"}]
        order = await placed(writable, lines=[*lines, {"product": second["id"], "quantity": "5"}])
        dear_line, other = (line["id"] for line in order["lines"]["nodes"])
        where = ("salesorderdetail", '"salesorderdetailid" = ?', key(other))
        with changed(writable, *where, values={"priceperunit": 16 * 10**14}):
            change = {**at(order), "line": dear_line}
            grown = await do(writable, "updateSalesOrderLine", **change, quantity="11")
            shrunk = await do(writable, "updateSalesOrderLine", **change, quantity="9")

    assert [error["code"] for error in grown["errors"]] == ["INVALID_INPUT"]
    assert shrunk["errors"] == []


def dear(stack: Stack, product: dict[str, Any]) -> Any:
    """A time in which a product is very dear in every list."""
    where = '"_productid_value" = ?'
    values = {"amount": DEAR}
    return changed(stack, "productpricelevel", where, key(product["id"]), values=values)


def at(order: dict[str, Any]) -> dict[str, Any]:
    return {"order": order["id"], "version": order["version"]}


async def quantities(stack: Stack, order: dict[str, Any]) -> list[str]:
    query = "query ($id: ID!) { order(id: $id) { lines { nodes { quantity } } } }"
    lines = (await stack.ask(query, id=order["id"])).data["order"]["lines"]["nodes"]
    return [line["quantity"] for line in lines]
