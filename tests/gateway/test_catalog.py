"""Products not yet sold are the seller's own: no customer sees, counts, finds or orders them."""

from typing import Any

import pytest

from tests.gateway.orders.ordering import codes, do, new_order
from tests.stack import Stack

pytestmark = pytest.mark.anyio

DRAFTS = """{
  products(filter: { state: { eq: DRAFT } }) { nodes { id number } totalCount }
  others: products(filter: { not: { state: { eq: DRAFT } } }, first: 0) { totalCount }
  all: products(first: 0) { totalCount }
}"""


async def drafts(stack: Stack) -> list[dict[str, Any]]:
    """The products that are not yet sold, as staff see them."""
    found = (await stack.ask(DRAFTS, as_="admin")).data
    assert found["products"]["totalCount"] > 0
    assert found["all"]["totalCount"] > found["others"]["totalCount"]
    rows: list[dict[str, Any]] = found["products"]["nodes"]
    return rows


@pytest.mark.parametrize("caller", ["jane", "sam", "rep", "may"])
async def test_a_draft_is_for_staff_alone(stack: Stack, caller: str) -> None:
    draft, *_ = await drafts(stack)
    query = "query ($id: ID!) { product(id: $id) { name } node(id: $id) { id } }"

    found = (await stack.ask(DRAFTS, as_=caller)).data
    one = (await stack.ask(query, as_=caller, id=draft["id"])).data

    assert found["products"] == {"nodes": [], "totalCount": 0}
    assert found["all"] == found["others"]
    assert one == {"product": None, "node": None}


@pytest.mark.parametrize("name", ["id", "number"])
async def test_a_draft_that_is_ordered_does_not_exist(writable: Stack, name: str) -> None:
    draft, *_ = await drafts(writable)
    named = {"product" if name == "id" else name: draft[name]}

    payload = await do(
        writable,
        "createSalesOrder",
        **await new_order(writable, lines=[{**named, "quantity": "1"}]),
    )

    assert codes(payload) == ["PRODUCT_NOT_FOUND"]
