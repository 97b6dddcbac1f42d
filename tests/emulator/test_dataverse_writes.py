"""Writing through the Web API: keys, binds, versions and rules hold as the real service's do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.emulator.environment import (
    LIST,
    USD,
    USMF,
    Environment,
    environment,
    guid,
    new_order,
    refused,
    shop,
)

pytestmark = pytest.mark.anyio
NOBODY = guid(4242)


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(shop) as ready:
        yield ready


async def test_create_answers_where_the_row_is(web: Environment) -> None:
    answer = await web.send("POST", "accounts", {"name": "Fabrikam"})

    assert (answer.status_code, answer.content) == (204, b"")
    url = answer.headers["OData-EntityId"]
    assert url == answer.headers["Location"]
    row = (await web.get(url)).json()
    assert (row["name"], row["statecode"], row["statuscode"]) == ("Fabrikam", 0, 1)
    assert row["createdon"] == row["modifiedon"] == "2026-11-22T12:00:00Z"
    assert row["_ownerid_value"] == row["_createdby_value"]


async def test_create_returns_the_row_when_preferred(web: Environment) -> None:
    answer = await web.send(
        "POST", "accounts?$select=name", {"name": "Fabrikam"}, "return=representation"
    )

    assert answer.status_code == 201
    assert "OData-EntityId" not in answer.headers
    assert answer.headers["Preference-Applied"] == "return=representation"
    assert {n for n in answer.json() if "@" not in n} == {"accountid", "name"}


async def test_an_order_is_created_with_its_lines_or_not_at_all(web: Environment) -> None:
    lines = [{"quantity": 2, "description": "two"}, {"quantity": 3, "description": "three"}]
    good = await web.send("POST", "salesorders", new_order(order_details=lines))
    bad = await web.send(
        "POST", "salesorders", new_order(order_details=[*lines, {"quantity": "x"}])
    )

    assert good.status_code == 204
    rows = await web.rows(f"{good.headers['OData-EntityId']}/order_details?$orderby=quantity")
    assert [row["description"] for row in rows] == ["two", "three"]
    assert bad.status_code == 400
    assert len(await web.rows("salesorders?$filter=name eq 'Sales order'")) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"nope": 1}, 400, "0x80048d19"),
        ({"name": 5}, 400, "0x80048d19"),
        ({"name": "x" * 301}, 400, "0x80044331"),
        ({"freightamount": "5"}, 400, "0x80048d19"),
        ({"willcall": 1}, 400, "0x80048d19"),
        ({"requestdeliveryby": "22.11.2026"}, 400, "0x80048d19"),
        ({"requestdeliveryby": "2026-11-22"}, 400, "0x80048d19"),
        ({"submitdate": "2026-11-22"}, 400, "0x80048d19"),
        ({"msdyn_processingstatus": 1}, 400, "0x8004431a"),
        ({"salesorderid": "x"}, 400, "0x80048d19"),
        ({"totalamount": 5}, 400, "0x80040203"),
        ({"statecode": 1}, 400, "0x80040203"),
        ({"createdon": "2026-01-01T00:00:00Z"}, 400, "0x80040203"),
        ({"statuscode": 100003}, 400, "0x80048408"),
        ({"_pricelevelid_value": LIST}, 400, "0x80048d19"),
        ({"nope@odata.bind": "/accounts(1)"}, 400, "0x80048d19"),
        ({"msdyn_Company@odata.bind": f"/accounts({guid(1)})"}, 400, "0x80048d19"),
        ({"msdyn_Company@odata.bind": f"/cdm_companies({NOBODY})"}, 404, "0x80040217"),
        ({"msdyn_Company@odata.bind": "/nothings(1)"}, 404, "0x8006088a"),
        ({"customerid_contact@odata.bind": f"/contacts({NOBODY})"}, 404, "0x80040217"),
        ({"order_details": {"quantity": 1}}, 400, "0x80048d19"),
        ({"order_details": [{"producttypecode": None}]}, 400, "0x80040203"),
        ({"msdyn_company@odata.bind": f"/cdm_companies({USMF})"}, 400, "0x80048d19"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_and_nothing_is_left(
    web: Environment, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await web.send("POST", "salesorders", new_order(**changes))

    assert refused(answer) == (status, code)
    assert len(await web.rows("salesorders")) == 12


async def test_only_what_the_system_requires_must_be_given(web: Environment) -> None:
    bare = await web.send("POST", "salesorders", {}, "return=representation")
    priceless = await web.send(
        "POST", "productpricelevels", {"pricelevelid@odata.bind": f"/pricelevels({LIST})"}
    )

    assert bare.status_code == 201
    assert refused(priceless) == (400, "0x80040203")


async def test_what_the_system_requires_it_fills_in_where_it_can(web: Environment) -> None:
    body = {"order_details": [{"quantity": 1}]}
    order = (await web.send("POST", "salesorders", body, "return=representation")).json()
    (line,) = await web.rows(f"salesorders({order['salesorderid']})/order_details")

    assert order["_transactioncurrencyid_value"] == line["_transactioncurrencyid_value"] == USD
    assert order["ordernumber"].startswith("ORD-")
    assert order["_ownerid_value"]
    assert (order["statecode"], order["statuscode"]) == (0, 1)
    assert (line["producttypecode"], line["propertyconfigurationstatus"]) == (1, 2)


async def test_a_second_row_with_the_same_key_is_refused(web: Environment) -> None:
    same_id = await web.send("POST", "accounts", {"name": "Twin", "accountid": guid(1)})
    same_number = await web.send(
        "POST",
        "accounts",
        {
            "name": "Twin",
            "accountnumber": "us-001",
            "msdyn_company@odata.bind": "cdm_companies(cdm_companycode='USMF')",
        },
    )

    assert refused(same_id) == (412, "0x80040237")
    assert refused(same_number) == (412, "0x80060892")


async def test_binds_may_be_absolute_relative_or_by_alternate_key(web: Environment) -> None:
    for url in (
        f"/cdm_companies({USMF})",
        f"cdm_companies({USMF})",
        f"https://org.crm.dynamics.com/api/data/v9.2/cdm_companies({USMF})",
        "/cdm_companies(cdm_companycode='usmf')",
    ):
        body = {"name": "Bound", "msdyn_company@odata.bind": url}
        answer = await web.send("POST", "accounts", body, "return=representation")

        assert answer.json()["_msdyn_company_value"] == USMF


async def test_a_lookup_is_cleared_by_null_or_by_its_reference(web: Environment) -> None:
    parent = {"parentaccountid@odata.bind": f"/accounts({guid(2)})"}
    row = f"accounts({guid(1)})"
    for clear in (
        ("PATCH", row, {"parentaccountid@odata.bind": None}),
        ("PATCH", row, {"parentaccountid": None}),
        ("DELETE", f"{row}/parentaccountid/$ref", None),
    ):
        assert (await web.send("PATCH", row, parent)).status_code == 204
        assert (await web.get(f"{row}/parentaccountid")).status_code == 200

        assert (await web.send(*clear)).status_code == 204
        assert (await web.get(f"{row}/parentaccountid")).status_code == 204


async def test_patch_updates_or_creates_as_its_conditions_allow(web: Environment) -> None:
    there, missing = f"accounts({guid(1)})", f"accounts({NOBODY})"

    async def patch(path: str, **headers: str) -> int:
        answer = await web.send("PATCH", path, {"name": "Patched"}, **headers)
        return answer.status_code

    assert await patch(there) == 204
    assert await patch(there, if_match="*") == 204
    assert await patch(there, if_none_match="*") == 412
    assert await patch(missing, if_match="*") == 404
    assert await patch(missing, if_none_match="*") == 204
    assert (await web.get(missing)).json()["name"] == "Patched"


async def test_upsert_by_alternate_key_takes_the_key_into_the_row(web: Environment) -> None:
    path = f"accounts(accountnumber='US-900',_msdyn_company_value={USMF})"
    answer = await web.send("PATCH", path, {"name": "Upserted"})

    row = (await web.get(answer.headers["OData-EntityId"])).json()
    assert (row["accountnumber"], row["_msdyn_company_value"]) == ("US-900", USMF)


async def test_a_write_to_an_old_version_is_refused(web: Environment) -> None:
    path = f"accounts({guid(1)})"
    old = (await web.get(path)).headers["ETag"]
    first = await web.send("PATCH", path, {"name": "One"}, "return=representation", if_match=old)
    second = await web.send("PATCH", path, {"name": "Two"}, if_match=old)

    assert first.status_code == 200
    assert first.headers["ETag"] != old
    assert refused(second) == (412, "0x80060882")
    assert (await web.send("DELETE", path, if_match=old)).status_code == 412
    assert (await web.get(path)).json()["name"] == "One"


async def test_the_company_of_a_saved_row_does_not_change(web: Environment) -> None:
    path = f"accounts({guid(1)})"
    same = {"msdyn_company@odata.bind": f"/cdm_companies({USMF})"}
    other = {"msdyn_company@odata.bind": None}

    assert refused(await web.send("PATCH", path, other)) == (400, "0x80040203")
    assert (await web.send("PATCH", path, same)).status_code == 204


async def test_single_properties_are_put_and_deleted(web: Environment) -> None:
    path = f"accounts({guid(1)})/telephone1"

    assert (await web.send("PUT", path, {"value": "555"})).status_code == 204
    assert (await web.get(path)).json()["value"] == "555"
    assert (await web.send("DELETE", path)).status_code == 204
    assert (await web.get(path)).status_code == 204


async def test_deleting_an_order_takes_its_lines_along(web: Environment) -> None:
    assert (await web.send("DELETE", f"salesorders({guid(101)})")).status_code == 204

    assert (await web.get(f"salesorders({guid(101)})")).status_code == 404
    assert len(await web.rows("salesorderdetails")) == 22
    assert refused(await web.send("DELETE", f"salesorders({guid(101)})"))[0] == 404


async def test_a_customer_with_orders_cannot_be_deleted(web: Environment) -> None:
    assert (await web.send("DELETE", f"accounts({guid(1)})")).status_code == 400
    assert (await web.get(f"accounts({guid(1)})")).status_code == 200


async def test_contacts_and_roles_are_associated_and_parted(web: Environment) -> None:
    contact = (await web.send("POST", "contacts", {"lastname": "Doe", "firstname": "Jane"})).headers
    role = (await web.send("POST", "adx_webroles", {"adx_name": "Buyer"})).headers
    person, buyer = contact["OData-EntityId"], role["OData-EntityId"]
    relation = f"{person}/adx_webrole_contact"

    linked = await web.send("POST", f"{relation}/$ref", {"@odata.id": buyer})
    assert linked.status_code == 204
    assert [row["adx_name"] for row in await web.rows(relation)] == ["Buyer"]
    expanded = await web.rows("adx_webroles?$expand=adx_webrole_contact($select=fullname)")
    assert expanded[0]["adx_webrole_contact"][0]["fullname"] == "Jane Doe"
    assert len(await web.rows("adx_webrole_contactset")) == 1
    found = await web.rows("contacts?$filter=adx_webrole_contact/any(r:r/adx_name eq 'buyer')")
    assert len(found) == 1

    assert (await web.send("DELETE", f"{relation}/$ref?$id={buyer}")).status_code == 204
    assert await web.rows(relation) == []


async def test_amounts_are_exact_and_have_a_base_twin(web: Environment) -> None:
    await web.send("PATCH", f"transactioncurrencies({USD})", {"exchangerate": 1.25})
    body = new_order(freightamount=0.1 + 0.2, discountpercentage=12.345)
    created = await web.send("POST", "salesorders", body, "return=representation")

    row = created.json()
    assert (row["freightamount"], row["freightamount_base"]) == (0.3, 0.24)
    assert row["discountpercentage"] == 12.34
    assert row["exchangerate"] == 1.25


async def test_a_state_needs_a_reason_that_fits(web: Environment) -> None:
    path = f"salesorders({guid(101)})"

    assert (await web.send("PATCH", path, {"statecode": 1})).status_code == 204
    assert (await web.get(path)).json()["statuscode"] == 3
    assert refused(await web.send("PATCH", path, {"statuscode": 4})) == (400, "0x80048408")
    both = {"statecode": 2, "statuscode": 4}
    assert (await web.send("PATCH", path, both)).status_code == 204


async def test_impersonation_needs_a_known_user(web: Environment) -> None:
    unknown = await web.get("WhoAmI", CallerObjectId=NOBODY)
    own = (await web.get("WhoAmI")).json()["UserId"]

    assert refused(unknown) == (403, "0x80072560")
    assert (await web.get("WhoAmI", MSCRMCallerID=own)).status_code == 200


async def test_methods_that_a_resource_does_not_take(web: Environment) -> None:
    assert (await web.send("DELETE", "accounts")).status_code == 405
    assert (await web.send("PATCH", "accounts", {})).status_code == 405
    assert (await web.send("POST", f"accounts({guid(1)})", {})).status_code == 405
    assert (await web.send("POST", "adx_webrole_contactset", {})).status_code == 400
