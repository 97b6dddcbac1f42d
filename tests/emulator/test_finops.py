"""F&O's OData: companies, composite keys, enums, wildcards, its own paging and its own errors."""

from collections.abc import AsyncIterator

import pytest

from emulator.store import Store
from tests.emulator.environment import Environment, environment

pytestmark = pytest.mark.anyio
ENUM = "Microsoft.Dynamics.DataEntities.SalesStatus"


def erp(store: Store) -> None:
    for company in ("usmf", "demf"):
        store.insert(
            "SalesOrderHeadersV2",
            [
                {
                    "dataAreaId": company,
                    "SalesOrderNumber": f"SO-{n}",
                    "OrderingCustomerAccountNumber": f"US-{n % 2}",
                    "SalesOrderName": f"Retail {n}",
                    "SalesOrderStatus": "Backorder" if n % 2 else "Invoiced",
                    "OrderTotalAmount": n * 1.5,
                }
                for n in range(6)
            ],
        )
    store.insert(
        "SalesOrderLines",
        [
            {"dataAreaId": "usmf", "InventoryLotId": f"L-{n}", "SalesOrderNumber": f"SO-{n % 6}"}
            for n in range(12)
        ],
    )


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(erp) as ready:
        yield ready


async def numbers(web: Environment, query: str) -> list[str]:
    return [row["SalesOrderNumber"] for row in await web.rows(f"/data/SalesOrderHeadersV2?{query}")]


async def test_reads_stay_in_the_default_company(web: Environment) -> None:
    assert len(await numbers(web, "")) == 6
    assert len(await numbers(web, "cross-company=true")) == 12
    assert await numbers(web, "$filter=dataAreaId eq 'demf'") == []
    assert len(await numbers(web, "cross-company=true&$filter=dataAreaId eq 'DEMF'")) == 6


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("SalesOrderName eq '*tail 3'", ["SO-3"]),
        ("SalesOrderName eq 'RETAIL*' and OrderTotalAmount gt 5", ["SO-4", "SO-5"]),
        ("SalesOrderName ne '*[12345]*' and SalesOrderNumber eq 'so-0'", ["SO-0"]),
        (f"SalesOrderStatus eq {ENUM}'Backorder' and OrderTotalAmount lt 2", ["SO-1"]),
        (f"SalesOrderStatus ne {ENUM}'Invoiced' and OrderTotalAmount lt 2", ["SO-1"]),
        ("OrderTotalAmount mul 2 eq 9", ["SO-3"]),
        ("OrderTotalAmount sub 1.5 eq 0", ["SO-1"]),
        ("startswith(SalesOrderNumber,'so-5')", ["SO-5"]),
        ("QuotationNumber eq '' and OrderTotalAmount eq 0", ["SO-0"]),
    ],
)
async def test_a_filter_finds_its_rows(
    web: Environment, condition: str, expected: list[str]
) -> None:
    assert await numbers(web, f"$filter={condition}&$orderby=SalesOrderNumber") == expected


async def test_a_page_is_skipped_and_counted(web: Environment) -> None:
    path = "/data/SalesOrderHeadersV2?$count=true&$skip=4&$top=1&$select=SalesOrderNumber"
    body = (await web.get(path)).json()

    assert body["@odata.count"] == 6
    assert [row["SalesOrderNumber"] for row in body["value"]] == ["SO-4"]
    assert {name for name in body["value"][0] if "@" not in name} == {"SalesOrderNumber"}
    assert "@odata.nextLink" not in body
    assert (await web.get("/data/SalesOrderHeadersV2/$count")).text == "6"


async def test_ten_thousand_rows_a_page(web: Environment) -> None:
    rows = ({"dataAreaId": "usmf", "SourceDocumentLine": n} for n in range(10_001))
    web.store.insert("CustPackingSlipTransBiEntities", rows)

    first = (
        await web.get("/data/CustPackingSlipTransBiEntities?$select=SourceDocumentLine")
    ).json()
    rest = (await web.get(first["@odata.nextLink"])).json()

    assert (len(first["value"]), len(rest["value"])) == (10_000, 1)
    assert "@odata.nextLink" not in rest


async def test_a_key_names_all_its_parts(web: Environment) -> None:
    own = "/data/SalesOrderHeadersV2(dataAreaId='usmf',SalesOrderNumber='SO-1')"
    other = own.replace("usmf", "demf")

    assert (await web.get(own)).json()["SalesOrderStatus"] == "Backorder"
    assert (await web.get(other)).status_code == 404
    assert (await web.get(f"{other}?cross-company=true")).status_code == 200
    assert (await web.get("/data/SalesOrderHeadersV2('SO-1')")).status_code == 400
    assert (await web.get("/data/SalesOrderHeadersV2(SalesOrderNumber='SO-1')")).status_code == 400


async def test_one_level_is_expanded(web: Environment) -> None:
    header = "$expand=SalesOrderHeaderV2($select=SalesOrderName)"
    path = f"/data/SalesOrderLines?$select=InventoryLotId&{header}"
    rows = await web.rows(f"{path}&$filter=InventoryLotId eq 'L-7'")
    lines = await web.rows("/data/SalesOrderHeadersV2?$top=1&$expand=SalesOrderLines")

    assert rows[0]["SalesOrderHeaderV2"]["SalesOrderName"] == "Retail 1"
    assert [line["InventoryLotId"] for line in lines[0]["SalesOrderLines"]] == ["L-0", "L-6"]
    nested = "$expand=SalesOrderHeaderV2($expand=SalesOrderLines)"
    assert (await web.get(f"/data/SalesOrderLines?{nested}")).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "$filter=Nope eq 1",
        "$select=Nope",
        "$orderby=Nope",
        "$filter=SalesOrderStatus eq 'Backorder'",
        f"$filter=SalesOrderStatus gt {ENUM}'Backorder'",
        f"$filter=SalesOrderStatus eq {ENUM}'Nope'",
        "$filter=SalesOrderStatus eq Microsoft.Dynamics.DataEntities.NoYes'Yes'",
        "$filter=contains(SalesOrderName,'x')",
        "$filter=SalesOrderNumber in ('a')",
        "$filter=OrderTotalAmount eq 'x'",
        "$apply=groupby((dataAreaId))",
        "$filter=Microsoft.Dynamics.CRM.In(PropertyName='dataAreaId',PropertyValues=['usmf'])",
    ],
)
async def test_what_f_and_o_refuses(web: Environment, query: str) -> None:
    answer = await web.get(f"/data/SalesOrderHeadersV2?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


async def test_an_unknown_collection_is_no_odata_error(web: Environment) -> None:
    answer = await web.get("/data/SalesInvoiceLinesV2")

    assert answer.status_code == 404
    assert answer.json()["Message"].startswith("No HTTP resource was found")


async def test_rows_have_no_nulls(web: Environment) -> None:
    row = (await web.get("/data/SalesOrderHeadersV2?$top=1")).json()["value"][0]

    assert None not in row.values()
    assert row["ConfirmedShippingDate"] == "1900-01-01T12:00:00Z"
    assert (row["QuotationNumber"], row["AreTotalsCalculated"]) == ("", "No")


async def test_rows_are_written(web: Environment) -> None:
    body = {"SalesOrderNumber": "SO-NEW", "OrderingCustomerAccountNumber": "US-1"}
    made = await web.send("POST", "/data/SalesOrderHeadersV2", body)
    url = "/data/SalesOrderHeadersV2(dataAreaId='usmf',SalesOrderNumber='SO-NEW')"
    patched = await web.send(
        "PATCH", url, {"SalesOrderName": "Changed"}, if_match=made.json()["@odata.etag"]
    )
    stale = await web.send(
        "PATCH", url, {"SalesOrderName": "Again"}, if_match=made.json()["@odata.etag"]
    )
    moved = await web.send("PATCH", url, {"SalesOrderNumber": "SO-MOVED"})
    wrong = await web.send("POST", "/data/SalesOrderHeadersV2", {"Nope": 1})
    bare = await web.send("POST", "/data/SalesOrderHeadersV2", {})

    assert (made.status_code, made.json()["dataAreaId"]) == (201, "usmf")
    assert (patched.status_code, stale.status_code, wrong.status_code) == (204, 412, 400)
    assert bare.json()["error"]["innererror"]["message"].startswith("Write failed for table row")
    assert moved.status_code == 400
    assert (await web.get(url)).json()["SalesOrderName"] == "Changed"
    assert (await web.send("DELETE", url)).status_code == 204
    assert (await web.get(url)).status_code == 404


async def test_no_token_no_answer(web: Environment) -> None:
    answer = await web.http.get("/data/CustomersV3", headers={"Authorization": "Bearer x"})

    assert answer.status_code == 401
