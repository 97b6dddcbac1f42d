"""The modules through which a list goes, from its plan to the request that is sent."""

import sys
from itertools import groupby
from types import FrameType
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.anyio
QUERY = """{
  orders(
    first: 3
    filter: { number: { startsWith: "S" } }
    orderBy: [{ field: NUMBER, direction: ASC }]
  ) { nodes { number } }
}"""
BEGIN, END = "gateway.plans.root_fetches", "gateway.upstream.tape"
VOCABULARY = "gateway.model."
"""The declarations, which every module asks."""
RETURNS = 3
"""To windows, which are made before they are read; to the gate, and to what is prepared."""


async def way(stack: Stack) -> list[str]:
    """The modules whose functions are called on the way, each as often as it is entered."""
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        if event != "call" or not module.startswith("gateway.") or entered[-1:] == [END]:
            return
        is_named = not frame.f_code.co_name.startswith("<")
        if is_named and not module.startswith(VOCABULARY) and (entered or module == BEGIN):
            entered.append(module)

    await stack.ask(QUERY)
    sys.setprofile(note)
    try:
        answer = await stack.ask(QUERY)
    finally:
        sys.setprofile(None)
    assert len(answer.data["orders"]["nodes"]) == 3
    return [module for module, _ in groupby(entered)]


async def test_a_list_comes_back_to_few_modules_on_its_way_to_the_service(stack: Stack) -> None:
    entered = await way(stack)

    assert entered[0] == BEGIN
    assert entered[-1] == END
    assert len(entered) - len({*entered}) <= RETURNS
