"""Changing an order: under its version, all or nothing, and once however often it is sent."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from tests.emulator.trade import trading
from tests.environments import altered, drop_collection, dumped, written
from tests.gateway.orders.ordering import attempt, codes, do, placed, products
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio


def named(order: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"order": order["id"], "version": order["version"], **more}


def lines(order: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = order["lines"]["nodes"]
    return found


async def set_columns(stack: Stack, order: dict[str, Any], **values: Any) -> None:
    """Change the order behind the gateway's back, past all rules."""
    store = stack.emulator.state.store
    table = store.catalog.named("salesorder")
    row = store.find(table, "msdyn_salesordernumber IS ? AND name = ?", [order["number"], "*"])
    if row is None:
        found = store.select(
            table, "msdyn_customersorderreference = ?", [order["customerReference"]]
        )
        (row,) = found
    with store.transaction("load") as tx:
        tx.update(table, row, values)


async def own(stack: Stack) -> dict[str, Any]:
    """An order with a reference of its own."""
    return await placed(stack, customerReference=str(uuid4()))


async def test_the_header_is_changed_and_its_version_moves(writable: Stack) -> None:
    order = await own(writable)
    address = {"street": "Elsewhere", "city": "Ghent"}

    payload = await do(writable, "updateSalesOrder", **named(order), shipTo=address)

    assert (payload["status"], payload["replayed"], payload["errors"]) == ("CHANGED", False, [])
    assert payload["order"]["shipTo"]["city"] == "Ghent"
    assert payload["order"]["shipTo"]["country"] == order["shipTo"]["country"]
    assert payload["order"]["customerReference"] == order["customerReference"]
    assert payload["order"]["version"] != order["version"]


async def test_the_same_change_twice_is_one_change(writable: Stack) -> None:
    order = await own(writable)
    change = named(order, requisitionNumber="R-1")

    first = await do(writable, "updateSalesOrder", **change)
    second = await do(writable, "updateSalesOrder", **change)

    assert (second["status"], second["replayed"]) == ("CHANGED", True)
    assert second["order"]["version"] == first["order"]["version"]


async def test_a_change_of_an_old_version_is_refused_with_the_new_one(writable: Stack) -> None:
    order = await own(writable)
    first = await do(writable, "updateSalesOrder", **named(order, requisitionNumber="R-1"))

    second = await do(writable, "updateSalesOrder", **named(order, requisitionNumber="R-2"))

    assert codes(second) == ["VERSION_CONFLICT"]
    assert second["errors"][0]["currentVersion"] == first["order"]["version"]


async def test_lines_are_added_all_together_and_once(writable: Stack) -> None:
    order = await own(writable)
    new = [
        {"number": each["number"], "quantity": "7", "unit": each["unit"], "note": "please"}
        for each in await products(writable, 4)
    ][2:]
    change = named(order, idempotencyKey=str(uuid4()), lines=new)

    first = await do(writable, "addSalesOrderLines", **change)
    again = await do(writable, "addSalesOrderLines", **change)
    fresh = await do(
        writable, "addSalesOrderLines", **change | {"version": first["order"]["version"]}
    )

    assert first["errors"] == []
    assert [line["sequence"] for line in lines(first["order"])] == [1, 2, 3, 4]
    assert [line["product"]["number"] for line in lines(first["order"])][2:] == [
        line["number"] for line in new
    ]
    for replay in (again, fresh):
        assert (replay["status"], replay["replayed"]) == ("CHANGED", True)
        assert replay["order"] == first["order"]


@pytest.mark.parametrize("change", [{"quantity": "8"}, {"note": "other"}])
async def test_a_key_for_lines_is_not_used_for_others(writable: Stack, change: Any) -> None:
    order = await own(writable)
    (product,) = await products(writable, 1)
    line = {"number": product["number"], "quantity": "7", "note": "please"}
    key = str(uuid4())

    first = await do(
        writable, "addSalesOrderLines", **named(order), idempotencyKey=key, lines=[line]
    )
    for lines_ in ([line | change], [line, line]):
        second = await do(
            writable,
            "addSalesOrderLines",
            **named(first["order"]),
            idempotencyKey=key,
            lines=lines_,
        )
        assert codes(second) == ["IDEMPOTENCY_MISMATCH"]


async def test_of_lines_with_a_mistake_none_is_added(writable: Stack) -> None:
    order = await own(writable)
    (product,) = await products(writable, 1)
    new = [
        {"number": product["number"], "quantity": "1"},
        {"itemNumber": "nothing", "quantity": "1"},
        {"product": product["id"], "quantity": "1", "unit": "furlong"},
        {"product": product["id"], "quantity": "1.23456"},
    ]

    payload = await do(
        writable, "addSalesOrderLines", **named(order), idempotencyKey="k", lines=new
    )

    assert codes(payload) == ["PRODUCT_NOT_FOUND", "UNKNOWN_UNIT", "QUANTITY_NOT_ALLOWED"]
    assert [error["path"][:3] for error in payload["errors"]] == [
        ["input", "lines", "1"],
        ["input", "lines", "2"],
        ["input", "lines", "3"],
    ]
    assert product["unit"] in payload["errors"][1]["units"]


async def test_a_line_is_changed_under_the_version_of_its_order(writable: Stack) -> None:
    order = await own(writable)
    line = lines(order)[0]
    change = {"line": line["id"], "quantity": "9", "note": "quick"}

    first = await do(writable, "updateSalesOrderLine", **named(order), **change)
    again = await do(writable, "updateSalesOrderLine", **named(order), **change)
    stale = await do(writable, "updateSalesOrderLine", **named(order), **change | {"quantity": "3"})

    changed = lines(first["order"])[0]
    assert (float(changed["quantity"]), changed["note"]) == (9, "quick")
    assert lines(first["order"])[1] == lines(order)[1]
    assert again["replayed"]
    assert codes(stale) == ["VERSION_CONFLICT"]


async def test_a_line_is_removed_once_and_never_the_last(writable: Stack) -> None:
    order = await own(writable)
    gone, kept = lines(order)

    first = await do(writable, "removeSalesOrderLine", **named(order), line=gone["id"])
    again = await do(writable, "removeSalesOrderLine", **named(order), line=gone["id"])
    bogus = await do(writable, "removeSalesOrderLine", **named(first["order"]), line=gone["id"])
    last = await do(writable, "removeSalesOrderLine", **named(first["order"]), line=kept["id"])

    assert [line["id"] for line in lines(first["order"])] == [kept["id"]]
    assert again["replayed"]
    assert codes(bogus) == ["LINE_NOT_FOUND"]
    assert codes(last) == ["INVALID_INPUT"]


@pytest.mark.parametrize("version", [None, "1"])
async def test_a_line_of_another_order_was_not_removed_from_this_one(
    writable: Stack, version: str | None
) -> None:
    order, other = await own(writable), await own(writable)
    sent = named(order) | ({"version": version} if version else {})

    payload = await do(writable, "removeSalesOrderLine", **sent, line=lines(other)[0]["id"])

    assert codes(payload) == ["LINE_NOT_FOUND"]
    assert payload["errors"][0]["path"] == ["input", "line"]


async def test_an_order_is_canceled_by_its_processing_status(writable: Stack) -> None:
    order = await own(writable)

    first = await do(writable, "cancelSalesOrder", **named(order))
    again = await do(writable, "cancelSalesOrder", **named(order))
    late = await do(
        writable, "updateSalesOrder", **named(first["order"]), requisitionNumber="too late"
    )

    assert first["order"]["status"] == "CANCELED"
    assert again["replayed"]
    assert codes(late) == ["STATUS_FORBIDS"]
    assert late["errors"][0]["status"] == "CANCELED"
    patches = [e for e in writable.emulator.state.log.calls() if e.method == "PATCH"]
    assert not any(b"statecode" in entry.body for entry in patches)


async def test_an_environment_that_hides_orders_of_the_erp_leaves_a_cancelation_pending(
    tmp_path: Path,
) -> None:
    async with trading() as trade:
        dump = altered(await dumped(trade.http), drop_collection("SalesOrderHeadersV2"))
    async with running(emulator(environment=written(tmp_path, dump))) as stack:
        order = await own(stack)
        payload = await do(stack, "cancelSalesOrder", **named(order))

    assert (payload["status"], payload["errors"]) == ("PENDING", [])


@pytest.mark.parametrize(
    ("status", "code"), [(192350002, "PICKED"), (192350004, "DELIVERED"), (192350005, "INVOICED")]
)
async def test_what_has_come_too_far_is_not_changed(
    writable: Stack, status: int, code: str
) -> None:
    order = await own(writable)
    await set_columns(writable, order, msdyn_processingstatus=status)
    query = "query ($id: ID!) { order(id: $id) { version } }"
    version = (await writable.ask(query, id=order["id"])).data["order"]["version"]

    payload = await do(writable, "cancelSalesOrder", order=order["id"], version=version)

    assert codes(payload) == ["STATUS_FORBIDS"]
    assert payload["errors"][0]["status"] == code


async def test_an_order_of_somebody_else_is_not_there(writable: Stack) -> None:
    order = await own(writable)

    payload = await do(writable, "cancelSalesOrder", as_="may", **named(order))

    assert codes(payload) == ["ORDER_NOT_FOUND"]


async def test_who_may_only_read_changes_nothing(writable: Stack) -> None:
    order = await own(writable)

    answer = await attempt(writable, "cancelSalesOrder", as_="admin", **named(order))

    assert answer.codes == ["FORBIDDEN"]


async def test_nothing_to_change_is_a_mistake(writable: Stack) -> None:
    order = await own(writable)

    assert codes(await do(writable, "updateSalesOrder", **named(order))) == ["INVALID_INPUT"]
    payload = await do(writable, "updateSalesOrderLine", **named(order), line=lines(order)[0]["id"])
    assert codes(payload) == ["INVALID_INPUT"]


async def test_several_changes_in_one_request_see_each_other(writable: Stack) -> None:
    order = await own(writable)
    query = """
    mutation ($a: UpdateSalesOrderInput!, $b: UpdateSalesOrderInput!) {
      first: updateSalesOrder(input: $a) { order { requisitionNumber } errors { code } }
      second: updateSalesOrder(input: $b) { order { requisitionNumber } errors { code } }
    }"""
    data = (
        await writable.ask(
            query,
            a=named(order, requisitionNumber="1"),
            b=named(order, requisitionNumber="2"),
        )
    ).data

    assert data["first"] == {"order": {"requisitionNumber": "1"}, "errors": []}
    assert data["second"]["errors"] == [{"code": "VERSION_CONFLICT"}]


async def test_what_was_wrong_stands_in_the_audit(
    changing_world: Starlette, tmp_path: Path
) -> None:
    async with running(changing_world, audit_file=str(tmp_path / "audit.jsonl")) as stack:
        order = await own(stack)
        await do(stack, "cancelSalesOrder", **named(order | {"version": "1"}))

    created, refused = (
        line
        for line in (tmp_path / "audit.jsonl").read_text().splitlines()
        if "mutation" in line and "intended" not in line
    )
    assert '"done"' in created
    assert order["id"] in created
    assert '"VERSION_CONFLICT"' in refused
