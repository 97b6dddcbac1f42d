"""
A guard against slower plans that no clock has a part in: how many function calls a query costs.

The figures are a little above what stands today; whoever goes beyond them should know why.
"""

import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.anyio
QUERY = """query ($n: Int!) {
  orders(first: $n) {
    nodes {
      id number status total { amount } account { name }
      lines { nodes { description quantity unitPrice { amount } } }
    }
  }
}"""
FEW, MANY = 10, 20
FOR_A_QUERY = 600
FOR_AN_ORDER = 13
"""With its lines; most orders have three to nine."""


async def calls(stack: Stack, orders: int) -> tuple[int, int]:
    """Calls within the gateway for one warm query, and the orders in its answer."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call") and "/gateway/" in frame.f_code.co_filename:
            counted[event] += 1

    await stack.ask(QUERY, as_="rep", n=orders)
    sys.setprofile(count)
    try:
        answer = await stack.ask(QUERY, as_="rep", n=orders)
    finally:
        sys.setprofile(None)
    return counted.total(), len(answer.data["orders"]["nodes"])


async def test_a_query_and_each_of_its_orders_cost_few_calls(stack: Stack) -> None:
    few, rows = await calls(stack, FEW)
    many, more = await calls(stack, MANY)

    each = (many - few) / (more - rows)
    assert each <= FOR_AN_ORDER
    assert few - rows * each <= FOR_A_QUERY
