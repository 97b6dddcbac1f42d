"""Reading from the Web API: what is asked for comes, what the real service refuses is refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.emulator.environment import Environment, environment, guid, shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(shop) as ready:
        yield ready


async def names(web: Environment, query: str) -> list[str]:
    return [row["name"] for row in await web.rows(query)]


async def test_a_row_without_select_has_every_column_of_its_table(web: Environment) -> None:
    row = (await web.get(f"accounts({guid(1)})")).json()

    columns = set(web.store.catalog.tables["accounts"].columns)
    assert columns == {name for name in row if "@" not in name}


async def test_selecting_an_amount_brings_key_and_currency(web: Environment) -> None:
    row = (await web.get(f"salesorders({guid(103)})?$select=totalamount")).json()

    assert {name for name in row if "@" not in name} == {
        "salesorderid",
        "totalamount",
        "_transactioncurrencyid_value",
    }
    assert row["totalamount"] == 31.5


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name eq 'ORDER 101'", ["Order 101"]),
        ("totalamount gt 94 and totalamount lt 115.5", ["Order 109", "Order 110"]),
        ("not (totalamount gt 10.5)", ["Order 100", "Order 101"]),
        ("contains(name,'%1_5')", ["Order 105"]),
        ("startswith(name,'order 11')", ["Order 110", "Order 111"]),
        ("endswith(name,'[13]') and freightamount lt 4", ["Order 101", "Order 103"]),
        ("msdyn_confirmedshippingdate eq null and totalamount eq 0", ["Order 100"]),
        (f"_customerid_value eq {guid(1)} and freightamount lt 4", ["Order 100", "Order 103"]),
        ("customerid_account/accountnumber eq 'us-002' and freightamount lt 5",
         ["Order 101", "Order 104"]),
        ("customerid_account/msdyn_company/cdm_companycode eq 'USMF' and freightamount eq 5",
         ["Order 105"]),
        ("order_details/any(d:d/quantity eq 23 or d/quantity eq 2)", ["Order 101", "Order 111"]),
        ("order_details/all(d:d/quantity lt 2)", ["Order 100"]),
        ("not order_details/any()", []),
        ("totalamount eq freightamount", ["Order 100"]),
        ("Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['order 100','Order 111'])",
         ["Order 100", "Order 111"]),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='freightamount',PropertyValues=[\"3\",\"4\"])",
         ["Order 103", "Order 104"]),
        ("Microsoft.Dynamics.CRM.Today(PropertyName='createdon') and freightamount eq 7",
         ["Order 107"]),
        ("Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=7) and"
         " freightamount eq 7", ["Order 107"]),
        ("createdon ge 2026-11-22 and freightamount eq 7", ["Order 107"]),
        ("createdon gt 2026-11-22T14:00:00%2B02:00", []),
        ("name eq 'it''s'", []),
        ("statecode eq 0 and ispricelocked eq false and freightamount eq 2", ["Order 102"]),
    ],
)  # fmt: skip
async def test_a_filter_finds_exactly_its_rows(
    web: Environment, condition: str, expected: list[str]
) -> None:
    assert await names(web, f"salesorders?$filter={condition}&$orderby=name") == expected


async def test_unequal_includes_null(web: Environment) -> None:
    """FetchXML's `ne`, to which the service turns every filter, matches rows without a value."""
    assert len(await web.rows("salesorders?$filter=emailaddress ne 'x'")) == 12
    assert len(await web.rows("salesorders?$filter=not (emailaddress eq 'x')")) == 12
    assert await web.rows("salesorders?$filter=emailaddress eq 'x'") == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("salesorders?$select=nope", 400, "0x80060888"),
        ("salesorders?$filter=nope eq 1", 400, "0x80060888"),
        ("salesorders?$orderby=nope", 400, "0x80060888"),
        ("salesorders?$orderby=name sideways", 400, "0x80060888"),
        ("salesorders?$expand=nope", 400, "0x80060888"),
        ("salesorders?$skip=1", 400, "0x80060888"),
        ("salesorders?$search=x", 400, "0x80060888"),
        ("salesorders?$format=json", 400, "0x80060888"),
        ("salesorders?$nonsense=1", 400, "0x80060888"),
        ("salesorders?$top=-1", 400, "0x80060888"),
        ("salesorders?$top=1&$top=2", 400, "0x80060888"),
        ("salesorders?$filter=name in ('a','b')", 400, "0x80060888"),
        ("salesorders?$filter=tolower(name) eq 'a'", 400, "0x80060888"),
        ("salesorders?$filter=name eq", 400, "0x80060888"),
        ("salesorders?$filter=name eq 'a", 400, "0x80060888"),
        ("salesorders?$filter=name", 400, "0x80060888"),
        ("salesorders?$filter=salesorderid eq 'x'", 400, "0x80060888"),
        (f"salesorders?$filter=_customerid_value eq '{guid(1)}'", 400, "0x80060888"),
        ("salesorders?$filter=name eq 5", 400, "0x80060888"),
        ("salesorders?$filter=totalamount eq 'five'", 400, "0x80060888"),
        ("salesorders?$filter=statecode eq 'Active'", 400, "0x80060888"),
        ("salesorders?$filter=willcall eq 1", 400, "0x80060888"),
        ("salesorders?$filter=createdon gt 'yesterday'", 400, "0x80060888"),
        ("salesorders?$filter=customerid eq null", 400, "0x80060888"),
        ("salesorders?$filter=order_details/quantity eq 1", 400, "0x80060888"),
        ("salesorders?$filter=totalamount add 1 eq 2", 400, "0x80060888"),
        ("salesorders?$filter=Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['1'])",
         400, "0x80041103"),
        ("nothings", 404, "0x8006088a"),
        ("salesorders(1)", 400, "0x80060888"),
        ("salesorders(name='x')", 400, "0x80060888"),
        (f"salesorders({guid(9999)})", 404, "0x80040217"),
        (f"salesorders({guid(101)})/nope", 400, "0x80060888"),
        (f"salesorders({guid(101)})?$select=nope", 400, "0x80060888"),
        ("salesorders?$expand=customerid_account($top=1)", 400, "0x80060888"),
        ("salesorders?$expand=order_details($top=1;$expand=productid)", 400, "0x80060888"),
        ("salesorders?$expand=order_details($levels=2)", 400, "0x80060888"),
    ],
)  # fmt: skip
async def test_what_the_service_refuses_is_refused_with_its_code(
    web: Environment, path: str, status: int, code: str
) -> None:
    assert await web.error(path) == (status, code)


async def test_no_token_no_answer(web: Environment) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer expired"}):
        answer = await web.http.get("/api/data/v9.2/accounts", headers=headers)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


async def test_pages_follow_one_another_without_loss(web: Environment) -> None:
    path, seen = "salesorders?$select=name&$orderby=_customerid_value desc,createdon", []
    while path:
        body = (await web.get(path, "odata.maxpagesize=5")).json()
        seen += [row["name"] for row in body["value"]]
        path = body.get("@odata.nextLink", "")

    assert sorted(seen) == [f"Order {n}" for n in range(100, 112)]
    assert "skiptoken" not in path


async def test_top_limits_unless_a_page_size_is_given(web: Environment) -> None:
    assert len(await web.rows("salesorders?$top=2")) == 2
    assert "@odata.nextLink" not in (await web.get("salesorders?$top=2")).json()
    body = (await web.get("salesorders?$top=2", "odata.maxpagesize=5")).json()
    assert len(body["value"]) == 5
    assert "@odata.nextLink" in body


async def test_a_bad_token_is_refused(web: Environment) -> None:
    assert await web.error("salesorders?$skiptoken=5") == (400, "0x80060888")


async def test_count_is_capped_and_says_so_when_asked(web: Environment) -> None:
    many = ({"adx_username": f"u{n}", "adx_externalidentityid": guid(n)} for n in range(5001))
    web.store.insert("adx_externalidentities", many)

    answer = await web.get(
        "adx_externalidentities?$count=true&$top=1&$select=adx_username",
        'odata.include-annotations="*"',
    )

    body = answer.json()
    assert body["@odata.count"] == 5000
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == 5000
    assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True
    assert (await web.get("adx_externalidentities/$count")).text == "5000"
    assert len(await web.rows("adx_externalidentities")) == 5000


async def test_annotations_come_only_when_asked(web: Environment) -> None:
    path = f"salesorders({guid(101)})?$select=totalamount,statecode,_customerid_value,createdon"
    plain = (await web.get(path)).json()
    asked = await web.get(path, 'odata.include-annotations="*"')

    formatted = "OData.Community.Display.V1.FormattedValue"
    body = asked.json()
    assert {name for name in plain if "@" in name} == {"@odata.context", "@odata.etag"}
    assert body[f"totalamount@{formatted}"] == "$10.50"
    assert body[f"statecode@{formatted}"] == "Active"
    assert body[f"createdon@{formatted}"] == "11/22/2026 12:00 PM"
    assert body[f"_customerid_value@{formatted}"] == "Customer 2"
    prefix = "_customerid_value@Microsoft.Dynamics.CRM"
    assert body[f"{prefix}.lookuplogicalname"] == "account"
    assert body[f"{prefix}.associatednavigationproperty"] == "customerid_account"
    assert asked.headers["Preference-Applied"] == 'odata.include-annotations="*"'


async def test_expanding_follows_lookups_through_several_tables(web: Environment) -> None:
    company = "msdyn_company($select=cdm_companycode)"
    customer = f"customerid_account($select=name;$expand={company})"
    expand = f"salesorderid($select=name;$expand={customer})"
    row = (
        await web.rows(f"salesorderdetails?$filter=quantity eq 6&$select=quantity&$expand={expand}")
    )[0]

    assert row["salesorderid"]["name"] == "Order 103"
    assert row["salesorderid"]["customerid_account"]["name"] == "Customer 1"
    assert row["salesorderid"]["customerid_account"]["msdyn_company"]["cdm_companycode"] == "usmf"


async def test_expanding_a_collection_filters_sorts_and_cuts_each_parents_rows(
    web: Environment,
) -> None:
    options = "$select=name;$filter=freightamount gt 1;$orderby=freightamount desc;$top=2"
    expand = f"order_customer_accounts({options})"
    rows = await web.rows(f"accounts?$select=name&$orderby=name&$expand={expand}")

    found = {row["name"]: [o["name"] for o in row["order_customer_accounts"]] for row in rows}
    assert found == {
        "Customer 1": ["Order 109", "Order 106"],
        "Customer 2": ["Order 110", "Order 107"],
        "Customer 3": ["Order 111", "Order 108"],
    }
    assert "order_customer_accounts@odata.nextLink" in rows[0]
    assert (await web.get(rows[0]["order_customer_accounts@odata.nextLink"])).status_code == 200


async def test_an_absent_single_row_is_null(web: Environment) -> None:
    row = (await web.rows("salesorders?$top=1&$select=name&$expand=customerid_contact"))[0]

    assert row["customerid_contact"] is None


async def test_no_more_than_fifteen_expands(web: Environment) -> None:
    table = web.store.catalog.named("salesorder")
    single = [name for name, each in table.navigations.items() if not each.many][:16]

    assert (await web.get(f"salesorders?$expand={','.join(single[:15])}")).status_code == 200
    assert await web.error(f"salesorders?$expand={','.join(single)}") == (400, "0x80060888")


async def test_alternate_keys_properties_and_references(web: Environment) -> None:
    company = "00000002-0000-4000-8000-000000000000"
    keyed = await web.get(
        f"accounts(accountnumber='us-001',_msdyn_company_value={company})?$select=name"
    )
    first = guid(1)

    assert keyed.json()["name"] == "Customer 1"
    assert (await web.get(f"accounts({first})/name")).json()["value"] == "Customer 1"
    assert (await web.get(f"accounts({first})/name/$value")).text == "Customer 1"
    assert (await web.get(f"accounts({first})/fax")).status_code == 204
    assert (await web.get(f"accounts({first})/msdyn_company?$select=cdm_companycode")).json()[
        "cdm_companycode"
    ] == "usmf"
    assert (await web.get(f"accounts({first})/parentaccountid")).status_code == 204
    assert len(await web.rows(f"accounts({first})/order_customer_accounts")) == 4
    assert (await web.get(f"accounts({first})/order_customer_accounts/$count")).text == "4"
    reference = (await web.get(f"accounts({first})/msdyn_company/$ref")).json()["@odata.id"]
    assert reference.endswith(f"/cdm_companies({company})")


async def test_a_row_that_did_not_change_is_not_sent_again(web: Environment) -> None:
    first = await web.get(f"accounts({guid(1)})?$select=name")
    again = await web.get(f"accounts({guid(1)})?$select=name", if_none_match=first.headers["ETag"])

    assert again.status_code == 304
    assert (await web.get(f"accounts({guid(1)})", if_none_match="null")).status_code == 200


async def test_long_urls_are_refused_but_travel_in_a_batch(web: Environment) -> None:
    path = f"accounts?$select=name&$filter=name eq '{'x' * 33_000}'"

    assert (await web.get(path)).status_code == 414


async def test_the_log_tells_what_was_asked(web: Environment) -> None:
    web.app.state.log.clear()
    await web.get("accounts?$filter=name eq 'a b'")

    (entry,) = web.app.state.log
    assert (entry.service, entry.method, entry.path) == ("dataverse", "GET", "accounts")
    assert (entry.query, entry.status) == ("$filter=name eq 'a b'", 200)


async def test_who_am_i_and_the_service_document(web: Environment) -> None:
    who = (await web.get("WhoAmI")).json()
    sets: list[dict[str, Any]] = (await web.get("")).json()["value"]

    assert {"BusinessUnitId", "UserId", "OrganizationId"} < set(who)
    assert "salesorders" in {each["name"] for each in sets}
    assert "CustomersV3" not in {each["name"] for each in sets}


async def test_total_record_count(web: Environment) -> None:
    path = 'RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","salesorder"]'
    body = (await web.get(path)).json()["EntityRecordCountCollection"]

    assert body == {
        "Count": 2,
        "IsReadOnly": False,
        "Keys": ["account", "salesorder"],
        "Values": [3, 12],
    }
