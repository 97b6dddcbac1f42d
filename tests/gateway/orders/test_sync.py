"""Orders that never reached the ERP: seen by their customers, and reported to the operator."""

from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from gateway.commands.operator import reconcile
from gateway.reconciling import Reconciliation
from gateway.schema.business import syncing
from tests.gateway.orders.ordering import placed
from tests.stack import Stack, settings

pytestmark = pytest.mark.anyio
STATE = """query ($id: ID!) {
  order(id: $id) { number total { amount } amountsBasis syncState { status ageSeconds } }
}"""


async def state(stack: Stack, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await stack.ask(STATE, id=order["id"])).data["order"]
    return found


async def compare(world: Starlette) -> Reconciliation:
    return await reconcile(settings(), days=2, minutes=0, transport=InProcess(app=world))


async def test_what_dual_write_carried_over_is_synced(writable: Stack) -> None:
    found = await state(writable, await placed(writable))

    assert found["syncState"]["status"] == "SYNCED"
    assert 0 <= found["syncState"]["ageSeconds"] < 60


async def test_amounts_are_confirmed_when_the_erp_has_written_them_back(writable: Stack) -> None:
    order = await placed(writable, customerReference=str(uuid4()))
    before = await state(writable, order)
    store = writable.emulator.state.store
    table = store.catalog.named("salesorder")
    row = store.find(table, "msdyn_salesordernumber = ?", [before["number"]])
    with store.transaction("load") as tx:
        tx.update(table, row, {"totalamount": row["totalamount"] + 1})
    after = await state(writable, order)

    # The emulated ERP adds an order up at once, tax included.
    assert before["amountsBasis"] == "CONFIRMED"
    assert after["amountsBasis"] == "ESTIMATED"


async def test_what_waits_in_dataverse_is_pending_then_failed_and_reported(
    writable: Stack, changing_world: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await compare(changing_world)
    dual_write = changing_world.state.dual_write
    dual_write.pause()
    order = await placed(writable, customerReference=str(uuid4()))

    waiting = await state(writable, order)
    report = await compare(changing_world)
    monkeypatch.setattr(syncing, "FAILED_AFTER", 0)
    late = await state(writable, order)
    dual_write.resume()
    synced = await state(writable, order)
    after = await compare(changing_world)

    assert (waiting["syncState"]["status"], waiting["amountsBasis"]) == ("PENDING", "ESTIMATED")
    assert late["syncState"]["status"] == "FAILED"
    (stray,) = set(report.strays) - set(before.strays)
    assert (stray.lacking, stray.company) == ("erp", "usmf")
    assert stray.number == (waiting["number"] or "").upper()
    assert synced["syncState"]["status"] == "SYNCED"
    assert after.strays == before.strays
    assert after.compared > report.compared


async def test_an_order_that_only_the_erp_has_is_reported(
    writable: Stack, changing_world: Starlette
) -> None:
    order = await placed(writable)
    number = (await state(writable, order))["number"]
    store = changing_world.state.store
    table = store.catalog.named("salesorder")
    row = store.find(table, "msdyn_salesordernumber = ?", [number])
    with store.transaction("load") as tx:
        tx.delete(table, row)

    report = await compare(changing_world)
    with store.transaction("load") as tx:
        tx.insert(table, row)

    assert ("dataverse", number.upper()) in [(each.lacking, each.number) for each in report.strays]
