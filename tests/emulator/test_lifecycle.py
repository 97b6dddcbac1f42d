"""Orders travel through their life in the ERP, and both sides always tell the same story."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.__main__ import main
from emulator.scm.sales import Rejected
from emulator.world.order_rows import STATES
from emulator.world.orders import Status
from tests.emulator.test_cli import serving, wait_for
from tests.emulator.trade import Json, Trade, trading
from tests.nightly import NIGHTLY
from tests.stack import WORLDS

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
async def trade() -> AsyncIterator[Trade]:
    async with trading() as found:
        found.app.state.clock.stand_still(NOW)
        yield found


async def advance(trade: Trade, order: Json, **wish: Any) -> list[str]:
    asked = {"order": order["msdyn_salesordernumber"], **wish}
    answer = await trade.ask("POST", "/emulator/advance", asked)
    assert answer.is_success, answer.text
    return [move["to"] for move in answer.json()["moves"]]


async def amounts(trade: Trade, order: Json) -> tuple[Decimal, Decimal]:
    """The amount that an order comes to, and the amount that was invoiced of it."""
    path = f"salesorders({order['salesorderid']})/order_invoices"
    invoices = await trade.rows(path)
    total = (await trade.again(order))["totalamount"]
    billed = sum((Decimal(str(row["msdyn_totalamount"])) for row in invoices), Decimal(0))
    return round(Decimal(str(total)), 2), round(billed, 2)


async def test_an_order_reaches_every_station(trade: Trade) -> None:
    order = await trade.order(4, 3)
    seen = []
    for _ in range(7):
        seen += await advance(trade, order)
        await trade.agree(order)
        if seen[-1] == "Invoiced":
            break

    assert seen == ["Confirmed", "Picked", "PartiallyDelivered", "Delivered", "PartiallyInvoiced",
                    "Invoiced"]  # fmt: skip
    total, billed = await amounts(trade, order)
    assert total == billed > 0
    assert {line["msdyn_linestatus"] for line in await trade.lines(order)} == {192350003}


async def test_each_station_is_told_as_the_worlds_tell_it(trade: Trade) -> None:
    order = await trade.order(2)
    for status in (Status.CONFIRMED, Status.PICKED, Status.DELIVERED, Status.INVOICED):
        await advance(trade, order, to=status.name.lower())

        row = await trade.again(order)
        assert row["msdyn_processingstatus"] == status
        assert (row["statecode"], row["statuscode"]) == STATES[status]
    assert row["msdyn_confirmedshippingdate"] == "2026-11-27T00:00:00Z"


async def test_goods_leave_in_parts_with_tracking(trade: Trade) -> None:
    order = await trade.order(5, 1, 2)
    await advance(trade, order, to="partially_delivered")
    (first,) = await trade.erp(order, "CustPackingSlipJourBiEntities", "SalesId")
    part = await trade.erp(order, "CustPackingSlipTransBiEntities", "SalesId")
    statuses = [line["msdyn_linestatus"] for line in await trade.lines(order)]
    await advance(trade, order, to="delivered")

    slips = await trade.erp(order, "CustPackingSlipJourBiEntities", "SalesId")
    lines = await trade.erp(order, "CustPackingSlipTransBiEntities", "SalesId")
    parcels = await trade.erp(order, "PackingSlipTrackingInformation")
    assert [line["Remain"] for line in part] == [2, 0, 1]
    assert statuses == [192350001, 192350002, 192350001]
    assert first["DeliveryDate"] == "2026-11-23T12:00:00Z"
    assert len(slips) == 2
    assert sum(line["Qty"] for line in lines) == sum(slip["Qty"] for slip in slips) == 8
    assert {line["InventTransId"] for line in lines} == {
        line["InventoryLotId"] for line in await trade.erp(order, "SalesOrderLines")
    }
    assert {p["PackingSlipNumber"] for p in parcels} <= {s["PackingSlipId"] for s in slips}


async def test_invoices_are_on_both_sides(trade: Trade) -> None:
    order = await trade.order(3, 2)
    await advance(trade, order, to="invoiced")

    (there, *_) = await trade.erp(order, "SalesInvoiceHeadersV2")
    where = f"msdyn_invoicenumber eq '{there['InvoiceNumber']}'"
    here = await trade.rows(f"invoices?$filter={where}&$expand=invoice_details")
    assert here[0]["_salesorderid_value"] == order["salesorderid"]
    assert (here[0]["statecode"], here[0]["statuscode"]) == (0, 4)
    assert here[0]["msdyn_totalamount"] == there["TotalInvoiceAmount"]
    assert {row["_salesorderdetailid_value"] for row in here[0]["invoice_details"]} <= {
        line["salesorderdetailid"] for line in await trade.lines(order)
    }


async def test_orders_of_the_world_go_on_where_they_stand(trade: Trade) -> None:
    company = trade.account["_msdyn_company_value"]
    for status in (Status.PARTIALLY_DELIVERED, Status.PARTIALLY_INVOICED, Status.PICKED):
        where = f"msdyn_processingstatus eq {int(status)} and _msdyn_company_value eq {company}"
        (order,) = await trade.rows(f"salesorders?$top=1&$filter={where}")
        before = order["totalamount"]

        assert (await advance(trade, order, to="invoiced", company="usmf"))[-1] == "Invoiced"

        total, billed = await amounts(trade, order)
        assert total == billed == round(Decimal(str(before)), 2)


async def test_an_order_ends_by_cancellation_only_before_it_leaves(trade: Trade) -> None:
    early, late = await trade.order(1), await trade.order(1)
    await advance(trade, late, to="delivered")

    assert await advance(trade, early, to="canceled") == ["Canceled"]
    assert (await trade.again(early))["statecode"] == 2
    answer = await trade.ask(
        "POST", "/emulator/advance", {"order": late["msdyn_salesordernumber"], "to": "canceled"}
    )
    assert (answer.status_code, "delivered" in answer.json()["error"]) == (409, True)


@pytest.mark.parametrize("wish", [{"order": "none"}, {"to": "sideways"}, {"order": "SO-000001"}])
async def test_what_cannot_be_done_is_said(trade: Trade, wish: Json) -> None:
    assert (await trade.ask("POST", "/emulator/advance", wish)).status_code == 409


async def test_shipped_lines_cannot_be_changed_any_more(trade: Trade) -> None:
    order = await trade.order(4)
    (line,) = await trade.lines(order)
    path = f"salesorderdetails({line['salesorderdetailid']})"
    await advance(trade, order, to="partially_delivered")

    assert (await trade.ask("PATCH", path, {"quantity": 1})).status_code == 400
    assert (await trade.ask("PATCH", path, {"quantity": 6})).status_code == 200
    assert (await trade.ask("DELETE", path)).status_code == 400
    await trade.agree(order)


async def test_moves_wait_while_dual_write_is_paused(trade: Trade) -> None:
    order = await trade.order(2, 2)
    paused = (await trade.ask("POST", "/emulator/pause")).json()
    await advance(trade, order, to="invoiced")
    meanwhile = await trade.again(order)
    resumed = (await trade.ask("POST", "/emulator/resume")).json()

    assert paused["paused"]
    assert meanwhile["msdyn_processingstatus"] == Status.ACTIVE
    assert (resumed["paused"], resumed["waiting"], resumed["failures"]) == (False, 0, [])
    assert (await trade.again(order))["msdyn_processingstatus"] == Status.INVOICED
    total, billed = await amounts(trade, order)
    assert total == billed
    await trade.agree(order)


async def test_the_same_steps_make_the_same_world() -> None:
    stories = []
    for _ in range(2):
        async with trading() as trade:
            trade.app.state.clock.stand_still(NOW)
            order = await trade.order(4, 3, salesorderid="00000000-0000-4000-8000-00000000000a")
            await advance(trade, order, to="invoiced")
            slips = await trade.erp(order, "CustPackingSlipJourBiEntities", "SalesId")
            parcels = await trade.erp(order, "PackingSlipTrackingInformation")
            stories.append((json.dumps([slips, parcels]), trade.app.state.faults.trace_hash))

    assert stories[0] == stories[1]


STEP = st.sampled_from(["advance", "cancel", "quantity", "add", "drop", "pause", "resume"])


@settings(
    max_examples=60 if NIGHTLY else 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(STEP, max_size=12),
    quantities=st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_whatever_happens_both_sides_agree_or_say_where_they_do_not(
    property_world: tuple[Trade, asyncio.Runner], steps: list[str], quantities: list[int]
) -> None:
    trade, runner = property_world

    async def live() -> None:
        trade.app.state.dual_write.resume()
        order, failures = await trade.order(*quantities), []
        for step in [*steps, "resume"]:
            await ACTIONS[step](trade, order)
            failures += trade.app.state.dual_write.failures
        if failures:
            return
        await trade.agree(order)
        header = (await trade.erp(order, "SalesOrderHeadersV2"))[0]
        total, billed = await amounts(trade, order)
        assert header["SalesOrderProcessingStatus"] != "Invoiced" or total == billed

    runner.run(live())


@pytest.fixture(scope="module")
def property_world() -> Any:
    with asyncio.Runner() as runner:
        context = trading()
        trade = runner.run(context.__aenter__())
        yield trade, runner
        runner.run(context.__aexit__(None, None, None))


async def _advance(trade: Trade, order: Json) -> None:
    try:
        trade.app.state.lifecycle.advance(order["msdyn_salesordernumber"])
    except Rejected:
        return


async def _cancel(trade: Trade, order: Json) -> None:
    body = {"msdyn_processingstatus": int(Status.CANCELED)}
    await trade.ask("PATCH", f"salesorders({order['salesorderid']})", body)


async def _quantity(trade: Trade, order: Json) -> None:
    for line in (await trade.lines(order))[:1]:
        body = {"quantity": line["quantity"] + 1}
        await trade.ask("PATCH", f"salesorderdetails({line['salesorderdetailid']})", body)


async def _add(trade: Trade, order: Json) -> None:
    body = trade.line(trade.products[0], 2)
    body["salesorderid@odata.bind"] = f"/salesorders({order['salesorderid']})"
    await trade.ask("POST", "salesorderdetails", body)


async def _drop(trade: Trade, order: Json) -> None:
    for line in (await trade.lines(order))[1:]:
        await trade.ask("DELETE", f"salesorderdetails({line['salesorderdetailid']})")


async def _pause(trade: Trade, order: Json) -> None:
    trade.app.state.dual_write.pause()


async def _resume(trade: Trade, order: Json) -> None:
    trade.app.state.dual_write.resume()


ACTIONS = {
    "advance": _advance, "cancel": _cancel, "quantity": _quantity, "add": _add, "drop": _drop,
    "pause": _pause, "resume": _resume,
}  # fmt: skip


def test_a_running_emulator_is_steered_from_the_command_line() -> None:
    with serving("--world", "small", "--cache", str(WORLDS)) as (url, _):
        wait_for(url)
        moved = run("advance", "SO-000001", "--company", "usmf", "--to", "invoiced", "--url", url)
        again = run("advance", "SO-000001", "--company", "usmf", "--url", url)
        paused, resumed = run("pause", "--url", url), run("resume", "--url", url)
        minted, nobody = run("token", "jane", "--url", url), run("token", "nobody", "--url", url)
    gone = run("advance", "--url", url)

    assert moved.output.splitlines()[-1].endswith("-> Invoiced"), moved.output
    assert (again.exit_code, "nothing comes after" in again.output) == (1, True)
    assert (paused.exit_code, resumed.output) == (0, "Dual-write runs; 0 writes failed.\n")
    assert (minted.exit_code, minted.output.count(".")) == (0, 2), minted.output
    assert (nobody.exit_code, "No contact has this name" in nobody.output) == (1, True)
    assert "No emulator answers" in gone.output


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))
