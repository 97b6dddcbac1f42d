"""A write on one side is on the other, or on neither; and only what belongs there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from emulator.faults.actions import ErpRefuses
from tests.emulator.trade import Trade, counts, trading

pytestmark = pytest.mark.anyio
CANCELED = 192350007


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Trade]:
    async with trading() as trade:
        yield trade


@pytest.fixture
def trade(shared: Trade) -> Trade:
    shared.app.state.faults.clear()
    shared.app.state.dual_write.outward.cancels = "accept"
    return shared


def plugin_failed(answer: httpx2.Response, reason: str) -> bool:
    error = answer.json()["error"]
    return (answer.status_code, error["code"]) == (400, "0x80040265") and reason in error["message"]


async def test_an_order_of_dataverse_is_an_order_of_the_erp(trade: Trade) -> None:
    order = await trade.order(2, 3.5)

    assert order["msdyn_salesordernumber"].startswith("C-")
    (header,) = await trade.erp(order, "SalesOrderHeadersV2")
    (shown,) = await trade.erp(order, "CDSSalesOrderHeaders")
    lines = await trade.erp(order, "SalesOrderLines")
    assert header["SalesOrderProcessingStatus"] == shown["SalesOrderProcessingStatus"] == "Active"
    assert (header["dataAreaId"], header["OrderingCustomerAccountNumber"]) == ("usmf", "US-001")
    assert header["InvoiceAddressCity"] == "San Diego"
    assert len({line["InventoryLotId"] for line in lines}) == 2
    assert all(line["ShippingSiteId"] and line["ShippingWarehouseId"] for line in lines)
    await trade.agree(order)


async def test_amounts_come_back_from_the_erp(trade: Trade) -> None:
    order = await trade.order(2, 1)

    assert (order["totalamount"], order["totaltax"], order["statecode"]) == (33.47, 2.48, 0)
    lines = await trade.lines(order)
    assert [line["extendedamount"] for line in lines] == [20.66, 10.33]
    assert {line["msdyn_linestatus"] for line in lines} == {192350001}
    assert [line["sequencenumber"] for line in lines] == [1, 2]


async def test_lines_are_changed_added_and_taken_away_on_both_sides(trade: Trade) -> None:
    order = await trade.order(2, 3, 4)
    first, second, _ = await trade.lines(order)
    row = f"salesorderdetails({first['salesorderdetailid']})"

    assert (await trade.ask("PATCH", row, {"quantity": 7})).status_code == 200
    gone = await trade.ask("DELETE", f"salesorderdetails({second['salesorderdetailid']})")
    body = trade.line(trade.products[3], 1)
    body["salesorderid@odata.bind"] = f"/salesorders({order['salesorderid']})"
    assert gone.status_code == 204
    assert (await trade.ask("POST", "salesorderdetails", body)).status_code == 201

    assert [line["quantity"] for line in await trade.lines(order)] == [7, 4, 1]
    await trade.agree(order)


async def test_an_order_of_the_erp_is_an_order_of_dataverse(trade: Trade) -> None:
    made = await trade.ask(
        "POST", "/data/SalesOrderHeadersV2", {"OrderingCustomerAccountNumber": "US-001"}
    )
    number = made.json()["SalesOrderNumber"]
    line = {"SalesOrderNumber": number, "SalesUnitSymbol": "ea", "OrderedSalesQuantity": 3,
            "SalesPrice": 5}  # fmt: skip
    item = trade.products[0]["msdyn_itemnumber"]
    for collection, column in (("CDSSalesOrderLines", "ProductNumber"),
                               ("SalesOrderLines", "ItemNumber")):  # fmt: skip
        answer = await trade.ask("POST", f"/data/{collection}", line | {column: item})
        assert answer.status_code == 201

    company = trade.account["_msdyn_company_value"]
    where = f"msdyn_salesordernumber eq '{number}' and _msdyn_company_value eq {company}"
    (order,) = await trade.rows(f"salesorders?$filter={where}")
    assert number.startswith("SO-")
    assert order["_customerid_value"] == trade.account["accountid"]
    assert order["shipto_country"] == "united states"
    assert [row["priceperunit"] for row in await trade.lines(order)] == [5, 5]
    await trade.agree(order)
    change = f"/data/SalesOrderHeadersV2(dataAreaId='usmf',SalesOrderNumber='{number}')"
    assert (
        await trade.ask("PATCH", change, {"CustomersOrderReference": "PO 9"})
    ).status_code == 204
    assert (await trade.again(order))["msdyn_customersorderreference"] == "PO 9"
    assert (await trade.ask("DELETE", change)).status_code == 204
    assert (await trade.ask("GET", f"salesorders({order['salesorderid']})")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shipto_stateorprovince": "North Carolina"}, "length of the 'DeliveryAddressStateId'"),
        ({"msdyn_processingstatus": CANCELED, "order_details": [{"quantity": 1}]}, "Item number"),
    ],
)
async def test_what_the_erp_refuses_leaves_nothing_behind(
    trade: Trade, changes: dict[str, Any], reason: str
) -> None:
    before = dict(counts(trade.store))

    answer = await trade.ask("POST", "salesorders", trade.body(1, **changes))

    assert plugin_failed(answer, reason)
    assert "failed to process entity salesorder" in answer.json()["error"]["message"]
    assert dict(counts(trade.store)) == before


async def test_a_line_without_site_or_unit_is_refused(trade: Trade) -> None:
    stock = trade.store.catalog.tables["WarehousesOnHandV2"]
    item = trade.products[4]["msdyn_itemnumber"]
    trade.store.run(f'DELETE FROM "{stock.sql}" WHERE "ItemNumber" = ?', [item])  # noqa: S608
    bare = trade.line(trade.products[4], 1)
    unitless = trade.line(trade.products[0], 1)
    del unitless["uomid@odata.bind"]

    for line, reason in ((bare, "Inventory dimension Site is mandatory"), (unitless, "'Unit'")):
        answer = await trade.ask("POST", "salesorders", trade.body(order_details=[line]))
        assert plugin_failed(answer, reason)


async def test_one_refused_line_undoes_the_whole_order(trade: Trade) -> None:
    trade.app.state.faults.add(ErpRefuses("No."), set="CDSSalesOrderLines", nth=2)
    before = dict(counts(trade.store))

    answer = await trade.ask("POST", "salesorders", trade.body(1, 2, 3))

    assert plugin_failed(answer, "(No.)")
    assert dict(counts(trade.store)) == before


async def test_customers_on_hold_cannot_order(trade: Trade) -> None:
    (late,) = await trade.rows("accounts?$filter=accountnumber eq 'US-007'")
    bind = {"customerid_account@odata.bind": f"/accounts({late['accountid']})"}

    assert plugin_failed(await trade.ask("POST", "salesorders", trade.body(1, **bind)), "on hold")


async def test_what_has_no_company_stays_in_dataverse(trade: Trade) -> None:
    order = await trade.order(1, **{"msdyn_Company@odata.bind": None})

    assert await trade.erp(order, "SalesOrderHeadersV2") == []
    assert order["totalamount"] is None


async def test_an_order_of_another_type_stays_in_dataverse(tmp_path: Path) -> None:
    more = tmp_path / "more.toml"
    more.write_text("[salesorder.options.msdyn_ordertype]\n690970002 = 'By the hour'\n")

    async with trading(metadata=(more,)) as trade:
        order = await trade.order(1, msdyn_ordertype=690970002)

        assert await trade.erp(order, "SalesOrderHeadersV2") == []
    assert order["totalamount"] is None


async def test_an_order_can_be_canceled_if_the_erp_lets_it(trade: Trade) -> None:
    order = await trade.order(1, 2)
    path, cancel = f"salesorders({order['salesorderid']})", {"msdyn_processingstatus": CANCELED}
    trade.app.state.dual_write.outward.cancels = "refuse"

    assert plugin_failed(await trade.ask("PATCH", path, cancel), "cannot be canceled")
    assert (await trade.again(order))["msdyn_processingstatus"] == 192350000
    trade.app.state.dual_write.outward.cancels = "accept"
    done = (await trade.ask("PATCH", path, cancel)).json()

    assert (done["msdyn_processingstatus"], done["statecode"], done["statuscode"]) == (
        CANCELED,
        2,
        4,
    )
    assert {line["msdyn_linestatus"] for line in await trade.lines(order)} == {192350004}
    (header,) = await trade.erp(order, "SalesOrderHeadersV2")
    assert header["SalesOrderStatus"] == header["SalesOrderProcessingStatus"] == "Canceled"
    assert plugin_failed(await trade.ask("PATCH", path, {"shipto_city": "Austin"}), "Canceled")


async def test_no_other_status_can_be_asked_for(trade: Trade) -> None:
    order = await trade.order(1)

    answer = await trade.ask(
        "PATCH", f"salesorders({order['salesorderid']})", {"msdyn_processingstatus": 192350005}
    )

    assert plugin_failed(answer, "follows from its documents")


async def test_customers_are_the_same_on_both_sides(trade: Trade) -> None:
    company = trade.account["_msdyn_company_value"]
    body = {"name": "Neu GmbH", "accountnumber": "N-1", "customertypecode": 3, "creditlimit": 250,
            "msdyn_company@odata.bind": f"/cdm_companies({company})"}  # fmt: skip
    path = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='N-1')"
    made = (await trade.ask("POST", "accounts", body)).json()
    prospect = await trade.ask(
        "POST", "accounts", body | {"accountnumber": "N-2", "customertypecode": 8}
    )

    there = (await trade.ask("GET", path)).json()
    assert (there["OrganizationName"], there["CreditLimit"]) == ("Neu GmbH", 250)
    assert prospect.status_code == 201
    assert await trade.rows("/data/CustomersV3?$filter=CustomerAccount eq 'N-2'") == []
    await trade.ask("PATCH", path, {"CreditLimit": 99.5, "OnHoldStatus": "Invoice"})
    here = (await trade.ask("GET", f"accounts({made['accountid']})")).json()
    assert (here["creditlimit"], here["msdyn_onholdstatus"]) == (99.5, 806380001)
    refused = await trade.ask("PATCH", path, {"PaymentTerms": "Never"})
    assert refused.status_code == 400
    assert "Unable to write data to entity" in refused.json()["error"]["innererror"]["message"]
    assert (await trade.ask("GET", path)).json()["PaymentTerms"] == ""


async def test_products_flow_one_way(trade: Trade) -> None:
    body = {"ItemNumber": "NEW-1", "ProductNumber": "NEW-1", "ProductName": "New", "SalesPrice": 3,
            "SalesUnitSymbol": "ea"}  # fmt: skip
    assert (await trade.ask("POST", "/data/CDSReleasedDistinctProducts", body)).status_code == 201

    (product,) = await trade.rows("products?$filter=msdyn_productnumber eq 'NEW-1'")
    await trade.ask("PATCH", f"products({product['productid']})", {"name": "Mine"})

    assert (product["price"], product["statecode"]) == (3, 2)
    where = "$filter=ItemNumber eq 'NEW-1'"
    (released,) = await trade.rows(f"/data/CDSReleasedDistinctProducts?{where}")
    assert released["ProductName"] == "New"


async def test_paused_writes_wait_and_are_replayed_in_order(trade: Trade) -> None:
    dual_write = trade.app.state.dual_write
    dual_write.pause()
    order = await trade.order(1, 2)
    line = next(row for row in await trade.lines(order) if row["quantity"] == 1)
    await trade.ask("PATCH", f"salesorderdetails({line['salesorderdetailid']})", {"quantity": 5})
    bad = await trade.order(1, shipto_stateorprovince="North Carolina")

    assert await trade.erp(order, "SalesOrderHeadersV2") == []
    assert order["msdyn_salesordernumber"].startswith("C-")
    failures = dual_write.resume()

    assert [(f.set, f.kind) for f in failures] == [
        ("salesorders", "create"),
        ("salesorderdetails", "create"),
    ]
    assert await trade.erp(bad, "SalesOrderHeadersV2") == []
    assert [row["quantity"] for row in await trade.lines(order)] == [5, 2]
    await trade.agree(order)


async def test_loads_are_not_synced(trade: Trade) -> None:
    order, table = await trade.order(1), trade.store.catalog.named("salesorder")
    number = order["msdyn_salesordernumber"]
    row = trade.store.find(table, "msdyn_salesordernumber = ?", [number])

    with trade.store.transaction("load") as tx:
        tx.update(table, row or {}, {"msdyn_customersorderreference": "loaded"})

    assert (await trade.again(order))["msdyn_customersorderreference"] == "loaded"
    for collection in ("SalesOrderHeadersV2", "CDSSalesOrderHeaders"):
        (there,) = await trade.erp(order, collection)
        assert there["CustomersOrderReference"] == ""
