"""An emulator that is started from a dump answers as the environment that was dumped."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from emulator.days import ZONE
from tests.emulator.trade import FINOPS, Trade, trading
from tests.environments import (
    Json,
    altered,
    deny,
    drop_collection,
    drop_column,
    drop_property,
    drop_table,
    dumped,
    filter_map,
    inactivate_key,
    rebehave,
    rename_collection,
    rename_navigation,
    shorten,
    written,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def dump() -> AsyncIterator[Json]:
    async with trading() as usual:
        yield await dumped(usual.http)


@pytest.fixture
def started(dump: Json, tmp_path: Path) -> Any:
    """Starts an emulator as the dumped environment with alterations."""

    def start(*alterations: Any, **settings: Any) -> Any:
        environment = written(tmp_path, altered(dump, *alterations))
        return trading(environment=environment, **settings)

    return start


async def test_a_dump_of_the_emulator_is_the_same_environment(started: Any, dump: Json) -> None:
    async with started() as again:
        assert by_name(await dumped(again.http)) == by_name(dump)
        order = await again.order(1, 2)
        await again.agree(order)


def by_name(dump: Json) -> dict[str, Any]:
    """The statements about each table, whatever the order in which they are made."""
    tables = {row["LogicalName"]: plain(row) for row in dump["dataverse"]["EntityDefinitions"]}
    collections = {row["Name"]: plain(row) for row in dump["finops"]["PublicEntities"]}
    running = {row["msdyn_internalentityname"]: row["msdyn_sourcefilter"]
               for row in dump["dataverse"]["msdyn_dualwriteruntimeconfigs"]}  # fmt: skip
    held = {each["PrivilegeName"] for each in dump["dataverse"]["RolePrivileges"]}
    return {"tables": tables, "collections": collections, "running": running, "held": held}


def plain(value: Any) -> Any:
    counted = {"ObjectTypeCode", "ColumnNumber"}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name not in counted}
    if isinstance(value, list):
        return sorted((plain(each) for each in value), key=repr)
    return value


async def test_navigation_properties_have_the_case_of_the_environment(started: Any) -> None:
    async with started(rename_navigation("salesorder", "msdyn_company", "msdyn_company")) as trade:
        company = f"/cdm_companies({trade.account['_msdyn_company_value']})"
        usual = await trade.ask("POST", "salesorders", trade.body(1))
        theirs = await trade.order(
            1, **{"msdyn_Company@odata.bind": None, "msdyn_company@odata.bind": company}
        )

        assert usual.status_code == 400
        await trade.agree(theirs)
        one = f"salesorders({theirs['salesorderid']})?$expand=msdyn_company"
        found = (await trade.ask("GET", one)).json()
        assert found["msdyn_company"]["cdm_companycode"] == "USMF"


async def test_the_case_of_navigation_properties_is_an_option() -> None:
    expected = {"lower": "msdyn_contactperson", "schema": "msdyn_ContactPerson"}
    for how, name in expected.items():
        async with trading(navigation=how) as trade:
            found = await trade.ask("GET", f"salesorders?$top=1&$expand={name}($select=fullname)")
            assert found.status_code == 200


async def test_what_an_environment_lacks_is_not_there_and_orders_go_on(started: Any) -> None:
    lacking = (
        drop_column("salesorder", "msdyn_processingstatus"),
        drop_table("msdyn_contactforparty"),
        drop_collection("PackingSlipTrackingInformation"),
        drop_property("SalesOrderHeadersV2", "Email"),
    )
    async with started(*lacking) as trade:
        order = await trade.order(1, 2)

        assert "msdyn_processingstatus" not in order
        assert "_msdyn_associatedcontact_value" not in order
        await trade.agree(order)
        for path in ("salesorders?$select=msdyn_processingstatus", "msdyn_contactforparties",
                     "/data/PackingSlipTrackingInformation",
                     "/data/SalesOrderHeadersV2?$select=Email"):  # fmt: skip
            assert (await trade.ask("GET", path)).status_code in (400, 404), path
        found = await trade.ask("GET", "EntityDefinitions(LogicalName='msdyn_contactforparty')")
        assert found.status_code == 404
        trade.app.state.lifecycle.advance(order["msdyn_salesordernumber"], steps=3)
        assert len(await trade.erp(order, "CustPackingSlipJourBiEntities", "SalesId")) == 1


async def test_collections_have_the_names_of_the_environment(started: Any) -> None:
    renamed = (
        rename_collection("salesorderdetails", "salesorderdetailset"),
        rename_collection("SalesOrderLines", "SalesOrderLinesV9"),
    )
    async with started(*renamed) as trade:
        order = await trade.order(1, 2)

        assert len(await trade.rows("salesorderdetailset?$top=3")) == 3
        assert (await trade.ask("GET", "salesorderdetails")).status_code == 404
        assert len(await trade.erp(order, "SalesOrderLinesV9")) == 2
        assert (await trade.ask("GET", f"{FINOPS}SalesOrderLines")).status_code == 404
        assert len(await trade.lines(order)) == 2


async def test_lengths_are_those_of_the_environment(started: Any) -> None:
    async with started(shorten("salesorder", "name", 8)) as trade:
        long = await trade.ask("POST", "salesorders", trade.body(1, name="nine char"))

        assert long.json()["error"]["code"] == "0x80044331"
        assert {len(row["name"]) for row in await trade.rows("salesorders?$top=20")} <= set(
            range(9)
        )


@pytest.mark.parametrize(
    ("behaviour", "form"),
    [("DateOnly", "%Y-%m-%d"), ("TimeZoneIndependent", "%Y-%m-%dT00:00:00Z")],
)
async def test_dates_behave_as_in_the_environment(started: Any, behaviour: str, form: str) -> None:
    async with started(rebehave("salesorder", "requestdeliveryby", behaviour)) as trade:
        where = f"_msdyn_company_value eq {trade.account['_msdyn_company_value']}"
        path = f"salesorders?$filter=requestdeliveryby ne null and {where}&$top=20"
        for row in await trade.rows(path):
            (there,) = await trade.erp(row, "SalesOrderHeadersV2")
            day = there["RequestedShippingDate"][:10]
            assert row["requestdeliveryby"] == form.replace("%Y-%m-%d", day)


async def test_a_key_whose_index_failed_finds_nothing_and_keeps_nothing_apart(
    started: Any,
) -> None:
    key = ("accountnumber", "msdyn_company")
    async with started(inactivate_key("account", key)) as trade:
        company = trade.account["_msdyn_company_value"]
        path = f"accounts(accountnumber='US-001',_msdyn_company_value={company})"
        keys = await trade.rows("EntityDefinitions(LogicalName='account')/Keys")

        assert {k["EntityKeyIndexStatus"] for k in keys if tuple(k["KeyAttributes"]) == key} == {
            "Failed"
        }
        assert (await trade.ask("GET", path)).status_code == 400


async def test_what_the_user_may_not_do_is_refused(started: Any) -> None:
    async with started(deny("prvReadContact"), deny("prvCreateOrder")) as trade:
        read = await trade.ask("GET", "contacts?$top=1")
        expanded = await trade.ask("GET", "accounts?$top=1&$expand=primarycontactid")
        created = await trade.ask("POST", "salesorders", trade.body(1))

        for answer in (read, expanded, created):
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "0x80040220"
        assert "prvReadContact" in read.json()["error"]["message"]
        assert (await trade.ask("GET", "accounts?$top=1")).status_code == 200


async def test_a_filter_of_a_map_keeps_rows_from_the_erp(started: Any) -> None:
    condition = "msdyn_ordertype eq 192350000 and msdyn_customerrequisitionnumber ne null"
    async with started(filter_map("salesorder", condition)) as trade:
        kept = await trade.order(1)
        carried = await trade.order(1, msdyn_customerrequisitionnumber="REQ/1")

        assert await trade.erp(kept, "SalesOrderHeadersV2") == []
        assert len(await trade.erp(carried, "SalesOrderHeadersV2")) == 1


async def test_thirty_tables_are_described_well_under_a_second() -> None:
    """Of CPU time, as other work of the machine would count with the rest."""
    async with trading() as trade:
        names = [row["LogicalName"] for row in await trade.rows("EntityDefinitions?$top=30")]
        where = " or ".join(f"LogicalName eq '{name}'" for name in names)
        path = f"EntityDefinitions?$filter={where}&$expand=Attributes,ManyToOneRelationships,Keys"
        await trade.ask("GET", path)
        begun = process_time()
        found = await trade.rows(path)

        assert len(found) == 30
        assert process_time() - begun < 1


async def test_the_days_of_worlds_begin_where_their_users_are(trade: Trade) -> None:
    rows = await trade.rows("salesorders?$filter=requestdeliveryby ne null&$top=200")
    hours = {row["requestdeliveryby"][11:] for row in rows}

    assert hours == {"22:00:00Z", "23:00:00Z"}
    assert {row["msdyn_requestedreceiptdate"][11:] for row in rows} == {"00:00:00Z"}
    assert ZONE.key == "Europe/Berlin"


@pytest.fixture
async def trade() -> AsyncIterator[Trade]:
    async with trading() as ready:
        yield ready
