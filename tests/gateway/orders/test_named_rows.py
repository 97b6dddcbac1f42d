"""Links of an order that an adopter adds: named by a text in its input, or set by a mutation."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.extensions import forgotten, written
from tests.gateway.orders.ordering import mutation, new_order
from tests.gateway.test_extensions import EXAMPLES, with_machines
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio
ORDERS = '''
from gateway.extension import *
from examples.acme import Machine


@extend(SalesOrder)
class AcmeMachineOfOrder:
    machine: Machine | None = link(
        {"acme_project": "acme_serial"}, "The machine that the order names.", back="orders"
    )
    stands_for: Machine | None = link(
        "acme_machineid", "The machine that was chosen later.", written="update"
    )


@mutation(needs="orders", privilege="update")
async def choose_machine(info: Info, order: ID, machine: ID) -> SalesOrder | None:
    """Choose the machine that an order is for."""
    found = await find(info, SalesOrder, order)
    return await update(info, found, stands_for=await find(info, Machine, machine))
'''
COLUMNS = """
[salesorder.columns]
"lookup acme_machine" = "acme_machineid"
"""
MACHINES = "{ machines { nodes { id serial orders { totalCount } } } }"
CHOOSE = """mutation($order: ID!, $machine: ID!) {
  chooseMachine(order: $order, machine: $machine) { id standsFor { serial } }
}"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    path = tmp_path_factory.mktemp("world") / "orders.toml"
    path.write_text(COLUMNS)
    return with_machines(emulator(metadata=(EXAMPLES / "acme.toml", path)))


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    folder: Path = tmp_path_factory.mktemp("orders")
    with forgotten("examples.acme"), written(folder, ORDERS, "acme_orders") as name:
        yield "examples.acme", name


@pytest.fixture(scope="module")
async def stack(world: Starlette, modules: tuple[str, ...]) -> AsyncIterator[Stack]:
    async with running(world, extensions=modules) as found:
        yield found


async def placed(stack: Stack, project: str) -> dict[str, Any]:
    text = mutation("createSalesOrder").replace("order { ", "order { machine { serial } ", 1)
    answer = await stack.ask(text, input=await new_order(stack, project=project))
    payload = answer.data["createSalesOrder"]
    assert payload["errors"] == []
    order: dict[str, Any] = payload["order"]
    return order


@pytest.mark.parametrize(
    ("project", "machine"),
    [("M-jane", {"serial": "M-jane"}), ("M-may", None), ("M-nobody", None)],
    ids=["one's own", "somebody else's", "nobody's"],
)
async def test_a_text_in_the_input_names_a_row_that_the_caller_sees(
    stack: Stack, project: str, machine: dict[str, str] | None
) -> None:
    order = await placed(stack, project)

    assert order["machine"] == machine


async def test_a_mutation_sets_the_lookup_of_an_order(stack: Stack) -> None:
    order = await placed(stack, "")
    (mine,) = (await stack.ask(MACHINES)).data["machines"]["nodes"]
    (others,) = (await stack.ask(MACHINES, as_="may")).data["machines"]["nodes"]

    chosen = await stack.ask(CHOOSE, order=order["id"], machine=mine["id"])
    foreign = await stack.ask(CHOOSE, order=order["id"], machine=others["id"])
    stranger = await stack.ask(CHOOSE, as_="may", order=order["id"], machine=others["id"])

    assert chosen.data["chooseMachine"]["standsFor"] == {"serial": "M-jane"}
    assert foreign.codes == ["NOT_FOUND"]
    assert stranger.codes == ["NOT_FOUND"]
