"""
A guard against slower plans that no clock has a part in: how many function calls a query costs.

The figures are a little above what stands today; whoever goes beyond them should know why.
"""

import gc
import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from tests.stack import Answer, Stack

pytestmark = pytest.mark.anyio
QUERY = """query ($n: Int!) {
  orders(first: $n) {
    nodes {
      id number status total { amount } account { name }
      lines { nodes { description quantity unitPrice { amount } } }
    }
  }
}"""
ONE = "query ($id: ID!) { order(id: $id) { id number status placedAt total { amount } } }"
FEW, MANY = 10, 20
FOR_A_QUERY = 345
FOR_AN_ORDER = 6
"""With its lines; most orders have three to nine."""
FOR_ONE_ORDER = 315
"""
By its id; some 25 of them are the governor's for one call, ten count what variables hold, and six
read the budget in the answer, unless that was done within the last hundredth of a second.
"""


async def calls(stack: Stack, query: str, **variables: Any) -> tuple[int, Answer]:
    """Calls within the gateway for one warm query, and its answer."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call") and "/gateway/" in frame.f_code.co_filename:
            counted[event] += 1

    await stack.ask(query, as_="rep", **variables)
    gc.disable()  # The measure of its pauses is a call of ours, whenever it likes.
    sys.setprofile(count)
    try:
        answer = await stack.ask(query, as_="rep", **variables)
    finally:
        sys.setprofile(None)
        gc.enable()
    return counted.total(), answer


async def listed(stack: Stack, orders: int) -> tuple[int, int]:
    """Calls for a list, and the orders in it."""
    total, answer = await calls(stack, QUERY, n=orders)
    return total, len(answer.data["orders"]["nodes"])


async def test_a_query_and_each_of_its_orders_cost_few_calls(stack: Stack) -> None:
    few, rows = await listed(stack, FEW)
    many, more = await listed(stack, MANY)

    each = (many - few) / (more - rows)
    assert each <= FOR_AN_ORDER
    assert few - rows * each <= FOR_A_QUERY


async def test_one_order_costs_few_calls(stack: Stack) -> None:
    order = (await stack.ask("{ orders(first: 1) { nodes { id } } }", as_="rep")).data["orders"]

    total, answer = await calls(stack, ONE, id=order["nodes"][0]["id"])

    assert answer.data["order"]
    assert total <= FOR_ONE_ORDER
