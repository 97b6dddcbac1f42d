"""Orders while things break: cut connections, a busy or failing service, an ERP that says no."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from emulator.dataverse import definitions
from emulator.faults.actions import AnyAction, Cut, ErpDown, ErpRefuses, Fail, Latency, Throttle
from gateway.loaders.seals import Seal
from gateway.loaders.writer import Unsettled, Writes
from tests.gateway.orders.ordering import OPERATION, attempt, codes, do, new_order, placed, products
from tests.gateway.orders.worlds import changed, key
from tests.simulation.virtual import run
from tests.stack import Stack, emulator, running
from tests.waiting import until, until_asked

pytestmark = pytest.mark.anyio


class Broken:
    """The faults of one test, on writes of orders."""

    def __init__(self, stack: Stack) -> None:
        self._faults = stack.emulator.state.faults

    def add(self, action: AnyAction, **where: Any) -> None:
        self._faults.add(action, **({"method": "POST", "set": "salesorders"} | where))


@pytest.fixture
async def writable(changing_world: Starlette) -> AsyncIterator[Stack]:
    """A gateway for each test: the breaker of one would refuse the calls of the next."""
    async with running(changing_world) as found:
        yield found


@pytest.fixture
def broken(writable: Stack) -> Any:
    yield Broken(writable)
    writable.emulator.state.faults.clear()


async def with_reference(stack: Stack, reference: str) -> int:
    """Count the orders in Dataverse with this reference."""
    where = f"msdyn_customersorderreference eq '{reference}'"
    return len(await stack.rows(f"salesorders?$select=salesorderid&$filter={where}"))


async def order(stack: Stack, **changes: Any) -> dict[str, Any]:
    """The input of an order with a reference of its own."""
    return await new_order(stack, customerReference=str(uuid4()), **changes)


@pytest.mark.parametrize(
    ("action", "times"),
    [(Cut(), 2), (Cut(after_commit=True), 1), (Cut(after_commit=True), 9), (Fail(), 2),
     (Throttle(retry_after=1), 1)],
    ids=repr,
)  # fmt: skip
async def test_a_fault_on_the_way_leads_to_one_order(
    writable: Stack, broken: Broken, action: AnyAction, times: int
) -> None:
    sent = await order(writable)
    broken.add(action, times=times)

    payload = await do(writable, "createSalesOrder", **sent)

    assert (payload["status"], payload["errors"]) == ("CREATED", [])
    assert payload["order"]["customerReference"] == sent["customerReference"]
    assert await with_reference(writable, sent["customerReference"]) == 1


async def test_an_unknown_outcome_is_pending_until_it_is_known(
    writable: Stack, broken: Broken
) -> None:
    sent = await order(writable)
    broken.add(Cut())

    pending = await do(writable, "createSalesOrder", **sent)
    asked = {"id": pending["operation"]}
    before = (await writable.ask(OPERATION, **asked)).data["operation"]
    theirs = (await writable.ask(OPERATION, as_="may", **asked)).data["operation"]
    writable.emulator.state.faults.clear()
    again = await do(writable, "createSalesOrder", **sent)
    after = (await writable.ask(OPERATION, **asked)).data["operation"]

    assert (pending["status"], pending["order"], pending["errors"]) == ("PENDING", None, [])
    assert before == {"status": "PENDING", "order": None}
    assert theirs is None
    assert (again["status"], again["replayed"]) == ("CREATED", False)
    assert after == {"status": "CREATED", "order": again["order"]}


@pytest.mark.parametrize("asks", ["jane", "rep"])
async def test_an_unknown_order_of_a_shared_key_is_not_the_other_order_of_a_colleague(
    writable: Stack, broken: Broken, asks: str
) -> None:
    """Jane sees what she orders herself alone, and so not that it is another one."""
    sent = await order(writable, sharedKey=True)
    broken.add(Cut())
    pending = await do(writable, "createSalesOrder", as_=asks, **sent)
    writable.emulator.state.faults.clear()
    other = {**sent, "requisitionNumber": "7"}
    made = await do(writable, "createSalesOrder", as_="rep" if asks == "jane" else "jane", **other)

    told = await writable.ask(OPERATION, as_=asks, id=pending["operation"])
    again = await do(writable, "createSalesOrder", as_=asks, **sent)

    assert (pending["status"], made["status"]) == ("PENDING", "CREATED")
    assert told.data["operation"] == {"status": "NOT_CREATED", "order": None}
    assert codes(again) == ["IDEMPOTENCY_MISMATCH"]


async def test_a_refusal_after_an_unknown_outcome_proves_nothing(
    writable: Stack, broken: Broken
) -> None:
    sent = await order(writable)
    broken.add(Cut(), times=1)
    broken.add(ErpDown(), service="dualwrite")

    payload = await do(writable, "createSalesOrder", **sent)

    assert (payload["status"], payload["errors"]) == ("PENDING", [])


@pytest.mark.parametrize(
    ("action", "said"),
    [(ErpRefuses(), "site or warehouse"), (ErpDown(), "does not answer")],
    ids=repr,
)
async def test_what_the_erp_refuses_leaves_nothing_behind(
    writable: Stack, broken: Broken, action: AnyAction, said: str
) -> None:
    sent = await order(writable)
    broken.add(action, service="dualwrite")

    payload = await do(writable, "createSalesOrder", **sent)

    assert codes(payload) == ["ORDER_REFUSED"]
    (error,) = payload["errors"]
    assert error["reason"] == "0x80040265"
    assert said in error["message"]
    assert "Exception" not in error["message"]
    assert await with_reference(writable, sent["customerReference"]) == 0


async def test_an_amount_that_no_column_holds_is_refused_and_not_pending(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    sent = await order(writable, lines=[{"product": product["id"], "quantity": "99999999999"}])

    payload = await do(writable, "createSalesOrder", **sent)

    assert codes(payload) == ["INVALID_INPUT"]
    assert await with_reference(writable, sent["customerReference"]) == 0


async def test_the_largest_price_in_the_largest_quantity_is_refused_too(
    writable: Stack,
) -> None:
    (product,) = await products(writable, 1)
    sent = await order(writable, lines=[{"product": product["id"], "quantity": "1e11"}])
    where, largest = '"_productid_value" = ?', {"amount": 2**63 - 1}

    with changed(writable, "productpricelevel", where, key(product["id"]), values=largest):
        payload = await do(writable, "createSalesOrder", **sent)

    assert codes(payload) == ["INVALID_INPUT"]


async def test_the_erp_may_refuse_to_cancel(writable: Stack) -> None:
    made = await placed(writable, customerReference=str(uuid4()))
    outward = writable.emulator.state.dual_write.outward
    outward.cancels = "refuse"
    try:
        payload = await do(writable, "cancelSalesOrder", order=made["id"], version=made["version"])
    finally:
        outward.cancels = "accept"

    assert codes(payload) == ["ORDER_REFUSED"]
    assert "can no longer be changed" in payload["errors"][0]["message"]


async def test_a_changed_input_is_refused_and_writes_nothing(writable: Stack) -> None:
    sent = await order(writable)
    first = await do(writable, "createSalesOrder", **sent)
    writable.emulator.state.log.clear()

    second = await do(writable, "createSalesOrder", **sent | {"requisitionNumber": "other"})
    third = await do(writable, "createSalesOrder", **sent)

    assert codes(second) == ["IDEMPOTENCY_MISMATCH"]
    assert third == first | {"replayed": True}
    assert {entry.method for entry in writable.emulator.state.log.calls()} == {"GET"}


async def test_a_repeat_is_answered_though_the_product_is_gone(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    sent = await order(writable, lines=[{"product": product["id"], "quantity": "1"}])
    await do(writable, "createSalesOrder", **sent)
    store = writable.emulator.state.store
    table = store.catalog.named("product")
    row = store.find(table, "msdyn_productnumber = ?", [product["number"]])
    with store.transaction("load") as tx:
        retired = tx.update(table, row, {"statecode": 1})
    try:
        again = await do(writable, "createSalesOrder", **sent)
        other = await do(writable, "createSalesOrder", **sent | {"idempotencyKey": str(uuid4())})
    finally:
        with store.transaction("load") as tx:
            tx.update(table, retired, {"statecode": 0})

    assert again["replayed"]
    assert codes(other) == ["PRODUCT_NOT_SELLABLE"]


@pytest.mark.parametrize(
    "id_", ["", "nonsense", "ä", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"], ids=repr
)
async def test_an_operation_that_was_not_sealed_here_is_none(writable: Stack, id_: str) -> None:
    assert (await writable.ask(OPERATION, id=id_)).codes == ["INVALID_INPUT"]


async def test_a_lost_change_is_found_again(writable: Stack, broken: Broken) -> None:
    made = await placed(writable, customerReference=str(uuid4()))
    change = {"order": made["id"], "version": made["version"], "requisitionNumber": "R-9"}
    broken.add(Cut(after_commit=True), method="PATCH", times=1)

    payload = await do(writable, "updateSalesOrder", **change)

    assert (payload["status"], payload["errors"]) == ("CHANGED", [])


async def test_a_change_may_be_pending_too(writable: Stack, broken: Broken) -> None:
    made = await placed(writable, customerReference=str(uuid4()))
    named = {"order": made["id"], "version": made["version"]}
    line = made["lines"]["nodes"][0]["id"]
    broken.add(Cut(), method="PATCH")

    pending = await do(writable, "updateSalesOrderLine", **named, line=line, quantity="7", note="x")
    asked = {"id": pending["operation"]}
    before = (await writable.ask(OPERATION, **asked)).data["operation"]
    writable.emulator.state.faults.clear()
    other = await do(writable, "updateSalesOrder", **named, requisitionNumber="first")
    after = (await writable.ask(OPERATION, **asked)).data["operation"]

    assert (pending["status"], before["status"]) == ("PENDING", "PENDING")
    assert after["status"] == "OVERTAKEN"
    assert after["order"]["version"] == other["order"]["version"]


NO_KEY: list[dict[str, Any]] = []
PENDING_KEY = [{"KeyAttributes": ["gw_idempotencykey"], "EntityKeyIndexStatus": "Pending"}]


@pytest.mark.parametrize("keys", [NO_KEY, PENDING_KEY])
async def test_without_an_active_key_orders_are_refused_or_unmarked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(definitions, "keys", lambda table: iter(keys))
    world = emulator(metadata=(own_tables(tmp_path),))
    async with running(world) as strict, running(world, order_keys=False) as lax:
        sent = await order(strict)
        refused = await attempt(strict, "createSalesOrder", **sent)
        first = await do(lax, "createSalesOrder", **sent)
        again = await do(lax, "createSalesOrder", **sent | {"requisitionNumber": "another"})

    assert refused.codes == ["WRITES_REFUSED"]
    assert "gw_idempotencykey" in refused.body["errors"][0]["extensions"]["reason"]
    assert first["status"] == "CREATED"
    assert again == first | {"replayed": True}


def own_tables(folder: Path) -> Path:
    """A file that adds nothing, so that an emulator has tables and metadata of its own."""
    file = folder / "none.toml"
    file.write_text("")
    return file


async def test_without_the_columns_orders_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = definitions.attributes
    monkeypatch.setattr(
        definitions,
        "attributes",
        lambda table: [each for each in known(table) if not each["LogicalName"].startswith("gw_")],
    )
    async with running(emulator(metadata=(own_tables(tmp_path),))) as strict:
        refused = await attempt(strict, "createSalesOrder", **await order(strict))

    assert refused.codes == ["WRITES_REFUSED"]


async def test_a_caller_who_hangs_up_has_ordered_all_the_same(
    writable: Stack, broken: Broken
) -> None:
    sent = await order(writable)
    broken.add(Latency(seconds=1.0), times=1)

    caller = asyncio.create_task(do(writable, "createSalesOrder", **sent))
    await until(lambda: writable.emulator.state.faults.listed()[0][2])
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    there = await with_reference(writable, sent["customerReference"])

    async def is_there() -> bool:
        return await with_reference(writable, sent["customerReference"]) == 1

    assert there == 0
    await until_asked(is_there)
    assert (await do(writable, "createSalesOrder", **sent))["replayed"]


def test_nobody_waits_for_a_write_when_the_process_is_about_to_end() -> None:
    async def main() -> None:
        writes = Writes(Seal(b"x"))
        caller = asyncio.create_task(writes.finish(asyncio.sleep(20), 25))
        await asyncio.sleep(1)
        writes.hurry()
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unsettled):
            await caller

        assert asyncio.get_running_loop().time() - began < 10

    run(main())


def test_a_write_outlives_its_caller_and_is_waited_for_at_the_end() -> None:
    done: list[str] = []

    async def write() -> None:
        await asyncio.sleep(20)
        done.append("written")

    async def main() -> None:
        writes = Writes(Seal(b"x"), clock=lambda: 1_000.0)
        caller = asyncio.create_task(writes.finish(write(), 25))
        await asyncio.sleep(1)
        caller.cancel()
        with pytest.raises(Unsettled) as slow:
            await writes.finish(write(), 5)
        assert slow.value.until == 1_125
        assert done == []
        await writes.drain(60)

    run(main())
    assert done == ["written", "written"]
