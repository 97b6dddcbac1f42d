"""Limits and habits of the Web API that its pages about querying document."""

from collections.abc import AsyncIterator

import pytest

from emulator.store import Store
from tests.emulator.environment import USD, Environment, account, environment, guid, order, shop

pytestmark = pytest.mark.anyio
CONTACT, TEAM = guid(70), guid(71)


def people(store: Store) -> None:
    shop(store)
    store.insert("contacts", [{"contactid": CONTACT, "lastname": "Aa", "fullname": "Aa"}])
    store.insert("teams", [{"teamid": TEAM, "name": "Sellers"}])
    store.insert("salesorders", [order(200, 1) | {"_customerid_value": CONTACT}])


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(people) as ready:
        yield ready


async def test_five_hundred_conditions_and_no_more(web: Environment) -> None:
    def equal(count: int) -> str:
        keys = (f"salesorderid eq {guid(n)}" for n in range(count))
        return f"salesorders?$select=name&$filter={' or '.join(keys)}"

    assert len(await web.rows(equal(500))) == 13
    assert await web.error(equal(501)) == (400, "0x8004430C")
    keys = ",".join(f"'{guid(n)}'" for n in range(700))
    listed = f"Microsoft.Dynamics.CRM.In(PropertyName='salesorderid',PropertyValues=[{keys}])"
    assert len(await web.rows(f"salesorders?$select=name&$filter={listed}")) == 13


async def test_f_and_o_takes_a_thousand_conditions(web: Environment) -> None:
    parts = (f"UnitCost gt {n}" for n in range(1050))
    answer = await web.get(f"/data/ReleasedProductsV2?$filter={' or '.join(parts)}")

    assert answer.status_code == 200


async def test_a_lookup_sorts_by_the_name_of_what_it_points_at(web: Environment) -> None:
    rows = await web.rows(
        "salesorders?$orderby=_customerid_value,name&$select=name&$filter=freightamount lt 3"
        " or name eq 'Order 200'"
    )

    assert [row["name"] for row in rows] == ["Order 200", "Order 100", "Order 101", "Order 102"]


async def test_many_to_many_expands_only_with_its_like(web: Environment) -> None:
    roles = "adx_webrole_contact,powerpagecomponent_mspp_webrole_contact"

    assert (await web.get(f"contacts?$expand={roles}")).status_code == 200
    mixed = f"contacts?$expand={roles},transactioncurrencyid"
    assert await web.error(mixed) == (400, "0x80060888")


async def test_nothing_is_cut_beside_a_nested_collection(web: Environment) -> None:
    nested = "order_customer_accounts($expand=transactioncurrencyid)"
    cut = f"accounts?$expand={nested},contact_customer_accounts($top=1)"

    assert await web.error(cut) == (400, "0x80060888")


async def test_a_collection_behind_a_lookup_cannot_be_searched(web: Environment) -> None:
    path = "customerid_account/contact_customer_accounts/any(c:c/lastname eq 'x')"
    nested = "order_customer_accounts/any(o:o/order_details/any(d:d/quantity eq 23))"

    assert await web.error(f"salesorders?$filter={path}") == (400, "0x80060888")
    assert len(await web.rows(f"accounts?$filter={nested}")) == 1


async def test_a_list_is_json_and_doubles_no_quotes(web: Environment) -> None:
    function = "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[{}])"

    single = await web.error(
        f"accounts?$filter={function.format(chr(39) + 'it' + chr(39) * 2 + chr(39))}"
    )
    assert single == (400, "0x80060888")
    web.store.insert("accounts", [account(60, name="O'Brian")])
    found = await web.rows("accounts?$filter=" + function.format('"o\'brian"'))
    assert [row["name"] for row in found] == ["O'Brian"]


async def test_the_context_names_what_was_selected_below(web: Environment) -> None:
    expand = "customerid_account($select=name;$expand=msdyn_company($select=cdm_companycode))"
    body = (await web.get(f"salesorders?$top=1&$select=name&$expand={expand}")).json()

    shape = "(name,customerid_account(name,msdyn_company(cdm_companycode)))"
    assert body["@odata.context"].endswith(f"#salesorders{shape}")


async def test_groups_leave_out_what_is_null(web: Environment) -> None:
    path = "salesorders?$apply=groupby((emailaddress,statecode))"

    prefer = 'odata.include-annotations="*"'
    assert await web.rows(path) == [{"statecode": 0}]
    label = "statecode@OData.Community.Display.V1.FormattedValue"
    assert (await web.rows(path, prefer))[0][label] == "Active"


async def test_owners_are_users_or_teams_behind_one_property(web: Environment) -> None:
    path = f"accounts({guid(1)})"
    moved = await web.send("PATCH", path, {"ownerid@odata.bind": f"/teams({TEAM})"})
    row = (await web.get(f"{path}?$select=_ownerid_value", 'odata.include-annotations="*"')).json()

    assert (moved.status_code, row["_ownerid_value"]) == (204, TEAM)
    prefix = "_ownerid_value@Microsoft.Dynamics.CRM"
    assert row[f"{prefix}.lookuplogicalname"] == "team"
    assert row[f"{prefix}.associatednavigationproperty"] == "ownerid"
    wrong = {"ownerid@odata.bind": f"/transactioncurrencies({USD})"}
    assert (await web.send("PATCH", path, wrong)).status_code == 400
