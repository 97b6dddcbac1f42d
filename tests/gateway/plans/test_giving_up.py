"""A plan that is given up does not wait for what never comes, and nothing is asked twice."""

import asyncio
from collections import Counter

import httpx2
import pytest
from starlette.applications import Starlette

from tests.meddling import Meddling
from tests.stack import running

pytestmark = pytest.mark.anyio
TWO_LISTS = """{
  orders(first: 3) { nodes { number } }
  orderLines(first: 3) { nodes { id product { number } } }
}"""


class Holding(Meddling):
    """Breaks a key in the first line, and holds the orders back until products are asked for."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            app, "/salesorderdetails?", lambda rows: rows[0].update(_productid_value=7)
        )
        self.asked: Counter[str] = Counter()
        self._products = asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = str(request.url)
        self.asked[url] += "/data/v9.2/" in url and "$batch" not in url
        response = await super().handle_async_request(request)
        if "/products?" in url:
            self._products.set()
        if "/salesorders?" in url:
            await asyncio.wait_for(self._products.wait(), 10)
        return response


async def test_it_does_not_wait_for_other_reads_nor_ask_them_again(small_world: Starlette) -> None:
    upstream = Holding(small_world)
    async with running(small_world, upstream, expands=False) as stack:
        answer = await stack.ask(TWO_LISTS)

    assert len(answer.body["data"]["orders"]["nodes"]) == 3
    assert [error["path"] for error in answer.body["errors"]] == [
        ["orderLines", "nodes", 0, "product"]
    ]
    assert set(upstream.asked.values()) <= {0, 1}
    assert sum("/salesorders?" in url for url in upstream.asked) == 1
